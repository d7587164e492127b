// SPDX-License-Identifier: Apache-2.0
/** Why a rule matches an event, or does not: one event is looked at, with all rules of its source. */
import { compileTemplate } from '../alert/template.js';
import type { Trace } from '../engine/instrument.js';
import type { EngineEvent } from '../events/event.js';
import { AUDIT_SOURCE } from '../fields/audit-catalogue.js';
import type { Rule, Ruleset } from '../ruleset/ruleset.js';
import type { Bench } from './bench.js';
import { decisive, distance } from './explanation.js';
import type { Tester } from './run.js';
import type { TestCase, TestFile } from './test-file.js';

/** What was found out about one event. */
export interface Explained {
  readonly num: number;
  readonly source: string;
  /** The event in one line. */
  readonly event: string;
  /** Those that match, in their order; the first is the one that alerts with `rule_matching: first`. */
  readonly matching: readonly Rule[];
  /** The rule that was asked for; otherwise the first that matches. */
  readonly subject: { readonly rule: Rule; readonly trace: Trace } | null;
  /** Of rules that do not match, those that came nearest, with what decided. */
  readonly near: readonly { readonly rule: Rule; readonly checks: readonly Trace[] }[];
}

export interface Explanation {
  readonly ruleset: Ruleset;
  readonly events: number;
  /** Null: there is no event of that number, or none that says anything about the rule. */
  readonly explained: Explained | null;
  /** Every event that a rule matched. */
  readonly matched: readonly { readonly num: number; readonly rules: readonly string[] }[];
}

const NEAR = 5;
const SUMMARIES: Readonly<Record<string, string>> = {
  syscall: '%evt.type(%evt.args) by %proc.name, pid %proc.pid, command `%proc.cmdline`, in %container.id',
  [AUDIT_SOURCE]: '%ka.verb %ka.uri by %ka.user.name, response %ka.response.code',
};

/**
 * `num`: the event to explain, from 1. Without it, a rule is explained at the event that came nearest to it, best of all
 * one that it matches; and without a rule as well, the first event that some rule matches, else the last. Null: there are
 * mistakes, which `tester` knows.
 */
export async function explain(tester: Tester, file: TestFile, test: TestCase, ruleName: string | null, num: number | null): Promise<Explanation | null | 'no such rule'> {
  if (ruleName !== null || num !== null) return explainOne(tester, file, test, ruleName, num);
  // Explaining an event costs far more than passing it on, so that the first time all pass.
  const passed = await tester.observe(file, test, () => ({ rules: new Set(), fields: new Map() }));
  return passed === null ? null : explainOne(tester, file, test, null, passed.observed.matches[0]?.event ?? passed.observed.events);
}

async function explainOne(tester: Tester, file: TestFile, test: TestCase, ruleName: string | null, num: number | null): Promise<Explanation | null | 'no such rule'> {
  let unknown = false;
  let found: Explained | null = null;
  let least = Number.POSITIVE_INFINITY;
  const result = await tester.observe(file, test, (bench) => {
    const asked = ruleName === null ? null : (bench.seats.find(({ rule }) => rule.name === ruleName) ?? null);
    unknown = ruleName !== null && asked === null;
    return {
      rules: new Set(),
      fields: new Map(),
      onEvent: (event, source, at) => {
        if (unknown) return;
        if (num !== null || asked === null) {
          if (num === at) found = look(bench, event, source, at, asked?.rule ?? null);
          return;
        }
        if (least === 0 || asked.rule.source !== source) return;
        const far = distance(asked.instruments.trace(event));
        if (far < least) found = look(bench, event, source, at, asked.rule);
        least = Math.min(least, far);
      },
    };
  });
  if (unknown) return 'no such rule';
  if (result === null) return null;
  const { bench, observed } = result;
  const byEvent = new Map<number, string[]>();
  for (const { event, rule } of observed.matches) byEvent.set(event, [...(byEvent.get(event) ?? []), rule.name]);
  return {
    ruleset: bench.parts.ruleset,
    events: observed.events,
    explained: found,
    matched: [...byEvent].map(([at, rules]) => ({ num: at, rules })),
  };
}

function look(bench: Bench, event: EngineEvent, source: string, num: number, asked: Rule | null): Explained {
  const seats = bench.seats.filter(({ rule }) => rule.source === source);
  const traced = seats.map(({ rule, instruments }) => ({ rule, trace: instruments.trace(event) }));
  const matching = traced.filter(({ trace }) => trace.holds).map(({ rule }) => rule).sort((a, b) => a.index - b.index);
  const subject = asked ?? matching[0] ?? null;
  const trace = traced.find(({ rule }) => rule === subject)?.trace;
  const near = traced
    .filter((one) => !one.trace.holds)
    .map((one) => ({ ...one, distance: distance(one.trace) }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, NEAR)
    .map((one) => ({ rule: one.rule, checks: [...decisive(one.trace)] }));
  const catalogue = bench.parts.catalogues.find((one) => one.source === source);
  const summary = catalogue === undefined ? null : compileTemplate<EngineEvent>(SUMMARIES[source] ?? '', catalogue).template;
  return {
    num, source, event: summary?.text(event) ?? source, matching,
    subject: subject === null || trace === undefined ? null : { rule: subject, trace },
    near,
  };
}
