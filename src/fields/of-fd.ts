// SPDX-License-Identifier: Apache-2.0
import type { EventView } from '../events/event-view.js';
import { CREATES_FD, DESTROYS_FD, EVENTS, USES_FD } from '../events/table.js';
import type { FieldReader } from '../lang/catalogue.js';
import type { Value } from '../lang/value.js';
import type { FdInfo } from '../state/fd-info.js';

const IS_FD_EVENT = EVENTS.map((row) => (row.flags & (CREATES_FD | USES_FD | DESTROYS_FD)) !== 0);

/** Does the event have a descriptor at all, and is it known whose? */
export function isFdEvent(e: EventView): boolean {
  return IS_FD_EVENT[e.type] && e.thread !== null;
}

/** The descriptor of the event; null when it is not known. */
export function fdOf(e: EventView): FdInfo | null {
  return isFdEvent(e) ? e.fd : null;
}

/** Reads from the descriptor of the event. */
export function ofFd(read: (fd: FdInfo, event: EventView) => Value): FieldReader<EventView> {
  return (e) => {
    const fd = fdOf(e);
    return fd === null ? null : read(fd, e);
  };
}
