// SPDX-License-Identifier: Apache-2.0
/** Files and other descriptors that are no sockets, and the working directory. HOT PATH. */
import type { EventView } from '../../events/event-view.js';
import { Ev } from '../../events/ids.js';
import { hasEnter } from '../call.js';
import { FdFlag, FdInfo, type FdType } from '../fd-info.js';
import { clearCloseOnExec, getFd, O_CLOEXEC, O_DIRECTORY, plainFd } from '../fd-table.js';
import { concatenatePaths } from '../paths.js';
import type { State } from '../state.js';
import type { ThreadInfo } from '../thread-info.js';
import { type Handler, type HandlerEntry, NO_TEXT, openFd, text } from './handler.js';

const AT_FDCWD = -100;
/** `file_flags` that only the kernel side knows, at exit: O_F_CREATED and above. */
const ADDED_FLAGS = ~(0x4000 - 1);
const UPPER_LAYER = 0x8000;
const LOWER_LAYER = 0x1_0000;

/** Directory (with its closing slash) that a relative `name` starts from; `.` for an absolute one. */
export function directoryOf(thread: ThreadInfo, name: string, dirfd: number): string {
  if (name.charCodeAt(0) === 47) return '.';
  if (dirfd === AT_FDCWD) return thread.cwd;
  const info = getFd(thread, dirfd);
  if (info === null) return '<UNKNOWN>';
  return info.name.length === 0 || info.name.endsWith('/') ? info.name : `${info.name}/`;
}

/**
 * Name and flags that count are the enter event's, where it is known: they cannot have been changed under way by the
 * program. The exit event adds what the kernel found out.
 */
function opened(
  state: State, view: EventView, thread: ThreadInfo, directory: string, name: string, flags: number, devParam: number,
): void {
  const fd = view.int(0);
  if (fd < 0) return;
  const info = new FdInfo((flags & O_DIRECTORY) !== 0 ? 'directory' : 'file', concatenatePaths(directory, name));
  info.nameRaw = name;
  info.openFlags = flags;
  info.dev = view.u32(devParam);
  info.ino = view.u64(devParam + 1);
  if ((flags & UPPER_LAYER) !== 0) info.flags |= FdFlag.OverlayUpper;
  if ((flags & LOWER_LAYER) !== 0) info.flags |= FdFlag.OverlayLower;
  openFd(state, view, thread, fd, info);
}

const onOpen: Handler = (state, view) => {
  const thread = view.thread;
  if (thread === null) return;
  let flags = view.u32(2);
  let name: string;
  if (hasEnter(view, thread) && thread.enterName !== null) {
    name = thread.enterName;
    flags = thread.enterFlags | (flags & ADDED_FLAGS);
  } else name = text(view, 1);
  opened(state, view, thread, thread.cwd, name, flags, 4);
};

const onCreat: Handler = (state, view) => {
  const thread = view.thread;
  if (thread === null) return;
  const layer = view.u16(5);
  const flags = (layer & 1) !== 0 ? UPPER_LAYER : (layer & 2) !== 0 ? LOWER_LAYER : 0;
  const name = hasEnter(view, thread) && thread.enterName !== null ? thread.enterName : text(view, 1);
  opened(state, view, thread, thread.cwd, name, flags, 3);
};

const onOpenat: Handler = (state, view) => {
  const thread = view.thread;
  if (thread === null) return;
  let flags = view.u32(3);
  let name: string;
  let dirfd = view.int(1);
  let known = view.has(1);
  if (hasEnter(view, thread) && thread.enterName !== null) {
    name = thread.enterName;
    flags = thread.enterFlags | (flags & ADDED_FLAGS);
    dirfd = thread.enterDirfd;
    known = true;
  } else name = text(view, 2);
  opened(state, view, thread, known ? directoryOf(thread, name, dirfd) : '', name, flags, view.type === Ev.SYSCALL_OPENAT2_X ? 6 : 5);
};

const onOpenByHandle: Handler = (state, view) => {
  const thread = view.thread;
  if (thread !== null) opened(state, view, thread, '', text(view, 3), view.u32(2), 4);
};

const onClose: Handler = (state, view) => {
  const thread = view.thread;
  if (thread !== null && view.fd !== null && view.int(0) >= 0) state.closeAfter(thread, thread.lastFd);
};

const onCloseRange: Handler = (_state, view) => {
  const thread = view.thread;
  if (thread === null || view.int(0) < 0) return;
  const CLOSE_RANGE_CLOEXEC = 4;
  const first = view.u32(1);
  const last = view.u32(2);
  const mark = (view.u32(3) & CLOSE_RANGE_CLOEXEC) !== 0;
  const { fds } = thread;
  fds.forEach((info, fd) => {
    if (fd < first || fd > last) return;
    if (mark) info.openFlags |= O_CLOEXEC;
    else fds.delete(fd);
  });
};

const onDup: Handler = (state, view) => {
  const thread = view.thread;
  const fd = view.int(0);
  if (thread === null || view.fd === null || fd < 0) return;
  const copy = view.fd.clone();
  clearCloseOnExec(copy);
  if (view.type === Ev.SYSCALL_DUP3_X) copy.openFlags |= view.u32(3) & O_CLOEXEC;
  openFd(state, view, thread, fd, copy);
};

const onFcntl: Handler = (state, view) => {
  const thread = view.thread;
  const fd = view.int(0);
  if (thread === null || view.fd === null || fd < 0) return;
  const command = view.u8(2);
  const F_DUPFD = 1;
  const F_SETFD = 3;
  const F_DUPFD_CLOEXEC = 26;
  if (command === F_SETFD) {
    clearCloseOnExec(view.fd);
    if ((view.u32(3) & 1) !== 0) view.fd.openFlags |= O_CLOEXEC;
  } else if (command === F_DUPFD || command === F_DUPFD_CLOEXEC) {
    const copy = view.fd.clone();
    clearCloseOnExec(copy);
    if (command === F_DUPFD_CLOEXEC) copy.openFlags |= O_CLOEXEC;
    openFd(state, view, thread, fd, copy);
  }
};

const onPipe: Handler = (state, view) => {
  const thread = view.thread;
  if (thread === null || view.int(0) < 0) return;
  const flags = view.type === Ev.SYSCALL_PIPE2_X ? view.u32(4) : 0;
  for (let param = 1; param <= 2; param++) {
    const info = plainFd('pipe', flags);
    info.ino = view.u64(3);
    openFd(state, view, thread, view.int(param), info);
  }
};

const onMemfd: Handler = (state, view) => {
  const thread = view.thread;
  const fd = view.int(0);
  if (thread === null || fd < 0) return;
  const info = new FdInfo('memfd', text(view, 1));
  info.openFlags = view.u32(2);
  openFd(state, view, thread, fd, info);
};

const onPidfdOpen: Handler = (state, view) => {
  const thread = view.thread;
  const fd = view.int(0);
  if (thread === null || fd < 0) return;
  const pid = view.int(1);
  const info = new FdInfo('pidfd', `${state.hostRoot}/proc/${pid}`);
  info.openFlags = view.u32(2);
  info.pid = pid;
  openFd(state, view, thread, fd, info);
};

/** A copy of another process's descriptor. */
const onPidfdGetfd: Handler = (state, view) => {
  const thread = view.thread;
  const fd = view.int(0);
  if (thread === null) return;
  const pidfd = getFd(thread, view.int(1));
  if (pidfd === null || pidfd.type !== 'pidfd') return;
  const other = state.threads.get(pidfd.pid);
  const target = other === undefined ? null : getFd(other, view.int(2));
  if (target === null || fd < 0) return;
  const copy = target.clone();
  clearCloseOnExec(copy);
  copy.openFlags |= O_CLOEXEC;
  openFd(state, view, thread, fd, copy);
};

/** Descriptors that are no more than their kind; `flags` tells where the open flags are. */
function plain(type: FdType, flags?: (view: EventView) => number): Handler {
  return (state, view) => {
    const thread = view.thread;
    const fd = view.int(0);
    if (thread === null || fd < 0) return;
    openFd(state, view, thread, fd, plainFd(type, flags === undefined ? 0 : flags(view)));
  };
}

const onChdir: Handler = (_state, view) => {
  const thread = view.thread;
  if (thread !== null && view.int(0) >= 0) moveTo(thread, text(view, 1));
};

const onFchdir: Handler = (_state, view) => {
  const thread = view.thread;
  if (thread !== null && view.fd !== null && view.int(0) >= 0) moveTo(thread, view.fd.name);
};

/** `path` seen from the working directory becomes the working directory. */
function moveTo(thread: ThreadInfo, path: string): void {
  const leader = thread.leader;
  if (leader === null) return;
  const cwd = concatenatePaths(leader.cwd, path);
  leader.cwd = cwd.endsWith('/') ? cwd : `${cwd}/`;
}

const onChroot: Handler = (_state, view) => {
  const thread = view.thread;
  if (thread === null || view.int(0) !== 0) return;
  const path = view.str(1);
  if (path === null) thread.root = NO_TEXT;
  else thread.root = path.length === 0 || path.startsWith('/') ? path : concatenatePaths(thread.cwd, path);
};

export const FILE_HANDLERS: readonly HandlerEntry[] = [
  [Ev.SYSCALL_OPEN_X, onOpen],
  [Ev.SYSCALL_CREAT_X, onCreat],
  [Ev.SYSCALL_OPENAT_2_X, onOpenat],
  [Ev.SYSCALL_OPENAT2_X, onOpenat],
  [Ev.SYSCALL_OPEN_BY_HANDLE_AT_X, onOpenByHandle],
  [Ev.SYSCALL_CLOSE_X, onClose],
  [Ev.SYSCALL_CLOSE_RANGE_X, onCloseRange],
  [Ev.SYSCALL_DUP_1_X, onDup],
  [Ev.SYSCALL_DUP2_X, onDup],
  [Ev.SYSCALL_DUP3_X, onDup],
  [Ev.SYSCALL_FCNTL_X, onFcntl],
  [Ev.SYSCALL_PIPE_X, onPipe],
  [Ev.SYSCALL_PIPE2_X, onPipe],
  [Ev.SYSCALL_MEMFD_CREATE_X, onMemfd],
  [Ev.SYSCALL_PIDFD_OPEN_X, onPidfdOpen],
  [Ev.SYSCALL_PIDFD_GETFD_X, onPidfdGetfd],
  [Ev.SYSCALL_EVENTFD_X, plain('event')],
  [Ev.SYSCALL_EVENTFD2_X, plain('event', (view) => view.u16(1))],
  [Ev.SYSCALL_SIGNALFD_X, plain('signalfd')],
  [Ev.SYSCALL_SIGNALFD4_X, plain('signalfd', (view) => view.u16(1))],
  [Ev.SYSCALL_TIMERFD_CREATE_X, plain('timerfd', (view) => view.u8(2))],
  [Ev.SYSCALL_INOTIFY_INIT_X, plain('inotify')],
  [Ev.SYSCALL_INOTIFY_INIT1_X, plain('inotify', (view) => view.u16(1))],
  [Ev.SYSCALL_BPF_2_X, plain('bpf')],
  [Ev.SYSCALL_USERFAULTFD_X, plain('userfaultfd')],
  [Ev.SYSCALL_IO_URING_SETUP_X, plain('io_uring')],
  [Ev.SYSCALL_EPOLL_CREATE_X, plain('eventpoll')],
  [Ev.SYSCALL_EPOLL_CREATE1_X, plain('eventpoll', (view) => ((view.u32(1) & 1) !== 0 ? O_CLOEXEC : 0))],
  [Ev.SYSCALL_CHDIR_X, onChdir],
  [Ev.SYSCALL_FCHDIR_X, onFchdir],
  [Ev.SYSCALL_GETCWD_X, onChdir],
  [Ev.SYSCALL_CHROOT_X, onChroot],
];
