// SPDX-License-Identifier: Apache-2.0
// What a replay costs before any rule: node test/bench/replay-bench.mjs [capture]. Needs `npm run build`.
// Reads a capture (uncompressing, decoding only), then with the state kept, in a process of its own each time so that the
// compiler's warm-up counts as it does for a user. Then the memory of threads and descriptors, and the seed from /proc.
import { spawnSync } from 'node:child_process';
import { createReadStream, existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createGunzip } from 'node:zlib';
import { Procfs } from '../../dist/sources/procfs.js';
import { ReplaySource } from '../../dist/sources/replay.js';
import { decompressed } from '../../dist/sources/scap-compression.js';
import { FdInfo } from '../../dist/state/fd-info.js';
import { State } from '../../dist/state/state.js';
import { ThreadInfo } from '../../dist/state/thread-info.js';
import { UserTable } from '../../dist/state/users.js';

const self = fileURLToPath(import.meta.url);
const [capture = fileURLToPath(new URL('../../../shared/corpus/syscalls/containers/capture.scap', import.meta.url)), mode] = process.argv.slice(2);

async function replay(withState) {
  const state = new State({ users: new UserTable() });
  const source = new ReplaySource({ path: capture, state });
  let bytes = 0;
  const deliver = withState
    ? (view) => {
        state.apply(view);
        bytes += view.length;
        state.after(view);
      }
    : (view) => {
        bytes += view.length;
      };
  const cpu = process.cpuUsage();
  const begin = performance.now();
  await new Promise((resolve, reject) => source.start(deliver, (error) => (error ? reject(error) : resolve())));
  const milliseconds = performance.now() - begin;
  const used = process.cpuUsage(cpu);
  return { events: source.stats().delivered, milliseconds, cpu: (used.user + used.system) / 1000, bytes };
}

/** Only undoing gzip: in the addon, and by node:zlib as where the addon is not. */
async function unzip() {
  const cpuOf = async (pieces) => {
    const cpu = process.cpuUsage();
    let bytes = 0;
    for await (const piece of pieces) bytes += piece.length;
    const used = process.cpuUsage(cpu);
    return { bytes, ms: (used.user + used.system) / 1000 };
  };
  const rounds = [];
  for (let i = 0; i < 7; i++) {
    const addon = await cpuOf(decompressed('gzip', createReadStream(capture)));
    const zlib = await cpuOf(createReadStream(capture).pipe(createGunzip({ chunkSize: 128 * 1024 })));
    rounds.push({ addon: addon.ms, zlib: zlib.ms, bytes: addon.bytes });
  }
  const median = (key) => rounds.map((round) => round[key]).sort((a, b) => a - b)[rounds.length >> 1];
  console.log(`gzip   ${(rounds[0].bytes / 1e6).toFixed(0)} MB: ${median('addon').toFixed(0)} ms of CPU in the addon, ${median('zlib').toFixed(0)} ms by node:zlib`);
}

if (mode === 'unzip') {
  await unzip();
  process.exit(0);
}
if (mode === 'memory') {
  memory();
  process.exit(0);
}
if (mode !== undefined) {
  const first = await replay(mode === 'state');
  const warm = await replay(mode === 'state');
  console.log(JSON.stringify({ first, warm }));
  process.exit(0);
}

if (existsSync(capture)) {
  console.log(`${capture}`);
  process.stdout.write(spawnSync(process.execPath, [self, capture, 'unzip'], { encoding: 'utf8' }).stdout);
  for (const [mode, goal] of [['decode', ''], ['state', '   (goal for the whole with 25 rules: 170 ms)']]) {
    const runs = Array.from({ length: 5 }, () => JSON.parse(spawnSync(process.execPath, [self, capture, mode], { encoding: 'utf8' }).stdout));
    const least = (of) => Math.min(...runs.map(of));
    const { events } = runs[0].first;
    const first = least((r) => r.first.milliseconds);
    const warm = least((r) => r.warm.milliseconds);
    console.log(
      `${mode.padEnd(6)} ${events} events: ${first.toFixed(0)} ms at first, ${least((r) => r.first.cpu).toFixed(0)} ms of CPU in all threads; ` +
        `${warm.toFixed(0)} ms warm, ${((warm * 1e6) / events).toFixed(0)} ns an event${goal}`,
    );
  }
} else console.log(`no capture at ${capture}`);

/** A text as it comes from the kernel: in one piece. */
function wire(text) {
  return Buffer.from(text).toString('latin1');
}

function heap() {
  globalThis.gc();
  return process.memoryUsage().heapUsed;
}

function memory() {
  const state = new State();
  const before = heap();
  for (let tid = 1; tid <= 10_000; tid++) {
    const thread = new ThreadInfo(tid, tid);
    thread.ptid = tid === 1 ? 0 : 1;
    thread.uid = thread.gid = 0;
    thread.comm = wire(`process-${tid}`);
    thread.exepath = wire(`/usr/bin/process-${tid}`);
    thread.setArgsText(wire(`--number\0${tid}`));
    thread.setEnvText(wire(`PATH=/usr/bin:/bin\0HOME=/home/user-${tid}\0LANG=C.UTF-8`));
    thread.cloneTs = 1_700_000_000_000_000_000n + BigInt(tid);
    thread.startTs = thread.cloneTs + 1n;
    state.seedThread(thread);
  }
  state.seeded();
  const threads = heap();
  for (const thread of state.threads.values()) {
    for (let fd = 0; fd < 10; fd++) thread.fds.set(fd, new FdInfo('file', wire(`/var/lib/process-${thread.tid}/file-${fd}`)));
  }
  const fds = heap();
  if (state.threads.size !== 10_000) throw new Error('the state is gone');
  console.log(`memory: ${((threads - before) / 1e6).toFixed(1)} MB for 10,000 processes, ${((fds - threads) / 1e6).toFixed(1)} MB for 100,000 descriptors`);
}

process.stdout.write(spawnSync(process.execPath, ['--expose-gc', self, capture, 'memory'], { encoding: 'utf8' }).stdout);
{
  const procfs = new Procfs();
  procfs.seed(new State());
  const cpu = process.cpuUsage();
  const { processes, threads, fds, milliseconds } = procfs.seed(new State());
  const used = process.cpuUsage(cpu);
  const each = (used.user + used.system) / 1000 / processes;
  console.log(
    `/proc: ${processes} processes, ${threads} threads, ${fds} descriptors in ${milliseconds.toFixed(0)} ms; ` +
      `${(each * 300).toFixed(0)} ms of CPU for 300 such processes   (goal: 300 ms)`,
  );
}
