// SPDX-License-Identifier: Apache-2.0
/**
 * Makes up what the programs of a small machine do, as a kernel would report it: processes that fork, exec, change themselves and
 * exit, files, sockets. One file per sequence, one event per line (its bytes in hexadecimal), for libsinsp to say what it makes of it.
 * What `src/README.md` lists as a difference from Falco does not occur.
 *
 *   node test/conformance/libsinsp/sequences.mjs <folder> [sequences] [events] [seed]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildEvent, sockaddr, socktuple, unixTuple } from '../../../dist/events/event-builder.js';

const [folder, sequences = '20', events = '50', seed = '1'] = process.argv.slice(2);

/** Mulberry32: the same numbers everywhere. */
let random = Number(seed) >>> 0;
function chance() {
  random = (random + 0x6d2b79f5) >>> 0;
  let t = Math.imul(random ^ (random >>> 15), random | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
const below = (n) => Math.floor(chance() * n);
const pick = (list) => list[below(list.length)];
const often = (p) => chance() < p;
/** A user or group that no machine has a name for. */
const id = () => 70_000 + below(3);

const FILES = 1;
const PARENT = 0x100;
const THREAD = 0x2000;
const VFORK = 0x800_0000;
const IN_PIDNS = 0x2000_0000;
const AT_FDCWD = -100;
const PATHS = ['/etc/passwd', 'notes', './x', '../up', '/tmp/../etc//shadow', 'a/b/../c', '/', '.', '..', '/a/./b/', 'dir/', '/dev/null', '//x//y', '/tmp/é'];
const PROGRAMS = ['/bin/sh', '/usr/bin/cat', '/tmp/x', '/usr/sbin/nginx', '/tmp/gone (deleted)'];
const V4 = ['10.0.0.1', '10.0.0.2', '127.0.0.1', '8.8.8.8'];
const V6 = ['::1', 'fe80::1', '2001:db8::2'];
const PORTS = [53, 80, 443, 5000, 40000];
const v4 = () => [pick(V4), pick(PORTS)];
const v6 = () => [pick(V6), pick(PORTS)];
const CLONES = ['SYSCALL_CLONE_20_X', 'SYSCALL_CLONE3_X', 'SYSCALL_FORK_20_X'];

class Machine {
  constructor() {
    this.lines = [];
    this.ts = 1_700_000_000_000_000_000n;
    this.next = 2000;
    /** By process id: its threads (the main one first), its parent, its open descriptors by kind. */
    this.processes = new Map();
    this.add(100, 1);
    this.add(1000, 100);
    this.processes.get(1000).threads.push(1001);
  }

  add(pid, ppid, from = undefined) {
    const fds = new Map([...(from?.fds ?? [])].map(([fd, entry]) => [fd, { ...entry }]));
    this.processes.set(pid, { pid, ppid, threads: [pid], fds, inner: from?.inner ?? 0 });
    return this.processes.get(pid);
  }

  emit(key, tid, values) {
    this.ts += BigInt(1000 + below(1_000_000));
    this.lines.push(buildEvent(key, values, { tid, ts: this.ts }).toString('hex'));
  }

  someProcess() {
    return pick([...this.processes.values()]);
  }

  describe(program) {
    return {
      exe: program, args: pick([[], ['-l'], ['a b', ''], ['x', 'é']]), cwd: '', fdlimit: 1024, pgft_maj: below(9), pgft_min: below(99), vm_size: below(9999), vm_rss: below(999),
      vm_swap: below(9), comm: program.slice(program.lastIndexOf('/') + 1, 20), cgroups: pick([['cpuset=/', 'memory=/'], ['memory=/user.slice', 'cpuset=/']]),
    };
  }

  fork() {
    const parent = this.someProcess();
    const caller = pick(parent.threads);
    const pid = this.next++;
    const vfork = often(0.2);
    const inner = parent.inner !== 0 || often(0.15);
    const key = vfork ? 'SYSCALL_VFORK_20_X' : pick(CLONES);
    const flags = (vfork ? VFORK : 0) | (inner ? IN_PIDNS : 0) | (often(0.05) ? PARENT : 0);
    const ppid = (flags & PARENT) === 0 ? parent.pid : parent.ppid;
    // Whose descriptors it has, its parent tells, as libsinsp has it.
    const child = this.add(pid, ppid, this.processes.get(ppid));
    if (inner) child.inner = parent.inner === 0 ? 1 : 5 + below(50);
    const common = { ...this.describe(pick(PROGRAMS)), flags, uid: id(), gid: id(), pidns_init_start_ts: 7_000_000n };
    const ofChild = () => this.emit(key, pid, { ...common, res: 0, tid: pid, pid, ptid: ppid, vtid: child.inner || pid, vpid: child.inner || pid });
    const ofCaller = () => {
      const vpid = parent.inner || parent.pid;
      this.emit(key, caller, { ...common, res: inner ? child.inner : pid, tid: caller, pid: parent.pid, ptid: parent.ppid, vtid: parent.inner || caller, vpid });
    };
    const order = vfork || often(0.5) ? [ofChild, ofCaller] : [ofCaller, ofChild];
    order[0]();
    if (vfork && often(0.7)) this.exec(child);
    order[1]();
  }

  newThread() {
    const process = this.someProcess();
    const tid = this.next++;
    const flags = FILES | THREAD | (process.inner === 0 ? 0 : IN_PIDNS);
    const common = { ...this.describe(pick(PROGRAMS)), pid: process.pid, ptid: process.ppid, vpid: process.inner || process.pid, flags, uid: id(), gid: id(), pidns_init_start_ts: 7_000_000n };
    const inner = process.inner === 0 ? 0 : 60 + below(50);
    if (often(0.8)) this.emit('SYSCALL_CLONE3_X', process.pid, { ...common, res: inner || tid, tid: process.pid, vtid: process.inner || process.pid });
    this.emit('SYSCALL_CLONE3_X', tid, { ...common, res: 0, tid, vtid: inner || tid });
    process.threads.push(tid);
  }

  exec(process = this.someProcess()) {
    const { pid } = process;
    if (often(0.1)) return this.emit('SYSCALL_EXECVE_19_X', pid, { res: -2, exe: '/no', comm: 'no', tid: pid, pid });
    // Another thread may be the one that calls: the main one has exited then, and comes back as the caller.
    if (process.threads.length > 1 && often(0.4)) this.emit('PROCEXIT_1_E', pid, { status: 0, ret: 0, sig: 0, core: 0, reaper_tid: 0 });
    const program = pick(PROGRAMS);
    const values = {
      ...this.describe(program), res: 0, tid: pid, pid, ptid: process.ppid, env: pick([['HOME=/root', 'A='], [], ['PATH=/bin']]), tty: pick([0, 34816]), vpgid: pid, loginuid: pick([id(), 0xffff_ffff]),
      flags: below(16), cap_inheritable: 0, cap_permitted: pick([0n, 0x1ff_ffff_ffffn]), cap_effective: 0, exe_ino: 5, exe_ino_ctime: this.ts + pick([-5000n, 5000n]), exe_ino_mtime: 3n,
      uid: id(), trusted_exepath: program, pgid: pid, gid: id(), filename: program,
    };
    this.emit('SYSCALL_EXECVE_19_X', pid, values);
    process.threads = [pid];
    for (const [fd, { closes }] of process.fds) if (closes) process.fds.delete(fd);
  }

  exit() {
    const process = this.someProcess();
    if (process.pid === 100 || process.pid === 1000) return;
    const reaper = () => pick([1, 0, -1]);
    const threads = often(0.5) ? [...process.threads].reverse() : process.threads;
    for (const tid of threads) this.emit('PROCEXIT_1_E', tid, { status: pick([0, 256, 9]), ret: below(3), sig: pick([0, 9]), core: 0, reaper_tid: reaper() });
    this.processes.delete(process.pid);
    for (const other of this.processes.values()) if (other.ppid === process.pid) other.ppid = 1;
  }

  /** The lowest free descriptor of a process, and what it becomes. */
  open(process, kind, closes = false) {
    let fd = 0;
    while (process.fds.has(fd)) fd++;
    process.fds.set(fd, { kind, closes });
    return fd;
  }

  some(process, ...kinds) {
    const found = [...process.fds].filter(([, { kind }]) => kinds.length === 0 || kinds.includes(kind));
    return found.length === 0 ? -1 : pick(found)[0];
  }

  file() {
    const process = this.someProcess();
    const tid = pick(process.threads);
    const name = pick(PATHS);
    const failed = often(0.15);
    const closes = often(0.3);
    const flags = pick([1, 2, 3, 1 | 0x400, 3 | 4]) | (closes ? 0x1000 : 0) | (often(0.1) ? 0x8000 : 0);
    const dirfd = often(0.6) ? AT_FDCWD : often(0.7) ? this.some(process, 'file') : 77;
    const key = pick(['SYSCALL_OPENAT_2', 'SYSCALL_OPENAT_2', 'SYSCALL_OPEN', 'SYSCALL_OPENAT2', 'SYSCALL_CREAT']);
    const fd = failed ? -2 : this.open(process, 'file', closes && key !== 'SYSCALL_CREAT');
    const at = key.includes('OPENAT') ? { dirfd } : {};
    const how = key === 'SYSCALL_CREAT' ? { mode: 0o644 } : { flags, mode: 0 };
    const resolve = key === 'SYSCALL_OPENAT2' ? { resolve: 0 } : {};
    if (often(0.3)) this.emit(`${key}_E`, tid, { ...at, name, ...how, ...resolve });
    this.emit(`${key}_X`, tid, { fd, ...at, name: often(0.9) ? name : '/swapped', ...how, ...resolve, dev: 26, ino: below(1e6), ...(key === 'SYSCALL_CREAT' ? { creat_flags: below(3) } : {}) });
  }

  descriptor() {
    const process = this.someProcess();
    const tid = pick(process.threads);
    const fd = this.some(process);
    const kind = process.fds.get(fd)?.kind;
    switch (below(9)) {
      case 0:
        if (fd === -1) return;
        this.emit('SYSCALL_CLOSE_X', tid, { res: 0, fd });
        process.fds.delete(fd);
        return;
      case 1:
        if (fd === -1) return;
        return this.emit('SYSCALL_DUP_1_X', tid, { res: this.open(process, kind), oldfd: fd });
      case 2: {
        if (fd === -1) return;
        const to = often(0.5) ? below(12) : fd;
        process.fds.set(to, { kind, closes: false });
        return this.emit('SYSCALL_DUP2_X', tid, { res: to, oldfd: fd, newfd: to });
      }
      case 3: {
        if (fd === -1) return;
        const closes = often(0.5);
        const command = pick([1, 26, 3]);
        if (command === 3) {
          process.fds.get(fd).closes = closes;
          return this.emit('SYSCALL_FCNTL_X', tid, { res: 0, fd, cmd: 3, arg: closes ? 1 : 0 });
        }
        return this.emit('SYSCALL_FCNTL_X', tid, { res: this.open(process, kind, command === 26), fd, cmd: command, arg: 0 });
      }
      case 4: {
        const flags = pick([0, 0x1000]);
        const [fd1, fd2] = [this.open(process, 'pipe', flags !== 0), this.open(process, 'pipe', flags !== 0)];
        return this.emit('SYSCALL_PIPE2_X', tid, { res: 0, fd1, fd2, ino: 99, flags });
      }
      case 5: {
        const first = below(8);
        const last = first + below(6);
        const flags = pick([0, 4]);
        for (const [number, entry] of process.fds) {
          if (number < first || number > last) continue;
          if (flags === 0) process.fds.delete(number);
          else entry.closes = true;
        }
        return this.emit('SYSCALL_CLOSE_RANGE_X', tid, { res: 0, first, last, flags });
      }
      case 6: {
        const closes = often(0.5);
        const [key, flags] = pick([
          ['SYSCALL_EVENTFD2_X', 0x1000], ['SYSCALL_SIGNALFD4_X', 0x1000], ['SYSCALL_INOTIFY_INIT1_X', 0x1000], ['SYSCALL_EPOLL_CREATE1_X', 1], ['SYSCALL_USERFAULTFD_X', 0],
          ['SYSCALL_MEMFD_CREATE_X', 1],
        ]);
        const name = key === 'SYSCALL_MEMFD_CREATE_X' ? { fd: this.open(process, 'other', closes), name: 'secret' } : { res: this.open(process, 'other', closes && flags !== 0) };
        return this.emit(key, tid, { ...name, flags: closes ? flags : 0 });
      }
      case 7: {
        const of = this.someProcess();
        const pidfd = this.open(process, 'other');
        this.emit('SYSCALL_PIDFD_OPEN_X', tid, { fd: pidfd, pid: of.pid, flags: 0 });
        const target = this.some(of);
        if (target === -1) return;
        return this.emit('SYSCALL_PIDFD_GETFD_X', tid, { fd: this.open(process, 'other', true), pid_fd: pidfd, target_fd: target, flags: 0 });
      }
      default:
        if (fd === -1) return;
        return this.emit(pick(['SYSCALL_READ_X', 'SYSCALL_WRITE_X']), tid, { res: pick([3, 0, -11]), data: Buffer.from('a\0b'), fd, size: 3 });
    }
  }

  /** What a process changes of itself. */
  self() {
    const process = this.someProcess();
    const tid = process.pid;
    const directory = this.some(process, 'file');
    const [key, values] = pick([
      ['SYSCALL_CHDIR_X', { res: 0, path: pick(PATHS) }], ['SYSCALL_CHDIR_X', { res: -2, path: '/no' }], ['SYSCALL_GETCWD_X', { res: 9, path: '/srv/www' }],
      ['SYSCALL_CHROOT_X', { res: 0, path: pick(['/srv', 'jail']) }], ['SYSCALL_SETUID_X', { res: 0, uid: id() }], ['SYSCALL_SETRESUID_X', { res: 0, ruid: id(), euid: id(), suid: id() }],
      ['SYSCALL_SETREUID_X', { res: pick([0, -1]), ruid: id(), euid: id() }], ['SYSCALL_SETGID_X', { res: 0, gid: id() }], ['SYSCALL_SETRESGID_X', { res: 0, rgid: id(), egid: id(), sgid: id() }],
      ['SYSCALL_SETREGID_X', { res: 0, rgid: id(), egid: id() }], ['SYSCALL_SETSID_X', { res: tid }], ['SYSCALL_CAPSET_X', { res: 0, cap_inheritable: 1, cap_permitted: 3, cap_effective: below(4) }],
      ['SYSCALL_UNSHARE_X', { res: 0, flags: pick([0x10_0000, 0x40]) }], ['SYSCALL_SETNS_X', { res: 0, fd: 3, nstype: pick([0x10_0000, 0]) }],
      ['SYSCALL_PRCTL_X', { res: 0, option: 36, arg2_str: null, arg2_int: below(2) }], ['SYSCALL_SETRLIMIT_X', { res: 0, cur: below(999), max: 999, resource: pick([7, 3]) }],
      ['SYSCALL_PRLIMIT_X', { res: 0, newcur: below(999), newmax: 999, oldcur: 1, oldmax: 1, pid: pick([0, 1000]), resource: 7 }],
      ['SYSCALL_BRK_4_X', { res: 5, vm_size: below(999), vm_rss: below(99), vm_swap: 1, addr: 5 }], ['SYSCALL_FCHDIR_X', { res: directory === -1 ? -9 : 0, fd: directory }],
      ['SYSCALL_MKDIR_2_X', { res: 0, mode: 0o755, path: pick(PATHS) }], ['SYSCALL_UNLINK_2_X', { res: pick([0, -2]), path: pick(PATHS) }],
      ['SYSCALL_RENAME_X', { res: 0, oldpath: pick(PATHS), newpath: pick(PATHS) }], ['SYSCALL_SYMLINK_X', { res: 0, target: pick(PATHS), linkpath: pick(PATHS) }],
    ]);
    this.emit(key, tid, values);
  }

  socket() {
    const process = this.someProcess();
    const tid = pick(process.threads);
    const socket = (kind, domain, type, proto = 0) => this.emit('SOCKET_SOCKET_X', tid, { fd: this.open(process, kind), domain, type, proto, flags: 0 });
    const message = { data: Buffer.from('abc'), size: 3 };
    switch (below(8)) {
      case 0:
        return pick([() => socket('udp', 2, 2), () => socket('tcp', 2, 1), () => socket('tcp6', 10, 1), () => socket('unix', 1, 1), () => socket('raw', 2, 3, 255)])();
      case 1: {
        const fd = this.some(process, 'udp');
        if (fd === -1) return socket('udp', 2, 2);
        const [key, more] = pick([['SOCKET_SENDTO_X', {}], ['SOCKET_RECVFROM_X', {}], ['SOCKET_SENDMSG_X', {}], ['SOCKET_RECVMSG_X', { msgcontrol: null }], ['SOCKET_SENDMMSG_X', {}], ['SOCKET_RECVMMSG_X', { msgcontrol: null }]]);
        return this.emit(key, tid, { res: pick([3, 3, 3, -11]), fd, ...message, tuple: socktuple(v4(), v4()), ...more });
      }
      case 2: {
        const fd = this.some(process, 'tcp', 'udp');
        if (fd === -1) return socket('tcp', 2, 1);
        const [from, to] = [v4(), v4()];
        if (often(0.5)) this.emit('SOCKET_CONNECT_E', tid, { fd, addr: sockaddr(often(0.8) ? to : v4()) });
        return this.emit('SOCKET_CONNECT_X', tid, { res: pick([0, 0, -115, -111]), tuple: socktuple(from, to), fd, addr: sockaddr(to) });
      }
      case 3: {
        const fd = this.some(process, 'tcp6');
        if (fd === -1) return socket('tcp6', 10, 1);
        const [from, to] = [v6(), v6()];
        this.emit('SOCKET_CONNECT_X', tid, { res: 0, tuple: socktuple(from, to), fd, addr: sockaddr(to) });
        return this.emit('SOCKET_SEND_X', tid, { res: 3, fd, ...message, tuple: socktuple(from, to) });
      }
      case 4: {
        const fd = this.some(process, 'tcp', 'udp');
        return fd === -1 ? socket('tcp', 2, 1) : this.emit('SOCKET_BIND_X', tid, { res: pick([0, 0, -98]), addr: sockaddr(v4()), fd });
      }
      case 5: {
        const six = often(0.3);
        const closes = often(0.4);
        const [key, more] = closes ? ['SOCKET_ACCEPT4_6_X', { flags: 0x1000 }] : ['SOCKET_ACCEPT_5_X', {}];
        const fd = this.open(process, six ? 'tcp6' : 'tcp', closes);
        return this.emit(key, tid, { fd, tuple: six ? socktuple(v6(), v6()) : socktuple(v4(), v4()), queuepct: 0, queuelen: 0, queuemax: 5, ...more });
      }
      case 6: {
        const fd = this.some(process, 'unix');
        if (fd === -1) return socket('unix', 1, 1);
        const tuple = unixTuple(BigInt(below(1e9)), BigInt(below(1e9)), pick(['/run/x.sock', '']));
        return pick([
          () => this.emit('SOCKET_CONNECT_X', tid, { res: 0, tuple, fd, addr: sockaddr('/run/x.sock') }), () => this.emit('SOCKET_BIND_X', tid, { res: 0, addr: sockaddr('/run/y.sock'), fd }),
          () => this.emit('SOCKET_SENDMSG_X', tid, { res: 3, fd, ...message, tuple }), () => this.emit('SOCKET_RECVFROM_X', tid, { res: 3, fd, ...message, tuple }),
        ])();
      }
      default: {
        const [fd1, fd2] = [this.open(process, 'unix'), this.open(process, 'unix')];
        return this.emit('SOCKET_SOCKETPAIR_X', tid, { res: 0, fd1, fd2, source: below(1e9), peer: below(1e9), domain: 1, type: 1, proto: 0 });
      }
    }
  }

  step() {
    pick([
      () => this.fork(), () => this.newThread(), () => this.exec(), () => this.exit(), () => this.file(), () => this.file(), () => this.descriptor(), () => this.descriptor(),
      () => this.self(), () => this.self(), () => this.socket(), () => this.socket(),
    ])();
  }
}

mkdirSync(folder, { recursive: true });
for (let i = 0; i < Number(sequences); i++) {
  const machine = new Machine();
  while (machine.lines.length < Number(events)) machine.step();
  writeFileSync(join(folder, `${String(i).padStart(4, '0')}.txt`), `${machine.lines.join('\n')}\n`);
}
