// SPDX-License-Identifier: Apache-2.0
/** HOT PATH. Descriptors of a thread: look-up, change, and what a new process takes over. */
import { FdFlag, FdInfo, type FdType } from './fd-info.js';
import type { FdTable, ThreadInfo } from './thread-info.js';

/** Descriptors kept per process; more are counted, not kept. */
export const MAX_FDS = 4096;

/** `file_flags`. */
export const O_CLOEXEC = 0x1000;
export const O_DIRECTORY = 0x400;
/** Bit 0 is close-on-exec in the flags of epoll_create1 and memfd_create, which are kept in the same place. */
const OTHER_CLOEXEC = 1;

/** Descriptor `fd` as it was before the present event; null: not known. */
export function getFd(thread: ThreadInfo, fd: number): FdInfo | null {
  if (fd < 0) return null;
  const info = thread.fds.get(fd);
  if (info === undefined) return null;
  info.oldName = info.name;
  return info;
}

/** Puts a descriptor in, in place of an older one. False: the process has too many. */
export function addFd(thread: ThreadInfo, fd: number, info: FdInfo): boolean {
  thread.lastFd = fd;
  if (fd < 0 || (thread.fds.size >= MAX_FDS && !thread.fds.has(fd))) return false;
  thread.fds.set(fd, info);
  return true;
}

export function clearCloseOnExec(info: FdInfo): void {
  info.openFlags &= ~(O_CLOEXEC | OTHER_CLOEXEC);
}

function closesOnExec(info: FdInfo): boolean {
  if ((info.openFlags & O_CLOEXEC) !== 0) return true;
  return (info.type === 'eventpoll' || info.type === 'memfd') && (info.openFlags & OTHER_CLOEXEC) !== 0;
}

/** What a forked process has. */
export function cloneFds(table: FdTable): FdTable {
  const copy: FdTable = new Map();
  table.forEach((info, fd) => {
    const twin = info.clone();
    twin.flags |= FdFlag.Cloned;
    copy.set(fd, twin);
  });
  return copy;
}

/** Keeps what exec keeps. */
export function closeOnExec(table: FdTable): void {
  table.forEach((info, fd) => {
    if (closesOnExec(info)) table.delete(fd);
  });
}

/** A descriptor of `type` with nothing but open flags. */
export function plainFd(type: FdType, openFlags: number): FdInfo {
  const info = new FdInfo(type, '');
  info.openFlags = openFlags;
  return info;
}
