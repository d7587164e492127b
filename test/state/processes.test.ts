// SPDX-License-Identifier: Apache-2.0
/** What a user sees of processes: names, parents, sessions, descriptors taken over. */
import { describe, expect, it } from 'vitest';
import { State } from '../../src/state/state.js';
import { ThreadInfo } from '../../src/state/thread-info.js';
import { buildEvent, feed, viewOf } from '../helpers/event-builder.js';
import { CLONE_FILES, CLONE_THREAD, cloneParams, exec, exit, fork, machine, thread } from '../helpers/processes.js';

const names = (state: State, tid: number): string[] => {
  const list: string[] = [];
  const start = state.threads.get(tid)!;
  for (let n = 0; ; n++) {
    const a = state.threads.ancestor(start, n);
    if (a === null) return list;
    list.push(a.comm);
  }
};
const openFile = (state: State, tid: number, fd: number, name: string, flags = 1) =>
  feed(state, 'SYSCALL_OPENAT_2_X', { fd, dirfd: -100, name, flags, mode: 0, dev: 1, ino: 2 }, { tid });

describe('fork and exec', () => {
  it('a command started by a shell has its name, arguments and ancestors', () => {
    const state = machine();
    fork(state, 1000, 1001);
    exec(state, 1001, '/usr/bin/cat', ['/etc/shadow']);
    const cat = state.threads.get(1001)!;
    expect([cat.comm, cat.exe, cat.exepath, cat.args, cat.env]).toEqual(['cat', '/usr/bin/cat', '/usr/bin/cat', ['/etc/shadow'], ['PATH=/bin']]);
    expect([cat.pid, cat.ptid, cat.loginuid]).toEqual([1001, 1000, 1000]);
    expect(names(state, 1001)).toEqual(['cat', 'bash', 'init']);
  });

  it('the executable of a deleted file is named without the kernel’s suffix', () => {
    const state = machine();
    exec(state, 1000, '/tmp/x', [], { trusted_exepath: '/tmp/x (deleted)' });
    expect(state.threads.get(1000)!.exepath).toBe('/tmp/x');
  });

  it('a child has its parent’s directory and descriptors, each with a life of its own', () => {
    const state = machine();
    openFile(state, 1000, 3, '/etc/hosts');
    fork(state, 1000, 1001);
    feed(state, 'SYSCALL_CHDIR_X', { res: 0, path: 'sub' }, { tid: 1001 });
    feed(state, 'SYSCALL_CLOSE_X', { res: 0, fd: 3 }, { tid: 1001 });
    expect(state.threads.get(1001)!.cwd).toBe('/root/sub/');
    expect(state.threads.get(1000)!.cwd).toBe('/root/');
    expect(state.threads.get(1001)!.fds.has(3)).toBe(false);
    expect(state.threads.get(1000)!.fds.get(3)!.name).toBe('/etc/hosts');
  });

  it('exec closes what is marked close-on-exec and keeps the rest', () => {
    const state = machine();
    openFile(state, 1000, 3, '/keep');
    openFile(state, 1000, 4, '/drop', 1 | 0x1000);
    feed(state, 'SYSCALL_MEMFD_CREATE_X', { fd: 5, name: 'm', flags: 1 }, { tid: 1000 });
    exec(state, 1000, '/bin/true', []);
    expect([...state.threads.get(1000)!.fds].map(([fd]) => fd)).toEqual([3]);
  });

  it('a failed exec changes nothing', () => {
    const state = machine();
    feed(state, 'SYSCALL_EXECVE_19_X', { res: -2, exe: '/no', comm: 'no' }, { tid: 1000 });
    expect(state.threads.get(1000)!.comm).toBe('bash');
  });

  it('with vfork the child is known from its own side, before the parent returns', () => {
    const state = machine();
    const ids = { tid: 1001, pid: 1001, ptid: 1000, vtid: 1001, vpid: 1001 };
    feed(state, 'SYSCALL_VFORK_20_X', cloneParams({ ...ids, res: 0 }), { tid: 1001 });
    exec(state, 1001, '/bin/ls', []);
    feed(state, 'SYSCALL_VFORK_20_X', cloneParams({ tid: 1000, pid: 1000, ptid: 1, vtid: 1000, vpid: 1000, res: 1001 }), { tid: 1000 });
    expect(state.threads.get(1001)!.comm).toBe('ls');
    expect(names(state, 1001)).toEqual(['ls', 'bash', 'init']);
  });

  it('the parent’s clone exit does not bring back a child that has exited already', () => {
    const state = machine();
    const ids = { tid: 1001, pid: 1001, ptid: 1000, vtid: 1001, vpid: 1001 };
    feed(state, 'SYSCALL_CLONE_20_X', cloneParams({ ...ids, res: 0 }), { tid: 1001 });
    exit(state, 1001);
    feed(state, 'SYSCALL_CLONE_20_X', cloneParams({ tid: 1000, pid: 1000, ptid: 1, vtid: 1000, vpid: 1000, res: 1001 }), { tid: 1000 });
    expect(state.threads.get(1001)).toBeUndefined();
  });

  it('a process in a container’s pid namespace is known by both of its ids', () => {
    const state = machine();
    state.bootTs = 1_000n;
    feed(state, 'SYSCALL_CLONE3_X', cloneParams({ tid: 2000, pid: 2000, ptid: 1000, vtid: 1, vpid: 1, res: 0, flags: 0x2000_0000, pidns_init_start_ts: 500 }), { tid: 2000 });
    const t = state.threads.get(2000)!;
    expect([t.vtid, t.vpid, t.inPidNamespace, t.pidnsInitStartTs]).toEqual([1, 1, true, 1_500n]);
  });

  it('CLONE_FILES without CLONE_THREAD shares descriptors until an exec', () => {
    const state = machine();
    fork(state, 1000, 1001, { flags: CLONE_FILES });
    openFile(state, 1001, 7, '/shared');
    expect(state.threads.get(1000)!.fds.get(7)!.name).toBe('/shared');
    exec(state, 1001, '/bin/true', []);
    feed(state, 'SYSCALL_CLOSE_X', { res: 0, fd: 7 }, { tid: 1001 });
    expect(state.threads.get(1000)!.fds.has(7)).toBe(true);
    expect(state.threads.get(1001)!.fds.has(7)).toBe(false);
  });
});

describe('what a lost exit leaves', () => {
  it('a process that takes the place of one whose exit was lost is the only one of its id', () => {
    const state = machine();
    exec(state, 2000, '/bin/old', [], { ptid: 1000 });
    const start = { tid: 2000, pid: 2000, ptid: 1000, vtid: 2000, vpid: 2000, res: 0, comm: 'new' };
    feed(state, 'SYSCALL_CLONE3_X', cloneParams(start), { tid: 2000 });
    expect([...state.threads.get(1000)!.children!].map((child) => child.comm)).toEqual(['new']);
    expect([state.threads.threadCount(2000), names(state, 2000)]).toEqual([1, ['new', 'bash', 'init']]);
  });

  it('threads that were known before their main thread share its descriptors once it is', () => {
    const state = machine();
    const flags = CLONE_THREAD | CLONE_FILES;
    feed(state, 'SYSCALL_CLONE3_X', cloneParams({ tid: 2001, pid: 2000, ptid: 1000, vtid: 2001, vpid: 2000, res: 0, flags }), { tid: 2001 });
    feed(state, 'SYSCALL_CLONE3_X', cloneParams({ tid: 2000, pid: 2000, ptid: 1000, vtid: 2000, vpid: 2000, res: 0 }), { tid: 2000 });
    openFile(state, 2001, 7, '/shared');
    expect(state.threads.get(2000)!.fds.get(7)!.name).toBe('/shared');
  });
});

describe('the executable', () => {
  it('that changed before its process began says for how long; one that changed after it, an enormous number', () => {
    const state = machine();
    fork(state, 1000, 1001);
    const { cloneTs } = state.threads.get(1001)!;
    exec(state, 1001, '/tmp/x', [], { exe_ino_ctime: cloneTs - 5n });
    expect(state.threads.get(1001)!.exeInoCtimeDurationCloneTs).toBe(5);
    exec(state, 1001, '/tmp/x', [], { exe_ino_ctime: cloneTs + 5n });
    expect(state.threads.get(1001)!.exeInoCtimeDurationCloneTs).toBe(2n ** 64n - 5n);
  });
});

describe('threads', () => {
  it('share descriptors, directory and environment of their process', () => {
    const state = machine();
    thread(state, 1000, 1002);
    openFile(state, 1002, 9, 'notes');
    feed(state, 'SYSCALL_CHDIR_X', { res: 0, path: '/tmp' }, { tid: 1002 });
    const t = state.threads.get(1002)!;
    expect([t.pid, t.cwd, t.env, state.threads.threadCount(1000)]).toEqual([1000, '/tmp/', ['HOME=/root'], 2]);
    expect(state.threads.get(1000)!.fds.get(9)!.name).toBe('/root/notes');
    expect(names(state, 1002)).toEqual(['bash', 'init']);
  });

  it('an exec ends the others', () => {
    const state = machine();
    thread(state, 1000, 1002);
    thread(state, 1000, 1003);
    exec(state, 1000, '/bin/true', []);
    expect([state.threads.get(1002), state.threads.get(1003), state.threads.threadCount(1000)]).toEqual([undefined, undefined, 1]);
  });

  it('a process whose main thread has exited stays until its last thread', () => {
    const state = machine();
    fork(state, 1000, 1001);
    thread(state, 1001, 1002);
    exit(state, 1001);
    expect(state.threads.get(1001)!.dead).toBe(true);
    expect(names(state, 1002)).toEqual(['bash', 'bash', 'init']);
    exit(state, 1002);
    expect([state.threads.get(1001), state.threads.get(1002)]).toEqual([undefined, undefined]);
    expect(state.threads.threadCount(1001)).toBe(0);
  });

  it('an exec by a thread whose leader is gone brings the leader’s id back to life', () => {
    const state = machine();
    thread(state, 1000, 1002);
    exit(state, 1000);
    exec(state, 1000, '/bin/true', []);
    const t = state.threads.get(1000)!;
    expect([t.dead, t.comm, state.threads.threadCount(1000), state.threads.get(1002)]).toEqual([false, 'true', 1, undefined]);
  });
});

describe('exits and orphans', () => {
  it('a process that has exited can still be named by the event of its exit', () => {
    const state = machine();
    let seen = '';
    feed(state, 'PROCEXIT_1_E', { status: 0, reaper_tid: 1 }, { tid: 1000 }, (view) => {
      seen = view.thread!.comm;
    });
    expect([seen, state.threads.get(1000)]).toEqual(['bash', undefined]);
  });

  it('children go to the reaper that the kernel names', () => {
    const state = machine();
    fork(state, 1, 50);
    exec(state, 50, '/sbin/subreaper', []);
    fork(state, 1000, 1001);
    exit(state, 1000, 50);
    expect(names(state, 1001)).toEqual(['bash', 'subreaper', 'init']);
  });

  it('without that, to a subreaper among the ancestors, else to init', () => {
    const state = machine();
    fork(state, 1000, 1001);
    fork(state, 1001, 1002);
    feed(state, 'SYSCALL_PRCTL_X', { res: 0, option: 36, arg2_int: 1 }, { tid: 1000 });
    feed(state, 'PROCEXIT_1_E', { status: 0 }, { tid: 1001, count: 4 });
    expect(state.threads.get(1002)!.ptid).toBe(1000);
    feed(state, 'PROCEXIT_1_E', { status: 0 }, { tid: 1000, count: 4 });
    expect(state.threads.get(1002)!.ptid).toBe(1);
  });

  it('a reaper that nothing is known of does not count: another thread of the process has the children', () => {
    const state = machine();
    thread(state, 1000, 1001);
    feed(state, 'SYSCALL_CLONE_20_X', cloneParams({ tid: 1002, pid: 1002, ptid: 1001, vtid: 1002, vpid: 1002, res: 0 }), { tid: 1002 });
    exit(state, 1001, 50_000);
    expect(state.threads.get(1002)!.ptid).toBe(1000);
    expect(names(state, 1002)).toEqual(['bash', 'bash', 'init']);
  });

  it('a process whose exit was lost hands its children on when it is found to be gone', () => {
    const state = machine();
    fork(state, 1000, 1001);
    fork(state, 1001, 1002);
    state.threads.remove(1001);
    expect([state.threads.get(1001), state.threads.get(1002)!.ptid, names(state, 1002)]).toEqual([undefined, 1, ['bash', 'init']]);
  });

  it('a parent that is not in the process list is none, and init’s threads have none', () => {
    const state = new State();
    const seed = (tid: number, pid: number, ptid: number): void => {
      const found = new ThreadInfo(tid, pid);
      found.ptid = ptid;
      state.seedThread(found);
    };
    for (const [tid, pid, ptid] of [[30, 30, 24], [40, 40, 26], [24, 24, 1], [25, 24, 1], [26, -1, -1], [2, 1, 0], [1, 1, 0]] as const) seed(tid, pid, ptid);
    state.seeded();
    expect([30, 40, 24, 25, 26, 2].map((tid) => state.threads.get(tid)!.ptid)).toEqual([24, 0, 1, 1, -1, 0]);
    expect([1, 24, 30, 26].map((pid) => state.threads.threadCount(pid))).toEqual([2, 2, 1, 0]);
  });

  it('a thread id that is used anew is a new process', () => {
    const state = machine();
    fork(state, 1000, 1001);
    exec(state, 1001, '/bin/old', []);
    exit(state, 1001);
    const later = { ts: 1_800_000_000_000_000_000n };
    feed(state, 'SYSCALL_CLONE_20_X', cloneParams({ tid: 1001, pid: 1001, ptid: 1000, vtid: 1001, vpid: 1001, res: 0 }), { tid: 1001, ...later });
    expect(state.threads.get(1001)!.comm).toBe('bash');
  });
});

describe('sessions, groups and ids', () => {
  it('setsid makes a session leader that its children find', () => {
    const state = machine();
    fork(state, 1000, 1001);
    feed(state, 'SYSCALL_SETSID_X', { res: 1001 }, { tid: 1001 });
    exec(state, 1001, '/usr/sbin/daemon', []);
    fork(state, 1001, 1002);
    expect(state.threads.leaderOf(state.threads.get(1002)!, 'sid')!.comm).toBe('daemon');
  });

  it('setuid, setresgid and capset are seen from then on', () => {
    const state = machine();
    feed(state, 'SYSCALL_SETUID_X', { res: 0, uid: 33 });
    feed(state, 'SYSCALL_SETRESGID_X', { res: 0, rgid: 1, egid: 34, sgid: 2 });
    feed(state, 'SYSCALL_SETUID_X', { res: -1, uid: 0 });
    feed(state, 'SYSCALL_CAPSET_X', { res: 0, cap_inheritable: 1, cap_permitted: 2, cap_effective: 3 });
    const t = state.threads.get(1000)!;
    expect([t.uid, t.gid, t.capInheritable, t.capPermitted, t.capEffective]).toEqual([33, 34, 1, 2, 3]);
  });

  it('a new user namespace gives all capabilities', () => {
    const state = machine();
    feed(state, 'SYSCALL_UNSHARE_X', { res: 0, flags: 0x10_0000 });
    expect(state.threads.get(1000)!.capEffective).toBe(2 ** 41 - 1);
  });
});

describe('threads of which nothing is known', () => {
  it('are shown as <NA>, counted, and asked for once', () => {
    const state = machine({ wantUnknown: true });
    let seen: string | null = null;
    feed(state, 'SYSCALL_CHDIR_X', { res: 0, path: '/x' }, { tid: 555 }, (view) => {
      seen = view.thread!.comm;
    });
    feed(state, 'SYSCALL_CHDIR_X', { res: 0, path: '/y' }, { tid: 555 });
    expect([seen, state.stats().unknownThreads, state.takeWanted(), state.takeWanted()]).toEqual(['<NA>', 1, [555], []]);
  });

  it('are completed by a look-up and keep what their events told', () => {
    const state = machine({ wantUnknown: true });
    openFile(state, 555, 3, '/seen');
    const found = new ThreadInfo(555, 555);
    found.ptid = 1000;
    found.comm = 'found';
    state.learn([found]);
    expect(names(state, 555)).toEqual(['found', 'bash', 'init']);
    expect(state.threads.get(555)!.fds.get(3)!.name).toBe('/seen');
  });

  it('become known by their exec', () => {
    const state = machine();
    feed(state, 'SYSCALL_CHDIR_X', { res: 0, path: '/x' }, { tid: 555 });
    exec(state, 555, '/bin/known', [], { pid: 555, ptid: 1000 });
    expect(names(state, 555)).toEqual(['known', 'bash', 'init']);
  });
});

describe('bounds', () => {
  it('threads that find no room are counted, and their events are evaluated without one', () => {
    const state = machine({ threadTableSize: 2 });
    feed(state, 'SYSCALL_CHDIR_X', { res: 0, path: '/x' }, { tid: 5 }, (view) => expect(view.thread).toBeNull());
    expect(state.stats()).toMatchObject({ threads: 2, refused: 1 });
  });

  it('descriptors beyond the limit of a process are counted', () => {
    const state = machine();
    for (let fd = 0; fd < 4100; fd++) openFile(state, 1000, fd, '/f');
    expect([state.threads.get(1000)!.fds.size, state.stats().fdsRefused]).toEqual([4096, 4]);
  });

  it('threads not heard of for long give way when they are not alive any more', () => {
    const state = machine();
    feed(state, 'SYSCALL_CHDIR_X', { res: 0, path: '/x' }, { tid: 1000 });
    const seen = state.threads.get(1000)!.lastAccess;
    expect(state.threads.evict(seen, (tid) => tid === 1)).toBe(0);
    expect(state.threads.evict(seen + 1, (tid) => tid === 1)).toBe(1);
    expect([state.threads.get(1000), state.stats().evicted]).toEqual([undefined, 1]);
  });

  it('an event of a type beyond the table is not evaluated', () => {
    const event = buildEvent('SYSCALL_CHDIR_X', { res: 0 });
    event.writeUInt16LE(9999, 20);
    expect(machine().apply(viewOf(event))).toBe(false);
  });
});
