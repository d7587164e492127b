// SPDX-License-Identifier: Apache-2.0
/** The compiled form and the plain meaning of conditions, on random conditions and events. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEngine, type CompilableRule } from '../../src/engine/engine.js';
import { instrument } from '../../src/engine/instrument.js';
import { Planner } from '../../src/engine/plan.js';
import { evaluate } from '../../src/engine/reference.js';
import { check } from '../../src/lang/check.js';
import { kindOf } from '../../src/lang/kinds.js';
import { OPERATORS } from '../../src/lang/operators/index.js';
import { parse } from '../../src/lang/parse.js';
import { resolve } from '../../src/lang/resolve.js';
import type { FieldType, Scalar, Value } from '../../src/lang/value.js';
import { byteEscape } from '../../src/util/byte-text.js';
import { canHold } from '../../src/ruleset/lints/satisfiable.js';
import { type BagEvent, bag, CANDIDATE_FIELDS, EVENT_TYPE_COUNT, FIELD_SPECS, NAMES_BY_TYPE, syntheticCatalogue } from './synthetic.js';

const catalogue = syntheticCatalogue();

// Small pools, so that constants and values meet.
// Bytes that are no character, alone and where they stand beside those that would make one of them.
const [c3, a9, ff] = [byteEscape(0xc3), byteEscape(0xa9), byteEscape(0xff)];
const texts = [c3, a9, ff, `a${ff}`, `${ff}b`, `/etc/${c3}`, '', '10', '9', 'a', 'ab', 'abc', 'b', 'A', 'AB', '/', '/etc', '/etc/passwd', '/etcetera', '/root/.ssh/id', 'é', 'aé', 'Ä', 'k', '\u212a', '\u{1f600}', '\uffff', 'x\ny', 'YWJj', 'YQ==', '-a', '-bx'];
const patterns = [...texts, `a?${ff}`, `[${c3}-${ff}]`, `*${a9}`, '*', 'a*', '*b', '?', '??', '[a-c]*', '[!a]?', '*/*', '\\a', 'a[', '*a*b*'];
const regexes = ['a', 'a*', '[a-z]+', '.*', 'a|ab', '(ab|a)(c|bcd)?', '^a$', '/etc/.*', '[^a]', 'x.y', 'é?'];
const ints: Readonly<Record<string, readonly (number | bigint)[]>> = {
  signed: [0, 1, 2, -1, 5, 127, -128],
  unsigned: [0, 1, 2, 5, 80, 255],
  wide: [0, 1, 5, 9007199254740991, 9007199254740993n, 18446744073709551615n],
};
const bytes = ['', 'a', 'ab', 'abc', 'b', '\x00', 'ÿ'];
const addresses = ['10.0.0.1', '10.1.2.3', '192.168.1.1', '0.0.0.0', '::1', 'fe80::1', '2001:db8::1'];
const nets = ['10.0.0.0/8', '10.0.0.1/32', '0.0.0.0/0', '192.168.1.128/25', '::1/128', 'fe80::/10', '2001:db8::/32', 'fe80::/65'];

function intPool(type: FieldType): readonly (number | bigint)[] {
  if (['UINT64', 'ABSTIME', 'RELTIME'].includes(type)) return ints.wide as readonly (number | bigint)[];
  return (['INT8', 'INT16', 'INT32', 'INT64', 'FD', 'PID', 'ERRNO'].includes(type) ? ints.signed : ints.unsigned) as readonly number[];
}

function values(type: FieldType): fc.Arbitrary<Scalar> {
  switch (kindOf(type)) {
    case 'text': return fc.constantFrom(...texts);
    case 'bytes': return fc.constantFrom(...bytes).map((text) => new Uint8Array(Buffer.from(text, 'utf8')));
    case 'bool': return fc.boolean();
    case 'double': return fc.constantFrom(0, 1, 1.5, -1, 5);
    case 'ip': case 'net': return fc.constantFrom(...addresses);
    default: return fc.constantFrom(...intPool(type));
  }
}

const symbols = new Set(['<', '<=', '>', '>=']);

const quote = (text: string): string =>
  `"${text.replace(/["\n]|\\/g, (c) => (c === '\n' ? '\\n' : c === '"' ? '\\"' : '\\x5c')).replace(/\0/g, '\\x00')}"`;

function constants(type: FieldType, operator: string): fc.Arbitrary<string> {
  if (operator === 'regex') return fc.constantFrom(...regexes).map(quote);
  if (operator.endsWith('glob') || operator === 'pmatch') return fc.constantFrom(...patterns).map(quote);
  // The grammar takes only numbers there; texts are ordered against them, and against other fields.
  if (symbols.has(operator) && kindOf(type) === 'text') return fc.constantFrom('0', '10', '-1', '9');
  switch (kindOf(type)) {
    case 'text': return fc.constantFrom(...texts).map(quote);
    case 'bytes': return operator.startsWith('b') ? fc.constantFrom('', '61', '6162', '00', 'c3').map(quote) : fc.constantFrom(...bytes).map(quote);
    case 'bool': return fc.constantFrom('true', 'false');
    case 'double': return fc.constantFrom('0', '1', '-1', '5');
    case 'ip': return fc.constantFrom(...addresses);
    case 'net': return fc.constantFrom(...nets);
    default: return fc.constantFrom(...intPool(type)).map(String);
  }
}

/** A comparison of an operand of this type. */
function comparisons(operand: string, type: FieldType, list: boolean, other: string | null): fc.Arbitrary<string> {
  const fitting = OPERATORS.filter((operator) =>
    list ? operator.name === 'in' || operator.name === 'intersects' : operator.kinds.includes(kindOf(type)));
  const withOperator = fc.constantFrom(...fitting).chain((operator) => {
    const { name } = operator;
    const one = constants(type, name);
    const many = fc.array(one, { maxLength: 6 }).map((items) => `(${items.join(', ')})`);
    const ways: fc.Arbitrary<string>[] = [];
    if (operator.many) ways.push(many.map((right) => `${operand} ${name} ${right}`));
    else ways.push(one.map((right) => `${operand} ${name} ${right}`));
    if (!operator.many && !symbols.has(name)) {
      ways.push(fc.tuple(fc.constantFrom('anyof', 'allof', 'oneof'), many).map(([modifier, right]) => `${operand} ${name} ${modifier} ${right}`));
    }
    if (other !== null && operator.fields && kindOf(type) !== 'net') ways.push(fc.constant(`${operand} ${name} val(${other})`));
    return fc.oneof(...ways);
  });
  return fc.oneof({ weight: 9, arbitrary: withOperator }, { weight: 1, arbitrary: fc.constant(`${operand} exists`) });
}

const fieldChecks = FIELD_SPECS.map((spec) => {
  const other = spec.name.replace(/^./, (c) => ({ t: 'u', u: 't', l: 'm', m: 'l' })[c] as string);
  return comparisons(spec.name, spec.type, spec.list === true, other);
});
const candidateChecks = CANDIDATE_FIELDS.map((field) => comparisons(field.name, field.type, false, null));
const transformed: readonly (readonly [string, FieldType, boolean])[] = [
  ['tolower(t.charbuf)', 'CHARBUF', false], ['toupper(t.fspath)', 'FSPATH', false], ['b64(t.charbuf)', 'CHARBUF', false],
  ['b64(t.bytebuf)', 'BYTEBUF', false], ['basename(t.charbuf)', 'CHARBUF', false], ['len(t.charbuf)', 'UINT64', false],
  ['len(l.charbuf)', 'UINT64', false], ['len(t.bytebuf)', 'UINT64', false], ['tolower(l.charbuf)', 'CHARBUF', true],
  ['join("-", (t.charbuf, t.int64, "x", u.bool))', 'CHARBUF', false], ['join("", l.charbuf)', 'CHARBUF', false],
  ['concat(t.charbuf, "b", u.charbuf)', 'CHARBUF', false], ['getopt(l.charbuf, "ab:")', 'CHARBUF', true],
  ['getopt(l.charbuf, "ab:")[b]', 'CHARBUF', false], ['toupper(basename(t.charbuf))', 'CHARBUF', false],
  ['len(concat(t.charbuf, u.charbuf))', 'UINT64', false], ['basename("x/ab")', 'CHARBUF', false],
];
const transformerChecks = transformed.map(([operand, type, list]) => comparisons(operand, type, list, null));
const mixedSides = fc.constantFrom(
  't.charbuf = tolower(u.charbuf)', 'tolower(t.charbuf) contains basename(u.charbuf)', 'len(t.charbuf) < len(u.charbuf)',
  't.charbuf = concat(u.charbuf, "b")', 'l.charbuf in tolower(m.charbuf)', 't.uint64 >= len(l.charbuf)', 't.charbuf startswith val(t.charbuf)',
);
const typeNames = fc.constantFrom('open', 'close', 'connect', 'setns', 'kexec_load', 'ptrace');
const typeChecks = fc.oneof(
  fc.tuple(fc.constantFrom('=', '!=', '=='), typeNames).map(([operator, name]) => `evt.type ${operator} ${name}`),
  fc.array(typeNames, { maxLength: 4 }).map((names) => `evt.type in (${names.join(', ')})`),
  fc.tuple(fc.constantFrom('= anyof', '!= allof', 'startswith oneof'), fc.array(typeNames, { minLength: 1, maxLength: 3 }))
    .map(([operator, names]) => `evt.type ${operator} (${names.join(', ')})`),
  fc.constant('evt.type exists'),
);

const atoms = fc.oneof(
  { weight: 6, arbitrary: fc.oneof(...fieldChecks) },
  { weight: 2, arbitrary: fc.oneof(...candidateChecks) },
  { weight: 2, arbitrary: fc.oneof(...transformerChecks) },
  { weight: 1, arbitrary: mixedSides },
  { weight: 4, arbitrary: typeChecks },
  { weight: 2, arbitrary: fc.constantFrom('first_macro', 'second_macro', 'third_macro') },
);

const conditions = (depth: number): fc.Arbitrary<string> =>
  depth === 0
    ? atoms
    : fc.oneof(
        { weight: 2, arbitrary: atoms },
        { weight: 3, arbitrary: fc.array(conditions(depth - 1), { minLength: 2, maxLength: 5 }).map((parts) => `(${parts.join(' and ')})`) },
        { weight: 3, arbitrary: fc.array(conditions(depth - 1), { minLength: 2, maxLength: 6 }).map((parts) => `(${parts.join(' or ')})`) },
        { weight: 2, arbitrary: conditions(depth - 1).map((part) => `not (${part})`) },
      );

const macroTexts: Readonly<Record<string, string>> = {
  first_macro: 't.charbuf in (a, ab, "é") or u.charbuf startswith /etc',
  second_macro: 'first_macro and not evt.type in (close, setns)',
  third_macro: 't.charbuf startswith a or t.charbuf startswith /r or t.charbuf startswith b or t.charbuf startswith "" or t.charbuf startswith Ä',
};
const macros = new Map(Object.entries(macroTexts).map(([name, text]) => [name, parse(text).ast!]));

const eventValues: fc.Arbitrary<Record<string, Value | undefined>> = fc.record(
  Object.fromEntries([
    ...FIELD_SPECS.map((spec) => [spec.name, spec.list === true ? fc.array(values(spec.type), { maxLength: 3 }) : values(spec.type)]),
    ...CANDIDATE_FIELDS.map((field) => [field.name, fc.array(values(field.type), { maxLength: 3 })]),
  ]),
  { requiredKeys: [] },
);
const events: fc.Arbitrary<BagEvent> = fc
  .tuple(eventValues, fc.integer({ min: 0, max: EVENT_TYPE_COUNT - 1 }), fc.nat())
  .map(([bagValues, type, pick]) => {
    const names = NAMES_BY_TYPE[type] as readonly string[];
    return bag({ ...bagValues, 'evt.type': names[pick % names.length] as string }, type);
  });

function ruleOf(text: string, index: number): CompilableRule {
  const parsed = parse(text);
  expect(parsed.errors, text).toEqual([]);
  const resolved = resolve(parsed.ast!, { macros, lists: new Map() });
  expect(resolved.errors, text).toEqual([]);
  expect(check(resolved.ast, catalogue).filter((error) => error.severity === 'error'), text).toEqual([]);
  return { name: `rule ${index}`, source: 'synthetic', condition: resolved.ast, enabled: true };
}

/** How often something matched: a test on events that match nothing would show nothing. */
let matches = 0;

function expectSame(ruleTexts: readonly string[], sample: readonly BagEvent[]): void {
  const rules = ruleTexts.map(ruleOf);
  const matched: number[] = [];
  const first: number[] = [];
  const all = createEngine(rules, [catalogue], { matching: 'all', onMatch: (rule) => matched.push(rule) });
  const planner = new Planner(catalogue);
  const plans = rules.map((rule) => planner.plan(rule.condition));
  const instrumented = instrument(rules.map((rule) => rule.condition), catalogue);
  const one = createEngine(rules, [catalogue], { matching: 'first', onMatch: (rule) => first.push(rule) });
  for (const event of sample) {
    matched.length = first.length = 0;
    all.process(0, event);
    one.process(0, event);
    const wanted = rules.flatMap((rule, index) => (evaluate(rule.condition, event, catalogue) ? [index] : []));
    matches += wanted.length;
    const shown = () => `${ruleTexts.map((text, i) => `${i}: ${text}`).join('\n')}\nwith ${JSON.stringify(event.values, (_, v) => (typeof v === 'bigint' ? `${v}n` : v))} type ${event.type}`;
    if (matched.join() !== wanted.join()) expect(matched, shown()).toEqual(wanted);
    expect(first, shown()).toEqual(wanted.slice(0, 1));
    // What tests of rules and explanations are made of says the same, and the lints call nothing impossible that happens.
    expect(instrumented.flatMap((condition, i) => (condition.evaluate(event) ? [i] : [])), shown()).toEqual(wanted);
    expect(instrumented.flatMap((condition, i) => (condition.trace(event).holds ? [i] : [])), shown()).toEqual(wanted);
    if (!canHold(plans.map((node, i) => ({ node, negated: !wanted.includes(i) })))) expect('impossible', shown()).toBe('what happened');
    const types = all.eventTypesOf('synthetic');
    if (wanted.length > 0 && types !== 'all') expect(types.has(event.type)).toBe(true);
  }
}

describe('the compiled rules and the plain meaning of their conditions', () => {
  it('agree on every single check and every event', () => {
    fc.assert(fc.property(atoms, fc.array(events, { minLength: 1, maxLength: 20 }), (text, sample) => expectSame([text], sample)), { numRuns: 1200 });
  });

  it('agree on sets of nested conditions, in what matches and in which order', () => {
    fc.assert(
      fc.property(fc.array(conditions(3), { minLength: 1, maxLength: 8 }), fc.array(events, { minLength: 1, maxLength: 12 }), expectSame),
      { numRuns: 250 },
    );
  });

  it('agree on rules that share what they require', () => {
    const shared = fc.array(atoms, { minLength: 2, maxLength: 5 }).chain((pool) =>
      fc.array(fc.subarray(pool, { minLength: 1 }).map((parts) => parts.join(' and ')), { minLength: 2, maxLength: 10 }));
    fc.assert(fc.property(shared, fc.array(events, { minLength: 1, maxLength: 12 }), expectSame), { numRuns: 400 });
  });

  it('have met many matches on the way', () => {
    expect(matches).toBeGreaterThan(2_000);
  });
});
