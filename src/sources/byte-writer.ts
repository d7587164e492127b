// SPDX-License-Identifier: Apache-2.0
import { encodeText } from '../util/byte-text.js';

/** Only whole characters are written: with so much more room, a text that is too long takes more than it may. */
const SLACK = 4;

/** A growing little-endian buffer. */
export class ByteWriter {
  private buffer = Buffer.alloc(64 * 1024);
  private view = dataView(this.buffer);
  private at = 0;

  get length(): number {
    return this.at;
  }

  /** What was written; the writer is empty then. The buffer is valid until the next write. */
  take(): Buffer {
    const taken = this.buffer.subarray(0, this.at);
    this.at = 0;
    return taken;
  }

  /** Where `bytes` are to be written by the caller, into {@link bytesIn} or {@link dataIn}, which the next write may replace. */
  claim(bytes: number): number {
    this.room(bytes);
    const start = this.at;
    this.at += bytes;
    return start;
  }

  get bytesIn(): Uint8Array {
    return this.buffer;
  }

  get dataIn(): DataView<ArrayBufferLike> {
    return this.view;
  }

  u8(value: number): void {
    this.room(1);
    this.buffer[this.at++] = value;
  }

  u16(value: number): void {
    this.room(2);
    this.view.setUint16(this.at, value, true);
    this.at += 2;
  }

  u32(value: number): void {
    this.room(4);
    this.view.setUint32(this.at, value, true);
    this.at += 4;
  }

  setU32(at: number, value: number): void {
    this.view.setUint32(at, value, true);
  }

  u64(value: number | bigint): void {
    if (typeof value === 'number') {
      this.i64(value);
      return;
    }
    this.room(8);
    this.view.setBigUint64(this.at, value, true);
    this.at += 8;
  }

  i64(value: number): void {
    this.room(8);
    this.view.setUint32(this.at, value, true);
    this.view.setInt32(this.at + 4, Math.floor(value / 0x1_0000_0000), true);
    this.at += 8;
  }

  bytes(value: Uint8Array): void {
    this.room(value.length);
    this.buffer.set(value, this.at);
    this.at += value.length;
  }

  /** Text with its length (u16) before it, cut to `max` bytes. */
  text(value: string, max: number): void {
    this.room(2 + max);
    const written = this.utf8(value, this.at + 2, max);
    this.u16(written);
    this.at += written;
  }

  /** Zero-closed texts with their length (u16) before them; those that do not fit whole are left out. */
  zeros(list: readonly string[], max: number): void {
    this.room(2 + max + SLACK);
    const whole = list.length === 0 ? '' : `${list.join('\0')}\0`;
    let written = whole.length > max ? max + 1 : this.utf8(whole, this.at + 2, max + SLACK);
    if (written > max) written = this.someZeros(list, this.at + 2, max);
    this.u16(written);
    this.at += written;
  }

  private someZeros(list: readonly string[], from: number, max: number): number {
    let at = from;
    for (const item of list) {
      const left = from + max - 1 - at;
      if (item.length > left) break;
      const written = this.utf8(item, at, left + SLACK);
      if (written > left) break;
      at += written;
      this.buffer[at++] = 0;
    }
    return at - from;
  }

  /** Text in a field of `size` bytes, closed by a zero. */
  fixed(value: string, size: number): void {
    const bytes = Buffer.alloc(size);
    encodeText(value).copy(bytes, 0, 0, size - 1);
    this.bytes(bytes);
  }

  /** An entry with its length (u32) before it. `whole`: the length counts itself. */
  sized(whole: boolean, body: () => void): void {
    const start = this.at;
    this.u32(0);
    body();
    this.setU32(start, this.at - start - (whole ? 0 : 4));
  }

  /** There must be room for `max` bytes. */
  private utf8(value: string, at: number, max: number): number {
    if (value === '') return 0;
    return value.isWellFormed() ? this.buffer.write(value, at, max, 'utf8') : encodeText(value).copy(this.buffer, at, 0, max);
  }

  private room(bytes: number): void {
    if (this.at + bytes <= this.buffer.length) return;
    const larger = Buffer.alloc(Math.max(this.buffer.length * 2, this.at + bytes));
    this.buffer.copy(larger, 0, 0, this.at);
    this.buffer = larger;
    this.view = dataView(larger);
  }
}

function dataView(buffer: Buffer): DataView<ArrayBufferLike> {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

/** Bytes of an address in its text form, in network order. */
export function ipBytes(text: string): Uint8Array {
  if (!text.includes(':')) return Uint8Array.from(text.split('.'), Number);
  const bytes = new Uint8Array(16);
  let [head, tail] = text.split('::');
  // A closing IPv4 address counts as two groups.
  const dotted = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  if (dotted !== null) {
    const [a, b, c, d] = dotted.slice(1).map(Number);
    const groups = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
    if (tail === undefined) head = head.replace(dotted[0], groups);
    else tail = tail.replace(dotted[0], groups);
  }
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  first.forEach((group, i) => {
    const value = Number.parseInt(group, 16);
    bytes[2 * i] = value >> 8;
    bytes[2 * i + 1] = value & 0xff;
  });
  last.forEach((group, i) => {
    const value = Number.parseInt(group, 16);
    const at = 16 - 2 * (last.length - i);
    bytes[at] = value >> 8;
    bytes[at + 1] = value & 0xff;
  });
  return bytes;
}
