// SPDX-License-Identifier: Apache-2.0
/** Rules that name containers, their images and labels, on real containers of real runtimes. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type JsonAlert, LiveMonitor } from '../../e2e/live-monitor.js';
import { canRunRuntimes, IMAGE, installRuntimes, type Runtime, startDocker, startPodman } from './runtimes.js';

const FIELDS = [
  'container.id', 'container.full_id', 'container.type', 'container.name', 'container.image', 'container.image.repository', 'container.image.tag',
  'container.image.id', 'container.labels', 'container.label[tier]', 'container.label[long]', 'container.privileged', 'container.mounts', 'container.mount.dest[0]',
  'container.host_pid', 'container.host_network', 'container.host_ipc', 'proc.args',
];
/** Fires only for what the runtime says of the container. */
const RULES = `
- rule: Marked in a team container
  desc: a command with our mark, in a container that its metadata pick out
  condition: >
    evt.type in (execve, execveat) and evt.dir=< and proc.args contains mark- and container.image.repository = registry.example:5000/team/box
    and container.image.tag = 1.2 and container.name startswith team- and container.label[tier] in (front, back)
  output: seen ${FIELDS.map((field) => `%${field}`).join(' ')}
  priority: INFO
- rule: Marked anywhere
  desc: a command with our mark
  condition: evt.type in (execve, execveat) and evt.dir=< and proc.args contains mark-
  output: seen %container.id %container.name %container.image.repository %proc.args
  priority: INFO
`;

describe.skipIf(!canRunRuntimes)('a rule that names a container', () => {
  const dir = mkdtempSync(join(tmpdir(), 'falco-ts-containers-'));
  const runtimes: Runtime[] = [];
  const before: Record<string, string> = {};
  let monitor: LiveMonitor;

  beforeAll(async () => {
    installRuntimes();
    runtimes.push(await startDocker(), await startPodman());
    for (const runtime of runtimes) {
      before[runtime.name] = runtime.run(['-d', '--name', 'team-before', '--label', 'tier=back'], 'sleep', '600').trim();
    }
    const rules = join(dir, 'rules.yaml');
    writeFileSync(rules, RULES);
    const engines = Object.fromEntries(runtimes.map(({ name, socket }) => [name, { sockets: [socket] }]));
    monitor = new LiveMonitor({ rules: [rules], config: ['rule_matching: all', `plugins: [{ name: container, init_config: ${JSON.stringify({ engines, label_max_len: 40 })} }]`] });
    await monitor.wait((alert) => alert.rule === 'Marked anywhere', 20_000, () => execOnHost('mark-ready'));
  }, 400_000);
  afterAll(async () => {
    await monitor?.stop();
    for (const runtime of runtimes) await runtime.stop();
    rmSync(dir, { recursive: true, force: true });
  }, 60_000);

  const execOnHost = (mark: string): void => void execFileSync('true', [mark]);
  const seen = (mark: string) => (alert: JsonAlert) => String(alert.output_fields['proc.args']).includes(mark);
  const fired = async (mark: string): Promise<JsonAlert['output_fields']> =>
    (await monitor.wait((alert) => alert.rule === 'Marked in a team container' && seen(mark)(alert), 10_000)).output_fields;

  for (const [index, name] of (['docker', 'podman'] as const).entries()) {
    it(`fires on the very first command of a new ${name} container, with its name, image, labels and mounts`, async () => {
      const runtime = runtimes[index];
      const mark = `mark-new-${name}`;
      const id = runtime.create(
        ['--name', `team-new-${name}`, '--label', 'tier=front', '--label', `long=${'x'.repeat(41)}`, '-v', `${dir}:/data:ro`, '--pid', 'host'],
        'sh', '-c', `: ${mark}; exec sleep 600`,
      ).trim();
      // Where Podman writes its events into a file, it looks there four times a second only, and may tell of a container late.
      if (name === 'podman') await new Promise((done) => setTimeout(done, 1_500));
      runtime.command('start', id);
      const known = {
        'container.id': id.slice(0, 12),
        'container.full_id': id,
        'container.type': name,
        'container.name': `team-new-${name}`,
        'container.image': IMAGE,
        'container.image.repository': 'registry.example:5000/team/box',
        'container.image.tag': '1.2',
        'container.labels': 'maker:us, tier:front',
        'container.label[tier]': 'front',
        'container.label[long]': null,
        'container.mount.dest[0]': '/data',
        'container.privileged': false,
        'container.host_pid': true,
        'container.host_network': false,
        'container.host_ipc': false,
      };
      expect(await fired(mark)).toMatchObject(known);
      // And when the runtime has answered, which it does not do while it starts the container, everything.
      const imageId = runtime.command('inspect', '-f', '{{.Image}}', id).trim().replace('sha256:', '');
      let asked = 0;
      const whole = await monitor.wait(
        (alert) => seen(`${mark}-later`)(alert) && alert.output_fields['container.image.id'] === imageId, 10_000,
        () => void runtime.command('exec', `team-new-${name}`, 'sh', '-c', `: ${mark}-later-${asked++}`),
      );
      expect(whole.output_fields).toMatchObject({ ...known, 'container.mounts': expect.stringMatching(new RegExp(`^${dir}:/data:[^:]*:false:\\w+$`)) });
    });

    it(`fires in a ${name} container that ran before the monitor did`, async () => {
      const mark = `mark-before-${name}`;
      runtimes[index].command('exec', 'team-before', 'sh', '-c', `: ${mark}`);
      expect(await fired(mark)).toMatchObject({ 'container.full_id': before[name], 'container.type': name, 'container.name': 'team-before', 'container.labels': 'maker:us, tier:back' });
    });
  }

  it('does not fire for a container with another name, nor on the host', async () => {
    runtimes[0].run(['--name', 'other', '--label', 'tier=front'], 'sh', '-c', ': mark-other');
    execOnHost('mark-host');
    const other = await monitor.wait((alert) => alert.rule === 'Marked anywhere' && seen('mark-other')(alert) && alert.output_fields['container.id'] !== 'host');
    expect(other.output_fields['container.name']).toBe('other');
    const host = await monitor.wait((alert) => alert.rule === 'Marked anywhere' && seen('mark-host')(alert));
    expect(host.output_fields).toMatchObject({ 'container.id': 'host', 'container.name': 'host' });
    expect(monitor.alerts().filter((alert) => alert.rule === 'Marked in a team container' && (seen('mark-other')(alert) || seen('mark-host')(alert)))).toEqual([]);
  });
});
