// SPDX-License-Identifier: Apache-2.0
/** What operators, constants and transformers need to know of a type. */
import type { FieldType } from './value.js';

/** `opaque` values can be tested for existence and nothing else. */
export type Kind = 'text' | 'bytes' | 'integer' | 'double' | 'bool' | 'ip' | 'net' | 'opaque';

export interface IntegerForm {
  readonly bits: 8 | 16 | 32 | 64;
  readonly signed: boolean;
}

const u8: IntegerForm = { bits: 8, signed: false };
const u16: IntegerForm = { bits: 16, signed: false };
const u32: IntegerForm = { bits: 32, signed: false };
const u64: IntegerForm = { bits: 64, signed: false };
const s64: IntegerForm = { bits: 64, signed: true };

const INTEGERS: Partial<Readonly<Record<FieldType, IntegerForm>>> = {
  INT8: { bits: 8, signed: true }, INT16: { bits: 16, signed: true }, INT32: { bits: 32, signed: true }, INT64: s64,
  UINT8: u8, UINT16: u16, UINT32: u32, UINT64: u64,
  ERRNO: s64, FD: s64, PID: s64, FD32: s64, PID32: s64,
  SYSCALLID: u16, PORT: u16, SIGTYPE: u8, RELTIME: u64, ABSTIME: u64, MODE: u32,
  FLAGS8: u8, FLAGS16: u16, FLAGS32: u32, ENUMFLAGS8: u8, ENUMFLAGS16: u16, ENUMFLAGS32: u32,
};

const OTHERS: Partial<Readonly<Record<FieldType, Kind>>> = {
  CHARBUF: 'text', FSPATH: 'text', FSRELPATH: 'text', BYTEBUF: 'bytes', DOUBLE: 'double', BOOL: 'bool',
  IPADDR: 'ip', IPV4ADDR: 'ip', IPV6ADDR: 'ip', IPNET: 'net', IPV4NET: 'net', IPV6NET: 'net',
};

export function integerForm(type: FieldType): IntegerForm | null {
  return INTEGERS[type] ?? null;
}

export function kindOf(type: FieldType): Kind {
  return INTEGERS[type] === undefined ? (OTHERS[type] ?? 'opaque') : 'integer';
}

/** Types whose lists can be compared; lists of others can only be tested for existence. */
export function listComparable(type: FieldType): boolean {
  switch (type) {
    case 'CHARBUF':
    case 'UINT64':
    case 'RELTIME':
    case 'ABSTIME':
    case 'BOOL':
    case 'IPADDR':
    case 'IPNET':
      return true;
    default:
      return false;
  }
}

/** A type in words, for messages. */
export function describeType(type: FieldType, list: boolean): string {
  return list ? `list of ${type}` : type;
}
