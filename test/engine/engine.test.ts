// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { compile } from '../../src/engine/compile.js';
import { createEngine } from '../../src/engine/engine.js';
import { eventTypesOf } from '../../src/engine/event-types.js';
import { bindOperand } from '../../src/engine/operand.js';
import { check } from '../../src/lang/check.js';
import { parse, parseOperand } from '../../src/lang/parse.js';
import type { Value } from '../../src/lang/value.js';
import { bag, EVENT_TYPE_COUNT, syntheticCatalogue } from './synthetic.js';

const catalogue = syntheticCatalogue();
const types = Array.from({ length: EVENT_TYPE_COUNT }, (_, type) => type);

function conditionOf(text: string) {
  const { ast, errors } = parse(text);
  expect(errors, text).toEqual([]);
  expect(check(ast!, catalogue).filter((error) => error.severity === 'error'), text).toEqual([]);
  return ast!;
}

function rules(texts: readonly string[]) {
  return texts.map((text, i) => ({ name: `rule ${i}`, source: 'synthetic', condition: conditionOf(text), enabled: true }));
}

function matches(text: string, values: Readonly<Record<string, Value>>, type = 0): boolean {
  let matched = false;
  const engine = createEngine(rules([text]), [catalogue], { matching: 'first', onMatch: () => { matched = true; } });
  engine.process(0, bag(values, type));
  return matched;
}

describe('a field without a value', () => {
  it.each([
    't.charbuf exists', 't.charbuf = ""', 't.charbuf != a', 't.charbuf in (a)', 't.charbuf contains ""', 't.charbuf glob *', 't.charbuf regex ".*"',
    't.charbuf pmatch (/)', 't.charbuf = anyof (a)', 't.charbuf != allof (a)', 't.charbuf < 5', 't.int32 = 0', 't.int32 != 5', 't.int32 < 5', 't.int32 >= 0',
    't.bool = false', 't.bool != true', 't.ipaddr != 1.2.3.4', 't.ipnet != 10.0.0.0/8', 't.bytebuf = ""', 't.bytebuf != a', 'l.charbuf in (a)',
    'l.charbuf intersects (a)', 'l.charbuf exists', 'any.ip != 1.2.3.4', 'any.name != a', 'any.name exists', 't.charbuf = val(u.charbuf)',
    't.charbuf != val(u.charbuf)', 'tolower(t.charbuf) = ""', 'len(t.charbuf) = 0', 'len(l.charbuf) = 0', 'join("", (t.charbuf)) = ""', 'concat("a", t.charbuf) = a',
  ])('fails %s, and its negation holds', (text) => {
    expect(matches(text, {})).toBe(false);
    expect(matches(`not ${text}`, {})).toBe(true);
  });

  it('on the right fails the comparison as well', () => {
    expect(matches('t.charbuf != val(u.charbuf)', { 't.charbuf': 'a' })).toBe(false);
    expect(matches('not t.charbuf != val(u.charbuf)', { 't.charbuf': 'a' })).toBe(true);
  });

  it('is not an empty one', () => {
    expect(matches('t.charbuf exists and t.charbuf = "" and len(t.charbuf) = 0', { 't.charbuf': '' })).toBe(true);
    expect(matches('l.charbuf exists and l.charbuf in (a) and not l.charbuf intersects (a) and len(l.charbuf) = 0', { 'l.charbuf': [] })).toBe(true);
    expect(matches('any.name exists or any.name != a', { 'any.name': [] })).toBe(false);
  });
});

describe('values', () => {
  it.each([
    ['t.charbuf = anyof (a, b)', { 't.charbuf': 'b' }, true], ['t.charbuf = oneof (a, b)', { 't.charbuf': 'b' }, true],
    ['t.charbuf contains oneof (a, b)', { 't.charbuf': 'ab' }, false], ['t.charbuf contains allof (a, b)', { 't.charbuf': 'ab' }, true],
    ['t.charbuf = allof (a)', { 't.charbuf': 'a' }, true], ['t.charbuf != anyof (a, b)', { 't.charbuf': 'a' }, true],
    ['t.charbuf != allof (a, b)', { 't.charbuf': 'a' }, false], ['t.charbuf = anyof ()', { 't.charbuf': 'a' }, false],
    ['t.charbuf regex anyof ("x", "a+")', { 't.charbuf': 'aa' }, true], ['t.charbuf glob anyof (x*, *a)', { 't.charbuf': 'ba' }, true],
    ['l.charbuf in (a, b, c)', { 'l.charbuf': ['a', 'b'] }, true], ['l.charbuf in (a)', { 'l.charbuf': ['a', 'b'] }, false],
    ['l.charbuf intersects (b, c)', { 'l.charbuf': ['a', 'b'] }, true], ['l.charbuf intersects (c)', { 'l.charbuf': ['a', 'b'] }, false],
    ['l.charbuf in val(m.charbuf)', { 'l.charbuf': ['a'], 'm.charbuf': ['b', 'a'] }, true],
    ['l.charbuf intersects val(m.charbuf)', { 'l.charbuf': ['a'], 'm.charbuf': ['b'] }, false],
    ['l.ipnet in (10.0.0.0/8, ::/1)', { 'l.ipnet': ['10.1.1.1', '::1'] }, true], ['l.ipnet intersects (192.168.0.0/16)', { 'l.ipnet': ['10.1.1.1'] }, false],
    ['t.ipnet in (10.0.0.0/8, 192.168.0.0/16)', { 't.ipnet': '192.168.3.4' }, true], ['t.ipnet != 10.0.0.0/8', { 't.ipnet': '::1' }, true],
    ['t.ipaddr = 0:0:0:0:0:0:0:1', { 't.ipaddr': '::1' }, true], ['t.ipaddr != ::1', { 't.ipaddr': '127.0.0.1' }, true],
    ['any.ip = 1.2.3.4', { 'any.ip': ['10.0.0.1', '1.2.3.4'] }, true], ['any.ip != 1.2.3.4', { 'any.ip': ['10.0.0.1', '1.2.3.4'] }, false],
    ['any.ip != 1.2.3.4', { 'any.ip': ['10.0.0.1', '10.0.0.2'] }, true], ['any.net in (1.0.0.0/8)', { 'any.net': ['10.0.0.1', '1.2.3.4'] }, true],
    ['any.port < 100', { 'any.port': [40000, 80] }, true], ['any.port = https', { 'any.port': [40000, 443] }, true],
    ['any.name != bash', { 'any.name': ['bash', 'sshd'] }, true], ['any.name != bash', { 'any.name': ['bash'] }, false],
    ['any.name startswith ssh', { 'any.name': ['bash', 'sshd'] }, true], ['any.name[2] = x', { 'any.name[2]': 'x' }, true],
    ['t.bytebuf bcontains 656c6C', { 't.bytebuf': new Uint8Array(Buffer.from('hello')) }, true], ['t.bytebuf bstartswith 65', { 't.bytebuf': new Uint8Array(Buffer.from('hello')) }, false],
    ['t.bytebuf = "a\\x00b"', { 't.bytebuf': new Uint8Array([97, 0, 98]) }, true], ['t.bytebuf contains "\\xff"', { 't.bytebuf': new Uint8Array([97, 255]) }, true],
    ['t.bytebuf endswith lo and t.bytebuf in (x, hello)', { 't.bytebuf': new Uint8Array(Buffer.from('hello')) }, true],
    ['t.uint64 = 18446744073709551615 and t.uint64 > 1', { 't.uint64': 18446744073709551615n }, true], ['t.uint64 in (1, 2, 3, 4, 9007199254740993)', { 't.uint64': 9007199254740993n }, true],
    ['t.int64 < 0 and t.int64 >= -22', { 't.int64': -22 }, true], ['t.charbuf icontains SUB', { 't.charbuf': '/opt/subdir' }, true],
    ['t.charbuf icontains Ä', { 't.charbuf': 'ä' }, false], ['t.charbuf > 10', { 't.charbuf': '9' }, true], ['around.time = 100', { 'around.time': 99 }, true], ['around.time = 100', { 'around.time': 101 }, false],
    ['t.charbuf glob val(u.charbuf)', { 't.charbuf': 'abc', 'u.charbuf': 'a*' }, true], ['t.charbuf = "x" or t.charbuf in (y, z) or t.charbuf = w or t.charbuf = v', { 't.charbuf': 'w' }, true],
  ] as const)('%s', (text, values, wanted) => expect(matches(text, values as Readonly<Record<string, Value>>)).toBe(wanted));
});

describe('rules that match one event', () => {
  // Ordered so that sharing a requirement would bring later ones forward.
  const texts = ['t.charbuf contains b', 't.charbuf exists and u.charbuf = u', 't.charbuf = abc', 't.charbuf exists and t.int32 = 1', 'u.charbuf = u', 't.charbuf exists and t.charbuf = other'];
  const values = { 't.charbuf': 'abc', 'u.charbuf': 'u', 't.int32': 1 };
  const run = (matching: 'first' | 'all', enabled: (index: number) => boolean = () => true): number[] => {
    const seen: number[] = [];
    const engine = createEngine(rules(texts).map((rule, i) => ({ ...rule, enabled: enabled(i) })), [catalogue], { matching, onMatch: (rule) => seen.push(rule) });
    engine.process(0, bag(values));
    return seen;
  };

  it('are all reported, in their order', () => expect(run('all')).toEqual([0, 1, 2, 3, 4]));
  it('are reported up to the first', () => expect(run('first')).toEqual([0]));
  it('do not count when they are disabled', () => {
    expect(run('first', (i) => i > 1)).toEqual([2]);
    expect(run('all', (i) => i !== 2)).toEqual([0, 1, 3, 4]);
    expect(run('all', () => false)).toEqual([]);
  });
});

describe('sources', () => {
  it('see their own rules only', () => {
    const other = { ...syntheticCatalogue(), source: 'other' };
    const seen: string[] = [];
    const both = rules(['t.charbuf = a', 't.charbuf = a']).map((rule, i) => ({ ...rule, source: i === 0 ? 'other' : 'synthetic' }));
    const engine = createEngine(both, [catalogue, other], { matching: 'all', onMatch: (rule) => seen.push(both[rule]!.source) });
    engine.process(engine.sourceIndex('other'), bag({ 't.charbuf': 'a' }));
    engine.process(engine.sourceIndex('synthetic'), bag({ 't.charbuf': 'a' }));
    expect(seen).toEqual(['other', 'synthetic']);
    expect(engine.sourceIndex('none')).toBe(-1);
  });

  it('say which fields their rules read', () => {
    const engine = createEngine(rules(['t.charbuf = tolower(u.charbuf) and not arg.index[1] exists', 'len(l.charbuf) > 1']), [catalogue], { matching: 'all', onMatch: () => {} });
    expect([...engine.fieldsOf('synthetic')].sort()).toEqual(['arg.index', 'l.charbuf', 't.charbuf', 'u.charbuf']);
  });
});

describe('the event types that a condition can match', () => {
  const all = types;
  const table: readonly (readonly [string, readonly number[]])[] = [
    // 0 and 1 are open, 2 close, 3 connect, 4 has no name, 5 is one of setns, kexec_load and ptrace.
    ['evt.type = open', [0, 1, 4]],
    ['not evt.type != open', [0, 1, 4]],
    ['evt.type in (open, close)', [0, 1, 2, 4]],
    ['evt.type in ()', []],
    ['evt.type != open', [2, 3, 4, 5]],
    ['not evt.type in (open, close)', [3, 4, 5]],
    ['evt.type exists', all],
    ['evt.type = ptrace', [4, 5]],
    ['evt.type != ptrace', all],
    ['evt.type in (ptrace, setns, kexec_load)', [4, 5]],
    ['not evt.type in (ptrace, setns, kexec_load)', all],
    ['t.charbuf = a', all],
    ['not t.charbuf = a', all],
    ['evt.type = open and t.charbuf = a', [0, 1, 4]],
    ['evt.type = open or t.charbuf = a', all],
    ['evt.type = open and not (evt.type = close and t.charbuf = a)', [0, 1, 4]],
    ['evt.type = close or evt.type != open', [2, 3, 4, 5]],
    ['not (evt.type = open or t.charbuf = a)', [2, 3, 4, 5]],
    ['not (evt.type = open and t.charbuf = a)', all],
    ['evt.type in (open, close, connect) and not (t.charbuf = a and evt.type = close)', [0, 1, 2, 3, 4]],
    ['evt.type startswith open', all],
    ['evt.type = anyof (open)', all],
    ['tolower(evt.type) = open', all],
    ['t.charbuf = a and not t.charbuf = a', []],
  ];
  it.each(table)('%s', (text, wanted) => expect([...eventTypesOf(conditionOf(text), catalogue)]).toEqual(wanted));

  it('are what the engine asks the kernel for', () => {
    const engine = (...texts: string[]) => createEngine(rules(texts), [catalogue], { matching: 'all', onMatch: () => {} });
    expect(engine('evt.type = close', 'evt.type = connect').eventTypesOf('synthetic')).toEqual(new Set([2, 3, 4]));
    expect(engine('evt.type = close', 't.charbuf = a').eventTypesOf('synthetic')).toBe('all');
    expect(engine().eventTypesOf('synthetic')).toEqual(new Set());
    expect(engine('evt.type = close').eventTypesOf('none')).toEqual(new Set());
  });
});

describe('work that is not done twice', () => {
  it('reads a field once an event, however many rules and transformers want it', () => {
    const reads = new Map<string, number>();
    const counting = syntheticCatalogue({ onRead: (name) => reads.set(name, (reads.get(name) ?? 0) + 1) });
    const texts = [
      't.charbuf = a or t.charbuf contains x', 'tolower(t.charbuf) = b and t.charbuf != q', 'not t.charbuf in (p, q, r, s) and u.charbuf startswith "/x"',
      'len(t.charbuf) > 100', 'join("-", (t.charbuf, u.charbuf)) = z', 'u.charbuf = val(t.charbuf)', 't.charbuf exists and l.charbuf intersects (a)', 'l.charbuf in (b)',
    ];
    const engine = createEngine(rules(texts), [counting], { matching: 'all', onMatch: () => {} });
    for (const values of [{ 't.charbuf': 'hello', 'u.charbuf': '/y', 'l.charbuf': ['c'] }, { 'u.charbuf': 'u' }, {}] as Readonly<Record<string, Value>>[]) {
      reads.clear();
      engine.process(0, bag(values));
      expect(reads.size).toBeGreaterThan(1);
      for (const [name, count] of reads) expect(count, name).toBe(1);
    }
  });

  it('shares one function between event types whose rules come to the same', () => {
    const compiled = compile([{ index: 0, condition: conditionOf('evt.type in (open, close) and t.charbuf = a') }, { index: 1, condition: conditionOf('evt.type = connect') }], catalogue);
    expect(compiled.byType[0]).toBe(compiled.byType[2]);
    expect(compiled.byType[3]).not.toBe(compiled.byType[0]);
  });

  it('never takes two checks for one because of what their texts contain', () => {
    const seen: number[] = [];
    const engine = createEngine(rules(['t.charbuf in ("a\\x01stringb")', 't.charbuf in (a, b)', 't.charbuf startswith anyof ("a\\x01stringb")', 't.charbuf startswith anyof (a, b)']), [catalogue], { matching: 'all', onMatch: (rule) => seen.push(rule) });
    engine.process(0, bag({ 't.charbuf': 'b' }));
    expect(seen).toEqual([1, 3]);
  });

  it('puts what rules share below one test', () => {
    const compiled = compile(['x', 'y', 'z'].map((value, index) => ({ index, condition: conditionOf(`t.charbuf contains shared and u.charbuf = ${value}`) })), catalogue);
    const body = compiled.text.split('\n').find((line) => line.includes('shared'))!;
    expect(body.split('"shared"').length - 1).toBe(1);
  });

  it('asks all that two long conditions share in one go, however much that is', () => {
    const shared = Array.from({ length: 4500 }, (_, i) => `t.charbuf contains "x${i}"`).join(' and ');
    const seen: number[] = [];
    const engine = createEngine(rules([`${shared} and u.charbuf regex "a.*[xy]"`, `${shared} and u.charbuf regex "b.*[xy]"`]), [catalogue], { matching: 'all', onMatch: (rule) => seen.push(rule) });
    engine.process(0, bag({ 't.charbuf': Array.from({ length: 4500 }, (_, i) => `x${i}`).join(' '), 'u.charbuf': 'b.x' }));
    expect(seen).toEqual([1]);
  });

  it('takes no more than seconds for thousands of rules of which every two share something', () => {
    const texts = Array.from({ length: 2000 }, (_, i) => `t.charbuf = p${i >> 1} and u.charbuf contains c${i} and t.fspath = q${(i + 1) >> 1}`);
    const seen: number[] = [];
    const engine = createEngine(rules(texts), [catalogue], { matching: 'all', onMatch: (rule) => seen.push(rule) });
    engine.process(0, bag({ 't.charbuf': 'p700', 'u.charbuf': 'c1400 c1401', 't.fspath': 'q701' }));
    expect(seen).toEqual([1401]);
  }, 20_000);

  it('splits what would be too long for one function, and still finds all', () => {
    const texts = Array.from({ length: 1500 }, (_, i) => `t.charbuf contains "needle number ${i} of many" or u.charbuf = "${i}"`);
    const seen: number[] = [];
    const engine = createEngine(rules(texts), [catalogue], { matching: 'all', onMatch: (rule) => seen.push(rule) });
    engine.process(0, bag({ 't.charbuf': 'needle number 1499 of many', 'u.charbuf': '3' }));
    expect(seen).toEqual([3, 1499]);
  });
});

describe('an operand that is bound', () => {
  it('reads what an output prints', () => {
    const read = (text: string, values: Readonly<Record<string, Value>>) => bindOperand(parseOperand(text).ast!, catalogue).read(bag(values));
    expect(read('toupper(basename(t.charbuf))', { 't.charbuf': '/a/b' })).toBe('B');
    expect(read('join(",", (t.charbuf, t.int32))', { 't.charbuf': 'a', 't.int32': 7 })).toBe('a,7');
    expect(read('concat("x", t.charbuf)', {})).toBeNull();
    expect(read('any.name', { 'any.name printed': 'p', 'any.name': ['q'] })).toBe('p');
    expect(bindOperand(parseOperand('len(l.charbuf)').ast!, catalogue)).toMatchObject({ type: 'UINT64', list: false, field: null });
  });
});
