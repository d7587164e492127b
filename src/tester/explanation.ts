// SPDX-License-Identifier: Apache-2.0
/** A trace as a person reads it: every sub-condition, what came out, the values behind it, and which one decided. */
import { toText } from '../alert/render.js';
import type { Trace, TracedValue } from '../engine/instrument.js';
import type { Rule, Ruleset } from '../ruleset/ruleset.js';
import { placeOf, spanOf, textOf, writtenText } from '../ruleset/written.js';

const VALUE_WIDTH = 160;
const ANOTHER_TYPE = 4;

/** The checks that made the outcome what it is: of a condition that failed, those that have to change. */
export function decisive(trace: Trace): ReadonlySet<Trace> {
  const found = new Set<Trace>();
  const visit = (node: Trace): void => {
    const { kind } = node.of.expr;
    if (kind === 'and' || kind === 'or') {
      // One that fails is enough for an `and`, one that holds for an `or`; otherwise all of them are needed.
      for (const child of node.children) if (child.holds === node.holds) visit(child);
    } else if (node.children.length > 0) visit(node.children[0]);
    else found.add(node);
  };
  visit(trace);
  return found;
}

export interface ExplainOptions {
  /** Only what leads to the outcome. */
  readonly brief: boolean;
}

/** The tree as lines: outcome, sub-condition as written, values; `<--` marks what decided. */
export function explainLines(trace: Trace, rule: Rule, ruleset: Ruleset, { brief }: ExplainOptions): readonly string[] {
  const marked = decisive(trace);
  const leads = new Set<Trace>();
  const mark = (node: Trace): boolean => {
    const here = [marked.has(node), ...node.children.map(mark)].includes(true);
    if (here) leads.add(node);
    return here;
  };
  mark(trace);
  const lines: string[] = [];
  const visit = (node: Trace, depth: number): void => {
    if (brief && !leads.has(node)) return;
    const { expr, macros } = node.of;
    const text = textOf(rule, macros, ruleset);
    const holds = node.holds ? 'true ' : 'false';
    const indent = '  '.repeat(depth);
    const line = (shown: string, more = ''): void => void lines.push(`${holds}  ${indent}${shown}${more}`);
    switch (expr.kind) {
      case 'and':
      case 'or': {
        line(expr.kind === 'and' ? 'all of' : 'any of');
        const shown = brief && expr.kind === 'or' && !node.holds ? nearestOf(node.children) : node.children;
        for (const child of shown) visit(child, depth + 1);
        const left = node.children.length - shown.length;
        if (left > 0) lines.push(`       ${indent}  and ${left} more, further away`);
        return;
      }
      case 'not':
        line('not');
        visit(node.children[0], depth + 1);
        return;
      case 'macro': {
        const body = node.children[0].of;
        line(expr.name, `  [${placeOf(spanOf(body.expr, textOf(rule, body.macros, ruleset)))}]`);
        visit(node.children[0], depth + 1);
        return;
      }
      case 'exists':
      case 'compare':
        line(writtenText(expr, text), `  | ${node.values.map(valueText).join(', ')}${marked.has(node) && !trace.holds ? '  <-- decides' : ''}`);
        return;
      default:
        expr satisfies never;
    }
  };
  visit(trace, 0);
  return lines;
}

/** Of alternatives that all fail, those that miss least. */
function nearestOf(alternatives: readonly Trace[]): readonly Trace[] {
  const least = Math.min(...alternatives.map((one) => distance(one)));
  return alternatives.filter((one) => distance(one) === least);
}

export function valueText({ text, value, type, field }: TracedValue): string {
  if (value === null) return `${text} has no value`;
  const shown = toText(value, { type, format: field?.format ?? 'DEC', base64: false });
  return `${text} = ${shown === '' ? '""' : shown.length > VALUE_WIDTH ? `${shown.slice(0, VALUE_WIDTH)}…` : shown}`;
}

/** The same for programs. */
export function explainJson(trace: Trace, rule: Rule, ruleset: Ruleset): unknown {
  const marked = decisive(trace);
  const visit = (node: Trace): unknown => {
    const { expr, macros } = node.of;
    const text = textOf(rule, macros, ruleset);
    const kind = expr.kind === 'exists' || expr.kind === 'compare' ? 'check' : expr.kind;
    return {
      kind, holds: node.holds, decides: marked.has(node), place: placeOf(spanOf(expr, text)),
      ...(kind === 'check' || kind === 'macro' ? { text: writtenText(expr, text) } : {}),
      ...(node.values.length > 0 ? { values: Object.fromEntries(node.values.map((value) => [value.text, jsonValue(value)])) } : {}),
      ...(node.children.length > 0 ? { children: node.children.map(visit) } : {}),
    };
  };
  return visit(trace);
}

const jsonValue = ({ value, type, field }: TracedValue): string | null => (value === null ? null : toText(value, { type, format: field?.format ?? 'DEC', base64: false }));

/** How many checks have to come out otherwise for the condition to hold. It tells which of many events or rules came nearest. */
export function distance(trace: Trace, wanted = true): number {
  if (trace.holds === wanted) return 0;
  const { expr } = trace.of;
  switch (expr.kind) {
    case 'and':
    case 'or': {
      const each = trace.children.map((child) => distance(child, wanted));
      return (expr.kind === 'and') === wanted ? each.reduce((sum, one) => sum + one, 0) : Math.min(...each);
    }
    case 'not':
      return distance(trace.children[0], !wanted);
    case 'macro':
      return distance(trace.children[0], wanted);
    case 'exists':
    case 'compare':
      // A rule for other event types is far away.
      return expr.left.kind === 'field' && expr.left.name === 'evt.type' ? ANOTHER_TYPE : 1;
    default:
      return expr satisfies never;
  }
}
