// SPDX-License-Identifier: Apache-2.0
/** Builds scap events by names and JavaScript values, for tests that need an event nobody recorded. */
import { EventView } from '../../src/events/event-view.js';
import { EVENTS, type EventRow, LARGE, type ParamRow } from '../../src/events/table.js';
import { ByteWriter, ipBytes } from '../../src/sources/byte-writer.js';
import type { State } from '../../src/state/state.js';

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
  if (typeof value === 'string') return Buffer.from(`${value}\0`);
  if (typeof value === 'object') return Buffer.from(value.map((item) => `${item}\0`).join(''));
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
  const w = new ByteWriter();
  w.u64(options.ts ?? clock);
  w.i64(options.tid ?? 1000);
  w.u32(0);
  w.u16(row.type);
  w.u32(params.length);
  for (const bytes of params) {
    if ((row.flags & LARGE) !== 0) w.u32(bytes.length);
    else w.u16(bytes.length);
  }
  for (const bytes of params) w.bytes(bytes);
  w.setU32(16, w.length);
  return Buffer.from(w.take());
}

/** A view on one event of its own. */
export function viewOf(event: Uint8Array, view = new EventView()): EventView {
  view.attach(event.buffer, event.byteOffset, event.byteLength);
  view.bind(0, event.byteLength);
  return view;
}

let num = 0;

/** Puts an event through the state; `look` sees the view as rules and outputs would. */
export function feed(
  state: State, key: string, values: Readonly<Record<string, ParamValue>> = {}, options: EventOptions = {}, look?: (view: EventView) => void,
): void {
  const view = viewOf(buildEvent(key, values, options));
  view.num = ++num;
  state.apply(view);
  look?.(view);
  state.after(view);
}

const FAMILY = { unix: 1, inet: 2, inet6: 10 };

/** A SOCKADDR parameter: `['10.0.0.1', 80]`, or a unix path. */
export function sockaddr(address: readonly [ip: string, port: number] | string): Uint8Array {
  if (typeof address === 'string') return Buffer.concat([Buffer.from([FAMILY.unix]), Buffer.from(`${address}\0`)]);
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
  return Buffer.concat([ends, Buffer.from(`${path}\0`)]);
}
