// SPDX-License-Identifier: Apache-2.0
/**
 * What can be said of a plain path before anything else of an event is known: it may matter (`any`), or only where one of
 * some tests holds. None of them: it does not matter. A path is plain when it is absolute and nothing in it has to be
 * resolved: no `//`, `/.` or `./`, no slash at its end. Others always pass.
 */
import { PathTest } from '../sources/native-contract.js';
import { byteLength } from '../util/byte-text.js';

export interface Test {
  readonly test: PathTest;
  readonly text: string;
}

export type Paths = 'any' | ReadonlyMap<string, Test>;

export const NONE: Paths = new Map();
export const isNone = (paths: Paths): boolean => paths !== 'any' && paths.size === 0;
/** More tests than this are no sieve. */
const MOST = 1000;
export const NOT_PLAIN = /\/\/|\/\.|\.\//;
export const TAIL_BYTES = 4;

function one(test: PathTest, text: string): Paths {
  return new Map([[`${test} ${text}`, { test, text }]]);
}

export function either(a: Paths, b: Paths): Paths {
  if (a === 'any' || b === 'any') return 'any';
  if (a.size === 0) return b;
  if (b.size === 0) return a;
  const all = new Map([...a, ...b]);
  return all.size > MOST ? 'any' : all;
}

/** Both are necessary: one of them is enough of a test, the narrower one. */
export function both(a: Paths, b: Paths): Paths {
  if (a === 'any') return b;
  if (b === 'any') return a;
  return weight(a) <= weight(b) ? a : b;
}

/** How much a set of tests lets through, as a guess. */
function weight(paths: ReadonlyMap<string, Test>): number {
  let sum = 0;
  for (const { test, text } of paths.values()) sum += test === PathTest.Prefix ? 10 + 1000 / text.length : test === PathTest.Tail ? 5 : test === PathTest.Directory ? 3 : 1;
  return sum;
}

const inPlain = (text: string): boolean => !NOT_PLAIN.test(text);

export const equals = (path: string): Paths => (path.startsWith('/') && path.length > 1 && inPlain(path) && !path.endsWith('/') ? one(PathTest.Whole, path) : NONE);

export function beginsWith(text: string): Paths {
  if (text === '' || text === '/') return 'any';
  return text.startsWith('/') && inPlain(text) ? one(PathTest.Prefix, text) : NONE;
}

export function endsWith(text: string): Paths {
  if (!inPlain(text) || text.endsWith('/')) return NONE;
  const slash = text.lastIndexOf('/');
  if (slash !== -1) return one(PathTest.Name, text.slice(slash + 1));
  return byteLength(text) >= TAIL_BYTES ? one(PathTest.Tail, text) : 'any';
}

export const contains = (text: string): Paths => (inPlain(text) ? 'any' : NONE);

/** A pattern as fnmatch(3) takes it. */
export function matches(pattern: string): Paths {
  const special = /[*?[\]\\]/;
  const first = pattern.search(special);
  if (first === -1) return equals(pattern);
  const pieces = pattern.split(/[*?]/);
  // Within brackets and behind a backslash nothing is what it seems.
  if (!/[[\]\\]/.test(pattern) && pieces.some((piece) => !inPlain(piece))) return NONE;
  let last = pattern.length - 1;
  while (!special.test(pattern[last])) last--;
  return both(beginsWith(pattern.slice(0, first)), last === pattern.length - 1 ? 'any' : endsWith(pattern.slice(last + 1)));
}

/** One of the paths `pmatch` takes: the path or what lies below it, by components. */
export function liesBelow(path: string): Paths {
  const parts = path.split('/').filter((part) => part !== '');
  const wild = parts.findIndex((part) => /[*?[\]\\]/.test(part));
  const fixed = wild === -1 ? parts : parts.slice(0, wild);
  return fixed.length === 0 ? 'any' : beginsWith(`/${fixed.join('/')}`);
}

/** The path's directory is `path`. */
export function liesIn(path: string): Paths {
  if (path === '/') return one(PathTest.Directory, '');
  return isNone(equals(path)) ? NONE : one(PathTest.Directory, path);
}

/** The last component is `name`. */
export const isNamed = (name: string): Paths => (name === '' || name.includes('/') || name.startsWith('.') ? NONE : one(PathTest.Name, name));

/** The last component ends with `text`. */
export const nameEndsWith = (text: string): Paths => (text.includes('/') ? NONE : endsWith(text));
