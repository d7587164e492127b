// SPDX-License-Identifier: Apache-2.0
/** Every system call is accounted for on a real kernel: evaluated, set aside or lost, while it runs and at the end. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ended, freePort, Program } from '../cli/program.js';
import { canWatch } from './live-monitor.js';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'falco-ts-ledger-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Opens so many files of its own, each once, and ends. */
async function openFiles(folder: string, count: number): Promise<void> {
  mkdirSync(folder);
  const script = `const fs = require('fs'); fs.writeFileSync(process.argv[1] + '/shared', ''); for (let i = 0; i < ${count}; i++) { try { fs.closeSync(fs.openSync(process.argv[1] + '/shared/' + i)); } catch {} }`;
  await new Promise((resolve) => spawn(process.execPath, ['-e', script, folder], { stdio: 'ignore' }).once('exit', resolve));
}

const ruleAbout = (folder: string, more = '') =>
  `- rule: Opened mine\n  desc: d\n  condition: evt.type in (open, openat, openat2) and evt.arg.name startswith ${folder}/shared/\n  output: "opened %evt.arg.name;"\n  priority: INFO\n${more}`;

/** @param said what is waited for; with none, until events flow */
async function start(name: string, more: string, said?: string): Promise<{ program: Program; web: string; rules: string; folder: string }> {
  const port = await freePort();
  const [folder, rules, config] = [join(dir, name), join(dir, `${name}-rules.yaml`), join(dir, `${name}.yaml`)];
  writeFileSync(rules, ruleAbout(folder));
  writeFileSync(config, `rules_files: [${rules}]\nstdout_output: {enabled: true}\nlog_stderr: true\nlog_syslog: false\nwatch_config_files: false\nwebserver: {enabled: true, listen_port: ${port}, prometheus_metrics_enabled: true}\nmetrics: {enabled: true}\n${more}`);
  const program = new Program(['-c', config]);
  const web = `http://127.0.0.1:${port}`;
  await program.until((p) => p.stderr.includes(said ?? 'One ring buffer every'), 60_000);
  if (said !== undefined) return { program, web, rules, folder };
  const end = Date.now() + 60_000;
  while ((await fetch(`${web}/readyz`).then((answer) => answer.json() as Promise<{ sources: { syscall: { events: number } } }>, () => null))?.sources.syscall.events === 0 && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { program, web, rules, folder };
}

/** By fate, and what came into being. */
async function ledger(web: string): Promise<{ evaluated: number; filtered: number; lost: number; produced: number }> {
  const text = await (await fetch(`${web}/metrics`)).text();
  const sums = { evaluated: 0, filtered: 0, lost: 0 };
  for (const [, fate, events] of text.matchAll(/^falco_ts_ledger_events_total\{source="syscall",fate="(\w+)",kind="\w*"\} (\S+)$/gm)) sums[fate as keyof typeof sums] += Number(events);
  const produced = Number(/^falco_ts_source_events_total\{source="syscall",outcome="produced"\} (\S+)$/m.exec(text)?.[1]);
  return { ...sums, produced };
}

/** The closing line: what the kernel's own counters say came into being, and what became of it. */
function closing({ stderr }: Ended): { produced: number; delivered: number; lost: Record<string, number>; aside: number } {
  const m = /^ {3}syscall: (\d+) events, (\d+) delivered, lost: ([^;\n]*)(.*)$/m.exec(stderr);
  if (m === null) throw new Error(stderr);
  const lost = Object.fromEntries([...m[3].matchAll(/(\w+) (\d+)/g)].map(([, kind, count]) => [kind, Number(count)]));
  return { produced: Number(m[1]), delivered: Number(m[2]), lost, aside: Number(/(?:set aside|held back[^:]*): (\d+)/.exec(m[4])?.[1] ?? 0) };
}
const sum = (counts: Record<string, number>) => Object.values(counts).reduce((a, b) => a + b, 0);
const alertsIn = (ended: Ended) => ended.stdout.match(/opened \S+\/shared\/\d+;/g) ?? [];

describe.skipIf(!canWatch)('the ledger', () => {
  it('is even while rules are reloaded all the time under load, and no system call that a rule wants is missed or told twice', async () => {
    const { program, web, rules, folder } = await start('reloads', '');
    let [done, reloads] = [false, 0];
    const reloading = (async () => {
      while (!done) {
        writeFileSync(`${rules}.new`, ruleAbout(folder, `  tags: [reload_${reloads}]\n`));
        renameSync(`${rules}.new`, rules);
        program.signal('SIGHUP');
        const wanted = ++reloads;
        await program.until((p) => p.stderr.split('Reloaded: ').length > wanted, 60_000);
      }
    })();
    const count = 4000;
    await openFiles(folder, count);
    done = true;
    await reloading;
    await program.until((p) => p.stdout.includes(`/shared/${count - 1};`) || /Lost in event source syscall/.test(p.stderr), 30_000);
    const { evaluated, filtered, lost, produced } = await ledger(web);
    expect(evaluated).toBeGreaterThan(count);
    expect(evaluated + filtered + lost).toBe(produced);
    const ended = await program.stop();
    const end = closing(ended);
    expect(end.delivered + end.aside + sum(end.lost)).toBe(end.produced);
    expect(end.lost).not.toHaveProperty('unaccounted');
    const alerts = alertsIn(ended);
    expect(new Set(alerts).size).toBe(alerts.length);
    expect(alerts.length).toBeGreaterThanOrEqual(count - sum(end.lost));
    expect(alerts.length).toBeLessThanOrEqual(count);
    expect(reloads).toBeGreaterThan(2);
  }, 120_000);

  it('is even when more happens than fits: what is lost is counted, shown, and told by an alert', async () => {
    const { program, web, folder } = await start('losses', 'engine: {kind: modern_ebpf, modern_ebpf: {buf_size_preset: 1, cpus_for_each_buffer: 0}}\nsyscall_event_drops: {actions: [log, alert], threshold: 0, rate: 1, max_burst: 10}\n');
    const count = 30_000;
    program.signal('SIGSTOP');
    try {
      await openFiles(folder, count);
    } finally {
      program.signal('SIGCONT');
    }
    await program.until((p) => /Lost in event source syscall/.test(p.stderr) && p.stdout.includes('Falco internal: syscall event drop'), 30_000);
    const readiness = (await (await fetch(`${web}/readyz`)).json()) as { ready: boolean; sources: { syscall: { lost: number } } };
    expect(readiness.sources.syscall.lost).toBeGreaterThan(0);
    const during = await ledger(web);
    expect(during.evaluated + during.filtered + during.lost).toBe(during.produced);
    const ended = await program.stop();
    const end = closing(ended);
    expect(end.delivered + end.aside + sum(end.lost)).toBe(end.produced);
    expect(end.lost).not.toHaveProperty('unaccounted');
    const alerts = alertsIn(ended).length;
    expect(alerts).toBeLessThan(count);
    expect(alerts + sum(end.lost)).toBeGreaterThanOrEqual(count);
  }, 120_000);

  it('what happens right after it says that it watches is seen, and an end in the middle of it is no loss', async () => {
    const { program, folder } = await start('watching', '', 'Watching: ');
    await openFiles(folder, 500);
    const ended = await program.stop();
    expect(alertsIn(ended)).toHaveLength(500);
    expect(ended.stderr).not.toContain('Lost in event source');
  });
});
