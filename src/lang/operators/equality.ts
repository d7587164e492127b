// SPDX-License-Identifier: Apache-2.0
/** `=` and `!=`. An address or network of the other family is different, not incomparable. */
import { equalBytes } from '../bytes.js';
import { js } from '../code.js';
import type { Constant } from '../constants.js';
import { type IpNet, inNet } from '../ip.js';
import type { Kind } from '../kinds.js';
import type { Scalar } from '../value.js';
import { EVERY_KIND, type Operator } from './operator.js';
import { referenceEqual } from './reference-equal.js';

export const equals: Operator = {
  name: '=',
  kinds: EVERY_KIND,
  many: false,
  fields: true,
  against: (kind, constants) => equalTo(kind, constants[0] as Constant),
  between: (kind) => (kind === 'bytes' ? (a, b) => equalBytes(a as Uint8Array, b as Uint8Array) : (a, b) => a === b),
  inline: (value, kind, constants) => {
    const constant = constants[0] as Constant;
    // null is no constant, so that a missing value differs from all of them.
    return kind === 'bytes' || kind === 'net' ? null : js`${value}===${constant as string | number}`;
  },
  cost: 1,
  reference: referenceEqual,
};

export const differs: Operator = {
  name: '!=',
  kinds: EVERY_KIND,
  many: false,
  fields: true,
  against: (kind, constants) => {
    const equal = equalTo(kind, constants[0] as Constant);
    return (value) => !equal(value);
  },
  between: (kind) => {
    const equal = equals.between(kind);
    return (a, b) => !equal(a, b);
  },
  inline: (value, kind, constants) => {
    const constant = constants[0] as Constant;
    return kind === 'bytes' || kind === 'net' ? null : js`(${value}!==null&&${value}!==${constant as string | number})`;
  },
  cost: 1,
  reference: (left, right) => !referenceEqual(left, right),
};

export function equalTo(kind: Kind, constant: Constant): (value: Scalar) => boolean {
  if (kind === 'net') {
    const net = constant as IpNet;
    return (value) => inNet(value as string, net);
  }
  if (kind === 'bytes') {
    const bytes = constant as Uint8Array;
    return (value) => equalBytes(value as Uint8Array, bytes);
  }
  return (value) => value === constant;
}
