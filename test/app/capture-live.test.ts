// SPDX-License-Identifier: Apache-2.0
/** `capture:` on the running machine: a rule fires, its file is replayed, and the same alert comes again, with what came before it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../cli/program.js';
import { canWatch, type JsonAlert, LiveMonitor } from '../e2e/live-monitor.js';

const OUTPUT =
  '%evt.type %proc.name %proc.cmdline %proc.exepath %proc.pname %proc.aname[2] %proc.cwd %proc.sid %proc.tty %proc.env[MARK] %user.name %user.loginuid %group.name ' +
  '%fd.name %fd.num %fd.typechar %thread.tid %proc.is_exe_writable %proc.exe_ino %container.id %fd.sip %fd.sport';

const rule = (name: string, condition: string, more = '') => `- rule: ${name}\n  desc: d\n  condition: ${condition}\n  output: "${OUTPUT}"\n  priority: INFO\n${more}`;
const opens = (name: string) => `evt.type in (open, openat) and fd.name endswith ${name}`;
const CAPTURE = '  capture: true\n  capture_duration: 1500\n';

describe.skipIf(!canWatch)('a capture of the running machine', () => {
  const dir = mkdtempSync(join(tmpdir(), 'falco-ts-capture-live-'));
  const live = join(dir, 'live.yaml');
  const replayed = join(dir, 'replay.yaml');
  const prefix = join(dir, 'captures', 'c');
  let monitor: LiveMonitor;
  let trigger: JsonAlert;
  let executed: JsonAlert;

  const files = () => readdirSync(join(dir, 'captures')).sort().map((name) => join(dir, 'captures', name));
  const cat = (name: string) => execFileSync('cat', [join(dir, name)], { cwd: dir, env: { ...process.env, MARK: `of-${name}` } });
  const play = async (path: string): Promise<JsonAlert[]> => {
    const config = join(dir, 'replay-config.yaml');
    writeFileSync(config, `rules_files: [${replayed}]\njson_output: true\nstdout_output: {enabled: true}\nlog_syslog: false\nlog_stderr: true\nengine: {kind: replay, replay: {capture_file: ${path}}}\n` +
      'append_output: [{ suggested_output: true }, { match: { source: syscall }, extra_fields: [proc.sid] }]\n');
    const { code, stdout, stderr } = await run(['-c', config]);
    expect(code, stderr).toBe(0);
    return stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as JsonAlert);
  };

  beforeAll(async () => {
    for (const name of ['ready', 'before', 'mark', 'after', 'late']) writeFileSync(join(dir, name), 'x');
    execFileSync('mkdir', [join(dir, 'captures')]);
    execFileSync('cp', ['/bin/true', join(dir, 'marked-program')]);
    const base = rule('Ready', opens(`${dir}/ready`)) + rule('Mark', opens(`${dir}/mark`), CAPTURE) +
      rule('Executed', `evt.type=execve and proc.exepath endswith marked-program`, CAPTURE);
    writeFileSync(live, base);
    writeFileSync(replayed, base + ['before', 'after', 'late'].map((name) => rule(name, opens(`${dir}/${name}`))).join(''));
    monitor = new LiveMonitor({ rules: [live], config: [`capture: { enabled: true, path_prefix: ${JSON.stringify(prefix)}, default_duration: 500, history_ms: 5000, history_bytes: 33554432 }`] });
    await monitor.wait((alert) => alert.rule === 'Ready', 20_000, () => cat('ready'));
    cat('before');
    await new Promise((resolve) => setTimeout(resolve, 200));
    cat('mark');
    cat('after');
    trigger = await monitor.wait((alert) => alert.rule === 'Mark', 15_000);
    await monitor.process.until(/Capture written: \S+/, 10_000);
    cat('late');
    execFileSync(join(dir, 'marked-program'), ['an argument']);
    executed = await monitor.wait((alert) => alert.rule === 'Executed', 15_000);
  }, 60_000);
  afterAll(async () => {
    await monitor?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  it('is named by time and number, and only its owner may read it', () => {
    expect(files()[0]).toMatch(/c_\d{20}_\d{20}\.scap$/);
    expect(statSync(files()[0]).mode & 0o777).toBe(0o600);
  });

  it('replayed, raises the same alert with the same fields', async () => {
    const again = (await play(files()[0])).find((alert) => alert.rule === 'Mark');
    expect(again).toEqual(trigger);
    expect(trigger.output_fields).toMatchObject({ 'proc.cmdline': `cat ${dir}/mark`, 'proc.env[MARK]': 'of-mark', 'user.name': 'root' });
  });

  it('has what happened shortly before the alert, and after it up to the deadline', async () => {
    const alerts = await play(files()[0]);
    const cmdlineOf = (name: string) => alerts.find((alert) => alert.rule === name)?.output_fields['proc.cmdline'];
    expect(cmdlineOf('before')).toBe(`cat ${dir}/before`);
    expect(cmdlineOf('after')).toBe(`cat ${dir}/after`);
    expect(cmdlineOf('late')).toBeUndefined();
    expect(alerts.findIndex((alert) => alert.rule === 'before')).toBeLessThan(alerts.findIndex((alert) => alert.rule === 'Mark'));
  });

  it('that still goes on is complete when the monitor ends; an exec that began it is raised again', async () => {
    const text = await monitor.stop();
    expect(text).toMatch(/Captures: 2 written, 0 failed; \d+ events, \d+ bytes, 0 events dropped/);
    const again = (await play(files()[1])).filter((alert) => alert.rule === 'Executed');
    expect(again).toEqual([executed]);
    expect(executed.output_fields['proc.cmdline']).toBe('marked-program an argument');
  });
});

describe.skipIf(!canWatch)('a disk that is full', () => {
  it('costs the capture: it is said and counted, alerts go on, and once there is room captures are written again', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'falco-ts-capture-live-'));
    const small = join(dir, 'small');
    mkdirSync(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'falco-ts-test', small]);
    writeFileSync(join(dir, 'rules.yaml'), rule('Mark', opens(`${dir}/mark`), '  capture: true\n  capture_duration: 50\n'));
    writeFileSync(join(dir, 'mark'), 'x');
    const filler = join(small, 'filler');
    const monitor = new LiveMonitor({ rules: [join(dir, 'rules.yaml')], config: [`capture: { enabled: true, path_prefix: ${small}/c }`] });
    const mark = () => execFileSync('cat', [join(dir, 'mark')]);
    try {
      // The start has to find it writable.
      await monitor.wait((alert) => alert.rule === 'Mark', 30_000, mark);
      await monitor.process.until(/Capture written: \S+/, 10_000);
      for (const name of readdirSync(small)) rmSync(join(small, name));
      expect(() => writeFileSync(filler, Buffer.alloc(4 << 20))).toThrow('ENOSPC');
      const alerts = monitor.alerts().length;
      mark();
      await monitor.process.until(/Capture \S+ (ends early, after 0 events|cannot be written): ENOSPC/, 10_000);
      mark();
      await monitor.wait(() => monitor.alerts().length >= alerts + 2, 10_000);
      expect(readdirSync(small)).toEqual(['filler']);
      rmSync(filler);
      for (const end = Date.now() + 20_000; !readdirSync(small).some((name) => name.endsWith('.scap')) && Date.now() < end; ) {
        mark();
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      const text = await monitor.stop();
      expect(text).toMatch(/Captures: [2-9]\d* written, [1-9]\d* failed; \d+ events, \d+ bytes, \d+ events dropped/);
      expect(text).toMatch(/Lost in captures: failed [1-9]/);
    } finally {
      await monitor.stop();
      execFileSync('umount', ['--lazy', small]);
      rmSync(dir, { recursive: true });
    }
  }, 120_000);
});
