// SPDX-License-Identifier: Apache-2.0
/** `falco-ts k8s-audit`: what it writes works with the program itself, and the doctor finds what is wrong. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parsePolicy } from '../../src/audit-setup/policy.js';
import { auditEvent, eventList, post } from '../sources/k8s-audit/post.js';
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
interface Kubeconfig {
  readonly users: readonly { readonly user: Readonly<Record<'client-certificate-data' | 'client-key-data', string>> }[];
  readonly clusters: readonly { readonly cluster: Readonly<Record<'certificate-authority-data', string>> }[];
}
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
    expect(readdirSync(dir).sort()).toEqual(['apiserver', 'webhook-client-ca.pem', 'webhook-server.pem']);
    // Both hold a private key.
    for (const name of ['webhook-server.pem', 'apiserver/audit-webhook.yaml']) expect(statSync(join(dir, name)).mode & 0o777).toBe(0o600);
    expect(made.stdout).toContain('Only who shows the certificate in audit-webhook.yaml can post events');
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
    const metricsPort = await freePort();
    const running = `engine: {kind: nodriver}\nrules_files: [${rules}]\nlog_stderr: true\nlog_syslog: false\nstdout_output: {enabled: true}\nmetrics: {enabled: true}\nwebserver: {enabled: true, listen_address: 127.0.0.1, listen_port: ${metricsPort}, prometheus_metrics_enabled: true}\n${printed}`;
    const program = new Program(['-c', file('run.yaml', running), '--enable-source', 'k8s_audit']);
    await program.until(({ stderr }) => stderr.includes("Opening 'k8s_audit' source"));
    const well = await waitFor(() => doctor('--kubeconfig', kubeconfig, '--policy', join(dir, 'apiserver/audit-policy.yaml')), ({ code }) => code === 0);
    expect(well.stdout).toContain('takes what is posted');
    expect(well.stdout).toContain('logs all that the rules read');
    const { users, clusters } = parse(readFileSync(kubeconfig, 'utf8')) as Kubeconfig;
    const bytes = (base64: string): Buffer => Buffer.from(base64, 'base64');
    const { 'client-certificate-data': cert, 'client-key-data': key } = users[0].user;
    const nobody = { tls: true, ca: bytes(clusters[0].cluster['certificate-authority-data']), agent: false as const };
    const server = readFileSync(join(dir, 'webhook-server.pem'));
    // What arrives, from the monitor that its configuration names.
    const asked = () => run(['k8s-audit', 'doctor', '-c', join(folder, 'run.yaml'), rules]);
    const nothing = await asked();
    expect([nothing.code, nothing.stdout]).toEqual([1, expect.stringContaining('no audit event has come since it started')]);
    const agent = { tls: true, ca: nobody.ca, cert: bytes(cert), key: bytes(key) };
    const bodies = [eventList(auditEvent('1'), auditEvent('2')), eventList(auditEvent('2'), auditEvent('3'))];
    for (const body of bodies) expect((await post(port, body, agent)).status).toBe(200);
    const some = await waitFor(asked, ({ code }) => code === 0);
    expect(some.stdout).toContain('3 audit events have come.\n  1 refused: event_duplicate');
    // Without the client's certificate, or with the webhook's own, nothing gets in; doctor says so of such a kubeconfig.
    await expect(post(port, eventList(auditEvent('0')), nobody)).rejects.toThrow();
    await expect(post(port, eventList(auditEvent('0')), { ...nobody, cert: server, key: server })).rejects.toThrow();
    const bare = await doctor('--kubeconfig', file('bare.yaml', readFileSync(kubeconfig, 'utf8').replace(/^ {6}client-.*\n/gm, '').replace('    user:\n', '    user: {}\n')));
    expect([bare.code, bare.stdout]).toEqual([1, expect.stringContaining('it asks for a client certificate (sslClientCA), and the kubeconfig has none')]);
    const wrong = await doctor('--kubeconfig', file('wrong.yaml', readFileSync(kubeconfig, 'utf8').replaceAll(/(client-(?:certificate|key)-data: ).*/g, `$1"${server.toString('base64')}"`)));
    expect([wrong.code, wrong.stdout]).toEqual([1, expect.stringContaining("is the kubeconfig's client certificate of an authority in sslClientCA?")]);
    expect(program.stderr).toContain('no TLS connection came about with 127.0.0.1: the client shows no certificate');
    const forged = await waitFor(asked, ({ stdout }) => stdout.includes('4 refused: tls_failed'));
    expect([forged.code, forged.stdout]).toEqual([1, expect.stringMatching(/3 audit events have come\.\n(?:.*\n)* {2}4 refused: tls_failed/)]);
    expect((await post(port, eventList({ kind: 'Event' }), agent)).status).toBe(400);
    const refused = await waitFor(asked, ({ stdout }) => stdout.includes('event_no_time'));
    expect(refused.stdout).toContain('1 refused: event_no_time');
    await program.stop();
  });

  it('has 106 fields for rules, as Falco’s two plugins', async () => {
    const { stdout } = await run(['--list=k8s_audit', '-N']);
    const names = stdout.split('\n').filter((name) => /^(ka|json|jevt)\./.test(name));
    expect(names.length).toBe(106);
    expect(new Set(names).size).toBe(106);
  });

  it('init tells each kind of cluster to load the same policy and webhook from where it can see them', async () => {
    const dir = join(folder, 'clusters');
    const steps = async (cluster: string): Promise<string> => {
      const { code, stdout } = await run(['k8s-audit', 'init', '-c', config, rules, '--dir', dir, '--http', '--cluster', cluster]);
      expect(code).toBe(0);
      const start = stdout.indexOf(`\n${cluster}:\n`);
      return stdout.slice(start + cluster.length + 3, stdout.indexOf('\n\nThen see', start));
    };
    /** The lines from the first that begins like this, without their common indentation, up to the last that is as deep. */
    const yaml = (text: string, first: string): string => {
      const lines = text.split('\n');
      const at = lines.findIndex((line) => line.trim() === first);
      const indent = lines[at].length - lines[at].trimStart().length;
      const end = lines.findIndex((line, n) => n > at && /^ *\(/.test(line));
      return lines.slice(at, end === -1 ? undefined : end).map((line) => line.slice(indent)).join('\n');
    };
    const flags = (folderThere: string) => ({
      'audit-policy-file': `${folderThere}/audit-policy.yaml`,
      'audit-webhook-config-file': `${folderThere}/audit-webhook.yaml`,
      'audit-webhook-batch-max-wait': '5s',
    });
    const there = '/etc/kubernetes/falco-audit';
    const volume = { name: 'falco-audit', hostPath: there, mountPath: there, readOnly: true, pathType: 'DirectoryOrCreate' };

    const kubeadm = parse(yaml(await steps('kubeadm'), 'apiServer:'));
    expect(Object.fromEntries(kubeadm.apiServer.extraArgs.map(({ name, value }: { name: string; value: string }) => [name, value]))).toEqual(flags(there));
    expect(kubeadm.apiServer.extraVolumes).toEqual([volume]);

    const { nodes } = parse(yaml(await steps('kind'), 'kind: Cluster'));
    expect(nodes[0].extraMounts).toEqual([{ hostPath: join(dir, 'apiserver'), containerPath: there, readOnly: true }]);
    expect(readdirSync(nodes[0].extraMounts[0].hostPath).sort()).toEqual(['audit-policy.yaml', 'audit-webhook.yaml']);
    const patch = parse(nodes[0].kubeadmConfigPatches[0]);
    expect(patch).toEqual({ kind: 'ClusterConfiguration', apiServer: { extraArgs: flags(there), extraVolumes: [volume] } });

    const ofArgs = (args: readonly string[]) => Object.fromEntries(args.map((arg) => arg.split('=')));
    const k3s = parse(yaml(await steps('k3s'), 'kube-apiserver-arg:'));
    expect(ofArgs(k3s['kube-apiserver-arg'])).toEqual(flags('/var/lib/rancher/k3s/server/falco-audit'));
    expect(ofArgs([...(await steps('bare')).matchAll(/^ *--(\S+)$/gm)].map(([, arg]) => arg))).toEqual(flags(there));
  });

  it('doctor says that the certificates will be over soon', async () => {
    const dir = join(folder, 'short');
    expect((await run(['k8s-audit', 'init', '-c', config, rules, '--dir', dir, '--host', '127.0.0.1', '--port', String(await freePort()), '--days', '20'])).code).toBe(0);
    const { code, stdout } = await doctor('--kubeconfig', join(dir, 'apiserver/audit-webhook.yaml'));
    expect(code).toBe(1);
    expect(stdout).toMatch(/its authority is valid until .* GMT only: write new ones with k8s-audit init\n.*its client certificate is valid until .* GMT only/);
  });

  it('init --http listens on loopback alone, unless a host is named, which it warns of', async () => {
    const made = async (...args: readonly string[]): Promise<readonly [string, string]> => {
      const { stdout } = await run(['k8s-audit', 'init', '-c', config, rules, '--dir', join(folder, 'plain'), '--http', '--cluster', 'bare', ...args]);
      const { clusters } = parse(readFileSync(join(folder, 'plain/apiserver/audit-webhook.yaml'), 'utf8')) as { clusters: { cluster: object }[] };
      return [stdout, JSON.stringify(clusters[0].cluster)];
    };
    const [plain, cluster] = await made();
    expect(plain).toContain('open_params: http://127.0.0.1:9765/k8s-audit\n');
    expect(plain).not.toContain('Beware: over plain HTTP');
    expect(cluster).toBe('{"server":"http://127.0.0.1:9765/k8s-audit"}');
    expect((await made('--host', 'node1'))[0]).toMatch(/Beware: over plain HTTP, whoever reaches the port can post events[^\0]*open_params: http:\/\/:9765/);
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
    expect((await doctor('--policy', rules)).stderr).toContain('is not an audit policy');
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
