// SPDX-License-Identifier: Apache-2.0
/** The answers are those of glibc's fnmatch(3) in the C locale, asked once. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GlobPattern } from '../../src/lang/glob-pattern.js';

const plain: readonly (readonly [string, string, boolean])[] = [
  ['*', '', true], ['*', 'a/b', true], ['?', '/', true], ['?', 'é', false], ['??', 'é', true], ['[!a]', 'é', false],
  ['.*', '.', true], ['*', '..x', true], ['a\\*b', 'a*b', true], ['a\\*b', 'axb', false], ['a\\', 'a\\', false], ['a\\', 'a', false],
  ['[a-c]x', 'bx', true], ['[c-a]', 'b', false], ['[]a]', ']', true], ['[!]a]', ']', false], ['[a', '[a', true], ['[a', 'a', false],
  ['[[:digit:]]x', '7x', true], ['[[:upper:]]', 'b', false], ['[[:nosuch:]]', 'a', false], ['[[.a.]-c]', 'b', true],
  ['[[=a=]]', 'a', true], ['[a\\]]', ']', true], ['[a-]', '-', true], ['[/-0]', '/', true], ['*/.ssh/*', '/home/u/.ssh/id', true],
  ['/etc/*', '/etc', false], ['*a*a*a*b', 'aaaaaaaaaaaaaaaaaaaaaaac', false], ['', '', true], ['', 'a', false], ['[^a]', 'b', true],
  ['a**b', 'ab', true], ['***', 'x', true], ['[\\!a]', '!', true], ['[a-\\c]', 'b', true],
];
const folded: readonly (readonly [string, string, boolean])[] = [
  ['ABC', 'abc', true], ['[A-C]x', 'bX', true], ['[[:upper:]]', 'b', false], ['[[:upper:]]', 'B', true], ['Ä', 'ä', false],
  ['*.EXE', 'a.exe', true], ['[[=A=]]', 'a', false], ['[!A]', 'a', false],
];

describe('a glob pattern', () => {
  it.each(plain)('%j against %j is %s', (pattern, text, wanted) => expect(new GlobPattern(pattern, false).test(text)).toBe(wanted));
  it.each(folded)('%j against %j, case aside, is %s', (pattern, text, wanted) => expect(new GlobPattern(pattern, true).test(text)).toBe(wanted));

  it('finds what it was made from with parts left out', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', '/', '.', 'é'), maxLength: 6 });
    fc.assert(fc.property(fc.array(word, { minLength: 1, maxLength: 5 }), fc.array(word, { minLength: 5, maxLength: 5 }), (parts, between) => {
      const text = parts.map((part, i) => (i === 0 ? '' : between[i]) + part).join('');
      expect(new GlobPattern(parts.join('*'), false).test(text)).toBe(true);
    }));
  });

  it('ends on a text that keeps a backtracking matcher busy for ever', () => {
    const text = `${'a'.repeat(50_000)}c`;
    expect(new GlobPattern(`${'*a'.repeat(30)}*b`, false).test(text)).toBe(false);
    expect(new GlobPattern(`${'*[a]?'.repeat(15)}*b`, false).test(text)).toBe(false);
  });
});
