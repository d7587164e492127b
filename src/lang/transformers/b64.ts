// SPDX-License-Identifier: Apache-2.0
/** `b64`: decodes base64. Strict: another character, or bits that padding would drop, make it no value. */
import { decodeBytes } from '../../util/byte-text.js';
import { each } from './transformer.js';

export const b64 = each('b64', ['CHARBUF', 'BYTEBUF'], (value) => {
  if (typeof value === 'string') {
    const decoded = decode(value);
    if (decoded === null) return null;
    // Text ends at a NUL wherever it is compared or printed.
    const nul = decoded.indexOf(0);
    return decodeBytes(decoded, 0, nul === -1 ? decoded.length : nul);
  }
  const bytes = value as Uint8Array;
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  const decoded = decode(Buffer.from(bytes.buffer, bytes.byteOffset, end).toString('latin1'));
  return decoded === null ? null : new Uint8Array(decoded);
});

function decode(text: string): Buffer | null {
  if (text === '') return Buffer.alloc(0);
  const digits = text.replace(/==?$/, '');
  if (digits === '' || digits.length % 4 === 1 || !/^[A-Za-z0-9+/]*$/.test(digits)) return null;
  const decoded = Buffer.from(digits, 'base64');
  return decoded.toString('base64').replace(/=+$/, '') === digits ? decoded : null;
}
