// SPDX-License-Identifier: Apache-2.0
/** Gives a constant, which is only text until then, the type of the field that it is compared with. */
import { encodeText } from '../util/byte-text.js';
import type { Literal } from './ast.js';
import { formatIpv6, type IpNet, parseIpv4, parseIpv6 } from './ip.js';
import { type IntegerForm, integerForm, kindOf } from './kinds.js';
import { SERVICE_PORTS } from './services.js';
import { canonicalInt, type FieldType } from './value.js';

export type Constant = string | number | bigint | boolean | Uint8Array | IpNet;

export type ConstantResult =
  | { readonly value: Constant; readonly warning?: string }
  | { readonly problem: string; readonly hint?: string };

/** Hexadecimal digits to bytes, as `bcontains` and `bstartswith` take them. */
export function parseHexBytes(text: string): Uint8Array | null {
  return text.length % 2 === 0 && /^[0-9a-fA-F]*$/.test(text) ? new Uint8Array(Buffer.from(text, 'hex')) : null;
}

export function parseConstant(literal: Literal, type: FieldType): ConstantResult {
  const { text } = literal;
  const kind = kindOf(type);
  if (kind === 'bytes') return { value: new Uint8Array(encodeText(text)) };
  if (text.includes('\0')) return { problem: 'a value cannot contain a NUL byte' };
  switch (kind) {
    case 'text':
      return { value: text };
    case 'integer':
      return type === 'PORT' ? parsePort(text) : parseInteger(text, integerForm(type) as IntegerForm, type);
    case 'double':
      // Fractions have never been taken here, although the field has them.
      return parseInteger(text, { bits: 32, signed: true }, type);
    case 'bool':
      if (text === 'true') return { value: true };
      if (text === 'false') return { value: false };
      return { problem: `'${text}' is neither true nor false` };
    case 'ip':
      return parseAddress(text);
    case 'net':
      return parseNet(text);
    case 'opaque':
      return { problem: `a ${type} cannot be compared with a constant` };
    default:
      return kind satisfies never;
  }
}

/** As sscanf's %d and %u read it: decimal only, wrapping where it does not fit. */
function parseInteger(text: string, form: IntegerForm, type: FieldType): ConstantResult {
  if (!/^[ \t\n\v\f\r]*[+-]?[0-9]+$/.test(text)) {
    const hint = /^0x[0-9a-f]+$/i.test(text)
      ? `write it in decimal: ${BigInt(text)}`
      : /^[+-]?[0-9]*\.[0-9]*/.test(text) ? 'only whole numbers can be compared with' : undefined;
    const problem = `'${text}' is no ${form.signed ? '' : 'unsigned '}decimal number, which ${type} needs`;
    return hint === undefined ? { problem } : { problem, hint };
  }
  const written = BigInt(text.trim().replace(/^\+/, ''));
  // 64-bit reading stops at the ends of its range, and what is narrower is cut out of that.
  let read = written;
  if (form.signed) {
    const limit = 1n << 63n;
    read = read >= limit ? limit - 1n : read < -limit ? -limit : read;
  } else {
    const limit = 1n << 64n;
    read = read >= limit || read <= -limit ? limit - 1n : read;
  }
  const value = form.signed ? BigInt.asIntN(form.bits, read) : BigInt.asUintN(form.bits, read);
  const warning = value === written ? undefined : `${text} does not fit ${type} and is taken for ${value}`;
  return warning === undefined ? { value: canonicalInt(value) } : { value: canonicalInt(value), warning };
}

function parsePort(text: string): ConstantResult {
  if (text === '') return { value: 0 };
  if (/^[0-9]+$/.test(text)) {
    const value = Number(text);
    if (value > 0x7fffffff) return { problem: `'${text}' is no port` };
    return value > 65535 ? { value: value & 0xffff, warning: `${text} is no port and is taken for ${value & 0xffff}` } : { value };
  }
  const port = SERVICE_PORTS.get(text);
  return port === undefined ? { problem: `'${text}' is neither a port number nor the name of a service` } : { value: port };
}

function parseAddress(text: string): ConstantResult {
  if (text.includes('.')) {
    return parseIpv4(text) === -1 ? { problem: `'${text}' is no IPv4 address` } : { value: text };
  }
  const groups = parseIpv6(text);
  if (groups !== null) return { value: formatIpv6(groups) };
  return text.includes('/')
    ? { problem: `'${text}' is no address`, hint: 'networks are compared with fields whose names end in net' }
    : { problem: `'${text}' is neither an IPv4 nor an IPv6 address` };
}

function parseNet(text: string): ConstantResult {
  const slash = text.indexOf('/');
  if (slash === -1) return { problem: `'${text}' is no network`, hint: 'networks are written as address/bits: 10.0.0.0/8' };
  const address = text.slice(0, slash);
  const mask = text.slice(slash + 1);
  const bits = /^[ \t]*[+]?[0-9]+$/.test(mask) ? Number(mask) & 0xff : -1;
  if (text.includes('.')) {
    const v4 = parseIpv4(address);
    if (v4 === -1) return { problem: `'${address}' is no IPv4 address` };
    if (bits < 0 || bits > 32) return { problem: `'${mask}' is no number of bits from 0 to 32` };
    return { value: { text, bits, v4, v6: null } };
  }
  const v6 = parseIpv6(address);
  if (v6 === null) return { problem: `'${address}' is no IPv6 address` };
  if (bits < 1 || bits > 128) return { problem: `'${mask}' is no number of bits from 1 to 128` };
  return { value: { text, bits, v4: 0, v6 } };
}
