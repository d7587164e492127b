// SPDX-License-Identifier: Apache-2.0
/** Rules that name containers and pods, on a real containerd: by the interface that the kubelet uses, and by containerd's own. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type JsonAlert, LiveMonitor } from '../../e2e/live-monitor.js';
import type { Pod } from './cri-client.js';
import { type Containerd, canRunRuntimes, IMAGE, installRuntimes, POD_NETWORK, startContainerd } from './runtimes.js';

const FIELDS = [
  'container.id', 'container.full_id', 'container.type', 'container.name', 'container.image', 'container.image.repository', 'container.image.tag', 'container.image.id',
  'container.image.digest', 'container.labels', 'container.label[tier]', 'container.privileged', 'container.mounts', 'container.mount.dest[0]', 'container.mount.source[/data]',
  'container.ip', 'container.cni.json', 'container.host_pid', 'container.host_network', 'container.host_ipc', 'container.start_ts', 'container.duration', 'k8s.pod.name', 'k8s.ns.name',
  'k8s.pod.uid', 'k8s.pod.id', 'k8s.pod.sandbox_id', 'k8s.pod.full_sandbox_id', 'k8s.pod.label[app]', 'k8s.pod.labels', 'k8s.pod.ip', 'k8s.pod.cni.json', 'proc.name', 'proc.args',
];
const RULES = `
- rule: Marked in a pod
  desc: a command with our mark, in a container that its metadata pick out
  condition: >
    evt.type in (execve, execveat) and evt.dir=< and proc.args contains mark- and container.image.repository = registry.example:5000/team/box
    and container.image.tag = 1.2 and container.name in (main, init) and container.label[tier] = front and k8s.ns.name = shop and k8s.pod.name startswith web-
  output: seen ${FIELDS.map((field) => `%${field}`).join(' ')}
  priority: INFO
- rule: Marked anywhere
  desc: a command with our mark
  condition: evt.type in (execve, execveat) and evt.dir=< and proc.args contains mark-
  output: seen ${FIELDS.map((field) => `%${field}`).join(' ')}
  priority: INFO
- rule: Privileged container started
  desc: the first command of a privileged container
  condition: evt.type in (execve, execveat) and evt.dir=< and proc.vpid=1 and container.id != host and container.privileged=true and k8s.ns.name=shop
  output: seen %container.full_id %container.name %k8s.pod.name
  priority: INFO
- rule: Sandbox started
  desc: the process that holds a pod's namespaces
  condition: evt.type in (execve, execveat) and evt.dir=< and proc.name=sleep and container.image.repository=registry.example:5000/pause and k8s.pod.name startswith web-
  output: seen ${FIELDS.map((field) => `%${field}`).join(' ')}
  priority: INFO
`;

describe.skipIf(!canRunRuntimes)('with containerd, a rule that names a pod', () => {
  const dir = mkdtempSync(join(tmpdir(), 'falco-ts-pods-'));
  let containerd: Containerd;
  let monitor: LiveMonitor;
  let before: { pod: Pod; id: string };
  let pod: Pod;

  beforeAll(async () => {
    installRuntimes();
    containerd = await startContainerd();
    const old = await containerd.cri.runPod({ name: 'web-before', labels: { app: 'web' } });
    before = { pod: old, id: await containerd.cri.run(old, { name: 'main', image: IMAGE, labels: { tier: 'front' }, command: ['sleep', '600'] }) };
    const rules = join(dir, 'rules.yaml');
    writeFileSync(rules, RULES);
    const engines = { cri: { sockets: [containerd.socket] }, containerd: { sockets: [containerd.socket] }, docker: { enabled: false }, podman: { enabled: false } };
    monitor = new LiveMonitor({ rules: [rules], config: ['rule_matching: all', `plugins: [{ name: container, init_config: ${JSON.stringify({ engines })} }]`] });
    await monitor.wait((alert) => alert.rule === 'Marked anywhere', 20_000, () => execFileSync('true', ['mark-ready']));
    pod = await containerd.cri.runPod({ name: 'web-new', labels: { app: 'web', team: 'a' } });
  }, 400_000);
  afterAll(async () => {
    await monitor?.stop();
    await containerd?.stop();
    rmSync(dir, { recursive: true, force: true });
  }, 60_000);

  const fired = async (rule: string, matches: (fields: JsonAlert['output_fields']) => boolean): Promise<JsonAlert['output_fields']> =>
    (await monitor.wait((alert) => alert.rule === rule && matches(alert.output_fields), 10_000)).output_fields;
  const marked = (mark: string) => (fields: JsonAlert['output_fields']) => String(fields['proc.args']).includes(mark);
  const ofPod = (of: Pod, name: string) => ({
    'k8s.pod.name': name,
    'k8s.ns.name': 'shop',
    'k8s.pod.uid': of.uid,
    'k8s.pod.id': of.uid,
    'k8s.pod.sandbox_id': of.id.slice(0, 12),
    'k8s.pod.full_sandbox_id': of.id,
    'k8s.pod.label[app]': 'web',
  });

  it('fires on the very first command of a new container, with what Kubernetes and its image say of it', async () => {
    const id = await containerd.cri.run(pod, {
      name: 'main', image: IMAGE, labels: { tier: 'front' }, command: ['sh', '-c', ': mark-first; exec sleep 600'], mounts: [{ hostPath: dir, containerPath: '/data', readonly: true }],
    });
    const fields = await fired('Marked in a pod', marked('mark-first'));
    expect(fields).toMatchObject({
      ...ofPod(pod, 'web-new'),
      'container.id': id.slice(0, 12),
      'container.full_id': id,
      'container.type': 'containerd',
      'container.name': 'main',
      'container.image': IMAGE,
      'container.image.repository': 'registry.example:5000/team/box',
      'container.image.tag': '1.2',
      'container.label[tier]': 'front',
      'container.privileged': false,
      'container.mount.dest[0]': '/data',
      'container.mount.source[/data]': dir,
      'container.host_pid': false,
      'container.host_network': false,
      'container.host_ipc': false,
    });
    // And once the runtime has answered, with everything.
    await containerd.cri.exec(id, 'sh', '-c', ': mark-later');
    const later = await fired('Marked in a pod', marked('mark-later'));
    const interfaces = JSON.parse(String(later['k8s.pod.cni.json']));
    expect(interfaces.eth0.IPConfigs[0].IP).toBe(later['k8s.pod.ip']);
    expect(later).toMatchObject({
      'container.labels': 'tier:front',
      'container.mounts': `${dir}:/data::false:private`,
      'container.ip': expect.stringContaining(POD_NETWORK),
      'k8s.pod.ip': later['container.ip'],
      'container.cni.json': later['k8s.pod.cni.json'],
      'k8s.pod.labels': 'app:web, team:a',
    });
    expect(later['container.image.id']).toMatch(/^[0-9a-f]{64}$/);
    expect(later['container.image.digest']).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(Number(later['container.duration'])).toBeGreaterThan(0);
    expect(Number(later['container.start_ts'])).toBeGreaterThan(1e18);
  });

  it('fires in an init container', async () => {
    await containerd.cri.run(pod, { name: 'init', image: IMAGE, labels: { tier: 'front' }, command: ['sh', '-c', ': mark-init'] });
    expect(await fired('Marked in a pod', marked('mark-init'))).toMatchObject({ ...ofPod(pod, 'web-new'), 'container.name': 'init' });
  });

  it('fires in a pod that ran before the monitor did', async () => {
    await containerd.cri.exec(before.id, 'sh', '-c', ': mark-before');
    expect(await fired('Marked in a pod', marked('mark-before'))).toMatchObject({
      ...ofPod(before.pod, 'web-before'), 'container.full_id': before.id, 'k8s.pod.labels': 'app:web', 'k8s.pod.ip': expect.stringContaining(POD_NETWORK),
    });
  });

  it("knows the pod of the sandbox's own process", async () => {
    const fields = await fired('Sandbox started', (one) => one['k8s.pod.name'] === 'web-new');
    expect(fields).toMatchObject({
      'container.id': pod.id.slice(0, 12), 'container.full_id': pod.id, 'container.type': 'containerd', 'k8s.pod.sandbox_id': pod.id.slice(0, 12), 'k8s.pod.uid': pod.uid, 'container.privileged': false,
    });
  });

  it('fires on the first command of a privileged container, and for no other', async () => {
    const own = await containerd.cri.runPod({ name: 'web-privileged', privileged: true, hostNetwork: true });
    const id = await containerd.cri.run(own, { name: 'root', image: IMAGE, command: ['sleep', '600'], privileged: true });
    expect(await fired('Privileged container started', () => true)).toMatchObject({ 'container.full_id': id, 'container.name': 'root', 'k8s.pod.name': 'web-privileged' });
    await containerd.cri.exec(id, 'sh', '-c', ': mark-privileged');
    expect(await fired('Marked anywhere', marked('mark-privileged'))).toMatchObject({ 'container.privileged': true, 'container.host_network': true, 'k8s.pod.label[app]': null });
    expect(monitor.alerts().filter((alert) => alert.rule === 'Privileged container started')).toHaveLength(1);
  });

  it('knows a container that containerd runs without Kubernetes, from its first command on', async () => {
    const job = `job-${process.pid}`;
    containerd.ctr('-n', 'team', 'images', 'import', containerd.image);
    containerd.ctr('-n', 'team', 'run', '-d', '--label', 'tier=back', '--mount', `type=bind,src=${dir},dst=/data,options=rbind:ro`, IMAGE, job, 'sh', '-c', ': mark-alone; exec sleep 600');
    // The client's own command on the host has the mark as well.
    expect(await fired('Marked anywhere', (fields) => marked('mark-alone')(fields) && fields['proc.name'] === 'sh')).toMatchObject({
      'container.id': job, 'container.full_id': job, 'container.type': 'containerd', 'container.name': job, 'container.image': IMAGE,
      'container.image.repository': 'registry.example:5000/team/box', 'container.image.tag': '1.2', 'container.label[tier]': 'back', 'container.privileged': false,
      'container.mount.source[/data]': dir, 'container.host_network': false, 'k8s.pod.name': null, 'k8s.ns.name': null,
    });
  });

  it('does not fire outside of pods', async () => {
    execFileSync('true', ['mark-host']);
    expect(await fired('Marked anywhere', marked('mark-host'))).toMatchObject({ 'container.id': 'host', 'container.name': 'host', 'container.type': 'host', 'k8s.pod.name': null });
    expect(monitor.alerts().filter((alert) => alert.rule === 'Marked in a pod' && marked('mark-host')(alert.output_fields))).toEqual([]);
  });
});
