// SPDX-License-Identifier: Apache-2.0
// HOT PATH
/** What generated code calls. */
import type { Scalar, Value } from '../lang/value.js';

export type Test = (value: Scalar) => boolean;
export type PairTest = (left: Scalar, right: Scalar) => boolean;

/** Candidates, of which one has to pass: an array of them, or a single value. */
export function someOf(value: Value, test: Test): boolean {
  if (value === null) return false;
  if (!Array.isArray(value)) return test(value as Scalar);
  for (let i = 0; i < value.length; i++) if (test(value[i] as Scalar)) return true;
  return false;
}

/** Candidates, all of which have to pass; none at all do not. */
export function eachOf(value: Value, test: Test): boolean {
  if (value === null) return false;
  if (!Array.isArray(value)) return test(value as Scalar);
  for (let i = 0; i < value.length; i++) if (!test(value[i] as Scalar)) return false;
  return value.length > 0;
}

/** The elements of a list, all of which have to pass: an empty list does. */
export function everyElement(value: Value, test: Test): boolean {
  if (value === null) return false;
  const list = value as readonly Scalar[];
  for (let i = 0; i < list.length; i++) if (!test(list[i] as Scalar)) return false;
  return true;
}

export function someElement(value: Value, test: Test): boolean {
  if (value === null) return false;
  const list = value as readonly Scalar[];
  for (let i = 0; i < list.length; i++) if (test(list[i] as Scalar)) return true;
  return false;
}

/** Whether a field has a value; no candidates are no value. */
export function hasCandidates(value: Value): boolean {
  return value !== null && (!Array.isArray(value) || value.length > 0);
}

export function pair(left: Value, right: Value, test: PairTest): boolean {
  return left !== null && right !== null && test(left as Scalar, right as Scalar);
}

export function somePair(left: Value, right: Value, test: PairTest): boolean {
  if (left === null || right === null) return false;
  if (!Array.isArray(left)) return test(left as Scalar, right as Scalar);
  for (let i = 0; i < left.length; i++) if (test(left[i] as Scalar, right as Scalar)) return true;
  return false;
}

export function eachPair(left: Value, right: Value, test: PairTest): boolean {
  if (left === null || right === null) return false;
  if (!Array.isArray(left)) return test(left as Scalar, right as Scalar);
  for (let i = 0; i < left.length; i++) if (!test(left[i] as Scalar, right as Scalar)) return false;
  return left.length > 0;
}

/** Lists: all elements of the left one are in the right one. */
export function everyInList(left: Value, right: Value, test: PairTest): boolean {
  if (left === null || right === null) return false;
  const list = left as readonly Scalar[];
  for (let i = 0; i < list.length; i++) if (!inList(list[i] as Scalar, right as readonly Scalar[], test)) return false;
  return true;
}

/** Lists: some element of the left one is in the right one. */
export function someInList(left: Value, right: Value, test: PairTest): boolean {
  if (left === null || right === null) return false;
  const list = left as readonly Scalar[];
  for (let i = 0; i < list.length; i++) if (inList(list[i] as Scalar, right as readonly Scalar[], test)) return true;
  return false;
}

function inList(value: Scalar, list: readonly Scalar[], test: PairTest): boolean {
  for (let i = 0; i < list.length; i++) if (test(value, list[i] as Scalar)) return true;
  return false;
}

/** A list of what a transformer is given in parentheses: lists within it are laid out, and one missing value is enough. */
export function listOf(values: readonly Value[]): Value {
  const out: Scalar[] = [];
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as Value;
    if (value === null) return null;
    if (!Array.isArray(value)) {
      out.push(value as Scalar);
    } else {
      for (let j = 0; j < value.length; j++) out.push(value[j] as Scalar);
    }
  }
  return out;
}
