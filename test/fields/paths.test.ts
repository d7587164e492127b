// SPDX-License-Identifier: Apache-2.0
/** `fs.path.*`: which paths a call is about, resolved and as the program wrote them; and what kinds of descriptors calls give. */
import { describe, expect, it } from 'vitest';
import type { ParamValue } from '../../src/events/event-builder.js';
import { Scene } from '../helpers/scene.js';

type Values = Readonly<Record<string, ParamValue>>;
const DEEP = '/srv/a/b/c/d';

/** The working directory is /root, descriptor 5 is a directory, 6 a file. */
const scene = () =>
  new Scene()
    .with((thread) => {
      thread.cwd = '/root/';
    })
    .first('SYSCALL_OPENAT2_X', { fd: 5, dirfd: -100, name: DEEP, flags: 513, mode: 0, resolve: 0, dev: 1, ino: 2 })
    .first('SYSCALL_OPEN_X', { fd: 6, name: '/srv/file', flags: 3, mode: 0, dev: 1, ino: 3 });

const FIELDS = ['name', 'nameraw', 'source', 'sourceraw', 'target', 'targetraw'] as const;
const pathsOf = (key: string, values: Values) =>
  Object.fromEntries(FIELDS.map((field) => [field, scene().prints(`fs.path.${field}`, { key, values })]).filter(([, value]) => value !== null));

describe('the path of a call', () => {
  it.each<[string, Values, string, string]>([
    ['SYSCALL_OPEN_X', { fd: 7, name: '/srv/x/../y/', flags: 3 }, '/srv/y', '/srv/x/../y/'],
    ['SYSCALL_OPENAT_2_X', { fd: 7, dirfd: 5, name: 'x/./y', flags: 3 }, `${DEEP}/x/y`, 'x/./y'],
    ['SYSCALL_OPENAT_2_X', { fd: 7, dirfd: 5, name: '/abs', flags: 3 }, '/abs', '/abs'],
    ['SYSCALL_OPENAT2_X', { fd: 7, dirfd: -100, name: 'x//y', flags: 3 }, '/root/x/y', 'x//y'],
    ['SYSCALL_MKDIR_2_X', { res: 0, path: 'x' }, '/root/x', 'x'],
    ['SYSCALL_MKDIRAT_X', { res: 0, dirfd: 5, path: 'x', mode: 0 }, `${DEEP}/x`, 'x'],
    ['SYSCALL_RMDIR_2_X', { res: 0, path: '/srv/x' }, '/srv/x', '/srv/x'],
    ['SYSCALL_UNLINK_2_X', { res: 0, path: '../x' }, '/x', '../x'],
    ['SYSCALL_UNLINKAT_2_X', { res: 0, dirfd: 5, name: 'x/..//../y', flags: 0 }, '/srv/a/b/c/y', 'x/..//../y'],
    ['SYSCALL_CHMOD_X', { res: 0, filename: 'x', mode: 0 }, '/root/x', 'x'],
    ['SYSCALL_FCHMODAT_X', { res: 0, dirfd: 5, filename: '../.../x', mode: 0 }, '/srv/a/b/c/.../x', '../.../x'],
    ['SYSCALL_FCHMOD_X', { res: 0, fd: 6, mode: 0 }, '/srv/file', '/srv/file'],
    ['SYSCALL_CHOWN_X', { res: 0, path: 'x', uid: 0, gid: 0 }, '/root/x', 'x'],
    ['SYSCALL_LCHOWN_X', { res: 0, path: '/x', uid: 0, gid: 0 }, '/x', '/x'],
    ['SYSCALL_FCHOWN_X', { res: 0, fd: 6, uid: 0, gid: 0 }, '/srv/file', '/srv/file'],
    ['SYSCALL_FCHOWNAT_X', { res: 0, dirfd: 5, pathname: 'x', uid: 0, gid: 0, flags: 0 }, `${DEEP}/x`, 'x'],
    ['SYSCALL_QUOTACTL_X', { res: 0, special: '/dev/x', quotafilepath: '' }, '/dev/x', '/dev/x'],
    ['SYSCALL_UMOUNT_1_X', { res: 0, name: '/mnt' }, '/mnt', '/mnt'],
    ['SYSCALL_UMOUNT2_X', { res: 0, name: 'mnt', flags: 0 }, '/root/mnt', 'mnt'],
  ])('%s %j: %s', (key, values, name, nameraw) => expect(pathsOf(key, values)).toEqual({ name, nameraw }));

  it.each<[string, Values, string, string, string, string]>([
    ['SYSCALL_RENAME_X', { res: 0, oldpath: 'o', newpath: '/n' }, '/root/o', 'o', '/n', '/n'],
    ['SYSCALL_RENAMEAT_X', { res: 0, olddirfd: 5, oldpath: 'o', newdirfd: -100, newpath: 'n' }, `${DEEP}/o`, 'o', '/root/n', 'n'],
    ['SYSCALL_RENAMEAT2_X', { res: 0, olddirfd: 5, oldpath: 'o', newdirfd: 5, newpath: '../n', flags: 0 }, `${DEEP}/o`, 'o', '/srv/a/b/c/n', '../n'],
    // What is made is the source, and what it leads to the target.
    ['SYSCALL_LINK_2_X', { res: 0, oldpath: 'o', newpath: 'n' }, '/root/n', 'n', '/root/o', 'o'],
    ['SYSCALL_LINKAT_2_X', { res: 0, olddir: 5, oldpath: 'o', newdir: -100, newpath: 'n', flags: 0 }, '/root/n', 'n', `${DEEP}/o`, 'o'],
    ['SYSCALL_SYMLINK_X', { res: 0, target: 't', linkpath: 'l' }, '/root/l', 'l', '/root/t', 't'],
    ['SYSCALL_SYMLINKAT_X', { res: 0, target: '/t', linkdirfd: 5, linkpath: 'l' }, `${DEEP}/l`, 'l', '/t', '/t'],
    ['SYSCALL_SYMLINKAT_X', { res: 0, target: 't', linkdirfd: 5, linkpath: 'l' }, `${DEEP}/l`, 'l', '<UNKNOWN>t', 't'],
    ['SYSCALL_MOUNT_X', { res: 0, flags: 0, dev: '/dev/x', dir: '/mnt', type: 'iso9660' }, '/dev/x', '/dev/x', '/mnt', '/mnt'],
  ])('%s %j: %s and %s', (key, values, source, sourceraw, target, targetraw) => {
    expect(pathsOf(key, values)).toEqual({ source, sourceraw, target, targetraw });
    expect(pathsOf(key, { ...values, res: -2 })).toEqual({});
  });

  it('is none where the call failed', () => {
    for (const [key, values] of [['SYSCALL_OPEN_X', { fd: -1, name: '/x', flags: 3 }], ['SYSCALL_MKDIR_2_X', { res: -17, path: '/x' }], ['SYSCALL_FCHMOD_X', { res: -1, fd: 6, mode: 0 }], ['SYSCALL_UMOUNT2_X', { res: -1, name: '/x', flags: 0 }]] as const) {
      expect(pathsOf(key, values)).toEqual({});
    }
  });

  it('that is too long is said to be', () => {
    const name = `/${'a'.repeat(600)}/${'b'.repeat(600)}`;
    for (const [field, wanted] of [['fd.name', '/DIR_TOO_LONG/FILENAME_TOO_LONG'], ['fd.directory', '/DIR_TOO_LONG'], ['fd.filename', 'FILENAME_TOO_LONG']] as const) {
      expect(scene().prints(field, { key: 'SYSCALL_OPEN_X', values: { fd: 7, name, flags: 3 } })).toBe(wanted);
    }
  });
});

describe('a descriptor that is no file', () => {
  it.each<[string, Values, string, string]>([
    ['SYSCALL_PIPE_X', { res: 0, fd1: 14, fd2: 15, ino: 77 }, 'pipe', 'p'], ['SYSCALL_PIPE2_X', { res: 0, fd1: 14, fd2: 15, ino: 77, flags: 17 }, 'pipe', 'p'],
    ['SYSCALL_INOTIFY_INIT_X', { res: 15, flags: 79 }, 'inotify', 'i'], ['SYSCALL_INOTIFY_INIT1_X', { res: 15, flags: 89 }, 'inotify', 'i'],
    ['SYSCALL_EVENTFD_X', { res: 15, initval: 0, flags: 6 }, 'event', 'e'], ['SYSCALL_EVENTFD2_X', { res: 15, flags: 54, initval: 0 }, 'event', 'e'],
    ['SYSCALL_SIGNALFD_X', { res: 15, fd: -1, mask: 0, flags: 12 }, 'signalfd', 's'], ['SYSCALL_SIGNALFD4_X', { res: 15, flags: 47, fd: 67, mask: 0 }, 'signalfd', 's'],
    ['SYSCALL_TIMERFD_CREATE_X', { res: 15, clockid: 0, flags: 0 }, 'timerfd', 't'], ['SYSCALL_BPF_2_X', { fd: 15, cmd: 0 }, 'bpf', 'b'],
    ['SYSCALL_USERFAULTFD_X', { res: 15, flags: 0 }, 'userfaultfd', 'u'], ['SYSCALL_IO_URING_SETUP_X', { res: 15 }, 'io_uring', 'r'],
    ['SYSCALL_EPOLL_CREATE_X', { res: 15, size: 0 }, 'eventpoll', 'l'], ['SYSCALL_EPOLL_CREATE1_X', { res: 15, flags: 0 }, 'eventpoll', 'l'],
  ])('%s has a kind, and neither name nor device nor addresses', (key, values, type, typechar) => {
    const wanted = {
      'fd.num': 15, 'fd.type': type, 'fd.typechar': typechar, 'fd.uid': '100015', 'fd.name': '', 'fd.nameraw': '', 'fd.containername': ':', 'fd.l4proto': '<NA>',
      'fd.is_server': false, 'fd.connected': false, 'fd.name_changed': false, 'fd.dev': 0, 'fd.dev.major': 0, 'fd.dev.minor': 0, 'fd.ino': type === 'pipe' ? 77 : 0,
    };
    expect(Object.fromEntries(Object.keys(wanted).map((field) => [field, scene().prints(field, { key, values })]))).toEqual(wanted);
  });
});
