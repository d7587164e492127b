// SPDX-License-Identifier: Apache-2.0
/** The lists of a capture: what was known when it began. */
import { ipv4Text, ipv6Text, isMapped, u64 } from '../state/addresses.js';
import { FdFlag, FdInfo, type FdType } from '../state/fd-info.js';
import type { InterfaceAddress } from '../state/interfaces.js';
import { ThreadInfo } from '../state/thread-info.js';
import type { Group, User } from '../state/users.js';
import { FD_KINDS, InterfaceKind, L4_PROTOCOLS, MACHINE_INFO_BYTES, type MachineInfo } from './scap-format.js';
import { decodeBytes } from '../util/byte-text.js';

/** An entry does not fit its list. */
export class ListError extends Error {
  constructor(
    message: string,
    readonly offset: number,
  ) {
    super(message);
  }
}

/** Reads forward through one block's body; offsets are the buffer's. */
export class Cursor {
  private readonly data: DataView;

  constructor(
    private readonly bytes: Buffer,
    public at: number,
    readonly end: number,
  ) {
    this.data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.end - this.at;
  }

  private take(length: number): number {
    const at = this.at;
    if (length > this.end - at) throw new ListError(`a value of ${length} bytes reaches beyond its block`, at);
    this.at = at + length;
    return at;
  }

  u8(): number {
    return this.data.getUint8(this.take(1));
  }

  u16(): number {
    return this.data.getUint16(this.take(2), true);
  }

  u32(): number {
    return this.data.getUint32(this.take(4), true);
  }

  u64(): number | bigint {
    return u64(this.bytes, this.take(8));
  }

  big(): bigint {
    return this.data.getBigUint64(this.take(8), true);
  }

  /** A signed 64-bit number that is small by nature: an id. */
  id(): number {
    return Number(this.data.getBigInt64(this.take(8), true));
  }

  raw(length: number): Buffer {
    const at = this.take(length);
    return this.bytes.subarray(at, at + length);
  }

  /** Text with its length before it. */
  text(): string {
    return decodeBytes(this.raw(this.u16()));
  }

  /** Zero-separated texts with their length before them; null: none. */
  zeros(): string | null {
    const bytes = this.raw(this.u16());
    if (bytes.length === 0) return null;
    return decodeBytes(bytes, 0, bytes[bytes.length - 1] === 0 ? bytes.length - 1 : bytes.length);
  }

  /** Goes to the end of an entry that began at `start`. */
  finish(start: number, length: number): void {
    if (this.at > start + length) throw new ListError(`an entry of ${length} bytes is too short for what it must hold`, start);
    if (start + length > this.end) throw new ListError(`an entry of ${length} bytes reaches beyond its block`, start);
    this.at = start + length;
  }
}

export function readMachine(c: Cursor): MachineInfo {
  if (c.left < MACHINE_INFO_BYTES) throw new ListError('the machine information is too short', c.at);
  const cpus = c.u32();
  const memoryBytes = c.big();
  const maxPid = c.big();
  const name = c.raw(128);
  const zero = name.indexOf(0);
  return { cpus, memoryBytes, maxPid, hostname: decodeBytes(name, 0, zero === -1 ? name.length : zero), bootTs: c.big() };
}

/** `clone_flags` bit of a thread whose exit was seen. */
const CLOSED = 0x4_0000;
/** What entries had after the root directory before pidns_init_start_ts and tty were put first there. */
const OLD_TAIL_BYTES = 29;

export function readProcesses(
  c: Cursor, version: number, setCgroups: (thread: ThreadInfo, wire: string) => void, onThread: (thread: ThreadInfo) => void,
): void {
  while (c.left >= 4) {
    const start = c.at;
    const length = version >= 9 ? c.u32() : 0;
    const tid = c.id();
    const t = new ThreadInfo(tid, c.id());
    t.ptid = c.id();
    if (version >= 6) t.sid = c.id();
    if (version >= 8) t.vpgid = c.id();
    t.comm = c.text();
    t.exe = c.text();
    if (version >= 7) t.exepath = stripDeleted(c.text());
    t.setArgsText(c.zeros());
    const cwd = c.text();
    if (t.isMain) t.cwd = cwd.endsWith('/') ? cwd : `${cwd}/`;
    t.fdLimit = c.id();
    t.cloneFlags = c.u32();
    t.dead = (t.cloneFlags & CLOSED) !== 0;
    t.uid = c.u32();
    t.gid = c.u32();
    if (version >= 2) {
      t.vmSizeKb = c.u32();
      t.vmRssKb = c.u32();
      t.vmSwapKb = c.u32();
      t.pgftMajor = c.u64();
      t.pgftMinor = c.u64();
    }
    if (version >= 3) {
      const env = c.zeros();
      if (t.isMain) t.setEnvText(env);
    }
    if (version >= 4) {
      t.vtid = c.id();
      t.vpid = c.id();
      const cgroups = c.zeros();
      if (cgroups !== null) setCgroups(t, cgroups);
    }
    t.root = version >= 5 ? c.text() : '';
    if (version >= 9) {
      readTail(c, t, start + length);
      c.finish(start, length);
    }
    onThread(t);
  }
}

/** Values that later versions have appended; an entry ends where its writer's knowledge ended. */
function readTail(c: Cursor, t: ThreadInfo, end: number): void {
  const fits = (bytes: number) => c.at + bytes <= end;
  if (end - c.at > OLD_TAIL_BYTES) {
    if (fits(8)) t.pidnsInitStartTs = c.big();
    if (fits(4)) t.tty = c.u32();
  }
  if (fits(4)) t.loginuid = c.u32();
  if (fits(1)) t.exeWritable = c.u8() !== 0;
  if (fits(8)) t.capInheritable = c.u64();
  if (fits(8)) t.capPermitted = c.u64();
  if (fits(8)) t.capEffective = c.u64();
  if (fits(1)) t.exeUpperLayer = c.u8() !== 0;
  if (fits(8)) t.exeIno = c.u64();
  if (fits(8)) t.exeInoCtime = c.u64();
  if (fits(8)) t.exeInoMtime = c.u64();
  if (fits(1)) t.exeFromMemfd = c.u8() !== 0;
  if (fits(1)) t.exeLowerLayer = c.u8() !== 0;
  if (fits(8)) t.pgid = c.id();
}

function stripDeleted(path: string): string {
  return path.endsWith(' (deleted)') ? path.slice(0, -10) : path;
}

export function readFds(c: Cursor, sized: boolean, onFd: (tid: number, fd: number, info: FdInfo) => void): void {
  const tid = c.id();
  while (c.left >= 4) {
    const start = c.at;
    const length = sized ? c.u32() : 0;
    const fd = c.id();
    const ino = c.u64();
    const info = readFd(c, c.u8(), start + length);
    info.ino = ino;
    info.flags |= FdFlag.FromProc;
    if (sized) c.finish(start, length);
    onFd(tid, fd, info);
  }
}

function readFd(c: Cursor, number: number, end: number): FdInfo {
  const kind = number < FD_KINDS.length ? FD_KINDS[number] : null;
  switch (kind) {
    case 'ipv4':
      return connection('ipv4', ipv4Text(c.raw(4), 0), ipv4Text(c.raw(4), 0), c);
    case 'ipv6': {
      const source = c.raw(16);
      const dest = c.raw(16);
      const mapped = isMapped(source, 0) && isMapped(dest, 0);
      if (mapped) return connection('ipv4', ipv4Text(source, 12), ipv4Text(dest, 12), c);
      return connection('ipv6', ipv6Text(source, 0), ipv6Text(dest, 0), c);
    }
    case 'ipv4-server':
      return server('ipv4', ipv4Text(c.raw(4), 0), c);
    case 'ipv6-server':
      return server('ipv6', ipv6Text(c.raw(16), 0), c);
    case 'unix': {
      const ends = c.raw(16);
      const info = new FdInfo('unix', c.text());
      info.unixSource = u64(ends, 0);
      info.unixDest = u64(ends, 8);
      info.flags = info.name === '' ? FdFlag.RoleClient : FdFlag.RoleServer;
      return info;
    }
    case 'file-v2': {
      const flags = c.u32();
      const info = new FdInfo('file', c.text());
      info.openFlags = flags;
      if (c.at + 4 <= end) info.dev = c.u32();
      return info;
    }
    case 'unknown':
      return new FdInfo('unknown', '');
    case null:
      // A kind that a newer writer knows: the entry's length tells where it ends.
      return new FdInfo('unsupported', `unknown-type:[${number}]`);
    default:
      return new FdInfo(kind satisfies FdType, c.text());
  }
}

function connection(type: 'ipv4' | 'ipv6', source: string, dest: string, c: Cursor): FdInfo {
  const info = new FdInfo(type, '');
  info.sourceIp = source;
  info.destIp = dest;
  info.sourcePort = c.u16();
  info.destPort = c.u16();
  info.l4proto = L4_PROTOCOLS[c.u8()] ?? null;
  if (info.l4proto === 'tcp') info.flags |= FdFlag.Connected;
  info.name = `${source}:${info.sourcePort}->${dest}:${info.destPort}`;
  return info;
}

function server(type: 'ipv4' | 'ipv6', ip: string, c: Cursor): FdInfo {
  const info = new FdInfo(type, '');
  info.isServerSocket = true;
  info.sourceIp = ip;
  info.sourcePort = c.u16();
  info.l4proto = L4_PROTOCOLS[c.u8()] ?? null;
  info.name = `${ip}:${info.sourcePort}`;
  return info;
}

export function readUsers(c: Cursor, sized: boolean, onUser: (user: User) => void, onGroup: (group: Group) => void): void {
  while (c.left >= 4) {
    const start = c.at;
    const length = sized ? c.u32() : 0;
    if (c.u8() === 0) onUser({ uid: c.u32(), gid: c.u32(), name: c.text(), homedir: c.text(), shell: c.text() });
    else onGroup({ gid: c.u32(), name: c.text() });
    if (sized) c.finish(start, length);
  }
}

export function readInterfaces(c: Cursor, sized: boolean): InterfaceAddress[] {
  const list: InterfaceAddress[] = [];
  while (c.left >= 4) {
    const length = sized ? c.u32() : 0;
    const start = c.at;
    const kind = c.u16();
    const nameLength = c.u16();
    const v4 = kind === InterfaceKind.V4 || kind === InterfaceKind.V4NoSpeed;
    if (!v4 && kind !== InterfaceKind.V6 && kind !== InterfaceKind.V6NoSpeed) throw new ListError(`interface of unknown kind ${kind}`, start);
    const ip = v4 ? () => ipv4Text(c.raw(4), 0) : () => ipv6Text(c.raw(16), 0);
    const address = ip();
    const netmask = ip();
    const broadcast = ip();
    if (kind === InterfaceKind.V4 || kind === InterfaceKind.V6) c.raw(8);
    list.push({ name: decodeBytes(c.raw(nameLength)), address, netmask, broadcast });
    if (sized) c.finish(start, length);
  }
  return list;
}
