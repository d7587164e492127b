// SPDX-License-Identifier: Apache-2.0
/**
 * Random conditions on all fields, out of values that recorded events really have: compiled they mean what they say, and
 * nothing that one of them matches is held back by the sieve derived from it.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEngine, type Engine } from '../../src/engine/engine.js';
import { evaluate } from '../../src/engine/reference.js';
import type { EventView } from '../../src/events/event-view.js';
import { SYSCALLS } from '../../src/events/syscalls.js';
import { emptyContext, syscallCatalogue } from '../../src/fields/catalogues.js';
import type { Expr } from '../../src/lang/ast.js';
import type { FieldDef, FieldReader } from '../../src/lang/catalogue.js';
import { check } from '../../src/lang/check.js';
import { kindOf } from '../../src/lang/kinds.js';
import { OPERATORS } from '../../src/lang/operators/index.js';
import { parse } from '../../src/lang/parse.js';
import { deriveSieve, type TypedConditions } from '../../src/sieve/derive.js';
import { Held, type SievedCall } from '../../src/sources/native-contract.js';
import { State } from '../../src/state/state.js';
import { UserTable } from '../../src/state/users.js';
import { RECORDINGS, replayInto } from './corpus.js';

const users = new UserTable();
const state = new State({ users });
const catalogue = syscallCatalogue({ ...emptyContext(), threads: state.threads, users, interfaces: state.interfaces });

/** What these say depends on when they were read before. */
const DEPENDS_ON_READING = /^(thread\.(exectime|totexectime|cpu)|evt\.(around|type\.is))/;
const SAMPLE = 150;

interface Operand {
  readonly text: string;
  readonly field: FieldDef<EventView>;
  readonly read: FieldReader<EventView>;
  /** Constants that events have there. */
  readonly values: Set<string>;
}

function operands(): Operand[] {
  const found: Operand[] = [];
  const add = (text: string): void => {
    const bracket = text.indexOf('[');
    const resolved = catalogue.find(bracket === -1 ? text : text.slice(0, bracket));
    const { ast } = parse(`${text} exists`);
    if (resolved === null || ast === null || check(ast, catalogue).some((error) => error.severity === 'error')) return;
    const index = Number(text.slice(bracket + 1, -1));
    const argument = bracket === -1 ? resolved.argument : { text: text.slice(bracket + 1, -1), index: Number.isInteger(index) ? index : null };
    const read = resolved.field.inCondition?.bind(argument) ?? resolved.field.bind(argument);
    if (typeof read === 'function') found.push({ text, field: resolved.field, read, values: new Set() });
  };
  for (const { name, argument } of catalogue.classes.flatMap((one) => one.fields)) {
    if (DEPENDS_ON_READING.test(name)) continue;
    if (argument?.required !== true) add(name);
    if (argument?.index === true) for (const index of [0, 1, 2]) add(`${name}[${index}]`);
  }
  for (const name of ['name', 'flags', 'res', 'fd', 'data']) {
    add(`evt.arg.${name}`);
    add(`evt.rawarg.${name}`);
  }
  return found;
}

const quote = (text: string): string => `"${text.replace(/[^\x20-\x7e]|["\\]/g, '?')}"`;

/** Parts of real values, so that many conditions hold somewhere. */
function constants({ field, values }: Operand, operator: string): fc.Arbitrary<string> {
  const kind = kindOf(field.type);
  const some = fc.constantFrom(...values, ...(kind === 'text' ? ['', '/'] : ['0']));
  if (operator.startsWith('b')) return some.map((text) => quote(Buffer.from(text).toString('hex').slice(0, 8)));
  switch (kind) {
    case 'text': {
      if (/^[<>]/.test(operator)) return fc.constant('0');
      const part = fc.tuple(some, fc.nat(30), fc.nat(30)).map(([text, from, length]) =>
        operator === 'endswith' ? text.slice(from) : operator === 'startswith' || operator === 'pmatch' ? text.slice(0, from) : text.slice(from, from + length));
      if (operator === 'regex') return part.map((text) => quote(`${text.replace(/[^A-Za-z0-9/]/g, '.')}.*`));
      if (operator.endsWith('glob')) return part.map((text) => quote(`${text.replace(/[*?[\]\\]/g, '?')}*`));
      return fc.oneof(some, part).map(quote);
    }
    case 'bytes':
      return some.map((text) => quote(text.slice(0, 5)));
    case 'bool':
      return fc.constantFrom('true', 'false');
    case 'ip':
      return some.filter((text) => /[.:]/.test(text));
    case 'net':
      return fc.tuple(some.filter((text) => /[.:]/.test(text)), fc.constantFrom(1, 8, 24, 32)).map(([address, bits]) => `${address}/${bits}`);
    default:
      return some.map((text) => String(Math.trunc(Number(text))));
  }
}

function atoms(all: readonly Operand[]): fc.Arbitrary<string> {
  const one = all.filter(({ values }) => values.size > 0).flatMap((operand) => {
    const fitting = OPERATORS.filter((operator) =>
      operand.field.list === true ? operator.name === 'in' || operator.name === 'intersects' : operator.kinds.includes(kindOf(operand.field.type)));
    return fitting.map(({ name, many }) => {
      const several = fc.array(constants(operand, name), { minLength: 1, maxLength: 3 }).map((list) => `(${list.join(', ')})`);
      if (many) return several.map((list) => `${operand.text} ${name} ${list}`);
      const single = constants(operand, name).map((constant) => `${operand.text} ${name} ${constant}`);
      if (/^[<>]/.test(name)) return single;
      return fc.oneof({ weight: 4, arbitrary: single }, fc.tuple(fc.constantFrom('anyof', 'allof', 'oneof'), several).map(([modifier, list]) => `${operand.text} ${name} ${modifier} ${list}`));
    });
  });
  const results = fc.constantFrom('evt.failed = true', 'evt.failed = false', 'evt.rawres >= 0', 'evt.rawres < 0', 'evt.res = SUCCESS', 'not evt.res = SUCCESS', 'evt.is_open_write = true', 'evt.type in (openat, open)', 'evt.type in (close, mmap, connect)');
  return fc.oneof({ weight: 5, arbitrary: fc.oneof(...one) }, { weight: 2, arbitrary: results }).filter((text) => {
    const { ast } = parse(text);
    return ast !== null && check(ast, catalogue).every((error) => error.severity !== 'error');
  });
}

function conditions(all: readonly Operand[], numRuns: number): readonly Expr[] {
  const atom = atoms(all);
  const { condition } = fc.letrec<{ condition: string }>((tie) => ({
    condition: fc.oneof({ maxDepth: 3 }, atom,
      fc.array(tie('condition'), { minLength: 2, maxLength: 3 }).map((parts) => `(${parts.join(' and ')})`),
      fc.array(tie('condition'), { minLength: 2, maxLength: 3 }).map((parts) => `(${parts.join(' or ')})`),
      tie('condition').map((part) => `not (${part})`)),
  }));
  return fc.sample(condition, { numRuns, seed: 1 }).map((text) => parse(text).ast!);
}

/** One of so many events, at different places each time. */
async function sampled(of: string, every: number, look: (view: EventView) => void): Promise<void> {
  let n = 0;
  await replayInto(state, of, (view) => {
    if (n++ % every === 0) look(view);
  });
}

const rulesOf = (list: readonly Expr[]) => list.map((condition, i) => ({ name: `r${i}`, source: 'syscall', condition, enabled: true }));
const bySyscall = new Map(SYSCALLS.filter((row) => row.x86_64 >= 0).map((row) => [row.exit, row.x86_64]));

interface Sieved {
  readonly condition: Expr;
  readonly engine: Engine;
  readonly calls: ReadonlyMap<number, SievedCall>;
}

describe.skipIf(RECORDINGS.length === 0)('random conditions on recorded events', () => {
  it('match compiled what they say, and what they match is not held back for its result', async () => {
    const all = operands();
    const recording = RECORDINGS.find(({ name }) => name === 'containers') ?? RECORDINGS[0];
    await sampled(recording.capture, 97, (view) => {
      for (const { read, values } of all) {
        const value = read(view);
        for (const one of Array.isArray(value) ? value : [value]) {
          if (one !== null && values.size < 30) values.add(one instanceof Uint8Array ? Buffer.from(one).toString('latin1') : String(one));
        }
      }
    });
    const list = conditions(all, 300);
    const hits = new Set<number>();
    const engine = createEngine(rulesOf(list), [catalogue], { matching: 'all', onMatch: (rule) => hits.add(rule) });
    let matched = false;
    const sieved = list.flatMap((condition): Sieved[] => {
      const typed: TypedConditions<never>[] = [];
      const own = createEngine(rulesOf([condition]), [catalogue], {
        matching: 'all', onMatch: () => { matched = true; }, observe: (_source, types, roots) => typed.push({ types, roots }),
      });
      const sieve = deriveSieve({ conditions: typed, conditionFields: own.fieldsOf('syscall'), printedFields: [], arch: 'x64' });
      return sieve === null ? [] : [{ condition, engine: own, calls: new Map(sieve.calls.map((call) => [call.number, call])) }];
    });
    let matches = 0;
    let held = 0;
    await sampled(recording.capture, SAMPLE, (view) => {
      hits.clear();
      engine.process(0, view);
      list.forEach((condition, i) => {
        const wanted = evaluate(condition, view, catalogue);
        if (wanted) matches++;
        if (hits.has(i) !== wanted) expect(hits.has(i), `event ${view.num}: condition ${i}`).toBe(wanted);
      });
      const number = bySyscall.get(view.type);
      if (number === undefined || view.paramCount === 0) return;
      const bit = view.int(0) < 0 ? Held.Failed : Held.Succeeded;
      for (const one of sieved) {
        if (((one.calls.get(number)?.what ?? 0) & bit) === 0) continue;
        held++;
        matched = false;
        one.engine.process(0, view);
        if (matched) throw new Error(`event ${view.num} is held back: ${JSON.stringify(one.condition)}`);
      }
    });
    expect(matches).toBeGreaterThan(10_000);
    expect(held).toBeGreaterThan(1_000);
  }, 60_000);
});
