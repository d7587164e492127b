// SPDX-License-Identifier: Apache-2.0
/** `explain` of alerts: why they were raised, and that what it proposes silences them and nothing else. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Batch } from './batch.js';
import { type Ended, run } from './program.js';

const ROOT = join(import.meta.dirname, '../..');
const RULES = join(ROOT, 'rules/falco_rules.yaml');
const AUDIT_RULES = join(ROOT, 'rules/k8s_audit_rules.yaml');
const RECORDING = join(ROOT, 'rules/demo/recording.scap.gz');

const RULE = `- list: readers
  items: [cat]
- macro: user_known_readers
  condition: (evt.num = 0)
- rule: Secret read
  desc: d
  condition: evt.type = openat and fd.name startswith /secret and not proc.name in (readers) and not user_known_readers
  output: secret %fd.name by %proc.name of %user.name as %proc.pname at %proc.pid
  priority: WARNING
- rule: Secret read by a reader
  desc: d
  condition: evt.type = openat and fd.name startswith /public and proc.name in (readers)
  output: x
  priority: WARNING
`;
const SHARED = join(ROOT, '../shared');
const SYSCALL_RULES = ['falco_rules', 'falco-incubating_rules', 'falco-sandbox_rules'];
const fields = { 'fd.name': '/secret/a', 'proc.name': 'vi', 'user.name': 'root', 'proc.pname': 'bash', 'proc.pid': 77 };
const alert = (changed: object = {}, rule = 'Secret read'): string => JSON.stringify({ hostname: 'h', output: 'o', priority: 'Warning', rule, source: 'syscall', time: '2026-01-01T00:00:00.000000000Z', output_fields: { ...fields, ...changed } });

let dir: string;
const batch = new Batch();
const write = (name: string, text: string): string => {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
};
const typed = async (...args: readonly string[]): Promise<Ended> => {
  const { code, stdout, stderr } = await batch.run(args);
  return { code, stdout: stdout.replaceAll(dir, 'DIR'), stderr: stderr.replaceAll(dir, 'DIR') };
};
/** The alerts of a replay, as lines. */
async function replay(capture: string, rules: readonly string[], ...more: readonly string[]): Promise<readonly string[]> {
  const { code, stdout, stderr } = await run(['-o', 'engine.kind=replay', '-o', `engine.replay.capture_file=${capture}`, '--disable-source', 'k8s_audit', ...rules.flatMap((file) => ['-r', file]), ...more]);
  expect(code, stderr).toBe(0);
  return stdout.trimEnd().split('\n');
}

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'falco-ts-alerts-'));
  write('rules.yaml', RULE);
});
afterAll(() => {
  batch.stop();
  rmSync(dir, { recursive: true, force: true });
});

describe('falco-ts explain of one alert', () => {
  it('shows what the alert tells of the condition, what follows from it, what is open to tuning, and the exception', async () => {
    const ended = await typed('explain', '-r', join(dir, 'rules.yaml'), write('one.json', `${alert()}\n`));
    expect(ended).toEqual({ code: 0, stderr: '', stdout: `The rule 'Secret read'  [DIR/rules.yaml:5:3]  fired, 2026-01-01T00:00:00.000000000Z.

Its condition, as far as the alert tells:
  true*   all of
  true*     evt.type = openat  | evt.type is not in the alert
  true      fd.name startswith /secret  | fd.name = /secret/a
  true      not
  false       proc.name in (readers)  | proc.name = vi
  true*     not
  false*      user_known_readers  [DIR/rules.yaml:4:15]

  * the alert does not tell, but the rule would not have fired otherwise    ? the alert does not tell

Open to tuning in the rule itself:
  macro user_known_readers  [DIR/rules.yaml:3:3]: an \`or (…)\` appended to it
  list readers  [DIR/rules.yaml:1:3]: "vi" added to it silences every proc.name=vi; 1 other enabled rule uses it

To silence this and nothing that differs in one of the fields compared, add to a rules file that is read after the others:

- rule: Secret read
  exceptions:
    - name: known_name_pname_fd_user
      fields: [proc.name, proc.pname, fd.name, user.name]
      comps: [=, =, =, =]
      values:
        - [vi, bash, /secret/a, root]
  override:
    exceptions: append

Compared: proc.name=vi, proc.pname=bash, fd.name=/secret/a, user.name=root
Also in the alert, for --fields: proc.pid
Checked: the rules load with it, and the condition is then false for the alert.
rule_matching is first: a later rule that matches the same event alerts instead.
` });
  });

  it('adds to an exception that the rule has, if the alert tells all that it compares', async () => {
    const rules = write('excepted.yaml', `- rule: Secret read
  desc: d
  condition: evt.type = openat and fd.name startswith /secret
  output: secret %fd.name by %proc.name
  priority: WARNING
  exceptions:
    - {name: programs, fields: proc.name, values: [cat]}
    - {name: program_in, fields: [proc.name, fd.name], comps: [in, startswith], values: [[[cp], /secret/ok]]}
    - {name: by_parent, fields: [proc.exepath, proc.name, fd.name], values: [[/bin/a, b, c]]}
`);
    const file = write('two.json', alert());
    const { stdout } = await typed('explain', '-r', rules, file);
    expect(stdout).toContain('    - name: program_in\n      values:\n        - [[vi], /secret/a]\n  override:');
    expect(stdout).toContain("The rule has the exception 'program_in' already");
    expect(stdout).toContain('Its `startswith` also silences what begins with the value.');
    expect((await typed('explain', '--yaml', '--fields', 'proc.name', '-r', rules, file)).stdout).toContain('    - name: known_name\n      fields: [proc.name]\n');
    // Twice the same, the second time with what the first proposed.
    const first = await typed('explain', '--yaml', '--fields', 'proc.name,proc.pname', '-r', rules, file);
    const again = await typed('explain', '--yaml', '--fields', 'proc.name,proc.pname', '-r', rules, '-r', write('first.yaml', first.stdout), write('again.json', alert({ 'proc.name': 'emacs' })));
    expect(again.stdout).toBe('- rule: Secret read\n  exceptions:\n    - name: known_name_pname\n      values:\n        - [emacs, bash]\n  override:\n    exceptions: append\n');
    // A list, where the rule compares it as one field.
    const audit = `- rule: Pod
  desc: d
  condition: ka.verb = create
  output: x %ka.req.pod.containers.image
  priority: INFO
  source: k8s_audit
  exceptions: [{name: images, fields: ka.req.pod.containers.image, values: [a]}]
`;
    const pod = JSON.stringify({ rule: 'Pod', output_fields: { 'ka.req.pod.containers.image': ['b', 'c:1'] } });
    const listed = await typed('explain', '--json', '--fields', 'ka.req.pod.containers.image', '-r', write('pod.yaml', audit), write('pod.json', pod));
    expect(JSON.parse(listed.stdout)).toMatchObject({ groups: [{ problem: null, exception: { name: 'known_pod', comps: ['in'], values: [['b', '"c:1"']] } }] });
    const silent = await typed('explain', '-r', rules, write('silent.json', alert({ 'proc.name': 'cat' })));
    expect(silent.code).toBe(0);
    expect(silent.stdout).toContain('With the rules as they are loaded it would not fire on this any more');
    expect(silent.stdout).not.toContain('override');
  });

  it('takes values with blanks, quotes, brackets and names of lists as what they are', async () => {
    for (const name of ['a b', 'say "hi"', "it's", 'f(x), [y]', 'readers', 'back\\slash', 'tab\there', '#x: y', 'or', '10', '\u202eabc', 'wörld']) {
      const { code, stdout, stderr } = await typed('explain', '--json', '--fields', 'proc.name', '-r', join(dir, 'rules.yaml'), write('odd.json', alert({ 'proc.name': name })));
      expect({ code, stderr, groups: (JSON.parse(stdout) as { groups: unknown }).groups }, name).toMatchObject({ code: 0, stderr: '', groups: [{ problem: null, exception: { fields: ['proc.name'] } }] });
      const { yaml } = JSON.parse(stdout) as { yaml: string };
      // Proved by the engine: the event of that name is silent, one of another name is not.
      const tests = write('odd.test.yaml', `tests:
  - rule: Secret read
    fires: [{type: openat, fd: /secret/a, proc: {name: ${JSON.stringify(`${name}x`)}}}]
    silent: [{type: openat, fd: /secret/a, proc: {name: ${JSON.stringify(name)}}}]
`);
      const tried = await typed('test', '-q', '-r', join(dir, 'rules.yaml'), '-r', write('odd.yaml', yaml), tests);
      expect(tried.stdout, `${name}\n${yaml}`).toContain('2 tests: 2 passed, 0 failed');
    }
  });

  it('proposes nothing where that would be a guess', async () => {
    const open = async (changed: object, ...args: readonly string[]) => typed('explain', ...args, '-r', join(dir, 'rules.yaml'), write('open.json', alert(changed)));
    const onlyUser = JSON.stringify({ rule: 'Secret read', output_fields: { 'user.name': 'root', 'proc.pid': 7 } });
    expect(await typed('explain', '-r', join(dir, 'rules.yaml'), write('user.json', onlyUser))).toMatchObject({ code: 1, stdout: expect.stringContaining('No exception can be proposed: user.name would silence far more than this case.') });
    // What the rule's author left open may still do.
    const byImage = write('image.yaml', `- {list: images, items: []}\n${RULE.replace('and not user_known_readers', 'and not container.image.repository in (images)')}`);
    const ofImage = JSON.stringify({ rule: 'Secret read', output_fields: { 'container.image.repository': 'registry:5000/a', 'user.name': 'root' } });
    const list = await typed('explain', '-r', byImage, write('image.json', ofImage));
    expect(list).toMatchObject({ code: 1, stdout: expect.stringContaining(`The first of these lists would do it, for every event with that value:

- list: images
  items: ['"registry:5000/a"']
  override:
    items: append
`) });
    expect((await open({ 'fd.name': '/secret/\ufffd' })).stdout).toContain('Not compared: fd.name (lost characters when it was printed)');
    expect((await open({ 'fd.name': '/proc/77/x' })).stdout).toContain('With the rules as they are loaded it would not fire');
    expect((await open({ 'fd.name': '/secret/tmp.Ab3dEf7hiJ' })).stdout).toContain('Not compared: fd.name (holds the name of a temporary file)');
    expect((await open({}, '--fields', 'proc.exepath')).stdout).toContain('No exception can be proposed: proc.exepath is not in the alert: the exception would be wider than asked for.');
    expect(await open({}, '--fields', 'proc.nmae')).toMatchObject({ code: 2, stderr: expect.stringContaining("there is no field 'proc.nmae'") });
  });

  it('says what it cannot explain', async () => {
    const rules = join(dir, 'rules.yaml');
    const unknown = await typed('explain', '-r', rules, write('unknown.json', alert({}, 'Secret raed')));
    expect(unknown).toMatchObject({ code: 1, stdout: "The rule 'Secret raed' fired, 2026-01-01T00:00:00.000000000Z, but the loaded rules have no such rule (did you mean 'Secret read'?).\n" });
    expect((await typed('explain', '-r', rules, '-o', 'rules[]={"disable": {"rule": "Secret read"}}', write('off.json', alert()))).stdout).toContain('but the rule is not enabled');
    expect((await typed('explain', '-r', rules, write('source.json', alert().replace('"syscall"', '"k8s_audit"')))).stdout).toContain('the rule is for the source syscall, the alert came from k8s_audit');
    expect(await typed('explain', '-r', rules, '--num', '3', write('num.json', alert()))).toMatchObject({ code: 2, stderr: expect.stringContaining('has no alert 3: it has 1') });
    expect(await typed('explain', '-r', rules, write('none.json', 'nothing\n'))).toMatchObject({ code: 2, stderr: expect.stringContaining('there is something in it that is no event') });
    expect(await typed('explain', '--yaml', '-r', rules, write('none.json', 'nothing\n'))).toMatchObject({ code: 2, stderr: expect.stringContaining('--yaml is for alerts') });
    expect((await typed('explain', '-r', rules, write('text.json', '10:00:00.000000000: Warning nobody says this\n'))).stdout).toContain('an alert as text that no rule prints like this');
  });
});

describe('falco-ts explain of many alerts', () => {
  it('groups them by rule and by what an exception would compare, whatever a log puts around them', async () => {
    const lines = [
      'Nov 27 10:00:00 host falco-ts[1]: Watching: 2 rules', alert(), `Nov 27 10:00:00 host falco-ts[1]: ${alert({ 'proc.pid': 78 })}`, `2026-11-27T10:00:00.1Z stdout F ${alert({ 'proc.pid': 79 })}`,
      JSON.stringify({ log: `${alert()}\n`, stream: 'stdout' }), JSON.stringify({ MESSAGE: alert({ 'proc.name': 'nano' }) }), alert({}, 'Other'),
      '10:00:00.000000000: Warning secret /secret/a by vi of root as bash at 12',
    ];
    const ended = await typed('explain', '-r', join(dir, 'rules.yaml'), write('many.log', `${lines.join('\n')}\n`));
    expect(ended.code).toBe(1);
    expect(ended.stdout).toContain(`7 alerts of 2 rules (and 1 other line): 2 entries below would silence 6 of them.

      6  Secret read  [DIR/rules.yaml:5:3]
          5  proc.name=vi, proc.pname=bash, fd.name=/secret/a, user.name=root
          1  proc.name=nano, proc.pname=bash, fd.name=/secret/a, user.name=root

      1  Other
          1  not silenced: the loaded rules have no such rule
`);
    expect(ended.stdout).toContain('        - [vi, bash, /secret/a, root]  # 5 alerts\n        - [nano, bash, /secret/a, root]\n');
  });

  it('nothing in an alert can forge a line or steer the terminal', async () => {
    const evil = 'x\n\u001b[2Jy\u009b\u202e\nThe rule';
    for (const text of [alert({ 'proc.name': evil }), alert({}, evil), JSON.stringify({ rule: evil, output: evil })]) {
      for (const form of [[], ['--yaml'], ['--json']]) {
        const { stdout, stderr } = await typed('explain', ...form, '-r', join(dir, 'rules.yaml'), write('evil.json', `${text}\n${alert()}\n`));
        expect(`${stdout}${stderr}`).not.toMatch(/[\u001b\u009b\u202e]|^The rule'?$/m);
      }
    }
    // A command that quotes an alert is not that alert.
    const quoting = await typed('explain', '-r', join(dir, 'rules.yaml'), write('quoting.log', `10:00:00.000000000: Warning secret /secret/a by echo of root as {"rule":"Other","output_fields":{}} at 3\n`));
    expect(quoting.stdout).toContain("The rule 'Secret read'");
  });

  it('says which field makes them many', async () => {
    const lines = Array.from({ length: 30 }, (_, i) => alert({ 'fd.name': `/secret/${i}` }));
    const { stdout } = await typed('explain', '-r', join(dir, 'rules.yaml'), write('varying.json', lines.join('\n')));
    expect(stdout).toContain('fd.name makes them so many: --fields proc.name,proc.pname,user.name needs 1 entry, which hold for any fd.name');
    const fewer = await typed('explain', '--fields', 'proc.name,proc.pname,user.name', '-r', join(dir, 'rules.yaml'), join(dir, 'varying.json'));
    expect(fewer.stdout).toContain('fired (30 times)');
  });

  it('reads a list of alerts, and standard input', async () => {
    write('list.json', `[\n${alert()},\n${alert({ 'proc.name': 'ed' })}\n]\n`);
    expect((await typed('explain', '-r', join(dir, 'rules.yaml'), join(dir, 'list.json'))).stdout).toContain('2 alerts of 1 rule');
    const piped = execFileSync(process.execPath, [join(ROOT, 'dist/cli/main.js'), 'explain', '--yaml', '-r', join(dir, 'rules.yaml'), '-'], { input: alert(), encoding: 'utf8' });
    expect(piped).toContain('[vi, bash, /secret/a, root]');
  });
});

describe('what it proposes, tried on the events themselves', () => {
  it('a capture replayed with the exceptions is silent; an exception silences its own alert alone, and none for another file', async () => {
    const before = await replay(RECORDING, [RULES], '-o', 'json_output=true');
    expect(before.length).toBeGreaterThan(15);
    const all = await typed('explain', '--yaml', '-r', RULES, write('recording.json', before.join('\n')));
    expect(all).toMatchObject({ code: 0, stderr: '' });
    // Another rule may match an event too, and its alert comes when the first is silent; of those that came, none comes again.
    const shown = new Set(before);
    const after = await replay(RECORDING, [RULES, write('all.yaml', all.stdout)], '-o', 'json_output=true');
    expect(after.filter((line) => shown.has(line))).toEqual([]);
    const [written, read] = ['File written in binary directory', 'Password hashes or sudo rules read'];
    const one = await typed('explain', '--yaml', '--rule', written, '-r', RULES, join(dir, 'recording.json'));
    // The same program, parent and user reading another file is another case.
    const other = (await typed('explain', '--yaml', '--rule', read, '-r', RULES, join(dir, 'recording.json'))).stdout;
    expect(other).toContain(' /etc/shadow,');
    const rest = await replay(RECORDING, [RULES, write('one.yaml', `${one.stdout}${other.replace(' /etc/shadow,', ' /etc/shadox,')}`)], '-o', 'json_output=true');
    expect(rest).toEqual(before.filter((line) => !line.includes(`"rule":"${written}"`)));
    // Text lines lead to the same.
    const text = await typed('explain', '--yaml', '-r', RULES, write('recording.log', (await replay(RECORDING, [RULES])).join('\n')));
    expect(text.stdout).toBe(all.stdout);
  }, 120_000);

  it('audit alerts: the same requests are silent, those of others are not', async () => {
    const event = (user: string, name: string): object => ({
      kind: 'Event', apiVersion: 'audit.k8s.io/v1', auditID: `${user}${name}`, stage: 'ResponseComplete', stageTimestamp: '2026-01-01T00:00:00Z', verb: 'create', requestURI: '/x',
      user: { username: user }, objectRef: { resource: 'clusterrolebindings', name }, responseStatus: { code: 201 },
      requestObject: { roleRef: { name: 'cluster-admin' }, subjects: [{ kind: 'User', name: 'mallory "m"' }] },
    });
    const log = write('audit.jsonl', [event('alice', 'a'), event('bob', 'a')].map((one) => `${JSON.stringify(one)}\n`).join(''));
    const config = write('falco.yaml', `json_output: true\nstdout_output: {enabled: true}\nwebserver: {enabled: false}\nplugins: [{name: k8saudit, open_params: "${log}"}]\nload_plugins: [k8saudit]\n`);
    const audit = async (...rules: readonly string[]): Promise<readonly string[]> => {
      const { stdout } = await run(['-c', config, '--enable-source', 'k8s_audit', '-M', '2', ...rules.flatMap((file) => ['-r', file])]);
      return stdout.trimEnd().split('\n').filter((line) => line !== '');
    };
    const before = await audit(AUDIT_RULES);
    expect(before.map((line) => (JSON.parse(line) as { rule: string }).rule)).toEqual(['Cluster Admin Bound', 'Cluster Admin Bound']);
    const { code, stdout } = await typed('explain', '--num', '1', '-r', AUDIT_RULES, write('audit.json', before.join('\n')));
    expect(code).toBe(0);
    expect(stdout).toMatch(/true +ka\.req\.binding\.role in \(audit_admin_roles\) {2}\| ka\.req\.binding\.role = cluster-admin/);
    const yaml = await typed('explain', '--yaml', '--num', '1', '-r', AUDIT_RULES, join(dir, 'audit.json'));
    expect(await audit(AUDIT_RULES, write('audit.yaml', yaml.stdout))).toEqual([before[1]]);
  }, 60_000);

  it.skipIf(!readable()).each([
    ['host-files', SYSCALL_RULES], ['containers', SYSCALL_RULES], ['k8s-audit', ['k8s_audit_rules']],
  ])("Falco's own alerts under Falco's rules (%s) lead to exceptions with which the same events raise none", async (corpus, names) => {
    const everything = ['-o', 'rules[]={"enable": {"rule": "*"}}', '-o', 'rule_matching=all', ...names.flatMap((name) => ['-r', join(SHARED, `reference/rules/${name}.yaml`)])];
    const folder = join(SHARED, 'corpus', corpus === 'k8s-audit' ? 'k8s-audit/main' : `syscalls/${corpus}`);
    const file = (name: string): Buffer => gunzipSync(readFileSync(join(folder, name)));
    const { code, stdout, stderr } = await typed('explain', '--yaml', ...everything, write('falco.json', file('alerts.all.jsonl.gz').toString()));
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.match(/^ {8}- /gm)?.length).toBeGreaterThan(50);
    const input = corpus === 'k8s-audit'
      ? ['-c', write('corpus.yaml', `stdout_output: {enabled: true}\nwebserver: {enabled: false}\nplugins: [{name: k8saudit, open_params: "${write('main.log', file('audit.log.gz').toString())}"}]\nload_plugins: [k8saudit]\n`), '--enable-source', 'k8s_audit']
      : ['-o', 'engine.kind=replay', '-o', `engine.replay.capture_file=${join(folder, 'capture.scap')}`, '--disable-source', 'k8s_audit'];
    const silent = await run([...input, ...everything, '-r', write('falco.yaml', stdout)]);
    expect(silent).toMatchObject({ code: 0, stdout: '' });
    expect(silent.stderr).toMatch(/^Events detected: 0$/m);
  }, 120_000);
});

function readable(): boolean {
  try {
    return readFileSync(join(SHARED, 'README.md')).length > 0;
  } catch {
    return false;
  }
}
