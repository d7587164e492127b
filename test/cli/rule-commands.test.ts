// SPDX-License-Identifier: Apache-2.0
/** `check`, `test` and `explain` as they are typed, and what they end with. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ended, run } from './program.js';

const RULE = `- rule: Secret read
  desc: d
  condition: evt.type = openat and fd.name startswith /secret and not proc.name = cat
  output: secret %fd.name by %proc.name
  priority: WARNING
`;
const TESTS = `rules: [rules.yaml]
tests:
  - rule: Secret read
    fires: [{type: openat, fd: /secret/a, proc: {name: vi}}]
    silent: [{type: openat, fd: /secret/a, proc: {name: cat}}]
`;

let dir: string;
const path = (name: string): string => join(dir, name);
const write = (name: string, text: string): string => {
  writeFileSync(path(name), text);
  return path(name);
};
const typed = async (...args: readonly string[]): Promise<Ended> => {
  const ended = await run(args);
  return { ...ended, stdout: ended.stdout.replaceAll(dir, 'DIR'), stderr: ended.stderr.replaceAll(dir, 'DIR') };
};

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'falco-ts-rules-'));
  write('rules.yaml', RULE);
  write('tests.yaml', TESTS);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('falco-ts check', () => {
  it('finds no problems', async () => {
    expect(await typed('check', path('rules.yaml'))).toEqual({ code: 0, stdout: '1 file, 1 rule (1 enabled): no problems found\n', stderr: '' });
  });

  it('prints errors with their places, and ends with 1', async () => {
    const ended = await typed('check', write('wrong.yaml', RULE.replace('proc.name = cat', 'proc.nmae = cat')));
    expect(ended.code).toBe(1);
    expect(ended.stdout).toMatch(/^DIR\/wrong\.yaml:3:71: error LOAD_ERR_COMPILE_CONDITION: .*proc\.nmae[\s\S]*did you mean[\s\S]*1 file: 1 error, 0 warnings\n$/);
  });

  it('prints what the lints find; only --strict makes that a failure', async () => {
    const dead = write('dead.yaml', RULE.replace('evt.type = openat', 'evt.type = openat and evt.type = close'));
    const ended = await typed('check', dead);
    expect(ended.code).toBe(0);
    expect(ended.stdout).toContain('DIR/dead.yaml:3:36: warning LINT_NEVER_MATCHES: the rule can never match: `evt.type = openat` and `evt.type = close` exclude each other');
    expect((await typed('check', '--strict', dead)).code).toBe(1);
  });

  it('asks the configuration whether a rule can hide behind another', async () => {
    const two = write('two.yaml', RULE + RULE.replace('Secret read', 'Secret read again'));
    expect((await typed('check', two)).stdout).toContain('LINT_SHADOWED');
    expect((await typed('check', '-o', 'rule_matching=all', two)).stdout).not.toContain('LINT_SHADOWED');
  });

  it('prints JSON for programs', async () => {
    const { code, stdout } = await typed('check', '--json', write('unused.yaml', `- {list: l, items: [a]}\n${RULE}`));
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ rules: 1, errors: 0, warnings: 1, findings: [{ severity: 'warning', code: 'LOAD_UNUSED_LIST', file: 'DIR/unused.yaml', line: 1, column: 3 }] });
  });

  it('takes the directory of our rules for two rules files: their tests, which lie below it, are none', async () => {
    const { code, stdout } = await typed('check', join(import.meta.dirname, '../../rules'));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^2 files, \d+ rules/);
  });

  it('ends with 2 when there is nothing to check', async () => {
    expect(await typed('check', path('nowhere.yaml'))).toMatchObject({ code: 2, stderr: expect.stringContaining('DIR/nowhere.yaml cannot be read') });
    expect(await typed('check', '--no-such-option')).toMatchObject({ code: 2, stderr: expect.stringContaining("unknown option '--no-such-option'") });
  });
});

describe('falco-ts test', () => {
  it('passes', async () => {
    const ended = await typed('test', path('tests.yaml'));
    expect(ended).toEqual({
      code: 0,
      stdout:
        'DIR/tests.yaml\n  ok    Secret read: fires 1\n  ok    Secret read: silent 1\n\n2 tests: 2 passed, 0 failed\n' +
        'coverage: 4 of 6 outcomes of sub-conditions seen (66.7 %), 1 of 1 rules fired\n',
      stderr: '',
    });
  });

  it('fails with the place, and with the check that failed', async () => {
    const ended = await typed('test', '-q', write('failing.yaml', TESTS.replace('name: vi', 'name: cat')));
    expect(ended.code).toBe(1);
    expect(ended.stdout).toBe(
      "DIR/failing.yaml\n  FAIL  Secret read: fires 1\n        DIR/failing.yaml:3:11: the rule 'Secret read' did not fire\n" +
        '          the event (openat):\n          false  all of\n          false    not\n          true       proc.name = cat  | proc.name = cat  <-- decides\n\n' +
        '2 tests: 1 passed, 1 failed\ncoverage: 3 of 6 outcomes of sub-conditions seen (50.0 %), 0 of 1 rules fired\nrules that never fired: Secret read\n',
    );
  });

  it('fails when too little is covered, and says what is missing', async () => {
    const ended = await typed('test', '-q', '--coverage', '--min-coverage', '90', path('tests.yaml'));
    expect(ended.code).toBe(1);
    expect(ended.stdout).toContain("DIR/rules.yaml:3:14: never failed: evt.type = openat  (rule 'Secret read')");
    expect(ended.stdout).toContain('too little is covered: 90 % is wanted');
    expect((await typed('test', '-q', '--min-coverage', '60', path('tests.yaml'))).code).toBe(0);
  });

  it('ends with 2 on mistakes, in tests and in rules', async () => {
    const wrong = await typed('test', write('mistaken.yaml', TESTS.replace('rule: Secret read', 'rule: Secret raed')));
    expect(wrong.code).toBe(2);
    expect(wrong.stdout).toContain(
      "DIR/mistaken.yaml:3:11: error TEST_UNKNOWN_RULE: there is no rule 'Secret raed'\n  3 |   - rule: Secret raed\n    |           ^^^^^^^^^^^\n  help: did you mean 'Secret read'?\n",
    );
    write('broken.yaml', '- rule: [\n');
    const broken = await typed('test', '-r', path('broken.yaml'), path('tests.yaml'));
    expect(broken.code).toBe(2);
    expect(broken.stderr).toContain('DIR/broken.yaml:2:1: error LOAD_ERR_YAML_PARSE');
  });

  it('says that an alert is no event', async () => {
    write('alert.json', '{"output":"x","output_fields":{"fd.name":"/secret/a"},"priority":"Notice","rule":"Secret read"}\n');
    const ended = await typed('test', '-r', path('rules.yaml'), write('of-alert.yaml', 'tests: [{name: t, events: [{audit: alert.json}], expect: none}]\n'));
    expect(ended).toMatchObject({ code: 2, stdout: expect.stringContaining('there is an alert in it, which tells of an event but is none') });
  });

  it('takes directories, other rules, and some of the tests', async () => {
    mkdirSync(path('suite/deep'), { recursive: true });
    write('suite/deep/one.yaml', TESTS);
    const ended = await typed('test', '-r', path('rules.yaml'), '-t', 'silent', path('suite'));
    expect(ended.code).toBe(0);
    expect(ended.stdout).toContain('DIR/suite/deep/one.yaml\n  ok    Secret read: silent 1\n\n1 test: 1 passed, 0 failed');
  });

  it('prints JSON for programs', async () => {
    const { stdout } = await typed('test', '--json', path('tests.yaml'));
    expect(JSON.parse(stdout)).toMatchObject({ passed: 2, failed: 0, mistakes: [], coverage: { covered: 4, total: 6, rules: [{ rule: 'Secret read', fired: 1, silent: 1 }] } });
  });

  it('tries the bundled rules when nothing is named', async () => {
    const ended = await typed('test', '-q');
    expect(ended.code).toBe(0);
    expect(ended.stdout).toMatch(/^\d{3} tests: \d{3} passed, 0 failed\n/);
  });
});

describe('falco-ts explain', () => {
  const event = (name: string): string => write(`${name}.yaml`, `type: openat\nfd: /secret/a\nproc: {cmdline: ${name} -n}\n`);

  it('shows every sub-condition of the rule that matches', async () => {
    const ended = await typed('explain', '-r', path('rules.yaml'), event('vi'));
    expect(ended.code).toBe(0);
    expect(ended.stdout).toMatch(/^event 1 of 1 \(syscall\): openat\(fd=3\(<f>\/secret\/a\) .*\) by vi, pid 1000, command `vi -n`, in host\n/);
    expect(ended.stdout).toContain(
      "  1. Secret read  [DIR/rules.yaml:1:3]\n\nThe rule 'Secret read' matches:\n  true   all of\n  true     evt.type = openat  | evt.type = openat\n" +
        '  true     fd.name startswith /secret  | fd.name = /secret/a\n  true     not\n  false      proc.name = cat  | proc.name = vi\n',
    );
  });

  it('says which one failed, and ends with 1', async () => {
    const ended = await typed('explain', '-r', path('rules.yaml'), '--rule', 'Secret read', event('cat'));
    expect(ended.code).toBe(1);
    expect(ended.stdout).toContain("No rule matches it.\n\nThe rule 'Secret read' does not match:");
    expect(ended.stdout).toContain('  true       proc.name = cat  | proc.name = cat  <-- decides\n');
  });

  it('says what came nearest when no rule is asked for', async () => {
    const ended = await typed('explain', '-r', path('rules.yaml'), event('cat'));
    expect(ended.code).toBe(1);
    expect(ended.stdout).toContain('What came nearest, and what it failed by:\n  Secret read\n    proc.name = cat  | proc.name = cat  [DIR/rules.yaml:3:71]\n');
  });

  it('shows an exception as the condition that it stands for, with the place of its fields', async () => {
    const excepted = write('excepted.yaml', `${RULE}  exceptions:\n    - name: tools\n      fields: [proc.name, fd.name]\n      comps: [=, startswith]\n      values:\n        - [cp, /secret/ok]\n    - name: one\n      fields: proc.name\n      values: [scp]\n`);
    const { stdout } = await typed('explain', '-r', excepted, event('scp'));
    expect(stdout).toContain('    proc.name in (scp)  | proc.name = scp  [DIR/excepted.yaml:');
    const matching = (await typed('explain', '-r', excepted, event('vi'))).stdout;
    expect(matching).toMatch(/^ {2}false +proc\.name = cp {2}\| proc\.name = vi$/m);
    expect(matching).toMatch(/^ {2}false +fd\.name startswith \/secret\/ok {2}\| fd\.name = \/secret\/a$/m);
  });

  it('says which rule comes first', async () => {
    const two = write('two.yaml', RULE + RULE.replace('Secret read', 'Secret read again'));
    const ended = await typed('explain', '-r', two, '--rule', 'Secret read again', event('vi'));
    expect(ended.stdout).toContain("The rule 'Secret read again' matches, but 'Secret read' comes first:");
  });

  it('explains a test of a test file, and an audit event', async () => {
    expect((await typed('explain', '--test', 'Secret read: silent 1', '--rule', 'Secret read', path('tests.yaml'))).code).toBe(1);
    write('audit.yaml', '- {rule: Pods, desc: d, condition: ka.target.resource = pods, output: x, priority: INFO, source: k8s_audit}\n');
    const audit = write('event.json', JSON.stringify({ kind: 'Event', auditID: 'a', stage: 'ResponseComplete', stageTimestamp: '2026-01-01T00:00:00Z', verb: 'get', requestURI: '/x', user: { username: 'eve' }, objectRef: { resource: 'pods' } }));
    const ended = await typed('explain', '-r', path('audit.yaml'), audit);
    expect(ended.code).toBe(0);
    expect(ended.stdout).toMatch(/^event 1 of 1 \(k8s_audit\): get \/x by eve, response <NA>\n[\s\S]*ka\.target\.resource = pods {2}\| ka\.target\.resource = pods\n$/);
  });

  it('prints JSON for programs', async () => {
    const { stdout } = await typed('explain', '--json', '-r', path('rules.yaml'), event('vi'));
    expect(JSON.parse(stdout)).toMatchObject({
      matching: ['Secret read'],
      rule: { name: 'Secret read', matches: true, first: true, condition: { kind: 'and', holds: true, children: [{ kind: 'check', text: 'evt.type = openat', place: 'DIR/rules.yaml:3:14', values: { 'evt.type': 'openat' } }, {}, {}] } },
    });
  });

  it('ends with 2 when the question makes no sense', async () => {
    expect(await typed('explain', '-r', path('rules.yaml'), '--rule', 'Nothing', event('vi'))).toMatchObject({ code: 2, stderr: expect.stringContaining("there is no enabled rule 'Nothing'") });
    expect(await typed('explain', '-r', path('rules.yaml'), '--num', '7', event('vi'))).toMatchObject({ code: 2, stderr: expect.stringContaining('the file has no event 7: it has 1') });
    expect(await typed('explain', path('tests.yaml'))).toMatchObject({ code: 2, stderr: expect.stringContaining('say which with --test') });
  });
});

it('the commands are in the help, and --help of each explains it', async () => {
  expect((await typed('--help')).stdout).toMatch(/falco-ts check .*\n.*falco-ts test .*\n.*falco-ts explain /);
  for (const name of ['check', 'test', 'explain']) expect((await typed(name, '--help')).stdout).toMatch(new RegExp(`^Usage: falco-ts ${name} [\\s\\S]*Exit code: 0`));
});
