// SPDX-License-Identifier: Apache-2.0
/** What is done with what /proc says after a loss of events. */
import { describe, expect, it } from 'vitest';
import { FdInfo } from '../../src/state/fd-info.js';
import { FdTable } from '../../src/state/fd-table.js';
import type { State } from '../../src/state/state.js';
import { ThreadInfo } from '../../src/state/thread-info.js';
import { feed } from '../helpers/event-builder.js';
import { exec, exit, fork, machine, thread } from '../helpers/processes.js';

const AT = 2_000_000_000_000_000_000;
const acts = (state: State, tid: number, ts = AT): void => feed(state, 'SYSCALL_GETUID_X', {}, { tid, ts: BigInt(ts) });

/** A shell's child 2000 with a descriptor, after a loss that it has been doubted for. */
function doubted(): State {
  const state = machine({ wantUnknown: true });
  fork(state, 1000, 2000);
  exec(state, 2000, '/bin/cat', ['x'], { ptid: 1000 });
  feed(state, 'SYSCALL_OPENAT_2_X', { fd: 5, dirfd: -100, name: '/etc/a', flags: 1, mode: 0, dev: 1, ino: 77 }, { tid: 2000 });
  state.lost();
  acts(state, 2000);
  return state;
}

/** What /proc would say of 2000 now: the same, but for `change`. */
function seen(state: State, change: (found: ThreadInfo) => void = () => {}): ThreadInfo {
  const known = state.threads.get(2000)!;
  const found = new ThreadInfo(2000, 2000);
  for (const key of ['comm', 'exe', 'args', 'env', 'exepath', 'uid', 'gid', 'loginuid', 'sid', 'pgid', 'vpgid', 'tty', 'root', 'cwd', 'fdLimit', 'cgroups', 'containerId',
    'capInheritable', 'capPermitted', 'capEffective', 'cloneTs', 'vtid', 'vpid'] as const) Object.assign(found, { [key]: known[key] });
  found.ptid = 1000;
  for (const [fd, info] of known.fds) found.fds.set(fd, info.clone());
  change(found);
  return found;
}

const report = (state: State, found: readonly ThreadInfo[], time = AT): void => state.repair.find({ time, tid: 2000, threads: found });

describe('after a loss', () => {
  it('a thread that acts is doubted once, with its ancestors', () => {
    const state = doubted();
    acts(state, 2000);
    expect([state.repair.take(), state.repair.take(), state.repair.take(), state.repair.take()]).toEqual([2000, 1000, 1, -1]);
    acts(state, 2000);
    expect(state.repair.take()).toBe(-1);
    state.lost();
    acts(state, 1000);
    expect([state.repair.take(), state.repair.take(), state.repair.take()]).toEqual([1000, 1, -1]);
  });

  it('any thread of a process has the process doubted', () => {
    const state = doubted();
    thread(state, 1000, 1001);
    while (state.repair.take() !== -1);
    state.lost();
    acts(state, 1001);
    expect(state.repair.take()).toBe(1000);
  });

  it('a process that begins then is not doubted, unless its parent is', () => {
    const state = doubted();
    fork(state, 1, 3000);
    fork(state, 2000, 3001);
    const pids = [state.repair.take(), state.repair.take(), state.repair.take(), state.repair.take(), state.repair.take(), state.repair.take()];
    expect(pids).toEqual([2000, 1000, 1, 3000, 3001, -1]);
    fork(state, 1, 3002);
    acts(state, 3002);
    expect(state.repair.take()).toBe(-1);
  });

  it('what was found counts from its time on: events from before come first', () => {
    const state = doubted();
    report(state, [seen(state, (found) => { found.exepath = '/usr/bin/nc'; found.comm = 'nc'; })]);
    acts(state, 1000, AT - 1000);
    expect(state.threads.get(2000)!.comm).toBe('cat');
    acts(state, 1000, AT + 1000);
    expect(state.threads.get(2000)!.comm).toBe('nc');
  });

  it('a child that begins while what was found of its parent waits is doubted, and none after that', () => {
    const state = doubted();
    while (state.repair.take() !== -1);
    report(state, [seen(state, (found) => { found.exepath = '/usr/bin/nc'; found.comm = 'nc'; })]);
    fork(state, 2000, 3000);
    expect([state.threads.get(3000)!.exepath, state.repair.take(), state.repair.take()]).toEqual(['/bin/cat', 3000, -1]);
    state.repair.settle(AT);
    fork(state, 2000, 3001);
    expect([state.threads.get(3001)!.exepath, state.repair.take()]).toEqual(['/usr/bin/nc', -1]);
  });

  it('what is right stays as events told it', () => {
    const state = doubted();
    const known = state.threads.get(2000)!;
    const info = known.fds.get(5)!;
    report(state, [seen(state, (found) => { found.comm = 'renamed'; found.fds.set(5, Object.assign(new FdInfo('file', '/private/etc/a'), { ino: 77 })); })]);
    state.repair.settle(AT);
    expect([known.comm, known.fds.get(5) === info, state.stats().repaired]).toEqual(['cat', true, 0]);
  });
  // biome-ignore format: one line a case
  it.each<[what: string, change: (found: ThreadInfo) => void, read: (t: ThreadInfo, state: State) => unknown, value: unknown]>([
    ['another program', (f) => { f.exepath = '/bin/nc'; f.comm = 'nc'; f.exe = 'nc'; f.args = ['-l']; }, (t) => [t.comm, t.exe, t.exepath, t.args], ['nc', 'nc', '/bin/nc', ['-l']]],
    ['the same program with other arguments', (f) => { f.args = ['y']; f.comm = 'y.sh'; }, (t) => [t.comm, t.args], ['y.sh', ['y']]],
    ['another user and group', (f) => { f.uid = 7; f.gid = 8; }, (t) => [t.uid, t.gid], [7, 8]],
    ['another directory', (f) => { f.cwd = '/srv/'; }, (t) => t.cwd, '/srv/'],
    ['other capabilities', (f) => { f.capEffective = 5; }, (t) => t.capEffective, 5],
    ['another session and group', (f) => { f.sid = 2000; f.pgid = 9; f.vpgid = 9; }, (t) => [t.sid, t.pgid, t.vpgid], [2000, 9, 9]],
    ['another parent', (f) => { f.ptid = 1; }, (t, s) => [t.ptid, s.threads.get(1)!.children!.has(t), s.threads.get(1000)!.children!.has(t)], [1, true, false]],
    ['a parent that nobody knows', (f) => { f.ptid = 4711; }, (t) => t.ptid, 4711],
    ['a descriptor that was closed', (f) => { f.fds.delete(5); }, (t) => t.fds.has(5), false],
    ['a descriptor that was opened', (f) => { f.fds.set(6, new FdInfo('file', '/etc/b')); }, (t) => t.fds.get(6)?.name, '/etc/b'],
    ['a descriptor that is another file', (f) => { f.fds.set(5, Object.assign(new FdInfo('file', '/etc/c'), { ino: 78 })); }, (t) => t.fds.get(5)?.name, '/etc/c'],
    ['a descriptor that is a connection', (f) => { f.fds.set(5, Object.assign(new FdInfo('ipv4', 'a'), { destIp: '1.1.1.1' })); }, (t) => t.fds.get(5)?.type, 'ipv4'],
  ])('%s is taken over', (_what, change, read, value) => {
    const state = doubted();
    const known = state.threads.get(2000)!;
    report(state, [seen(state, change)]);
    state.repair.settle(AT);
    expect(read(known, state)).toEqual(value);
    expect(state.stats().repaired).toBe(1);
  });

  it('threads that have ended go, those that have begun come', () => {
    const state = doubted();
    thread(state, 2000, 2001);
    const found = seen(state);
    const other = new ThreadInfo(2002, 2000, found.fds);
    other.ptid = 1000;
    other.comm = 'worker';
    report(state, [found, other]);
    state.repair.settle(AT);
    expect(state.threads.get(2001)).toBeUndefined();
    expect([state.threads.get(2002)!.comm, state.threads.get(2002)!.leader!.tid, state.threads.get(2002)!.fds === state.threads.get(2000)!.fds]).toEqual(['worker', 2000, true]);
    expect(state.threads.threadCount(2000)).toBe(2);
  });

  it('another process under the same id takes the place, and children stay', () => {
    const state = doubted();
    fork(state, 2000, 3000);
    report(state, [seen(state, (found) => { found.cloneTs += 60_000_000_000n; found.comm = 'new'; found.fds = new FdTable(); })]);
    state.repair.settle(AT);
    const now = state.threads.get(2000)!;
    expect([now.comm, now.fds.size, state.threads.get(3000)!.ptid]).toEqual(['new', 0, 2000]);
  });

  it('a process that is gone goes, and its children have another parent', () => {
    const state = doubted();
    fork(state, 2000, 3000);
    report(state, []);
    state.repair.settle(AT);
    expect([state.threads.get(2000), state.threads.get(3000)!.ptid, state.stats().vanished]).toEqual([undefined, 1, 1]);
  });

  it('what was found of a process that ended meanwhile does not bring it back', () => {
    const state = doubted();
    const found = seen(state);
    exit(state, 2000);
    report(state, [found]);
    state.repair.settle(AT);
    expect(state.threads.get(2000)).toBeUndefined();
  });

  it('a connection is the same whichever end is called the client, and another by its ports', () => {
    const connection = (source: number, dest: number): FdInfo => Object.assign(new FdInfo('ipv4', `${source}`), { sourceIp: '10.0.0.1', destIp: '10.0.0.2', sourcePort: source, destPort: dest });
    const state = doubted();
    const known = state.threads.get(2000)!;
    const [kept, other] = [connection(80, 4000), connection(81, 4001)];
    known.fds.set(6, kept).set(7, other);
    report(state, [seen(state, (found) => { found.fds.set(6, connection(4000, 80)).set(7, connection(4002, 81)); })]);
    state.repair.settle(AT);
    expect([known.fds.get(6) === kept, known.fds.get(7)!.sourcePort]).toEqual([true, 4002]);
  });

  it('more doubts than there is room for are counted', () => {
    const state = machine({ wantUnknown: true });
    for (let pid = 5000; pid < 10_000; pid++) fork(state, 1, pid);
    state.lost();
    for (let pid = 5000; pid < 10_000; pid++) acts(state, pid);
    expect(state.stats().doubtsRefused).toBe(5001 - 4096);
  });
});
