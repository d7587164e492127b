// SPDX-License-Identifier: Apache-2.0
import type { CompareOperator } from '../ast.js';
import type { Code, Slots } from '../code.js';
import type { Constant } from '../constants.js';
import type { Kind } from '../kinds.js';
import type { Scalar } from '../value.js';

/**
 * One comparison. Absent values never get here: a field without a value fails every check, `!=` too. Lists, candidates and
 * modifiers are made of these by `lang/compare.ts`.
 */
export interface Operator {
  /** `==` is registered as `=`. */
  readonly name: Exclude<CompareOperator, '=='>;
  /** What it may compare. */
  readonly kinds: readonly Kind[];
  /** Takes all constants of a list at once, rather than one. */
  readonly many: boolean;
  /** May the right side be a field? */
  readonly fields: boolean;
  /** A test of a value against constants, made once when rules are compiled; `constants` has one element unless `many`. */
  readonly against: (kind: Kind, constants: readonly Constant[]) => (value: Scalar) => boolean;
  /** A test of two values of the same kind. Only when `fields`. */
  readonly between: (kind: Kind) => (left: Scalar, right: Scalar) => boolean;
  /** The test as an expression over `value`, which may be null and must then make it false. Null: call `against`'s. */
  readonly inline?: (value: Code, kind: Kind, constants: readonly Constant[], slots: Slots) => Code | null;
  /** Relative cost of a test; cheaper ones are tried first. 1 is a comparison of numbers. */
  readonly cost: number;
  /** The plain meaning, for the reference evaluator: slow, obvious, and sharing nothing with the above. */
  readonly reference: (left: Scalar, right: Constant) => boolean;
}

export const TEXT: readonly Kind[] = ['text'];
export const BYTES: readonly Kind[] = ['bytes'];
export const TEXT_AND_BYTES: readonly Kind[] = ['text', 'bytes'];
export const EVERY_KIND: readonly Kind[] = ['text', 'bytes', 'integer', 'double', 'bool', 'ip', 'net'];
