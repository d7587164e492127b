// SPDX-License-Identifier: Apache-2.0
/** `base_syscalls` on the real kernel: what it takes away is not seen, is said, and comes back with a reload. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canWatch, LiveMonitor } from './live-monitor.js';

const RULES = `
- rule: Mode changed
  desc: chmod of our file
  condition: evt.type in (chmod, fchmodat) and evt.args contains base-syscalls-mark
  output: chmod by %proc.cmdline
  priority: INFO
- rule: Mask changed
  desc: a call without an event of its own
  condition: evt.type=umask and proc.cmdline contains base-syscalls-mark
  output: umask by %proc.cmdline
  priority: INFO
`;

describe.skipIf(!canWatch)('base_syscalls.custom_set', () => {
  const dir = mkdtempSync(join(tmpdir(), 'base-syscalls-'));
  const file = join(dir, 'base-syscalls-mark');
  let monitor: LiveMonitor;

  beforeAll(() => {
    const rules = join(dir, 'rules.yaml');
    writeFileSync(file, '');
    writeFileSync(rules, RULES);
    monitor = new LiveMonitor({ rules: [rules], config: ['base_syscalls: { custom_set: ["!chmod", "!fchmodat", no_such_call] }'] });
  });
  afterAll(async () => {
    await monitor?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  const act = (): void => void execFileSync('sh', ['-c', 'chmod 600 "$0"; umask 022', file]);

  it('takes calls away that rules name, and says so; calls without an event of their own are still seen by name', async () => {
    await monitor.wait((alert) => alert.rule === 'Mask changed', 30_000, act);
    expect(monitor.process.text).toMatch(/custom_set removes: chmod, fchmodat/);
    expect(monitor.process.text).toMatch(/custom_set names unknown system calls: no_such_call/);
    expect(monitor.alerts().map((alert) => alert.rule)).not.toContain('Mode changed');
  }, 60_000);

  it('is taken back by a reload', async () => {
    const path = join(monitor.dir, 'falco.yaml');
    writeFileSync(path, readFileSync(path, 'utf8').replace(/^base_syscalls.*$/m, ''));
    await monitor.wait((alert) => alert.rule === 'Mode changed', 30_000, act);
  }, 60_000);
});
