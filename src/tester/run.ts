// SPDX-License-Identifier: Apache-2.0
/** Runs test files and judges what came out. */
import { dirname, isAbsolute, join } from 'node:path';
import type { Diagnostic, SourceText, Span } from '../lang/diagnostic.js';
import { closest } from '../lang/suggest.js';
import type { Rule } from '../ruleset/ruleset.js';
import { Bench, type BenchParts, FormsDisagree, type Match, type Observed, type Watch } from './bench.js';
import { auditText } from './audit-text.js';
import { Coverage } from './coverage.js';
import { explainLines } from './explanation.js';
import { Nodes } from './nodes.js';
import { Processes } from './process.js';
import { writeEvent } from './syscall-event.js';
import { type EventSpec, readTestFile, type TestCase, type TestFile, type Wanted } from './test-file.js';

export interface TesterOptions {
  /** Rules files that stand in for those that test files name. */
  readonly rules: readonly string[];
  /** `rule_matching`, where the tests do not say. */
  readonly matching: 'first' | 'all';
  /** Loads rules files (none: the configuration's) for a state of their own. Throws when they have errors. */
  readonly open: (rules: readonly string[]) => BenchParts;
  /** Throws when there is none. */
  readonly read: (path: string) => Buffer;
}

/** Something that a test expected and that did not come. */
export interface Failure {
  readonly span: Span;
  readonly message: string;
  /** Why, line by line. */
  readonly details: readonly string[];
}

export interface CaseResult {
  readonly file: string;
  readonly name: string;
  readonly span: Span;
  readonly events: number;
  readonly failures: readonly Failure[];
}

export interface TestReport {
  readonly results: readonly CaseResult[];
  /** Mistakes in the test files: the tests they are in did not run. */
  readonly diagnostics: readonly Diagnostic[];
  readonly coverage: Coverage;
}

/** When everything happens that is not recorded: 2026-01-01 00:00:00 UTC, in nanoseconds. */
const NOW = 1_767_225_600_000_000_000n;
const BETWEEN_EVENTS = 1_000_000n;

export class Tester {
  private readonly coverage = new Coverage();
  private readonly diagnostics: Diagnostic[] = [];
  private readonly results: CaseResult[] = [];
  private bench: Bench | null = null;
  private benchKey = '';

  constructor(private readonly options: TesterOptions) {}

  /** One file after another; `only`: names of cases have to contain this. */
  async run(sources: readonly SourceText[], only = ''): Promise<TestReport> {
    for (const source of sources) {
      const { file, diagnostics } = readTestFile(source);
      this.diagnostics.push(...diagnostics);
      if (diagnostics.length > 0) continue;
      for (const test of file.cases) if (test.name.includes(only)) await this.runCase(file, test);
    }
    this.close();
    return { results: this.results, diagnostics: this.diagnostics, coverage: this.coverage };
  }

  /** Runs the events of one case, with a look at each: what `explain` does. Null: there are mistakes in it. */
  async observe(file: TestFile, test: TestCase, watch: (bench: Bench) => Watch): Promise<{ readonly bench: Bench; readonly observed: Observed } | null> {
    const nodes = new Nodes();
    const bench = this.benchOf(file);
    const observed = await this.play(bench, file, test, watch(bench), nodes);
    this.diagnostics.push(...nodes.diagnostics);
    return nodes.diagnostics.length > 0 ? null : { bench, observed };
  }

  get problems(): readonly Diagnostic[] {
    return this.diagnostics;
  }

  private async runCase(file: TestFile, test: TestCase): Promise<void> {
    const bench = this.benchOf(file);
    const nodes = new Nodes();
    const rules = new Map<string, Rule>();
    for (const { rule, span } of [...test.expect, ...test.quiet]) {
      const found = this.rule(bench, rule, span, nodes);
      if (found !== null) rules.set(rule, found);
    }
    const fields = new Map<Rule, string[]>();
    for (const { rule, fields: wanted } of test.expect) {
      const known = rules.get(rule);
      if (known === undefined) continue;
      for (const { name, span } of wanted) this.checkField(bench, known, name, span, nodes);
      fields.set(known, [...(fields.get(known) ?? []), ...wanted.map(({ name }) => name)]);
    }
    const watch: Watch = { rules: new Set(test.expect.flatMap(({ rule }) => rules.get(rule) ?? [])), fields };
    const observed = nodes.diagnostics.length > 0 ? null : await this.play(bench, file, test, watch, nodes);
    this.diagnostics.push(...nodes.diagnostics);
    if (observed === null || nodes.diagnostics.length > 0) return;
    const failures = new Judge(bench, test, test.matching ?? this.options.matching, observed, rules).failures();
    this.results.push({ file: file.source.name, name: test.name, span: test.span, events: observed.events, failures });
  }

  private async play(bench: Bench, file: TestFile, test: TestCase, watch: Watch, nodes: Nodes): Promise<Observed> {
    bench.begin(watch);
    const processes = new Processes(bench.parts.state, nodes, NOW);
    let ts = NOW;
    let recorded = false;
    for (const [i, spec] of test.events.entries()) {
      ts += BETWEEN_EVENTS;
      recorded ||= spec.kind === 'capture';
      await this.playEvent(bench, file, spec, i, processes, nodes, ts);
    }
    processes.close();
    const observed = bench.end();
    // What a capture tells of users and containers is not for the tests after it.
    if (recorded) this.close();
    return observed;
  }

  private async playEvent(bench: Bench, file: TestFile, spec: EventSpec, i: number, processes: Processes, nodes: Nodes, ts: bigint): Promise<void> {
    const usable = async (span: Span, what: () => readonly string[] | Promise<void>): Promise<void> => {
      try {
        for (const problem of (await what()) ?? []) nodes.error('TEST_FILE', span, problem);
      } catch (error) {
        if (error instanceof FormsDisagree) throw error;
        nodes.error('TEST_FILE', span, (error as Error).message);
      }
    };
    switch (spec.kind) {
      case 'syscall': {
        const event = writeEvent(spec.map, spec.type, processes, nodes, ts);
        if (event !== null) bench.syscall(event.bytes);
        return;
      }
      case 'audit':
        return usable(spec.map.span, () => bench.audit(auditText(spec.map, i, ts)));
      case 'audit_file':
        return usable(spec.span, () => bench.audit(this.options.read(beside(file.source, spec.path))));
      case 'capture':
        return usable(spec.span, () => bench.capture(beside(file.source, spec.path)));
      default:
        spec satisfies never;
    }
  }

  /** The bench for a file's rules; the last one serves again. */
  private benchOf(file: TestFile): Bench {
    const rules = this.options.rules.length > 0 ? this.options.rules : file.rules.map(({ path }) => beside(file.source, path));
    const key = rules.join('\n');
    if (this.bench !== null && this.benchKey === key) return this.bench;
    this.close();
    this.bench = new Bench(this.options.open(rules));
    this.benchKey = key;
    return this.bench;
  }

  private close(): void {
    this.bench?.count(this.coverage);
    this.bench = null;
  }

  private rule(bench: Bench, name: string, span: Span, nodes: Nodes): Rule | null {
    const { rules } = bench.parts.ruleset;
    const found = rules.find((rule) => rule.name === name);
    if (found?.enabled === true) return found;
    if (found !== undefined) nodes.error('TEST_UNKNOWN_RULE', span, `the rule '${name}' is not enabled`, 'enable it: -o \'rules[]={"enable": {"rule": "NAME"}}\', or in the configuration');
    else {
      const near = closest(name, rules.map((rule) => rule.name));
      nodes.error('TEST_UNKNOWN_RULE', span, `there is no rule '${name}'`, near === null ? 'check that the file names the rules files that it tests' : `did you mean '${near}'?`);
    }
    return null;
  }

  private checkField(bench: Bench, rule: Rule, name: string, span: Span, nodes: Nodes): void {
    if (bench.template(name, rule.source) !== null) return;
    const names = bench.parts.catalogues.find((one) => one.source === rule.source)?.classes.flatMap((one) => one.fields.map((field) => field.name)) ?? [];
    const near = closest(name.replace(/\[.*$/, ''), names);
    nodes.error('TEST_UNKNOWN_FIELD', span, `the source ${rule.source} has no field '${name}' that can be printed`, near === null ? `falco-ts --list=${rule.source} lists them` : `did you mean '${near}'?`);
  }
}

/** A path in a test file is relative to the file. */
export function beside(source: SourceText, path: string): string {
  return isAbsolute(path) ? path : join(dirname(source.name), path);
}

class Judge {
  constructor(
    private readonly bench: Bench,
    private readonly test: TestCase,
    private readonly matching: 'first' | 'all',
    private readonly observed: Observed,
    private readonly rules: ReadonlyMap<string, Rule>,
  ) {}

  failures(): readonly Failure[] {
    const { test, observed } = this;
    const alerts = observed.matches.filter((match) => match.first || this.matching === 'all');
    return [
      ...test.expect.flatMap((wanted) => this.judge(wanted, alerts.filter((match) => match.rule.name === wanted.rule))),
      ...test.quiet.flatMap(({ rule, span }) => {
        const loud = observed.matches.find((match) => match.rule.name === rule);
        return loud === undefined ? [] : [{ span, message: `the rule '${rule}' matched ${this.at(loud.event)}`, details: [`alert: ${loud.alert.message}`] }];
      }),
      ...(test.others ? [] : alerts.filter((match) => !test.expect.some(({ rule }) => rule === match.rule.name)).map((match) => ({
        span: test.span, message: `the rule '${match.rule.name}' fired ${this.at(match.event)}, which the test does not expect`, details: [`alert: ${match.alert.message}`],
      }))),
    ];
  }

  private judge(wanted: TestCase['expect'][number], alerts: readonly Match[]): readonly Failure[] {
    const fail = (span: Span, message: string, details: readonly string[] = []): Failure => ({ span, message, details });
    if (alerts.length === 0 && wanted.count !== 0) return [fail(wanted.span, `the rule '${wanted.rule}' did not fire`, this.why(wanted.rule))];
    if (wanted.count !== undefined && alerts.length !== wanted.count) {
      return [fail(wanted.span, `the rule '${wanted.rule}' fired ${times(alerts.length)}, not ${times(wanted.count)}`)];
    }
    // One alert has to be as it should be; of several, what is said is about the one that is nearest to that.
    const verdicts = alerts.map((match) => {
      const { priority, output, fields } = wanted;
      return [
        ...(priority === undefined || match.alert.priority === priority ? [] : [fail(wanted.span, `the alert's priority is ${match.alert.priority}, not ${priority}`)]),
        ...(output === undefined || isIn(match.alert.message, output) ? [] : [fail(output.span, `the alert's output does not contain this`, [`output: ${match.alert.message}`])]),
        ...fields.filter(({ name, wanted: value }) => !equals(match.fields.get(name) ?? NONE, value)).map(({ name, span }) => fail(span, `${name} is ${match.fields.get(name)}`)),
      ];
    });
    return verdicts.sort((a, b) => a.length - b.length)[0] ?? [];
  }

  private why(name: string): readonly string[] {
    const { observed } = this;
    const rule = this.rules.get(name) as Rule;
    const hidden = observed.matches.find((match) => match.rule === rule);
    if (hidden !== undefined) {
      const before = observed.matches.find((match) => match.event === hidden.event && match.first);
      return [`its condition holds ${this.at(hidden.event)}, but '${before?.rule.name}' comes first (rule_matching: first)`];
    }
    const near = observed.nearest.get(rule);
    if (near === undefined) return [`no event of its source (${rule.source}) was there`];
    const which = observed.events === 1 ? `the event (${near.label})` : `event ${near.event} of ${observed.events} (${near.label}), which came nearest`;
    return [`${which}:`, ...explainLines(near.trace, rule, this.bench.parts.ruleset, { brief: true })];
  }

  private at(event: number): string {
    return this.observed.events === 1 ? 'on the event' : `on event ${event} of ${this.observed.events}`;
  }
}

const NONE = '<NA>';
const times = (n: number): string => (n === 1 ? 'once' : `${n} times`);
const isIn = (text: string, { text: part, pattern }: Wanted): boolean => (pattern === null ? text.includes(part ?? NONE) : pattern.test(text));
const equals = (text: string, { text: whole, pattern }: Wanted): boolean => (pattern === null ? text === (whole ?? NONE) : pattern.test(text));

