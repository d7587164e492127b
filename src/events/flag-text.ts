// SPDX-License-Identifier: Apache-2.0
/** Flags, enumerations and modes by name. */
import { FLAG_SETS, type FlagSet, type NamedValues } from './flags.js';

/** The same few values come again and again. */
const MAX_CACHED = 4096;
const flagCache = new Map<FlagSet, Map<number, string>>();

function cached(set: FlagSet, value: number, compute: (names: NamedValues, value: number) => string): string {
  let known = flagCache.get(set);
  if (known === undefined) {
    known = new Map();
    flagCache.set(set, known);
  }
  let text = known.get(value);
  if (text === undefined) {
    text = compute(FLAG_SETS[set], value);
    if (known.size >= MAX_CACHED) known.clear();
    known.set(value, text);
  }
  return text;
}

/** `O_CREAT|O_RDWR`: the names of the bits that are set. */
export function flagNames(set: FlagSet, value: number): string {
  return cached(set, value, computeFlags);
}

/** `AF_LOCAL|AF_UNIX`: the names of a number. */
export function enumNames(set: FlagSet, value: number): string {
  return cached(set, value, computeEnum);
}

/** Each flag takes its bits away, so that O_RDWR does not come with O_RDONLY and O_WRONLY. */
function computeFlags(names: NamedValues, initial: number): string {
  let rest = initial;
  let text = '';
  for (const [name, value] of names) {
    const match = value === 0 ? initial === 0 : rest !== 0 && (rest & value) >>> 0 === value;
    if (!match) continue;
    rest = (rest & ~value) >>> 0;
    text += text === '' ? name : `|${name}`;
    if (value === initial) break;
  }
  return text;
}

/** All names of the value: AF_LOCAL and AF_UNIX are one. */
function computeEnum(names: NamedValues, value: number): string {
  let text = '';
  for (const [name, named] of names) if (named === value) text += text === '' ? name : `|${name}`;
  return text;
}

function computeMode(names: NamedValues, initial: number): string {
  let rest = initial;
  let text = '';
  for (const [name, value] of names) {
    if (value === initial) return text === '' ? name : `${text}|${name}`;
    if (value === 0 || rest === 0 || (rest & value) >>> 0 !== value) continue;
    rest = (rest & ~value) >>> 0;
    text += text === '' ? name : `|${name}`;
  }
  return text;
}

/** `S_IWUSR|S_IRUSR`: a file mode, bit by bit. */
export function modeNames(set: FlagSet, mode: number): string {
  return computeMode(FLAG_SETS[set], mode);
}
