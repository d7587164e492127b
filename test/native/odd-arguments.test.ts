// SPDX-License-Identifier: Apache-2.0
/** Calls with arguments that are missing, wrong, cut short or at a limit: every parameter of their events. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { SYSCALLS } from '../../src/events/syscalls.js';
import { be16, hex, liveCalls, u32s, u64s } from './calls.js';
import { type Call, describeLive, type Structure, trigger, triggerPath } from './probe.js';

const AT_FDCWD = -100;
const x64 = process.arch === 'x64';
const [AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, STREAM, DGRAM, RAW] = [1, 2, 10, 16, 1, 2, 3];
const NOWHERE = 1;
/** What a caller leaves in the upper half of a register, where the kernel looks at the lower one only. */
const DIRT = 0xabcdn << 32n;

describeLive('the probe reports calls with odd arguments with every parameter', () => {
  const names = SYSCALLS.map((s) => s.name).filter((name) => !/^(futex|epoll_|ppoll|clock_|nanosleep|sched_|getpid|rt_sig|brk|munmap)/.test(name));
  const { dir, probe, says } = liveCalls(names);
  const at = (name: string): string => join(dir, name);

  beforeAll(() => writeFileSync(at('content'), 'The quick brown fox jumps over the lazy dog. '.repeat(4)));

  // ---- texts

  const failed = { dev: 0, ino: 0 };
  says('openat of an empty path', [['openat', AT_FDCWD, '', 0]], 'SYSCALL_OPENAT_2_X', () => ({ fd: -2, dirfd: AT_FDCWD, name: '', flags: 1, mode: 0, ...failed }));
  says('openat of no path', [['openat', AT_FDCWD, 0, 0o101, 0o644]], 'SYSCALL_OPENAT_2_X',
    () => ({ fd: -14, dirfd: AT_FDCWD, name: null, flags: 2 | 4, mode: 0o644, ...failed }));
  says('openat of a path of 4095 bytes, and of one that is longer', [['openat', AT_FDCWD, '/x'.repeat(2500), 0]], 'SYSCALL_OPENAT_2_X',
    () => ({ fd: -36, dirfd: AT_FDCWD, name: '/x'.repeat(2500).slice(0, 4095), flags: 1, mode: 0, ...failed }));
  says('a descriptor in a register whose upper half holds something', [['openat', DIRT | 0xffffff9cn, 'none', 0]], 'SYSCALL_OPENAT_2_X',
    () => ({ fd: -2, dirfd: AT_FDCWD, name: 'none', flags: 1, mode: 0, ...failed }));
  says('openat that gives descriptor 0: neither device nor inode', [['close', 0], ['openat', AT_FDCWD, 'zero', 0o102, 0o600]], 'SYSCALL_OPENAT_2_X',
    () => ({ fd: 0, dirfd: AT_FDCWD, name: 'zero', flags: 3 | 4 | 0x4000, mode: 0o600, ...failed }));
  says('openat2 with each way to resolve a path', [['openat2', AT_FDCWD, at('none'), { hex: u64s(0, 0, 0x2f) }, 24]], 'SYSCALL_OPENAT2_X',
    (t) => ({ fd: t.results[0], dirfd: AT_FDCWD, name: at('none'), flags: 1, mode: 0, resolve: 0x3d, ...failed }));
  says('openat2 without a structure', [['openat2', AT_FDCWD, at('none'), 0, 24]], 'SYSCALL_OPENAT2_X',
    () => ({ fd: -14, dirfd: AT_FDCWD, name: at('none'), flags: 1, mode: 0, resolve: 0, ...failed }));
  says('mount of nothing', [['mount', 0, at('nowhere'), 0, 1n << 32n | 2n, 0]], 'SYSCALL_MOUNT_X',
    () => ({ res: -2, dev: null, dir: at('nowhere'), type: null, flags: 2 }));
  says('renameat2 with empty paths', [['renameat2', 5, '', 6, '', 7]], 'SYSCALL_RENAMEAT2_X',
    (t) => ({ res: t.results[0], olddirfd: 5, oldpath: '', newdirfd: 6, newpath: '', flags: 7 }));
  says('linkat without paths, and with flags that the wire does not know', [['linkat', AT_FDCWD, 0, AT_FDCWD, NOWHERE, 0xffffff]], 'SYSCALL_LINKAT_2_X',
    (t) => ({ res: t.results[0], olddir: AT_FDCWD, oldpath: null, newdir: AT_FDCWD, newpath: null, flags: 0x1400 }));
  says('unlinkat with unknown flags', [['unlinkat', AT_FDCWD, 'x', 0xfff]], 'SYSCALL_UNLINKAT_2_X', () => ({ res: -22, dirfd: AT_FDCWD, name: 'x', flags: 0x200 }));
  says('memfd_create without a name', [['memfd_create', 0, 0xff]], 'SYSCALL_MEMFD_CREATE_X', (t) => ({ fd: t.results[0], name: null, flags: 7 }));
  says('getcwd of a buffer that is not there', [['getcwd', NOWHERE, 100]], 'SYSCALL_GETCWD_X', () => ({ res: -14, path: null }));
  says('mknodat of a kind that is none', [['mknodat', AT_FDCWD, 'n', 0o170644, 0x12345]], 'SYSCALL_MKNODAT_X',
    (t) => ({ res: t.results[0], dirfd: AT_FDCWD, path: 'n', mode: 0o644, dev: 0x12300045 }));

  // ---- numbers

  says('fcntl with a command in the lower half', [['fcntl', 1, DIRT | 1n, 0]], 'SYSCALL_FCNTL_X', () => ({ res: 0, fd: 1, cmd: 2, arg: 0 }));
  says('fcntl with a command that the wire does not know', [['fcntl', 1, 1033, 0]], 'SYSCALL_FCNTL_X', (t) => ({ res: t.results[0], fd: 1, cmd: 0, arg: 0 }));
  says('lseek with a place in the lower half', [['openat', AT_FDCWD, 'content', 0], ['lseek', { result: 0 }, 7, DIRT | 1n]], 'SYSCALL_LSEEK_X',
    () => ({ res: 7, fd: 3, offset: 7, whence: 1 }));
  says('shutdown with a direction in the lower half', [['socket', AF_INET, STREAM, 0], ['shutdown', { result: 0 }, DIRT | 2n]], 'SOCKET_SHUTDOWN_X',
    () => ({ res: -107, fd: 3, how: 2 }));
  says('shutdown of a direction that is none', [['shutdown', 99, 7]], 'SOCKET_SHUTDOWN_X', () => ({ res: -9, fd: 99, how: 0xff }));
  says('socket of a family that is none', [['socket', 254, 99, -1]], 'SOCKET_SOCKET_X', (t) => ({ fd: t.results[0], domain: 0, type: 99, proto: 0xffffffff, flags: 0 }));
  says('dup3 that fails', [['dup3', -1, -2, -3]], 'SYSCALL_DUP3_X', (t) => ({ res: t.results[0], oldfd: -1, newfd: -2, flags: 0x1000 }));
  says('setns and all that it can enter', [['setns', -1, 0x7e020000]], 'SYSCALL_SETNS_X', () => ({ res: -9, fd: -1, nstype: 0x101000f8 }));
  says('mprotect of nothing', [['mprotect', -1, 1, 0]], 'SYSCALL_MPROTECT_X', (t) => ({ res: t.results[0], addr: 0xffffffffffffffffn, length: 1, prot: 0 }));
  says('close_range that fails', [['close_range', 9, 5, 0xff]], 'SYSCALL_CLOSE_RANGE_X', () => ({ res: -22, first: 9, last: 5, flags: 6 }));
  says('pidfd_getfd of its own', [['getpid'], ['pidfd_open', { result: 0 }, 0], ['pidfd_getfd', { result: 1 }, 1, 0]], 'SYSCALL_PIDFD_GETFD_X',
    () => ({ fd: 4, pid_fd: 3, target_fd: 1, flags: 0 }));
  says('kill with a signal that is none', [['kill', 0x7fffffff, 257]], 'SYSCALL_KILL_X', (t) => ({ res: t.results[0], pid: 0x7fffffff, sig: 1 }));
  says('prctl that asks whether it inherits children', [['prctl', 36, 1], ['prctl', 37, { out: 4 }]], 'SYSCALL_PRCTL_X',
    () => ({ res: 0, option: 37, arg2_str: null, arg2_int: 1 }));
  says('prctl that asks for its name', [['prctl', 15, 'called'], ['prctl', 16, { out: 16 }]], 'SYSCALL_PRCTL_X', () => ({ res: 0, option: 16, arg2_str: 'called', arg2_int: 0 }));
  says('prctl of an option that is none', [['prctl', 0x7000, -1]], 'SYSCALL_PRCTL_X', () => ({ res: -22, option: 0x7000, arg2_str: null, arg2_int: -1 }));
  const number = (n: number): string => `00${u64s(n)}`;
  says('keyctl of an operation that is none', [['keyctl', 99, 1, 2, 3, 4]], 'SYSCALL_KEYCTL_X',
    (t) => ({ res: t.results[0], operation: 99, arg2: number(0), arg3: number(0), arg4: number(0), arg5: number(0) }));
  says('keyctl without its text', [['keyctl', 1, 0]], 'SYSCALL_KEYCTL_X', (t) => ({ res: t.results[0], operation: 1, arg2: '01', arg3: number(0), arg4: number(0), arg5: number(0) }));
  says('keyctl that restricts a keyring', [['keyctl', 29, -9, 'asymmetric', '']], 'SYSCALL_KEYCTL_X',
    (t) => ({ res: t.results[0], operation: 29, arg2: number(-9), arg3: `01${hex('asymmetric')}00`, arg4: '0100', arg5: number(0) }));

  // ---- structures

  says('getresuid into nothing', [['getresuid', 0, NOWHERE, 0]], 'SYSCALL_GETRESUID_X', () => ({ res: -14, ruid: 0, euid: 0, suid: 0 }));
  says('prlimit that sets nothing and asks for nothing', [['prlimit64', 0, 0xff, 0, 0]], 'SYSCALL_PRLIMIT_X',
    () => ({ res: -22, newcur: 0, newmax: 0, oldcur: -1, oldmax: -1, pid: 0, resource: 255 }));
  says('prlimit that asks for nothing', [['prlimit64', 0, 7, 0, 0]], 'SYSCALL_PRLIMIT_X', () => ({ res: 0, newcur: 0, newmax: 0, oldcur: 0, oldmax: 0, pid: 0, resource: 7 }));
  says('semop without operations', [['semop', -1, 0, 0]], 'SYSCALL_SEMOP_X', () => ({
    res: -22, nsops: 0, sem_num_0: 0, sem_op_0: 0, sem_flg_0: 0, sem_num_1: 0, sem_op_1: 0, sem_flg_1: 0, semid: 0xffffffff,
  }));
  const semaphores: Call = ['semget', 0, 2, 0o600];
  says('semop with one operation', [semaphores, ['semop', { result: 0 }, { hex: '010003000018' }, 1], ['semctl', { result: 0 }, 0, 0, 0]], 'SYSCALL_SEMOP_X', (t) => ({
    res: 0, nsops: 1, sem_num_0: 1, sem_op_0: 3, sem_flg_0: 3, sem_num_1: 0, sem_op_1: 0, sem_flg_1: 0, semid: t.results[0],
  }), 1);
  says('semop that fails: no operations', [['semop', -1, { hex: '010003000018' }, 1]], 'SYSCALL_SEMOP_X', () => ({
    res: -22, nsops: 1, sem_num_0: 0, sem_op_0: 0, sem_flg_0: 0, sem_num_1: 0, sem_op_1: 0, sem_flg_1: 0, semid: 0xffffffff,
  }));
  says('semctl of a command that is none', [['semctl', -1, 2, 99, 5]], 'SYSCALL_SEMCTL_X', () => ({ res: -22, semid: 0xffffffff, semnum: 2, cmd: 0, val: 0 }));
  says('sendfile without an offset', [['sendfile', -1, -2, 0, 37]], 'SYSCALL_SENDFILE_X', () => ({ res: -9, offset: 0, out_fd: -1, in_fd: -2, size: 37 }));
  says('io_uring_setup without a structure', [['io_uring_setup', 4, 0]], 'SYSCALL_IO_URING_SETUP_X',
    (t) => ({ res: t.results[0], entries: 4, sq_entries: 0, cq_entries: 0, flags: 0, sq_thread_cpu: 0, sq_thread_idle: 0, features: 0 }));
  const noQuota = {
    dqb_bhardlimit: 0, dqb_bsoftlimit: 0, dqb_curspace: 0, dqb_ihardlimit: 0, dqb_isoftlimit: 0, dqb_btime: 0, dqb_itime: 0, dqi_bgrace: 0, dqi_igrace: 0,
    dqi_flags: 0,
  };
  says('quotactl that asks for the format', [['quotactl', 0x80000400 | 1, '/dev/none', 7, { hex: u32s(4) }]], 'SYSCALL_QUOTACTL_X', (t) => ({
    res: t.results[0], special: '/dev/none', quotafilepath: null, ...noQuota, quota_fmt_out: 8, cmd: 4, type: 2, id: 0, quota_fmt: 1,
  }));
  says('quotactl with limits that are not valid', [['quotactl', 0x80000700, 0, 7, { hex: u64s(1, 2, 3, 4, 5, 6, 7, 8) + u32s(0) }]], 'SYSCALL_QUOTACTL_X', (t) => ({
    res: t.results[0], special: null, quotafilepath: null, ...noQuota, quota_fmt_out: 1, cmd: 0x20, type: 1, id: 7, quota_fmt: 1,
  }));
  says('quotactl of XFS', [['quotactl', 0x580300, '/dev/none', 9, 0]], 'SYSCALL_QUOTACTL_X', (t) => ({
    res: t.results[0], special: '/dev/none', quotafilepath: null, ...noQuota, quota_fmt_out: 1, cmd: 0x400, type: 1, id: 9, quota_fmt: 1,
  }));
  if (x64) {
    says('pipe into nothing', [['pipe', 0]], 'SYSCALL_PIPE_X', () => ({ res: -14, fd1: -1, fd2: -1, ino: 0 }));
    says('poll of no descriptors', [['poll', 0, 0, 0]], 'SYSCALL_POLL_X', () => ({ res: 0, fds: '0000', timeout: 0 }));
    says('setrlimit without a structure', [['setrlimit', 0, 0]], 'SYSCALL_SETRLIMIT_X', () => ({ res: -14, cur: 0, max: 0, resource: 0 }));
    says('accept that fails', [['accept', -1, 0, 0]], 'SOCKET_ACCEPT_5_X', () => ({ fd: -9, tuple: '', queuepct: 0, queuelen: 0, queuemax: 0 }));
  }
  says('accept4 that fails', [['accept4', -1, 0, 0, 0o4000]], 'SOCKET_ACCEPT4_6_X', () => ({ fd: -9, tuple: '', queuepct: 0, queuelen: 0, queuemax: 0, flags: 0x40 }));
  says('socketpair that fails', [['socketpair', AF_INET, STREAM, 0, NOWHERE]], 'SOCKET_SOCKETPAIR_X',
    (t) => ({ res: t.results[0], fd1: -1, fd2: -1, source: 0, peer: 0, domain: AF_INET, type: STREAM, proto: 0 }));

  // ---- addresses

  const path108 = 'p'.repeat(108);
  const refused = (family: number, address: string, bytes: number, addr: string): void =>
    says(`connect that fails, family ${family}, ${bytes} bytes`, [['socket', AF_UNIX, STREAM, 0], ['connect', { result: 0 }, { hex: address }, bytes]], 'SOCKET_CONNECT_X',
      (t) => ({ res: t.results[1], tuple: '', fd: 3, addr }));
  refused(AF_UNIX, `0100${hex(path108)}`, 110, `01${hex(path108)}00`);
  refused(AF_UNIX, `0100${hex('cut here')}`, 5, `01${hex('cut')}00`);
  refused(AF_UNIX, '0100', 2, '0100');
  refused(AF_INET6, `0a00${be16(443)}00000000${'ab'.repeat(16)}00000000`, 28, `0a${'ab'.repeat(16)}bb01`);
  refused(0, '0000', 2, '');
  refused(AF_NETLINK, `1000${'00'.repeat(10)}`, 12, '');
  says('connect without an address', [['connect', -1, 0, 16]], 'SOCKET_CONNECT_X', () => ({ res: -9, tuple: '', fd: -1, addr: '' }));
  says('bind to an address of no bytes', [['bind', -1, { hex: '0200' }, 0]], 'SOCKET_BIND_X', () => ({ res: -9, addr: '', fd: -1 }));
  says('setsockopt without a value', [['setsockopt', -1, 1, 2, 0, 4]], 'SOCKET_SETSOCKOPT_X', () => ({ res: -9, fd: -1, level: 1, optname: 2, val: `02${u32s(0)}`, optlen: 4 }));
  says('getsockopt into nothing', [['getsockopt', -1, 1, 8, 0, 0]], 'SOCKET_GETSOCKOPT_X', () => ({ res: -9, fd: -1, level: 1, optname: 8, val: `02${u32s(0)}`, optlen: 0 }));

  const abstract = `0100${'00'}${hex('an abstract name')}`;
  it('connect to an abstract name: of that name alone, though no zero ends it in the kernel', async () => {
    const bytes = abstract.length / 2;
    const done = await trigger([['socket', AF_UNIX, STREAM, 0], ['bind', { result: 0 }, { hex: abstract }, bytes], ['listen', { result: 0 }, 1],
      ['socket', AF_UNIX, STREAM, 0], ['connect', { result: 3 }, { hex: abstract }, bytes], ['accept4', { result: 0 }, 0, 0, 0]], { cwd: dir });
    const tuple = expect.stringMatching(new RegExp(`^01[0-9a-f]{32}${hex('an abstract name')}00$`));
    const connect = await probe.find((e) => e.tid === done.tid && e.key === 'SOCKET_CONNECT_X' && e.params.res === 0);
    expect(connect.params).toEqual({ res: 0, tuple, fd: 4, addr: `01${hex('an abstract name')}00` });
    const accept = await probe.find((e) => e.tid === done.tid && e.key === 'SOCKET_ACCEPT4_6_X');
    expect(accept.params).toEqual({ fd: 5, tuple, queuepct: 0, queuelen: 0, queuemax: 1, flags: 0 });
  });
  says('sendto an unconnected socket by its path', [['socket', AF_UNIX, DGRAM, 0], ['bind', { result: 0 }, { hex: `0100${hex('to')}` }, 4],
    ['socket', AF_UNIX, DGRAM, 0], ['sendto', { result: 2 }, 'abc', 3, 0, { hex: `0100${hex('to')}` }, 4]], 'SOCKET_SENDTO_X',
  () => ({ res: 3, data: hex('abc'), fd: 4, size: 3, tuple: expect.stringMatching(new RegExp(`^010{16}[0-9a-f]{16}${hex('to')}00$`)) }));
  says('sendto on a socket of another family: no ends', [['socket', AF_NETLINK, RAW, 15], ['sendto', { result: 0 }, { hex: '00'.repeat(16) }, 16, 0, 0, 0]], 'SOCKET_SENDTO_X',
    (t) => ({ res: t.results[1], data: '00'.repeat(16), fd: 3, size: 16, tuple: '' }));

  // ---- data

  const long = 'x'.repeat(300);
  const kept = hex(long.slice(0, 80));
  const pieces = (...texts: string[]): Structure => texts.flatMap((text): Structure => [{ bytes: hex(text) }, u64s(text.length)]);
  const header = (...texts: string[]): Structure => [u64s(0, 0), { struct: pieces(...texts) }, u64s(texts.length, 0, 0, 0)];
  says('write of more than is kept', [['openat', AT_FDCWD, 'w', 0o101, 0o600], ['write', { result: 0 }, long, 300]], 'SYSCALL_WRITE_X', () => ({ res: 300, data: kept, fd: 3, size: 300 }));
  says('write of nothing', [['openat', AT_FDCWD, 'w', 0o101, 0o600], ['write', { result: 0 }, 0, 0]], 'SYSCALL_WRITE_X', () => ({ res: 0, data: '', fd: 3, size: 0 }));
  says('write from nowhere', [['write', -1, NOWHERE, 10]], 'SYSCALL_WRITE_X', () => ({ res: -9, data: '', fd: -1, size: 10 }));
  says('write of -1 bytes', [['write', -1, 'abc', -1]], 'SYSCALL_WRITE_X', () => ({ res: -9, data: expect.stringMatching(/^616263/), fd: -1, size: 0xffffffff }));
  says('writev of pieces that end within what is kept, and of more', [['openat', AT_FDCWD, 'w', 0o101, 0o600], ['writev', { result: 0 }, { struct: pieces('one', long) }, 2]], 'SYSCALL_WRITEV_X',
    () => ({ res: 303, data: hex('one') + hex(long.slice(0, 77)), fd: 3, size: 303 }));
  says('writev: what stands behind an empty piece is kept too', [['openat', AT_FDCWD, 'w', 0o101, 0o600], ['writev', { result: 0 }, { struct: pieces('one', '', 'two') }, 3]],
    'SYSCALL_WRITEV_X', () => ({ res: 6, data: hex('onetwo'), fd: 3, size: 6 }));
  says('writev from nowhere', [['writev', -1, NOWHERE, 3]], 'SYSCALL_WRITEV_X', () => ({ res: -9, data: '', fd: -1, size: 0 }));
  says('pwritev that fails', [['pwritev', -1, { struct: pieces('left', 'right') }, 2, 5, 0]], 'SYSCALL_PWRITEV_X', () => ({ res: -9, data: hex('leftright'), fd: -1, size: 9, pos: 5 }));
  says('preadv that fails', [['preadv', -1, NOWHERE, 2, 5, 0]], 'SYSCALL_PREADV_X', () => ({ res: -9, size: 0, data: '', fd: -1, pos: 5 }));
  says('pread behind the end', [['openat', AT_FDCWD, 'content', 0], ['pread64', { result: 0 }, { out: 8 }, 5, 1 << 20]], 'SYSCALL_PREAD_X',
    () => ({ res: 0, data: '', fd: 3, size: 5, pos: 1 << 20 }));
  says('sendto that fails: the data, no ends', [['sendto', -1, long, 300, 0, 0, 0]], 'SOCKET_SENDTO_X', () => ({ res: -9, data: kept, fd: -1, size: 300, tuple: '' }));
  says('recvfrom that fails', [['recvfrom', -1, 0, 7, 0, 0, 0]], 'SOCKET_RECVFROM_X', () => ({ res: -9, data: '', tuple: '', fd: -1, size: 7 }));
  says('sendmsg that fails: the data, no ends', [['sendmsg', -1, { struct: header('one', long) }, 0]], 'SOCKET_SENDMSG_X',
    () => ({ res: -9, data: hex('one') + hex(long.slice(0, 77)), fd: -1, size: 303, tuple: '' }));
  says('sendmsg without a header', [['sendmsg', -1, 0, 0]], 'SOCKET_SENDMSG_X', () => ({ res: -9, data: '', fd: -1, size: null, tuple: '' }));
  says('recvmsg that fails', [['recvmsg', -1, NOWHERE, 0]], 'SOCKET_RECVMSG_X', () => ({ res: -9, size: 0, data: '', tuple: '', msgcontrol: '', fd: -1 }));
  says('process_vm_writev that fails', [['process_vm_writev', -1, { struct: pieces('x') }, 1, 0, 0, 0]], 'SYSCALL_PROCESS_VM_WRITEV_X', (t) => ({ res: t.results[0], pid: -1, data: '' }));
  says('fsconfig without a key', [['fsconfig', -1, 99, 0, 0, -1]], 'SYSCALL_FSCONFIG_X',
    (t) => ({ res: t.results[0], fd: -1, cmd: 99, key: null, value_bytebuf: '', value_charbuf: null, aux: 0xffffffff }));

  // ---- processes

  it('execve that fails: the name and the arguments together are cut at 4096 bytes', async () => {
    const [name, argument] = ['n'.repeat(1000), 'a'.repeat(4090)];
    const vector: Structure = [{ bytes: hex(name) }, { bytes: hex(argument) }, { bytes: hex('more') }, u64s(0)];
    const done = await trigger([['execve', '', { struct: vector }, { struct: vector }]], { cwd: dir });
    const event = await probe.find((e) => e.tid === done.tid && e.key === 'SYSCALL_EXECVE_19_X' && e.params.res === -2);
    expect(event.params).toMatchObject({ res: -2, exe: name, args: [argument.slice(0, 4096 - 1001 - 1)], filename: '' });
    expect(event.params.env).toEqual([name, argument.slice(0, 4096 - 1001 - 1)]);
  });
  it('execve that fails: an empty name, an empty argument, a pointer to nowhere', async () => {
    const done = await trigger([['execve', NOWHERE, { struct: [{ bytes: '' }, { bytes: '' }, u64s(NOWHERE), { bytes: hex('last') }, u64s(0)] }, NOWHERE]], { cwd: dir });
    const event = await probe.find((e) => e.tid === done.tid && e.key === 'SYSCALL_EXECVE_19_X' && e.params.res === -14);
    expect(event.params).toMatchObject({ res: -14, exe: '', args: ['', 'last'], env: [], filename: null, trusted_exepath: triggerPath() });
  });
  it('execve of a vector without a name', async () => {
    const done = await trigger([['execve', '/no/such/file', { hex: u64s(0, 0) }, 0]], { cwd: dir });
    const event = await probe.find((e) => e.tid === done.tid && e.key === 'SYSCALL_EXECVE_19_X' && e.params.res === -2);
    expect(event.params).toMatchObject({ exe: null, args: [], env: [], filename: '/no/such/file' });
  });
  it('execveat of an open file, without a path', async () => {
    const done = await trigger([['getpid'], ['openat', AT_FDCWD, '/bin/true', 0o2000000], ['execveat', { result: 1 }, '', { struct: [{ bytes: hex('called') }, u64s(0)] }, 0, 0x1000]],
      { cwd: dir }).catch(() => null);
    expect(done).toBeNull(); // it became another program
    const event = await probe.find((e) => e.key === 'SYSCALL_EXECVE_19_X' && e.params.exe === 'called');
    expect(event.params).toMatchObject({ res: 0, args: [], filename: '/dev/fd/3' });
  });
  it('clone and clone3 that fail: no name and no arguments', async () => {
    const done = await trigger([['clone', 0x10000, 0, 0, 0, 0], ['clone3', { hex: u64s(0x10000, 0, 0, 0, 0, 0, 0, 0) }, 64], ['clone3', 0, 64]], { cwd: dir });
    const common = { res: -22, exe: null, args: [], tid: done.tid, pid: done.pid, comm: 'trigger', uid: 0, gid: 0, vtid: done.tid, vpid: done.pid, pidns_init_start_ts: 0 };
    const one = await probe.find((e) => e.tid === done.tid && e.key === 'SYSCALL_CLONE_20_X');
    expect(one.params).toMatchObject({ ...common, flags: 0x2000 });
    const three = await probe.find((e) => e.tid === done.tid && e.key === 'SYSCALL_CLONE3_X' && e.params.res === -22);
    expect(three.params).toMatchObject({ ...common, flags: 0x2000 });
    const none = await probe.find((e) => e.tid === done.tid && e.key === 'SYSCALL_CLONE3_X' && e.params.res === -14);
    expect(none.params).toMatchObject({ ...common, res: -14, flags: 0 });
  });
});
