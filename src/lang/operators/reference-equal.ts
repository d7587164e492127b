// SPDX-License-Identifier: Apache-2.0
import type { Constant } from '../constants.js';
import type { IpNet } from '../ip.js';
import type { Scalar } from '../value.js';

/** Equality spelt out: bytes as hexadecimal, networks bit by bit. */
export function referenceEqual(left: Scalar, right: Constant): boolean {
  if (left instanceof Uint8Array) return right instanceof Uint8Array && referenceHex(left) === referenceHex(right);
  if (typeof right === 'object') return right instanceof Uint8Array ? false : referenceInNet(left as string, right);
  return typeof left === typeof right && String(left) === String(right);
}

export function referenceHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function referenceInNet(address: string, net: IpNet): boolean {
  const [base = ''] = net.text.split('/');
  const left = referenceBits(address);
  const right = referenceBits(base);
  return left.length === right.length && left.slice(0, net.bits) === right.slice(0, net.bits);
}

function referenceBits(address: string): string {
  if (!address.includes(':')) return address.split('.').map((part) => Number(part).toString(2).padStart(8, '0')).join('');
  const [head = '', tail] = address.split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const middle = tail === undefined ? [] : Array.from({ length: 8 - before.length - after.length }, () => '0');
  return [...before, ...middle, ...after].map((group) => Number.parseInt(group, 16).toString(2).padStart(16, '0')).join('');
}
