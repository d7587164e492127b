// SPDX-License-Identifier: Apache-2.0
/** Addresses of this machine's interfaces: they decide which end of a connection is the local one. */

/** An address of an interface, as `os.networkInterfaces()` and a capture's interface list have it. */
export interface InterfaceAddress {
  readonly family: 'IPv4' | 'IPv6';
  /** Canonical text. */
  readonly address: string;
}

export class LocalAddresses {
  private readonly v4 = new Set<string>();
  /** By the first 64 bits: the whole subnet counts as local. */
  private readonly v6 = new Set<string>();

  constructor(addresses: readonly InterfaceAddress[] = []) {
    this.replace(addresses);
  }

  replace(addresses: readonly InterfaceAddress[]): void {
    this.v4.clear();
    this.v6.clear();
    for (const { family, address } of addresses) {
      if (family === 'IPv4') this.v4.add(address);
      else this.v6.add(subnetOf(address));
    }
  }

  hasIpv4(address: string): boolean {
    return this.v4.has(address);
  }

  hasIpv6(address: string): boolean {
    return this.v6.has(subnetOf(address));
  }
}

/** The first four groups of an IPv6 address, written out. */
function subnetOf(address: string): string {
  const plain = address.includes('%') ? address.slice(0, address.indexOf('%')) : address;
  const [head, tail] = plain.split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    // A dotted quad at the end stands for two groups.
    const after = tail === '' ? 0 : tail.split(':').length + (tail.includes('.') ? 1 : 0);
    const tailGroups = tail === '' ? [] : tail.split(':');
    while (groups.length + after < 8) groups.push('0');
    groups.push(...tailGroups);
  }
  return groups.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, '')).join(':');
}
