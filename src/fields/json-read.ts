// SPDX-License-Identifier: Apache-2.0
/** How a place in an audit event becomes the value of a field. */
import jsonpointer from 'jsonpointer';
import type { AuditEvent, JsonPath, JsonValue } from '../events/audit-event.js';
import { slotOf } from '../events/audit-scan.js';

/** A value and where it was found. */
export interface Found {
  readonly value: JsonValue;
  readonly path: JsonPath;
}

/** The keys of a JSON pointer (RFC 6901); a missing first slash is forgiven. */
export function pointerKeys(pointer: string): readonly string[] {
  if (pointer === '') return [];
  const keys = (pointer.startsWith('/') ? pointer.slice(1) : pointer).split('/');
  return keys.map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** Compiles a pointer to a look-up; undefined: nothing there. Only what the event says is found, never what JavaScript adds. */
export function compilePointer(pointer: string): (event: AuditEvent) => JsonValue | undefined {
  const keys = pointerKeys(pointer);
  // `constructor`, `__proto__`, `length` and the like: every object has them, but no event said so.
  if (keys.some((key) => key in Array.prototype)) return (event) => lookUpOwn(event.object, keys);
  const slot = keys.length === 0 ? -1 : slotOf(keys[0]);
  const absolute = pointer === '' || pointer.startsWith('/') ? pointer : `/${pointer}`;
  if (slot === -1) {
    const compiled = jsonpointer.compile(absolute);
    return (event) => compiled.get(event.object) as JsonValue | undefined;
  }
  if (keys.length === 1) return (event) => event.slot(slot);
  const inner = keys.length === 2 ? slotOf(keys[0], keys[1]) : -1;
  if (inner !== -1) return (event) => event.slot(inner);
  // The event's own members are parsed one by one, as they are asked for; the pointer goes on from there.
  const compiled = jsonpointer.compile(absolute.slice(absolute.indexOf('/', 1)));
  return (event) => {
    const member = event.slot(slot);
    return typeof member === 'object' && member !== null ? (compiled.get(member) as JsonValue | undefined) : undefined;
  };
}

function lookUpOwn(root: JsonValue, keys: readonly string[]): JsonValue | undefined {
  let value: JsonValue = root;
  for (const key of keys) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    if (Array.isArray(value) && key === 'length') return undefined;
    value = (value as Readonly<Record<string, JsonValue>>)[key];
  }
  return value;
}

/**
 * A value as text: strings as they are, numbers and literals as JSON writes them, objects and arrays as the event wrote
 * them, without the white space between tokens.
 */
export function asText(event: AuditEvent, value: JsonValue, path: JsonPath, key: string): string {
  switch (typeof value) {
    case 'string':
      return value;
    case 'boolean':
      return value ? 'true' : 'false';
    case 'number':
      // Beyond 2^53, and with a fraction, only the text has every digit.
      return Number.isSafeInteger(value) ? String(value) : event.textAt(path, key);
    default:
      return value === null ? 'null' : event.textAt(path, key);
  }
}

export const foundText = (event: AuditEvent, found: Found): string =>
  asText(event, found.value, found.path, found.path.join('/'));

/** No object of an API nests arrays in arrays so deep. */
const DEEPEST = 300;

/**
 * Follows keys through objects, and through every array on the way or, with an index, through that element of each. An
 * element that leads nowhere is a null in the answer; null instead of an answer: the way ended before any array. The last
 * value is not opened when it is an array, unless the last key is empty.
 */
export function follow(
  value: JsonValue | undefined,
  keys: readonly string[],
  index: number | null,
  path: JsonPath = [],
): readonly (Found | null)[] | null {
  if (path.length > DEEPEST) return null;
  let here = value;
  let at = path;
  for (let k = 0; k < keys.length; k++) {
    if (Array.isArray(here)) {
      const array: readonly JsonValue[] = here;
      if (index === null) {
        const all: (Found | null)[] = [];
        for (let n = 0; n < array.length; n++) {
          const below = follow(array[n], keys.slice(k), null, at.concat(n));
          if (below === null) all.push(null);
          else for (const found of below) all.push(found);
        }
        return all;
      }
      here = array[index];
      at = at.concat(index);
    }
    const key = keys[k];
    if (key !== '') {
      if (typeof here !== 'object' || here === null || Array.isArray(here) || !Object.hasOwn(here, key)) return null;
      here = (here as Readonly<Record<string, JsonValue>>)[key];
      at = at.concat(key);
    }
    if (here === undefined) return null;
  }
  return here === undefined ? null : [{ value: here, path: at }];
}

/** The same from the root of an event. */
export function followEvent(event: AuditEvent, keys: readonly string[], index: number | null): readonly (Found | null)[] | null {
  return follow(event.member(keys[0]), keys.slice(1), index, [keys[0]]);
}

/** An empty list and no list are one: absent. */
export const orAbsent = (list: readonly string[]): readonly string[] | null => (list.length === 0 ? null : list);
