// SPDX-License-Identifier: Apache-2.0
import type { AuditEvent } from '../../events/audit-event.js';

/** Where events go that have been taken in: to whoever evaluates them. */
export interface Outlet {
  /**
   * Takes a copy of the event, which stands in `bytes` from `start` to `end`; or else, when they are `own` (an `ArrayBuffer`
   * that nobody else uses), takes the bytes themselves and answers true.
   */
  put(event: AuditEvent, bytes: Buffer, start: number, end: number, own: boolean): boolean;
  /** So much is on its way that whoever brings more should wait for {@link room}. */
  readonly full: boolean;
  room(): Promise<void>;
  /** Resolves when all that has been put so far has been evaluated. */
  settled(): Promise<void>;
}
