// SPDX-License-Identifier: Apache-2.0
// The whole monitor, live, from the kernel to alerts in a file: node test/bench/live.mjs [rules file…]
// Needs root and `npm run setup`. The monitor is its own process; its CPU time and memory are the kernel's figures.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'falco-ts-bench-'));
const load = join(dir, 'live-load');
execFileSync('cc', ['-O2', '-o', load, here('live-load.c')]);
const rules = process.argv.slice(2);
const TICKS = Number(execFileSync('getconf', ['CLK_TCK']).toString());

const COPIES = join(dir, 'copies.yaml');
writeFileSync(COPIES, '- {rule: Copies, desc: d, condition: "evt.type in (read, write) and fd.name = /never", output: o, priority: INFO}\n');

const KINDS = [
  { name: 'open + close that no rule matches', args: ['opens', '600000'] },
  { name: 'read + write under a rule on both', args: ['copies', '1000000'], rules: [COPIES], options: ['-o', 'base_syscalls.all=true'] },
  { name: 'send + receive on a connected pair of sockets, of use to the state alone', args: ['messages', '500000'] },
  { name: 'fork + exec', args: ['execs', '3000'] },
  { name: 'open of /etc/shadow: an alert each', args: ['alerts', '50000'] },
];

const cpuSeconds = (pid) => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
};
const memory = (pid, key) => Number(new RegExp(`${key}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'latin1'))[1]) / 1024;

/** Waits until the file has not grown for half a second. Gives the time at which it last grew. */
async function settled(file) {
  let size = -1;
  let since = performance.now();
  for (;;) {
    const now = existsSync(file) ? statSync(file).size : 0;
    if (now !== size) {
      size = now;
      since = performance.now();
    } else if (performance.now() - since > 500) return since;
    await sleep(20);
  }
}

async function run(kind) {
  const alerts = join(dir, 'alerts.txt');
  rmSync(alerts, { force: true });
  const args = ['--max-semi-space-size=2', here('../../dist/cli/main.js'), '--disable-source', 'k8s_audit', ...(kind.rules ?? rules).flatMap((file) => ['-r', file]),
    '-o', 'stdout_output.enabled=false', '-o', 'file_output.enabled=true', '-o', 'file_output.keep_alive=true', '-o', `file_output.filename=${alerts}`,
    '-o', 'webserver.enabled=false', '-o', 'log_syslog=false', '-o', 'syslog_output.enabled=false', ...(kind.options ?? [])];
  const begun = performance.now();
  const monitor = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  monitor.stderr.on('data', (data) => {
    said += data;
  });
  const ended = new Promise((resolve) => monitor.on('close', resolve));
  while (!said.includes("Opening 'syscall'")) {
    if (monitor.exitCode !== null) throw new Error(said);
    await sleep(10);
  }
  const started = (performance.now() - begun) / 1000;
  await sleep(1500);
  const idle = memory(monitor.pid, 'VmRSS');
  const before = cpuSeconds(monitor.pid);
  const begin = performance.now();
  await new Promise((resolve) => spawn(load, kind.args, { stdio: 'ignore' }).on('close', resolve));
  const loaded = (performance.now() - begin) / 1000;
  const last = (await settled(alerts)) - begin;
  await sleep(500);
  const cpu = cpuSeconds(monitor.pid) - before;
  const peak = memory(monitor.pid, 'VmHWM');
  monitor.kill('SIGINT');
  await ended;
  const events = /syscall: (\d+) events, (\d+) delivered, lost: (.*)/.exec(said);
  const detected = Number(/Events detected: (\d+)/.exec(said)[1]);
  console.log(`\n${kind.name} (${kind.args.join(' ')}; ${loaded.toFixed(1)} s, the monitor was opened after ${started.toFixed(2)} s)`);
  console.log(`  ${events[1]} events in all, lost: ${events[3]}; ${detected} alerts`);
  console.log(`  monitor: ${cpu.toFixed(2)} s of CPU, ${((cpu * 1e6) / Number(events[1])).toFixed(2)} µs an event; resident ${idle.toFixed(0)} MB before, ${peak.toFixed(0)} MB at most`);
  console.log(`  ${(Number(events[1]) / loaded / 1000).toFixed(0)}k events/s${detected > 1000 ? `, ${(detected / (Math.max(last, loaded * 1000) / 1000) / 1000).toFixed(1)}k alerts/s in the file` : ''}`);
}

try {
  for (const kind of KINDS) await run(kind);
} finally {
  rmSync(dir, { recursive: true, force: true });
}
const peer = here('../../../shared/reference/performance.md');
if (existsSync(peer)) {
  console.log('\nthe peer, on this kind of machine:');
  for (const line of readFileSync(peer, 'utf8').split('\n')) {
    if (/^\| (measure|monitor's CPU|fork and exec|resident|start to)/.test(line)) console.log(line);
  }
}
