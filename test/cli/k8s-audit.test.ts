// SPDX-License-Identifier: Apache-2.0
/** `falco-ts k8s-audit`: what it writes works with the program itself, and the doctor finds what is wrong. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parsePolicy } from '../../src/audit-setup/policy.js';
import { auditEvent } from '../sources/k8s-audit/post.js';
import { freePort, Program, run } from './program.js';

const RULES = `
- rule: Pod Created
  desc: d
  condition: ka.stage = ResponseComplete and ka.verb = create and ka.target.resource = pods and ka.req.pod.host_pid exists
  output: x
  priority: INFO
  source: k8s_audit
- rule: Secret Read
  desc: d
  condition: ka.verb = get and ka.target.resource = secrets
  output: x
  priority: INFO
  source: k8s_audit
`;
const folder = mkdtempSync(join(tmpdir(), 'falco-ts-audit-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const rules = file('rules.yaml', RULES);
/** No monitor of this machine is asked. */
const config = file('falco.yaml', 'engine: {kind: nodriver}\n');
const doctor = (...args: readonly string[]) => run(['k8s-audit', 'doctor', '-c', config, rules, ...args]);

describe('falco-ts k8s-audit', () => {
  it('init writes files with which an apiserver reaches the program over HTTPS, and doctor says so', async () => {
    const port = await freePort();
    const dir = join(folder, 'out');
    const made = await run(['k8s-audit', 'init', '-c', config, rules, '--dir', dir, '--host', '127.0.0.1', '--host', 'falco.example', '--port', String(port)]);
    expect(made.stderr).toBe('');
    expect(made.code).toBe(0);
    for (const word of ['kubeadm:', 'kind:', 'k3s:', 'bare:', '--audit-policy-file=', '--audit-webhook-config-file=']) expect(made.stdout).toContain(word);
    expect(readdirSync(dir).sort()).toEqual(['apiserver', 'webhook-server.pem']);
    expect(statSync(join(dir, 'webhook-server.pem')).mode & 0o777).toBe(0o600);
    const policy = readFileSync(join(dir, 'apiserver/audit-policy.yaml'), 'utf8');
    expect(policy).toMatch(/# Pod Created\n {2}- level: Request\n/);
    expect(parsePolicy(policy, 'policy').rules.map((rule) => rule.level)).toEqual(['Request', 'Metadata', 'None']);

    const kubeconfig = join(dir, 'apiserver/audit-webhook.yaml');
    const silent = await doctor('--kubeconfig', kubeconfig);
    expect(silent.stdout).toContain('ECONNREFUSED');
    expect(silent.code).toBe(1);

    // The lines that it printed are the program's configuration.
    const printed = made.stdout.slice(made.stdout.indexOf('  plugins:'), made.stdout.indexOf('\n\nkubeadm:')).replace(/^ {2}/gm, '');
    expect(parse(printed)).toMatchObject({ plugins: [{ name: 'k8saudit' }, { name: 'json' }] });
    const program = new Program(['-c', file('run.yaml', `engine: {kind: nodriver}\nrules_files: [${rules}]\nlog_stderr: true\nlog_syslog: false\nstdout_output: {enabled: true}\n${printed}`), '--enable-source', 'k8s_audit']);
    await program.until(({ stderr }) => stderr.includes("Opening 'k8s_audit' source"));
    const well = await waitFor(() => doctor('--kubeconfig', kubeconfig, '--policy', join(dir, 'apiserver/audit-policy.yaml')), ({ code }) => code === 0);
    expect(well.stdout).toContain('takes what is posted');
    expect(well.stdout).toContain('logs all that the rules read');
    await program.stop();
  });

  it('doctor says what a policy leaves out, rule by rule', async () => {
    const policy = file('policy.yaml', 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None, resources: [{group: "", resources: [secrets]}]}, {level: Metadata}]\n');
    const { code, stdout } = await doctor('--policy', policy);
    expect(code).toBe(1);
    expect(stdout).toMatch(/Pod Created \(needs Request\)\n {4}only Metadata: create pods, create pods\/status\n/);
    expect(stdout).toMatch(/Secret Read \(needs Metadata\)\n {4}not logged: get secrets/);
  });

  it('doctor says what came in a log, with too little, and what never came', async () => {
    const pods = { verb: 'create', objectRef: { resource: 'pods', namespace: 'default' } };
    const log = file('audit.log', [auditEvent('1', { ...pods, level: 'Metadata' }), auditEvent('2', pods)].map((one) => `${JSON.stringify(one)}\n`).join(''));
    const { code, stdout } = await doctor('--log', log);
    expect(code).toBe(1);
    expect(stdout).toContain('2 events; for 1 of 2 rules');
    expect(stdout).toContain('Pod Created: 1 of 2 came with less than it reads');
    expect(stdout).toContain('Nothing ever came for: Secret Read');
  });

  it('says what is wrong with a policy, an option or rules', async () => {
    expect((await doctor('--policy', rules)).stderr).toContain('is no audit policy');
    expect((await run(['k8s-audit', 'init', '-c', config, rules, '--port', 'x'])).stderr).toContain('--port x: expected a number');
    expect((await run(['k8s-audit', 'init', '-c', config, file('none.yaml', '[]\n')])).stderr).toContain('no rule for Kubernetes audit events is enabled');
    const noTool = await run(['k8s-audit', 'init', '-c', config, rules, '--dir', join(folder, 'no')], { PATH: folder });
    expect(noTool.stderr).toContain('certificates need the openssl command');
    expect(noTool.code).toBe(2);
  });
});

async function waitFor<T>(ask: () => Promise<T>, enough: (answer: T) => boolean): Promise<T> {
  const end = Date.now() + 15_000;
  for (;;) {
    const answer = await ask();
    if (enough(answer) || Date.now() > end) return answer;
  }
}
