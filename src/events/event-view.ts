// SPDX-License-Identifier: Apache-2.0
/**
 * HOT PATH. Reads one scap event where it lies: in a slab, in a capture file's block, or in a test's buffer. One view is
 * reused for all events of a source; nobody keeps it after the call that handed it over returned.
 */
import { canonicalInt } from '../lang/value.js';
import type { FdInfo } from '../state/fd-info.js';
import type { ThreadInfo } from '../state/thread-info.js';
import { decodeBytes } from '../util/byte-text.js';
import type { EngineEvent } from './event.js';
import { EVENTS, LARGE } from './table.js';

/** ts u64, tid u64, len u32, type u16, nparams u32. */
export const EVENT_HEADER_BYTES = 26;
const MAX_PARAMS = 64;
/** Events from here on are copied at once. */
const LONG_EVENT = 1024;
const NO_BYTES = new Uint8Array(0);
const TWO_32 = 0x1_0000_0000;
const LENGTH_BYTES = EVENTS.map((row) => ((row.flags & LARGE) !== 0 ? 4 : 2));

/** The event does not fit its own header. `offset` counts from the beginning of the event. */
export class EventDecodeError extends Error {
  constructor(
    message: string,
    readonly offset: number,
  ) {
    super(message);
    this.name = 'EventDecodeError';
  }
}

export class EventView implements EngineEvent {
  private data: DataView<ArrayBufferLike> = new DataView(NO_BYTES.buffer);
  private bytes: Buffer = Buffer.from(NO_BYTES.buffer);
  private readonly starts = new Int32Array(MAX_PARAMS + 1);
  private readonly strings: (string | null)[] = new Array<string | null>(MAX_PARAMS).fill(null);
  /** Which entries of `strings` belong to the present event. */
  private readonly stringSerial = new Int32Array(MAX_PARAMS);
  private serial = 0;
  private base = 0;

  type = 0;
  num = 0;
  cpu = 0;
  /** Thread id in the initial pid namespace. */
  tid = 0;
  paramCount = 0;
  /**
   * Halves of the time, signed: a larger number would not be a small integer, change the shape of the view, and make all
   * code that uses it be compiled again.
   */
  private tsLow = 0;
  tsHigh = 0;
  private previousLow = 0;
  private previousHigh = 0;
  /** Bytes of the whole event, header included. */
  length = 0;

  // What the state knows about the event. Set by `state/`, read by `fields/`.
  thread: ThreadInfo | null = null;
  /** The descriptor that the event is about, and its number. */
  fd: FdInfo | null = null;
  fdNum = -1;

  /** Points the view into another buffer; `bind` then takes offsets into it. */
  attach(buffer: ArrayBufferLike, byteOffset = 0, byteLength = buffer.byteLength - byteOffset): void {
    this.data = new DataView(buffer, byteOffset, byteLength);
    this.bytes = Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
  }

  /**
   * Moves to the event at `offset` of at most `limit` bytes.
   * @throws EventDecodeError when it does not fit: unknown lengths, parameters that reach beyond it.
   */
  bind(offset: number, limit: number): void {
    const data = this.data;
    if (limit < EVENT_HEADER_BYTES || offset + limit > data.byteLength) throw new EventDecodeError('event too short', 0);
    this.base = offset;
    this.previousLow = this.tsLow;
    this.previousHigh = this.tsHigh;
    this.tsLow = data.getInt32(offset, true);
    this.tsHigh = data.getInt32(offset + 4, true);
    // Thread ids are positive and small; the upper half is 0 (or ones for the wire's -1).
    this.tid = data.getInt32(offset + 8, true);
    const length = data.getUint32(offset + 16, true);
    const type = data.getUint16(offset + 20, true);
    const count = data.getUint32(offset + 22, true);
    if (length > limit) throw new EventDecodeError(`event says it has ${length} bytes, ${limit} are there`, 16);
    if (count > MAX_PARAMS) throw new EventDecodeError(`event says it has ${count} parameters`, 22);
    const lengthBytes = type < LENGTH_BYTES.length ? LENGTH_BYTES[type] : 2;
    const starts = this.starts;
    let at = EVENT_HEADER_BYTES + count * lengthBytes;
    if (at > length) throw new EventDecodeError('parameter lengths reach beyond the event', EVENT_HEADER_BYTES);
    let lengthAt = offset + EVENT_HEADER_BYTES;
    for (let i = 0; i < count; i++) {
      starts[i] = at;
      at += lengthBytes === 2 ? data.getUint16(lengthAt, true) : data.getUint32(lengthAt, true);
      lengthAt += lengthBytes;
    }
    starts[count] = at;
    if (at > length) throw new EventDecodeError(`parameters take ${at} of ${length} bytes`, EVENT_HEADER_BYTES);
    this.length = length;
    this.type = type;
    this.paramCount = count;
    this.serial = (this.serial + 1) | 0;
    this.thread = null;
    this.fd = null;
    this.fdNum = -1;
  }

  timestamp(): bigint {
    return this.data.getBigUint64(this.base, true);
  }

  /** Time of the event that the view stood at before; 0n at the first one. */
  previousTimestamp(): bigint {
    return (BigInt(this.previousHigh >>> 0) << 32n) | BigInt(this.previousLow >>> 0);
  }

  /** Nanoseconds since the epoch, rounded to what a float holds (about 200 ns): for time-outs and ordering only. */
  timestampFloat(): number {
    return this.data.getUint32(this.base + 4, true) * TWO_32 + this.data.getUint32(this.base, true);
  }

  /** Bytes of parameter `i`; 0 for an absent parameter or an empty one (an older writer may have fewer of them). */
  size(i: number): number {
    return i < this.paramCount ? this.starts[i + 1] - this.starts[i] : 0;
  }

  has(i: number): boolean {
    return i < this.paramCount && this.starts[i + 1] > this.starts[i];
  }

  u8(i: number): number {
    return this.size(i) >= 1 ? this.data.getUint8(this.base + this.starts[i]) : 0;
  }

  u16(i: number): number {
    return this.size(i) >= 2 ? this.data.getUint16(this.base + this.starts[i], true) : 0;
  }

  u32(i: number): number {
    return this.size(i) >= 4 ? this.data.getUint32(this.base + this.starts[i], true) : 0;
  }

  i32(i: number): number {
    return this.size(i) >= 4 ? this.data.getInt32(this.base + this.starts[i], true) : 0;
  }

  /** A signed 64-bit parameter whose values are small (descriptors, pids, results): no bigint, ever. */
  int(i: number): number {
    const size = this.size(i);
    const at = this.base + this.starts[i];
    if (size >= 8) {
      const high = this.data.getInt32(at + 4, true);
      return high === 0 ? this.data.getUint32(at, true) : high * TWO_32 + this.data.getUint32(at, true);
    }
    return size >= 4 ? this.data.getInt32(at, true) : 0;
  }

  i64(i: number): number | bigint {
    if (this.size(i) < 8) return 0;
    const at = this.base + this.starts[i];
    const high = this.data.getInt32(at + 4, true);
    if (high >= -0x1f_ffff && high <= 0x1f_ffff) return high * TWO_32 + this.data.getUint32(at, true);
    return canonicalInt(this.data.getBigInt64(at, true));
  }

  u64(i: number): number | bigint {
    if (this.size(i) < 8) return 0;
    const at = this.base + this.starts[i];
    const high = this.data.getUint32(at + 4, true);
    if (high === 0) return this.data.getUint32(at, true);
    if (high <= 0x1f_ffff) return high * TWO_32 + this.data.getUint32(at, true);
    return this.data.getBigUint64(at, true);
  }

  /** A text parameter without its closing zero, decoded once an event; null when absent or empty on the wire. */
  str(i: number): string | null {
    if (i >= this.paramCount) return null;
    if (this.stringSerial[i] === this.serial) return this.strings[i];
    const start = this.base + this.starts[i];
    let end = this.base + this.starts[i + 1];
    let text: string | null = null;
    if (end > start) {
      if (this.bytes[end - 1] === 0) end--;
      text = decodeBytes(this.bytes, start, end);
    }
    this.strings[i] = text;
    this.stringSerial[i] = this.serial;
    return text;
  }

  /** Zero-separated texts (argv, environment, cgroups), each closed by a zero. */
  strs(i: number): string[] {
    const out: string[] = [];
    if (i >= this.paramCount) return out;
    let start = this.base + this.starts[i];
    const end = this.base + this.starts[i + 1];
    while (start < end) {
      let stop = this.bytes.indexOf(0, start);
      if (stop === -1 || stop > end) stop = end;
      out.push(decodeBytes(this.bytes, start, stop));
      start = stop + 1;
    }
    return out;
  }

  /** A view on a parameter's bytes, valid during the event. */
  raw(i: number): Uint8Array {
    if (i >= this.paramCount) return NO_BYTES;
    return this.bytes.subarray(this.base + this.starts[i], this.base + this.starts[i + 1]);
  }

  /** The whole event, for a capture file; valid during the event. */
  block(): Uint8Array {
    return this.bytes.subarray(this.base, this.base + this.length);
  }

  /** Copies the whole event, {@link length} bytes, to `at` in `target`, which `bytes` are the bytes of. */
  copyTo(target: DataView<ArrayBufferLike>, bytes: Uint8Array, at: number): void {
    const length = this.length;
    if (length > LONG_EVENT) {
      bytes.set(this.bytes.subarray(this.base, this.base + length), at);
      return;
    }
    // A subarray is an allocation, which costs more than these few words.
    const data = this.data;
    const base = this.base;
    const words = length & ~3;
    let i = 0;
    for (; i < words; i += 4) target.setUint32(at + i, data.getUint32(base + i, true), true);
    for (; i < length; i++) target.setUint8(at + i, data.getUint8(base + i));
  }
}
