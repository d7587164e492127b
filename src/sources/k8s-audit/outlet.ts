// SPDX-License-Identifier: Apache-2.0
import type { AuditEvent } from '../../events/audit-event.js';

/** Where events go that have been taken in: to whoever evaluates them. */
export interface Outlet {
  /** Takes a copy of the event, which stands in `bytes` from `start` to `end`. */
  put(event: AuditEvent, bytes: Buffer, start: number, end: number): void;
  /** So much is on its way that whoever brings more should wait for {@link room}. */
  readonly full: boolean;
  room(): Promise<void>;
  /** Resolves when all that has been put so far has been evaluated. */
  settled(): Promise<void>;
}
