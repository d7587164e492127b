// SPDX-License-Identifier: Apache-2.0
/** `< <= > >=`: numbers by value, text by its bytes. */
import { encodeText } from '../../util/byte-text.js';
import { type Code, js } from '../code.js';
import type { Constant } from '../constants.js';
import type { Kind } from '../kinds.js';
import { compareText } from '../text.js';
import type { Operator } from './operator.js';

const KINDS: readonly Kind[] = ['text', 'integer', 'double'];
type Number = number | bigint;

function ordering(
  name: '<' | '<=' | '>' | '>=', symbol: Code, numbers: (a: Number, b: Number) => boolean, sign: (order: number) => boolean,
): Operator {
  return {
    name,
    kinds: KINDS,
    many: false,
    fields: true,
    against: (kind, constants) => {
      const constant = constants[0] as Constant;
      return kind === 'text'
        ? (value) => sign(compareText(value as string, constant as string))
        : (value) => numbers(value as Number, constant as Number);
    },
    between: (kind) =>
      kind === 'text'
        ? (a, b) => sign(compareText(a as string, b as string))
        : (a, b) => numbers(a as Number, b as Number),
    inline: (value, kind, constants) =>
      kind === 'text' ? null : js`(${value}!==null&&${value}${symbol}${constants[0] as Number})`,
    cost: 1,
    reference: (left, right) =>
      typeof left === 'string'
        ? sign(Buffer.compare(encodeText(left), encodeText(right as string)))
        : sign(typeof left === 'bigint' || typeof right === 'bigint'
          ? Number(BigInt.asIntN(66, BigInt(left as number) - BigInt(right as number)) > 0n) - Number(BigInt(left as number) < BigInt(right as number))
          : (left as number) - (right as number)),
  };
}

export const orderings: readonly Operator[] = [
  ordering('<', js`<`, (a, b) => a < b, (order) => order < 0),
  ordering('<=', js`<=`, (a, b) => a <= b, (order) => order <= 0),
  ordering('>', js`>`, (a, b) => a > b, (order) => order > 0),
  ordering('>=', js`>=`, (a, b) => a >= b, (order) => order >= 0),
];
