// SPDX-License-Identifier: Apache-2.0
/** HOT PATH. Descriptors of a thread: look-up, change, and what a new process takes over. */
import { FdFlag, FdInfo, type FdType } from './fd-info.js';
import type { ThreadInfo } from './thread-info.js';

/** Descriptors kept per process; more are counted, not kept. */
export const MAX_FDS = 4096;

/** `file_flags`. */
export const O_CLOEXEC = 0x1000;
export const O_DIRECTORY = 0x400;
/** Bit 0 is close-on-exec in the flags of epoll_create1 and memfd_create, which are kept in the same place. */
const OTHER_CLOEXEC = 1;

/** Below this, a descriptor's place in an array is its number: the kernel gives out the lowest that is free. */
const NEAR = 64;

/** Descriptors of a process by number. */
export class FdTable {
  size = 0;
  private readonly near: (FdInfo | undefined)[];
  /** Null until there is one. */
  private far: Map<number, FdInfo> | null = null;

  constructor(near: (FdInfo | undefined)[] = []) {
    this.near = near;
  }

  get(fd: number): FdInfo | undefined {
    if (fd >= 0 && fd < NEAR) return fd < this.near.length ? this.near[fd] : undefined;
    return this.far === null ? undefined : this.far.get(fd);
  }

  has(fd: number): boolean {
    return this.get(fd) !== undefined;
  }

  set(fd: number, info: FdInfo): this {
    if (fd >= 0 && fd < NEAR) {
      const near = this.near;
      while (near.length < fd) near.push(undefined);
      if (fd === near.length) near.push(info);
      else {
        if (near[fd] !== undefined) this.size--;
        near[fd] = info;
      }
      this.size++;
      return this;
    }
    if (this.far === null) this.far = new Map();
    if (!this.far.has(fd)) this.size++;
    this.far.set(fd, info);
    return this;
  }

  delete(fd: number): void {
    if (!this.has(fd)) return;
    this.size--;
    if (fd >= 0 && fd < NEAR) this.near[fd] = undefined;
    else this.far!.delete(fd);
  }

  /** `visit` may delete the descriptor that it is given. */
  forEach(visit: (info: FdInfo, fd: number) => void): void {
    for (let fd = 0; fd < this.near.length; fd++) {
      const info = this.near[fd];
      if (info !== undefined) visit(info, fd);
    }
    if (this.far !== null) this.far.forEach(visit);
  }

  *[Symbol.iterator](): IterableIterator<[fd: number, info: FdInfo]> {
    for (let fd = 0; fd < this.near.length; fd++) {
      const info = this.near[fd];
      if (info !== undefined) yield [fd, info];
    }
    if (this.far !== null) yield* this.far;
  }

  /** What a forked process has. */
  fork(): FdTable {
    const copy = new FdTable(this.near.slice());
    copy.size = this.size;
    for (let fd = 0; fd < copy.near.length; fd++) {
      const info = copy.near[fd];
      if (info !== undefined) copy.near[fd] = cloned(info);
    }
    if (this.far !== null) {
      const far = new Map<number, FdInfo>();
      this.far.forEach((info, fd) => {
        far.set(fd, cloned(info));
      });
      copy.far = far;
    }
    return copy;
  }
}

function cloned(info: FdInfo): FdInfo {
  const twin = info.clone();
  twin.flags |= FdFlag.Cloned;
  return twin;
}

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
