// SPDX-License-Identifier: Apache-2.0
/** `falco-ts check [files…]`: every diagnostic of rules files, and what the lints find in rules that load. */
import { loadRules } from '../app/detection.js';
import { cataloguesOf, createMachine, loadedSources } from '../app/machine.js';
import { type Diagnostic, formatDiagnostic, lineAndColumn } from '../lang/diagnostic.js';
import { lint } from '../ruleset/lints/index.js';
import { print } from './print.js';
import { configOf, Exit, parseRuleCommand, ruleCommand, rulesFilesOf } from './rule-options.js';

export function check(args: readonly string[]): number {
  const command = parseRuleCommand(
    ruleCommand('check', 'Checks rules files: reports errors, warnings, and rules that can never fire.')
      .argument('[files...]', 'rules files and directories, in the order in which they are loaded (default: the configuration\'s)')
      .option('--strict', 'treat warnings as errors')
      .option('--json', 'print the findings as JSON')
      .addHelpText('after', '\nExit code: 0 no errors, 1 errors (with --strict: or warnings), 2 files or configuration cannot be read'),
    args,
  );
  if (typeof command === 'number') return command;
  const { strict = false, json = false } = command.opts<{ strict?: boolean; json?: boolean }>();
  const loaded = configOf(command);
  const files = rulesFilesOf(command.args, loaded);
  const catalogues = cataloguesOf(loadedSources(loaded.plugins), createMachine(loaded.config).context, loaded);
  const { ruleset, files: results } = loadRules(files, loaded, catalogues, null);
  const order = new Map(files.map((file, i) => [file.name, i]));
  const found: readonly Diagnostic[] = [
    ...results.flatMap((result) => result.diagnostics),
    ...(ruleset === null ? [] : lint(ruleset, catalogues, loaded.config.rule_matching)),
  ].sort((a, b) => rank(a, order) - rank(b, order) || (a.span?.start ?? 0) - (b.span?.start ?? 0));
  const errors = found.filter((d) => d.severity === 'error').length;
  const warnings = found.length - errors;
  const failed = errors > 0 || (strict && warnings > 0);
  if (json) {
    print(`${JSON.stringify({ files: files.map(({ name }) => name), rules: ruleset?.rules.length ?? null, errors, warnings, findings: found.map(asJson) }, null, 2)}\n`);
  } else {
    const rules = ruleset === null ? '' : `, ${count(ruleset.rules.length, 'rule')} (${ruleset.rules.filter((rule) => rule.enabled).length} enabled)`;
    const summary = `${count(files.length, 'file')}${rules}: ${found.length === 0 ? 'no problems found' : `${count(errors, 'error')}, ${count(warnings, 'warning')}`}`;
    print(`${[...found.map((d) => `${formatDiagnostic(d)}\n`), summary].join('\n')}\n`);
  }
  return failed ? Exit.Failed : Exit.Fine;
}

const rank = (d: Diagnostic, order: ReadonlyMap<string, number>): number => order.get(d.span?.source.name ?? '') ?? order.size;

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;

function asJson(d: Diagnostic): unknown {
  const { severity, code, message, hint, span, context } = d;
  const place = span === undefined ? {} : { file: span.source.name, ...lineAndColumn(span.source.text, span.start) };
  return { severity, code, message, ...(hint !== undefined && { hint }), ...place, ...(context !== undefined && { in: context }) };
}
