// SPDX-License-Identifier: Apache-2.0
/** `falco-ts explain FILE`: why a rule matches an event, or does not; of alerts: why they were raised, and what silences them. */
import { formatDiagnostic, type SourceText } from '../lang/diagnostic.js';
import { placeOf, spanOf, textOf, writtenText } from '../ruleset/written.js';
import { StartError } from '../sources/source.js';
import { type Explained, type Explanation, explain } from '../tester/explain.js';
import { explainJson, explainLines, valueText } from '../tester/explanation.js';
import { Tester } from '../tester/run.js';
import { type EventSpec, readEventFile, readTestFile, type TestCase, type TestFile } from '../tester/test-file.js';
import { explainAlerts, mayHoldAlerts } from './explain-alert.js';
import { print } from './print.js';
import { collect } from './repeatable.js';
import { configOf, Exit, opener, parseRuleCommand, readBytes, ruleCommand } from './rule-options.js';
import { decodeBytes } from '../util/byte-text.js';

const ALERTS = `
Of alerts it shows the rule, its condition as far as their output_fields tell, and exceptions to paste into a rules file of your own:
  falco-ts explain /var/log/falco-ts.json
  journalctl -u falco-ts -o cat | falco-ts explain --rule "Account file changed" -
  falco-ts explain --yaml alerts.json >> /etc/falco-ts/rules.d/known.yaml
`;

interface Options {
  readonly rules: string[];
  readonly rule?: string;
  readonly num?: string;
  readonly test?: string;
  readonly fields?: string;
  readonly json?: boolean;
  readonly yaml?: boolean;
}

export async function explainEvent(args: readonly string[]): Promise<number> {
  const command = parseRuleCommand(
    ruleCommand('explain', 'Explains why a rule matches an event or does not: the value of every sub-condition, and which one was decisive.')
      .argument('<file>', 'an event in YAML, a test file, a capture (.scap), audit events (.json), or alerts (JSON or text lines); - is standard input')
      .option('-r, --rules <file>', 'rules files; repeatable (default: those named in the test file, otherwise the configuration\'s)', collect, [])
      .option('--rule <name>', 'the rule to explain (default: the first that matches; of alerts: all)')
      .option('--num <number>', 'number of the event or alert in the file, from 1 (default: the most informative event, all alerts)')
      .option('--test <name>', 'name of the test in a test file')
      .option('--fields <names>', 'of alerts: the fields that exceptions compare, with commas between (default: an existing exception\'s, otherwise those that identify program, object and user)')
      .option('--yaml', 'of alerts: print nothing but the exceptions, as a rules file')
      .option('--json', 'print the explanation as JSON')
      .addHelpText('after', ALERTS)
      .addHelpText('after', '\nExit code: 0 the rule matches (without --rule: any rule does), or every alert can be silenced; 1 it does not, or not every one can;\n  2 invalid arguments or files'),
    args,
  );
  if (typeof command === 'number') return command;
  const options = command.opts<Options>();
  if (options.num !== undefined && !/^[1-9]\d{0,14}$/.test(options.num)) throw new StartError('OPTION', `--num ${options.num}: expected the number of an event, from 1`);
  const loaded = configOf(command);
  const [path] = command.args;
  const bytes = /\.(?:ya?ml|scap(?:\.gz)?)$/.test(path) ? null : path === '-' ? await standardInput() : readBytes(path);
  if (bytes !== null && mayHoldAlerts(bytes)) {
    const fields = (options.fields ?? '').split(',').map((name) => name.trim()).filter((name) => name !== '');
    const code = explainAlerts(path === '-' ? 'standard input' : path, bytes, loaded, {
      rules: options.rules, rule: options.rule ?? null, num: options.num === undefined ? null : Number(options.num), fields, json: options.json === true, yaml: options.yaml === true,
    });
    if (code !== null) return code;
  }
  for (const name of ['fields', 'yaml'] as const) if (options[name] !== undefined) throw new StartError('OPTION', `--${name} is for alerts, and ${path} holds none`);
  const subject = subjectOf(path, options);
  if (subject === null) return Exit.Unusable;
  const tester = new Tester({ rules: options.rules, matching: loaded.config.rule_matching, open: opener(loaded), read: (file) => (bytes !== null ? bytes : readBytes(file)) });
  const found = await explain(tester, subject.file, subject.test, options.rule ?? null, options.num === undefined ? null : Number(options.num));
  for (const d of tester.problems) process.stderr.write(`${formatDiagnostic(d)}\n`);
  if (found === null) return Exit.Unusable;
  if (found === 'no such rule') throw new StartError('RULE', `there is no enabled rule '${options.rule}'`, 'falco-ts -L lists the rules');
  const { explained } = found;
  if (explained === null) throw new StartError('EVENT', options.num === undefined ? `the file has no event of the rule's source` : `the file has no event ${options.num}: it has ${found.events}`);
  print(options.json === true ? `${JSON.stringify(asJson(found, explained), null, 2)}\n` : asText(found, explained, loaded.config.rule_matching, options.num === undefined));
  return (options.rule === undefined ? explained.matching.length > 0 : explained.subject?.trace.holds === true) ? Exit.Fine : Exit.Failed;
}

async function standardInput(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** The events to look at, from whichever kind of file. Null: it has mistakes, which have been printed. */
function subjectOf(path: string, options: Options): { readonly file: TestFile; readonly test: TestCase } | null {
  const source: SourceText = { name: path, text: /\.ya?ml$/.test(path) ? decodeBytes(readBytes(path)) : '' };
  const span = { source, start: 0, end: 0 };
  const caseOf = (events: readonly EventSpec[]): TestCase => ({ name: path, span, matching: null, events, expect: [], quiet: [], others: true });
  const file: TestFile = { source, rules: [], cases: [] };
  if (/\.scap(\.gz)?$/.test(path)) return { file, test: caseOf([{ kind: 'capture', path: absolute(path), span }]) };
  if (!/\.ya?ml$/.test(path)) return { file, test: caseOf([{ kind: 'audit_file', path: absolute(path), span }]) };
  if (/^tests:/m.test(source.text)) {
    const read = readTestFile(source);
    for (const d of read.diagnostics) process.stderr.write(`${formatDiagnostic(d)}\n`);
    if (read.diagnostics.length > 0) return null;
    const names = read.file.cases.map(({ name }) => name);
    const test = options.test === undefined ? (read.file.cases.length === 1 ? read.file.cases[0] : undefined) : read.file.cases.find(({ name }) => name === options.test);
    if (test === undefined) throw new StartError('TEST', options.test === undefined ? `${path} has ${names.length} tests: say which with --test` : `${path} has no test '${options.test}'`, `its tests are:\n    ${names.join('\n    ')}`);
    return { file: read.file, test };
  }
  const { events, diagnostics } = readEventFile(source);
  for (const d of diagnostics) process.stderr.write(`${formatDiagnostic(d)}\n`);
  if (events.length === 0 && diagnostics.length === 0) throw new StartError('EVENT', `${path} has no event`);
  return diagnostics.length > 0 ? null : { file, test: caseOf(events) };
}

const absolute = (path: string): string => (path.startsWith('/') ? path : `${process.cwd()}/${path}`);

function asText(found: Explanation, explained: Explained, matching: 'first' | 'all', others: boolean): string {
  const { ruleset } = found;
  const lines = [`event ${explained.num} of ${found.events} (${explained.source}): ${explained.event}`, ''];
  if (explained.matching.length === 0) lines.push('No rule matches it.');
  else {
    lines.push(matching === 'first' ? 'Rules that match it, of which the first alerts (rule_matching: first):' : 'Rules that match it, all of which alert (rule_matching: all):');
    explained.matching.forEach((rule, i) => void lines.push(`  ${i + 1}. ${rule.name}  [${placeOf(rule.span)}]`));
  }
  const { subject } = explained;
  if (subject !== null) {
    const { rule, trace } = subject;
    const [first] = explained.matching;
    const after = trace.holds && first !== rule && matching === 'first' ? `, but '${first.name}' comes first` : '';
    lines.push('', `The rule '${rule.name}' ${trace.holds ? 'matches' : 'does not match'}${after}:`, ...explainLines(trace, rule, ruleset, { brief: false }).map((line) => `  ${line}`));
  } else if (explained.near.length > 0) {
    lines.push('', 'What came nearest, and what it failed by:');
    for (const { rule, checks } of explained.near) {
      lines.push(`  ${rule.name}`);
      for (const check of checks.slice(0, 3)) {
        const text = textOf(rule, check.of.macros, ruleset);
        lines.push(`    ${writtenText(check.of.expr, text)}  | ${check.values.map(valueText).join(', ')}  [${placeOf(spanOf(check.of.expr, text))}]`);
      }
    }
  }
  if (others && found.events > 1 && found.matched.length > 0) {
    lines.push('', `Events of the file that rules match (--num says which to explain):`);
    for (const { num, rules } of found.matched.slice(0, 20)) lines.push(`  ${num}: ${rules.join(', ')}`);
    if (found.matched.length > 20) lines.push(`  and ${found.matched.length - 20} more`);
  }
  return `${lines.join('\n')}\n`;
}

function asJson(found: Explanation, explained: Explained): unknown {
  const { subject } = explained;
  return {
    event: { num: explained.num, of: found.events, source: explained.source, text: explained.event },
    matching: explained.matching.map((rule) => rule.name),
    rule: subject === null ? null : { name: subject.rule.name, matches: subject.trace.holds, first: explained.matching[0] === subject.rule, condition: explainJson(subject.trace, subject.rule, found.ruleset) },
    nearest: explained.near.map(({ rule }) => rule.name),
    matched: found.matched,
  };
}
