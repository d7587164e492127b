// SPDX-License-Identifier: Apache-2.0
import { auditCatalogue } from '../../src/fields/audit-catalogue.js';
import { syscallCatalogue } from '../../src/fields/catalogues.js';
import { formatDiagnostic } from '../../src/lang/diagnostic.js';
import { print } from '../../src/lang/print.js';
import { type LoadOptions, type LoadedRuleset, loadRuleset } from '../../src/ruleset/load.js';
import type { AnyCatalogue, Rule, Ruleset } from '../../src/ruleset/ruleset.js';

export const catalogues: readonly AnyCatalogue[] = [syscallCatalogue(), auditCatalogue({ hostname: 'node1', clock: { firstEvent: 0n } })];

export function load(text: string | readonly string[], options: Partial<LoadOptions> = {}): LoadedRuleset {
  const texts = typeof text === 'string' ? [text] : text;
  const files = texts.map((content, i) => ({ name: texts.length === 1 ? 'rules.yaml' : `rules${i + 1}.yaml`, text: content }));
  return loadRuleset(files, { catalogues, ...options });
}

/** The ruleset; fails with the diagnostics when there is an error. */
export function loaded(text: string | readonly string[], options: Partial<LoadOptions> = {}): Ruleset {
  const { value, diagnostics } = load(text, options);
  if (value === null) throw new Error(diagnostics.map(formatDiagnostic).join('\n'));
  return value;
}

export function ruleOf(ruleset: Ruleset, name = 'r'): Rule {
  const rule = ruleset.rules.find((candidate) => candidate.name === name);
  if (rule === undefined) throw new Error(`no rule ${name}`);
  return rule;
}

export function conditionOf(ruleset: Ruleset, name = 'r'): string {
  return print(ruleOf(ruleset, name).condition, { loose: true });
}

/** `CODE line:column message` of each diagnostic. */
export function problems(result: LoadedRuleset): readonly string[] {
  return result.diagnostics.map((d) => `${d.code}: ${d.message}`);
}

export function rendered(result: LoadedRuleset): string {
  return result.diagnostics.map(formatDiagnostic).join('\n');
}
