// SPDX-License-Identifier: Apache-2.0
/**
 * `in` and `intersects`. Of one value they ask the same; of a list `in` asks whether all its elements are among the
 * constants (so an empty one is), `intersects` whether any is.
 */
import { type Code, joinCode, js, type Slots } from '../code.js';
import type { Constant } from '../constants.js';
import type { Kind } from '../kinds.js';
import type { Scalar } from '../value.js';
import { equals, equalTo } from './equality.js';
import { EVERY_KIND, type Operator } from './operator.js';
import { referenceEqual } from './reference-equal.js';

/** Up to so many, comparing with each is cheaper than hashing the value. */
const FEW = 3;

function membership(name: 'in' | 'intersects'): Operator {
  return {
    name,
    kinds: EVERY_KIND,
    many: true,
    fields: true,
    against: (kind, constants) => memberOf(kind, constants),
    between: (kind) => equals.between(kind),
    inline: inlineMember,
    cost: 2,
    reference: referenceEqual,
  };
}

export const memberships: readonly Operator[] = [membership('in'), membership('intersects')];

export function memberOf(kind: Kind, constants: readonly Constant[]): (value: Scalar) => boolean {
  if (kind === 'net' || kind === 'bytes') {
    const tests = constants.map((constant) => equalTo(kind, constant));
    return (value) => {
      for (let i = 0; i < tests.length; i++) if ((tests[i] as (value: Scalar) => boolean)(value)) return true;
      return false;
    };
  }
  const set = new Set<Scalar>(constants as readonly Scalar[]);
  return (value) => set.has(value);
}

function inlineMember(value: Code, kind: Kind, constants: readonly Constant[], slots: Slots): Code | null {
  if (kind === 'net' || kind === 'bytes') return null;
  const distinct = [...new Set(constants)] as (string | number | bigint | boolean)[];
  if (distinct.length === 0) return js`false`;
  // null is in no set and equal to no constant.
  if (distinct.length > FEW) return js`${slots.keyed(constants, () => new Set(distinct))}.has(${value})`;
  return js`(${joinCode(distinct.map((constant) => js`${value}===${constant}`), js`||`)})`;
}
