// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { constants, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, it } from 'vitest';
import { hex, liveCalls, u32s, u64s } from './calls.js';
import { type Call, describeLive, type LiveEvent, pythonPath, type Structure, trigger } from './probe.js';

const AT_FDCWD = -100;
const x64 = process.arch === 'x64';
const [AF_UNIX, AF_INET, AF_INET6, STREAM, DGRAM] = [1, 2, 10, 1, 2];

describeLive('the probe reports memory, options, messages, limits and waiting with every parameter', () => {
  const names = [
    'mmap', 'munmap', 'brk', 'mlock', 'mlock2', 'munlock', 'mlockall', 'munlockall', 'mprotect', 'setsockopt', 'getsockopt', 'getsockname', 'getpeername',
    'sendmmsg', 'recvmmsg', 'futex', 'getcwd', 'poll', 'ppoll', 'select', 'nanosleep', 'epoll_wait', 'epoll_create', 'getrlimit', 'setrlimit', 'prlimit64',
    'sendfile', 'splice', 'copy_file_range', 'quotactl', 'getresuid', 'getresgid', 'getgid', 'geteuid', 'getegid', 'semget', 'semop', 'semctl',
    'io_uring_setup', 'io_uring_enter', 'io_uring_register', 'fsconfig', 'process_vm_readv', 'process_vm_writev', 'keyctl', 'lstat', 'fstat', 'getdents',
    'getdents64', 'eventfd', 'inotify_init', 'signalfd', 'userfaultfd', 'capset', 'preadv', 'pwritev', 'execveat',
  ];
  const { dir, probe, says } = liveCalls(names, () => [pythonPath()]);
  const memory = { vm_size: expect.any(Number), vm_rss: expect.any(Number), vm_swap: 0 };
  const content = join(dir, 'content');

  beforeAll(() => writeFileSync(content, 'The quick brown fox jumps over the lazy dog.'));

  // ---- memory

  const mapped: Call = ['mmap', 0x10000000, 8192, 3, 0x32, -1, 0];
  says('mmap', [mapped], 'SYSCALL_MMAP_X',
    () => ({ res: 0x10000000, ...memory, addr: 0x10000000, length: 8192, prot: 3, flags: 2 | 4 | 8, fd: -1, offset: 0 }));
  says('mmap with all flags that the wire knows', [['mmap', 0, 4096, 7, 0x1f9f3, 77, 8192]], 'SYSCALL_MMAP_X',
    (t) => ({ res: t.results[0], ...memory, addr: 0, length: 4096, prot: 7, flags: 0x5fdf, fd: 77, offset: 8192 }));
  says('munmap', [mapped, ['munmap', 0x10000000, 8192]], 'SYSCALL_MUNMAP_X', () => ({ res: 0, ...memory, addr: 0x10000000, length: 8192 }));
  says('brk', [['brk', 0]], 'SYSCALL_BRK_4_X', (t) => ({ res: t.results[0], ...memory, addr: 0 }));
  says('mprotect', [mapped, ['mprotect', 0x10000000, 4096, 1]], 'SYSCALL_MPROTECT_X', () => ({ res: 0, addr: 0x10000000, length: 4096, prot: 1 }));
  says('mlock', [mapped, ['mlock', 0x10000000, 4096]], 'SYSCALL_MLOCK_X', () => ({ res: 0, addr: 0x10000000, len: 4096 }));
  says('mlock2', [mapped, ['mlock2', 0x10000000, 4096, 1]], 'SYSCALL_MLOCK2_X', () => ({ res: 0, addr: 0x10000000, len: 4096, flags: 1 }));
  says('munlock', [mapped, ['munlock', 0x10000000, 4096]], 'SYSCALL_MUNLOCK_X', () => ({ res: 0, addr: 0x10000000, len: 4096 }));
  says('mlockall', [['mlockall', 2]], 'SYSCALL_MLOCKALL_X', () => ({ res: 0, flags: 2 }));
  says('munlockall', [['munlockall']], 'SYSCALL_MUNLOCKALL_X', () => ({ res: 0 }));

  it('says how much memory the process has', async () => {
    const done = await trigger([mapped, ['openat', AT_FDCWD, '/proc/self/status', 0], ['read', { result: 1 }, { out: 4096 }, 4096]]);
    const status = done.outputs[2].toString();
    const kb = (name: string): number => Number(new RegExp(`^${name}:\\s*(\\d+) kB`, 'm').exec(status)?.[1]);
    const { params } = await probe.find((e) => e.tid === done.tid && e.key === 'SYSCALL_MMAP_X' && e.params.res === 0x10000000);
    // The buffers for the answer come later.
    expect(Math.abs((params.vm_size as number) - kb('VmSize'))).toBeLessThan(1024);
    expect(params.vm_rss).toBeGreaterThan(0);
    // Each CPU keeps back up to 64 pages before it tells the total.
    expect(Math.abs((params.vm_rss as number) - kb('VmRSS'))).toBeLessThan(4 * 64 * 64);
    expect(params.vm_swap).toBe(kb('VmSwap'));
  });

  // ---- sockets

  const socket: Call = ['socket', AF_INET, STREAM, 0];
  const option = (level: number, name: number, value: string): Call => ['setsockopt', { result: 0 }, level, name, { hex: value }, value.length / 2];
  says('setsockopt with a number', [socket, option(1, 2, u32s(1))], 'SOCKET_SETSOCKOPT_X',
    () => ({ res: 0, fd: 3, level: 1, optname: 2, val: `02${u32s(1)}`, optlen: 4 }));
  says('setsockopt with a time', [socket, option(1, 20, u64s(3, 500_000))], 'SOCKET_SETSOCKOPT_X',
    () => ({ res: 0, fd: 3, level: 1, optname: 20, val: `04${u64s(3_500_000_000)}`, optlen: 16 }));
  says('setsockopt with a time of the newer kind', [socket, option(1, 67, u64s(1, 7))], 'SOCKET_SETSOCKOPT_X',
    () => ({ res: 0, fd: 3, level: 1, optname: 21, val: `04${u64s(1_000_007_000)}`, optlen: 16 }));
  says('setsockopt with a structure', [socket, option(1, 13, u32s(1, 5))], 'SOCKET_SETSOCKOPT_X',
    () => ({ res: 0, fd: 3, level: 1, optname: 13, val: `00${u32s(1, 5)}`, optlen: 8 }));
  says('setsockopt of TCP', [socket, option(6, 1, u32s(1))], 'SOCKET_SETSOCKOPT_X',
    () => ({ res: 0, fd: 3, level: 2, optname: 0, val: `00${u32s(1)}`, optlen: 4 }));
  says('setsockopt of IP, failing', [['setsockopt', 99, 0, 1, 0, 0]], 'SOCKET_SETSOCKOPT_X',
    () => ({ res: -9, fd: 99, level: 0, optname: 0, val: '00', optlen: 0 }));
  const asked = (name: number, bytes: number): Call => ['getsockopt', { result: 0 }, 1, name, { out: bytes }, { hex: u32s(bytes) }];
  says('getsockopt of the last error', [socket, asked(4, 4)], 'SOCKET_GETSOCKOPT_X',
    () => ({ res: 0, fd: 3, level: 1, optname: 4, val: `01${u64s(0)}`, optlen: 4 }));
  says('getsockopt of the type', [['socket', AF_INET6, DGRAM, 0], asked(3, 4)], 'SOCKET_GETSOCKOPT_X',
    () => ({ res: 0, fd: 3, level: 1, optname: 3, val: `02${u32s(DGRAM)}`, optlen: 4 }));
  says('getsockopt of the cookie', [socket, asked(57, 8)], 'SOCKET_GETSOCKOPT_X',
    (t) => ({ res: 0, fd: 3, level: 1, optname: 53, val: `03${t.outputs[1].toString('hex')}`, optlen: 8 }));
  says('getsockopt of the peer', [['socketpair', AF_UNIX, STREAM, 0, { out: 8 }], ['getsockopt', { int: 0, at: 4 }, 1, 17, { out: 12 }, { hex: u32s(12) }]],
    'SOCKET_GETSOCKOPT_X', (t) => ({ res: 0, fd: 4, level: 1, optname: 17, val: `00${u32s(t.pid, 0, 0)}`, optlen: 12 }));
  says('getsockname', [socket, ['getsockname', { result: 0 }, { out: 16 }, { hex: u32s(16) }]], 'SOCKET_GETSOCKNAME_X', () => ({}));
  says('getpeername', [socket, ['getpeername', { result: 0 }, { out: 16 }, { hex: u32s(16) }]], 'SOCKET_GETPEERNAME_X', () => ({}));

  /** struct mmsghdr of 64-bit programs. */
  const message = (name: string, data: string, bytes: number, control = ''): Structure => [
    ...(name === '' ? [u64s(0)] : [{ bytes: name }]), u64s(name.length / 2), { struct: [{ bytes: data }, u64s(bytes)] }, u64s(1),
    ...(control === '' ? [u64s(0)] : [{ bytes: control }]), u64s(control.length / 2), u64s(0), u64s(0),
  ];

  it('sendmmsg and recvmmsg: an event for each message, with both ends and what came with it', async () => {
    const done = await trigger([
      ['socketpair', AF_UNIX, DGRAM, 0, { out: 8 }],
      ['sendmmsg', { int: 0, at: 0 }, { struct: [...message('', hex('first'), 5), ...message('', hex('second!'), 7)] }, 2, 0],
      ['recvmmsg', { int: 0, at: 4 }, { struct: [...message('', '00'.repeat(32), 32), ...message('', '00'.repeat(32), 32, '00'.repeat(32))] }, 2, 0x40, 0],
    ]);
    expect(done.results.slice(1)).toEqual([2, 2]);
    const of = (key: string) => probe.events.filter((e) => e.tid === done.tid && e.key === key);
    await probe.find((e) => e.tid === done.tid && e.key === 'SOCKET_RECVMMSG_X' && e.params.res === 7);
    const tuple = expect.stringMatching(/^01[0-9a-f]{32}00$/);
    expect(of('SOCKET_SENDMMSG_X').map((e) => e.params)).toEqual([
      { res: 5, fd: 3, size: 5, data: hex('first'), tuple }, { res: 7, fd: 3, size: 7, data: hex('second!'), tuple },
    ]);
    expect(of('SOCKET_RECVMMSG_X').map((e) => e.params)).toEqual([
      { res: 5, fd: 4, size: 5, data: hex('first'), tuple, msgcontrol: '' }, { res: 7, fd: 4, size: 7, data: hex('second!'), tuple, msgcontrol: '' },
    ]);
  });

  it('sendmmsg of many messages: an event for every one of them', async () => {
    const sizes = Array.from({ length: 40 }, (_, i) => i + 1);
    const done = await trigger([
      ['socketpair', AF_UNIX, STREAM, 0, { out: 8 }],
      ['sendmmsg', { int: 0, at: 0 }, { struct: sizes.flatMap((size) => message('', '41'.repeat(size), size)) }, sizes.length, 0],
    ]);
    expect(done.results[1]).toBe(sizes.length);
    const sent = (e: LiveEvent) => e.tid === done.tid && e.key === 'SOCKET_SENDMMSG_X';
    await probe.find((e) => sent(e) && e.params.res === sizes.at(-1));
    expect(probe.events.filter(sent).map((e) => e.params.res)).toEqual(sizes);
  });

  it('sendmmsg to an address, and recvmmsg with the control data of the answer', async () => {
    const program = `import ctypes, os, socket, struct
libc = ctypes.CDLL(None, use_errno=True)
a = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); a.bind(('127.0.0.1', 0)); a.setsockopt(socket.SOL_SOCKET, 29, 1)
b = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
port = a.getsockname()[1]
keep = []
def at(data):
    buffer = ctypes.create_string_buffer(data, len(data)); keep.append(buffer); return ctypes.addressof(buffer)
def message(name, data, control):
    return struct.pack('QQQQQQQQ', at(name) if name else 0, len(name), at(struct.pack('QQ', at(data), len(data))), 1, at(control) if control else 0, len(control), 0, 0)
to = struct.pack('=HHBBBBQ', 2, socket.htons(port), 127, 0, 0, 1, 0)
assert libc.sendmmsg(b.fileno(), ctypes.c_void_p(at(message(to, b'datagram', b''))), 1, 0) == 1
assert libc.recvmmsg(a.fileno(), ctypes.c_void_p(at(message(b'\\0' * 16, b'\\0' * 20, b'\\0' * 64))), 1, 0, None) == 1
print(port, b.getsockname()[1], a.fileno(), b.fileno())`;
    const { stdout } = await promisify(execFile)('python3', ['-c', program]);
    const [port, from, a, b] = stdout.trim().split(' ').map(Number);
    const le = (n: number): string => u32s(n).slice(0, 4);
    const sent = await probe.find((e) => e.key === 'SOCKET_SENDMMSG_X' && String(e.params.tuple).endsWith(`7f000001${le(port)}`));
    expect(sent.params).toEqual({ res: 8, fd: b, size: 8, data: hex('datagram'), tuple: `02${'00000000'}${le(from)}7f000001${le(port)}` });
    const got = await probe.find((e) => e.key === 'SOCKET_RECVMMSG_X' && String(e.params.tuple).endsWith(`7f000001${le(port)}`));
    expect(got.params).toEqual({
      res: 8, fd: a, size: 8, data: hex('datagram'), tuple: `027f000001${le(from)}7f000001${le(port)}`,
      msgcontrol: expect.stringMatching(/^2000000000000000010000001d000000/), // 32 bytes, SOL_SOCKET, SO_TIMESTAMP
    });
  });

  says('sendmmsg that fails', [['sendmmsg', 99, 0, 1, 0]], 'SOCKET_SENDMMSG_X', () => ({ res: -9, fd: 99, size: 0, data: '', tuple: '' }));
  says('recvmmsg that fails', [['recvmmsg', 98, 0, 1, 0, 0]], 'SOCKET_RECVMMSG_X', () => ({ res: -9, fd: 98, size: 0, data: '', tuple: '', msgcontrol: '' }));

  // ---- waiting

  says('futex', [['futex', 0x1000, 129, 7]], 'SYSCALL_FUTEX_X', (t) => ({ res: t.results[0], addr: 0x1000, op: 129, val: 7 }));
  says('futex with an operation that the wire does not know', [['futex', 0x1000, 256 | 60, 8]], 'SYSCALL_FUTEX_X',
    (t) => ({ res: t.results[0], addr: 0x1000, op: 256, val: 8 }));
  /** The wire's list of descriptors. */
  const fds = (...each: [fd: number, flags: number][]): string =>
    u32s(each.length).slice(0, 4) + each.map(([fd, flags]) => u64s(fd) + u32s(flags).slice(0, 4)).join('');
  const asking = (fd: number, events: number): string => u32s(fd) + u32s(events);
  if (x64) {
    says('poll: what each descriptor is ready for', [['poll', { hex: asking(1, 4) + asking(77, 1) }, 2, 0]], 'SYSCALL_POLL_X',
      () => ({ res: 2, fds: fds([1, 4], [77, 0x40]), timeout: 0 }));
    says('poll of more than the wire holds', [['poll', { hex: asking(77, 1).repeat(20) }, 20, 5]], 'SYSCALL_POLL_X',
      () => ({ res: 20, fds: fds(...Array.from({ length: 16 }, (): [number, number] => [77, 0x40])), timeout: 5 }));
    says('poll that fails', [['poll', 1, 3, -1]], 'SYSCALL_POLL_X', () => ({ res: -14, fds: '0000', timeout: 0xffffffff }));
    says('select', [['select', 0, 0, 0, 0, { hex: u64s(0, 0) }]], 'SYSCALL_SELECT_X', () => ({ res: 0 }));
    says('epoll_create', [['epoll_create', 5]], 'SYSCALL_EPOLL_CREATE_X', () => ({ res: 3, size: 5 }));
    says('epoll_wait that fails', [['epoll_wait', 99, { out: 12 }, 1, 0]], 'SYSCALL_EPOLLWAIT_X', () => ({ res: -9, maxevents: 1 }));
    says('eventfd', [['eventfd', 9]], 'SYSCALL_EVENTFD_X', () => ({ res: 3, initval: 9, flags: 0 }));
    says('inotify_init', [['inotify_init']], 'SYSCALL_INOTIFY_INIT_X', () => ({ res: 3, flags: 0 }));
    says('signalfd', [['signalfd', -1, { hex: u64s(0) }, 8]], 'SYSCALL_SIGNALFD_X', () => ({ res: 3, fd: -1, mask: 0, flags: 0 }));
    says('getrlimit', [['getrlimit', 7, { out: 16 }]], 'SYSCALL_GETRLIMIT_X',
      (t) => ({ res: 0, cur: Number(t.outputs[0].readBigInt64LE(0)), max: Number(t.outputs[0].readBigInt64LE(8)), resource: 7 }));
    says('getrlimit that fails', [['getrlimit', 99, { out: 16 }]], 'SYSCALL_GETRLIMIT_X', () => ({ res: -22, cur: -1, max: -1, resource: 255 }));
    says('setrlimit', [['setrlimit', 4, { hex: u64s(0, -1) }]], 'SYSCALL_SETRLIMIT_X', (t) => ({ res: t.results[0], cur: 0, max: -1, resource: 4 }));
    says('lstat', [['lstat', content, { out: 144 }]], 'SYSCALL_LSTAT_X', () => ({ res: 0, path: content }));
    says('getdents', [['openat', AT_FDCWD, dir, constants.O_DIRECTORY], ['getdents', { result: 0 }, { out: 512 }, 512]], 'SYSCALL_GETDENTS_X', (t) => ({ res: t.results[1], fd: 3 }));
  }
  says('ppoll that fails', [['ppoll', { hex: asking(1, 4) }, 1, { hex: u64s(1, 5) }, { hex: u64s(0x10200) }, 7]], 'SYSCALL_PPOLL_X',
    () => ({ res: -22, fds: fds([1, 0]), timeout: 1_000_000_005, sigmask: 0x10200 }));
  says('ppoll', [['ppoll', { hex: asking(1, 4) }, 1, 0, 0, 8]], 'SYSCALL_PPOLL_X', () => ({ res: 1, fds: fds([1, 4]), timeout: 0, sigmask: 0 }));
  says('nanosleep', [['nanosleep', { hex: u64s(0, 1234) }, 0]], 'SYSCALL_NANOSLEEP_X', () => ({ res: 0, interval: 1234 }));

  // ---- limits, ids

  says('prlimit', [['prlimit64', 0, 7, { hex: u64s(100, 200) }, { out: 16 }]], 'SYSCALL_PRLIMIT_X', (t) => ({
    res: 0, newcur: 100, newmax: 200, oldcur: Number(t.outputs[0].readBigInt64LE(0)), oldmax: Number(t.outputs[0].readBigInt64LE(8)), pid: 0, resource: 7,
  }));
  says('prlimit that fails', [['prlimit64', 0x7ffffffe, 3, 0, { out: 16 }]], 'SYSCALL_PRLIMIT_X',
    () => ({ res: -3, newcur: 0, newmax: 0, oldcur: -1, oldmax: -1, pid: 0x7ffffffe, resource: 3 }));
  says('getresuid', [['setresuid', 1, 2, 3], ['getresuid', { out: 4 }, { out: 4 }, { out: 4 }]], 'SYSCALL_GETRESUID_X', () => ({ res: 0, ruid: 1, euid: 2, suid: 3 }));
  says('getresgid', [['setresgid', 4, 5, 6], ['getresgid', { out: 4 }, { out: 4 }, { out: 4 }]], 'SYSCALL_GETRESGID_X', () => ({ res: 0, rgid: 4, egid: 5, sgid: 6 }));
  says('getgid', [['setresgid', 4, 5, 6], ['getgid']], 'SYSCALL_GETGID_X', () => ({ gid: 4 }));
  says('getegid', [['setresgid', 4, 5, 6], ['getegid']], 'SYSCALL_GETEGID_X', () => ({ egid: 5 }));
  says('geteuid', [['setresuid', 4, 5, 6], ['geteuid']], 'SYSCALL_GETEUID_X', () => ({ euid: 5 }));
  says('capset that fails', [['capset', 0, 0]], 'SYSCALL_CAPSET_X', (t) => ({ res: t.results[0], ...ownCapabilities() }));

  // ---- files

  const open = (path: string, flags: number): Call => ['openat', AT_FDCWD, path, flags, 0o600];
  says('getcwd', [['getcwd', { out: 200 }, 200]], 'SYSCALL_GETCWD_X', () => ({ res: dir.length + 1, path: dir }));
  says('getcwd that fails', [['getcwd', { out: 2 }, 1]], 'SYSCALL_GETCWD_X', () => ({ res: -34, path: null }));
  says('fstat', [open('content', 0), ['fstat', { result: 0 }, { out: 144 }]], 'SYSCALL_FSTAT_X', () => ({ res: 0, fd: 3 }));
  says('getdents64', [open(dir, constants.O_DIRECTORY), ['getdents64', { result: 0 }, { out: 512 }, 512]], 'SYSCALL_GETDENTS64_X', (t) => ({ res: t.results[1], fd: 3 }));
  says('preadv', [open('content', 0), ['preadv', { result: 0 }, { struct: [{ bytes: '00'.repeat(4) }, u64s(4), { bytes: '0000' }, u64s(2)] }, 2, 4, 0]],
    'SYSCALL_PREADV_X', () => ({ res: 6, size: 6, data: hex('quick '), fd: 3, pos: 4 }));
  says('pwritev', [open('written', 0o102), ['pwritev', { result: 0 }, { struct: [{ bytes: hex('left') }, u64s(4), { bytes: hex('right') }, u64s(5)] }, 2, 3, 0]],
    'SYSCALL_PWRITEV_X', () => ({ res: 9, data: hex('leftright'), fd: 3, size: 9, pos: 3 }));
  says('sendfile: the offset afterwards', [open('content', 0), open('copy', 0o102), ['sendfile', { result: 1 }, { result: 0 }, { hex: u64s(4) }, 5]],
    'SYSCALL_SENDFILE_X', () => ({ res: 5, offset: 9, out_fd: 4, in_fd: 3, size: 5 }));
  says('copy_file_range', [open('content', 0), open('copy2', 0o102), ['copy_file_range', { result: 0 }, 0, { result: 1 }, 0, 5, 0]],
    'SYSCALL_COPY_FILE_RANGE_X', () => ({ res: 5, fdout: 4, offout: 0, fdin: 3, offin: 0, len: 5 }));
  says('splice that fails', [['splice', 77, 0, 78, 0, 5, 3]], 'SYSCALL_SPLICE_X', () => ({ res: -9, fd_in: 77, fd_out: 78, size: 5, flags: 3 }));
  says('fsconfig of a text', [['fsopen', 'tmpfs', 0], ['fsconfig', { result: 0 }, 1, 'size', '1M', 0]], 'SYSCALL_FSCONFIG_X',
    () => ({ res: 0, fd: 3, cmd: 1, key: 'size', value_bytebuf: '', value_charbuf: '1M', aux: 0 }));
  says('fsconfig that fails', [['fsconfig', 99, 2, 'key', { hex: '010203' }, 3]], 'SYSCALL_FSCONFIG_X',
    (t) => ({ res: t.results[0], fd: 99, cmd: 2, key: 'key', value_bytebuf: '', value_charbuf: null, aux: 3 }));
  const quota = u64s(11, 12, 13, 14, 15, 16, 17, 18) + u32s(0x3f);
  says('quotactl about a user', [['quotactl', 0x80000800 | 0, content, 55, { hex: quota }]], 'SYSCALL_QUOTACTL_X', (t) => ({
    res: t.results[0], special: content, quotafilepath: null, dqb_bhardlimit: 11, dqb_bsoftlimit: 12, dqb_curspace: 13, dqb_ihardlimit: 14,
    dqb_isoftlimit: 15, dqb_btime: 17, dqb_itime: 18, dqi_bgrace: 0, dqi_igrace: 0, dqi_flags: 0, quota_fmt_out: 1, cmd: 0x40, type: 1, id: 55, quota_fmt: 1,
  }));
  const none = { dqb_bhardlimit: 0, dqb_bsoftlimit: 0, dqb_curspace: 0, dqb_ihardlimit: 0, dqb_isoftlimit: 0, dqb_btime: 0, dqb_itime: 0 };
  says('quotactl that turns group quotas on', [['quotactl', 0x80000201, content, 2, 'quota.file']], 'SYSCALL_QUOTACTL_X', (t) => ({
    res: t.results[0], special: content, quotafilepath: 'quota.file', ...none, dqi_bgrace: 0, dqi_igrace: 0, dqi_flags: 0, quota_fmt_out: 1, cmd: 1,
    type: 2, id: 0, quota_fmt: 4,
  }));
  says('quotactl about times', [['quotactl', 0x80000600, content, 0, { hex: u64s(21, 22) + u32s(2, 7) }]], 'SYSCALL_QUOTACTL_X', (t) => ({
    res: t.results[0], special: content, quotafilepath: null, ...none, dqi_bgrace: 21, dqi_igrace: 22, dqi_flags: 2, quota_fmt_out: 1, cmd: 0x10, type: 1,
    id: 0, quota_fmt: 1,
  }));

  // ---- semaphores, keys, other processes, rings

  const semaphores: Call = ['semget', 0, 2, 0o3600];
  const remove: Call = ['semctl', { result: 0 }, 0, 0, 0];
  says('semget', [semaphores, remove], 'SYSCALL_SEMGET_X', (t) => ({ res: t.results[0], key: 0, nsems: 2, semflg: 0x6000 }), 0);
  says('semop', [semaphores, ['semop', { result: 0 }, { hex: '000001000010' + '010002000008' }, 2], remove], 'SYSCALL_SEMOP_X', (t) => ({
    res: 0, nsops: 2, sem_num_0: 0, sem_op_0: 1, sem_flg_0: 2, sem_num_1: 1, sem_op_1: 2, sem_flg_1: 1, semid: t.results[0],
  }), 1);
  says('semctl', [semaphores, ['semctl', { result: 0 }, 1, 16, 7], remove], 'SYSCALL_SEMCTL_X',
    (t) => ({ res: 0, semid: t.results[0], semnum: 1, cmd: 0x1000, val: 7 }), 1);
  const number = (n: number): string => `00${u64s(n)}`;
  const text = (value: string): string => `01${hex(value)}00`;
  says('keyctl with a name', [['keyctl', 1, 'a session']], 'SYSCALL_KEYCTL_X',
    (t) => ({ res: t.results[0], operation: 1, arg2: text('a session'), arg3: number(0), arg4: number(0), arg5: number(0) }));
  says('keyctl that searches', [['keyctl', 10, -3, 'user', 'no such key', 9]], 'SYSCALL_KEYCTL_X',
    (t) => ({ res: t.results[0], operation: 10, arg2: number(-3), arg3: text('user'), arg4: text('no such key'), arg5: number(9) }));
  says('keyctl with two numbers', [['keyctl', 0, -3, 1, 8, 9]], 'SYSCALL_KEYCTL_X',
    (t) => ({ res: t.results[0], operation: 0, arg2: number(-3), arg3: number(1), arg4: number(0), arg5: number(0) }));
  const vector = (data: string): Structure => [{ bytes: data }, u64s(data.length / 2)];
  says('process_vm_readv', [['getpid'], ['process_vm_readv', { result: 0 }, { struct: vector('00'.repeat(6)) }, 1, { struct: vector(hex('secret')) }, 1, 0]],
    'SYSCALL_PROCESS_VM_READV_X', (t) => ({ res: 6, pid: t.pid, data: hex('secret') }));
  says('process_vm_writev', [['getpid'], ['process_vm_writev', { result: 0 }, { struct: vector(hex('patch')) }, 1, { struct: vector('00'.repeat(6)) }, 1, 0]],
    'SYSCALL_PROCESS_VM_WRITEV_X', (t) => ({ res: 5, pid: t.pid, data: hex('patch') }));
  says('process_vm_readv that fails', [['process_vm_readv', 0x7ffffffe, { struct: vector('0000') }, 1, { struct: vector('0000') }, 1, 0]],
    'SYSCALL_PROCESS_VM_READV_X', () => ({ res: -3, pid: 0x7ffffffe, data: '' }));
  says('io_uring_setup that fails', [['io_uring_setup', 0, { hex: u32s(1, 2, 3, 4, 5, 6) }]], 'SYSCALL_IO_URING_SETUP_X', (t) => ({
    res: t.results[0], entries: 0, sq_entries: 1, cq_entries: 2, flags: 7, sq_thread_cpu: 4, sq_thread_idle: 5, features: 6,
  }));
  says('io_uring_enter that fails', [['io_uring_enter', 99, 1, 2, 9, 5, 8]], 'SYSCALL_IO_URING_ENTER_X',
    (t) => ({ res: t.results[0], fd: 99, to_submit: 1, min_complete: 2, flags: 9, sig: 5 }));
  says('io_uring_register that fails', [['io_uring_register', 99, 20, 7, 3]], 'SYSCALL_IO_URING_REGISTER_X',
    (t) => ({ res: t.results[0], fd: 99, opcode: 20, arg: 7, nr_args: 3 }));
  says('userfaultfd', [['userfaultfd', 0o2004000]], 'SYSCALL_USERFAULTFD_X', (t) => ({ res: t.results[0], flags: 0o2004000 }));
});

/** As the table has them: inheritable, permitted, effective. The trigger runs with our own. */
function ownCapabilities(): Record<string, number> {
  const status = readFileSync('/proc/self/status', 'utf8');
  const of = (name: string): number => Number(`0x${new RegExp(`^${name}:\\s*(\\w+)`, 'm').exec(status)?.[1]}`);
  return { cap_inheritable: of('CapInh'), cap_permitted: of('CapPrm'), cap_effective: of('CapEff') };
}
