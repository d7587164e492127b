// SPDX-License-Identifier: Apache-2.0
/** JSON as the ecosystem prints it: keys sorted, no blanks, 64-bit integers with all their digits. */
import { shown } from '../util/byte-text.js';
import { escapeInvisible } from '../util/printable.js';

export type JsonInput = string | number | bigint | boolean | null | undefined | Uint8Array | readonly JsonInput[] | { readonly [key: string]: JsonInput };

/** Keys whose value is undefined are left out. */
export function sortedJson(value: JsonInput): string {
  switch (typeof value) {
    case 'string':
      return quoted(value);
    case 'number':
      return Number.isFinite(value) ? String(value) : 'null';
    case 'bigint':
    case 'boolean':
      return String(value);
    case 'undefined':
      return 'null';
    default:
      break;
  }
  if (value === null) return 'null';
  if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value).toString('latin1'));
  if (isArray(value)) return `[${value.map(sortedJson).join(',')}]`;
  const keys = Object.keys(value);
  // The order of UTF-8 is that of UTF-16 but for surrogates.
  if (keys.some(hasSurrogates)) keys.sort(byBytes);
  else keys.sort();
  let text = '';
  for (const key of keys) {
    if (value[key] !== undefined) text += `${text === '' ? '' : ','}${quoted(key)}:${sortedJson(value[key])}`;
  }
  return `{${text}}`;
}

/**
 * A JSON string; bytes that are no UTF-8 become the replacement character. What JSON lets stand although terminals and
 * viewers obey it (see `util/printable.ts`) is escaped too: a file's name must not paint over the alert about it.
 */
export function quoted(text: string): string {
  return escapeInvisible(JSON.stringify(shown(text)));
}

const hasSurrogates = (text: string): boolean => /[\ud800-\udfff]/.test(text);

function isArray(value: readonly JsonInput[] | { readonly [key: string]: JsonInput }): value is readonly JsonInput[] {
  return Array.isArray(value);
}

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
