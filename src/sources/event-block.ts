// SPDX-License-Identifier: Apache-2.0
/** HOT PATH. One event as a block of a capture file: `type, length, cpu u16, flags u32, event, padding, length`. */
import type { EventView } from '../events/event-view.js';
import { EVENTS, LARGE } from '../events/table.js';
import { EVENT_V2_FLAGS, EVENT_V2_FLAGS_LARGE } from './scap-format.js';

/** Where the event begins within its block; its time is the first that it says. */
export const EVENT_IN_BLOCK = 8 + 6;
const BLOCK_TYPES = EVENTS.map((row) => ((row.flags & LARGE) !== 0 ? EVENT_V2_FLAGS_LARGE : EVENT_V2_FLAGS));

export function eventBlockBytes(view: EventView): number {
  return ((EVENT_IN_BLOCK + view.length + 3) & ~3) + 4;
}

/** Writes {@link eventBlockBytes} bytes to `at` in `data`, which `bytes` are the bytes of. The event's type must be in the table. */
export function writeEventBlock(data: DataView<ArrayBufferLike>, bytes: Uint8Array, at: number, view: EventView): void {
  const length = eventBlockBytes(view);
  // The padding, with whatever else was there.
  data.setUint32(at + length - 8, 0, true);
  data.setUint32(at, BLOCK_TYPES[view.type], true);
  data.setUint32(at + 4, length, true);
  data.setUint16(at + 8, view.cpu, true);
  data.setUint32(at + 10, 0, true);
  view.copyTo(data, bytes, at + EVENT_IN_BLOCK);
  data.setUint32(at + length - 4, length, true);
}
