// SPDX-License-Identifier: Apache-2.0
/** Conditions that contradict themselves, as a whole or in one of their alternatives. */
import type { Expr } from '../../lang/ast.js';
import type { Rule } from '../ruleset.js';
import { spanOf, textOf, writtenText } from '../written.js';
import { finding, type Lint, type LintContext, type LintFinding } from './lint.js';
import { canHold } from './satisfiable.js';

interface Part {
  readonly expr: Expr;
  readonly macros: readonly string[];
}

export const neverMatches: Lint = (context) =>
  context.ruleset.rules.flatMap((rule) => {
    const planner = context.plannerOf(rule);
    const possible = (...parts: readonly Part[]): boolean => canHold(parts.map(({ expr }) => ({ node: planner.plan(expr), negated: false })));
    const whole: Part = { expr: rule.condition, macros: [] };
    if (!possible(whole)) return [contradiction(rule, context, conjuncts(whole), possible)];
    return alternatives(whole)
      .filter((part) => !possible(whole, part))
      .map((part): LintFinding => {
        const text = textOf(rule, part.macros, context.ruleset);
        return finding(
          'LINT_DEAD_ALTERNATIVE', `\`${writtenText(part.expr, text)}\` can never hold together with the rest of the condition`,
          'remove this alternative, or correct what excludes it', spanOf(part.expr, text), rule,
        );
      });
  });

function contradiction(rule: Rule, context: LintContext, parts: readonly Part[], possible: (...parts: readonly Part[]) => boolean): LintFinding {
  const written = (part: Part): string => writtenText(part.expr, textOf(rule, part.macros, context.ruleset));
  const hint = 'correct one of the checks: as it is, the rule is dead';
  const alone = parts.find((part) => !possible(part));
  if (alone !== undefined) {
    const { expr } = alone;
    const empty = expr.kind === 'compare' && expr.right.kind === 'literals' && expr.right.values.length === 0;
    const advice = empty ? 'put something into its list, which is empty' : hint;
    return finding('LINT_NEVER_MATCHES', `the rule can never match: \`${written(alone)}\` holds for no event`, advice, spanOf(alone.expr, textOf(rule, alone.macros, context.ruleset)), rule);
  }
  for (const [i, a] of parts.entries()) {
    const b = parts.slice(i + 1).find((other) => !possible(a, other));
    if (b === undefined) continue;
    return finding('LINT_NEVER_MATCHES', `the rule can never match: \`${written(a)}\` and \`${written(b)}\` exclude each other`, hint, spanOf(b.expr, textOf(rule, b.macros, context.ruleset)), rule);
  }
  return finding('LINT_NEVER_MATCHES', 'the rule can never match: its checks exclude each other', hint, spanOf(rule.condition, rule.text), rule);
}

/** What all has to hold, in macros too. */
function conjuncts(part: Part): readonly Part[] {
  const { expr, macros } = part;
  if (expr.kind === 'and') return expr.children.flatMap((child) => conjuncts({ expr: child, macros }));
  if (expr.kind === 'macro' && expr.body !== null && (expr.body.kind === 'and' || expr.body.kind === 'macro')) {
    return conjuncts({ expr: expr.body, macros: [...macros, expr.name] });
  }
  return [part];
}

/** What stands in an `or` of the rule's own: macros are written for many rules, of which each needs but a part. */
function alternatives({ expr, macros }: Part): readonly Part[] {
  switch (expr.kind) {
    case 'and':
      return expr.children.flatMap((child) => alternatives({ expr: child, macros }));
    case 'or':
      return expr.children.flatMap((child) => [{ expr: child, macros }, ...alternatives({ expr: child, macros })]);
    case 'not':
    case 'macro':
    case 'exists':
    case 'compare':
      return [];
    default:
      return expr satisfies never;
  }
}
