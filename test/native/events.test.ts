// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { constants, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, it } from 'vitest';
import { SYSCALLS } from '../../src/events/syscalls.js';
import { hex, le16, liveCalls, mayCallAs32Bit, be16, u64s } from './calls.js';
import { type Call, compile, describeLive, type LiveEvent, pythonPath, trigger, type Triggered } from './probe.js';

const AT_FDCWD = -100;
const x64 = process.arch === 'x64';

describeLive('the probe reports each system call with every parameter', () => {
  const names = SYSCALLS.map((s) => s.name);
  const live = liveCalls(names.filter((name) => !/^(futex|epoll_|poll|ppoll|clock_|nanosleep|sched_|getpid|rt_sig)/.test(name)), () => [
    ...(mayCallAs32Bit() ? [compile('compat', '-no-pie')] : []),
    pythonPath(),
  ]);
  const { dir, probe, says } = live;
  const file = join(dir, 'file');

  beforeAll(() => {
    writeFileSync(file, 'hello');
    writeFileSync(at('content'), 'The quick brown fox jumps over the lazy dog. '.repeat(4));
  });

  const at = (name: string): string => join(dir, name);

  // ---- files

  const opened = (path: string): { dev: number; ino: number } => ({ dev: statSync(path).dev, ino: statSync(path).ino });

  if (x64) {
    says('open', [['open', file, 0x80002]], 'SYSCALL_OPEN_X', () => ({ fd: 3, name: file, flags: 0x1003, mode: 0, ...opened(file) }));
    says('open that fails', [['open', at('none'), 0]], 'SYSCALL_OPEN_X', () => ({ fd: -2, name: at('none'), flags: 1, mode: 0, dev: 0, ino: 0 }));
    says('creat', [['creat', at('created'), 0o640]], 'SYSCALL_CREAT_X', () => ({ fd: 3, name: at('created'), mode: 0o640, ...opened(at('created')), creat_flags: 0 }));
  }
  says('openat that creates', [['openat', AT_FDCWD, 'new', 0o102 | 0o1000, 0o600]], 'SYSCALL_OPENAT_2_X',
    () => ({ fd: 3, dirfd: AT_FDCWD, name: 'new', flags: 3 | 4 | 0x100 | 0x4000, mode: 0o600, ...opened(at('new')) }));
  says('openat relative to a descriptor', [['openat', AT_FDCWD, dir, constants.O_DIRECTORY], ['openat', { result: 0 }, 'file', 0o2001]], 'SYSCALL_OPENAT_2_X',
    () => ({ fd: 4, dirfd: 3, name: 'file', flags: 2 | 8, mode: 0, ...opened(file) }));
  says('openat of a pointer to nowhere', [['openat', AT_FDCWD, 1, 0]], 'SYSCALL_OPENAT_2_X',
    () => ({ fd: -14, dirfd: AT_FDCWD, name: null, flags: 1, mode: 0, dev: 0, ino: 0 }));
  says('openat2', [['openat2', AT_FDCWD, 'file', { hex: u64s(0o2000000, 0, 0x8 | 0x4) }, 24]], 'SYSCALL_OPENAT2_X',
    () => ({ fd: 3, dirfd: AT_FDCWD, name: 'file', flags: 0x1001, mode: 0, resolve: 1 | 8, ...opened(file) }));
  says('open_by_handle_at that fails', [['open_by_handle_at', AT_FDCWD, 0, 2]], 'SYSCALL_OPEN_BY_HANDLE_AT_X',
    () => ({ fd: -14, mountfd: AT_FDCWD, flags: 3, path: null, dev: 0, ino: 0 }));
  says('close', [['openat', AT_FDCWD, 'file', 0], ['close', { result: 0 }]], 'SYSCALL_CLOSE_X', () => ({ res: 0, fd: 3 }));
  says('close that fails', [['close', 77]], 'SYSCALL_CLOSE_X', () => ({ res: -9, fd: 77 }));
  // Linux 5.10 does not know this flag yet.
  says('close_range', [['close_range', 50, 60, 4]], 'SYSCALL_CLOSE_RANGE_X', (t) => ({ res: t.results[0], first: 50, last: 60, flags: 4 }));
  says('dup', [['dup', 1]], 'SYSCALL_DUP_1_X', () => ({ res: 3, oldfd: 1 }));
  if (x64) says('dup2', [['dup2', 1, 40]], 'SYSCALL_DUP2_X', () => ({ res: 40, oldfd: 1, newfd: 40 }));
  says('dup3', [['dup3', 1, 41, 0o2000000]], 'SYSCALL_DUP3_X', () => ({ res: 41, oldfd: 1, newfd: 41, flags: 0x1000 }));
  says('fcntl that duplicates', [['fcntl', 1, 1030, 30]], 'SYSCALL_FCNTL_X', () => ({ res: 30, fd: 1, cmd: 26, arg: 30 }));
  const inodeOf = (t: Triggered): number => Number(t.outputs[1].readBigUInt64LE(8)); // st_ino of fstat's answer
  if (x64) {
    says('pipe', [['pipe', { out: 8 }], ['fstat', { int: 0, at: 0 }, { out: 144 }]], 'SYSCALL_PIPE_X',
      (t) => ({ res: 0, fd1: 3, fd2: 4, ino: inodeOf(t) }), 0);
  }
  says('pipe2', [['pipe2', { out: 8 }, 0o2004000], ['fstat', { int: 0, at: 0 }, { out: 144 }]], 'SYSCALL_PIPE2_X',
    (t) => ({ res: 0, fd1: 3, fd2: 4, ino: inodeOf(t), flags: 0x1040 }), 0);

  if (x64) {
    says('rename', [['creat', at('r1'), 0o600], ['rename', at('r1'), at('r2')]], 'SYSCALL_RENAME_X', () => ({ res: 0, oldpath: at('r1'), newpath: at('r2') }));
    says('link', [['link', file, at('l1')]], 'SYSCALL_LINK_2_X', () => ({ res: 0, oldpath: file, newpath: at('l1') }));
    says('symlink', [['symlink', '/etc/shadow', at('s1')]], 'SYSCALL_SYMLINK_X', () => ({ res: 0, target: '/etc/shadow', linkpath: at('s1') }));
    says('unlink', [['unlink', at('nothing')]], 'SYSCALL_UNLINK_2_X', () => ({ res: -2, path: at('nothing') }));
    says('mkdir', [['mkdir', at('d1'), 0o750]], 'SYSCALL_MKDIR_2_X', () => ({ res: 0, path: at('d1'), mode: 0o750 }));
    says('rmdir', [['mkdir', at('d2'), 0o750], ['rmdir', at('d2')]], 'SYSCALL_RMDIR_2_X', () => ({ res: 0, path: at('d2') }));
    says('chmod', [['chmod', file, 0o6755]], 'SYSCALL_CHMOD_X', () => ({ res: 0, filename: file, mode: 0o6755 }));
    says('chown', [['chown', file, 12, 34]], 'SYSCALL_CHOWN_X', () => ({ res: 0, path: file, uid: 12, gid: 34 }));
    says('lchown', [['lchown', file, 0, -1]], 'SYSCALL_LCHOWN_X', () => ({ res: 0, path: file, uid: 0, gid: 0xffffffff }));
    says('mknod', [['mknod', at('fifo'), 0o010644, 0]], 'SYSCALL_MKNOD_X', () => ({ res: 0, path: at('fifo'), mode: 0o010644, dev: 0 }));
    says('renameat', [['renameat', AT_FDCWD, 'none', AT_FDCWD, 'other']], 'SYSCALL_RENAMEAT_X',
      () => ({ res: -2, olddirfd: AT_FDCWD, oldpath: 'none', newdirfd: AT_FDCWD, newpath: 'other' }));
  }
  says('renameat2', [['renameat2', AT_FDCWD, 'none', AT_FDCWD, 'other', 1]], 'SYSCALL_RENAMEAT2_X',
    () => ({ res: -2, olddirfd: AT_FDCWD, oldpath: 'none', newdirfd: AT_FDCWD, newpath: 'other', flags: 1 }));
  says('unlinkat', [['mkdirat', AT_FDCWD, 'd3', 0o700], ['unlinkat', AT_FDCWD, 'd3', 0x200]], 'SYSCALL_UNLINKAT_2_X',
    () => ({ res: 0, dirfd: AT_FDCWD, name: 'd3', flags: 0x200 }));
  says('linkat', [['linkat', AT_FDCWD, 'file', AT_FDCWD, 'l2', 0x400]], 'SYSCALL_LINKAT_2_X',
    () => ({ res: 0, olddir: AT_FDCWD, oldpath: 'file', newdir: AT_FDCWD, newpath: 'l2', flags: 0x400 }));
  says('symlinkat', [['symlinkat', 'target', AT_FDCWD, 's2']], 'SYSCALL_SYMLINKAT_X', () => ({ res: 0, target: 'target', linkdirfd: AT_FDCWD, linkpath: 's2' }));
  says('mkdirat', [['mkdirat', AT_FDCWD, 'd4', 0o711]], 'SYSCALL_MKDIRAT_X', () => ({ res: 0, dirfd: AT_FDCWD, path: 'd4', mode: 0o711 }));
  says('mknodat', [['mknodat', AT_FDCWD, 'n1', 0o644, 0]], 'SYSCALL_MKNODAT_X', () => ({ res: 0, dirfd: AT_FDCWD, path: 'n1', mode: 0o100644, dev: 0 }));
  says('fchmod', [['openat', AT_FDCWD, 'file', 0], ['fchmod', { result: 0 }, 0o600]], 'SYSCALL_FCHMOD_X', () => ({ res: 0, fd: 3, mode: 0o600 }));
  says('fchmodat', [['fchmodat', AT_FDCWD, 'file', 0o4711]], 'SYSCALL_FCHMODAT_X', () => ({ res: 0, dirfd: AT_FDCWD, filename: 'file', mode: 0o4711 }));
  says('fchown', [['openat', AT_FDCWD, 'file', 0], ['fchown', { result: 0 }, 1, 2]], 'SYSCALL_FCHOWN_X', () => ({ res: 0, fd: 3, uid: 1, gid: 2 }));
  says('fchownat', [['fchownat', AT_FDCWD, 'file', 3, 4, 0x1000]], 'SYSCALL_FCHOWNAT_X',
    () => ({ res: 0, dirfd: AT_FDCWD, pathname: 'file', uid: 3, gid: 4, flags: 0x1000 }));
  says('chdir', [['chdir', '/']], 'SYSCALL_CHDIR_X', () => ({ res: 0, path: '/' }));
  says('fchdir', [['openat', AT_FDCWD, '/', 0], ['fchdir', { result: 0 }]], 'SYSCALL_FCHDIR_X', () => ({ res: 0, fd: 3 }));
  says('chroot', [['chroot', dir]], 'SYSCALL_CHROOT_X', () => ({ res: 0, path: dir }));
  says('memfd_create', [['memfd_create', 'in memory', 3]], 'SYSCALL_MEMFD_CREATE_X', () => ({ fd: 3, name: 'in memory', flags: 3 }));
  says('mount that fails', [['mount', 'device', at('nowhere'), 'ext4', 0xc0ed0000 | 0x1001, 0]], 'SYSCALL_MOUNT_X',
    () => ({ res: -2, dev: 'device', dir: at('nowhere'), type: 'ext4', flags: 0x1001 }));
  says('umount2', [['umount2', at('nowhere'), 0xa]], 'SYSCALL_UMOUNT2_X', () => ({ res: -2, name: at('nowhere'), flags: 0xa }));

  // ---- descriptors of other kinds

  says('eventfd2', [['eventfd2', 7, 0o4000]], 'SYSCALL_EVENTFD2_X', () => ({ res: 3, flags: 0x40, initval: 7 }));
  says('epoll_create1', [['epoll_create1', 0o2000000]], 'SYSCALL_EPOLL_CREATE1_X', () => ({ res: 3, flags: 1 }));
  says('inotify_init1', [['inotify_init1', 0o4000]], 'SYSCALL_INOTIFY_INIT1_X', () => ({ res: 3, flags: 0x40 }));
  says('timerfd_create', [['timerfd_create', 1, 0o4000]], 'SYSCALL_TIMERFD_CREATE_X', () => ({ res: 3, clockid: 1, flags: 0x40 }));
  says('signalfd4', [['signalfd4', -1, { hex: '0000000000000000' }, 8, 0o4000]], 'SYSCALL_SIGNALFD4_X', () => ({ res: 3, flags: 0x40, fd: -1, mask: 0 }));
  says('pidfd_open', [['pidfd_open', 1, 0]], 'SYSCALL_PIDFD_OPEN_X', () => ({ fd: 3, pid: 1, flags: 0 }));
  says('pidfd_getfd that fails', [['pidfd_getfd', 70, 71, 0]], 'SYSCALL_PIDFD_GETFD_X', () => ({ fd: -9, pid_fd: 70, target_fd: 71, flags: 0 }));
  says('bpf that fails', [['bpf', 7, 0, 0]], 'SYSCALL_BPF_2_X', (t) => ({ fd: t.results[0], cmd: 7 }));

  // ---- users, namespaces, signals

  says('setuid', [['setuid', 0]], 'SYSCALL_SETUID_X', () => ({ res: 0, uid: 0 }));
  says('setgid', [['setgid', 5]], 'SYSCALL_SETGID_X', () => ({ res: 0, gid: 5 }));
  says('setreuid', [['setreuid', 1, 2]], 'SYSCALL_SETREUID_X', () => ({ res: 0, ruid: 1, euid: 2 }));
  says('setregid', [['setregid', 1, 2]], 'SYSCALL_SETREGID_X', () => ({ res: 0, rgid: 1, egid: 2 }));
  says('setresuid', [['setresuid', 1, -1, 3]], 'SYSCALL_SETRESUID_X', () => ({ res: 0, ruid: 1, euid: 0xffffffff, suid: 3 }));
  says('setresgid', [['setresgid', 1, 2, 3]], 'SYSCALL_SETRESGID_X', () => ({ res: 0, rgid: 1, egid: 2, sgid: 3 }));
  says('setsid', [['setsid']], 'SYSCALL_SETSID_X', (t) => ({ res: t.results[0] }));
  says('setpgid', [['setpgid', 0, 0]], 'SYSCALL_SETPGID_X', () => ({ res: 0, pid: 0, pgid: 0 }));
  says('setns that fails', [['setns', 1, 0x40000000]], 'SYSCALL_SETNS_X', () => ({ res: -22, fd: 1, nstype: 0x10 }));
  says('unshare', [['unshare', 0x04020000]], 'SYSCALL_UNSHARE_X', () => ({ res: 0, flags: 0x20 | 0x80 }));
  says('kill', [['kill', 0x7ffffffe, 9]], 'SYSCALL_KILL_X', () => ({ res: -3, pid: 0x7ffffffe, sig: 9 }));
  says('tkill', [['tkill', 0x7ffffffe, 10]], 'SYSCALL_TKILL_X', () => ({ res: -3, tid: 0x7ffffffe, sig: 10 }));
  says('tgkill', [['tgkill', 0x7ffffffd, 0x7ffffffe, 11]], 'SYSCALL_TGKILL_X', () => ({ res: -3, pid: 0x7ffffffd, tid: 0x7ffffffe, sig: 11 }));
  says('ptrace that fails', [['ptrace', 16, 0x7ffffffe, 5, 6]], 'SYSCALL_PTRACE_X',
    () => ({ res: -3, addr: `00${u64s(0)}`, data: `00${u64s(0)}`, request: 11, pid: 0x7ffffffe }));
  says('ptrace that asks to be traced', [['ptrace', 0, 0, 5, 6]], 'SYSCALL_PTRACE_X',
    () => ({ res: 0, addr: `00${u64s(5)}`, data: `00${u64s(6)}`, request: 1, pid: 0 }));
  says('prctl with a name', [['prctl', 15, 'a name']], 'SYSCALL_PRCTL_X', () => ({ res: 0, option: 15, arg2_str: 'a name', arg2_int: 0 }));
  says('prctl with a number', [['prctl', 36, 1]], 'SYSCALL_PRCTL_X', () => ({ res: 0, option: 36, arg2_str: null, arg2_int: 1 }));
  says('init_module that fails', [['init_module', { hex: '7f454c46' }, 4, 'x=1']], 'SYSCALL_INIT_MODULE_X',
    (t) => ({ res: t.results[0], img: '7f454c46', length: 4, uargs: 'x=1' }));
  says('finit_module that fails', [['finit_module', 99, 'y=2', 4]], 'SYSCALL_FINIT_MODULE_X', (t) => ({ res: t.results[0], fd: 99, uargs: 'y=2', flags: 4 }));
  says('delete_module that fails', [['delete_module', 'no_such_module', 0o4000]], 'SYSCALL_DELETE_MODULE_X',
    (t) => ({ res: t.results[0], name: 'no_such_module', flags: 2 }));

  // ---- sockets

  const AF_UNIX = 1, AF_INET = 2, AF_INET6 = 10, STREAM = 1, DGRAM = 2;
  const inet = (port: number): string => `0200${be16(port)}7f000001${'00'.repeat(8)}`;
  const inet6 = (port: number): string => `0a00${be16(port)}00000000${'00'.repeat(15)}0100000000`;

  says('socket', [['socket', AF_INET6, DGRAM | 0o2000000, 17]], 'SOCKET_SOCKET_X', () => ({ fd: 3, domain: AF_INET6, type: DGRAM | 0o2000000, proto: 17, flags: 0x1000 }));
  says('bind to an IPv4 address', [['socket', AF_INET, STREAM, 0], ['bind', { result: 0 }, { hex: inet(0) }, 16]], 'SOCKET_BIND_X',
    () => ({ res: 0, addr: '027f0000010000', fd: 3 }));
  says('bind to an IPv6 address', [['socket', AF_INET6, STREAM, 0], ['bind', { result: 0 }, { hex: inet6(0) }, 28]], 'SOCKET_BIND_X',
    () => ({ res: 0, addr: `0a${'00'.repeat(15)}010000`, fd: 3 }));
  says('bind to a path', [['socket', AF_UNIX, STREAM, 0], ['bind', { result: 0 }, { hex: `0100${hex('sock')}` }, 6]], 'SOCKET_BIND_X',
    () => ({ res: 0, addr: `01${hex('sock')}00`, fd: 3 }));
  says('bind to an abstract name', [['socket', AF_UNIX, STREAM, 0], ['bind', { result: 0 }, { hex: `010000${hex('abstract')}` }, 11]], 'SOCKET_BIND_X',
    () => ({ res: 0, addr: `01${hex('abstract')}00`, fd: 3 }));
  says('listen', [['socket', AF_INET, STREAM, 0], ['listen', { result: 0 }, 12]], 'SOCKET_LISTEN_X', () => ({ res: 0, fd: 3, backlog: 12 }));
  says('shutdown that fails', [['socket', AF_INET, STREAM, 0], ['shutdown', { result: 0 }, 1]], 'SOCKET_SHUTDOWN_X', () => ({ res: -107, fd: 3, how: 1 }));
  says('connect that is refused', [['socket', AF_INET, STREAM, 0], ['connect', { result: 0 }, { hex: inet(1) }, 16]], 'SOCKET_CONNECT_X',
    () => ({ res: -111, tuple: '', fd: 3, addr: '027f0000010100' }));

  it('socketpair: both ends, by their addresses in the kernel', async () => {
    const done = await trigger([['socketpair', AF_UNIX, STREAM, 0, { out: 8 }]]);
    const event = await probe.find((e) => e.tid === done.tid && e.key === 'SOCKET_SOCKETPAIR_X');
    const { source, peer, ...rest } = event.params;
    expect(rest).toEqual({ res: 0, fd1: 3, fd2: 4, domain: AF_UNIX, type: STREAM, proto: 0 });
    expect(source).not.toBe(0);
    expect(peer).not.toBe(0);
    expect(source).not.toBe(peer);
  });

  for (const [family, address, local, bytes] of [['127.0.0.1', inet, '7f000001', 16], ['::1', inet6, `${'00'.repeat(15)}01`, 28]] as const) {
    it(`connect, accept and accept4 over ${family}: both ends`, async () => {
      const code = family === '::1' ? AF_INET6 : AF_INET;
      const port = await freePort(family);
      const listener: Call[] = [['socket', code, STREAM, 0], ['bind', { result: 0 }, { hex: address(port) }, bytes], ['listen', { result: 0 }, 8]];
      const client = (): Call[] => [['socket', code, STREAM, 0], ['connect', { result: 3 }, { hex: address(port) }, bytes]];
      const accept = x64 ? ([['accept', { result: 0 }, 0, 0]] as Call[]) : [];
      const done = await trigger([...listener, ...client(), ['socket', code, STREAM, 0], ['connect', { result: 5 }, { hex: address(port) }, bytes],
        ['accept4', { result: 0 }, 0, 0, 0o2000000], ...accept]);
      const head = code === AF_INET6 ? '0a' : '02';
      const server = `${local}${le16(port)}`;
      const connect = await probe.find((e) => e.tid === done.tid && e.key === 'SOCKET_CONNECT_X');
      const own = (connect.params.tuple as string).slice(2, 2 + local.length + 4);
      expect(own.startsWith(local)).toBe(true);
      expect(connect.params).toEqual({ res: 0, tuple: `${head}${own}${server}`, fd: done.results[3], addr: `${head}${server}` });
      const four = await probe.find((e) => e.tid === done.tid && e.key === 'SOCKET_ACCEPT4_6_X');
      expect(four.params).toEqual({ fd: done.results[7], tuple: `${head}${own}${server}`, queuepct: 12, queuelen: 1, queuemax: 8, flags: 0x1000 });
      if (x64) {
        const five = await probe.find((e) => e.tid === done.tid && e.key === 'SOCKET_ACCEPT_5_X');
        const { tuple, ...rest } = five.params;
        expect(rest).toEqual({ fd: done.results[8], queuepct: 0, queuelen: 0, queuemax: 8 });
        expect((tuple as string).endsWith(server)).toBe(true);
      }
    });
  }

  it('connect to a path: the peer\'s address in the kernel and its path', async () => {
    const path = at('listening');
    const address = `0100${hex(path)}00`;
    const bytes = address.length / 2;
    const done = await trigger([['socket', AF_UNIX, STREAM, 0], ['bind', { result: 0 }, { hex: address }, bytes], ['listen', { result: 0 }, 3],
      ['socket', AF_UNIX, STREAM, 0], ['connect', { result: 3 }, { hex: address }, bytes], ['accept4', { result: 0 }, 0, 0, 0]]);
    const connect = await probe.find((e) => e.tid === done.tid && e.key === 'SOCKET_CONNECT_X' && e.params.res === 0);
    const { tuple, ...rest } = connect.params;
    expect(rest).toEqual({ res: 0, fd: 4, addr: `01${hex(path)}00` });
    expect((tuple as string).slice(0, 2)).toBe('01');
    expect((tuple as string).slice(34)).toBe(`${hex(path)}00`);
    const [peer, own] = [(tuple as string).slice(2, 18), (tuple as string).slice(18, 34)];
    const accept = await probe.find((e) => e.tid === done.tid && e.key === 'SOCKET_ACCEPT4_6_X');
    // The accepted socket is the connected one's peer, seen from the other side.
    expect(accept.params).toEqual({ fd: done.results[5], tuple: `01${peer}${own}${hex(path)}00`, queuepct: 0, queuelen: 0, queuemax: 3, flags: 0 });
  });

  // ---- the rest

  it('a call without an event of its own: its portable and native numbers', async () => {
    const done = await trigger([['umask', 0o22]]);
    const row = SYSCALLS.find((s) => s.name === 'umask');
    const native = x64 ? row?.x86_64 : row?.aarch64;
    const event = await probe.find((e) => e.tid === done.tid && e.key === 'GENERIC_X' && e.params.nativeID === native);
    expect(event.params).toEqual({ ID: row?.code, nativeID: native });
  });

  // ---- input and output, with the first 80 bytes of the data

  const openFile: Call = ['openat', AT_FDCWD, 'content', 2];
  const text = 'The quick brown fox jumps over the lazy dog. '.repeat(4);
  const kept = hex(text).slice(0, 160);

  says('read', [openFile, ['read', { result: 0 }, { out: 200 }, 100]], 'SYSCALL_READ_X', () => ({ res: 100, data: kept, fd: 3, size: 100 }));
  says('read that fails', [['read', 99, { out: 8 }, 8]], 'SYSCALL_READ_X', () => ({ res: -9, data: '', fd: 99, size: 8 }));
  says('write', [['openat', AT_FDCWD, 'written', 0o101, 0o600], ['write', { result: 0 }, 'hello', 5]], 'SYSCALL_WRITE_X',
    () => ({ res: 5, data: hex('hello'), fd: 3, size: 5 }));
  says('write that fails: what was to be written', [['write', 99, 'hello', 5]], 'SYSCALL_WRITE_X', () => ({ res: -9, data: hex('hello'), fd: 99, size: 5 }));
  says('pread', [openFile, ['pread64', { result: 0 }, { out: 8 }, 5, 4]], 'SYSCALL_PREAD_X', () => ({ res: 5, data: hex('quick'), fd: 3, size: 5, pos: 4 }));
  says('pwrite', [['openat', AT_FDCWD, 'written', 0o101, 0o600], ['pwrite64', { result: 0 }, 'abc', 3, 9]], 'SYSCALL_PWRITE_X',
    () => ({ res: 3, data: hex('abc'), fd: 3, size: 3, pos: 9 }));
  says('readv without room', [openFile, ['readv', { result: 0 }, { hex: u64s(0, 0) }, 1]], 'SYSCALL_READV_X', () => ({ res: 0, size: 0, data: '', fd: 3 }));
  says('writev that fails: the size of all pieces', [['writev', 99, { hex: u64s(0, 5, 0, 7) }, 2]], 'SYSCALL_WRITEV_X', () => ({ res: -9, data: '', fd: 99, size: 12 }));
  if (x64) says('stat', [['stat', file, { out: 144 }]], 'SYSCALL_STAT_X', () => ({ res: 0, path: file }));
  says('newfstatat', [['newfstatat', AT_FDCWD, 'file', { out: 144 }, 0x100]], 'SYSCALL_NEWFSTATAT_X', () => ({ res: 0, dirfd: AT_FDCWD, path: 'file', flags: 0x100 }));
  if (x64) says('access', [['access', file, 5]], 'SYSCALL_ACCESS_X', (t) => ({ res: t.results[0], name: file, mode: 5 }));
  says('ioctl that fails', [['ioctl', 99, 0x5401, 17]], 'SYSCALL_IOCTL_3_X', () => ({ res: -9, fd: 99, request: 0x5401, argument: 17 }));
  says('lseek', [openFile, ['lseek', { result: 0 }, 3, 1]], 'SYSCALL_LSEEK_X', () => ({ res: 3, fd: 3, offset: 3, whence: 1 }));
  says('flock', [openFile, ['flock', { result: 0 }, 6]], 'SYSCALL_FLOCK_X', () => ({ res: 0, fd: 3, operation: 6 }));
  says('getuid', [['getuid']], 'SYSCALL_GETUID_X', () => ({ uid: 0 }));
  says('seccomp that fails', [['seccomp', 99, 1, 0]], 'SYSCALL_SECCOMP_X', () => ({ res: -22, op: 99, flags: 1 }));

  it('sendto and recvfrom: the data, and both ends even of an unconnected socket', async () => {
    const port = await freePort('127.0.0.1');
    const done = await trigger([['socket', AF_INET, DGRAM, 0], ['bind', { result: 0 }, { hex: inet(port) }, 16], ['socket', AF_INET, DGRAM, 0],
      ['sendto', { result: 2 }, 'datagram', 8, 0, { hex: inet(port) }, 16], ['recvfrom', { result: 0 }, { out: 32 }, 32, 0, { out: 16 }, { hex: '10000000' }]]);
    const sent = await probe.find((e) => e.tid === done.tid && e.key === 'SOCKET_SENDTO_X');
    const server = `7f000001${le16(port)}`;
    const { tuple, ...rest } = sent.params;
    expect(rest).toEqual({ res: 8, data: hex('datagram'), fd: 4, size: 8 });
    expect((tuple as string).startsWith('02')).toBe(true);
    expect((tuple as string).endsWith(server)).toBe(true);
    const received = await probe.find((e) => e.tid === done.tid && e.key === 'SOCKET_RECVFROM_X');
    expect(received.params).toMatchObject({ res: 8, data: hex('datagram'), fd: 3, size: 32 });
    expect((received.params.tuple as string).endsWith(server)).toBe(true);
  });

  it('sendmsg and recvmsg between a socket pair, and readv and writev of pieces', async () => {
    const program = `import os, socket
a, b = socket.socketpair()
a.sendmsg([b'one', b'two']); print(b.recv(3).decode())
data, _, _, _ = b.recvmsg(10); print(data.decode())
r, w = os.pipe(); os.writev(w, [b'left', b'right']); x, y = bytearray(2), bytearray(20); os.readv(r, [x, y]); print(os.getpid())`;
    const { stdout } = await promisify(execFile)('python3', ['-c', program]);
    const pid = Number(stdout.trim().split('\n').at(-1));
    const send = await probe.find((e) => e.tid === pid && e.key === 'SOCKET_SENDMSG_X');
    const { tuple, ...sent } = send.params;
    expect(sent).toEqual({ res: 6, data: hex('onetwo'), fd: expect.any(Number), size: 6 });
    expect(tuple).toMatch(/^01[0-9a-f]{32}00$/);
    const receive = await probe.find((e) => e.tid === pid && e.key === 'SOCKET_RECVMSG_X');
    expect(receive.params).toMatchObject({ res: 3, size: 3, data: hex('two'), msgcontrol: '', fd: (sent.fd as number) + 1 });
    const written = await probe.find((e) => e.tid === pid && e.key === 'SYSCALL_WRITEV_X');
    expect(written.params).toEqual({ res: 9, data: hex('leftright'), fd: expect.any(Number), size: 9 });
    const read = await probe.find((e) => e.tid === pid && e.key === 'SYSCALL_READV_X');
    expect(read.params).toEqual({ res: 9, size: 9, data: hex('leftright'), fd: (written.params.fd as number) - 1 });
  });

  it.runIf(mayCallAs32Bit())('calls of 32-bit programs are reported as what they are', async () => {
    const path = at('made by a 32-bit call');
    const { stdout } = await promisify(execFile)(compile('compat', '-no-pie'), [path]);
    const said = JSON.parse(stdout) as Record<string, number>;
    const event = (key: string): Promise<LiveEvent> => probe.find((e) => e.tid === said.pid && e.key === key && (e.params.name ?? path) === path);
    expect((await event('SYSCALL_MKDIR_2_X')).params).toEqual({ res: 0, path, mode: 0o750 });
    expect((await event('SYSCALL_OPENAT_2_X')).params).toEqual({ fd: said.openat, dirfd: AT_FDCWD, name: path, flags: 0x401 | 0x2000, mode: 0, ...opened(path) });
    expect((await event('SOCKET_SOCKET_X')).params).toEqual({ fd: said.socket, domain: AF_INET, type: STREAM, proto: 0, flags: 0 });
    expect((await event('SOCKET_CONNECT_X')).params).toEqual({ res: -111, tuple: '', fd: said.socket, addr: '027f0000010100' });
    const failed = await probe.find((e) => e.tid === said.pid && e.key === 'SYSCALL_EXECVE_19_X' && e.params.res !== 0);
    expect(failed.params).toMatchObject({ res: -2, exe: '/no/such/program', args: ['argument'], env: [], filename: '/no/such/program' });
    expect((await event('SYSCALL_SETUID_X')).params).toEqual({ res: 0, uid: 0 });
    const umask = SYSCALLS.find((s) => s.name === 'umask');
    const generic = await probe.find((e) => e.tid === said.pid && e.key === 'GENERIC_X' && e.params.nativeID === umask?.x86_64);
    expect(generic.params).toEqual({ ID: umask?.code, nativeID: umask?.x86_64 });
  });

  it('says on which CPU and when, in the epoch\'s nanoseconds', async () => {
    const before = BigInt(Date.now()) * 1_000_000n;
    const done = await trigger([['close', 1234]]);
    const event = await probe.find((e) => e.tid === done.tid && e.key === 'SYSCALL_CLOSE_X' && e.params.fd === 1234);
    expect(event.ts).toBeGreaterThan(before - 2_000_000n);
    expect(event.ts).toBeLessThan(BigInt(Date.now()) * 1_000_000n + 2_000_000n);
    expect(event.cpu).toBeLessThan(4096);
  });

  it('reports a long path whole, and a path that is a symbolic link as it was given', async () => {
    const long = `/${'a'.repeat(200)}/${'b'.repeat(255)}/${'c'.repeat(255)}`;
    const link = at('link');
    symlinkSync(file, link);
    const done = await trigger([['openat', AT_FDCWD, long, 0], ['openat', AT_FDCWD, link, 0]]);
    const first = await probe.find((e) => e.tid === done.tid && e.key === 'SYSCALL_OPENAT_2_X' && e.params.name === long);
    expect(first.params.fd).toBe(-2);
    const second = await probe.find((e) => e.tid === done.tid && e.key === 'SYSCALL_OPENAT_2_X' && e.params.name === link);
    expect(second.params).toMatchObject({ fd: 3, ...opened(file) });
  });

});

async function freePort(host: string): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, host, done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}
