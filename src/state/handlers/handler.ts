// SPDX-License-Identifier: Apache-2.0
/** What a state handler is, and what all of them need. */
import type { EventView } from '../../events/event-view.js';
import type { FdInfo } from '../fd-info.js';
import { addFd } from '../fd-table.js';
import type { State } from '../state.js';
import type { ThreadInfo } from '../thread-info.js';

/**
 * Brings the state up to date with one event. `view.thread` and `view.fd` are set as they were before the event; the
 * handler changes them to what the event is about.
 */
export type Handler = (state: State, view: EventView) => void;
export type HandlerEntry = readonly [type: number, handler: Handler];

/** An absent text reads as this, as the ecosystem has it. */
export { NA as NO_TEXT, textOf as text } from '../../events/raw-param.js';

/** Puts a new descriptor in and makes the event be about it. */
export function openFd(state: State, view: EventView, thread: ThreadInfo, fd: number, info: FdInfo): void {
  if (addFd(thread, fd, info)) view.fd = info;
  else {
    view.fd = null;
    state.fdsRefused++;
  }
}
