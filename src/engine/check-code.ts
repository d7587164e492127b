// SPDX-License-Identifier: Apache-2.0
/** The code of one check, over operands that have been read into variables. */
import { type Code, joinCode, js, type Slots } from '../lang/code.js';
import type { Constant } from '../lang/constants.js';
import { kindOf } from '../lang/kinds.js';
import type { Operator } from '../lang/operators/operator.js';
import type { CheckNode } from './plan.js';
import { PrefixSet } from './prefix-set.js';
import {
  eachOf, eachPair, everyElement, everyInList, hasCandidates, pair, type PairTest, someElement, someInList, someOf, somePair,
  type Test,
} from './runtime.js';

/** Up to so many constants of a modifier are written out. */
const FEW = 8;

/** An expression that is true or false. `left` and `right` are names of variables, read already. */
export function checkCode<E>(node: CheckNode<E>, left: Code, right: Code | null, slots: Slots): Code {
  const { operator } = node;
  if (operator === null) {
    return node.left.candidates === null ? js`${left}!==null` : js`${slots.of(hasCandidates)}(${left})`;
  }
  if (right !== null) return pairCode(node, operator, left, right, slots);
  if (node.left.list) {
    const helper = operator.name === 'in' ? everyElement : someElement;
    return js`${slots.of(helper)}(${left},${test(node, operator, slots)})`;
  }
  if (node.left.candidates !== null) {
    const helper = operator.name === '!=' && node.left.candidates === 'all' ? eachOf : someOf;
    return js`${slots.of(helper)}(${left},${test(node, operator, slots)})`;
  }
  return inlined(node, operator, left, slots) ?? js`(${left}!==null&&${test(node, operator, slots)}(${left}))`;
}

function inlined<E>(node: CheckNode<E>, operator: Operator, left: Code, slots: Slots): Code | null {
  const { inline } = operator;
  if (inline === undefined || node.anyPrefix) return null;
  const kind = kindOf(node.left.type);
  if (node.modifier === null) return inline(left, kind, node.constants, slots);
  if (node.modifier === 'oneof' || node.constants.length > FEW) return null;
  const parts: Code[] = [];
  for (const constant of node.constants) {
    const part = inline(left, kind, [constant], slots);
    if (part === null) return null;
    parts.push(part);
  }
  return js`(${joinCode(parts, node.modifier === 'anyof' ? js`||` : js`&&`)})`;
}

function pairCode<E>(node: CheckNode<E>, operator: Operator, left: Code, right: Code, slots: Slots): Code {
  const kind = kindOf(node.left.type);
  const between = slots.keyed(`pair ${node.id}`, () => operator.between(kind) satisfies PairTest);
  if (node.left.list) {
    return js`${slots.of(operator.name === 'in' ? everyInList : someInList)}(${left},${right},${between})`;
  }
  if (node.left.candidates !== null) {
    const helper = operator.name === '!=' && node.left.candidates === 'all' ? eachPair : somePair;
    return js`${slots.of(helper)}(${left},${right},${between})`;
  }
  if (kind !== 'bytes' && operator.name === '=') return js`(${left}!==null&&${left}===${right})`;
  return js`${slots.of(pair)}(${left},${right},${between})`;
}

function test<E>(node: CheckNode<E>, operator: Operator, slots: Slots): Code {
  return slots.keyed(`test ${node.id}`, () => testOf(node, operator));
}

/** The test of one value (of a list, one element) against the constants, modifier included. */
export function testOf<E>(node: CheckNode<E>, operator: Operator): Test {
  const kind = kindOf(node.left.type);
  if (node.anyPrefix) {
    const prefixes = new PrefixSet(node.constants as readonly string[]);
    return (value) => prefixes.test(value as string);
  }
  if (node.modifier === null) return operator.against(kind, node.constants);
  const tests = node.constants.map((constant: Constant) => operator.against(kind, [constant]));
  switch (node.modifier) {
    case 'anyof':
      return (value) => {
        for (let i = 0; i < tests.length; i++) if ((tests[i] as Test)(value)) return true;
        return false;
      };
    case 'allof':
      return (value) => {
        for (let i = 0; i < tests.length; i++) if (!(tests[i] as Test)(value)) return false;
        return true;
      };
    case 'oneof':
      return (value) => {
        let passed = 0;
        for (let i = 0; i < tests.length; i++) if ((tests[i] as Test)(value) && ++passed > 1) return false;
        return passed === 1;
      };
    default:
      return node.modifier satisfies never;
  }
}
