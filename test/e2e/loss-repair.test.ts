// SPDX-License-Identifier: Apache-2.0
/** Events are really lost on the real kernel: the monitor is stopped until its ring buffers overflow. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compile } from '../native/probe.js';
import { canWatch, LiveMonitor } from './live-monitor.js';

const RULES = `
- rule: Mark opened
  desc: our file is opened
  condition: evt.type in (open, openat) and fd.name endswith loss-repair-mark
  output: opened by=%proc.name path=%proc.exepath command=%proc.cmdline parent=%proc.pname cwd=%proc.cwd
  priority: INFO
- rule: Descriptor copied
  desc: descriptor 9 of our process is copied
  condition: evt.type in (dup, dup2, dup3) and evt.rawarg.res >= 0 and proc.cwd contains loss-repair-
  output: copied fd=%fd.name by=%proc.name
  priority: INFO
- rule: Drops
  desc: keeps the ring busy
  condition: evt.type=close and proc.name=burst and fd.name = /never
  output: never
  priority: INFO
`;

describe.skipIf(!canWatch)('where process and file events were lost', () => {
  const dir = mkdtempSync(join(tmpdir(), 'loss-repair-'));
  const [after, mark, go] = ['after', 'loss-repair-mark', 'go'].map((name) => join(dir, name));
  let monitor: LiveMonitor;
  let child: ChildProcess | null = null;

  beforeAll(async () => {
    const rules = join(dir, 'rules.yaml');
    writeFileSync(rules, RULES);
    for (const file of [after, mark]) writeFileSync(file, 'x');
    monitor = new LiveMonitor({ rules: [rules], config: [
      'engine: { kind: modern_ebpf, modern_ebpf: { buf_size_preset: 1, cpus_for_each_buffer: 0 } }',
      'syscall_event_drops: { threshold: 0, actions: [log, alert] }',
    ] });
    await monitor.wait((alert) => alert.rule === 'Mark opened', 30_000, () => execFileSync('cat', [mark]));
  }, 60_000);
  afterAll(async () => {
    child?.kill('SIGKILL');
    monitor?.process.child.kill('SIGCONT');
    await monitor?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  it('the program, its arguments and its descriptors are soon those that run, and all is counted', async () => {
    // A shell that will become another program, with another file behind descriptor 9.
    const perl = `use POSIX; while (1) { open(my $f, "<", "${mark}"); close($f); POSIX::close(POSIX::dup(9)); select(undef, undef, undef, 0.1); }`;
    const script = 'cat "$2"; while [ ! -e "$3" ]; do sleep 0.02; done; exec 9<&- 9<"$1"; exec perl -e "$0" after-the-loss';
    child = spawn('bash', ['-c', script, perl, after, mark, go], { cwd: dir, stdio: 'ignore' });
    const pid = child.pid as number;
    await monitor.wait((alert) => alert.output.includes('parent=bash'));
    const burst = compile('burst');
    monitor.process.child.kill('SIGSTOP');
    try {
      execFileSync(burst, ['2', '40000']);
      writeFileSync(go, '');
      const ready = Date.now() + 10_000;
      while (Date.now() < ready && !execFileSync('cat', [`/proc/${pid}/comm`], { encoding: 'utf8' }).startsWith('perl')) await new Promise((done) => setTimeout(done, 20));
    } finally {
      monitor.process.child.kill('SIGCONT');
    }
    const seen = await monitor.wait((alert) => alert.rule === 'Mark opened' && alert.output.includes('by=perl'), 20_000);
    expect(seen.output).toContain('after-the-loss');
    expect(seen.output).toMatch(/path=\/\S*perl/);
    expect(seen.output).toContain(`cwd=${dir}/`);
    const copied = await monitor.wait((alert) => alert.rule === 'Descriptor copied' && alert.output.includes('by=perl') && alert.output.includes('fd=/'), 20_000);
    expect(copied.output).toContain(`fd=${after}`);
    await monitor.process.until(/Lost in event source syscall: .*ringFullFile \d+/, 20_000);
    const drops = await monitor.wait((alert) => alert.rule === 'Falco internal: syscall event drop');
    const { n_evts, n_drops, n_drops_buffer_total, n_drops_buffer_close_exit } = drops.output_fields;
    expect(drops).toMatchObject({ source: 'internal', priority: 'Debug', output: `Falco internal: syscall event drop. ${n_drops} system calls dropped in last second.` });
    expect([typeof n_evts, n_drops, drops.output_fields.ebpf_enabled]).toEqual(['string', n_drops_buffer_total, '1']);
    expect(Number(n_drops_buffer_close_exit)).toBeGreaterThan(1000);
    const end = await monitor.stop();
    expect(end).toMatch(/State after losses: [1-9]\d* processes looked at, [1-9]\d* set right/);
  }, 90_000);
});
