// SPDX-License-Identifier: Apache-2.0
// HOT PATH
/**
 * Short strings by their bytes: verbs, names of users and resources come again and again. Finding one again costs less than
 * decoding it, and the string that is found has its hash already, which every look-up in a rule's list asks for.
 */

const PLACES = 1 << 12;
const LONGEST = 96;
const BACKSLASH = 0x5c;
const places: string[] = new Array<string>(PLACES).fill('');

/** The string that these bytes are, or null when they are long, not ASCII, or hold an escape. */
export function knownText(bytes: Buffer, start: number, end: number): string | null {
  const length = end - start;
  if (length > LONGEST) return null;
  let hash = length;
  for (let i = start; i < end; i++) {
    const c = bytes[i];
    if (c >= 0x80 || c === BACKSLASH) return null;
    hash = Math.imul(hash ^ c, 0x01000193);
  }
  const place = (hash ^ (hash >>> 15)) & (PLACES - 1);
  const known = places[place];
  if (known.length === length && isSame(known, bytes, start)) return known;
  // A newer one takes the place of an older: the table is of a fixed size.
  const text = bytes.toString('latin1', start, end);
  places[place] = text;
  return text;
}

function isSame(text: string, bytes: Buffer, start: number): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}
