// SPDX-License-Identifier: Apache-2.0
/** `falco-ts explain ALERTS`: why alerts were raised, and the exceptions that keep just these from coming again. */
import { loadRules } from '../app/detection.js';
import type { LoadedConfig } from '../app/config/load.js';
import { LoadFailed } from '../app/errors.js';
import { cataloguesOf, createMachine, loadedSources } from '../app/machine.js';
import { formatDiagnostic, type SourceText } from '../lang/diagnostic.js';
import { closest } from '../lang/suggest.js';
import { parseOperand } from '../lang/parse.js';
import type { AnyCatalogue, Ruleset } from '../ruleset/ruleset.js';
import { placeOf } from '../ruleset/written.js';
import { StartError } from '../sources/source.js';
import { AlertGroups, type Group } from '../tester/alert-groups.js';
import { groupText, judgedJson, summaryText } from '../tester/alert-report.js';
import { AlertReader } from '../tester/alerts.js';
import { decodeBytes } from '../util/byte-text.js';
import { escapeInvisible, oneLine } from '../util/printable.js';
import { print } from './print.js';
import { Exit, rulesFilesOf } from './rule-options.js';

export interface AlertOptions {
  readonly rules: readonly string[];
  readonly rule: string | null;
  readonly num: number | null;
  readonly fields: readonly string[];
  readonly json: boolean;
  readonly yaml: boolean;
}

/** Whether a file may hold alerts: one is enough, since logs hold other lines too. */
export function mayHoldAlerts(bytes: Buffer): boolean {
  // Only JSON tells by itself; text has to be compared with what the rules print.
  return bytes.includes('"output_fields"') || /(?:^|[\s"])(?:\d\d:\d\d:\d\d\.\d{9}|\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d{4})): [A-Z][a-z]+ /m.test(bytes.toString('latin1', 0, 1 << 20));
}

/** @returns the exit code; null: there is no alert after all @throws StartError, LoadFailed */
export function explainAlerts(path: string, bytes: Buffer, loaded: LoadedConfig, options: AlertOptions): number | null {
  const machine = createMachine({ ...loaded.config, engine: { ...loaded.config.engine, kind: 'replay' } });
  const catalogues = cataloguesOf(loadedSources(loaded.plugins), machine.context, loaded);
  const files = rulesFilesOf(options.rules, loaded);
  const load = (more: readonly SourceText[]): Ruleset | null => {
    const { ruleset, files: results } = loadRules([...files, ...more], loaded, catalogues, null);
    if (ruleset === null) for (const d of results.flatMap((file) => file.diagnostics)) if (d.severity === 'error') process.stderr.write(`${formatDiagnostic(d)}\n`);
    return ruleset;
  };
  const ruleset = load([]);
  if (ruleset === null) throw new LoadFailed('the rules have errors');
  for (const field of options.fields) checkField(field, catalogues);
  const groups = new AlertGroups(ruleset, catalogues, options.fields, { rule: options.rule, num: options.num });
  const others = readAlerts(bytes, new AlertReader(ruleset.rules, catalogues), groups);
  if (groups.read === 0) return null;
  if (groups.all.length === 0 && groups.problems.size === 0) {
    throw new StartError('EVENT', options.num === null ? `${path} has no alert of the rule '${options.rule}'` : `${path} has no alert ${options.num}${options.rule === null ? '' : ` of the rule '${options.rule}'`}: it has ${groups.read}`);
  }
  const loadWith = (text: string): Ruleset => {
    const changed = load([{ name: '<proposed>', text }]);
    if (changed === null) throw new StartError('RULES', 'the rules do not load with what is proposed, as said above', '--fields with fewer fields makes fewer exceptions; --rule takes one rule at a time');
    return changed;
  };
  const yaml = groups.yaml(loadWith);
  const all = groups.all;
  const open = all.filter((group) => group.problem !== null);
  if (options.json) print(`${escapeInvisible(JSON.stringify(asJson(groups, yaml, ruleset, others), null, 2))}\n`);
  else if (options.yaml) {
    print(yaml);
    for (const { name, count, problem } of open) process.stderr.write(`not silenced: ${count} of '${oneLine(name)}': ${problem}\n`);
    for (const [problem, count] of groups.problems) process.stderr.write(`not silenced: ${count}: ${oneLine(problem)}\n`);
  } else print(all.length === 1 && groups.problems.size === 0 ? groupText(groups, all[0], yaml, ruleset, loaded.config.rule_matching, loadWith) : summaryText(groups, yaml, others));
  return open.length === 0 && groups.problems.size === 0 ? Exit.Fine : Exit.Failed;
}

/** @returns how many lines were none */
function readAlerts(bytes: Buffer, reader: AlertReader, groups: AlertGroups): number {
  let others = 0;
  for (let start = 0; start < bytes.length; ) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline === -1 ? bytes.length : newline;
    const line = decodeBytes(bytes, start, end).trim();
    if (line !== '' && !groups.add(reader.line(line))) others++;
    start = end + 1;
  }
  if (groups.read > 0) return others;
  // One alert over many lines, or a list of them.
  let whole: unknown;
  try {
    whole = JSON.parse(bytes.toString());
  } catch {
    return others;
  }
  return (Array.isArray(whole) ? whole : [whole]).filter((one) => !groups.add(reader.json(one))).length;
}

function checkField(text: string, catalogues: readonly AnyCatalogue[]): void {
  const { ast, end } = parseOperand(text);
  if (ast?.kind === 'field' && end === text.length && catalogues.some((one) => one.find(ast.name) !== null)) return;
  const near = closest(text, catalogues.flatMap((one) => one.classes.flatMap((c) => c.fields.map((field) => field.name))));
  throw new StartError('OPTION', `--fields: there is no field '${text}'`, near === null ? 'falco-ts --list shows the fields' : `did you mean '${near}'?`);
}

function asJson(groups: AlertGroups, yaml: string, ruleset: Ruleset, others: number): unknown {
  const one = (group: Group): unknown => {
    const { rule, silence } = group;
    const judged = groups.judge(group);
    return {
      rule: group.name, place: rule === null ? null : placeOf(rule.span), alerts: group.count, first: group.sample.time, last: group.last,
      silent_already: group.silent, problem: group.problem,
      exception: silence === null ? null : { name: silence.exception, existing: silence.existing, fields: silence.fields, comps: silence.comps, values: silence.values },
      left_out: group.leftOut,
      condition: rule === null || judged === null ? null : judgedJson(judged, group, ruleset),
    };
  };
  return { alerts: groups.read, other_lines: others, groups: groups.all.map(one), problems: Object.fromEntries(groups.problems), yaml };
}
