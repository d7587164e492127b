// SPDX-License-Identifier: Apache-2.0
// HOT PATH
/** Addresses and networks. Addresses travel as canonical text; only networks need their bits. */

/** The address as a number, or -1 if the text is no dotted quad as inet_pton(3) takes it. */
export function parseIpv4(text: string): number {
  let value = 0;
  let octet = -1;
  let digits = 0;
  let dots = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c >= 48 && c <= 57) {
      if (octet === 0 && digits > 0) return -1;
      octet = (octet === -1 ? 0 : octet) * 10 + (c - 48);
      digits++;
      if (octet > 255) return -1;
    } else if (c === 46) {
      if (octet === -1 || ++dots > 3) return -1;
      value = value * 256 + octet;
      octet = -1;
      digits = 0;
    } else {
      return -1;
    }
  }
  return dots === 3 && octet !== -1 ? value * 256 + octet : -1;
}

/** The eight groups, or null if the text is no IPv6 address as inet_pton(3) takes it. */
export function parseIpv6(text: string): Uint16Array | null {
  const groups = new Uint16Array(8);
  let count = 0;
  let gap = -1;
  let i = 0;
  if (text.startsWith('::')) {
    gap = 0;
    i = 2;
    if (i === text.length) return groups;
  } else if (text.startsWith(':')) {
    return null;
  }
  for (;;) {
    let value = 0;
    let digits = 0;
    const start = i;
    for (; i < text.length; i++) {
      const c = text.charCodeAt(i) | 32;
      const digit = c >= 48 && c <= 57 ? c - 48 : c >= 97 && c <= 102 ? c - 87 : -1;
      if (digit === -1 || text.charCodeAt(i) < 48) break;
      value = value * 16 + digit;
      if (++digits > 4) return null;
    }
    if (digits === 0) return null;
    if (text.charCodeAt(i) === 46) {
      const v4 = count <= 6 ? parseIpv4(text.slice(start)) : -1;
      if (v4 === -1) return null;
      groups[count++] = Math.floor(v4 / 65536);
      groups[count++] = v4 % 65536;
      break;
    }
    if (count === 8) return null;
    groups[count++] = value;
    if (i === text.length) break;
    if (text.charCodeAt(i++) !== 58) return null;
    if (text.charCodeAt(i) === 58) {
      if (gap !== -1) return null;
      gap = count;
      if (++i === text.length) break;
    }
  }
  if (gap === -1) return count === 8 ? groups : null;
  if (count === 8) return null;
  groups.copyWithin(8 - (count - gap), gap, count);
  groups.fill(0, gap, 8 - (count - gap));
  return groups;
}

/** RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups (the first of equals) as `::`. */
export function formatIpv6(groups: Uint16Array): string {
  let bestStart = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > bestLength) {
      bestStart = i;
      bestLength = end - i;
    }
    if (end > i) i = end;
  }
  let out = '';
  for (let i = 0; i < 8; i++) {
    if (i === bestStart) {
      out += '::';
      i += bestLength - 1;
      continue;
    }
    if (out !== '' && !out.endsWith(':')) out += ':';
    out += (groups[i] as number).toString(16);
  }
  return out;
}

export interface IpNet {
  /** As written. */
  readonly text: string;
  readonly bits: number;
  /** The network's address: a number for IPv4, groups for IPv6. */
  readonly v4: number;
  readonly v6: Uint16Array | null;
}

/** Whether an address (canonical text) lies in the network. An address of the other family does not. */
export function inNet(address: string, net: IpNet): boolean {
  if (net.v6 === null) {
    const value = parseIpv4(address);
    if (value === -1) return false;
    const size = 2 ** (32 - net.bits);
    return Math.floor(value / size) === Math.floor(net.v4 / size);
  }
  if (address.indexOf(':') === -1) return false;
  const groups = parseIpv6(address);
  if (groups === null) return false;
  let left = net.bits;
  for (let i = 0; i < 8 && left > 0; i++, left -= 16) {
    const drop = left >= 16 ? 0 : 16 - left;
    if ((groups[i] as number) >> drop !== (net.v6[i] as number) >> drop) return false;
  }
  return true;
}
