// SPDX-License-Identifier: Apache-2.0
/** The machine's network interfaces: which end of a connection is ours, and what an unspecified address stands for. */
export interface InterfaceAddress {
  readonly name: string;
  /** Canonical text. */
  readonly address: string;
  /** Text of the network mask. */
  readonly netmask: string;
  readonly broadcast?: string;
}

const LOOPBACK_V4 = '127.0.0.1';
const LOOPBACK_V6 = '::1';
export const ANY_V4 = '0.0.0.0';
export const ANY_V6 = '::';

export class Interfaces {
  private v4: readonly InterfaceAddress[] = [];
  private v6: readonly InterfaceAddress[] = [];
  private all: ReadonlySet<string> = new Set();
  private prefixes: ReadonlySet<string> = new Set();

  set(addresses: readonly InterfaceAddress[]): void {
    this.v4 = addresses.filter((a) => !a.address.includes(':'));
    this.v6 = addresses.filter((a) => a.address.includes(':'));
    this.all = new Set(addresses.map((a) => a.address));
    this.prefixes = new Set(this.v6.map((a) => prefix64(a.address)));
  }

  list(): readonly InterfaceAddress[] {
    return [...this.v4, ...this.v6];
  }

  has(address: string): boolean {
    return this.all.has(address);
  }

  /** Does an IPv6 address share its first 64 bits with one of ours? */
  hasSubnetOf(address: string): boolean {
    return this.prefixes.has(prefix64(address));
  }

  /** Our address towards `peer`: itself if it is ours, one in its subnet, else the first that is not loopback. */
  towards(peer: string): string {
    const v6 = peer.includes(':');
    if (this.all.has(peer)) return peer;
    const list = v6 ? this.v6 : this.v4;
    const near = list.find((a) => (v6 ? prefix64(a.address) === prefix64(peer) : sameSubnet(a, peer)));
    if (near !== undefined) return near.address;
    const other = list.find((a) => a.address !== (v6 ? LOOPBACK_V6 : LOOPBACK_V4));
    return other?.address ?? (v6 ? ANY_V6 : ANY_V4);
  }
}

function sameSubnet(own: InterfaceAddress, peer: string): boolean {
  const mask = ipv4Number(own.netmask);
  return (ipv4Number(own.address) & mask) === (ipv4Number(peer) & mask);
}

function ipv4Number(text: string): number {
  const [a, b, c, d] = text.split('.').map(Number);
  return (a << 24) | (b << 16) | (c << 8) | d;
}

/** First four groups of an IPv6 address. */
function prefix64(text: string): string {
  const [head, tail] = text.split('::');
  const first = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const rest = tail === '' ? [] : tail.split(':');
    while (first.length + rest.length < 8) first.push('0');
    first.push(...rest);
  }
  return first.slice(0, 4).join(':');
}
