// SPDX-License-Identifier: Apache-2.0
/** Rules of one source to a table of functions by event type. */
import type { Expr } from '../lang/ast.js';
import type { SourceCatalogue } from '../lang/catalogue.js';
import { type Code, joinCode, js, Slots } from '../lang/code.js';
import { FunctionEmitter, MAX_BODY, type PlannedRule } from './emit.js';
import { foldAll, namesThatMatch } from './event-types.js';
import { Planner, type PlanNode } from './plan.js';

/** Writes the indexes of matching rules to the hits array from `count` on, in no order; returns the new count. */
export type Matcher<E> = (event: E, count: number) => number;

export interface Compiled<E> {
  /** By event type; null where no rule can match. */
  readonly byType: readonly (Matcher<E> | null)[];
  /** Filled by the matchers. */
  readonly hits: Int32Array;
  readonly types: ReadonlySet<number>;
  /** Of types that go by several names: those names that rules can match. */
  readonly names: ReadonlyMap<number, ReadonlySet<string>>;
  readonly fields: ReadonlySet<string>;
  /** The generated text, for tests and benches. */
  readonly text: string;
}

/** Is shown what the conditions that can hold come to for some event types. */
export type Observer<E> = (types: readonly number[], roots: readonly PlanNode<E>[]) => void;

export interface IndexedCondition {
  readonly index: number;
  readonly condition: Expr;
}

/** Conditions have to be resolved and checked; otherwise it throws. */
export function compile<E>(rules: readonly IndexedCondition[], catalogue: SourceCatalogue<E>, observe?: Observer<E>): Compiled<E> {
  const planner = new Planner(catalogue);
  const roots = rules.map((rule) => planner.plan(rule.condition));
  const hits = new Int32Array(rules.length);
  const slots = new Slots();
  const functions: Code[] = [];
  /** Types whose rules come to the same share a function. */
  const byRules = new Map<string, number>();
  const indexByType = new Int32Array(catalogue.eventTypeCount).fill(-1);
  const types = new Set<number>();
  for (const group of foldAll(planner, roots, catalogue)) {
    const planned = group.roots
      .map((root, i): PlannedRule<E> => ({ index: (rules[i] as IndexedCondition).index, root }))
      .filter((rule) => rule.root !== planner.false);
    if (planned.length === 0) continue;
    observe?.(group.types, planned.map((rule) => rule.root));
    const key = planned.map((rule) => `${rule.index}:${rule.root.id}`).join();
    let index = byRules.get(key);
    if (index === undefined) {
      index = functions.length;
      functions.push(emitAll(planned, slots, slots.of(hits)));
      byRules.set(key, index);
    }
    for (const type of group.types) {
      indexByType[type] = index;
      types.add(type);
    }
  }
  const body = js`return [${joinCode(functions, js`,\n`)}];`;
  const matchers = slots.build<readonly Matcher<E>[]>(body);
  return {
    byType: Array.from(indexByType, (index) => (index === -1 ? null : (matchers[index] as Matcher<E>))),
    hits,
    types,
    names: namesThatMatch(planner, roots, catalogue),
    fields: fieldsOf(roots),
    text: body.text,
  };
}

/** One function, or several and one that calls them, where one would be too long to be optimised. */
function emitAll<E>(rules: readonly PlannedRule<E>[], slots: Slots, hits: Code): Code {
  const whole = new FunctionEmitter<E>(slots, hits).emit(rules);
  if (whole.text.length <= MAX_BODY || rules.length === 1) return whole;
  const half = rules.length >> 1;
  const parts = [emitAll(rules.slice(0, half), slots, hits), emitAll(rules.slice(half), slots, hits)];
  return js`(function(){var a=${parts[0] as Code},b=${parts[1] as Code};return function(e,n){return b(e,a(e,n));};})()`;
}

/** Names of the fields that conditions read, transformers' arguments included. */
function fieldsOf<E>(roots: readonly PlanNode<E>[]): ReadonlySet<string> {
  const names = new Set<string>();
  const seen = new Set<PlanNode<E>>();
  const walk = (node: PlanNode<E>): void => {
    if (seen.has(node)) return;
    seen.add(node);
    switch (node.kind) {
      case 'constant':
        return;
      case 'not':
        walk(node.child);
        return;
      case 'and':
      case 'or':
        for (const child of node.children) walk(child);
        return;
      case 'check':
        for (const name of node.left.fields) names.add(name);
        for (const name of node.right?.fields ?? []) names.add(name);
        return;
      default:
        node satisfies never;
    }
  };
  for (const root of roots) walk(root);
  return names;
}
