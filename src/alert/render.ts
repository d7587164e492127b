// SPDX-License-Identifier: Apache-2.0
/** Field values as the text of an alert and as JSON, by type. */
import type { FieldDef } from '../lang/catalogue.js';
import { firstBytes } from '../util/byte-text.js';
import type { FieldType, Scalar, Value } from '../lang/value.js';

const NOT_AVAILABLE = '<NA>';

/** The ecosystem prints through a buffer of 1 KiB: longer lists and byte strings are cut. */
const MAX_LIST_BYTES = 1023;
const MAX_BYTES_SHOWN = 1022;

export interface RenderType {
  readonly type: FieldType;
  readonly format: NonNullable<FieldDef['format']>;
  readonly base64: boolean;
  /** What a transformer makes: an empty list of that is a value, where a field's is none. */
  readonly made?: boolean;
}

/** `<NA>` for null and for a field's empty list. */
export function toText(value: Value, as: RenderType): string {
  if (value === null) return NOT_AVAILABLE;
  if (!isList(value)) return scalarText(value, as);
  if (value.length === 0 && as.made !== true) return NOT_AVAILABLE;
  let text = '(';
  for (let i = 0; i < value.length; i++) text += (i === 0 ? '' : ',') + scalarText(value[i], as);
  return firstBytes(`${text})`, MAX_LIST_BYTES);
}

/** Ready for JSON and free of the event: numbers, booleans, strings, null, or a list of them. Bytes become text. */
export function toJson(value: Value, as: RenderType): Scalar | readonly Scalar[] | null {
  if (value === null) return null;
  if (!isList(value)) return scalarJson(value, as);
  return value.length === 0 ? null : value.map((item) => scalarJson(item, as));
}

function isList(value: Scalar | readonly Scalar[]): value is readonly Scalar[] {
  return Array.isArray(value);
}

function scalarJson(value: Scalar, as: RenderType): Scalar {
  if (typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint') return as.format === 'DEC' ? value : scalarText(value, as);
  return scalarText(value, as);
}

function scalarText(value: Scalar, as: RenderType): string {
  switch (typeof value) {
    case 'string':
      return value;
    case 'boolean':
      return value ? 'true' : 'false';
    case 'number':
      if (as.type === 'DOUBLE') return value.toFixed(1);
      return as.format === 'DEC' ? String(value) : formatInteger(BigInt(Math.trunc(value)), as);
    case 'bigint':
      return as.format === 'DEC' ? String(value) : formatInteger(value, as);
    default:
      return as.base64 ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') : dotted(value);
  }
}

function formatInteger(value: bigint, as: RenderType): string {
  switch (as.format) {
    case 'HEX':
      return BigInt.asUintN(WIDTH[as.type] ?? 64, value).toString(16).toUpperCase();
    case 'OCT':
      return BigInt.asUintN(WIDTH[as.type] ?? 64, value).toString(8);
    case 'PADDED10':
      return value < 0n ? `-${String(-value).padStart(8, '0')}` : String(value).padStart(9, '0');
    case 'DEC':
      return String(value);
    default: {
      const never: never = as.format;
      return never;
    }
  }
}

/** Bits of the narrower types, which decide how a negative number looks in hexadecimal. */
const WIDTH: Partial<Record<FieldType, number>> = {
  INT8: 8, UINT8: 8, FLAGS8: 8, ENUMFLAGS8: 8, L4PROTO: 8,
  INT16: 16, UINT16: 16, FLAGS16: 16, ENUMFLAGS16: 16, PORT: 16,
  INT32: 32, UINT32: 32, FLAGS32: 32, ENUMFLAGS32: 32, UID: 32, GID: 32, MODE: 32,
};

/** Printable ASCII as it is, a dot for every other byte. */
function dotted(bytes: Uint8Array): string {
  const length = bytes.length > MAX_BYTES_SHOWN ? MAX_BYTES_SHOWN - 1 : bytes.length;
  let text = '';
  for (let i = 0; i < length; i++) {
    const byte = bytes[i];
    text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.';
  }
  return text;
}
