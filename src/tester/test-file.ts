// SPDX-License-Identifier: Apache-2.0
/** A YAML file of rule tests → its cases. What events and fields mean is found out when a case runs. */
import { PRIORITIES, type Priority } from '../alert/alert.js';
import type { Diagnostic, SourceText, Span } from '../lang/diagnostic.js';
import { get, type RawMap, type RawNode, type RawScalar, readDocuments } from '../ruleset/read.js';
import { merged, Nodes } from './nodes.js';
import { EVENT_KEYS } from './syscall-event.js';

export interface TestFile {
  readonly source: SourceText;
  /** As written: relative to the file. Empty: not said. */
  readonly rules: readonly { readonly path: string; readonly span: Span }[];
  readonly cases: readonly TestCase[];
}

export interface TestCase {
  readonly name: string;
  readonly span: Span;
  readonly matching: 'first' | 'all' | null;
  readonly events: readonly EventSpec[];
  readonly expect: readonly Expectation[];
  /** Rules whose conditions must hold for none of the events, other rules before them or not. */
  readonly quiet: readonly { readonly rule: string; readonly span: Span }[];
  /** Alerts of rules that are not named are no failure. */
  readonly others: boolean;
}

export type EventSpec =
  | { readonly kind: 'syscall'; readonly map: RawMap; readonly type: RawScalar }
  | { readonly kind: 'audit'; readonly map: RawMap }
  | { readonly kind: 'audit_file' | 'capture'; readonly path: string; readonly span: Span };

export interface Expectation {
  readonly rule: string;
  readonly span: Span;
  /** Exactly so many alerts; absent: one at least. */
  readonly count?: number;
  readonly priority?: Priority;
  readonly output?: Wanted;
  readonly fields: readonly { readonly name: string; readonly span: Span; readonly wanted: Wanted }[];
}

export interface Wanted {
  readonly span: Span;
  /** The whole text of a field, part of an output; null: no value. */
  readonly text: string | null;
  /** From `{matches: …}`. */
  readonly pattern: RegExp | null;
}

const FILE_KEYS = ['rules', 'given', 'matching', 'tests'] as const;
const CASE_KEYS = ['name', 'rule', 'given', 'matching', 'event', 'events', 'expect', 'quiet', 'others', 'fires', 'silent'] as const;
const ALERT_KEYS = ['fields', 'output', 'priority', 'count'] as const;
const EVENT_FORMS = [...EVENT_KEYS, 'audit', 'capture'] as const;

export function readTestFile(source: SourceText): { readonly file: TestFile; readonly diagnostics: readonly Diagnostic[] } {
  const nodes = new Nodes();
  const { documents, diagnostics } = readDocuments(source);
  for (const d of diagnostics) nodes.error('TEST_YAML', d.span ?? { source, start: 0, end: 0 }, d.message, d.hint);
  const reader = new Reader(nodes);
  const files = documents.map((document) => reader.file(document));
  return {
    file: { source, rules: files.flatMap((file) => file.rules), cases: files.flatMap((file) => file.cases) },
    diagnostics: nodes.diagnostics,
  };
}

/** A file that holds an event, a list of them, or a map with `events` and what is `given` for all. */
export function readEventFile(source: SourceText): { readonly events: readonly EventSpec[]; readonly diagnostics: readonly Diagnostic[] } {
  const nodes = new Nodes();
  const { documents, diagnostics } = readDocuments(source);
  for (const d of diagnostics) nodes.error('TEST_YAML', d.span ?? { source, start: 0, end: 0 }, d.message, d.hint);
  const reader = new Reader(nodes);
  return { events: documents.flatMap((document) => reader.events(document)), diagnostics: nodes.diagnostics };
}

/** What a process is called, by one key or another: who says one of these means none of those that are given for all. */
const CALLED: ReadonlySet<string> = new Set(['name', 'cmdline', 'exe', 'exepath', 'args']);

function underProcess(given: RawNode, own: RawMap): RawNode {
  const proc = get(own, 'proc');
  const named = proc?.kind === 'map' && proc.entries.some(({ key }) => key.text === 'name' || key.text === 'cmdline');
  if (!named || given.kind !== 'map') return given;
  const entries = given.entries.map(({ key, value }) =>
    key.text === 'proc' && value.kind === 'map' ? { key, value: { ...value, entries: value.entries.filter((entry) => !CALLED.has(entry.key.text)) } } : { key, value },
  );
  return { ...given, entries };
}

class Reader {
  constructor(private readonly nodes: Nodes) {}

  file(node: RawNode): Pick<TestFile, 'rules' | 'cases'> {
    const { nodes } = this;
    const map = nodes.map(node, 'a test file', FILE_KEYS);
    if (map === null) return { rules: [], cases: [] };
    const rules = nodes.list(get(map, 'rules')).flatMap((item) => {
      const path = nodes.text(item, 'a rules file');
      return path === undefined ? [] : [{ path, span: item.span }];
    });
    const given = get(map, 'given');
    const matching = nodes.oneOf(get(map, 'matching'), 'matching', ['first', 'all']) ?? null;
    const tests = get(map, 'tests');
    if (tests === undefined) nodes.error('TEST_VALUE', { ...map.span, end: map.span.start + 1 }, 'the file has no tests', 'put them into a list under `tests:`');
    return { rules, cases: nodes.list(tests).flatMap((test) => this.test(test, given, matching)) };
  }

  events(node: RawNode): readonly EventSpec[] {
    if (node.kind !== 'map' || get(node, 'events') === undefined) return this.nodes.list(node).flatMap((item) => this.event(item, undefined, []) ?? []);
    this.nodes.map(node, 'a file of events', ['events', 'given']);
    return this.nodes.list(get(node, 'events')).flatMap((item) => this.event(item, get(node, 'given'), []) ?? []);
  }

  private test(node: RawNode, above: RawNode | undefined, above2: TestCase['matching']): readonly TestCase[] {
    const { nodes } = this;
    const map = nodes.map(node, 'a test', CASE_KEYS);
    if (map === null) return [];
    const rule = get(map, 'rule');
    const ruleName = nodes.text(rule, 'rule');
    const own = get(map, 'given');
    const given = own === undefined ? above : merged(above, own);
    const matching = nodes.oneOf(get(map, 'matching'), 'matching', ['first', 'all']) ?? above2;
    const name = nodes.text(get(map, 'name'), 'name') ?? ruleName ?? 'a test';
    const cases: TestCase[] = [];
    if (rule !== undefined && ruleName !== undefined) {
      const at = { rule: ruleName, span: rule.span };
      nodes.list(get(map, 'fires')).forEach((item, i) => {
        const { events, alert } = this.sample(item, given);
        cases.push({ name: `${name}: fires ${i + 1}`, span: item.span, matching, events, expect: [{ ...at, ...alert }], quiet: [], others: true });
      });
      nodes.list(get(map, 'silent')).forEach((item, i) => {
        const { events } = this.sample(item, given);
        cases.push({ name: `${name}: silent ${i + 1}`, span: item.span, matching, events, expect: [], quiet: [at], others: true });
      });
    }
    const events = [...nodes.list(get(map, 'event')), ...nodes.list(get(map, 'events'))].flatMap((item) => this.event(item, given, []) ?? []);
    const expect = get(map, 'expect');
    const quiet = nodes.list(get(map, 'quiet')).flatMap((item) => {
      const text = nodes.text(item, 'a rule');
      return text === undefined ? [] : [{ rule: text, span: item.span }];
    });
    if (events.length > 0 || expect !== undefined || quiet.length > 0) {
      if (events.length === 0) nodes.error('TEST_VALUE', node.span, 'the test has no events', 'write one under `event:` or several under `events:`');
      if (expect === undefined && quiet.length === 0) {
        nodes.error('TEST_VALUE', { ...map.span, end: map.span.start + 1 }, 'the test expects nothing', 'say what fires (`expect: [rule]`), that nothing does (`expect: none`), or which rules do not (`quiet: [rule]`)');
      }
      const none = expect?.kind === 'scalar' && expect.text === 'none';
      const expected = none ? [] : nodes.list(expect).flatMap((item) => this.expectation(item) ?? []);
      const others = nodes.oneOf(get(map, 'others'), 'others', ['allowed', 'forbidden']) ?? (expect === undefined ? 'allowed' : 'forbidden');
      cases.push({ name, span: (get(map, 'name') ?? node).span, matching, events, expect: expected, quiet, others: others === 'allowed' });
    } else if (cases.length === 0) {
      nodes.error('TEST_VALUE', { ...map.span, end: map.span.start + 1 }, 'the test has no events', 'write `rule:` with `fires:` and `silent:`, or `events:` with `expect:`');
    }
    return cases;
  }

  /** An entry of `fires` or `silent`: an event, or a map with several; with what the alert has to look like. */
  private sample(node: RawNode, given: RawNode | undefined): { readonly events: readonly EventSpec[]; readonly alert: Omit<Expectation, 'rule' | 'span'> } {
    const several = node.kind === 'map' ? get(node, 'events') : undefined;
    if (several === undefined || node.kind !== 'map') {
      const event = this.event(node, given, ALERT_KEYS);
      return { events: event === null ? [] : [event], alert: node.kind === 'map' ? this.alert(node) : { fields: [] } };
    }
    this.nodes.map(node, 'a test of several events', ['events', ...ALERT_KEYS]);
    return { events: this.nodes.list(several).flatMap((item) => this.event(item, given, []) ?? []), alert: this.alert(node) };
  }

  private event(node: RawNode, given: RawNode | undefined, more: readonly string[]): EventSpec | null {
    const { nodes } = this;
    const own = nodes.map(node, 'an event', [...EVENT_FORMS, ...more]);
    if (own === null) return null;
    const capture = get(own, 'capture');
    const audit = get(own, 'audit');
    if (capture !== undefined) {
      const path = nodes.text(capture, 'capture');
      return path === undefined ? null : { kind: 'capture', path, span: capture.span };
    }
    if (audit?.kind === 'scalar') return { kind: 'audit_file', path: audit.text, span: audit.span };
    const map = merged(given === undefined ? undefined : underProcess(given, own), own) as RawMap;
    if (audit !== undefined) {
      const all = get(map, 'audit');
      return all?.kind === 'map' ? { kind: 'audit', map: all } : null;
    }
    const type = get(map, 'type');
    if (type?.kind === 'scalar') return { kind: 'syscall', map, type };
    nodes.error('TEST_VALUE', own.span, 'the event has no type', 'write `type: openat` and the like, `audit: {…}` for an audit event, or `capture: file.scap`');
    return null;
  }

  private expectation(node: RawNode): Expectation | null {
    const { nodes } = this;
    if (node.kind === 'scalar') return { rule: node.text, span: node.span, fields: [] };
    const map = nodes.map(node, 'an expected alert', ['rule', ...ALERT_KEYS]);
    const rule = map === null ? undefined : get(map, 'rule');
    const name = nodes.text(rule, 'rule');
    if (map === null) return null;
    if (rule === undefined || name === undefined) {
      nodes.error('TEST_VALUE', node.span, 'an expected alert needs a rule');
      return null;
    }
    return { rule: name, span: rule.span, ...this.alert(map) };
  }

  private alert(map: RawMap): Omit<Expectation, 'rule' | 'span'> {
    const { nodes } = this;
    const fields = get(map, 'fields');
    const checked = fields?.kind === 'map' ? fields.entries : [];
    if (fields !== undefined && fields.kind !== 'map') nodes.error('TEST_VALUE', fields.span, 'fields must be a mapping of fields to what they have to be');
    const output = get(map, 'output');
    const count = nodes.integer(get(map, 'count'), 'count');
    const priority = nodes.text(get(map, 'priority'), 'priority')?.toLowerCase();
    const found = PRIORITIES.find((one) => one.toLowerCase() === priority || (one === 'Informational' && priority === 'info'));
    if (priority !== undefined && found === undefined) nodes.error('TEST_VALUE', (get(map, 'priority') as RawNode).span, `there is no priority '${priority}'`, `they are ${PRIORITIES.join(', ')}`);
    return {
      ...(count === undefined ? {} : { count }),
      ...(found === undefined ? {} : { priority: found }),
      ...(output === undefined ? {} : { output: this.wanted(output) }),
      fields: checked.map(({ key, value }) => ({ name: key.text, span: key.span, wanted: this.wanted(value) })),
    };
  }

  private wanted(node: RawNode): Wanted {
    const { nodes } = this;
    if (node.kind === 'null') return { span: node.span, text: null, pattern: null };
    if (node.kind === 'sequence') return { span: node.span, text: `(${nodes.texts(node, 'a value')?.join(',')})`, pattern: null };
    if (node.kind === 'scalar') return { span: node.span, text: node.text, pattern: null };
    const map = nodes.map(node, 'a value', ['matches']);
    const text = (map === null ? undefined : nodes.text(get(map, 'matches'), 'matches')) ?? '';
    try {
      return { span: node.span, text, pattern: new RegExp(text) };
    } catch (error) {
      nodes.error('TEST_VALUE', node.span, `this is no regular expression: ${(error as Error).message}`);
      return { span: node.span, text, pattern: null };
    }
  }
}
