// SPDX-License-Identifier: Apache-2.0
/** The state at the start of a live capture: this very machine, seen through /proc. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { closeSync, copyFileSync, mkdirSync, mkdtempSync, openSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { ByteWriter } from '../../src/sources/byte-writer.js';
import { wireOpenFlags } from '../../src/sources/procfs-fds.js';
import { Procfs } from '../../src/sources/procfs.js';
import { wireCgroups } from '../../src/sources/procfs-process.js';
import { parseInet, parseUnix } from '../../src/sources/procfs-sockets.js';
import { StateKeeper, type StateKeeperOptions } from '../../src/sources/state-keeper.js';
import { FdFlag, FdInfo } from '../../src/state/fd-info.js';
import { State } from '../../src/state/state.js';
import { ThreadInfo } from '../../src/state/thread-info.js';
import { feed } from '../helpers/event-builder.js';

const live = process.platform === 'linux';

function seeded(): State {
  const state = new State({ wantUnknown: true });
  new Procfs('').seed(state);
  return state;
}
async function withChild(args: readonly string[], look: (child: ChildProcess) => void | Promise<void>, env: Readonly<Record<string, string>> = { MARK: 'yes' }): Promise<void> {
  const child = spawn(args[0], args.slice(1), { cwd: '/tmp', env, stdio: ['pipe', 'ignore', 'ignore'] });
  await new Promise((resolve) => child.once('spawn', resolve));
  // exec has happened once the name has changed.
  for (let i = 0; i < 100 && !readFileSync(`/proc/${child.pid}/cmdline`, 'utf8').startsWith(args[0]); i++) await new Promise((r) => setTimeout(r, 5));
  try {
    await look(child);
  } finally {
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
  }
}

describe.skipIf(!live)('processes of this machine', () => {
  it('this process: names, ids, directory, ancestors', () => {
    const state = seeded();
    const self = state.threads.get(process.pid)!;
    expect([self.exepath, self.cwd, self.ptid, self.uid]).toEqual([realpathSync(process.execPath), `${process.cwd()}/`, process.ppid, process.getuid!()]);
    expect(self.args.length).toBeGreaterThan(0);
    expect(state.threads.threadCount(process.pid)).toBeGreaterThan(4);
    expect(state.threads.parent(self)!.pid).toBe(process.ppid);
    expect(Math.abs(Number(self.cloneTs / 1_000_000n) - (Date.now() - process.uptime() * 1000))).toBeLessThan(2000);
    expect(state.bootTs).toBeGreaterThan(0n);
  });

  it('a child: command line, environment, working directory, executable', async () => {
    await withChild(['/bin/sleep', '100'], (child) => {
      const t = seeded().threads.get(child.pid!)!;
      expect([t.comm, t.exe, t.args, t.env, t.cwd, t.exepath]).toEqual(['sleep', '/bin/sleep', ['100'], ['MARK=yes'], `${realpathSync('/tmp')}/`, realpathSync('/bin/sleep')]);
      expect(Number(t.exeIno)).toBeGreaterThan(0);
      expect(t.fds.get(0)!.type).toBe('unix');
      expect(t.fds.get(1)!.name).toBe('/dev/null');
    });
  });

  it('a long environment is kept as far as a capture has room for it', async () => {
    await withChild(['/bin/sleep', '100'], (child) => {
      const { env } = seeded().threads.get(child.pid!)!;
      expect(env).toEqual([`LONG=${'x'.repeat(4095 - 'LONG='.length)}`]);
      const writer = new ByteWriter();
      writer.zeros(env, 4096);
      expect(writer.take().readUInt16LE(0)).toBe(4096);
    }, { LONG: 'x'.repeat(5000) });
  });

  it('threads of a process share its descriptors', () => {
    const state = seeded();
    const self = state.threads.get(process.pid)!;
    const other = [...state.threads.values()].find((t) => t.pid === process.pid && t.tid !== process.pid)!;
    expect(other.fds).toBe(self.fds);
    expect(other.exepath).toBe(self.exepath);
  });

  it('open files: path, flags, device and inode', () => {
    const directory = mkdtempSync(join(tmpdir(), 'falco-ts-proc-'));
    const path = join(directory, 'file');
    writeFileSync(path, 'x');
    const fd = openSync(path, 'a');
    const dir = openSync(directory, 'r');
    try {
      const { fds } = seeded().threads.get(process.pid)!;
      expect(fds.get(fd)).toMatchObject({ type: 'file', name: path });
      expect(fds.get(fd)!.openFlags & (2 | 8 | 0x1000)).toBe(2 | 8 | 0x1000);
      expect(fds.get(dir)).toMatchObject({ type: 'directory', name: directory });
    } finally {
      closeSync(fd);
      closeSync(dir);
      rmSync(directory, { recursive: true });
    }
  });

  it('a listening socket and both ends of a connection to it', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const { connect } = await import('node:net');
    const client = connect(port, '127.0.0.1');
    await new Promise((resolve) => server.once('connection', resolve));
    try {
      const sockets = [...seeded().threads.get(process.pid)!.fds].map(([, i]) => i).filter((i) => i.type === 'ipv4');
      const listener = sockets.find((i) => i.isServerSocket && i.sourcePort === port)!;
      expect([listener.name, listener.l4proto]).toEqual([`127.0.0.1:${port}`, 'tcp']);
      const ends = sockets.filter((i) => i.destPort === port);
      // Both see the client first and the server second, and each knows which side it is.
      expect(ends.map((i) => i.name)).toEqual([ends[0].name, ends[0].name]);
      expect(ends.map((i) => i.flags & (FdFlag.RoleClient | FdFlag.RoleServer)).sort()).toEqual([FdFlag.RoleServer, FdFlag.RoleClient]);
    } finally {
      client.destroy();
      server.close();
    }
  });
});

const KEEP: StateKeeperOptions = { lostEvents: () => 0, arrivedEvents: () => 0, purgeInterval: 300, purgeTimeout: 300 };

describe.skipIf(!live)('look-ups while it runs', () => {
  it('a process that was missed is known after its first event, its parents included', async () => {
    await withChild(['/bin/sleep', '100'], (child) => {
      const state = new State({ wantUnknown: true });
      feed(state, 'SYSCALL_CHDIR_X', { res: 0, path: '/x' }, { tid: child.pid! });
      expect(state.threads.get(child.pid!)!.comm).toBe('<NA>');
      new StateKeeper(state, new Procfs(''), KEEP).run();
      const t = state.threads.get(child.pid!)!;
      expect([t.comm, t.fds.get(1)!.name, state.threads.parent(t)!.pid]).toEqual(['sleep', '/dev/null', process.pid]);
    });
  });

  it('after a loss, a process that acts is set right from /proc, with its parent: program, user, directory, descriptors', async () => {
    await withChild(['/bin/sleep', '100'], (child) => {
      const state = seeded();
      const known = state.threads.get(child.pid!)!;
      const self = state.threads.get(process.pid)!;
      const names = (): unknown => [...known.fds].map(([fd, info]) => [fd, info.name]).sort();
      const right = names();
      known.exepath = '/usr/bin/what-was-before';
      known.comm = 'before';
      known.args = ['before'];
      known.uid = 4711;
      known.cwd = '/nowhere/';
      known.fds.set(1, new FdInfo('file', '/closed/and/opened/anew'));
      known.fds.set(77, new FdInfo('file', '/closed'));
      known.fds.delete(2);
      self.exepath = '/usr/bin/also-before';
      let lost = 0;
      const keeper = new StateKeeper(state, new Procfs(''), { ...KEEP, lostEvents: () => lost });
      const acts = (): void => feed(state, 'SYSCALL_GETUID_X', {}, { tid: child.pid!, ts: BigInt(Date.now()) * 1_000_000n });
      acts();
      keeper.run();
      expect([known.comm, state.stats().doubted]).toEqual(['before', 0]);
      lost = 3;
      keeper.run();
      acts();
      expect(known.comm).toBe('before');
      const until = performance.now() + 10_000;
      while ((known.comm === 'before' || self.exepath.endsWith('before')) && performance.now() < until) keeper.run();
      expect([known.comm, known.args, known.exepath, known.uid, known.cwd]).toEqual(['sleep', ['100'], realpathSync('/bin/sleep'), 0, '/tmp/']);
      expect(names()).toEqual(right);
      expect(self.exepath).toBe(realpathSync(process.execPath));
      expect(state.stats().repaired).toBeGreaterThanOrEqual(2);
      expect(state.stats().doubtsRefused).toBe(0);
    });
  });

  it('after a loss, threads whose exit was lost are let go of, without waiting for them to act', () => {
    const state = seeded();
    const gone = new ThreadInfo(4_000_000, 4_000_000);
    gone.ptid = 1;
    state.addThread(gone);
    let lost = 0;
    const keeper = new StateKeeper(state, new Procfs(''), { ...KEEP, lostEvents: () => lost });
    keeper.run();
    expect(state.threads.get(4_000_000)).toBe(gone);
    lost = 1;
    const until = performance.now() + 10_000;
    while (state.threads.get(4_000_000) !== undefined && performance.now() < until) keeper.run();
    expect(state.threads.get(4_000_000)).toBeUndefined();
    expect(state.stats().vanished).toBeGreaterThanOrEqual(1);
  });

  it('a process that is gone stays unknown, and is let go of later', () => {
    const state = new State({ wantUnknown: true });
    feed(state, 'SYSCALL_CHDIR_X', { res: 0, path: '/x' }, { tid: 4_000_000 });
    const keeper = new StateKeeper(state, new Procfs(''), KEEP);
    keeper.run();
    expect(state.threads.get(4_000_000)!.comm).toBe('<NA>');
    vi.spyOn(performance, 'now').mockReturnValue(1e9);
    keeper.run();
    vi.restoreAllMocks();
    expect([state.threads.get(4_000_000), state.stats().evicted]).toEqual([undefined, 1]);
  });
});

describe('what /proc writes', () => {
  it('cgroups of versions 1 and 2 and of both', () => {
    expect(wireCgroups('12:memory:/a\n11:cpu,cpuacct:/b\n1:name=systemd:/c\n').split('\0')).toEqual(['memory=/a', 'cpu=/b', 'cpuacct=/b', 'name=systemd=/c']);
    expect(wireCgroups('0::/user.slice\n').split('\0')).toEqual(['cpuset=/user.slice', 'cpu=/user.slice', 'cpuacct=/user.slice', 'io=/user.slice', 'memory=/user.slice']);
    expect(wireCgroups('5:memory:/a\n0::/u\n').split('\0')[0]).toBe('memory=/a');
  });

  it('socket tables', () => {
    const tcp = '   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0000000000000000 100 0 0 10 0';
    expect(parseInet(tcp, 'tcp')![1]).toMatchObject({ type: 'ipv4', isServerSocket: true, name: '127.0.0.1:8080', ino: 4242 });
    const tcp6 = '   1: 0000000000000000FFFF00000100007F:0016 0000000000000000FFFF00000200007F:C000 01 0:0 0:0 0 0 0 77 1';
    expect(parseInet(tcp6, 'tcp')![1]).toMatchObject({ type: 'ipv4', name: '127.0.0.1:22->127.0.0.2:49152' });
    const own6 = '   1: B80D0120000000000000000001000000:0016 B80D0120000000000000000002000000:C000 01 0:0 0:0 0 0 0 78 1';
    expect(parseInet(own6, 'tcp')![1]).toMatchObject({ type: 'ipv6', name: '2001:db8::1:22->2001:db8::2:49152' });
    expect(parseInet('nonsense', 'tcp')).toBeNull();
    expect(parseUnix('ffff8881: 00000002 00000000 00010000 0001 01 31337 /run/a b.sock')![1]).toMatchObject({ name: '/run/a b.sock', ino: 31337, unixSource: 0xffff8881 });
  });

  it('open flags', () => {
    expect(wireOpenFlags(0o2)).toBe(3);
    expect(wireOpenFlags(0o2000001)).toBe(2 | 0x1000);
    expect(wireOpenFlags(0o1101)).toBe(2 | 4 | 0x100);
  });
});

describe.skipIf(!live || process.getuid?.() !== 0)('programs on an overlay that ran before (needs root)', () => {
  it('lie in its upper or in a lower layer, also below a chroot in a mount namespace of its own', async () => {
    const dir = realpathSync(mkdtempSync(join(tmpdir(), 'falco-ts-layers,')));
    const merged = join(dir, 'merged');
    // An overlay needs file systems that can be its parts: this machine's may be one itself.
    execFileSync('mount', ['-t', 'tmpfs', 'falco-ts-test', dir]);
    try {
      for (const name of ['lower', 'upper', 'work', 'merged']) mkdirSync(join(dir, name));
      copyFileSync('/bin/sleep', join(dir, 'lower/of the image'));
      copyFileSync('/bin/sleep', join(dir, 'lower/changed'));
      execFileSync('mount', ['-t', 'overlay', '-o', ['lowerdir', 'upperdir', 'workdir'].map((key) => `${key}=${dir.replace(',', '\\,')}/${key.replace('dir', '')}`).join(), 'overlay', merged]);
      copyFileSync('/bin/sleep', join(dir, 'elsewhere'));
      copyFileSync('/bin/sleep', join(merged, 'dropped'));
      copyFileSync('/bin/sleep', join(merged, 'removed'));
      const CHROOT = ['/usr/bin/unshare', '--mount', '/usr/sbin/chroot', merged];
      const layers: Record<string, string> = {};
      const see = (name: string, path: string, before: readonly string[] = []) => withChild([...before, path, '100'], async (child) => {
        for (let i = 0; i < 200 && !readFileSync(`/proc/${child.pid}/cmdline`, 'utf8').startsWith(path); i++) await new Promise((r) => setTimeout(r, 5));
        if (name === 'removed') rmSync(join(merged, 'removed'));
        const thread = seeded().threads.get(child.pid!)!;
        layers[name] = `${thread.exeUpperLayer ? 'upper' : ''}${thread.exeLowerLayer ? 'lower' : ''}`;
      });
      await see('of the image', join(merged, 'of the image'));
      await see('dropped', join(merged, 'dropped'));
      await see('removed', join(merged, 'removed'));
      await see('elsewhere', join(dir, 'elsewhere'));
      writeFileSync(join(merged, 'changed'), '#', { flag: 'a' });
      await see('changed', join(merged, 'changed'));
      for (const name of ['lib', 'lib64', 'usr']) {
        mkdirSync(join(merged, name));
        execFileSync('mount', ['--rbind', realpathSync(`/${name}`), join(merged, name)]);
      }
      await see('chroot: of the image', '/of the image', CHROOT);
      await see('chroot: dropped', '/dropped', CHROOT);
      expect(layers).toEqual({ 'of the image': 'lower', dropped: 'upper', removed: '', elsewhere: '', changed: 'upper', 'chroot: of the image': 'lower', 'chroot: dropped': 'upper' });
    } finally {
      for (const name of ['lib', 'lib64', 'usr']) spawnSync('umount', ['--lazy', join(merged, name)]);
      spawnSync('umount', ['--lazy', merged]);
      execFileSync('umount', ['--lazy', dir]);
      rmSync(dir, { recursive: true });
    }
  });
});
