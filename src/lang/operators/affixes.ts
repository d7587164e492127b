// SPDX-License-Identifier: Apache-2.0
/** `startswith`, `bstartswith` (hexadecimal constant) and `endswith`. */
import { byteString } from '../../util/byte-text.js';
import { endsWithBytes, startsWithBytes } from '../bytes.js';
import { js } from '../code.js';
import { endsWith, endsWithTest, startsWith, startsWithTest } from '../text.js';
import { BYTES, type Operator, TEXT_AND_BYTES } from './operator.js';
import { referenceHex } from './reference-equal.js';

const bytesStart = (left: unknown, right: unknown): boolean => startsWithBytes(left as Uint8Array, right as Uint8Array);
const bytesEnd = (left: unknown, right: unknown): boolean => endsWithBytes(left as Uint8Array, right as Uint8Array);

export const startswith: Operator = {
  name: 'startswith',
  kinds: TEXT_AND_BYTES,
  many: false,
  fields: true,
  against: (kind, constants) => {
    const [constant] = constants;
    return kind === 'bytes' ? (value) => bytesStart(value, constant) : startsWithTest(constant as string);
  },
  between: (kind) => (kind === 'bytes' ? bytesStart : (a, b) => startsWith(a as string, b as string)),
  inline: (value, kind, constants) =>
    kind === 'bytes' || !(constants[0] as string).isWellFormed() ? null : js`(${value}!==null&&${value}.startsWith(${constants[0] as string}))`,
  cost: 3,
  reference: (left, right) =>
    left instanceof Uint8Array
      ? referenceHex(left).slice(0, 2 * (right as Uint8Array).length) === referenceHex(right as Uint8Array)
      : byteString(left as string).slice(0, byteString(right as string).length) === byteString(right as string),
};

export const bstartswith: Operator = {
  name: 'bstartswith',
  kinds: BYTES,
  many: false,
  fields: true,
  against: (_kind, constants) => {
    const [constant] = constants;
    return (value) => bytesStart(value, constant);
  },
  between: () => bytesStart,
  cost: 3,
  reference: (left, right) => referenceHex(left as Uint8Array).slice(0, 2 * (right as Uint8Array).length) === referenceHex(right as Uint8Array),
};

export const endswith: Operator = {
  name: 'endswith',
  kinds: TEXT_AND_BYTES,
  many: false,
  fields: true,
  against: (kind, constants) => {
    const [constant] = constants;
    return kind === 'bytes' ? (value) => bytesEnd(value, constant) : endsWithTest(constant as string);
  },
  between: (kind) => (kind === 'bytes' ? bytesEnd : (a, b) => endsWith(a as string, b as string)),
  inline: (value, kind, constants) =>
    kind === 'bytes' || !(constants[0] as string).isWellFormed() ? null : js`(${value}!==null&&${value}.endsWith(${constants[0] as string}))`,
  cost: 3,
  reference: (left, right) => {
    if (left instanceof Uint8Array) {
      const [whole, end] = [referenceHex(left), referenceHex(right as Uint8Array)];
      return end.length <= whole.length && whole.slice(whole.length - end.length) === end;
    }
    const [whole, end] = [byteString(left as string), byteString(right as string)];
    return end.length <= whole.length && whole.slice(whole.length - end.length) === end;
  },
};
