// SPDX-License-Identifier: Apache-2.0
/** What is held back in the kernel changes no alert: two monitors watch the same work, one with the sieve and one without. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canWatch, type JsonAlert, LiveMonitor, PROJECT } from '../e2e/live-monitor.js';

const USES = 'evt.type in (fchmod, fchown, dup, dup2, dup3, flock, write)';
const UPSTREAM = ['falco_rules', 'falco-incubating_rules', 'falco-sandbox_rules'].map((name) => join(PROJECT, `../shared/reference/rules/${name}.yaml`));

describe.skipIf(!canWatch)('what is held back in the kernel', () => {
  const dir = mkdtempSync(join(tmpdir(), 'falco-ts-sieve-'));
  const load = join(dir, 'sieve-load');
  const messages = join(dir, 'message-load');
  const marker = join(dir, 'done-marker');
  const own = join(dir, 'own.yaml');

  beforeAll(() => {
    for (const program of [load, messages]) {
      execFileSync('cc', ['-O1', '-Wall', '-pthread', '-o', program, fileURLToPath(new URL(`../native/${basename(program)}.c`, import.meta.url))]);
    }
    const rule = (name: string, condition: string) =>
      `- rule: ${name}\n  desc: d\n  condition: ${condition}\n  output: "%evt.type %evt.rawres %fd.num %fd.typechar %fd.name %fd.nameraw %fd.directory %evt.args %proc.cmdline"\n  priority: INFO\n`;
    writeFileSync(own,
      rule('Descriptor used', `${USES} and proc.name in (sieve-load, message-load)`) +
      rule('Told', 'evt.type in (sendto, sendmsg, recvfrom, recvmsg) and fd.name_changed = true and proc.name = message-load') +
      rule('Read', `evt.type in (open, openat, openat2) and evt.is_open_read = true and fd.name in (${dir}/plain, ${dir}/shared) and fd.num >= 0`) +
      rule('Not there', `evt.type in (open, openat) and evt.failed = true and fd.name startswith ${dir}/secret`) +
      rule('Written', `evt.type in (open, openat) and evt.is_open_write = true and fd.directory = ${dir} and fd.filename = last`) +
      rule('Done', `evt.type in (open, openat) and fd.name = ${marker}`));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  /** The alerts of one session's processes, with and without the sieve. */
  async function compare(rules: readonly string[], config: readonly string[], work: string) {
    const monitors = [true, false].map((sieve) => new LiveMonitor({ rules: [...rules, own], config: [...config, `engine: { kind: modern_ebpf, modern_ebpf: { sieve: ${sieve} } }`] }));
    try {
      for (const monitor of monitors) await monitor.process.until(/Opening 'syscall' source/, 30_000);
      for (const monitor of monitors) await monitor.wait((alert) => alert.rule === 'Done', 30_000, () => spawnSync('cat', [marker]));
      const child = spawn('setsid', ['--wait', 'sh', '-c', `echo $$; ${work}; cat ${marker}-end ${marker}`], { stdio: ['ignore', 'pipe', 'pipe'], cwd: dir });
      let said = '';
      child.stdout.on('data', (data) => {
        said += String(data);
      });
      const code = await new Promise((resolve) => child.on('close', resolve));
      const session = Number(said.split('\n')[0]);
      const ofSession = (alert: JsonAlert) => alert.output_fields['proc.sid'] === session;
      for (const monitor of monitors) await monitor.wait((alert) => alert.rule === 'Done' && ofSession(alert), 20_000);
      const alerts = monitors.map((monitor) => monitor.alerts().filter(ofSession).map((alert) => `${alert.rule}: ${alert.output.replace(/^\S+ /, '')}`).sort());
      return { code, alerts, said: await Promise.all(monitors.map((monitor) => monitor.stop())) };
    } finally {
      for (const monitor of monitors) await monitor.stop();
    }
  }

  it('is needed by no rule that asks what a descriptor refers to: held-back files are told of when they are used', async () => {
    const { alerts: [on, off], said } = await compare([], [], `${load} ${dir}`);
    expect(on).toEqual(off);
    expect(on.length).toBeGreaterThan(150);
    for (const name of ['fchmod', 'fchown', 'dup', 'dup2', 'inherited', 'executed', 'thread', 'flock']) {
      expect(on.some((line) => line.startsWith('Descriptor used') && line.includes(`${dir}/${name}`)), name).toBe(true);
    }
    for (const rule of ['Read', 'Written', 'Not there']) expect(on.some((line) => line.startsWith(`${rule}:`)), rule).toBe(true);
    expect(said[0]).toMatch(/set aside: [1-9]/);
    expect(said[1]).not.toMatch(/set aside/);
  }, 120_000);

  it('is needed by no rule that asks what a socket is connected to: messages that tell nothing new of it are no news', async () => {
    const { alerts: [on, off], said } = await compare([], [], `${messages} ${dir} 20000`);
    expect(on).toEqual(off);
    expect(on.filter((line) => line.startsWith('Told:')).length).toBeGreaterThanOrEqual(6);
    for (const shown of [/^Descriptor used: .*\bdup .*127\.0\.0\.1:\d+->127\.0\.0\.1:\d+/, /^Descriptor used: .*\bdup .*0->[0-9a-f]{16} .*\/named/, /^Descriptor used: .*\bdup .*[0-9a-f]{16}->0 .*\/named/, /^Descriptor used: .*\bfchmod .*\/passed/]) {
      expect(on.some((line) => shown.test(line)), String(shown)).toBe(true);
    }
    const aside = said.map((text) => Number(/set aside: (\d+)/.exec(text)?.[1] ?? 0));
    expect(aside[0]).toBeGreaterThan(39_000);
    expect(aside[1]).toBe(0);
  }, 120_000);

  const WORK = [
    'cat /etc/shadow /etc/hostname /etc/passwd',
    'find /etc -maxdepth 2 -type f | head -150 | xargs cat',
    'touch release_agent x; chmod 4755 x; ln -s /etc/shadow link; mkdir -p .ssh; touch .ssh/id_rsa; cat .ssh/id_rsa; cat /root/.ssh/../.ssh/id_rsa',
    'echo 1 > x.log; : > /var/log/falco-ts-test.log; rm /var/log/falco-ts-test.log; cat /proc/self/environ',
  ].map((line) => `${line} >/dev/null 2>&1`).join('; ');

  it('raises the same alerts with our rules', async () => {
    const { alerts: [on, off] } = await compare([join(PROJECT, 'rules/falco_rules.yaml')], [], `${WORK}; ${load} ${dir}`);
    expect(on).toEqual(off);
    expect(on.some((line) => line.includes('/etc/shadow'))).toBe(true);
  }, 120_000);

  it.skipIf(!UPSTREAM.every((file) => existsSync(file)))('raises the same alerts with all upstream rules', async () => {
    const { alerts: [on, off] } = await compare(UPSTREAM, ["rules: [{ enable: { rule: '*' } }]", 'rule_matching: all'], `${WORK}; ${load} ${dir}`);
    expect(on).toEqual(off);
    expect(on.some((line) => line.includes('/etc/shadow'))).toBe(true);
  }, 120_000);
});
