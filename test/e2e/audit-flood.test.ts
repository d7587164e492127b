// SPDX-License-Identifier: Apache-2.0
/** Both sources of the real program at once: a body of 100 MB comes in while system calls are watched. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { freePort } from '../cli/program.js';
import { auditEvent, eventList, post } from '../sources/k8s-audit/post.js';
import { canWatch, LiveMonitor, PROJECT } from './live-monitor.js';

const dir = mkdtempSync(join(tmpdir(), 'falco-ts-flood-'));
const marked = join(dir, 'marked');

const rules = `
- rule: Ready
  desc: d
  condition: evt.type in (open, openat, openat2) and fd.name = ${dir}/ready
  output: x
  priority: INFO
- rule: Marked
  desc: d
  condition: evt.type in (open, openat, openat2) and fd.name = ${marked}
  output: x
  priority: INFO
- rule: Created
  desc: d
  condition: ka.verb = create
  output: "%ka.auditid"
  priority: INFO
  source: k8s_audit
`;

describe.skipIf(!canWatch)('while a body of 100 MB arrives', () => {
  it('no system call of tens of thousands a second is lost, nor an event of the body', async () => {
    for (const name of ['ready', 'marked']) writeFileSync(join(dir, name), 'x');
    writeFileSync(join(dir, 'rules.yaml'), rules);
    const load = join(dir, 'load');
    execFileSync('cc', ['-O2', '-o', load, join(PROJECT, 'test/bench/live-load.c')]);
    const opens = (...args: string[]): Promise<number | null> =>
      new Promise((done) => spawn(load, ['opens', ...args], { stdio: 'ignore' }).on('close', done));
    const port = await freePort();
    const monitor = new LiveMonitor({
      rules: [join(dir, 'rules.yaml')],
      config: [
        // Others keep this machine busy, too.
        'engine: { kind: modern_ebpf, modern_ebpf: { buf_size_preset: 7 } }',
        `plugins: [{ name: k8saudit, library_path: libk8saudit.so, open_params: "http://127.0.0.1:${port}/k8s-audit", init_config: { webhookMaxBatchSize: 200000000 } }]`,
        'load_plugins: [k8saudit]',
      ],
    });
    await monitor.wait((alert) => alert.rule === 'Ready', 20_000, () => execFileSync('cat', [join(dir, 'ready')]));
    // Two system calls each: open and close.
    const noise = opens('100000', '25000');
    const probes = opens('2000', '500', marked);
    const body = Buffer.from(eventList(...Array.from({ length: 1000 }, (_, n) => auditEvent(`event-${n}`, { verb: 'create', requestObject: { data: 'x'.repeat(100_000) } }))));
    expect(body.length).toBeGreaterThan(100_000_000);
    const answer = await post(port, body);
    expect([answer.status, answer.body]).toEqual([200, { taken: 1000, duplicates: 0, refused: {} }]);
    expect(await Promise.all([noise, probes])).toEqual([0, 0]);
    const count = (rule: string): number => monitor.alerts().filter((alert) => alert.rule === rule).length;
    await expect.poll(() => [count('Marked'), count('Created')], { timeout: 20_000, interval: 200 }).toEqual([2000, 1000]);
    const said = await monitor.stop();
    rmSync(dir, { recursive: true });
    expect(said).toMatch(/syscall: \d{6,} events, \d+ delivered, lost: none/);
    expect(said).toMatch(/k8s_audit: 1000 events, 1000 delivered, lost: none/);
  }, 90_000);
});
