// SPDX-License-Identifier: Apache-2.0
/** Which sub-conditions the tests have seen to hold and to fail. Those of a macro count once, for all rules that use it. */
import type { InstrumentedCondition, SubCondition } from '../engine/instrument.js';
import type { Span } from '../lang/diagnostic.js';
import type { Rule, Ruleset } from '../ruleset/ruleset.js';
import { spanOf, textOf, writtenText } from '../ruleset/written.js';

export interface Covered {
  /** What it belongs to: `rule 'X'`, `macro 'y'`. */
  readonly owner: string;
  readonly text: string;
  readonly span: Span;
  held: number;
  failed: number;
}

export interface RuleCoverage {
  readonly rule: string;
  readonly fired: number;
  readonly silent: number;
}

export class Coverage {
  private readonly parts = new Map<string, Covered>();
  private readonly rules = new Map<string, { fired: number; silent: number }>();

  /** Adds what the instruments of a rule have counted. */
  add(rule: Rule, ruleset: Ruleset, { root, held, failed }: InstrumentedCondition<never>): void {
    const whole = this.rules.get(rule.name) ?? { fired: 0, silent: 0 };
    whole.fired += held[root.id];
    whole.silent += failed[root.id];
    this.rules.set(rule.name, whole);
    const visit = (node: SubCondition): void => {
      const { expr, macros } = node;
      if (expr.kind === 'exists' || expr.kind === 'compare' || expr.kind === 'macro') {
        const macro = macros.at(-1);
        const owner = macro === undefined ? `rule '${rule.name}'` : `macro '${macro}'`;
        const key = `${owner} ${expr.start} ${expr.end}`;
        const text = textOf(rule, macros, ruleset);
        let part = this.parts.get(key);
        if (part === undefined) {
          part = { owner, text: writtenText(expr, text), span: spanOf(expr, text), held: 0, failed: 0 };
          this.parts.set(key, part);
        }
        part.held += held[node.id];
        part.failed += failed[node.id];
      }
      node.children.forEach(visit);
    };
    visit(root);
  }

  /** Each sub-condition counts twice: it can hold, and it can fail. */
  get total(): number {
    return this.parts.size * 2;
  }

  get covered(): number {
    let seen = 0;
    for (const { held, failed } of this.parts.values()) seen += (held > 0 ? 1 : 0) + (failed > 0 ? 1 : 0);
    return seen;
  }

  get percent(): number {
    return this.total === 0 ? 100 : (100 * this.covered) / this.total;
  }

  /** In the order of the rules. */
  get gaps(): readonly Covered[] {
    return [...this.parts.values()].filter(({ held, failed }) => held === 0 || failed === 0);
  }

  get perRule(): readonly RuleCoverage[] {
    return [...this.rules].map(([rule, { fired, silent }]) => ({ rule, fired, silent }));
  }
}
