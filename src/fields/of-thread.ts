// SPDX-License-Identifier: Apache-2.0
import type { EventView } from '../events/event-view.js';
import type { FieldReader } from '../lang/catalogue.js';
import type { Value } from '../lang/value.js';
import type { FdTable } from '../state/fd-table.js';
import type { ThreadInfo } from '../state/thread-info.js';

/** Reads from the event's thread; null when the thread is not known. */
export function ofThread(read: (thread: ThreadInfo, event: EventView) => Value): FieldReader<EventView> {
  return (e) => (e.thread === null ? null : read(e.thread, e));
}

/** Descriptors of the thread's process. */
export function fdsOf(thread: ThreadInfo): FdTable {
  return (thread.leader ?? thread).fds;
}
