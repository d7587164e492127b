// SPDX-License-Identifier: Apache-2.0
/** What a user sees of files, pipes and other descriptors. */
import { describe, expect, it } from 'vitest';
import type { EventView } from '../../src/events/event-view.js';
import { FdFlag, type FdInfo } from '../../src/state/fd-info.js';
import type { State } from '../../src/state/state.js';
import { feed, type ParamValue } from '../helpers/event-builder.js';
import { machine } from '../helpers/processes.js';

/** The descriptor and its number that an event is about. */
function about(state: State, key: string, values: Readonly<Record<string, ParamValue>>): { fd: FdInfo | null; num: number } {
  let seen: { fd: FdInfo | null; num: number } = { fd: null, num: -1 };
  feed(state, key, values, {}, (view: EventView) => {
    seen = { fd: view.fd, num: view.fdNum };
  });
  return seen;
}
const OPEN = { flags: 1, mode: 0, dev: 5, ino: 6 };

describe('opened files', () => {
  it('all ways to open give the whole path, the path as given, flags, device and inode', () => {
    const state = machine();
    const open = about(state, 'SYSCALL_OPEN_X', { fd: 3, name: 'a/../b', ...OPEN });
    expect(open).toMatchObject({ num: 3, fd: { type: 'file', name: '/root/b', nameRaw: 'a/../b', openFlags: 1, dev: 5, ino: 6 } });
    expect(about(state, 'SYSCALL_OPENAT_2_X', { fd: 4, dirfd: -100, name: '/etc/x', ...OPEN }).fd!.name).toBe('/etc/x');
    expect(about(state, 'SYSCALL_OPENAT2_X', { fd: 5, dirfd: -100, name: 'y', ...OPEN, resolve: 0 }).fd).toMatchObject({ name: '/root/y', dev: 5, ino: 6 });
    expect(about(state, 'SYSCALL_CREAT_X', { fd: 6, name: 'z', mode: 0, dev: 5, ino: 6, creat_flags: 1 }).fd).toMatchObject({
      name: '/root/z', ino: 6, flags: FdFlag.OverlayUpper,
    });
    expect(about(state, 'SYSCALL_OPEN_BY_HANDLE_AT_X', { fd: 7, mountfd: 3, flags: 1, path: '/h', dev: 5, ino: 6 }).fd!.name).toBe('/h');
  });

  it('a path relative to an open directory is resolved against it', () => {
    const state = machine();
    expect(about(state, 'SYSCALL_OPENAT_2_X', { fd: 3, dirfd: -100, name: '/srv', ...OPEN, flags: 0x401 }).fd!.type).toBe('directory');
    expect(about(state, 'SYSCALL_OPENAT_2_X', { fd: 4, dirfd: 3, name: '../etc/x', ...OPEN }).fd!.name).toBe('/etc/x');
    expect(about(state, 'SYSCALL_OPENAT_2_X', { fd: 5, dirfd: 99, name: 'x', ...OPEN }).fd!.name).toBe('<UNKNOWN>x');
  });

  it('the name that counts is the one from before the call, the added flags the ones from after', () => {
    const state = machine();
    feed(state, 'SYSCALL_OPENAT_2_E', { dirfd: -100, name: '/etc/shadow', flags: 1, mode: 0 });
    const { fd } = about(state, 'SYSCALL_OPENAT_2_X', { fd: 3, dirfd: -100, name: '/tmp/harmless', flags: 2 | 0x4000, mode: 0, dev: 1, ino: 2 });
    expect(fd).toMatchObject({ name: '/etc/shadow', openFlags: 1 | 0x4000 });
    expect(about(state, 'SYSCALL_OPENAT_2_X', { fd: 4, dirfd: -100, name: '/tmp/next', ...OPEN }).fd!.name).toBe('/tmp/next');
  });

  it('a failed open has no descriptor', () => {
    const state = machine();
    expect(about(state, 'SYSCALL_OPENAT_2_X', { fd: -13, dirfd: -100, name: '/etc/shadow', ...OPEN })).toEqual({ fd: null, num: -1 });
  });

  it('a file that is closed is still named by the close', () => {
    const state = machine();
    about(state, 'SYSCALL_OPEN_X', { fd: 3, name: '/x', ...OPEN });
    expect(about(state, 'SYSCALL_CLOSE_X', { res: 0, fd: 3 })).toMatchObject({ num: 3, fd: { name: '/x' } });
    expect(about(state, 'SYSCALL_CLOSE_X', { res: 0, fd: 3 })).toEqual({ fd: null, num: 3 });
  });

  it('a failed close leaves it open', () => {
    const state = machine();
    about(state, 'SYSCALL_OPEN_X', { fd: 3, name: '/x', ...OPEN });
    about(state, 'SYSCALL_CLOSE_X', { res: -4, fd: 3 });
    expect(state.threads.get(1000)!.fds.has(3)).toBe(true);
  });

  it('close_range closes or marks', () => {
    const state = machine();
    for (const fd of [3, 4, 5]) about(state, 'SYSCALL_OPEN_X', { fd, name: `/f${fd}`, ...OPEN });
    feed(state, 'SYSCALL_CLOSE_RANGE_X', { res: 0, first: 4, last: 0xffff_ffff, flags: 4 });
    expect(state.threads.get(1000)!.fds.get(5)!.openFlags & 0x1000).toBe(0x1000);
    feed(state, 'SYSCALL_CLOSE_RANGE_X', { res: 0, first: 4, last: 0xffff_ffff, flags: 0 });
    expect([...state.threads.get(1000)!.fds].map(([fd]) => fd)).toEqual([3]);
  });
});

describe('copies of descriptors', () => {
  it('dup, dup2, dup3 and fcntl name the same file', () => {
    const state = machine();
    about(state, 'SYSCALL_OPEN_X', { fd: 3, name: '/x', ...OPEN, flags: 1 | 0x1000 });
    expect(about(state, 'SYSCALL_DUP_1_X', { res: 10, oldfd: 3 })).toMatchObject({ num: 10, fd: { name: '/x' } });
    expect(about(state, 'SYSCALL_DUP2_X', { res: 0, oldfd: 3, newfd: 0 })).toMatchObject({ num: 0, fd: { name: '/x' } });
    expect(about(state, 'SYSCALL_DUP3_X', { res: 11, oldfd: 3, newfd: 11, flags: 0x1000 }).fd!.openFlags & 0x1000).toBe(0x1000);
    expect(about(state, 'SYSCALL_FCNTL_X', { res: 12, fd: 3, cmd: 26, arg: 12 })).toMatchObject({ num: 12, fd: { name: '/x' } });
    expect(state.threads.get(1000)!.fds.get(10)!.openFlags & 0x1000).toBe(0);
  });

  it('fcntl F_SETFD sets and takes away close-on-exec', () => {
    const state = machine();
    about(state, 'SYSCALL_OPEN_X', { fd: 3, name: '/x', ...OPEN });
    feed(state, 'SYSCALL_FCNTL_X', { res: 0, fd: 3, cmd: 3, arg: 1 });
    expect(state.threads.get(1000)!.fds.get(3)!.openFlags & 0x1000).toBe(0x1000);
    feed(state, 'SYSCALL_FCNTL_X', { res: 0, fd: 3, cmd: 3, arg: 0 });
    expect(state.threads.get(1000)!.fds.get(3)!.openFlags & 0x1000).toBe(0);
  });

  it('pidfd_getfd takes another process’s descriptor', () => {
    const state = machine();
    feed(state, 'SYSCALL_OPEN_X', { fd: 3, name: '/secret', ...OPEN }, { tid: 1 });
    about(state, 'SYSCALL_PIDFD_OPEN_X', { fd: 5, pid: 1, flags: 0 });
    expect(about(state, 'SYSCALL_PIDFD_GETFD_X', { fd: 6, pid_fd: 5, target_fd: 3, flags: 0 })).toMatchObject({ num: 6, fd: { name: '/secret' } });
  });
});

describe('other kinds', () => {
  const kinds: readonly (readonly [key: string, values: Readonly<Record<string, ParamValue>>, type: string])[] = [
    ['SYSCALL_PIPE2_X', { res: 0, fd1: 8, fd2: 9, ino: 77, flags: 0 }, 'pipe'],
    ['SYSCALL_EVENTFD2_X', { res: 9, flags: 0, initval: 0 }, 'event'],
    ['SYSCALL_SIGNALFD4_X', { res: 9, flags: 0, fd: -1, mask: 0 }, 'signalfd'],
    ['SYSCALL_TIMERFD_CREATE_X', { res: 9, clockid: 0, flags: 0 }, 'timerfd'],
    ['SYSCALL_INOTIFY_INIT1_X', { res: 9, flags: 0 }, 'inotify'],
    ['SYSCALL_EPOLL_CREATE1_X', { res: 9, flags: 1 }, 'eventpoll'],
    ['SYSCALL_BPF_2_X', { fd: 9, cmd: 5 }, 'bpf'],
    ['SYSCALL_USERFAULTFD_X', { res: 9, flags: 0 }, 'userfaultfd'],
    ['SYSCALL_IO_URING_SETUP_X', { res: 9 }, 'io_uring'],
    ['SYSCALL_MEMFD_CREATE_X', { fd: 9, name: 'payload', flags: 0 }, 'memfd'],
    ['SYSCALL_PIDFD_OPEN_X', { fd: 9, pid: 1, flags: 0 }, 'pidfd'],
  ];
  for (const [key, values, type] of kinds) {
    it(`${key} gives a descriptor of kind ${type}`, () => {
      const state = machine();
      expect(about(state, key, values)).toMatchObject({ num: 9, fd: { type } });
      expect(about(machine(), key, Object.fromEntries(Object.entries(values).map(([n, v], i) => [n, i === 0 ? -1 : v]))).fd).toBeNull();
    });
  }

  it('both ends of a pipe have its inode', () => {
    const state = machine();
    feed(state, 'SYSCALL_PIPE_X', { res: 0, fd1: 3, fd2: 4, ino: 77 });
    const { fds } = state.threads.get(1000)!;
    expect([fds.get(3)!.ino, fds.get(4)!.ino]).toEqual([77, 77]);
  });
});

describe('the working directory and root', () => {
  it('follows chdir, fchdir and getcwd', () => {
    const state = machine();
    const cwd = () => state.threads.get(1000)!.cwd;
    feed(state, 'SYSCALL_CHDIR_X', { res: 0, path: 'sub/dir' });
    expect(cwd()).toBe('/root/sub/dir/');
    feed(state, 'SYSCALL_CHDIR_X', { res: -2, path: '/nowhere' });
    expect(cwd()).toBe('/root/sub/dir/');
    about(state, 'SYSCALL_OPENAT_2_X', { fd: 3, dirfd: -100, name: '/srv', ...OPEN });
    feed(state, 'SYSCALL_FCHDIR_X', { res: 0, fd: 3 });
    expect(cwd()).toBe('/srv/');
    feed(state, 'SYSCALL_GETCWD_X', { res: 0, path: '/real' });
    expect(cwd()).toBe('/real/');
  });

  it('chroot is remembered', () => {
    const state = machine();
    feed(state, 'SYSCALL_CHROOT_X', { res: 0, path: 'jail' });
    expect(state.threads.get(1000)!.root).toBe('/root/jail');
  });
});
