// SPDX-License-Identifier: Apache-2.0
/** The manifests as kustomize and Helm render them, held against Kubernetes' schemas and types, and read by the program. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { run } from '../cli/program.js';
import { all, find, hasTools, helm, kustomize, type Manifest, manifests, overlays, type PodSpec, pod, PROJECT, unknownKeys, validate } from './tools.js';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'falco-ts-kubernetes-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const CHART = join(PROJECT, 'docker/helm/falco-ts');
/** What `k8s-audit init` writes; its own test looks into it. */
const CERTIFICATES = { 'overlays/audit/webhook-server.pem': 'PEM\n', 'overlays/audit/webhook-client-ca.pem': 'PEM\n' };

function render(values: object, ...args: readonly string[]): readonly Manifest[] {
  const file = join(dir, `values-${Math.random()}.yaml`);
  writeFileSync(file, JSON.stringify(values));
  return manifests(helm('template', 'mon', CHART, '-n', 'security', '-f', file, ...args));
}

/** What any set of manifests must keep to. */
function sound(list: readonly Manifest[]): void {
  for (const one of list.filter(({ kind }) => kind !== 'ServiceMonitor')) validate(one);
  for (const workload of all(list, 'DaemonSet', 'Deployment')) {
    expect(unknownKeys(workload)).toEqual([]);
    const { template, selector } = workload.spec;
    expect(template.metadata.labels).toMatchObject(selector.matchLabels);
    const [container] = template.spec.containers;
    expect(container.volumeMounts.map(({ name }) => name).sort()).toEqual(template.spec.volumes.map(({ name }) => name).sort());
    expect(container.securityContext.readOnlyRootFilesystem).toBe(true);
    expect(container.readinessProbe.httpGet.path).toBe('/readyz');
    expect(container.livenessProbe.httpGet.path).toBe('/healthz');
    expect(container.resources.limits.memory).toBeDefined();
    // What it refers to is there, or is the user's.
    const named = new Set(list.map(({ kind, metadata }) => `${kind} ${metadata.name}`));
    for (const volume of template.spec.volumes) if (volume.configMap !== undefined) expect(named).toContain(`ConfigMap ${volume.configMap.name}`);
    if (template.spec.serviceAccountName !== undefined) expect(named).toContain(`ServiceAccount ${template.spec.serviceAccountName}`);
  }
  for (const service of all(list, 'Service')) {
    const labels = all(list, 'DaemonSet', 'Deployment').map((one) => one.spec.template.metadata.labels);
    expect(labels.some((own) => Object.entries(service.spec.selector).every(([key, value]) => own?.[key] === value))).toBe(true);
  }
}

/** The program itself reads the configuration that a pod would get. */
async function loads(config: string): Promise<string> {
  const own = join(dir, 'rules.d');
  mkdirSync(own, { recursive: true });
  cpSync(join(PROJECT, 'docker/kubernetes/base/local.yaml'), join(own, 'local.yaml'));
  const file = join(dir, `falco-${Math.random()}.yaml`);
  // Below the image's root; here, below the project's.
  writeFileSync(file, config.replaceAll('/etc/falco/rules.d', own).replaceAll('/etc/falco/', join(PROJECT, 'rules/')).replaceAll('/etc/falco-ts/rules.d', own));
  const { code, stderr } = await run(['--dry-run', '-c', file]);
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(/falco-\S+\.yaml \| schema validation: ok/);
  return stderr;
}

describe.skipIf(!hasTools)('kustomize', () => {
  it.each(overlays())('overlay %s is what Kubernetes takes', async (overlay) => {
    const list = kustomize(overlay, CERTIFICATES);
    sound(list);
    const config = all(list, 'ConfigMap').find(({ data }) => data['falco.yaml'] !== undefined);
    expect(await loads(config?.data['falco.yaml'] ?? '')).not.toMatch(/warning|no effect/i);
  }, 120_000);

  it('runs on every node, is scraped, and asks nothing of the API server', () => {
    const list = kustomize('privileged');
    const { metadata, spec } = pod(list);
    expect(spec.tolerations).toEqual([{ operator: 'Exists' }]);
    expect(metadata.annotations).toMatchObject({ 'prometheus.io/scrape': 'true', 'prometheus.io/port': '8765', 'prometheus.io/path': '/metrics' });
    expect(spec.automountServiceAccountToken).toBe(false);
    expect(list.filter(({ kind }) => /Role/.test(kind))).toEqual([]);
    expect(spec.containers[0].securityContext).toEqual({ privileged: true, readOnlyRootFilesystem: true });
  });

  it('least-privilege has four capabilities and nothing else', () => {
    const [{ securityContext }] = pod(kustomize('least-privilege')).spec.containers;
    expect(securityContext.privileged).toBeUndefined();
    expect(securityContext.capabilities).toEqual({ drop: ['ALL'], add: ['BPF', 'PERFMON', 'SYS_PTRACE', 'DAC_READ_SEARCH'] });
    expect(securityContext.allowPrivilegeEscalation).toBe(false);
  });

  it('audit: the files of k8s-audit init fit the overlay: Secret, port and service are those of the webhook configuration', async () => {
    const out = join(dir, 'init');
    const { code, stderr } = await run(['k8s-audit', 'init', '--dir', out, '--host', '127.0.0.1', '--port', '30765', join(PROJECT, 'rules/k8s_audit_rules.yaml')]);
    expect(code, stderr).toBe(0);
    const files = ['webhook-server.pem', 'webhook-client-ca.pem'];
    const list = kustomize('audit', Object.fromEntries(files.map((name) => [`overlays/audit/${name}`, readFileSync(join(out, name), 'utf8')])));
    const service = find(list, 'Service').spec.ports[0];
    const webhook = parse(readFileSync(join(out, 'apiserver/audit-webhook.yaml'), 'utf8')) as { clusters: { cluster: { server: string } }[]; users: { user: object }[] };
    expect(new URL(webhook.clusters[0].cluster.server).port).toBe(String(service.nodePort));
    expect(new URL(webhook.clusters[0].cluster.server).pathname).toBe('/k8s-audit');
    for (const name of files) expect(Buffer.from(find(list, 'Secret').data[name], 'base64').toString()).toBe(readFileSync(join(out, name), 'utf8'));
    // The port is open to the network of the nodes: what decides who may post is the certificate that the webhook asks for.
    const { init_config } = (parse(find(list, 'ConfigMap').data['falco.yaml']) as { plugins: { init_config: object }[] }).plugins[0];
    expect(init_config).toEqual({ sslCertificate: `/etc/falco-ts/certs/${files[0]}`, sslClientCA: `/etc/falco-ts/certs/${files[1]}` });
    expect(webhook.users[0].user).toEqual({ 'client-certificate-data': expect.any(String), 'client-key-data': expect.any(String) });
    const { spec } = pod(list);
    expect(spec.securityContext?.runAsNonRoot).toBe(true);
    expect(spec.containers[0].volumeMounts.find(({ name }) => name === 'certs')?.mountPath).toBe('/etc/falco-ts/certs');
  });
});

describe.skipIf(!hasTools)('the Helm chart', () => {
  it('lints', () => {
    expect(helm('lint', '--strict', CHART)).toContain('0 chart(s) failed');
  });

  it("with its own values is the same DaemonSet as kustomize's, in what it may do and sees", async () => {
    const list = render({});
    sound(list);
    const [chart, kustom] = [pod(list).spec, pod(kustomize('privileged')).spec];
    const hostPaths = (spec: PodSpec): string[] => spec.volumes.flatMap((volume) => volume.hostPath?.path ?? []).sort();
    expect(hostPaths(chart)).toEqual(hostPaths(kustom));
    expect(chart.containers[0].securityContext).toEqual(kustom.containers[0].securityContext);
    expect(chart.tolerations.map(({ key }) => key)).toEqual(['node-role.kubernetes.io/master', 'node-role.kubernetes.io/control-plane']);
    await loads(find(list, 'ConfigMap').data['falco.yaml']);
    const least = pod(render({ driver: { modernEbpf: { leastPrivileged: true } } })).spec.containers[0].securityContext;
    expect(least).toEqual(pod(kustomize('least-privilege')).spec.containers[0].securityContext);
  });

  it("takes the values that users of Falco's chart know", async () => {
    const list = render({
      image: { registry: 'registry.example', repository: 'security/falco-ts', tag: '9' }, imagePullSecrets: [{ name: 'pull' }], fullnameOverride: 'falco', namespaceOverride: 'other',
      podAnnotations: { a: 'b' }, podLabels: { team: 'sec' }, podPriorityClassName: 'system-node-critical', podSecurityContext: { runAsUser: 0 }, serviceAccount: { annotations: { c: 'd' }, name: 'own' },
      nodeSelector: { disk: 'ssd' }, affinity: { nodeAffinity: {} }, tolerations: [{ operator: 'Exists' }], tty: true, healthChecks: { startupProbe: { failureThreshold: 99 } },
      controller: { labels: { e: 'f' }, annotations: { g: 'h' }, daemonset: { updateStrategy: { type: 'OnDelete' } } },
      driver: { kind: 'modern_ebpf', modernEbpf: { bufSizePreset: 6, cpusForEachBuffer: 1 } },
      collectors: { containerEngine: { labelMaxLen: 50, engines: { docker: { enabled: false } } } },
      extra: { env: [{ name: 'FALCO_HOSTNAME', value: 'x' }], args: ['-A'], initContainers: [{ name: 'first', image: 'busybox' }] },
      mounts: { volumes: [{ name: 'more', emptyDir: {} }], volumeMounts: [{ name: 'more', mountPath: '/more' }] },
      certs: { server: { key: 'KEY\n', crt: 'CRT\n' }, ca: { crt: 'CA\n' } },
      customRules: { 'own.yaml': '- list: mine\n  items: [a, b]\n' },
      falcosidekick: { enabled: true, fullfqdn: true }, metrics: { interval: '15m', outputRule: true }, serviceMonitor: { create: true, labels: { release: 'prom' } },
      services: [{ name: 'k8saudit-webhook', type: 'NodePort', ports: [{ port: 9765, nodePort: 30007, protocol: 'TCP' }] }],
      falco: { json_output: false, priority: 'notice', rules_files: ['/etc/falco/falco_rules.yaml', '/etc/falco/rules.d'] },
    });
    sound(list);
    const workload = find(list, 'DaemonSet');
    const { metadata, spec } = workload.spec.template;
    expect(workload.metadata).toMatchObject({ name: 'falco', namespace: 'other', labels: { e: 'f' }, annotations: { g: 'h' } });
    expect(metadata).toMatchObject({ labels: { team: 'sec' }, annotations: { a: 'b' } });
    expect(spec).toMatchObject({ serviceAccountName: 'own', priorityClassName: 'system-node-critical', nodeSelector: { disk: 'ssd' }, imagePullSecrets: [{ name: 'pull' }] });
    expect(spec.containers[0]).toMatchObject({ image: 'registry.example/security/falco-ts:9', tty: true, startupProbe: { failureThreshold: 99 } });
    expect(spec.containers[0].args).toContain('-A');
    expect(spec.containers[0].env?.filter(({ name }) => name === 'FALCO_HOSTNAME')).toEqual([{ name: 'FALCO_HOSTNAME', value: 'x' }]);
    const config = find(list.filter(({ metadata: { name } }) => name === 'falco'), 'ConfigMap').data['falco.yaml'];
    expect(parse(config)).toMatchObject({
      engine: { kind: 'modern_ebpf', modern_ebpf: { buf_size_preset: 6, cpus_for_each_buffer: 1 } },
      http_output: { enabled: true, url: 'http://mon-falcosidekick.other.svc.cluster.local:2801' }, json_output: true,
      metrics: { interval: '15m', output_rule: true }, priority: 'notice', load_plugins: ['container'],
      plugins: [{ name: 'container', init_config: { label_max_len: 50, engines: { docker: { enabled: false }, cri: { enabled: true } } } }],
    });
    await loads(config);
    const secret = find(list, 'Secret');
    expect(Buffer.from(secret.data['falco.pem'], 'base64').toString()).toBe('KEY\nCRT\n');
    // What sslClientCA names, below the folder where the Secret is mounted.
    expect(Buffer.from(secret.data['ca.crt'], 'base64').toString()).toBe('CA\n');
    expect(spec.containers[0].volumeMounts.find(({ name }) => name === 'certs')?.mountPath).toBe('/etc/falco/certs');
    expect(all(list, 'ConfigMap').find(({ metadata: { name } }) => name === 'falco-rules')?.data['own.yaml']).toContain('list: mine');
    expect(all(list, 'Service').find(({ metadata: { name } }) => name === 'falco-k8saudit-webhook')?.spec.ports[0].nodePort).toBe(30007);
    expect(find(list, 'ServiceMonitor').metadata.labels?.release).toBe('prom');
  });

  it('as a deployment for audit events needs no rights and no folder of the host', async () => {
    const list = render({
      driver: { enabled: false }, collectors: { enabled: false }, controller: { kind: 'deployment' }, persistence: { enabled: false },
      services: [{ name: 'webhook', type: 'NodePort', ports: [{ port: 9765, nodePort: 30007, protocol: 'TCP' }] }],
      falco: {
        rules_files: ['/etc/falco/k8s_audit_rules.yaml'], load_plugins: ['k8saudit', 'json'],
        plugins: [{ name: 'k8saudit', library_path: 'libk8saudit.so', init_config: '', open_params: 'http://:9765/k8s-audit' }, { name: 'json', library_path: 'libjson.so', init_config: '' }],
      },
    });
    sound(list);
    const { spec } = pod(list);
    expect(spec.volumes.filter(({ hostPath }) => hostPath !== undefined)).toEqual([]);
    expect(spec.containers[0].securityContext).toEqual({ readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } });
    expect(spec.containers[0].args).toEqual(['-c', '/etc/falco-ts/config/falco.yaml', '--disable-source', 'syscall']);
    await loads(find(list, 'ConfigMap').data['falco.yaml']);
  });

  it('refuses a driver that is not there', () => {
    expect(() => render({ driver: { kind: 'kmod' } })).toThrow(/falco-ts has modern_ebpf only/);
  });
});
