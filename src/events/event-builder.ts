// SPDX-License-Identifier: Apache-2.0
/** Builds scap events out of names and values: events that nobody recorded, for tests of rules and of the program. */
import { EVENT_HEADER_BYTES, EventView } from './event-view.js';
import { EVENTS, type EventRow, LARGE, type ParamRow } from './table.js';
import { parseIpv4, parseIpv6 } from '../lang/ip.js';
import { encodeText } from '../util/byte-text.js';

/**
 * By parameter type: numbers for integers, ids, flags and results; text for CHARBUF, FSPATH and FSRELPATH (closed by a
 * zero on the wire); a list of texts for zero-closed ones (args, env, cgroups); bytes for anything. null or absent: empty.
 */
export type ParamValue = number | bigint | string | readonly string[] | Uint8Array | null;

export interface EventOptions {
  readonly ts?: bigint;
  readonly tid?: number;
  /** Wire parameters after this one are left out, as an older writer did. */
  readonly count?: number;
}

const BY_KEY = new Map(EVENTS.map((row) => [row.key, row]));
const SIZES: Partial<Record<ParamRow['type'], number>> = {
  INT8: 1, INT16: 2, INT32: 4, UINT8: 1, UINT16: 2, UINT32: 4, SYSCALLID: 2, SIGTYPE: 1, BOOL: 4, FLAGS8: 1, FLAGS16: 2, FLAGS32: 4,
  UID: 4, GID: 4, SIGSET: 4, MODE: 4, ENUMFLAGS8: 1, ENUMFLAGS16: 2, ENUMFLAGS32: 4, PORT: 2,
};
let clock = 1_700_000_000_000_000_000n;

function rowOf(key: string): EventRow {
  const row = BY_KEY.get(key);
  if (row === undefined) throw new Error(`no event ${key}`);
  return row;
}

function encode(param: ParamRow, value: ParamValue | undefined): Uint8Array {
  if (value === undefined || value === null) return new Uint8Array(0);
  if (value instanceof Uint8Array) return value;
  if (typeof value === 'string') return encodeText(`${value}\0`);
  if (typeof value === 'object') return encodeText(value.map((item) => `${item}\0`).join(''));
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
  return bytes.subarray(0, SIZES[param.type] ?? 8);
}

/** One event as it is on the wire; `key` is the wire name, `SYSCALL_OPENAT_2_X`. Later events have later times. */
export function buildEvent(key: string, values: Readonly<Record<string, ParamValue>> = {}, options: EventOptions = {}): Buffer {
  const row = rowOf(key);
  const unknown = Object.keys(values).find((name) => !row.params.some((p) => p.name === name));
  if (unknown !== undefined) throw new Error(`${key} has no parameter ${unknown}`);
  const params = row.params.slice(0, options.count ?? row.params.length).map((p) => encode(p, values[p.name]));
  clock += 1000n;
  const large = (row.flags & LARGE) !== 0;
  const header = Buffer.alloc(EVENT_HEADER_BYTES + params.length * (large ? 4 : 2));
  const total = params.reduce((sum, bytes) => sum + bytes.length, header.length);
  header.writeBigUInt64LE(options.ts ?? clock, 0);
  header.writeBigInt64LE(BigInt(options.tid ?? 1000), 8);
  header.writeUInt32LE(total, 16);
  header.writeUInt16LE(row.type, 20);
  header.writeUInt32LE(params.length, 22);
  params.forEach((bytes, i) => {
    if (large) header.writeUInt32LE(bytes.length, EVENT_HEADER_BYTES + 4 * i);
    else header.writeUInt16LE(bytes.length, EVENT_HEADER_BYTES + 2 * i);
  });
  return Buffer.concat([header, ...params]);
}

/** A view on one event of its own. */
export function viewOf(event: Uint8Array, view = new EventView()): EventView {
  view.attach(event.buffer, event.byteOffset, event.byteLength);
  view.bind(0, event.byteLength);
  return view;
}

const FAMILY = { unix: 1, inet: 2, inet6: 10 };

/** A SOCKADDR parameter: `['10.0.0.1', 80]`, or a unix path. */
export function sockaddr(address: readonly [ip: string, port: number] | string): Uint8Array {
  if (typeof address === 'string') return Buffer.concat([Buffer.from([FAMILY.unix]), encodeText(`${address}\0`)]);
  const [ip, port] = address;
  return Buffer.concat([Buffer.from([ip.includes(':') ? FAMILY.inet6 : FAMILY.inet]), ipBytes(ip), Buffer.from([port & 0xff, port >> 8])]);
}

/** A SOCKTUPLE parameter of two addresses of one family. */
export function socktuple(source: readonly [ip: string, port: number], dest: readonly [ip: string, port: number]): Uint8Array {
  return Buffer.concat([sockaddr(source), sockaddr(dest).subarray(1)]);
}

/** A SOCKTUPLE parameter of a unix socket. */
export function unixTuple(source: bigint, dest: bigint, path: string): Uint8Array {
  const ends = Buffer.alloc(17);
  ends[0] = FAMILY.unix;
  ends.writeBigUInt64LE(source, 1);
  ends.writeBigUInt64LE(dest, 9);
  return Buffer.concat([ends, encodeText(`${path}\0`)]);
}

/** Bytes of an address in network order. @throws RangeError when it is none */
function ipBytes(text: string): Uint8Array {
  const v4 = parseIpv4(text);
  if (v4 !== -1) return Uint8Array.of(v4 >>> 24, (v4 >>> 16) & 0xff, (v4 >>> 8) & 0xff, v4 & 0xff);
  const v6 = parseIpv6(text);
  if (v6 === null) throw new RangeError(`'${text}' is no address`);
  return Uint8Array.from([...v6].flatMap((group) => [group >> 8, group & 0xff]));
}
