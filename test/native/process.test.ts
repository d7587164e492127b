// SPDX-License-Identifier: Apache-2.0
import { execFile, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, realpathSync, statfsSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Ev } from '../../src/events/ids.js';
import { describeLive, interestIn, type LiveEvent, LiveProbe, trigger, triggerPath } from './probe.js';

const run = promisify(execFile);
const x64 = process.arch === 'x64';
const OVERLAYFS = 0x794c7630;
const EXE_WRITABLE = 1;
const EXE_UPPER_LAYER = 2;

/** `name=path` for the controllers that the events carry, out of /proc/self/cgroup (v1, v2 and hybrid). */
function cgroupsOfSelf(): string[] {
  const lines = readFileSync('/proc/self/cgroup', 'utf8').trim().split('\n').map((line) => line.split(':'));
  const unified = lines.find(([id]) => id === '0')?.slice(2).join(':') ?? '/';
  const path = (name: string): string => lines.find(([, names]) => names.split(',').includes(name === 'io' ? 'blkio' : name))?.slice(2).join(':') ?? unified;
  return ['cpuset', 'cpu', 'cpuacct', 'io', 'memory'].map((name) => `${name}=${path(name)}`);
}

describeLive('the probe reports the lives of processes', () => {
  let probe: LiveProbe;
  const dir = mkdtempSync(join(tmpdir(), 'falco-ts-process-'));
  const types = new Set<number>([
    Ev.SYSCALL_EXECVE_19_X, Ev.SYSCALL_EXECVEAT_X, Ev.SYSCALL_CLONE_20_X, Ev.SYSCALL_CLONE3_X, Ev.SYSCALL_FORK_20_X,
    Ev.SYSCALL_VFORK_20_X, Ev.PROCEXIT_1_E,
  ]);

  beforeAll(async () => {
    triggerPath();
    probe = await new LiveProbe({ interest: interestIn([]), bufferBytes: 1 << 23 }, (view) => types.has(view.type)).start();
  });
  afterAll(() => probe.source.stop());

  const execOf = (pid: number): Promise<LiveEvent> => probe.find((e) => e.key === 'SYSCALL_EXECVE_19_X' && e.tid === pid && e.params.res === 0);

  it('execve: every parameter', async () => {
    const env = { ONE: '1', TWO: 'second' };
    // Of our own: the machine's may lie in any layer of an overlay.
    const sleep = join(dir, 'sleep');
    copyFileSync('/bin/sleep', sleep);
    const layer = statfsSync(dir).type === OVERLAYFS ? EXE_UPPER_LAYER : 0;
    const child = spawn(sleep, ['0.2'], { env, cwd: dir, argv0: 'my sleep', stdio: 'ignore' });
    const pid = child.pid as number;
    await new Promise((done) => child.on('spawn', done));
    const path = readlinkSync(`/proc/${pid}/exe`);
    await new Promise((done) => child.on('exit', done));
    const event = await execOf(pid);
    const { pgft_maj, pgft_min, vm_size, vm_rss, vm_swap, exe_ino_ctime, exe_ino_mtime, cap_permitted, cap_effective, ...rest } = event.params;
    const exe = statSync(path, { bigint: true });
    const limits = /Max open files\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'));
    const group = Number(readFileSync('/proc/self/stat', 'utf8').split(') ')[1].split(' ')[2]);
    expect(rest).toEqual({
      res: 0, exe: 'my sleep', args: ['0.2'], tid: pid, pid, ptid: process.pid, cwd: null, fdlimit: Number(limits?.[1]), comm: 'sleep',
      cgroups: cgroupsOfSelf(), env: ['ONE=1', 'TWO=second'], tty: expect.any(Number), vpgid: group,
      loginuid: Number(readFileSync('/proc/self/loginuid', 'utf8')), flags: EXE_WRITABLE | layer, cap_inheritable: 0, exe_ino: Number(exe.ino), uid: 0,
      trusted_exepath: path, pgid: group, gid: 0, filename: sleep,
    });
    expect(BigInt(exe_ino_ctime as bigint)).toBe(exe.ctimeNs);
    expect(BigInt(exe_ino_mtime as bigint)).toBe(exe.mtimeNs);
    const capability = (name: string): number => Number(`0x${new RegExp(`^${name}:\\s*(\\w+)`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))?.[1]}`);
    expect(cap_permitted).toBe(capability('CapPrm'));
    expect(cap_effective).toBe(capability('CapEff'));
    expect(pgft_min).toBeGreaterThan(0);
    expect(pgft_maj).toBeGreaterThanOrEqual(0);
    expect(vm_size).toBeGreaterThan(100);
    expect(vm_size).toBeLessThan(1_000_000);
    expect(vm_rss).toBeLessThan(1_000_000);
    expect(vm_swap).toBe(0);
  });

  it('execve of a script: the interpreter runs, the file name is what was asked for', async () => {
    const script = join(dir, 'script');
    writeFileSync(script, '#!/bin/sh\nexit 0\n');
    chmodSync(script, 0o755);
    await run(script, ['argument']);
    const event = await probe.find((e) => e.key === 'SYSCALL_EXECVE_19_X' && e.params.filename === script);
    expect(event.params).toMatchObject({ res: 0, exe: '/bin/sh', args: [script, 'argument'], comm: 'script', trusted_exepath: realpathSync('/bin/sh') });
  });

  it('execve through a symbolic link: the file behind it is the trusted path', async () => {
    const link = join(dir, 'link-to-true');
    symlinkSync('/bin/true', link);
    await run(link);
    const event = await probe.find((e) => e.key === 'SYSCALL_EXECVE_19_X' && e.params.filename === link);
    expect(event.params).toMatchObject({ comm: 'link-to-true', trusted_exepath: realpathSync('/bin/true') });
  });

  it('execve of a program that lies very deep: its whole path', async () => {
    const deep = join(dir, ...Array.from({ length: 100 }, () => 'd'));
    mkdirSync(deep, { recursive: true });
    const program = join(deep, 'true');
    copyFileSync('/bin/true', program);
    await run(program);
    const event = await probe.find((e) => e.key === 'SYSCALL_EXECVE_19_X' && e.params.filename === program);
    expect(event.params.trusted_exepath).toBe(program);
  });

  it('execve that fails: the arguments that were tried, in the caller\'s name', async () => {
    const emptyVector = '00'.repeat(8);
    const done = await trigger([['execve', '/no/such/file', { hex: emptyVector }, 0]], { cwd: dir });
    const event = await probe.find((e) => e.key === 'SYSCALL_EXECVE_19_X' && e.tid === done.tid && (e.params.res as number) < 0);
    expect(event.params).toMatchObject({ res: -2, filename: '/no/such/file', args: [], env: [], comm: 'trigger', pid: done.pid, trusted_exepath: triggerPath() });
  });

  it('execveat that fails', async () => {
    const done = await trigger([['execveat', -100, '/no/such/file', 0, 0, 0]], { cwd: dir });
    const event = await probe.find((e) => e.key === 'SYSCALL_EXECVEAT_X' && e.tid === done.tid);
    expect(event.params).toMatchObject({ res: -2, exe: '', args: [], env: [], comm: 'trigger', tid: done.tid, pid: done.pid, trusted_exepath: triggerPath() });
  });

  it('execution of a file in memory is flagged', async () => {
    const { stdout } = await run('perl', ['-e', MEMFD_PERL]).catch((error: { stdout: string }) => error);
    const pid = Number(stdout.trim());
    const event = await execOfMemfd(pid);
    expect((event.params.flags as number) & 4).toBe(4);
    expect(event.params.trusted_exepath).toBe('memfd:payload');
  });
  const execOfMemfd = (pid: number): Promise<LiveEvent> => probe.find((e) => e.key === 'SYSCALL_EXECVE_19_X' && e.tid === pid && e.params.res === 0 && e.params.comm !== 'perl');

  it('clone: one event in the parent, one in the child, and the child\'s end', async () => {
    const done = await trigger([['fork_and_wait', 7]], { cwd: dir });
    const child = done.results[0];
    const parentSide = await probe.find((e) => e.key === 'SYSCALL_CLONE_20_X' && e.tid === done.tid && e.params.res === child);
    const childSide = await probe.find((e) => e.key === 'SYSCALL_CLONE_20_X' && e.tid === child && e.params.res === 0);
    const exit = await probe.find((e) => e.key === 'PROCEXIT_1_E' && e.tid === child);
    const common = { exe: triggerPath(), args: ['-1', 'i:7'], cwd: null, comm: 'trigger', cgroups: cgroupsOfSelf(), uid: 0, gid: 0, flags: 0 };
    expect(parentSide.params).toMatchObject({ ...common, res: child, tid: done.tid, pid: done.pid, ptid: process.pid, vtid: done.tid, vpid: done.pid, pidns_init_start_ts: 0 });
    expect(childSide.params).toMatchObject({ ...common, res: 0, tid: child, pid: child, ptid: done.pid, vtid: child, vpid: child });
    expect(childSide.params.pidns_init_start_ts).toBeGreaterThan(0);
    expect(exit.params).toEqual({ status: 7 << 8, ret: 7, sig: 0, core: 0, reaper_tid: 0 });
    expect(parentSide.ts).toBeLessThan(exit.ts);
    expect(childSide.ts).toBeLessThan(exit.ts);
  });

  if (x64) {
    it('fork has an event of its own', async () => {
      const { stdout } = await run('perl', ['-e', 'my $p = syscall(57); if ($p == 0) { syscall(231, 3) } waitpid($p, 0); print "$$ $p"']);
      const [parent, child] = stdout.split(' ').map(Number);
      const parentSide = await probe.find((e) => e.key === 'SYSCALL_FORK_20_X' && e.tid === parent);
      expect(parentSide.params).toMatchObject({ res: child, tid: parent, pid: parent, comm: 'perl', flags: 0 });
      const childSide = await probe.find((e) => e.key === 'SYSCALL_FORK_20_X' && e.tid === child);
      expect(childSide.params).toMatchObject({ res: 0, tid: child, pid: child, ptid: parent, comm: 'perl' });
    });
  }

  it('clone3 of a thread: the flags, and the same process', async () => {
    const { stdout } = await run('python3', ['-c', 'import threading,os\nt=threading.Thread(target=lambda: print(os.getpid(), threading.get_native_id()))\nt.start(); t.join()']);
    const [pid, tid] = stdout.split(' ').map(Number);
    const event = await probe.find((e) => (e.key === 'SYSCALL_CLONE3_X' || e.key === 'SYSCALL_CLONE_20_X') && e.tid === tid && e.params.res === 0);
    expect(event.params).toMatchObject({ tid, pid, vtid: tid, vpid: pid });
    expect((event.params.flags as number) & 0x2000).toBe(0x2000); // CLONE_THREAD
    const end = await probe.find((e) => e.key === 'PROCEXIT_1_E' && e.tid === tid);
    expect(end.params).toMatchObject({ status: 0, ret: 0, sig: 0 });
  });

  it('vfork: the parent waits for its child, and both return', async () => {
    const { stdout } = await run('python3', ['-c', 'import os, subprocess; p = subprocess.Popen(["/bin/true"]); p.wait(); print(os.getpid(), p.pid)']);
    const [parent, child] = stdout.split(' ').map(Number);
    if (!x64) return; // there the C library calls clone
    const isFork = (e: LiveEvent): boolean => e.key === 'SYSCALL_VFORK_20_X';
    const inParent = await probe.find((e) => isFork(e) && e.tid === parent);
    const inChild = await probe.find((e) => isFork(e) && e.tid === child);
    expect(inParent.params).toMatchObject({ res: child, tid: parent, pid: parent, ptid: process.pid, comm: 'python3', flags: 0, vtid: parent, vpid: parent });
    expect(inChild.params).toMatchObject({ res: 0, tid: child, pid: child, ptid: parent, comm: 'python3', flags: 0, vtid: child, vpid: child });
    expect(inChild.params.args).toEqual(inParent.params.args);
  });

  it('a new pid namespace: both ids, the flag, and when its first process began', async () => {
    const unshare = spawn('unshare', ['--pid', '--fork', 'sh', '-c', 'exit 0'], { stdio: 'ignore' });
    await new Promise((done) => unshare.on('exit', done));
    const event = await probe.find((e) => e.params.ptid === unshare.pid && e.params.res === 0 && 'pidns_init_start_ts' in e.params);
    expect(event.params.vpid).toBe(1);
    expect(event.params.vtid).toBe(1);
    expect(event.params.pid).not.toBe(1);
    expect((event.params.flags as number) & 0x20000000).toBe(0x20000000); // CLONE_CHILD_IN_PIDNS
  });

  it('a death by signal', async () => {
    const child = spawn('/bin/sleep', ['10'], { stdio: 'ignore' });
    await new Promise((done) => child.on('spawn', done));
    child.kill('SIGTERM');
    const exit = await probe.find((e) => e.key === 'PROCEXIT_1_E' && e.tid === child.pid);
    expect(exit.params).toEqual({ status: 15, ret: 0, sig: 15, core: 0, reaper_tid: 0 });
  });

  it('who inherits the children of a process that ends', async () => {
    const { stdout } = await run('sh', ['-c', 'sleep 1 >/dev/null 2>&1 & sleep 0.2; echo $$']);
    const exit = await probe.find((e) => e.key === 'PROCEXIT_1_E' && e.tid === Number(stdout));
    expect(exit.params.reaper_tid).toBeGreaterThan(0);
    const sleeper = await probe.find((e) => e.key === 'SYSCALL_EXECVE_19_X' && e.params.res === 0 && e.params.ptid === Number(stdout) && String(e.params.args) === '1');
    const now = /PPid:\s*(\d+)/.exec(readFileSync(`/proc/${sleeper.tid}/status`, 'utf8'))?.[1];
    expect(exit.params.reaper_tid).toBe(Number(now));
  });

  it('arguments beyond 4096 bytes are cut, and closed by a zero', async () => {
    const long = 'x'.repeat(3000);
    await run('/bin/true', [long, long]);
    const event = await probe.find((e) => e.key === 'SYSCALL_EXECVE_19_X' && Array.isArray(e.params.args) && e.params.args[0] === long);
    const bytes = (event.params.args as string[]).reduce((sum, a) => sum + a.length + 1, (event.params.exe as string).length + 1);
    expect(bytes).toBe(4096);
  });
});

const MEMFD_PERL = `
  $| = 1; print "$$\\n";
  my $name = "payload"; my $fd = syscall(${x64 ? 319 : 279}, $name, 0);
  open(my $in, "<:raw", "/bin/true"); open(my $out, ">&=", $fd); binmode $out;
  local $/; print {$out} <$in>; $out->flush; exec { "/proc/self/fd/$fd" } "payload";
`;
