// SPDX-License-Identifier: Apache-2.0
/** `falco-ts test [files…]`: rules against events that are written in YAML or recorded; nothing runs, nothing needs root. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { formatDiagnostic } from '../lang/diagnostic.js';
import { placeOf } from '../ruleset/written.js';
import { StartError } from '../sources/source.js';
import type { CaseResult, TestReport } from '../tester/run.js';
import { Tester } from '../tester/run.js';
import { decodeBytes } from '../util/byte-text.js';
import { PACKAGE_ROOT } from '../util/package.js';
import { print } from './print.js';
import { collect } from './repeatable.js';
import { configOf, Exit, opener, parseRuleCommand, readBytes, ruleCommand } from './rule-options.js';

const BUNDLED_TESTS = join(PACKAGE_ROOT, 'rules/tests');

const FORMAT = `
A test file:
  rules: [../my_rules.yaml]              # relative to this file
  given:                                 # holds for every event that does not say otherwise
    proc: {name: tool, pname: bash, user: alice}
  tests:
    - rule: File written in binary directory
      fires:                             # on each of these the rule alerts
        - {type: openat, fd: /usr/bin/x, args: {flags: O_WRONLY}, fields: {fd.name: /usr/bin/x}}
      silent:                            # and on none of these
        - {type: openat, fd: /usr/bin/x, args: {flags: O_RDONLY}}
        - {type: openat, fd: /usr/bin/x, args: {flags: O_WRONLY}, res: EACCES}
    - name: an intrusion that was recorded
      events: [{capture: intrusion.scap}, {audit: audit.json}, {audit: {verb: get, objectRef: {resource: secrets}}}]
      expect:                            # \`none\`, rules, or more of each; other alerts are failures unless \`others: allowed\`
        - {rule: Shell started by a server, count: 1, priority: WARNING, fields: {proc.pname: {matches: "^nginx"}}}
      quiet: [Program run from memory]

An event: type, proc (name, cmdline, exepath, args, pid, user, uid, group, gid, loginuser, cwd, env, tty, caps, container,
  parent, pname, ancestors, exe_upper_layer, exe_from_memfd, fds, …), fd (a path, ip:port->ip:port, or {num, name, type}),
  args (by the names that --list-events prints; flags by name), res (a number, SUCCESS, ENOENT and the like).
`;

export async function test(args: readonly string[]): Promise<number> {
  const command = parseRuleCommand(
    ruleCommand('test', 'Runs rules against events that are written in YAML, or recorded in captures and audit logs.')
      .argument('[files...]', 'test files and directories of them (default: the tests of the bundled rules)')
      .option('-r, --rules <file>', 'rules files to use instead of those named in the test files; repeatable', collect, [])
      .option('-t, --only <text>', 'run only tests whose name contains this text', '')
      .option('--coverage', 'list the sub-conditions that were never true, or never false, in any test')
      .option('--min-coverage <percent>', 'fail if the coverage is lower', percent)
      .option('--json', 'print the results as JSON')
      .option('-q, --quiet', 'print failures and the summary only')
      .addHelpText('after', FORMAT)
      .addHelpText('after', '\nExit code: 0 all passed, 1 a test failed or coverage is too low, 2 mistakes in test or rules files'),
    args,
  );
  if (typeof command === 'number') return command;
  const options = command.opts<{ rules: string[]; only: string; coverage?: boolean; minCoverage?: number; json?: boolean; quiet?: boolean }>();
  const loaded = configOf(command);
  const files = testFiles(command.args.length > 0 ? command.args : [BUNDLED_TESTS]);
  const tester = new Tester({ rules: options.rules, matching: loaded.config.rule_matching, open: opener(loaded), read: readBytes });
  const report = await tester.run(files.map((name) => ({ name, text: decodeBytes(readBytes(name)) })), options.only);
  const failed = report.results.filter((result) => result.failures.length > 0).length;
  const uncovered = options.minCoverage !== undefined && report.coverage.percent < options.minCoverage;
  if (options.json === true) print(`${JSON.stringify(asJson(report), null, 2)}\n`);
  else print(asText(report, options.quiet === true, options.coverage === true, uncovered ? options.minCoverage : undefined));
  if (report.diagnostics.length > 0 || report.results.length === 0) return Exit.Unusable;
  return failed > 0 || uncovered ? Exit.Failed : Exit.Fine;
}

function percent(text: string): number {
  if (!/^\d{1,3}(\.\d+)?$/.test(text) || Number(text) > 100) throw new StartError('OPTION', `--min-coverage ${text}: expected a number from 0 to 100`);
  return Number(text);
}

/** Directories become the YAML files below them, by name. @throws StartError */
function testFiles(paths: readonly string[]): readonly string[] {
  const files = paths.flatMap((path) => {
    if (!existsSync(path)) throw new StartError('FILE', `there is no test file ${path}`);
    if (!statSync(path).isDirectory()) return [path];
    return readdirSync(path, { recursive: true, encoding: 'utf8' }).filter((name) => /\.ya?ml$/.test(name)).sort().map((name) => join(path, name));
  });
  if (files.length === 0) throw new StartError('FILE', `no test files in ${paths.join(', ')}`);
  return files;
}

function asText(report: TestReport, quiet: boolean, gaps: boolean, wanted: number | undefined): string {
  const { results, diagnostics, coverage } = report;
  const lines: string[] = diagnostics.map((d) => `${formatDiagnostic(d)}\n`);
  let file = '';
  for (const result of results) {
    if (quiet && result.failures.length === 0) continue;
    if (result.file !== file) lines.push(result.file);
    file = result.file;
    lines.push(`  ${result.failures.length === 0 ? 'ok  ' : 'FAIL'}  ${result.name}`);
    for (const { span, message, details } of result.failures) lines.push(`        ${placeOf(span)}: ${message}`, ...details.map((line) => `          ${line}`));
  }
  if (gaps) {
    lines.push('', 'Not covered:');
    for (const { owner, text, span, held, failed } of coverage.gaps) {
      const missing = held === 0 && failed === 0 ? 'never asked' : held === 0 ? 'never held' : 'never failed';
      lines.push(`  ${placeOf(span)}: ${missing}: ${text}  (${owner})`);
    }
  }
  const failed = results.filter((result) => result.failures.length > 0).length;
  const unseen = coverage.perRule.filter((rule) => rule.fired === 0).map((rule) => rule.rule);
  lines.push(
    '',
    `${results.length} ${results.length === 1 ? 'test' : 'tests'}: ${results.length - failed} passed, ${failed} failed${diagnostics.length > 0 ? `, and ${diagnostics.length} mistakes in the test files` : ''}`,
    `coverage: ${coverage.covered} of ${coverage.total} outcomes of sub-conditions seen (${coverage.percent.toFixed(1)} %), ${coverage.perRule.length - unseen.length} of ${coverage.perRule.length} rules fired`,
  );
  if (unseen.length > 0 && unseen.length <= 20) lines.push(`rules that never fired: ${unseen.join(', ')}`);
  if (wanted !== undefined) lines.push(`too little is covered: ${wanted} % is wanted (--min-coverage)`);
  return `${lines.join('\n').replace(/^\n+/, '')}\n`;
}

function asJson({ results, diagnostics, coverage }: TestReport): unknown {
  const one = (result: CaseResult): unknown => ({
    file: result.file, test: result.name, place: placeOf(result.span), events: result.events, passed: result.failures.length === 0,
    failures: result.failures.map(({ span, message, details }) => ({ place: placeOf(span), message, details })),
  });
  return {
    passed: results.filter((result) => result.failures.length === 0).length,
    failed: results.filter((result) => result.failures.length > 0).length,
    mistakes: diagnostics.map(({ code, message, hint, span }) => ({ code, message, hint, place: span === undefined ? null : placeOf(span) })),
    tests: results.map(one),
    coverage: {
      covered: coverage.covered, total: coverage.total, percent: coverage.percent, rules: coverage.perRule,
      gaps: coverage.gaps.map(({ owner, text, span, held, failed }) => ({ owner, text, place: placeOf(span), held, failed })),
    },
  };
}
