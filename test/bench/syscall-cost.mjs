// SPDX-License-Identifier: Apache-2.0
// What the probe adds to a system call: node test/bench/syscall-cost.mjs [turns] [tracepoint|tp_btf|raw_tp]. Needs root and `npm run build`.
// Without and with the monitor in turn, in one run, so that the machine's mood is the same for both.
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Ev } from '../../dist/events/ids.js';
import { interestOf } from '../../dist/sources/interest.js';
import { SyscallSource } from '../../dist/sources/syscall.js';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const program = join(mkdtempSync(join(tmpdir(), 'falco-ts-bench-')), 'syscall-cost');
execFileSync('cc', ['-O2', '-o', program, here('syscall-cost.c')]);
const measure = async () => JSON.parse((await promisify(execFile)(program, ['4'])).stdout);

const state = interestOf(new Set());
const without = (interest, numbers) => ({ ...interest, syscalls: interest.syscalls.filter((n) => !numbers.includes(n)) });
const OPENS = process.arch === 'arm64' ? [56, 57] : [2, 257, 3];
const kinds = {
  'no monitor': null,
  'attached, no call watched': { syscalls: [], tracepoints: [], ignored: [], unavailable: [] },
  'state, but not open and close': without(state, OPENS),
  'state (open and close watched)': state,
  'write watched too': interestOf(new Set([Ev.SYSCALL_WRITE_X]), { base: { all: true } }),
};

const best = {};
const cpu = {};
const turns = Number(process.argv[2] ?? 3);
const hook = process.argv[3];
for (let turn = 0; turn < turns; turn++) {
  for (const [kind, interest] of Object.entries(kinds)) {
    let source = null;
    if (interest !== null) {
      source = new SyscallSource({ interest, ...(hook !== undefined && { hook }) });
      await source.start(() => {});
    }
    const before = process.cpuUsage();
    const costs = await measure();
    const used = process.cpuUsage(before);
    if (source !== null) {
      await source.stop();
      const { delivered, losses } = source.stats();
      const lost = Object.values(losses).reduce((a, b) => a + b, 0);
      if (delivered > 0) cpu[kind] = { events: delivered, lost, us: (used.user + used.system) / (delivered + lost) };
    }
    best[kind] ??= costs;
    const least = best[kind];
    for (const name of Object.keys(costs)) least[name] = Math.min(least[name], costs[name]);
  }
}

const base = best['no monitor'];
console.log(`ns a call, least of ${turns} turns of 4 rounds; in brackets what was added`);
for (const [kind, costs] of Object.entries(best)) {
  const cells = Object.keys(base).map((name) => {
    const added = kind === 'no monitor' ? '' : ` (+${(costs[name] - base[name]).toFixed(0)})`;
    return `${name} ${costs[name].toFixed(0)}${added}`.padEnd(24);
  });
  console.log(`${kind.padEnd(32)}${cells.join('')}`);
}
for (const [kind, { events, lost, us }] of Object.entries(cpu)) {
  console.log(`${kind}: ${events} events delivered, ${lost} lost, ${us.toFixed(2)} µs of the monitor's CPU each (no rules)`);
}
const peer = here('../../../shared/reference/performance.md');
if (existsSync(peer)) {
  console.log('\nthe peer, on this kind of machine:');
  console.log(readFileSync(peer, 'utf8').split('\n').filter((line) => /^\| (measure|ns added|monitor's CPU for)/.test(line)).join('\n'));
}
