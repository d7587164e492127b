// SPDX-License-Identifier: Apache-2.0
import { execFile, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Ev } from '../../src/events/ids.js';
import { describeLive, LiveProbe, pythonPath } from './probe.js';

const run = promisify(execFile);
const all = { syscalls: [], tracepoints: [Ev.SYSCALL_EXECVE_19_X, Ev.SCHEDSWITCH_6_E, Ev.SIGNALDELIVER_E, ...(process.arch === 'x64' ? [Ev.PAGE_FAULT_E] : [])] };
const none = { syscalls: [], tracepoints: [] };

/** Places where the kernel calls our programs. */
function attached(): number {
  let count = 0;
  for (const fd of readdirSync('/proc/self/fdinfo')) {
    try {
      if (/^link_type:\s*(tracing|raw_tracepoint)/m.test(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))) count++;
    } catch {
      // The descriptor of the directory itself is gone.
    }
  }
  return count;
}

describeLive('frequent tracepoints, while a rule asks for them', () => {
  const faults = `import ctypes, mmap, os, sys
m = mmap.mmap(-1, 4 * 4096); start = ctypes.addressof(ctypes.c_char.from_buffer(m))
m[2 * 4096] = 1
fd = os.open('/dev/zero', os.O_RDONLY); os.readv(fd, [memoryview(m)[3 * 4096:3 * 4096 + 8]])
print(os.getpid(), start)`;
  let probe: LiveProbe;

  beforeAll(async () => {
    // Of everything that happens on this machine only what the programs below do is kept, and all signals.
    const python = pythonPath();
    const ours = new Set<number>();
    probe = await new LiveProbe({ interest: all, bufferBytes: 1 << 24 }, (view) => {
      if (view.type === Ev.SYSCALL_EXECVE_19_X && view.str(27) === python) ours.add(view.tid);
      return view.type === Ev.SIGNALDELIVER_E || ours.has(view.tid);
    }).start();
  });
  afterAll(async () => {
    await probe.source.stop();
    expect(probe.source.stats().losses).toMatchObject({ decodeErrors: 0, unaccounted: 0 });
  });

  it('switch: to whom, and what the one that leaves the CPU has used', async () => {
    const child = spawn('python3', ['-c', 'import time, sys\nprint("up", flush=True)\nfor i in range(200): time.sleep(0.02)'], { stdio: ['ignore', 'pipe', 'ignore'] });
    await new Promise((done) => child.stdout.once('data', done));
    const pid = child.pid as number;
    const event = await probe.find((e) => e.key === 'SCHEDSWITCH_6_E' && e.tid === pid && Number(e.params.pgft_min) > 100);
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    child.kill('SIGKILL');
    const kb = (name: string): number => Number(new RegExp(`^${name}:\\s*(\\d+) kB`, 'm').exec(status)?.[1]);
    expect(Object.keys(event.params)).toEqual(['next', 'pgft_maj', 'pgft_min', 'vm_size', 'vm_rss', 'vm_swap']);
    expect(event.params.next).toBeGreaterThanOrEqual(0);
    expect(event.params.next).not.toBe(pid);
    expect(Number(event.params.pgft_maj)).toBeGreaterThanOrEqual(0);
    expect(event.params.vm_size).toBeGreaterThan(0);
    expect(event.params.vm_size).toBeLessThanOrEqual(kb('VmPeak'));
    expect(event.params.vm_rss).toBeLessThanOrEqual(kb('VmHWM'));
    expect(event.params.vm_swap).toBe(0);
  });

  it('signaldeliver: from whom, to whom, which', async () => {
    const child = spawn('python3', ['-c', 'import signal, time\nsignal.signal(signal.SIGHUP, lambda *_: None)\nsignal.signal(40, lambda *_: None)\nprint("up", flush=True)\ntime.sleep(20)'],
      { stdio: ['ignore', 'pipe', 'ignore'] });
    await new Promise((done) => child.stdout.once('data', done));
    const pid = child.pid as number;
    const signals = (sig: number, target: number) => probe.find((e) => e.key === 'SIGNALDELIVER_E' && e.params.dpid === target && e.params.sig === sig);
    child.kill('SIGHUP');
    expect((await signals(1, pid)).params).toEqual({ spid: process.pid, dpid: pid, sig: 1 });
    process.kill(pid, 40);
    expect((await signals(40, pid)).params).toEqual({ spid: process.pid, dpid: pid, sig: 40 });
    const ended = new Promise((done) => child.on('exit', done));
    child.kill('SIGTERM');
    await ended;
    // A signal that ends the process is delivered as SIGKILL, from nobody: that is what the kernel makes of it.
    expect((await signals(9, pid)).params).toEqual({ spid: 0, dpid: pid, sig: 9 });
    const told = await probe.find((e) => e.key === 'SIGNALDELIVER_E' && e.params.sig === 17 && e.params.spid === pid);
    expect(told.params).toEqual({ spid: pid, dpid: told.tid, sig: 17 });
  });

  it.runIf(process.arch === 'x64')('page_fault: where, from which instruction, and why', async () => {
    const { stdout } = await run('python3', ['-c', faults]);
    const [pid, start] = stdout.trim().split(' ').map(Number);
    // Something else may have been at the same address before.
    const at = (address: number, where: number) =>
      probe.find((e) => e.key === 'PAGE_FAULT_E' && e.tid === pid && Number(e.params.addr) === address && (Number(e.params.error) & where) !== 0);
    const user = await at(start + 2 * 4096, 0x10);
    expect(user.params).toEqual({ addr: start + 2 * 4096, ip: expect.any(Number), error: 2 | 4 | 0x10 }); // not present, written to, by the program
    expect(user.params.ip).toBeGreaterThan(4096);
    const kernel = await at(start + 3 * 4096, 0x20);
    expect(kernel.params).toMatchObject({ addr: start + 3 * 4096, error: 2 | 4 | 0x20 }); // by the kernel on its behalf
    expect(BigInt(kernel.params.ip as bigint) >> 63n).toBe(1n);
  });

  it('are detached again when a reload brings rules that do not ask for them', async () => {
    const before = attached();
    probe.source.setInterest(none);
    expect(attached()).toBe(before - (process.arch === 'x64' ? 4 : 2));
    await new Promise((done) => setTimeout(done, 50));
    const count = probe.events.length;
    await run('python3', ['-c', faults]);
    await new Promise((done) => setTimeout(done, 50));
    expect(probe.events.length).toBe(count);
    probe.source.setInterest(all);
    expect(attached()).toBe(before);
    const { stdout } = await run('python3', ['-c', faults]);
    await probe.find((e) => e.key === 'SCHEDSWITCH_6_E' && e.tid === Number(stdout.split(' ')[0]));
  });
});
