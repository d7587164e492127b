// SPDX-License-Identifier: Apache-2.0
// HOT PATH
/** Text as the ecosystem sees it: bytes in the C locale, so that only ASCII letters have a case. */
import { byteString, encodeText } from '../util/byte-text.js';

const NON_ASCII = /[^\0-\x7f]/;
const UPPER = /[A-Z]+/g;
const LOWER = /[a-z]+/g;

/** `tolower` of every byte: 'Ä' stays as it is, and the Kelvin sign does not become a k. */
export function asciiLower(text: string): string {
  return NON_ASCII.test(text) ? text.replace(UPPER, (s) => s.toLowerCase()) : text.toLowerCase();
}

export function asciiUpper(text: string): string {
  return NON_ASCII.test(text) ? text.replace(LOWER, (s) => s.toUpperCase()) : text.toUpperCase();
}

/**
 * Comparisons of parts are of bytes. Only where the part ends or begins within a character, or in the middle of what is none,
 * is that another thing than to compare the texts (`util/byte-text.ts`).
 */
export type TextTest = (text: unknown) => boolean;

export function startsWithTest(part: string): TextTest {
  return part.isWellFormed() ? (text) => (text as string).startsWith(part) : (text) => startsWith(text as string, part);
}

export function endsWithTest(part: string): TextTest {
  return part.isWellFormed() ? (text) => (text as string).endsWith(part) : (text) => endsWith(text as string, part);
}

export function includesTest(part: string): TextTest {
  return part.isWellFormed() ? (text) => (text as string).includes(part) : (text) => includes(text as string, part);
}

export function startsWith(text: string, part: string): boolean {
  return part.isWellFormed() ? text.startsWith(part) : byteString(text).startsWith(byteString(part));
}

export function endsWith(text: string, part: string): boolean {
  return part.isWellFormed() ? text.endsWith(part) : byteString(text).endsWith(byteString(part));
}

export function includes(text: string, part: string): boolean {
  return part.isWellFormed() ? text.includes(part) : byteString(text).includes(byteString(part));
}

/** strcmp: order of the bytes, which for UTF-8 is the order of code points and not of UTF-16 units. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  if (!a.isWellFormed() || !b.isWellFormed()) return Buffer.compare(encodeText(a), encodeText(b));
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
