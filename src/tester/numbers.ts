// SPDX-License-Identifier: Apache-2.0
/** Names to the numbers that the wire has for them: errors, signals, capabilities, flags, addresses. */
import { FLAG_SETS, type NamedValues } from '../events/flags.js';
import { capabilityNames, errorName, signalName } from '../events/names.js';
import type { ParamRow } from '../events/table.js';
import { parseIpv4, parseIpv6 } from '../lang/ip.js';

const byName = (count: number, name: (i: number) => string): ReadonlyMap<string, number> =>
  new Map(Array.from({ length: count }, (_, i) => [name(i), i] as const).filter(([text]) => text !== ''));

const ERRORS = byName(600, (i) => (i === 0 ? '' : errorName(-i)));
const SIGNALS = byName(65, signalName);
const CAPABILITIES = byName(41, (i) => capabilityNames(1n << BigInt(i)));

/** `0`, `-2`, `ENOENT`, `-ENOENT`, `SUCCESS`. */
export function resultOf(text: string): number | null {
  if (text === 'SUCCESS') return 0;
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  const error = ERRORS.get(text.replace(/^-/, ''));
  return error === undefined ? null : -error;
}

export const signalOf = (text: string): number | null => SIGNALS.get(text) ?? null;

/** A set of capabilities as bits; the first name that is none, otherwise. */
export function capabilitiesOf(names: readonly string[]): bigint | string {
  let bits = 0n;
  for (const name of names) {
    const bit = CAPABILITIES.get(name);
    if (bit === undefined) return name;
    bits |= 1n << BigInt(bit);
  }
  return bits;
}

/** The values that a parameter has names for; null: it has none. */
export function namesOf(param: ParamRow): NamedValues | null {
  return param.flagSet === undefined ? null : (FLAG_SETS[param.flagSet] as NamedValues);
}

export interface Endpoint {
  readonly ip: string;
  readonly port: number;
}

/** `10.0.0.1:80`, `[::1]:80` or `::1:80`, as `fd.name` prints it. */
export function endpointOf(text: string): Endpoint | null {
  const match = /^\[?([0-9a-fA-F.:]+?)\]?:(\d{1,5})$/.exec(text);
  if (match === null || Number(match[2]) > 65535) return null;
  const [, ip, port] = match;
  return parseIpv4(ip) !== -1 || parseIpv6(ip) !== null ? { ip, port: Number(port) } : null;
}

/** `10.0.0.5:40000->93.184.216.34:443` */
export function connectionOf(text: string): readonly [client: Endpoint, server: Endpoint] | null {
  const [left = '', right = '', more] = text.split('->');
  const client = endpointOf(left);
  const server = endpointOf(right);
  return client === null || server === null || more !== undefined || client.ip.includes(':') !== server.ip.includes(':') ? null : [client, server];
}
