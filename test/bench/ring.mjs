// SPDX-License-Identifier: Apache-2.0
// From the ring buffers to JavaScript: node test/bench/ring.mjs [seconds]. Needs root and `npm run build`.
// Threads on every CPU close descriptors that do not exist; each call is an event. Counts what arrives in a second, what
// is lost, and the CPU time of this process, all threads, for each event. No rules, no state: the transport alone.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SyscallSource } from '../../dist/sources/syscall.js';

const program = join(mkdtempSync(join(tmpdir(), 'falco-ts-bench-')), 'burst');
execFileSync('cc', ['-O2', '-pthread', '-o', program, fileURLToPath(new URL('../native/burst.c', import.meta.url))]);
const seconds = Number(process.argv[2] ?? 4);
const CLOSE = process.arch === 'arm64' ? 57 : 3;

for (const cpusPerBuffer of [1, 2, 0]) {
  for (const threads of [1, availableParallelism()]) {
    const source = new SyscallSource({ interest: { syscalls: [CLOSE], tracepoints: [], ignored: [], unavailable: [] }, cpusPerBuffer });
    let bytes = 0;
    await source.start((view) => {
      bytes += view.length;
    });
    const load = spawn(program, [String(threads), '1000000000'], { stdio: 'ignore' });
    const cpu = process.cpuUsage();
    const begin = process.hrtime.bigint();
    await new Promise((done) => setTimeout(done, seconds * 1000));
    load.kill('SIGKILL');
    const elapsed = Number(process.hrtime.bigint() - begin) / 1e9;
    const used = process.cpuUsage(cpu);
    await source.stop();
    const { delivered, losses } = source.stats();
    const lost = Object.values(losses).reduce((a, b) => a + b, 0);
    const { slabWaits, late } = source.counters();
    console.log(
      `${String(cpusPerBuffer || 'all').padStart(3)} CPUs a buffer, ${threads} busy threads: ${(delivered / elapsed / 1e3).toFixed(0)}k events/s delivered, ` +
        `${(lost / elapsed / 1e3).toFixed(0)}k/s lost, ${((used.user + used.system) / delivered).toFixed(3)} µs of CPU an event, ` +
        `${(bytes / elapsed / 1e6).toFixed(0)} MB/s, ${slabWaits} waits for a slab, ${late} late`,
    );
  }
}
