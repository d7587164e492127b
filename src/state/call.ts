// SPDX-License-Identifier: Apache-2.0
/**
 * HOT PATH. What holds of every call, whichever it is: the descriptor that it is about, and what its thread remembers from
 * its beginning to its end. Captures of old have both as events of their own.
 */
import type { EventView } from '../events/event-view.js';
import { Ev } from '../events/ids.js';
import { EVENTS, USES_FD } from '../events/table.js';
import { getFd } from './fd-table.js';
import { text } from './handlers/handler.js';
import type { ThreadInfo } from './thread-info.js';

/** Parameter with the descriptor of an event that uses one; -1: none. */
const FD_PARAM = new Int8Array(EVENTS.length).fill(-1);
for (const row of EVENTS) {
  // An exit event's result comes first and may itself be a descriptor: a new one.
  if ((row.flags & USES_FD) !== 0) FD_PARAM[row.type] = row.params.findIndex((p, i) => p.type === 'FD' && i >= (row.type & 1));
}
// Both ends are descriptors there, and the one that is written to counts.
FD_PARAM[Ev.SYSCALL_SPLICE_E] = 1;
FD_PARAM[Ev.SYSCALL_SPLICE_X] = 2;

/** Finds the descriptor of an event that begins a call, and keeps what the end of the call will not tell again. */
export function enter(view: EventView, thread: ThreadInfo, type: number): void {
  thread.lastFd = -1;
  thread.lastEnter = type;
  const param = FD_PARAM[type];
  if (param !== -1) {
    thread.lastFd = view.int(param);
    view.fd = getFd(thread, thread.lastFd);
  }
  switch (type) {
    case Ev.SYSCALL_OPEN_E:
    case Ev.SYSCALL_CREAT_E:
    case Ev.SYSCALL_EXECVE_19_E:
      if (view.has(0)) keepEnter(view, thread, 0, 1, -1);
      break;
    case Ev.SYSCALL_OPENAT_2_E:
    case Ev.SYSCALL_OPENAT2_E:
      if (view.has(0)) keepEnter(view, thread, 1, 2, 0);
      break;
    case Ev.SYSCALL_EXECVEAT_E:
      keepEnter(view, thread, 1, 2, 0);
      break;
    case Ev.SOCKET_CONNECT_E:
      thread.enterType = type;
      thread.enterAddress = new Uint8Array(view.raw(1));
      break;
    default:
      break;
  }
}

/** Finds the descriptor of an event that ends a call. */
export function exit(view: EventView, thread: ThreadInfo, type: number): void {
  if (type !== thread.lastEnter + 1 && !(type === Ev.SYSCALL_EXECVE_19_X && thread.lastEnter === Ev.SYSCALL_EXECVEAT_E)) {
    thread.lastFd = -1;
  }
  const param = FD_PARAM[type];
  if (param === -1) return;
  if (thread.lastFd === -1 && view.has(param)) thread.lastFd = view.int(param);
  view.fd = getFd(thread, thread.lastFd);
}

/** The enter event of the present exit event is kept in the thread. */
export function hasEnter(view: EventView, thread: ThreadInfo): boolean {
  if (thread.enterType === -1) return false;
  if (thread.enterType === view.type - 1) return thread.lastEnter === thread.enterType;
  return view.type === Ev.SYSCALL_EXECVE_19_X && thread.enterType === Ev.SYSCALL_EXECVEAT_E;
}

function keepEnter(view: EventView, thread: ThreadInfo, name: number, flags: number, dirfd: number): void {
  const path = text(view, name);
  thread.enterType = view.type;
  thread.enterName = path === '<NA>' ? null : path;
  thread.enterFlags = view.type === Ev.SYSCALL_CREAT_E ? 0 : view.u32(flags);
  thread.enterDirfd = dirfd === -1 ? 0 : view.int(dirfd);
}
