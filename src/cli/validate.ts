// SPDX-License-Identifier: Apache-2.0
/** `-V file…` says what is wrong with rules files; `-L` and `-l rule` describe the rules that are loaded. */
import { sortedJson } from '../alert/json.js';
import type { AnyCatalogue } from '../engine/engine.js';
import { loadRules } from '../app/detection.js';
import { cataloguesOf, createMachine, loadedSources } from '../app/machine.js';
import { prepare, prepareConfig } from '../app/prepare.js';
import { readRulesFiles } from '../app/rules.js';
import { describeAsText, describeRuleset } from '../ruleset/describe.js';
import type { FileResult } from '../ruleset/load.js';
import { resultAsJson, resultAsText } from '../ruleset/result.js';
import type { Ruleset } from '../ruleset/ruleset.js';
import { StartError } from '../sources/source.js';
import type { ConfigurableLog } from '../util/log.js';
import type { CliOptions } from './options.js';
import { print } from './print.js';
import { requestOf } from './request.js';

/** Prints a verdict on each file, and the description of all when `-L` or `-l` asks for it too. */
export function validate(options: CliOptions, log: ConfigurableLog): number {
  const loaded = prepareConfig(requestOf(options), log);
  const files = readRulesFiles(options.validate);
  log.log.info('Validating rules file(s):');
  for (const { name } of files) log.log.info(`   ${name}`);
  const catalogues = cataloguesOf(loadedSources(loaded.plugins), createMachine(loaded.config).context, loaded);
  const { ruleset, files: results } = loadRules(files, loaded, catalogues, null);
  const wanted = ruleset !== null && (options.describeAll || options.describe !== null);
  if (loaded.config.json_output) {
    const described = wanted ? { falco_describe_results: describeRuleset(ruleset, catalogues, options.describe ?? undefined) } : {};
    print(`${sortedJson({ falco_load_results: results.map(resultAsJson), ...described })}\n`);
  } else {
    // Verdicts and errors are the answer; warnings of valid files go where messages go.
    for (const result of results) if (hasOnlyWarnings(result)) log.log.warning(resultAsText(result));
    print(`${results.map((result) => resultAsText(result, options.verbose && !hasOnlyWarnings(result))).join('\n')}\n`);
    if (wanted) print(`\n${textOf(ruleset, options.describe)}`);
  }
  return ruleset === null ? 1 : 0;
}

const hasOnlyWarnings = ({ diagnostics }: FileResult): boolean => diagnostics.length > 0 && diagnostics.every((one) => one.severity === 'warning');

/** `-L`, `-l rule`. */
export function describe(options: CliOptions, log: ConfigurableLog): number {
  const request = requestOf(options);
  const loaded = prepareConfig(request, log);
  const { ruleset, catalogues } = prepare(request, loaded, log.log);
  return print(loaded.config.json_output ? `${jsonOf(ruleset, catalogues, options.describe)}\n` : textOf(ruleset, options.describe));
}

function jsonOf(ruleset: Ruleset, catalogues: readonly AnyCatalogue[], rule: string | null): string {
  const described = describeRuleset(ruleset, catalogues, rule ?? undefined);
  if (described === null) throw notLoaded(rule);
  return sortedJson(described);
}

function textOf(ruleset: Ruleset, rule: string | null): string {
  const described = describeAsText(ruleset, rule ?? undefined);
  if (described === null) throw notLoaded(rule);
  return described;
}

const notLoaded = (rule: string | null) => new StartError('RULE', `Rule "${rule ?? ''}" is not loaded`);
