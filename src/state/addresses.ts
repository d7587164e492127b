// SPDX-License-Identifier: Apache-2.0
/** Addresses and socket tuples as they are on the wire, and their texts. HOT PATH for sockets. */
import { decodeBytes } from '../util/byte-text.js';

export const enum Family {
  Unix = 1,
  Inet = 2,
  Inet6 = 10,
  Netlink = 16,
}

/** family u8, source ip, source port u16, destination ip, destination port u16; a unix tuple: two u64 and a path. */
export const enum TupleSize {
  Inet = 13,
  Inet6 = 37,
  /** At least: family, both kernel addresses, an empty path's zero. */
  Unix = 18,
}

/** The family, or -1 when the tuple is too short for what its family needs. */
export function tupleFamily(tuple: Uint8Array): number {
  if (tuple.length === 0) return -1;
  const family = tuple[0];
  switch (family) {
    case Family.Inet:
      return tuple.length >= TupleSize.Inet ? family : -1;
    case Family.Inet6:
      return tuple.length >= TupleSize.Inet6 ? family : -1;
    case Family.Unix:
      return tuple.length >= TupleSize.Unix && tuple[tuple.length - 1] === 0 ? family : -1;
    default:
      return family;
  }
}

/** The family of a single address (family u8, ip, port u16; or a path), or -1 when it is too short. */
export function addressFamily(address: Uint8Array): number {
  if (address.length === 0) return -1;
  const family = address[0];
  switch (family) {
    case Family.Inet:
      return address.length >= 7 ? family : -1;
    case Family.Inet6:
      return address.length >= 19 ? family : -1;
    case Family.Unix:
      return address.length >= 2 && address[address.length - 1] === 0 ? family : -1;
    default:
      return family;
  }
}

export function port(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8);
}

export function ipv4Text(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/** An IPv4 address in IPv6 clothes, or the unspecified address, which counts as one. */
export function isMapped(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < 10; i++) if (bytes[at + i] !== 0) return false;
  if (bytes[at + 10] === 0xff && bytes[at + 11] === 0xff) return true;
  for (let i = 10; i < 16; i++) if (bytes[at + i] !== 0) return false;
  return true;
}

/** RFC 5952, except that a mapped or compatible IPv4 address keeps its dots, as inet_ntop(3) prints it. */
export function ipv6Text(bytes: Uint8Array, at: number): string {
  let bestStart = -1;
  let bestLength = 0;
  let start = -1;
  for (let i = 0; i <= 8; i++) {
    if (i < 8 && bytes[at + 2 * i] === 0 && bytes[at + 2 * i + 1] === 0) {
      if (start === -1) start = i;
    } else if (start !== -1) {
      if (i - start > bestLength) {
        bestStart = start;
        bestLength = i - start;
      }
      start = -1;
    }
  }
  if (bestLength < 2) bestStart = -1;
  let out = '';
  for (let i = 0; i < 8; i++) {
    if (i === bestStart) {
      out += '::';
      i += bestLength - 1;
      continue;
    }
    if (i !== 0 && i !== bestStart + bestLength) out += ':';
    if (
      i === 6 && bestStart === 0 &&
      (bestLength === 6 || (bestLength === 5 && bytes[at + 10] === 0xff && bytes[at + 11] === 0xff))
    ) {
      return out + ipv4Text(bytes, at + 12);
    }
    out += ((bytes[at + 2 * i] << 8) | bytes[at + 2 * i + 1]).toString(16);
  }
  return out;
}

/** A u64 as lower-case hexadecimal without leading zeros. */
export function hex64(bytes: Uint8Array, at: number): string {
  const low = (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
  const high = (bytes[at + 4] | (bytes[at + 5] << 8) | (bytes[at + 6] << 16) | (bytes[at + 7] << 24)) >>> 0;
  return high === 0 ? low.toString(16) : high.toString(16) + low.toString(16).padStart(8, '0');
}

export function u64(bytes: Uint8Array, at: number): number | bigint {
  const low = (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
  const high = (bytes[at + 4] | (bytes[at + 5] << 8) | (bytes[at + 6] << 16) | (bytes[at + 7] << 24)) >>> 0;
  return high <= 0x1f_ffff ? high * 0x1_0000_0000 + low : (BigInt(high) << 32n) | BigInt(low);
}

/** The zero-closed text at `at`. */
export function pathText(bytes: Uint8Array, at: number): string {
  let end = at;
  while (end < bytes.length && bytes[end] !== 0) end++;
  return decodeBytes(Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at));
}

/** A single address as the ecosystem prints it: `ip:port`, a unix path, `family N`; null when it is too short. */
export function addressText(address: Uint8Array): string | null {
  switch (addressFamily(address)) {
    case -1:
      return null;
    case Family.Unix:
      return pathText(address, 1);
    case Family.Inet:
      return `${ipv4Text(address, 1)}:${port(address, 5)}`;
    case Family.Inet6:
      return `${ipv6Text(address, 1)}:${port(address, 17)}`;
    default:
      return `family ${address[0]}`;
  }
}

/** A tuple as the ecosystem prints it: `ip:port->ip:port`, `hex->hex path`, `family N`; null when it is too short. */
export function tupleText(tuple: Uint8Array): string | null {
  switch (tupleFamily(tuple)) {
    case -1:
      return null;
    case Family.Unix:
      return `${hex64(tuple, 1)}->${hex64(tuple, 9)} ${pathText(tuple, 17)}`;
    case Family.Inet:
      return `${ipv4Text(tuple, 1)}:${port(tuple, 5)}->${ipv4Text(tuple, 7)}:${port(tuple, 11)}`;
    case Family.Inet6:
      if (isMapped(tuple, 1) && isMapped(tuple, 19)) {
        return `${ipv4Text(tuple, 13)}:${port(tuple, 17)}->${ipv4Text(tuple, 31)}:${port(tuple, 35)}`;
      }
      return `${ipv6Text(tuple, 1)}:${port(tuple, 17)}->${ipv6Text(tuple, 19)}:${port(tuple, 35)}`;
    default:
      return `family ${tuple[0]}`;
  }
}
