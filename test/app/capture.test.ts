// SPDX-License-Identifier: Apache-2.0
/** `capture:` over a recording of real Falco: which events a capture holds, how it ends, and that its alert comes again. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Ended, freePort, Program, run } from '../cli/program.js';
import { RECORDINGS, replay } from '../conformance/corpus.js';

const recording = RECORDINGS.find((one) => one.name === 'host-files');

const RULES = `
- rule: Shadow
  desc: a read of the password hashes by cat
  condition: evt.type=openat and proc.name=cat and fd.name=/etc/shadow
  output: "%proc.cmdline %proc.pname %proc.exepath %proc.cwd %user.name %fd.name %proc.aname[2] %proc.sid %thread.tid"
  priority: WARNING
  capture: true
  capture_duration: 100
- rule: Sudoers
  desc: soon after it, one that asks for no capture
  condition: evt.type=openat and proc.name=head and fd.name=/etc/sudoers
  output: "%proc.cmdline"
  priority: INFO
`;

interface Seen {
  readonly ts: bigint;
  readonly bytes: string;
}

async function eventsOf(path: string): Promise<Seen[]> {
  const seen: Seen[] = [];
  await replay(path, (view) => void seen.push({ ts: view.timestamp(), bytes: Buffer.from(view.block()).toString('latin1') }));
  return seen;
}

interface JsonAlert {
  readonly rule: string;
  readonly time: string;
  readonly output_fields: Readonly<Record<string, unknown>>;
}

const alertsOf = (ended: Ended, rule?: string): JsonAlert[] =>
  ended.stdout.trimEnd().split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as JsonAlert).filter((alert) => rule === undefined || alert.rule === rule);

describe.skipIf(recording === undefined)('captures of a replay', () => {
  const original = recording?.capture ?? '';
  let dir: string;
  let all: readonly Seen[];
  beforeAll(async () => {
    all = await eventsOf(original);
  });
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'falco-ts-capture-'));
    return () => rmSync(dir, { recursive: true, force: true });
  });

  const play = (capture: string, file = original, rules = RULES, prefix = `${dir}/c`): Promise<Ended> => {
    writeFileSync(join(dir, 'rules.yaml'), rules);
    writeFileSync(join(dir, 'falco.yaml'), [
      `rules_files: [${dir}/rules.yaml]`, 'json_output: true', 'stdout_output: {enabled: true}', 'log_stderr: true', 'log_syslog: false',
      `engine: {kind: replay, replay: {capture_file: ${file}}}`, `capture: {path_prefix: ${prefix}, ${capture}}`,
    ].join('\n'));
    return run(['-c', join(dir, 'falco.yaml')], { TZ: 'UTC' });
  };
  const files = () => readdirSync(dir).filter((name) => name.endsWith('.scap')).map((name) => join(dir, name));
  const timeOf = (alert: JsonAlert) => BigInt(alert.output_fields['evt.time'] as number | string);
  /** All events from the trigger's on, up to the first at or after the deadline. */
  const window = (from: bigint, deadline: bigint) => {
    const begin = all.findIndex((one) => one.ts === from);
    const end = all.findIndex((one, i) => i >= begin && one.ts >= deadline);
    return all.slice(begin, end === -1 ? undefined : end + 1);
  };
  /** JSON numbers lose the last digits of nanoseconds. */
  const exact = (near: bigint) => all.find(({ ts }) => BigInt(Number(ts)) === BigInt(Number(near)))?.ts ?? 0n;

  it('none is written when it is not enabled', async () => {
    expect((await play('enabled: false')).code).toBe(0);
    expect(files()).toEqual([]);
  });

  it('hold every event from the alert to the deadline, and the alert comes again with the same fields', async () => {
    const ended = await play('enabled: true');
    expect(ended.code, ended.stderr).toBe(0);
    expect(ended.stderr).not.toContain('has no effect');
    expect(ended.stderr).toContain(`Capture is enabled in mode 'rules'. Capturing events to ${dir}/c\n`);
    const [first] = alertsOf(ended, 'Shadow');
    const [name] = files();
    expect(name).toMatch(/\/c_\d{20}_\d{20}\.scap$/);
    const time = BigInt(name.split('_').at(-2) ?? '');
    expect(BigInt(Number(time))).toBe(BigInt(Number(timeOf(first))));
    // The second rule asks for no capture, but its alert within this one moves the deadline by the default duration.
    const [sudoers] = alertsOf(ended, 'Sudoers');
    const inside = timeOf(sudoers) < time + 100_000_000n;
    const written = await eventsOf(name);
    expect(written).toEqual(window(time, inside ? exact(timeOf(sudoers)) + 5_000_000_000n : time + 100_000_000n));
    expect(written.length).toBeGreaterThan(100);

    const again = await play('enabled: false', name);
    expect(again.code, again.stderr).toBe(0);
    expect(alertsOf(again)[0]).toEqual(first);
    expect(ended.stderr).toContain(`Captures: ${files().length} written, 0 failed; `);
  });

  it('alerts meanwhile move the deadline; without further alerts the rule\'s own duration counts', async () => {
    const only = RULES.slice(0, RULES.indexOf('- rule: Sudoers'));
    const ended = await play('enabled: true', original, only);
    const alerts = alertsOf(ended, 'Shadow').map((alert) => exact(timeOf(alert)));
    expect(alerts.length).toBeGreaterThan(0);
    // What upstream does with these alerts, one after the other.
    const expected: { from: bigint; until: bigint }[] = [];
    for (const at of alerts) {
      const open = expected.at(-1);
      const last = open === undefined ? undefined : window(open.from, open.until).at(-1);
      if (open !== undefined && last !== undefined && at <= last.ts) open.until = at + 100_000_000n;
      else expected.push({ from: at, until: at + 100_000_000n });
    }
    const paths = files().sort();
    expect(paths.map((path) => BigInt(path.split('_').at(-2) ?? ''))).toEqual(expected.map((one) => one.from));
    for (const [i, { from, until }] of expected.entries()) expect(await eventsOf(paths[i])).toEqual(window(from, until));
  });

  it('history_ms: hold the events of so long before the alert too, as far as history_bytes goes', async () => {
    const only = RULES.slice(0, RULES.indexOf('- rule: Sudoers'));
    const ended = await play('enabled: true, history_ms: 250', original, only);
    const [name] = files().sort();
    const time = BigInt(name.split('_').at(-2) ?? '');
    const written = await eventsOf(name);
    expect(written.filter(({ ts }) => ts < time)).toEqual(all.filter(({ ts }) => ts < time && ts >= time - 250_000_000n));
    expect(written.filter(({ ts }) => ts < time).length).toBeGreaterThan(100);
    expect(alertsOf(await play('enabled: false', name), 'Shadow')[0]).toEqual(alertsOf(ended, 'Shadow')[0]);

    for (const path of files()) rmSync(path);
    await play('enabled: true, history_ms: 3600000, history_bytes: 65536', original, only);
    const short = (await eventsOf(files().sort()[0])).filter(({ ts }) => ts < time);
    expect(short).toEqual(all.filter(({ ts }) => ts < time).slice(-short.length));
    const bytes = short.reduce((sum, one) => sum + one.bytes.length, 0);
    expect(bytes).toBeLessThan(65_536);
    expect(bytes).toBeGreaterThan(30_000);
  });

  it('all_rules: any alert begins one, for default_duration', async () => {
    const only = RULES.slice(RULES.indexOf('- rule: Sudoers'));
    expect((await play('enabled: true', original, only)).code).toBe(0);
    expect(files()).toEqual([]);
    const ended = await play('enabled: true, mode: all_rules, default_duration: 50', original, only);
    const [name] = files().sort();
    const from = exact(timeOf(alertsOf(ended)[0]));
    expect(await eventsOf(name)).toEqual(window(from, from + 50_000_000n));
  });

  it('max_file_size_mb: end there, and the outputs say so', async () => {
    const many = '- rule: Any\n  desc: d\n  condition: evt.type in (openat, execve)\n  output: o\n  priority: INFO\n  capture: true\n';
    // The recording is too small when compressed: replayed many times over in one file, one section after the other.
    const large = join(dir, 'large');
    execFileSync('sh', ['-c', `for i in 1 2 3; do cat '${original}'; done > '${large}'`]);
    const ended = await play('enabled: true, default_duration: 4000000000, max_file_size_mb: 1', large, many);
    expect(ended.code, ended.stderr).toBe(0);
    const internal = alertsOf(ended, 'Falco internal: capture size limit reached');
    expect(internal[0]).toMatchObject({
      priority: 'Informational', source: 'internal', output: 'Falco internal: capture size limit reached. Configured limit: 1 MB.', output_fields: { max_file_size_mb: 1 },
    });
    const [first] = files().sort();
    expect(statSync(first).size).toBe(internal[0].output_fields.written_bytes);
    expect(statSync(first).size).toBeGreaterThanOrEqual(1 << 20);
    expect(statSync(first).size).toBeLessThan(1.5 * (1 << 20));
  });

  it('a prefix that cannot be written to is fatal at the start', async () => {
    const { code, stderr } = await play('enabled: true', original, RULES, `${dir}/nowhere/c`);
    expect(code).toBe(1);
    expect(stderr).toMatch(/Error: captures cannot be written to \S+\/nowhere\/c_\*\.scap: ENOENT.*\[CAPTURE\]\n {2}help: create its directory/);
  });

  it.skipIf(process.getuid?.() !== 0)('a disk that is full costs the capture, is counted and said, and all alerts come', async () => {
    const small = join(dir, 'small');
    mkdirSync(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8k', 'falco-ts-test', small]);
    try {
      const expected = alertsOf(await play('enabled: false'));
      const ended = await play('enabled: true', original, RULES, `${small}/c`);
      expect(ended.code, ended.stderr).toBe(0);
      expect(alertsOf(ended)).toEqual(expected);
      expect(ended.stderr).toMatch(/Capture \S+ ends early, after 0 events: ENOSPC/);
      expect(ended.stderr).toMatch(/Captures: 0 written, [1-9]\d* failed; 0 events, \d+ bytes, [1-9]\d* events dropped/);
      expect(readdirSync(small)).toEqual([]);
    } finally {
      execFileSync('umount', [small]);
    }
  });
});

describe('a reload', () => {
  it('refuses a prefix that cannot be written to, takes one that can, and metrics show the captures', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'falco-ts-capture-'));
    const port = await freePort();
    writeFileSync(join(dir, 'rules.yaml'), RULES);
    const configure = (capture: string) => writeFileSync(join(dir, 'falco.yaml'), [
      `rules_files: [${dir}/rules.yaml]`, 'stdout_output: {enabled: true}', 'log_stderr: true', 'log_syslog: false', 'watch_config_files: false', 'engine: {kind: nodriver}',
      `webserver: {enabled: true, listen_port: ${port}, prometheus_metrics_enabled: true}`, 'metrics: {enabled: true}', `capture: ${capture}`,
    ].join('\n'));
    configure('{enabled: false}');
    const program = new Program(['-c', join(dir, 'falco.yaml')]);
    const reload = async (said: string) => {
      program.signal('SIGHUP');
      await program.until((p) => p.stderr.includes(said));
    };
    const metrics = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    await program.until((p) => p.stderr.includes('with no driver'));
    expect(await metrics()).not.toContain('falco_ts_capture');
    configure(`{enabled: true, path_prefix: ${dir}/nowhere/c}`);
    await reload('Reload refused');
    expect(program.stderr).toContain(`captures cannot be written to ${dir}/nowhere/c_*.scap: ENOENT`);
    expect(await metrics()).not.toContain('falco_ts_capture');
    configure(`{enabled: true, path_prefix: ${dir}/c, history_ms: 1000}`);
    await reload(`Capture is enabled in mode 'rules'. Capturing events to ${dir}/c, up to 1000 ms before the alert among them\n`);
    await program.until((p) => p.stderr.includes('Reloaded: '));
    expect(await metrics()).toMatch(/falco_ts_captures_total\{outcome="written"\} 0\nfalco_ts_captures_total\{outcome="failed"\} 0\n[\s\S]*falco_ts_capture_events_total\{outcome="dropped"\} 0\n[\s\S]*falco_ts_capture_bytes_total 0/);
    expect(readdirSync(dir).sort()).toEqual(['falco.yaml', 'rules.yaml']);
    expect((await program.stop()).stderr).toContain('Captures: 0 written, 0 failed; 0 events, 0 bytes, 0 events dropped\n');
    rmSync(dir, { recursive: true });
  });
});

it('a rule of another source that asks for a capture is named: captures hold system calls', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'falco-ts-capture-'));
  writeFileSync(join(dir, 'rules.yaml'), '- rule: Audited\n  desc: d\n  condition: ka.verb=create\n  output: o\n  priority: INFO\n  source: k8s_audit\n  capture: true\n');
  writeFileSync(join(dir, 'events.json'), '');
  writeFileSync(join(dir, 'falco.yaml'), [
    `rules_files: [${dir}/rules.yaml]`, 'stdout_output: {enabled: true}', 'log_stderr: true', 'log_syslog: false', `capture: {enabled: true, path_prefix: ${dir}/c}`,
    `plugins: [{name: k8saudit, library_path: x, open_params: ${dir}/events.json}]`,
  ].join('\n'));
  const { stderr } = await run(['-c', join(dir, 'falco.yaml'), '--enable-source', 'k8s_audit']);
  expect(stderr).toContain('Captures contain system calls only; these rules of other sources start none: Audited\n');
  rmSync(dir, { recursive: true });
});
