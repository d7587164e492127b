// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { openSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import type { EventView } from '../../src/events/event-view.js';
import { Ev } from '../../src/events/ids.js';
import { SCHEMA_HASH } from '../../src/events/ids.js';
import { loadNative, objectDir } from '../../src/sources/native-binding.js';
import type { CaptureOptions } from '../../src/sources/native-contract.js';
import { SyscallSource } from '../../src/sources/syscall.js';
import { compile, describeLive } from './probe.js';

const run = promisify(execFile);
const CLOSE = process.arch === 'arm64' ? 57 : 3;
const OPENAT = process.arch === 'arm64' ? 56 : 257;
const onlyClose = { syscalls: [CLOSE], tracepoints: [], ignored: [], unavailable: [] };
const burst = (threads: number, calls: number): Promise<unknown> => run(compile('burst'), [String(threads), String(calls)]);
/** The burst's own descriptors; other programs close smaller ones. */
const isBurst = (view: EventView): boolean => view.type === Ev.SYSCALL_CLOSE_X && view.int(1) >= 1_000_000;
const sum = (losses: Readonly<Record<string, number>>): number => Object.values(losses).reduce((a, b) => a + b, 0);

describeLive('a capture', () => {
  for (const cpusPerBuffer of [1, 0]) {
    it(`delivers the calls of many threads in time order, ${cpusPerBuffer === 0 ? 'from one ring buffer' : 'across ring buffers'}, each once`, async () => {
      const source = new SyscallSource({ interest: onlyClose, cpusPerBuffer, bufferBytes: 1 << 24 });
      let last = 0n;
      let inversions = 0;
      const next = new Map<number, number>();
      let seen = 0;
      let disorder = 0;
      await source.start((view) => {
        const ts = view.timestamp();
        if (ts < last) inversions++;
        last = ts;
        if (!isBurst(view)) return;
        const thread = Math.floor(view.int(1) / 1_000_000);
        const call = view.int(1) % 1_000_000;
        if (call < (next.get(thread) ?? 0)) disorder++;
        next.set(thread, call + 1);
        seen++;
      });
      await burst(8, 20_000);
      await source.stop();
      expect({ threads: next.size, disorder, inversions, late: source.counters()?.late, losses: sum(source.stats().losses) })
        .toEqual({ threads: 8, disorder: 0, inversions: 0, late: 0, losses: 0 });
      expect(seen).toBe(160_000);
    });
  }

  it('goes on after an event at which the rules fail, and counts it', async () => {
    const failed: number[] = [];
    const source = new SyscallSource({ interest: onlyClose, cpusPerBuffer: 0, bufferBytes: 1 << 24, failed: (_error, view) => failed.push(view.int(1) % 1000) });
    let delivered = 0;
    await source.start((view) => {
      if (!isBurst(view)) return;
      if (view.int(1) % 1000 === 7) throw new Error('made to fail');
      delivered++;
    });
    await burst(2, 5000);
    await source.stop();
    expect(delivered).toBe(2 * 5000 - 10);
    expect(failed).toEqual(new Array(10).fill(7));
    const { produced, delivered: all, filtered = 0, losses } = source.stats();
    expect(losses.evaluation_failed).toBe(10);
    expect(produced).toBe(all + filtered + sum(losses));
  });

  it('counts what a full ring buffer loses, by category: produced = delivered + losses', async () => {
    const source = new SyscallSource({ interest: onlyClose, cpusPerBuffer: 0, bufferBytes: 4096 });
    let delivered = 0;
    await source.start((view) => {
      if (isBurst(view)) delivered++;
    });
    await burst(2, 50_000);
    await source.stop();
    const stats = source.stats();
    const counters = source.counters();
    expect(stats.losses.ringFullFile).toBeGreaterThan(0);
    expect(stats.losses).toMatchObject({ ringFullProcess: 0, ringFullNetwork: 0, ringFullOther: 0, bpfDropped: 0, decodeErrors: 0, unaccounted: 0 });
    expect(stats.produced).toBe(stats.delivered + sum(stats.losses));
    expect(stats.drops).toMatchObject({ n_drops_buffer_total: stats.losses.ringFullFile, n_drops_buffer_close_exit: stats.losses.ringFullFile });
    expect(counters?.produced).toBe(stats.delivered + stats.losses.ringFullFile);
    expect(delivered + stats.losses.ringFullFile).toBeGreaterThanOrEqual(100_000);
  });

  it('delivers records whole that wrap at the end of a ring buffer', async () => {
    const openat = { syscalls: [OPENAT], tracepoints: [], ignored: [], unavailable: [] };
    const source = new SyscallSource({ interest: openat, cpusPerBuffer: 0, bufferBytes: 1 << 17 });
    const got: (string | null)[] = [];
    await source.start((view) => {
      if (view.tid === process.pid && view.type === Ev.SYSCALL_OPENAT_2_X) got.push(view.str(2));
    });
    // Names of many lengths, a megabyte in all: the ring wraps at each of their parts.
    const names = Array.from({ length: 4000 }, (_, i) => `/falco-ts-no-such-directory/${i}-${'abcdefghijklmnopqrstuvwxyz'.repeat(8).slice(0, (i * 7) % 200)}`);
    for (let i = 0; i < names.length; i += 50) {
      for (const name of names.slice(i, i + 50)) expect(() => openSync(name, 'r')).toThrow('ENOENT');
      await new Promise((done) => setTimeout(done, 5));
    }
    await source.stop();
    const { losses } = source.stats();
    const ours = got.filter((name) => name === null || name.includes('falco-ts'));
    expect(losses.decodeErrors).toBe(0);
    expect(ours.filter((name) => name === null || !names.includes(name))).toEqual([]);
    expect(new Set(ours).size + losses.ringFullFile).toBeGreaterThanOrEqual(names.length);
  });

  it('hands over what the rings still hold when it is closed, and nothing after that', async () => {
    const source = new SyscallSource({ interest: onlyClose, bufferBytes: 1 << 22 });
    let delivered = 0;
    await source.start((view) => {
      if (isBurst(view)) delivered++;
    });
    await burst(1, 5_000);
    const stopped = source.stop();
    expect(source.stats().losses.unaccounted, 'what still lies in the rings is not lost').toBe(0);
    await stopped;
    expect(delivered).toBe(5_000);
    expect(source.stats().losses.unaccounted).toBe(0);
    await burst(1, 100);
    await new Promise((done) => setTimeout(done, 50));
    expect(delivered).toBe(5_000);
  });

  it('keeps what happens while the tables are seeded, and delivers it afterwards', async () => {
    const order: string[] = [];
    let delivered = 0;
    const source = new SyscallSource({
      interest: onlyClose,
      bufferBytes: 1 << 22,
      seed: async () => {
        await burst(1, 1_000);
        order.push('seeded');
      },
    });
    await source.start((view) => {
      if (isBurst(view) && delivered++ === 0) order.push('first event');
    });
    await source.stop();
    expect(order).toEqual(['seeded', 'first event']);
    expect(delivered).toBe(1_000);
  });

  it('brings a single event without waiting for others', async () => {
    const source = new SyscallSource({ interest: onlyClose });
    let delivered = 0;
    await source.start((view) => {
      if (isBurst(view)) delivered++;
    });
    for (let i = 0; i < 10; i++) {
      await burst(1, 1);
      for (const end = Date.now() + 5000; delivered === i && Date.now() < end;) await new Promise((done) => setTimeout(done, 5));
      expect(delivered).toBe(i + 1);
    }
    await source.stop();
  });

  it('swaps the reported calls while it runs', async () => {
    const source = new SyscallSource({ interest: { ...onlyClose, syscalls: [] } });
    let delivered = 0;
    await source.start((view) => {
      if (isBurst(view)) delivered++;
    });
    await burst(1, 10);
    source.setInterest(onlyClose);
    await burst(1, 20);
    await source.stop();
    expect(delivered).toBe(20);
  });

  it('leaves out failed calls when asked to', async () => {
    const source = new SyscallSource({ interest: onlyClose, dropFailed: true });
    let failed = 0;
    let good = 0;
    await source.start((view) => {
      if (view.int(0) < 0) failed++;
      else good++;
    });
    await burst(1, 100);
    await source.stop();
    expect(failed).toBe(0);
    expect(good).toBeGreaterThan(0);
  });

  it('opens and closes ten times without leaking a descriptor, a program or a thread', async () => {
    const once = async (): Promise<void> => {
      const source = new SyscallSource({ interest: onlyClose, bufferBytes: 1 << 16 });
      await source.start(() => {});
      await source.stop();
    };
    await once();
    const descriptors = readdirSync('/proc/self/fd').length;
    const threads = readdirSync('/proc/self/task').length;
    for (let i = 0; i < 10; i++) await once();
    expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(descriptors + 2);
    expect(readdirSync('/proc/self/task').length).toBeLessThanOrEqual(threads + 2);
  }, 300_000);

  /** As it was loaded here: built, or out of the package. */
  const addon = (): string => Object.keys(createRequire(import.meta.url).cache).find((path) => path.endsWith('/falco_ts.node')) as string;
  const script = (end: string): string => `
    const b = require(${JSON.stringify(addon())});
    const slabs = [0, 1].map(() => new ArrayBuffer(1 << 20));
    const c = b.openCapture({ slabs, cpusPerBuffer: 0, bufferBytes: 1 << 20, syscalls: [${CLOSE}], tracepoints: [], snaplen: 80, flushMs: 1,
      dropFailed: false, objectDir: ${JSON.stringify(objectDir())} });
    c.start((i) => { ${end.includes('throw in callback') ? "throw new Error('from a callback');" : 'c.release(i);'} });
    setInterval(() => { try { require('node:fs').closeSync(100000); } catch {} }, 1);
    ${end}`;
  const root = new URL('../..', import.meta.url).pathname;
  const ends = async (source: string): Promise<{ code: number | null; signal: string | null; stderr: string }> =>
    run(process.execPath, ['-e', source], { timeout: 60_000 }).then(
      () => ({ code: 0, signal: null, stderr: '' }),
      (e: { code: number | null; signal: string | null; stderr: string }) => ({ code: e.code, signal: e.signal, stderr: e.stderr }),
    );

  it('does not disturb process.exit', async () => {
    expect(await ends(script('setTimeout(() => process.exit(5), 100);'))).toMatchObject({ code: 5, signal: null });
  });

  it('does not disturb an uncaught exception', async () => {
    const end = await ends(script("setTimeout(() => { throw new Error('from a timer'); }, 100);"));
    expect(end).toMatchObject({ code: 1, signal: null });
    expect(end.stderr).toContain('from a timer');
  });

  it('makes an exception in the callback the process\'s own', async () => {
    const end = await ends(script('/* throw in callback */'));
    expect(end).toMatchObject({ code: 1, signal: null });
    expect(end.stderr).toContain('from a callback');
  });

  it.each([150, 400, 2500])('runs in a worker thread, and ends with it, after %i ms', async (ms) => {
    const main = `const { Worker } = require('node:worker_threads');
      const w = new Worker(${JSON.stringify(script(''))}, { eval: true });
      setTimeout(async () => { await w.terminate(); console.log('ended'); process.exit(0); }, ${ms});
      w.on('error', (e) => { console.error(e); process.exit(3); });`;
    expect(await ends(main)).toMatchObject({ code: 0, signal: null });
  });

  it('says why it cannot be opened: the objects are missing', () => {
    const options: CaptureOptions = {
      slabs: [new ArrayBuffer(1 << 20), new ArrayBuffer(1 << 20)], cpusPerBuffer: 0, bufferBytes: 4096, syscalls: [], tracepoints: [],
      snaplen: 80, flushMs: 10, dropFailed: false, objectDir: '/no/such/directory',
    };
    expect(() => loadNative().openCapture(options)).toThrow(expect.objectContaining({ code: 'ENOENT', message: expect.stringContaining('/no/such/directory') }));
    expect(() => loadNative().openCapture({ ...options, objectDir: objectDir(), bufferBytes: 5000 })).toThrow(/ring buffer of 5000 bytes/);
    expect(() => loadNative().openCapture({ ...options, slabs: [] })).toThrow(RangeError);
  });

  it('says which capabilities are missing', async () => {
    const code = `import('${root}dist/sources/syscall.js').then(async ({ SyscallSource }) => {
      const s = new SyscallSource({ interest: { syscalls: [], tracepoints: [], ignored: [], unavailable: [] } });
      try { await s.start(() => {}); } catch (e) { console.error(e.code, '|', e.hint); process.exit(4); } });`;
    const end = await run('setpriv', ['--bounding-set=-all', '--inh-caps=-all', '--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, '-e', code])
      .then(() => null, (e: { code: number; stderr: string }) => e);
    expect(end?.stderr).toMatch(/PROBE_EPERM \| run as root, or with the capabilities that are missing: CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE/);
    expect(end?.code).toBe(4);
  });

  it('is built from the same event table as this program', () => {
    expect(loadNative().schemaHash).toBe(SCHEMA_HASH);
    expect(readFileSync(`${objectDir()}/probe.tp_btf.bpf.o`).includes(SCHEMA_HASH)).toBe(true);
  });
});
