// SPDX-License-Identifier: Apache-2.0
/** HOT PATH. The result of a system call: the first parameter of every exit event but the generic one. */
import type { EventView } from '../events/event-view.js';
import { Ev } from '../events/ids.js';
import { renderMeaning, type RenderContext } from '../events/render.js';
import { EVENTS } from '../events/table.js';

const HAS_RESULT = EVENTS.map((row) => row.kind === 'syscall' && (row.type & 1) === 1 && row.type !== Ev.GENERIC_X);

export function hasResult(e: EventView): boolean {
  return HAS_RESULT[e.type] && e.paramCount > 0;
}

export function result(e: EventView): number {
  return e.int(0);
}

export function resultText(e: EventView, context: RenderContext): string | null {
  if (!hasResult(e)) return null;
  return result(e) >= 0 ? 'SUCCESS' : renderMeaning(e, 0, context);
}
