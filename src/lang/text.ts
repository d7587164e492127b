// SPDX-License-Identifier: Apache-2.0
// HOT PATH
/** Text as the ecosystem sees it: bytes in the C locale, so that only ASCII letters have a case. */

const NON_ASCII = /[^\0-\x7f]/;
const UPPER = /[A-Z]+/g;
const LOWER = /[a-z]+/g;

export function isAscii(text: string): boolean {
  return !NON_ASCII.test(text);
}

/** `tolower` of every byte: 'Ä' stays as it is, and the Kelvin sign does not become a k. */
export function asciiLower(text: string): string {
  return NON_ASCII.test(text) ? text.replace(UPPER, (s) => s.toLowerCase()) : text.toLowerCase();
}

export function asciiUpper(text: string): string {
  return NON_ASCII.test(text) ? text.replace(LOWER, (s) => s.toUpperCase()) : text.toUpperCase();
}

/** The UTF-8 bytes of a text as characters U+0000 to U+00FF; ASCII text is its own byte string. */
export function byteString(text: string): string {
  return NON_ASCII.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}

/** strcmp: order of the UTF-8 bytes, which is the order of code points and not of UTF-16 units. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    // Above the surrogates lie U+E000..U+FFFF, which come before what the surrogates stand for.
    const xSurrogate = x >= 0xd800 && x <= 0xdfff;
    const ySurrogate = y >= 0xd800 && y <= 0xdfff;
    if (xSurrogate !== ySurrogate) return xSurrogate ? (y >= 0xe000 ? 1 : x - y) : x >= 0xe000 ? -1 : x - y;
    return x - y;
  }
  return a.length - b.length;
}

/** Length in bytes without making them. */
export function byteLength(text: string): number {
  return NON_ASCII.test(text) ? Buffer.byteLength(text, 'utf8') : text.length;
}
