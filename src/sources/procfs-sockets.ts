// SPDX-License-Identifier: Apache-2.0
/** Sockets of a network namespace as /proc/<pid>/net lists them, by inode. */
import { ipv4Text, ipv6Text, isMapped } from '../state/addresses.js';
import { FdFlag, FdInfo } from '../state/fd-info.js';

export type SocketTable = ReadonlyMap<number, FdInfo>;

interface TableFile {
  readonly file: string;
  readonly parse: (line: string, l4proto: string) => readonly [inode: number, info: FdInfo] | null;
  readonly l4proto: string;
}

const FILES: readonly TableFile[] = [
  { file: 'tcp', parse: parseInet, l4proto: 'tcp' },
  { file: 'tcp6', parse: parseInet, l4proto: 'tcp' },
  { file: 'udp', parse: parseInet, l4proto: 'udp' },
  { file: 'udp6', parse: parseInet, l4proto: 'udp' },
  { file: 'raw', parse: parseInet, l4proto: 'raw' },
  { file: 'raw6', parse: parseInet, l4proto: 'raw' },
  { file: 'icmp', parse: parseInet, l4proto: 'icmp' },
  { file: 'icmp6', parse: parseInet, l4proto: 'icmp' },
  { file: 'unix', parse: parseUnix, l4proto: '' },
  { file: 'netlink', parse: parseNetlink, l4proto: '' },
];

/** @param read content of a file of the namespace's `net` directory; null: it cannot be read. */
export function readSockets(read: (file: string) => string | null): SocketTable {
  const table = new Map<number, FdInfo>();
  for (const { file, parse, l4proto } of FILES) {
    const text = read(file);
    if (text === null) continue;
    const lines = text.split('\n');
    for (let i = 1; i < lines.length; i++) {
      const found = parse(lines[i], l4proto);
      if (found !== null && found[0] !== 0) table.set(found[0], found[1]);
    }
  }
  return table;
}

/** `sl: local:port remote:port st queues timers retransmits uid timeout inode …`, addresses in the kernel's byte order. */
export function parseInet(line: string, l4proto: string): readonly [number, FdInfo] | null {
  const columns = line.trim().split(/\s+/);
  if (columns.length < 10) return null;
  const local = parseAddress(columns[1]);
  const remote = parseAddress(columns[2]);
  const inode = Number(columns[9]);
  if (local === null || remote === null || !Number.isSafeInteger(inode)) return null;
  const v6 = local.bytes.length === 16;
  const hasPeer = remote.bytes.some((b) => b !== 0);
  const mapped = v6 && isMapped(local.bytes, 0) && (!hasPeer || isMapped(remote.bytes, 0));
  const v4 = !v6 || (mapped && hasPeer);
  const text = (bytes: Uint8Array) => (v4 ? ipv4Text(bytes, bytes.length - 4) : ipv6Text(bytes, 0));
  const info = new FdInfo(v4 ? 'ipv4' : 'ipv6', '');
  info.l4proto = l4proto;
  info.ino = inode;
  info.flags = FdFlag.FromProc;
  info.sourceIp = text(local.bytes);
  info.sourcePort = local.port;
  if (hasPeer) {
    info.destIp = text(remote.bytes);
    info.destPort = remote.port;
    info.name = `${info.sourceIp}:${info.sourcePort}->${info.destIp}:${info.destPort}`;
    if (l4proto === 'tcp') info.flags |= FdFlag.Connected;
  } else {
    info.isServerSocket = true;
    info.name = `${info.sourceIp}:${info.sourcePort}`;
  }
  return [inode, info];
}

/** 32-bit words in host byte order (little endian), then the port. */
function parseAddress(text: string): { readonly bytes: Uint8Array; readonly port: number } | null {
  const colon = text.indexOf(':');
  if (colon !== 8 && colon !== 32) return null;
  const bytes = new Uint8Array(colon / 2);
  for (let word = 0; word < bytes.length; word += 4) {
    const value = Number.parseInt(text.slice(word * 2, word * 2 + 8), 16);
    if (Number.isNaN(value)) return null;
    for (let i = 0; i < 4; i++) bytes[word + i] = (value >>> (8 * i)) & 0xff;
  }
  const port = Number.parseInt(text.slice(colon + 1), 16);
  return Number.isNaN(port) ? null : { bytes, port };
}

/** `address: references protocol flags type state inode path`. */
export function parseUnix(line: string): readonly [number, FdInfo] | null {
  const match = /^([0-9a-f]+): \S+ \S+ \S+ \S+ \S+ +(\d+) ?(.*)$/i.exec(line);
  if (match === null) return null;
  const info = new FdInfo('unix', match[3]);
  info.ino = Number(match[2]);
  info.unixSource = address(match[1]);
  info.flags = FdFlag.FromProc | (info.name === '' ? FdFlag.RoleClient : FdFlag.RoleServer);
  return [info.ino, info];
}

function address(hex: string): number | bigint {
  const value = BigInt(`0x${hex}`);
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}

/** `address protocol pid groups … inode`. */
function parseNetlink(line: string): readonly [number, FdInfo] | null {
  const columns = line.trim().split(/\s+/);
  if (columns.length < 10) return null;
  const info = new FdInfo('netlink', '');
  info.ino = Number(columns[9]);
  info.flags = FdFlag.FromProc;
  return [info.ino, info];
}
