// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byteLength, byteString, decodeBytes, encodeText, firstBytes, joined, ofByteString, shown } from '../../src/util/byte-text.js';

/** Bytes of which many runs are nearly UTF-8. */
const bytes = fc
  .array(
    fc.oneof(
      fc.constantFrom(0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xa9, 0xbf, 0xc0, 0xc1, 0xc2, 0xc3, 0xdf, 0xe0, 0xe1, 0xed, 0xef, 0xf0, 0xf1, 0xf4, 0xf5, 0xff).map((byte) => [byte]),
      fc.constantFrom('é', '\ufffd', '\u{1f600}', '\uffff', '\u07ff').map((text) => [...Buffer.from(text)]),
    ),
    { maxLength: 12 },
  )
  .map((parts) => Buffer.from(parts.flat()));
const every = (test: (one: Buffer) => void) => fc.assert(fc.property(bytes, (one) => void test(one)), { numRuns: 5000 });

describe('bytes as text', () => {
  it('come back as they were, whatever they are', () => every((one) => expect(encodeText(decodeBytes(one)).equals(one)).toBe(true)));

  it('are the usual text where they are UTF-8', () =>
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void expect(decodeBytes(Buffer.from(text))).toBe(text))));

  it('are the same texts only where the bytes are the same', () =>
    fc.assert(fc.property(bytes, bytes, (a, b) => void expect(decodeBytes(a) === decodeBytes(b)).toBe(a.equals(b))), { numRuns: 5000 }));

  it('are shown as UTF-8 decoders show them: U+FFFD for each broken sequence', () => {
    every((one) => expect(shown(decodeBytes(one))).toBe(one.toString('utf8')));
    expect(shown(decodeBytes(Buffer.from('a\xe1\x80b\xff', 'latin1')))).toBe('a\ufffdb\ufffd');
  });

  it('have their length in bytes, and are cut there', () => {
    every((one) => {
      const text = decodeBytes(one);
      expect(byteLength(text)).toBe(one.length);
      expect(byteString(text)).toBe(one.toString('latin1'));
      expect(ofByteString(byteString(text))).toBe(text);
      for (const most of [0, 1, 3, 100]) expect(encodeText(firstBytes(text, most)).equals(one.subarray(0, most))).toBe(true);
    });
  });

  it('make a character again where the parts of one are put together', () =>
    fc.assert(fc.property(bytes, fc.nat(12), (one, at) => void expect(joined(decodeBytes(one, 0, Math.min(at, one.length)) + decodeBytes(one, Math.min(at, one.length)))).toBe(decodeBytes(one))), { numRuns: 5000 }));

  it('of a part are that part of the bytes', () => expect(decodeBytes(Buffer.from('xéy\xff', 'latin1'), 1, 2)).toBe(decodeBytes(Buffer.from([0xe9]))));
});
