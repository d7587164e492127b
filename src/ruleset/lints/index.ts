// SPDX-License-Identifier: Apache-2.0
import type { AnyCatalogue, Ruleset } from '../ruleset.js';
import { type Lint, LintContext, type LintFinding } from './lint.js';
import { neverMatches } from './never-matches.js';
import { seesEveryEvent } from './sees-every-event.js';
import { shadowed } from './shadowed.js';
import { unreachedMacros } from './unreached-macros.js';

const LINTS: readonly Lint[] = [neverMatches, shadowed, unreachedMacros, seesEveryEvent];

/** Everything that the lints find, in the order of files and places. */
export function lint(ruleset: Ruleset, catalogues: readonly AnyCatalogue[], matching: 'first' | 'all'): readonly LintFinding[] {
  const context = new LintContext(ruleset, catalogues, matching);
  return LINTS.flatMap((one) => one(context));
}
