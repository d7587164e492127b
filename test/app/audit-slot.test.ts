// SPDX-License-Identifier: Apache-2.0
/** A reload opens the source of audit events at another place or with other options, and what cannot be opened is refused. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePort, Program } from '../cli/program.js';

let dir: string;
let program: Program | null = null;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'falco-ts-audit-slot-'));
});
afterEach(async () => {
  await program?.stop();
  program = null;
  rmSync(dir, { recursive: true, force: true });
});

const event = (name: string, padding = '') => ({
  kind: 'Event', apiVersion: 'audit.k8s.io/v1', level: 'Metadata', stage: 'ResponseComplete', auditID: name, verb: 'create', user: { username: 'u' },
  objectRef: { resource: 'configmaps', namespace: 'd', name }, annotations: { padding }, requestReceivedTimestamp: '2026-11-27T09:00:00.000000Z', stageTimestamp: '2026-11-27T09:00:00.000000Z',
});
const post = (port: number, items: readonly object[]) =>
  fetch(`http://127.0.0.1:${port}/k8s-audit`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ kind: 'EventList', apiVersion: 'audit.k8s.io/v1', items }),
  }).then((answer) => answer.status, () => 0);

function configure(port: number, initConfig: object = {}, more: readonly object[] = []): void {
  const plugins = [{ name: 'k8saudit', open_params: `http://127.0.0.1:${port}/k8s-audit`, init_config: initConfig }, { name: 'container', init_config: {} }, ...more];
  writeFileSync(join(dir, 'falco.yaml'), `rules_files: [${join(dir, 'rules.yaml')}]\nstdout_output: {enabled: true}\nlog_stderr: true\nlog_syslog: false\nwatch_config_files: false\nplugins: ${JSON.stringify(plugins)}\n`);
}

async function start(port: number): Promise<Program> {
  writeFileSync(join(dir, 'rules.yaml'), '- rule: Created\n  desc: d\n  condition: ka.verb = create\n  output: "created %ka.target.name;"\n  priority: INFO\n  source: k8s_audit\n');
  configure(port);
  program = new Program(['-c', join(dir, 'falco.yaml'), '--disable-source', 'syscall']);
  for (const end = Date.now() + 60_000; (await post(port, [])) === 0 && Date.now() < end; ) await new Promise((resolve) => setTimeout(resolve, 20));
  return program;
}

const created = ({ stdout }: { stdout: string }) => stdout.match(/created [\w-]+;/g) ?? [];

describe('the source of audit events', () => {
  it('moves to another port under load: what was answered 200 is an alert, once, and the sums are right', async () => {
    const ports = [await freePort(), await freePort()];
    const running = await start(ports[0]);
    let serial = 0;
    const answered: string[] = [];
    let [ending, moves] = [false, 0];
    const sending = Array.from({ length: 4 }, async () => {
      while (!ending) {
        const names = Array.from({ length: 20 }, () => `e-${serial++}`);
        // As an apiserver does: again until it is taken, at the address that is configured.
        while ((await post(ports[moves % 2], names.map((name) => event(name)))) !== 200) await new Promise((resolve) => setTimeout(resolve, 5));
        answered.push(...names);
      }
    });
    for (let move = 1; move <= 6; move++) {
      configure(ports[move % 2]);
      running.signal('SIGHUP');
      await running.until((p) => p.stderr.split('Reloaded: ').length > move, 60_000);
      moves = move;
      const before = answered.length;
      await running.until(() => answered.length > before + 100, 60_000);
    }
    ending = true;
    await Promise.all(sending);
    const ended = await running.stop();
    program = null;
    const alerts = created(ended);
    expect(new Set(alerts)).toEqual(new Set(answered.map((name) => `created ${name};`)));
    // A listener that was closed has forgotten what it took: a post whose answer was lost may come twice, others not.
    expect(alerts.length - new Set(alerts).size).toBeLessThanOrEqual(6 * 4 * 20);
    const [, produced, delivered] = /k8s_audit: (\d+) events, (\d+) delivered/.exec(ended.stderr) ?? [];
    expect(Number(delivered)).toBe(alerts.length);
    expect(Number(produced)).toBeGreaterThanOrEqual(alerts.length);
    expect(ended.stderr).not.toContain('takes effect at the next start');
  }, 120_000);

  it('takes other options at the same port', async () => {
    const port = await freePort();
    const running = await start(port);
    const large = 'x'.repeat(20_000);
    expect(await post(port, [event('first', large)])).toBe(200);
    configure(port, { maxEventSize: 10_000 });
    running.signal('SIGHUP');
    await running.until((p) => p.stderr.includes('Reloaded: '));
    await post(port, [event('second', large)]);
    expect(await post(port, [event('third')])).toBe(200);
    await running.until((p) => p.stdout.includes('third'));
    const { stdout, stderr } = await running.stop();
    program = null;
    expect(created({ stdout })).toEqual(['created first;', 'created third;']);
    expect(stderr).toMatch(/k8s_audit: 3 events, 2 delivered, lost: event_too_large 1/);
  });

  it('stays where it is when it cannot be opened there, or its options make no sense', async () => {
    const port = await freePort();
    const running = await start(port);
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    try {
      const { port: other } = taken.address() as { port: number };
      configure(other);
      running.signal('SIGHUP');
      await running.until((p) => p.stderr.includes('Reload refused'));
      expect(await post(port, [event('first')])).toBe(200);
      configure(port, { maxEventSize: 'large' });
      running.signal('SIGHUP');
      await running.until((p) => p.stderr.split('Reload refused').length > 2);
      expect(await post(port, [event('second')])).toBe(200);
      // At the same port: the old one has to go first, and comes back.
      configure(port, { bearerTokenFile: join(dir, 'no-such-token') });
      running.signal('SIGHUP');
      await running.until((p) => p.stderr.split('Reload refused').length > 3);
      expect(await post(port, [event('third')])).toBe(200);
      await running.until((p) => p.stdout.includes('third'));
    } finally {
      taken.close();
    }
    const ended = await running.stop();
    program = null;
    expect(created(ended)).toEqual(['created first;', 'created second;', 'created third;']);
    expect(ended.stderr).toContain('k8s_audit: 3 events, 3 delivered, lost: none');
  });

  it('what a reload cannot change is said, and nothing else', async () => {
    const port = await freePort();
    const running = await start(port);
    configure(port, {}, [{ name: 'json' }]);
    running.signal('SIGHUP');
    await running.until((p) => p.stderr.includes('Reloaded: '));
    expect(running.stderr).not.toContain('takes effect at the next start');
    const text = `rules_files: [${join(dir, 'rules.yaml')}]\nstdout_output: {enabled: true}\nlog_stderr: true\nlog_syslog: false\nwatch_config_files: false\nengine: {modern_ebpf: {buf_size_preset: 5}}\nplugins: [{name: k8saudit, open_params: "http://127.0.0.1:${port}/k8s-audit", init_config: {}}, {name: container, init_config: {label_max_len: 7}}, {name: json}]\n`;
    writeFileSync(join(dir, 'falco.yaml'), text);
    running.signal('SIGHUP');
    await running.until((p) => p.stderr.split('Reloaded: ').length > 2);
    expect(running.stderr.match(/: (.*) takes effect at the next start/g)?.map((line) => line.slice(2))).toEqual([
      expect.stringContaining("'engine' changed, which takes effect at the next start") as string, expect.stringContaining("the plugin 'container' changed, which takes effect at the next start") as string,
    ]);
  });
});
