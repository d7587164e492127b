// SPDX-License-Identifier: Apache-2.0
/** All operators but `exists`, which compares nothing. To add one: a file here and a line below. */
import type { CompareOperator } from '../ast.js';
import { bstartswith, endswith, startswith } from './affixes.js';
import { bcontains, contains, icontains } from './contains.js';
import { differs, equals } from './equality.js';
import { globs } from './glob.js';
import { memberships } from './membership.js';
import type { Operator } from './operator.js';
import { orderings } from './ordering.js';
import { pmatch } from './pmatch.js';
import { regex } from './regex.js';

export const OPERATORS: readonly Operator[] = [
  equals,
  differs,
  ...orderings,
  contains,
  icontains,
  bcontains,
  startswith,
  bstartswith,
  endswith,
  ...globs,
  regex,
  ...memberships,
  pmatch,
];

const byName = new Map<string, Operator>(OPERATORS.map((operator) => [operator.name, operator]));

export function operatorOf(name: CompareOperator): Operator {
  return byName.get(name === '==' ? '=' : name) as Operator;
}
