// SPDX-License-Identifier: Apache-2.0
/** Puts built events through a state. */
import type { EventView } from '../../src/events/event-view.js';
import { buildEvent, type EventOptions, type ParamValue, viewOf } from '../../src/events/event-builder.js';
import type { State } from '../../src/state/state.js';

export { buildEvent, type EventOptions, type ParamValue, sockaddr, socktuple, unixTuple, viewOf } from '../../src/events/event-builder.js';

let num = 0;

/** Puts an event through the state; `look` sees the view as rules and outputs would. */
export function feed(
  state: State, key: string, values: Readonly<Record<string, ParamValue>> = {}, options: EventOptions = {}, look?: (view: EventView) => void,
): void {
  const view = viewOf(buildEvent(key, values, options));
  view.num = ++num;
  state.apply(view);
  look?.(view);
  state.after(view);
}
