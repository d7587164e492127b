// SPDX-License-Identifier: Apache-2.0
/** The small parts of the language: text, addresses, paths, regular expressions, base64 and options, generated code. */
import fc from 'fast-check';
import { isIP } from 'node:net';
import { describe, expect, it } from 'vitest';
import { js, Slots } from '../../src/lang/code.js';
import { formatIpv6, inNet, type IpNet, parseIpv4, parseIpv6 } from '../../src/lang/ip.js';
import { parseConstant } from '../../src/lang/constants.js';
import { PathSet } from '../../src/lang/path-set.js';
import { PosixRegex } from '../../src/lang/posix-regex.js';
import { closest } from '../../src/lang/suggest.js';
import { asciiLower, asciiUpper, compareText } from '../../src/lang/text.js';
import { encodeText } from '../../src/util/byte-text.js';
import { TRANSFORMERS } from '../../src/lang/transformers/index.js';

describe('text', () => {
  it('has case in ASCII only', () => {
    expect(asciiLower('ÄBC\u212aZ')).toBe('Äbc\u212az');
    expect(asciiUpper('äbcß')).toBe('äBCß');
  });

  it('is ordered by its bytes', () => {
    const strings = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '\uffff', '\ue000', '\u{1f600}', '\ud7ff', '\udcc3', '\udcff'), maxLength: 4 });
    fc.assert(fc.property(strings, strings, (a, b) => {
      expect(Math.sign(compareText(a, b))).toBe(Buffer.compare(encodeText(a), encodeText(b)));
    }));
  });
});

describe('addresses', () => {
  it('parse where the system parses them, and nowhere else', () => {
    const part = fc.oneof(fc.constantFrom('', '0', '1', '01', '255', '256', 'ffff', '12345', 'g', '::', ':'), fc.nat(300).map(String));
    const texts = fc.oneof(fc.ipV4(), fc.ipV6(), fc.array(part, { maxLength: 9 }).map((parts) => parts.join(':')), fc.array(part, { maxLength: 5 }).map((parts) => parts.join('.')));
    fc.assert(fc.property(texts, (text) => {
      expect(parseIpv4(text) !== -1, text).toBe(isIP(text) === 4);
      expect(parseIpv6(text) !== null, text).toBe(isIP(text) === 6);
    }), { numRuns: 3000 });
  });

  it.each([
    ['2001:0DB8:0:0:0:0:0:1', '2001:db8::1'], ['0:0:0:0:0:0:0:0', '::'], ['1:0:0:2:0:0:0:3', '1:0:0:2::3'], ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['1:0:0:2:3:0:0:4', '1::2:3:0:0:4'], ['fe80::', 'fe80::'], ['::ffff', '::ffff'], ['1:2:3:4:5:6:0:0', '1:2:3:4:5:6::'], ['::1.2.3.4', '::102:304'],
  ])('%s is written %s', (text, canonical) => expect(formatIpv6(parseIpv6(text)!)).toBe(canonical));

  it('lie in networks of their own family', () => {
    const net = (text: string) => (parseConstant({ kind: 'literal', text, quoted: false, start: 0, end: 0 }, 'IPNET') as { value: IpNet }).value;
    expect(inNet('142.251.111.147', net('142.0.0.0/4'))).toBe(true);
    expect(inNet('142.251.111.147', net('142.251.111.0/16'))).toBe(true);
    expect(inNet('10.0.0.128', net('10.0.0.129/25'))).toBe(true);
    expect(inNet('10.0.0.127', net('10.0.0.129/25'))).toBe(false);
    expect(inNet('255.255.255.255', net('0.0.0.0/0'))).toBe(true);
    expect(inNet('2001:4860:4860::8888', net('2001:4860:4860::8888/48'))).toBe(true);
    expect(inNet('2001:4860:4860::8888', net('2001:4860:4860::8889/128'))).toBe(false);
    expect(inNet('2001:4860:4860::8888', net('10.0.0.0/8'))).toBe(false);
    expect(inNet('10.0.0.1', net('2001::/16'))).toBe(false);
    expect(inNet('fe80::1', net('fe80:0:0:0:8000::/65'))).toBe(false);
  });
});

describe('paths', () => {
  const file = '/opt/dir/subdir/file.txt';
  it.each([
    [['/opt/dir'], true], [['/opt/dir/subdir'], true], [['/opt/dir2'], false], [['/opt/dir3', '/opt/dir2'], false], [['/opt/dir2', '/opt/dir'], true],
    [['/opt/*'], true], [['/opt/*/subdir'], true], [['/opt/di?/subdir'], true], [['/opt/dii?/subdir'], false], [['/opt/di[r]/subdir'], true],
    [['/opt/di[!r]/subdir'], false], [['/opt/di/subdir'], false], [['/opt/*/subdir2'], false], [['/opt/*/*/subsubdir'], false],
    [['/'], true], [[''], true], [['opt'], true], [['//opt//dir/'], true], [[`${file}/x`], false], [[], false], [['/o*/nothing', '/op*/dir'], true],
    [['/opt/dir/subdir/deeper', '/opt/dir'], true], [['/opt/dir', '/opt/dir/subdir/deeper'], true],
  ])('%j leads there: %s', (paths, wanted) => expect(new PathSet(paths).test(file)).toBe(wanted));

  it('that stop short of a path do not match', () => {
    expect(new PathSet(['/var/run']).test('/var')).toBe(false);
    expect(new PathSet(['/']).test('')).toBe(true);
    expect(new PathSet(['/a']).test('')).toBe(false);
  });
});

describe('regular expressions', () => {
  const test = (expression: string, text: string) => {
    const compiled = PosixRegex.compile(expression);
    return 'problem' in compiled ? compiled.problem : compiled.test(text);
  };
  it.each([
    ['abc', 'abc', true], ['abc', 'xabcx', false], ['a|ab', 'ab', true], ['(a|ab)(c|bcd)', 'abcd', true], ['a.c', 'a\nc', false],
    ['a[^x]c', 'a\nc', true], ['^a$\n^b$', 'a\nb', true], ['é.', 'éü', true], ['.', '\u{1f600}', true], ['[[:alpha:]]+', 'abC', true],
    ['a**', 'aaa', true], ['a{2,3}', 'aaaa', false], ['', '', true], ['x*', '', true], ['a\\.b', 'a.b', true], ['\\x41', 'A', true],
    ['a+?', 'aa', true], ['[a\\]]+', 'a]', true], ['\\_', '_', true],
  ])('%j against %j is %s', (expression, text, wanted) => expect(test(expression, text)).toBe(wanted));

  it.each(['\\d', '\\w+', '\\s', '\\bx', '(?i)a', '(?:a)', '\\pL', '\\Qa\\E', '\\Aa', 'a\\z', '\\1', '*a', '(a', 'a)', '[a', 'a{1001}', '\\', '\\q'])(
    '%j is refused', (expression) => expect(test(expression, 'a')).toBeTypeOf('string'),
  );

  it('are refused where RE2 calls them too large', () => {
    expect(test('[[:alpha:]]{1000}'.repeat(80), 'a')).toBe(false);
    expect(test('[[:alpha:]]{1000}'.repeat(90), 'a')).toBe('it is too large with its repetitions written out');
    expect(test('a{0,1000}'.repeat(45), 'a')).toBeTypeOf('string');
  });

  it('end on texts that keep a backtracking matcher busy for ever', () => {
    expect(test('(a*)*b', 'a'.repeat(30_000))).toBe(false);
    expect(test('(a|a)*(a|aa)*c', 'a'.repeat(30_000))).toBe(false);
  });
});

describe('transformers', () => {
  const apply = (name: keyof typeof TRANSFORMERS, args: Parameters<(typeof TRANSFORMERS)['len']['apply']>[0], argument: string | null = null) => TRANSFORMERS[name].apply(args, argument);

  it.each([
    ['aGVsbG8=', 'hello'], ['aGVsbG8', 'hello'], ['d29ybGQgIQ==', 'world !'], ['', ''], ['YQ', 'a'], ['YR', null], ['Y', null], ['YQ=', 'a'], ['a b=', null],
    ['YWJj\n', null], ['YQ-_', null], ['=', null], ['YQA=', 'a'],
  ])('b64 of %j is %j', (text, wanted) => expect(apply('b64', [text])).toBe(wanted));

  it('b64 of bytes is bytes, and trailing NULs do not count', () => {
    expect(apply('b64', [new Uint8Array(Buffer.from('AP8=\0\0'))])).toEqual(new Uint8Array([0, 255]));
  });

  it.each([['/home/u/hello.txt', 'hello.txt'], ['/', ''], ['/hello/', ''], ['hello', 'hello'], ['', '']])('basename of %j is %j', (path, wanted) =>
    expect(apply('basename', [path])).toBe(wanted));

  it('len counts bytes of text and elements of lists', () => {
    expect([apply('len', ['é']), apply('len', [new Uint8Array(3)]), apply('len', [['a', 'b']]), apply('len', [[]])]).toEqual([2, 3, 2, 0]);
  });

  it('join and concat take what they are given', () => {
    expect(apply('join', ['->', ['a', 1, true]])).toBe('a->1->true');
    expect(apply('join', [',', []])).toBe('');
    expect(apply('concat', ['a', '', 'b'])).toBe('ab');
    expect(apply('tolower', [['A', 'bC']])).toEqual(['a', 'bc']);
  });

  it.each([
    [['-n', ''], 'n', ['n']], [['-t', 'hello'], 't:', ['t', 'hello']], [['-nt', 'hello'], 'nt:', ['n', 't', 'hello']], [['-thello'], 't:', ['t', 'hello']],
    [['-n', '--', '-t'], 'nt:', ['n']], [['-x', '-n'], 'n', ['?', 'n']], [['-lpe', '/bin/sh'], 'lp:e:', ['l', 'p', 'e']],
    [['-lpe', '/bin/sh'], 'lpe:', ['l', 'p', 'e', '/bin/sh']], [['-n', '-t'], '', ['?', '?']], [[''], 'n', []], [['a', '-n'], 'n', []], [['-', '-n'], 'n', []],
    [['-t'], 't:', ['']], [['-t'], ':t:', ['']], [['--exec', '-n'], 'n', ['n']], [['-t', '-123'], 't:', ['t', '-123']], [['-a:'], 'a', ['a', '?']], [['-é'], 'n', ['?', '?']], [['-n\udcff'], 'n:', ['n', '\udcff']], [[], 'n', []],
  ])('getopt of %j with %j is %j', (argv, options, wanted) => expect(apply('getopt', [argv, options])).toEqual(wanted));

  it.each([
    [['-n', '-t', 'hello'], 'nt:', 't', 'hello'], [['-n', '-t', 'hello'], 'nt:', 'n', 'n'], [['-t', 'v1', '-t', 'v2'], 't:', 't', 'v2'], [['-t?'], 't:', 't', '?'],
    [['-t:'], ':t:', 't', ':'], [['-t'], 't:', 't', ''], [['-t', 'v1', '-t'], 't:', 't', ''], [['-n'], 'nt:', 't', null],
  ])('getopt of %j with %j at [%s] is %j', (argv, options, letter, wanted) => expect(apply('getopt', [argv, options], letter)).toBe(wanted));
});

describe('suggestions', () => {
  it('are near, or not made', () => {
    expect(closest('proc.nmae', ['proc.name', 'proc.pname', 'fd.name'])).toBe('proc.name');
    expect(closest('xyz', ['proc.name'])).toBeNull();
  });
});

describe('generated code', () => {
  it('holds any text as a text, whatever it says', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(new Slots().build<() => string>(js`return function(){return ${text};};`)()).toBe(text);
    }), { numRuns: 2000 });
    for (const text of ['`$' + '{process.exit(1)}`', '";process.exit(1);"', '\u2028\u2029', '</script>', "\\'"]) {
      expect(new Slots().build<string>(js`return ${text};`)).toBe(text);
    }
  });

  it('holds numbers of all kinds', () => {
    for (const value of [0, -0, -1, 1.5, 2 ** 53, 12345678901234567890n, -5n, true, null]) expect(Object.is(new Slots().build(js`return ${value};`), value)).toBe(true);
    expect(() => js`${Number.NaN}`).toThrow(RangeError);
  });

  it('is made of nothing else: a forged piece is refused', () => {
    expect(() => js`${{ text: 'process.exit(1)' } as never}`).toThrow(TypeError);
    expect(() => js`${['process.exit(1)'] as never}`).toThrow(TypeError);
  });

  it('refers to anything else by a slot, equal values by one', () => {
    const slots = new Slots();
    const set = new Set(['a']);
    expect(slots.of(set).text).toBe(slots.of(set).text);
    expect(slots.build<boolean>(js`return ${slots.of(set)}.has(${'a'});`)).toBe(true);
  });
});
