// SPDX-License-Identifier: Apache-2.0
/** Falco's own rules about containers, unchanged: the real deed in a real pod raises them, the same deed on the host does not. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { busybox } from '../e2e/container.js';
import { LiveMonitor, PROJECT } from '../e2e/live-monitor.js';
import { type Containerd, canRunRuntimes, IMAGE, installRuntimes, startContainerd } from '../sources/containers/runtimes.js';

const REFERENCE = join(PROJECT, '../shared/reference/rules');
const FILES = ['falco_rules.yaml', 'falco-incubating_rules.yaml', 'falco-sandbox_rules.yaml'].map((file) => join(REFERENCE, file));
const MARK = 'Deeds are over';

/** Programs that rules know by their names: busybox under each, which knows some of them too. */
const TOOLS = ['apk', 'base64', 'debugfs', 'kubectl', 'mount', 'nc', 'nmap', 'scp', 'sleep', 'tar', 'wget'];
/** The rule, and the command line that raises it; `T` is the folder of the tools, `D` one to write to. */
const DEEDS: readonly (readonly [rule: string, script: string])[] = [
  ['Drop and execute new binary in container', 'cp T/sleep D/sleep; D/sleep 0'],
  ['Launch Package Management Process in Container', 'T/apk add x'],
  ['Detect release_agent File Container Escapes', 'echo x > D/release_agent'],
  ['Debugfs Launched in Privileged Container', 'T/debugfs -w /dev/none'],
  ['Mount Launched in Privileged Container', 'T/mount -t none none D/none'],
  ['Netcat Remote Code Execution in Container', 'T/nc -e /bin/sh 127.0.0.1 1'],
  ['Launch Suspicious Network Tool in Container', 'T/nmap 127.0.0.1'],
  ['Launch Remote File Copy Tools in Container', 'T/scp a b:'],
  ['Launch Ingress Remote File Copy Tools in Container', 'T/wget http://127.0.0.1:1/'],
  ['Kubernetes Client Tool Launched in Container', 'T/kubectl get pods'],
  ['Decoding Payload in Container', 'echo eA== | T/base64 -d'],
  ['Read environment variable from /proc files', 'cat /proc/1/environ > /dev/null'],
];
/** Those that the container's own first command raises. */
const AT_START = ['Launch Privileged Container', 'Launch Excessively Capable Container', 'Launch Sensitive Mount Container'];
const TERMINAL = 'Terminal shell in container';

describe.skipIf(!canRunRuntimes || !FILES.every(existsSync))("Falco's container rules, in a pod of a real containerd", () => {
  const dir = mkdtempSync(join(tmpdir(), 'falco-ts-container-rules-'));
  const tools = join(dir, 'tools');
  const work = join(dir, 'work');
  let containerd: Containerd;
  let monitor: LiveMonitor;
  let id: string;

  const script = (deed: string, toolDir: string, workDir: string) => `(${deed.replaceAll('T/', `${toolDir}/`).replaceAll('D/', `${workDir}/`)}) 2>/dev/null; true`;

  beforeAll(async () => {
    installRuntimes();
    mkdirSync(tools);
    mkdirSync(work);
    for (const name of TOOLS) copyFileSync(busybox(), join(tools, name));
    writeFileSync(join(dir, 'mark.yaml'), `- rule: ${MARK}\n  desc: the last deed\n  condition: evt.type in (execve, execveat) and proc.args contains falco-ts-over\n  output: over %proc.args\n  priority: INFO\n`);
    containerd = await startContainerd();
    const engines = { cri: { sockets: [containerd.socket] }, docker: { enabled: false }, podman: { enabled: false }, containerd: { enabled: false } };
    monitor = new LiveMonitor({ rules: [...FILES, join(dir, 'mark.yaml')], config: ['rule_matching: all', `plugins: [{ name: container, init_config: ${JSON.stringify({ engines })} }]`] });
    await monitor.wait((alert) => alert.rule === MARK, 30_000, () => execFileSync('true', ['falco-ts-over-ready']));
    // First on the host, so that whatever is raised by then is raised by it.
    for (const [, deed] of DEEDS) execFileSync('unshare', ['--mount', 'sh', '-c', script(deed, tools, work)]);
    execFileSync('script', ['-qec', 'sh -c true', '/dev/null'], { stdio: 'ignore' });
    execFileSync('true', ['falco-ts-over-host']);
    const pod = await containerd.cri.runPod({ name: 'web', privileged: true });
    id = await containerd.cri.run(pod, {
      name: 'main', image: IMAGE, privileged: true, command: ['sh', '-c', 'exec sleep 600'], mounts: [{ hostPath: tools, containerPath: '/tools', readonly: true }],
    });
    await containerd.cri.exec(id, 'sh', '-c', 'true');
    for (const [, deed] of DEEDS) await containerd.cri.exec(id, 'sh', '-c', script(deed, '/tools', ''));
    execFileSync('script', ['-qec', `ctr -a ${containerd.socket} -n k8s.io tasks exec -t --exec-id terminal ${id} sh -c true`, '/dev/null'], { stdio: 'ignore' });
    execFileSync('true', ['falco-ts-over-pod']);
    await monitor.wait((alert) => alert.output.includes('falco-ts-over-pod'), 20_000);
  }, 400_000);
  afterAll(async () => {
    await monitor?.stop();
    await containerd?.stop();
    rmSync(dir, { recursive: true, force: true });
  }, 60_000);

  it.each([...AT_START, TERMINAL, ...DEEDS.map(([rule]) => rule)])('%s', (rule) => {
    const raised = monitor.alerts().filter((alert) => alert.rule === rule);
    const inPod = raised.filter((alert) => alert.output_fields['container.id'] === id.slice(0, 12));
    expect(inPod.length, monitor.alerts().map((alert) => `${alert.rule}: ${alert.output}`).join('\n')).toBeGreaterThan(0);
    expect(inPod[0].output_fields).toMatchObject({ 'container.name': 'main', 'container.image.repository': 'registry.example:5000/team/box', 'k8s.pod.name': 'web', 'k8s.ns.name': 'shop' });
    expect(raised.filter((alert) => alert.output_fields['container.id'] === 'host')).toEqual([]);
  });
});
