// SPDX-License-Identifier: Apache-2.0
/** Names of events: what `evt.type` prints, and which wire types carry a name. */
import type { EventView } from '../events/event-view.js';
import { Ev } from '../events/ids.js';
import { SYSCALLS } from '../events/syscalls.js';
import { EVENTS, UNUSED } from '../events/table.js';

const EVENT_NAMES = EVENTS.map((row) => row.name);
const SYSCALL_NAMES: string[] = [];
for (const row of SYSCALLS) SYSCALL_NAMES[row.code] = row.name;

/** Asynchronous events bring their name along; these are the ones that the container lookups send. */
const ASYNC_NAMES = ['container', 'container_removed'];

function syscallName(code: number): string {
  return SYSCALL_NAMES[code] ?? 'unknown';
}

/** `evt.type`: a generic event is called by its system call, an asynchronous one by the name it carries. */
export function eventName(event: EventView): string {
  const type = event.type;
  if (type === Ev.GENERIC_X || type === Ev.GENERIC_E) return syscallName(event.u16(0));
  if (type === Ev.ASYNCEVENT_E) return event.str(1) ?? '';
  return EVENT_NAMES[type] ?? 'unknown';
}

/**
 * Event type names to the wire types that can carry them. A system call without an event of its own is a generic event;
 * one that shares another's event (pread64 is `pread`) is a known name that no event has.
 */
export function syscallEventTypes(): ReadonlyMap<string, readonly number[]> {
  const types = new Map<string, number[]>();
  for (const row of EVENTS) {
    if ((row.flags & UNUSED) !== 0 || row.name === 'NA') continue;
    const list = types.get(row.name);
    if (list === undefined) types.set(row.name, [row.type]);
    else list.push(row.type);
  }
  for (const row of SYSCALLS) {
    const list = types.get(row.name) ?? [];
    if (row.exit <= 1) list.push(Ev.GENERIC_E, Ev.GENERIC_X);
    types.set(row.name, list);
  }
  for (const name of ASYNC_NAMES) types.set(name, [...(types.get(name) ?? []), Ev.ASYNCEVENT_E]);
  return types;
}
