// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { concatenatePaths } from '../../src/state/paths.js';

describe('a path is joined with its directory', () => {
  const cases: readonly (readonly [base: string, path: string, expected: string])[] = [
    ['/root/', 'x', '/root/x'],
    ['/root/', '/etc/passwd', '/etc/passwd'],
    ['/root/', './x', '/root/x'],
    ['/root/', '../etc/passwd', '/etc/passwd'],
    ['/root/', '../../../etc', '/etc'],
    ['/a/b/', '..', '/a'],
    ['/a/b/', '.', '/a/b'],
    ['/', '..', '/'],
    ['', '/a//b///c', '/a/b/c'],
    ['', '/a/b/', '/a/b'],
    ['', '/', '/'],
    ['/x/', '//', '/'],
    ['/x/', '/a/./b/../c', '/a/c'],
    ['/x/', '.hidden', '/x/.hidden'],
    ['/x/', '..hidden', '/x/..hidden'],
    ['/x/', 'a/.../b', '/x/a/.../b'],
    ['', 'foo/../a', 'a'],
    ['<UNKNOWN>', 'a', '<UNKNOWN>a'],
    ['/x/', '', ''],
  ];
  for (const [base, path, expected] of cases) {
    it(`${JSON.stringify(base)} and ${JSON.stringify(path)} give ${JSON.stringify(expected)}`, () => {
      expect(concatenatePaths(base, path)).toBe(expected);
    });
  }

  it('a path that is too long is named so', () => {
    expect(concatenatePaths('/', 'a'.repeat(1024))).toBe('/DIR_TOO_LONG/FILENAME_TOO_LONG');
    expect(concatenatePaths('/', 'ä'.repeat(512))).toBe('/DIR_TOO_LONG/FILENAME_TOO_LONG');
    expect(concatenatePaths('/', 'a'.repeat(1000))).toHaveLength(1001);
  });

  it('is judged by what comes out, so that padding and a deep working directory hide nothing', () => {
    expect(concatenatePaths('/', `${'/.'.repeat(2000)}/etc/shadow`)).toBe('/etc/shadow');
    expect(concatenatePaths('/', `${'a/../'.repeat(500)}etc/shadow`)).toBe('/etc/shadow');
    expect(concatenatePaths(`/${'d'.repeat(1015)}/`, '/etc/shadow')).toBe('/etc/shadow');
    expect(concatenatePaths(`/${'d'.repeat(1015)}/`, '../etc/shadow')).toBe('/etc/shadow');
  });
});
