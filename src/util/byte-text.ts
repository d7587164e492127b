// SPDX-License-Identifier: Apache-2.0
// HOT PATH
/**
 * Bytes as text and back, with nothing lost. What the kernel calls a text is bytes: a file's name need not be UTF-8. Valid
 * sequences become their characters, and each other byte (0x80 to 0xFF) the lone half of a surrogate pair U+DC80 to U+DCFF,
 * which no valid bytes decode to. So texts that differ in a byte differ, and turning such a text into bytes gives the very
 * bytes that it was made of. Texts of ASCII, and valid UTF-8, are the usual strings.
 */

const ESCAPE = 0xdc00;
const REPLACEMENT = '\ufffd';
const NON_ASCII = /[^\0-\x7f]/;

/** The bytes from `start` to `end` as text. */
export function decodeBytes(bytes: Buffer, start = 0, end = bytes.length): string {
  for (let i = start; i < end; i++) {
    if (bytes[i] > 0x7f) {
      const text = bytes.toString('utf8', start, end);
      // Either bytes that are no UTF-8, or the replacement character itself.
      return text.includes(REPLACEMENT) ? decodeInvalid(bytes, start, end) : text;
    }
  }
  // Short texts are nearly always ASCII, where `latin1` is the faster decoder.
  return bytes.toString('latin1', start, end);
}

/** The bytes of a text. */
export function encodeText(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text, 'utf8');
  const bytes = Buffer.allocUnsafe(text.length * 3);
  let at = 0;
  let done = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (isHigh(unit) && isLow(text.charCodeAt(i + 1))) {
      i++;
    } else if (unit >= ESCAPE + 0x80 && unit <= ESCAPE + 0xff) {
      at += bytes.write(text.slice(done, i), at, 'utf8');
      bytes[at++] = unit - ESCAPE;
      done = i + 1;
    }
  }
  at += bytes.write(text.slice(done), at, 'utf8');
  return bytes.subarray(0, at);
}

/** Texts that were put together, whose last and first bytes may make a character now. */
export function joined(text: string): string {
  return text.isWellFormed() ? text : decodeBytes(encodeText(text));
}

/** As it is shown: valid UTF-8, each sequence of bytes that is none being U+FFFD. */
export function shown(text: string): string {
  return text.isWellFormed() ? text : encodeText(text).toString('utf8');
}

/** A byte as the character that stands for it where it is part of no valid sequence. */
export function byteEscape(byte: number): string {
  return String.fromCharCode(byte < 0x80 ? byte : ESCAPE + byte);
}

/** The bytes of a text as characters U+0000 to U+00FF; ASCII text is its own byte string. */
export function byteString(text: string): string {
  return NON_ASCII.test(text) ? encodeText(text).toString('latin1') : text;
}

/** The text of a byte string. */
export function ofByteString(bytes: string): string {
  return NON_ASCII.test(bytes) ? decodeBytes(Buffer.from(bytes, 'latin1')) : bytes;
}

/** Length in bytes. */
export function byteLength(text: string): number {
  if (!NON_ASCII.test(text)) return text.length;
  return text.isWellFormed() ? Buffer.byteLength(text, 'utf8') : encodeText(text).length;
}

/** The first `most` bytes. */
export function firstBytes(text: string, most: number): string {
  if (text.length * 3 <= most) return text;
  return NON_ASCII.test(text) ? decodeBytes(encodeText(text).subarray(0, most)) : text.slice(0, most);
}

function decodeInvalid(bytes: Buffer, start: number, end: number): string {
  let text = '';
  let done = start;
  let i = start;
  while (i < end) {
    const length = sequenceLength(bytes, i, end);
    if (length === 0) {
      text += bytes.toString('utf8', done, i) + byteEscape(bytes[i]);
      done = ++i;
    } else {
      i += length;
    }
  }
  return text + bytes.toString('utf8', done, end);
}

/** Bytes of the character at `at`; 0: none begins there (RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF). */
function sequenceLength(bytes: Buffer, at: number, end: number): number {
  const first = bytes[at];
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (at + length > end) return 0;
  const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (bytes[at + 1] < least || bytes[at + 1] > most) return 0;
  for (let i = 2; i < length; i++) if ((bytes[at + i] & 0xc0) !== 0x80) return 0;
  return length;
}

const isHigh = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;
const isLow = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff;
