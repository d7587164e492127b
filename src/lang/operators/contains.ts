// SPDX-License-Identifier: Apache-2.0
/** `contains`, `icontains` (ASCII case does not count) and `bcontains` (hexadecimal constant). */
import { byteString } from '../../util/byte-text.js';
import { containsBytes } from '../bytes.js';
import { js } from '../code.js';
import { asciiLower, includes, includesTest } from '../text.js';
import { BYTES, type Operator, TEXT, TEXT_AND_BYTES } from './operator.js';
import { referenceHex } from './reference-equal.js';

const bytesContain = (left: unknown, right: unknown): boolean => containsBytes(left as Uint8Array, right as Uint8Array);

export const contains: Operator = {
  name: 'contains',
  kinds: TEXT_AND_BYTES,
  many: false,
  fields: true,
  against: (kind, constants) => {
    const [constant] = constants;
    return kind === 'bytes' ? (value) => bytesContain(value, constant) : includesTest(constant as string);
  },
  between: (kind) => (kind === 'bytes' ? bytesContain : (a, b) => includes(a as string, b as string)),
  inline: (value, kind, constants) =>
    kind === 'bytes' || !(constants[0] as string).isWellFormed() ? null : js`(${value}!==null&&${value}.includes(${constants[0] as string}))`,
  cost: 8,
  reference: (left, right) =>
    left instanceof Uint8Array ? referenceContains(left, right as Uint8Array) : byteString(left as string).split(byteString(right as string)).length > 1 || right === '',
};

export const icontains: Operator = {
  name: 'icontains',
  kinds: TEXT,
  many: false,
  fields: true,
  against: (_kind, constants) => {
    const test = includesTest(asciiLower(constants[0] as string));
    return (value) => test(asciiLower(value as string));
  },
  between: () => (a, b) => includes(asciiLower(a as string), asciiLower(b as string)),
  cost: 16,
  reference: (left, right) => byteString(referenceFold(left as string)).includes(byteString(referenceFold(right as string))),
};

export const bcontains: Operator = {
  name: 'bcontains',
  kinds: BYTES,
  many: false,
  fields: true,
  against: (_kind, constants) => {
    const [constant] = constants;
    return (value) => bytesContain(value, constant);
  },
  between: () => bytesContain,
  cost: 8,
  reference: (left, right) => referenceContains(left as Uint8Array, right as Uint8Array),
};

function referenceContains(left: Uint8Array, right: Uint8Array): boolean {
  for (let i = 0; i + right.length <= left.length; i++) {
    if (referenceHex(left.slice(i, i + right.length)) === referenceHex(right)) return true;
  }
  return false;
}

function referenceFold(text: string): string {
  return Array.from(text, (c) => (c >= 'A' && c <= 'Z' ? String.fromCharCode(c.charCodeAt(0) + 32) : c)).join('');
}
