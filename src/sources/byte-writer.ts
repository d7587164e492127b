// SPDX-License-Identifier: Apache-2.0
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
    this.at = this.buffer.writeUInt16LE(value & 0xffff, this.at);
  }

  u32(value: number): void {
    this.room(4);
    this.at = this.buffer.writeUInt32LE(value >>> 0, this.at);
  }

  setU32(at: number, value: number): void {
    this.buffer.writeUInt32LE(value >>> 0, at);
  }

  u64(value: number | bigint): void {
    this.room(8);
    this.at = this.buffer.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), this.at);
  }

  i64(value: number): void {
    this.room(8);
    this.at = this.buffer.writeBigInt64LE(BigInt(value), this.at);
  }

  bytes(value: Uint8Array): void {
    this.room(value.length);
    this.buffer.set(value, this.at);
    this.at += value.length;
  }

  /** Text with its length (u16) before it, cut to `max` bytes. */
  text(value: string, max: number): void {
    const bytes = Buffer.from(value).subarray(0, max);
    this.u16(bytes.length);
    this.bytes(bytes);
  }

  /** Zero-closed texts with their length (u16) before them; those that do not fit whole are left out. */
  zeros(list: readonly string[], max: number): void {
    const start = this.at;
    this.u16(0);
    for (const item of list) {
      const bytes = Buffer.from(item);
      if (this.at - start - 2 + bytes.length + 1 > max) break;
      this.bytes(bytes);
      this.u8(0);
    }
    this.buffer.writeUInt16LE(this.at - start - 2, start);
  }

  /** Text in a field of `size` bytes, closed by a zero. */
  fixed(value: string, size: number): void {
    const bytes = Buffer.alloc(size);
    Buffer.from(value).copy(bytes, 0, 0, size - 1);
    this.bytes(bytes);
  }

  /** An entry with its length (u32) before it. `whole`: the length counts itself. */
  sized(whole: boolean, body: () => void): void {
    const start = this.at;
    this.u32(0);
    body();
    this.setU32(start, this.at - start - (whole ? 0 : 4));
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
