// SPDX-License-Identifier: Apache-2.0
/** Macros that only unused macros use. Those that nothing uses at all are the loader's to tell. */
import type { Expr } from '../../lang/ast.js';
import { finding, type Lint } from './lint.js';

export const unreachedMacros: Lint = ({ ruleset }) => {
  const reached = new Set<string>();
  const walk = (expr: Expr): void => {
    switch (expr.kind) {
      case 'and':
      case 'or':
        for (const child of expr.children) walk(child);
        return;
      case 'not':
        walk(expr.child);
        return;
      case 'macro':
        if (reached.has(expr.name)) return;
        reached.add(expr.name);
        if (expr.body !== null) walk(expr.body);
        return;
      case 'exists':
      case 'compare':
        return;
      default:
        expr satisfies never;
    }
  };
  for (const rule of ruleset.rules) walk(rule.condition);
  return ruleset.macros
    .filter(({ name, used }) => used && !reached.has(name))
    .map(({ name }) => finding(
      'LINT_UNREACHED_MACRO', `no rule uses the macro '${name}': only macros that are themselves unused do`,
      'remove it with them, or use one of them in a rule', ruleset.collection.macros.get(name)?.path.at(-1)?.span,
    ));
};
