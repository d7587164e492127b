// SPDX-License-Identifier: Apache-2.0
import type { ParamType } from '../events/param-types.js';

/** The type of a field: the ecosystem's names. It decides which operators fit and how a value is printed. */
export type FieldType = ParamType;

/**
 * A single value as a field reader returns it, by type:
 * - CHARBUF, FSPATH, FSRELPATH: string
 * - BYTEBUF: Uint8Array (a view that is valid only during the event)
 * - BOOL: boolean
 * - integers, FLAGS*, ENUMFLAGS*, PORT, PID, FD, ERRNO, UID, GID, ABSTIME, RELTIME (ns): number while it is a safe integer,
 *   bigint beyond that and only then, so that `===` and Set membership hold on equal values
 * - DOUBLE: number
 * - IPADDR, IPNET: string, the canonical text of the address (RFC 5952 for IPv6, never IPv4-mapped)
 */
export type Scalar = string | number | bigint | boolean | Uint8Array;

/** What a field reader returns: a scalar, a list of scalars for list fields, or null when the event has no such value. */
export type Value = Scalar | readonly Scalar[] | null;

/** Brings a 64-bit integer into the one form that {@link Scalar} allows. */
export function canonicalInt(value: bigint): number | bigint {
  return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value;
}
