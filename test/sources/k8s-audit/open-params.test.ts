// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { parseOpenParams, placeText } from '../../../src/sources/k8s-audit/open-params.js';

describe('open_params', () => {
  it.each([
    ['http://:9765/k8s-audit', { kind: 'webhook', tls: false, host: '', port: 9765, path: '/k8s-audit' }],
    ['https://10.1.2.3:443/x/y', { kind: 'webhook', tls: true, host: '10.1.2.3', port: 443, path: '/x/y' }],
    ['http://[::1]:80/a?b#c', { kind: 'webhook', tls: false, host: '::1', port: 80, path: '/a' }],
    ['http://localhost', { kind: 'webhook', tls: false, host: 'localhost', port: 9765, path: '/' }],
    ['/var/log/audit.log', { kind: 'file', path: '/var/log/audit.log', follow: false }],
    [' audit.json ', { kind: 'file', path: 'audit.json', follow: false }],
    ['file:///var/log/audit%20log', { kind: 'file', path: '/var/log/audit log', follow: true }],
    ['-', { kind: 'file', path: '-', follow: false }],
  ])('%s', (text, place) => {
    expect(parseOpenParams(text)).toEqual(place);
  });

  it.each([
    ['ftp://x', /the scheme ftp is not one of http, https, file/],
    ['http://x:99999/', /no such port/],
    ['http://a b:1/', /(no URL)/],
    ['file://relative', /must be absolute/],
    ['file:///var/log/100%.log', /a percent sign in a path is written %25/],
    ['file:///var/log/%ff.log', /not UTF-8/],
    ['  ', /is empty/],
  ])('%j is refused, saying why', (text, why) => {
    expect(() => parseOpenParams(text)).toThrow(why);
  });

  it('are shown as users write them', () => {
    for (const text of ['http://:9765/k8s-audit', 'https://[::1]:1/a', 'file:///a', 'a.json']) {
      expect(placeText(parseOpenParams(text))).toBe(text);
    }
  });
});
