// SPDX-License-Identifier: Apache-2.0
/** The command line as a table: what is typed, how it ends, what it says. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Batch } from './batch.js';
import { withoutTimes } from './program.js';

const RULE = '- rule: Opened\n  desc: Any open\n  condition: evt.type in (open, openat)\n  output: "opened %fd.name"\n  priority: NOTICE\n  tags: [file]\n';
const AUDIT_RULE = '- rule: Audited\n  desc: Any audit event\n  condition: ka.verb exists\n  output: "verb %ka.verb"\n  priority: INFO\n  source: k8s_audit\n';

let dir: string;
const batch = new Batch();
const run = (args: readonly string[]) => batch.run(args);
const path = (name: string) => join(dir, name);
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'falco-ts-cli-'));
  writeFileSync(path('good.yaml'), RULE);
  writeFileSync(path('audit.yaml'), AUDIT_RULE);
  writeFileSync(path('unknown-field.yaml'), RULE.replace('evt.type in (open, openat)', 'evt.type = open and proc.nmae = x'));
  writeFileSync(path('undefined-macro.yaml'), RULE.replace('evt.type in (open, openat)', 'opening and evt.type = open'));
  writeFileSync(path('wrong-operator.yaml'), RULE.replace('evt.type in (open, openat)', 'evt.type = open and fd.num contains 3'));
  writeFileSync(path('deprecated.yaml'), RULE.replace('evt.type in (open, openat)', 'evt.type in (open, openat) and evt.dir = <'));
  writeFileSync(path('broken.yaml'), '- rule: [\n');
  writeFileSync(path('falco.yaml'), `rules_files: [${path('good.yaml')}]\nlog_stderr: true\nlog_syslog: false\nstdout_output: {enabled: true}\n`);
  writeFileSync(path('misspelt.yaml'), `rules_files: [${path('good.yaml')}]\nstdout_output: {enabld: true}\nlog_stderr: false\nlog_syslog: false\n`);
  writeFileSync(path('no-outputs.yaml'), `rules_files: [${path('good.yaml')}]\nengine: {kind: nodriver}\nlog_stderr: true\nlog_syslog: false\n`);
  mkdirSync(path('rules.d'));
  writeFileSync(path('rules.d/10.yaml'), RULE);
  writeFileSync(path('rules.d/20.yml'), AUDIT_RULE);
  writeFileSync(path('rules.d/30.txt'), 'not rules');
});
afterAll(() => {
  batch.stop();
  rmSync(dir, { recursive: true, force: true });
});

const RULE_CONFIG = () => `rules_files: [${path('good.yaml')}]\nlog_stderr: true\nlog_syslog: false\nstdout_output: {enabled: true}\n`;

interface Case {
  readonly args: readonly string[];
  readonly code: 0 | 1;
  readonly stdout?: RegExp;
  readonly stderr?: RegExp;
}
const c = (args: string, code: 0 | 1, says: { readonly stdout?: RegExp; readonly stderr?: RegExp }): [string, Case] => [
  args, { args: args.split(' '), code, ...says },
];

const CASES: readonly [string, Case][] = [
  c('--help', 0, { stdout: /Usage: falco-ts/ }),
  c('-h', 0, { stdout: /--validate <rules_file>/ }),
  c('--version', 0, { stdout: /^Falco version: \d+\.\d+\.\d+\nLibs version: {2}[\s\S]*\nEngine: {8}0\.63\.0\n/ }),
  c('--version -o json_output=true', 0, { stdout: /^\{"falco_version":.*"engine_version_semver":"0\.63\.0"/ }),
  c('--no-such-option', 1, { stderr: /unknown option '--no-such-option'/ }),
  c('-T x', 1, { stderr: /unknown option '-T'\n {2}help: .*-o rules\[\]\.disable\.tag=<tag>/ }),
  c('--list --markdown --format json', 1, { stderr: /cannot specify both --markdown and --format/ }),
  c('surplus', 1, { stderr: /too many arguments/ }),
  c('-M soon', 1, { stderr: /expected a whole number of seconds/ }),
  c('-c /nonexistent/falco.yaml --version', 1, { stderr: /\/nonexistent\/falco\.yaml cannot be read/ }),
  c('-c @falco.yaml --dry-run', 0, { stderr: /falco\.yaml \| schema validation: ok[\s\S]*good\.yaml \| schema validation: ok[\s\S]*Dry run/ }),
  c('-c @falco.yaml --dry-run -o json_outptu=true', 0, { stderr: /unknown key 'json_outptu'.*\n.*\n.*\n.*did you mean 'json_output'/ }),
  c('-c @falco.yaml --dry-run -o json_output', 1, { stderr: /not of the form key=value/ }),
  c('-c @falco.yaml --dry-run -o engine.kind=magic', 1, { stderr: /'engine\.kind' must be one of/ }),
  c('-c @falco.yaml --dry-run -o priority=loud', 1, { stderr: /unknown priority 'loud'/ }),
  c('-c @falco.yaml --dry-run -r /nonexistent.yaml', 1, { stderr: /the rules file \/nonexistent\.yaml cannot be read/ }),
  c('-c @falco.yaml --dry-run -r @rules.d', 0, { stderr: /10\.yaml \|[\s\S]*20\.yml \|/ }),
  c('-c @falco.yaml --dry-run -o rules_files=/nonexistent', 1, { stderr: /at least one rules file[\s\S]*help: not there: \/nonexistent/ }),
  c('--dry-run -r @broken.yaml', 1, { stderr: /broken\.yaml \| schema validation: none/ }),
  c('--dry-run -r @broken.yaml -o log_stderr=false -o log_syslog=false', 1, { stderr: /^Error: the rules have errors\n.*broken\.yaml:2:1: error LOAD_ERR_YAML_PARSE/ }),
  c('--dry-run -r @broken.yaml -o log_level=critical -o log_syslog=false', 1, { stderr: /^Error: the rules have errors\n/ }),
  c('--dry-run -r @unknown-field.yaml', 1, { stderr: /unknown-field\.yaml:3:\d+: error LOAD_ERR_COMPILE_CONDITION.*proc\.nmae/ }),
  c('--dry-run -r @good.yaml --enable-source syscall --disable-source syscall', 1, { stderr: /can not mix/ }),
  c('--dry-run -r @good.yaml --enable-source nothing', 1, { stderr: /unknown event source: nothing/ }),
  c('--dry-run -r @good.yaml --disable-source syscall --disable-source k8s_audit', 1, { stderr: /at least one event source/ }),
  c('-c @misspelt.yaml --dry-run', 1, { stderr: /unknown key 'enabld'[\s\S]*did you mean 'enabled'[\s\S]*\[NO_OUTPUT\]/ }),
  c('-c @no-outputs.yaml --dry-run', 1, { stderr: /No output configured.*\[NO_OUTPUT\]/ }),
  c('-V @good.yaml', 0, { stdout: /good\.yaml: Ok\n$/ }),
  c('-V @deprecated.yaml', 0, { stdout: /^\S*deprecated\.yaml: Ok, with warnings\n$/, stderr: /\d warnings?:[\s\S]*deprecated\.yaml:3:\d+: warning LOAD_DEPRECATED_ITEM/ }),
  c('-V @good.yaml -V @audit.yaml', 0, { stdout: /good\.yaml: Ok\n.*audit\.yaml: Ok\n$/ }),
  c('-V @unknown-field.yaml', 1, { stdout: /unknown-field\.yaml: Invalid\n1 error[\s\S]*:3:\d+: error[\s\S]*\^/ }),
  c('-V @undefined-macro.yaml', 1, { stdout: /undefined-macro\.yaml: Invalid[\s\S]*opening/ }),
  c('-V @wrong-operator.yaml', 1, { stdout: /wrong-operator\.yaml: Invalid[\s\S]*contains/ }),
  c('-V @broken.yaml', 1, { stdout: /broken\.yaml: Invalid[\s\S]*LOAD_ERR_YAML_PARSE/ }),
  c('-V @good.yaml -V @broken.yaml -o json_output=true', 1, { stdout: /^\{"falco_load_results":\[.*"successful":true.*"successful":false/ }),
  c('-V /nonexistent.yaml', 1, { stderr: /cannot be read/ }),
  c('-L -r @good.yaml', 0, { stdout: /^Rule {47}Description\n[\s\S]*Opened {45}Any open/ }),
  c('-l Opened -r @rules.d', 0, { stdout: /Opened/ }),
  c('-l Absent -r @good.yaml', 1, { stderr: /Rule "Absent" is not loaded/ }),
  c('-L -r @good.yaml -o json_output=true', 0, { stdout: /"rules":\[\{.*"name":"Opened"/ }),
  c('--list', 0, { stdout: /Field Class: {18}evt[\s\S]*proc\.name[\s\S]*ka\.verb/ }),
  c('--list=k8s_audit', 0, { stdout: /ka\.verb/ }),
  c('--list=syscall -N', 0, { stdout: /^proc\.name$/m }),
  c('--list=nothing', 1, { stderr: /valid source type/ }),
  c('--list --format json', 0, { stdout: /^\{\n {2}"fieldclasses"/ }),
  c('--list --markdown', 0, { stdout: /^## Field Class: evt/ }),
  c('--list --format xml', 1, { stderr: /Allowed choices are text, markdown, json/ }),
  c('--list-events', 0, { stdout: /^> open\(/m }),
  c('--list-plugins', 0, { stdout: /^2 Plugins Loaded:[\s\S]*Name: k8saudit/ }),
  c('--plugin-info k8saudit', 0, { stdout: /source='k8s_audit'/ }),
  c('--plugin-info other', 1, { stderr: /can't find plugin and print its info: other/ }),
  c('--config-schema', 0, { stdout: /^\{[\s\S]*"title": "FalcoConfig"/ }),
  c('--rule-schema', 0, { stdout: /^\{[\s\S]*"\$schema"/ }),
  c('--page-size', 0, { stdout: /page size is: \d+ bytes/ }),
  c('-i', 0, { stdout: /^Ignored syscall\(s\):\n(- \w+\n)+/ }),
  c('--support -r @good.yaml', 0, { stdout: /^\{"version":.*"rules_files":\[\{"name":.*Opened/ }),
];

describe('falco-ts', () => {
  it.each(CASES)('%s', async (_, { args, code, stdout, stderr }) => {
    const ended = await run(args.map((arg) => (arg.startsWith('@') ? path(arg.slice(1)) : arg)));
    const said = `${ended.stdout}\n---\n${ended.stderr}`;
    expect(ended.code, said).toBe(code);
    if (stdout !== undefined) expect(ended.stdout).toMatch(stdout);
    if (stderr !== undefined) expect(withoutTimes(ended.stderr)).toMatch(stderr);
  });

  it('static_fields are fields: in rules, in outputs and in the list', async () => {
    const config = path('static.yaml');
    writeFileSync(config, `${RULE_CONFIG()}static_fields: {cluster: blue}\n`);
    writeFileSync(path('static-rules.yaml'), RULE.replace('%fd.name', '%fd.name %static.cluster').replace('evt.type in (open, openat)', 'evt.type = open and static.cluster = blue'));
    expect((await run(['-c', config, '--dry-run', '-r', path('static-rules.yaml')])).code).toBe(0);
    expect((await run(['-c', path('falco.yaml'), '--dry-run', '-r', path('static-rules.yaml')])).code).toBe(1);
    expect((await run(['-c', config, '--list', '-N'])).stdout).toContain('\nstatic.cluster\n');
  });

  it('an audit rule is not available when its plugin is not loaded', async () => {
    const ended = await run(['-c', path('falco.yaml'), '--list=k8s_audit']);
    expect(ended.code).toBe(1);
  });

  it('prints what is wrong in a configuration with its place', async () => {
    const config = path('wrong.yaml');
    writeFileSync(config, `rules_files: [${path('good.yaml')}]\nlog_stderr: true\nlog_syslog: false\nstdout_output:\n  enbled: true\nwebserver:\n  listen_port: many\n`);
    const ended = await run(['-c', config, '--dry-run', '-o', 'syslog_output.enabled=true']);
    expect(ended.code).toBe(0);
    expect(withoutTimes(ended.stderr).replaceAll(dir, 'DIR')).toContain(
      "DIR/wrong.yaml:5:3: warning CONFIG_UNKNOWN_KEY: unknown key 'enbled' in 'stdout_output'; it is ignored\n" +
        "  5 |   enbled: true\n    |   ^^^^^^\n  help: did you mean 'enabled'?\n" +
        "DIR/wrong.yaml:7:16: warning CONFIG_WRONG_VALUE: 'webserver.listen_port' must be an integer; the default is used\n" +
        '  7 |   listen_port: many\n    |                ^^^^\n',
    );
    expect(ended.stderr).toContain('wrong.yaml | schema validation: failed');
  });
});
