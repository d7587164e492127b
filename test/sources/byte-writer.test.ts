// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteWriter } from '../../src/sources/byte-writer.js';

const written = (write: (w: ByteWriter) => void): Buffer => {
  const w = new ByteWriter();
  // Something that was there before must not show through.
  w.bytes(Buffer.alloc(5000, 0xee));
  w.take();
  write(w);
  return Buffer.from(w.take());
};

describe('what a capture file is written with', () => {
  it('zero-closed texts: as many whole ones as fit, with the length before them', () => {
    const text = fc.string({ unit: 'binary', maxLength: 12 }).map((s) => s.replaceAll('\0', ''));
    fc.assert(
      fc.property(fc.array(text, { maxLength: 8 }), fc.integer({ min: 0, max: 60 }), (list, max) => {
        let expected = Buffer.alloc(0);
        for (const item of list) {
          const next = Buffer.concat([expected, Buffer.from(`${item}\0`)]);
          if (next.length > max) break;
          expected = next;
        }
        const bytes = written((w) => w.zeros(list, max));
        expect(bytes.readUInt16LE(0)).toBe(expected.length);
        expect(bytes.subarray(2)).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('a text: cut to so many bytes, at the end of a character', () => {
    const bytes = written((w) => {
      w.text('aä€', 3);
      w.text('aä€', 5);
      w.text('aä€', 6);
      w.text('', 6);
    });
    expect(bytes).toEqual(Buffer.concat(['aä', 'aä', 'aä€', ''].flatMap((text) => [Buffer.from([Buffer.byteLength(text), 0]), Buffer.from(text)])));
  });

  it('64-bit numbers, of both kinds and signs', () => {
    for (const value of [0, 1, -1, 4096, -4096, 0xffff_ffff, 0x1_0000_0000, -0x1_0000_0000, -0x1_0000_0001, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]) {
      expect(written((w) => w.i64(value)).readBigInt64LE(0)).toBe(BigInt(value));
      expect(written((w) => w.u64(value)).readBigUint64LE(0)).toBe(BigInt.asUintN(64, BigInt(value)));
      expect(written((w) => w.u64(BigInt(value))).readBigUint64LE(0)).toBe(BigInt.asUintN(64, BigInt(value)));
    }
    expect(written((w) => w.u64(0xffff_ffff_ffff_fffen)).readBigUint64LE(0)).toBe(0xffff_ffff_ffff_fffen);
  });
});
