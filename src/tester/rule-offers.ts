// SPDX-License-Identifier: Apache-2.0
/** What a rule's author left open for those who tune it: lists and macros that exclude. */
import type { Expr } from '../lang/ast.js';
import type { Span } from '../lang/diagnostic.js';
import { parse } from '../lang/parse.js';
import { print } from '../lang/print.js';
import type { Rule, Ruleset } from '../ruleset/ruleset.js';

export interface Offer {
  readonly kind: 'list' | 'macro';
  readonly name: string;
  readonly span: Span;
  /** Of a list: the field that is looked up in it. */
  readonly field: string | null;
  /** How many other rules would change with it. */
  readonly others: number;
}

/** A macro that holds for nothing until somebody fills it. */
const PLACEHOLDER = /^\(?\s*(?:never_true|evt\.num\s*=\s*0|evt\.num\s*<\s*0)\s*\)?$/;

export function offersOf(rule: Rule, ruleset: Ruleset): readonly Offer[] {
  const { collection } = ruleset;
  const offers = new Map<string, Offer>();
  const span = (path: readonly { readonly span: Span }[]): Span => path[path.length - 1].span;
  walk(rule, ruleset, (expr, negated) => {
    if (!negated) return;
    if (expr.kind === 'macro') {
      const macro = collection.macros.get(expr.name);
      if (macro !== undefined && expr.name !== 'never_true' && (PLACEHOLDER.test(macro.condition.text.trim()) || /^user_/.test(expr.name))) {
        offers.set(expr.name, { kind: 'macro', name: expr.name, span: span(macro.path), field: null, others: 0 });
      }
    } else if (expr.kind === 'compare' && expr.right.kind === 'literals' && expr.left.kind === 'field') {
      for (const { text, quoted } of expr.right.values) {
        const list = quoted ? undefined : collection.lists.get(text);
        if (list !== undefined) offers.set(text, { kind: 'list', name: text, span: span(list.path), field: print(expr.left, { loose: true }), others: 0 });
      }
    }
  });
  if (offers.size === 0) return [];
  const uses = ruleset.rules.filter((other) => other !== rule && other.enabled).map((other) => namesIn(other, ruleset));
  return [...offers.values()].map((offer) => ({ ...offer, others: uses.filter((names) => names.has(offer.name)).length }));
}

function namesIn(rule: Rule, ruleset: Ruleset): ReadonlySet<string> {
  const names = new Set<string>();
  walk(rule, ruleset, (expr) => {
    if (expr.kind === 'macro') names.add(expr.name);
    else if (expr.kind === 'compare' && expr.right.kind === 'literals') for (const { text, quoted } of expr.right.values) if (!quoted) names.add(text);
  });
  return names;
}

/** The condition and its macros as they are written, where the names of lists still stand. */
function walk(rule: Rule, ruleset: Ruleset, visit: (expr: Expr, negated: boolean) => void): void {
  const seen = new Set<string>();
  const into = (text: string, negated: boolean): void => {
    const { ast } = parse(text);
    if (ast !== null) step(ast, negated);
  };
  const step = (expr: Expr, negated: boolean): void => {
    visit(expr, negated);
    if (expr.kind === 'and' || expr.kind === 'or') for (const child of expr.children) step(child, negated);
    else if (expr.kind === 'not') step(expr.child, !negated);
    else if (expr.kind === 'macro' && !seen.has(`${negated} ${expr.name}`)) {
      seen.add(`${negated} ${expr.name}`);
      const macro = ruleset.collection.macros.get(expr.name);
      if (macro !== undefined) into(macro.condition.text, negated);
    }
  };
  into(rule.info.condition.text, false);
}
