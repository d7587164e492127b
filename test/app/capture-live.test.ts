// SPDX-License-Identifier: Apache-2.0
/** `capture:` on the running machine: a rule fires, its file is replayed, and the same alert comes again, with what came before it. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EVENTS } from '../../src/events/table.js';
import { run } from '../cli/program.js';
import { replay } from '../conformance/corpus.js';
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

describe.skipIf(!canWatch)('a reload while a capture is written', () => {
  const dir = mkdtempSync(join(tmpdir(), 'falco-ts-capture-live-'));
  const rules = join(dir, 'rules.yaml');
  const captures = join(dir, 'captures');
  const replayed = ['mark', 'second', 'third', 'late'];
  let monitor: LiveMonitor;
  let ticks: ReturnType<typeof spawn>;
  let text = '';
  let live: readonly JsonAlert[] = [];
  let markedAt = 0n;
  /** Time, name and thread of every open in the capture. */
  const opened: { readonly time: bigint; readonly name: string }[] = [];
  let events = 0;
  let lastTime = 0n;

  const cat = (name: string) => execFileSync('sh', ['-c', `true < ${join(dir, name)}`]);
  const alerted = (name: string) => monitor.wait((alert) => alert.rule === name, 15_000);
  const capturePath = () => join(captures, readdirSync(captures)[0]);

  beforeAll(async () => {
    for (const name of ['ready', ...replayed]) writeFileSync(join(dir, name), 'x');
    mkdirSync(captures);
    const of = (...names: string[]) => names.map((name) => rule(name, opens(`${dir}/${name}`))).join('');
    writeFileSync(rules, of('ready') + rule('mark', opens(`${dir}/mark`), '  capture: true\n  capture_duration: 6000\n'));
    monitor = new LiveMonitor({ rules: [rules], config: ['rule_matching: all', `capture: { enabled: true, path_prefix: ${captures}/c, default_duration: 3000 }`] });
    await monitor.wait((alert) => alert.rule === 'ready', 30_000, () => cat('ready'));
    // Opens that can be counted, all the time.
    ticks = spawn('sh', ['-c', `i=0; while true; do i=$((i+1)); true < ${dir}/tick-$i-end; sleep 0.02; done`], { stdio: 'ignore' });
    cat('mark');
    markedAt = BigInt(Date.parse((await alerted('mark')).time)) * 1_000_000n;
    // A reload by the file that has changed: no rule asks for a capture any more.
    writeFileSync(rules, of('ready', 'mark', 'second'));
    await monitor.process.until(/Reloaded: 3 rules/, 20_000);
    cat('second');
    await alerted('second');
    // By the file again, and by the signal.
    writeFileSync(rules, of('third', 'late'));
    await monitor.process.until(/Reloaded: 2 rules/, 20_000);
    process.kill(monitor.process.child.pid ?? 0, 'SIGHUP');
    await monitor.process.until(/(Reloaded:[\s\S]*){3}/, 20_000);
    cat('second');
    cat('third');
    await alerted('third');
    await monitor.process.until(/Capture written: \S+/, 30_000);
    cat('late');
    await alerted('late');
    ticks.kill();
    live = monitor.alerts();
    text = await monitor.stop();
    await replay(capturePath(), (view) => {
      events++;
      lastTime = view.timestamp();
      if (EVENTS[view.type].name.startsWith('open')) opened.push({ time: lastTime, name: view.str(EVENTS[view.type].params.findIndex((param) => param.name === 'name')) ?? '' });
    });
  }, 120_000);
  afterAll(async () => {
    ticks?.kill();
    await monitor?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  it('lets it go on to its deadline: every event until then, through all reloads', () => {
    expect(readdirSync(captures).length).toBe(1);
    const written = /Captures: 1 written, 0 failed; (\d+) events, (\d+) bytes, 0 events dropped/.exec(text);
    expect(Number(written?.[1])).toBe(events);
    expect(Number(written?.[2])).toBe(statSync(capturePath()).size);
    const seen = opened.map(({ name }) => /tick-(\d+)-end$/.exec(name)?.[1]).filter((number) => number !== undefined).map(Number);
    expect(seen).toEqual(seen.map((_, i) => seen[0] + i));
    expect(seen.length).toBeGreaterThan(20);
    // The first event at or after the deadline is the last one; none need follow it.
    expect(lastTime).toBeGreaterThan(markedAt + 5_000_000_000n);
    const names = opened.map(({ name }) => name.slice(dir.length + 1)).filter((name) => replayed.includes(name));
    expect(names).toEqual(['mark', 'second', 'second', 'third']);
  });

  it('takes the new rules at once, and the old ones no longer', () => {
    expect(live.map((alert) => alert.rule).filter((name) => name !== 'ready')).toEqual(['mark', 'second', 'third', 'late']);
  });

  it('is replayed with the alerts of rules that came and went meanwhile', async () => {
    const file = join(dir, 'all.yaml');
    writeFileSync(file, replayed.map((name) => rule(name, opens(`${dir}/${name}`))).join(''));
    const config = join(dir, 'replay-config.yaml');
    writeFileSync(config, `rules_files: [${file}]\njson_output: true\nstdout_output: {enabled: true}\nlog_syslog: false\nlog_stderr: true\nengine: {kind: replay, replay: {capture_file: ${capturePath()}}}\n`);
    const { code, stdout, stderr } = await run(['-c', config]);
    expect(code, stderr).toBe(0);
    const again = stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as JsonAlert);
    expect(again.map((alert) => alert.rule)).toEqual(['mark', 'second', 'second', 'third']);
    const message = ({ output }: JsonAlert) => output.replace(/ container_id=.*/, '');
    expect(again.map(message)).toEqual(expect.arrayContaining(live.filter((alert) => ['mark', 'second', 'third'].includes(alert.rule)).map(message)));
  }, 30_000);
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
