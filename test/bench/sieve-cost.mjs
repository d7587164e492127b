// SPDX-License-Identifier: Apache-2.0
// What the sieve saves: node test/bench/sieve-cost.mjs [turns] [rules file…]. Needs root and `npm run build`.
// A system call's cost without a monitor, with one whose sieve is off, and with it on, in turn; and the monitor's CPU for
// open + close of a file that no rule can match, and for messages on a connected pair of sockets. The monitor is this process: source, drain thread and state, no rules.
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createDetection } from '../../dist/app/detection.js';
import { emptyContext, syscallCatalogue } from '../../dist/fields/catalogues.js';
import { loadRuleset } from '../../dist/ruleset/load.js';
import { interestOf } from '../../dist/sources/interest.js';
import { SyscallSource } from '../../dist/sources/syscall.js';
import { State } from '../../dist/state/state.js';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const turns = Number(process.argv[2] ?? 3);
const given = process.argv.slice(3);
const upstream = here('../../../shared/reference/rules/falco_rules.yaml');
const files = (given.length > 0 ? given : [existsSync(upstream) ? upstream : here('../../rules/falco_rules.yaml')]).map((name) => ({ name, text: readFileSync(name, 'utf8') }));
const catalogue = syscallCatalogue(emptyContext());
const { value } = loadRuleset(files, { catalogues: [catalogue], selection: [], minPriority: 'Debug', appendOutput: [], bufferFormatBase64: false });
const { engine, sieve } = createDetection(value, [catalogue], 'first', () => {}, true);
const interest = interestOf(engine.eventTypesOf('syscall'));

const dir = mkdtempSync(join(tmpdir(), 'falco-ts-bench-'));
const compiled = (name) => {
  execFileSync('cc', ['-O2', '-o', join(dir, name), here(`${name}.c`)]);
  return join(dir, name);
};
const cost = compiled('syscall-cost');
const load = compiled('live-load');
const run = promisify(execFile);
const PAIRS = 600_000;
const WORK = ['opens', 'messages'];

const results = {};
for (let turn = 0; turn < turns; turn++) {
  for (const [kind, use] of [['no monitor', undefined], ['sieve off', null], ['sieve on', sieve]]) {
    results[kind] ??= { costs: null, cpu: { opens: [], messages: [] }, stats: null };
    const result = results[kind];
    const state = new State();
    const take = (view) => {
      state.apply(view);
      state.after(view);
    };
    const source = use === undefined ? null : new SyscallSource({ interest, sieve: use, describe: take });
    await source?.start(take);
    const costs = JSON.parse((await run(cost, ['4'])).stdout);
    result.costs ??= costs;
    for (const name of Object.keys(costs)) result.costs[name] = Math.min(result.costs[name], costs[name]);
    if (source === null) continue;
    for (const work of WORK) {
      const before = process.cpuUsage();
      await run(load, [work, String(PAIRS)]);
      const { user, system } = process.cpuUsage(before);
      result.cpu[work].push((user + system) / 1e6);
    }
    await source.stop();
    result.stats = source.stats();
  }
}
rmSync(dir, { recursive: true, force: true });
const base = results['no monitor'].costs;
console.log(`ns a call, least of ${turns} turns of 4 rounds (reference machine without a monitor: getppid 103, open+close 723); in brackets what was added`);
for (const [kind, { costs, cpu, stats }] of Object.entries(results)) {
  const cells = Object.keys(base).map((name) => `${name} ${costs[name].toFixed(0)}${kind === 'no monitor' ? '' : ` (+${(costs[name] - base[name]).toFixed(0)}, ${(((costs[name] - base[name]) * 100) / base[name]).toFixed(0)} %)`}`.padEnd(30));
  console.log(`${kind.padEnd(12)}${cells.join('')}`);
  if (stats === null) continue;
  const lost = Object.values(stats.losses).reduce((a, b) => a + b, 0);
  const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1].toFixed(2);
  console.log(`${''.padEnd(12)}${PAIRS} pairs of open + close: ${median(cpu.opens)} s of the monitor's CPU (median); of send + receive: ${median(cpu.messages)} s`);
  console.log(`${''.padEnd(12)}last turn ${stats.delivered} events delivered, ${stats.filtered} held back, ${lost} lost`);
}
console.log('peer: open+close +683 ns, 1.3 s of CPU for 600,000 pairs; goal +250 ns, 0.3 s');
