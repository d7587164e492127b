// SPDX-License-Identifier: Apache-2.0
/** Rules that never get their turn: `rule_matching: first` stops at the first rule that matches an event. */
import { placeOf } from '../written.js';
import { finding, type Lint } from './lint.js';
import { canHold } from './satisfiable.js';

export const shadowed: Lint = (context) => {
  if (context.matching !== 'first') return [];
  const enabled = context.ruleset.rules.filter((rule) => rule.enabled);
  return enabled.flatMap((rule, i) => {
    const node = context.plan(rule);
    // Rules that match nothing are another lint's.
    if (!canHold([{ node, negated: false }])) return [];
    const before = enabled.slice(0, i).find((earlier) =>
      earlier.source === rule.source && !canHold([{ node, negated: false }, { node: context.plan(earlier), negated: true }]),
    );
    if (before === undefined) return [];
    return [finding(
      'LINT_SHADOWED', `the rule never fires: whenever it matches, the rule '${before.name}' (${placeOf(before.span)}) has matched before it`,
      'put it before that rule, narrow that one, or set `rule_matching: all`', rule.span, rule,
    )];
  });
};
