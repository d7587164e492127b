// SPDX-License-Identifier: Apache-2.0
/** What a lint is given and what it finds: things that load and yet are not what anybody means. */
import { Planner, type PlanNode } from '../../engine/plan.js';
import type { EngineEvent } from '../../events/event.js';
import type { Diagnostic } from '../../lang/diagnostic.js';
import type { AnyCatalogue, Rule, Ruleset } from '../ruleset.js';

const LINT_CODES = {
  LINT_NEVER_MATCHES: 'No event can fulfil the condition.',
  LINT_DEAD_ALTERNATIVE: 'One of the alternatives in a condition can never hold.',
  LINT_SHADOWED: 'With rule_matching first the rule never fires, because an earlier one always matches.',
  LINT_UNREACHED_MACRO: 'Only macros that no rule uses refer to the macro.',
  LINT_SEES_EVERY_EVENT: 'The rule is tried on every event, and makes the kernel report every event.',
} as const;

export type LintCode = keyof typeof LINT_CODES;

export interface LintFinding extends Diagnostic {
  readonly code: LintCode;
}

export type Lint = (context: LintContext) => readonly LintFinding[];

/** A ruleset that loaded without an error, and what is worked out of it for all lints. */
export class LintContext {
  private readonly planners = new Map<string, Planner<EngineEvent>>();

  constructor(
    readonly ruleset: Ruleset,
    readonly catalogues: readonly AnyCatalogue[],
    readonly matching: 'first' | 'all',
  ) {}

  catalogueOf(rule: Rule): AnyCatalogue {
    return this.catalogues.find((catalogue) => catalogue.source === rule.source) as AnyCatalogue;
  }

  /** Equal sub-conditions of rules of one source are one node. */
  plannerOf(rule: Rule): Planner<EngineEvent> {
    let planner = this.planners.get(rule.source);
    if (planner === undefined) {
      planner = new Planner<EngineEvent>(this.catalogueOf(rule));
      this.planners.set(rule.source, planner);
    }
    return planner;
  }

  plan(rule: Rule): PlanNode<EngineEvent> {
    return this.plannerOf(rule).plan(rule.condition);
  }
}

export function finding(code: LintCode, message: string, hint: string, span: Diagnostic['span'], rule?: Rule): LintFinding {
  return {
    severity: 'warning', code, message, hint,
    ...(span === undefined ? {} : { span }),
    ...(rule === undefined ? {} : { context: [`rule '${rule.name}'`] }),
  };
}
