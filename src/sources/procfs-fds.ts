// SPDX-License-Identifier: Apache-2.0
/** Open descriptors of one process, from /proc/<pid>/fd and fdinfo. */
import { readdirSync, readlinkSync, type Stats, statSync } from 'node:fs';
import { FdFlag, FdInfo, type FdType } from '../state/fd-info.js';
import { FdTable, MAX_FDS } from '../state/fd-table.js';
import type { SocketTable } from './procfs-sockets.js';
import { decodeBytes } from '../util/byte-text.js';

/** open(2) flags of this architecture's kernel (octal in fdinfo), and `file_flags`. */
const FLAGS: readonly (readonly [kernel: number, wire: number])[] = [
  [0o100, 4], [0o2000, 8], [0o10000, 0x10], [0o200, 0x20], [0o4000, 0x40], [0o4010000, 0x80], [0o1000, 0x100],
  [process.arch === 'arm64' ? 0o200000 : 0o40000, 0x200],
  [process.arch === 'arm64' ? 0o40000 : 0o200000, 0x400],
  [process.arch === 'arm64' ? 0o400000 : 0o100000, 0x800],
  [0o2000000, 0x1000],
];
const O_TMPFILE = 0o20000000;

export function wireOpenFlags(kernel: number): number {
  const access = kernel & 3;
  let wire = access === 1 ? 2 : access === 2 ? 3 : 1;
  for (const [bit, flag] of FLAGS) if ((kernel & bit) !== 0) wire |= flag;
  if ((kernel & O_TMPFILE) !== 0) wire |= 0x2000;
  return wire;
}

/** What an anonymous inode's link says of its kind. */
const ANONYMOUS: ReadonlyMap<string, FdType> = new Map<string, FdType>([
  ['[eventfd]', 'event'], ['[eventpoll]', 'eventpoll'], ['inotify', 'inotify'], ['[signalfd]', 'signalfd'], ['[timerfd]', 'timerfd'],
  ['[io_uring]', 'io_uring'], ['[userfaultfd]', 'userfaultfd'], ['[pidfd]', 'pidfd'], ['bpf-map', 'bpf'], ['bpf-prog', 'bpf'],
  ['bpf_link', 'bpf'], ['bpf-link', 'bpf'], ['bpf_iter', 'bpf'],
]);

/**
 * @param directory `/proc/<pid>/`
 * @param read a small file below it; null: it cannot be read
 * @param sockets sockets of the process's network namespace, read when the first socket is met
 */
export function readFdTable(directory: string, read: (path: string) => string | null, sockets: () => SocketTable): FdTable {
  const table = new FdTable();
  let names: string[];
  try {
    names = readdirSync(`${directory}fd`);
  } catch {
    return table;
  }
  for (const name of names) {
    if (table.size >= MAX_FDS) break;
    const info = readFd(directory, name, read, sockets);
    if (info !== null) table.set(Number(name), info);
  }
  return table;
}

/** One descriptor; null: it is gone, or a socket of an unknown kind. */
export function readFd(directory: string, name: string, read: (path: string) => string | null, sockets: () => SocketTable): FdInfo | null {
  let target: string;
  try {
    target = decodeBytes(readlinkSync(`${directory}fd/${name}`, 'buffer'));
  } catch {
    return null;
  }
  if (target.startsWith('/')) return readFile(directory, name, target, read);
  const [, kind, inode] = /^(socket|pipe|mnt|net|pid|user|ipc|uts|time|cgroup):\[(\d+)\]$/.exec(target) ?? [];
  if (kind === 'socket') {
    const known = sockets().get(Number(inode));
    return known === undefined ? null : known.clone();
  }
  let type: FdType = kind === 'pipe' ? 'pipe' : 'unsupported';
  if (target.startsWith('anon_inode:')) type = ANONYMOUS.get(target.slice(11)) ?? 'unsupported';
  const info = new FdInfo(type, type === 'pipe' ? target : '');
  info.flags = FdFlag.FromProc;
  if (inode !== undefined) info.ino = Number(inode);
  if (type === 'pidfd') info.pid = Number(/^Pid:\s+(\d+)/m.exec(read(`fdinfo/${name}`) ?? '')?.[1] ?? 0);
  return info;
}

function readFile(directory: string, name: string, target: string, read: (path: string) => string | null): FdInfo | null {
  if (target.startsWith('/memfd:')) {
    const info = new FdInfo('memfd', target);
    info.flags = FdFlag.FromProc;
    return info;
  }
  let stat: Stats | undefined;
  try {
    stat = statSync(`${directory}fd/${name}`, { throwIfNoEntry: false });
  } catch {
    stat = undefined;
  }
  const info = new FdInfo(stat?.isDirectory() ? 'directory' : stat?.isFIFO() ? 'pipe' : 'file', target);
  info.flags = FdFlag.FromProc;
  if (stat !== undefined) {
    info.ino = stat.ino;
    info.dev = stat.dev;
  }
  const flags = /^flags:\s+0*([0-7]+)/m.exec(read(`fdinfo/${name}`) ?? '');
  if (flags !== null) info.openFlags = wireOpenFlags(Number.parseInt(flags[1], 8));
  return info;
}
