// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { addressText, ipv6Text, tupleText } from '../../src/state/addresses.js';
import { Interfaces } from '../../src/state/interfaces.js';
import { ipBytes } from '../../src/sources/byte-writer.js';
import { sockaddr, socktuple, unixTuple } from '../helpers/event-builder.js';

describe('addresses as text', () => {
  for (const text of ['::', '::1', '1::', '2001:db8::1', '2001:db8:0:1:1:1:1:1', 'fe80::a:0:0:1', '::ffff:10.0.0.1', '1:2:3:4:5:6:7:8', '1:0:0:2::3']) {
    it(text, () => {
      expect(ipv6Text(ipBytes(text), 0)).toBe(text);
    });
  }

  it('prints addresses and tuples of all families', () => {
    expect(addressText(sockaddr(['10.0.0.1', 8080]))).toBe('10.0.0.1:8080');
    expect(addressText(sockaddr(['::1', 443]))).toBe('::1:443');
    expect(addressText(sockaddr('/run/x.sock'))).toBe('/run/x.sock');
    expect(tupleText(socktuple(['10.0.0.1', 5], ['10.0.0.2', 80]))).toBe('10.0.0.1:5->10.0.0.2:80');
    expect(tupleText(socktuple(['::ffff:10.0.0.1', 5], ['::ffff:10.0.0.2', 80]))).toBe('10.0.0.1:5->10.0.0.2:80');
    expect(tupleText(unixTuple(0xffff888812345678n, 0n, '/run/x'))).toBe('ffff888812345678->0 /run/x');
  });

  it('is nothing when it is cut short', () => {
    expect(addressText(sockaddr(['10.0.0.1', 80]).subarray(0, 5))).toBeNull();
    expect(tupleText(socktuple(['::1', 1], ['::1', 2]).subarray(0, 36))).toBeNull();
  });
});

describe('our own address towards a peer', () => {
  const interfaces = new Interfaces();
  interfaces.set([
    { name: 'lo', address: '127.0.0.1', netmask: '255.0.0.0' },
    { name: 'eth0', address: '192.168.1.5', netmask: '255.255.255.0' },
    { name: 'eth1', address: '10.1.0.9', netmask: '255.255.0.0' },
    { name: 'lo', address: '::1', netmask: 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff' },
    { name: 'eth0', address: 'fe80::5', netmask: 'ffff:ffff:ffff:ffff::' },
  ]);
  it('is in the same network if it can be, else the first that is not loopback', () => {
    expect(interfaces.towards('10.1.200.1')).toBe('10.1.0.9');
    expect(interfaces.towards('8.8.8.8')).toBe('192.168.1.5');
    expect(interfaces.towards('127.0.0.1')).toBe('127.0.0.1');
    expect(interfaces.towards('fe80::77')).toBe('fe80::5');
    expect(interfaces.towards('2001:db8::1')).toBe('fe80::5');
  });
});
