// SPDX-License-Identifier: Apache-2.0
/** Processes come, change and go: clone, fork, vfork, exec, exit. HOT PATH. */
import type { EventView } from '../../events/event-view.js';
import { Ev } from '../../events/ids.js';
import { canonicalInt } from '../../lang/value.js';
import { hasEnter } from '../call.js';
import { closeOnExec, FdTable, getFd } from '../fd-table.js';
import { concatenatePaths } from '../paths.js';
import type { State } from '../state.js';
import { ThreadInfo } from '../thread-info.js';
import { directoryOf } from './files.js';
import { type Handler, type HandlerEntry, NO_TEXT, text } from './handler.js';

/** `clone_flags`. */
const CLONE_FILES = 1;
const CLONE_NEWPID = 0x40;
const CLONE_PARENT = 0x100;
const CLONE_THREAD = 0x2000;
/** The thread was announced by its own clone exit. */
const CLONE_INVERTED = 0x1_0000;
const CLONE_VFORK = 0x800_0000;
const CHILD_IN_PIDNS = 0x2000_0000;
/** A thread that its parent announced less than this ago is not announced anew by its own clone exit. */
const STALE_CLONE_NS = 2_000_000_000n;

/** Parameters of the clone family's exit events and (to 14) of exec's. */
const enum P {
  Exe = 1, Args = 2, Pid = 4, Ptid = 5, FdLimit = 7, PgftMaj = 8, PgftMin = 9, VmSize = 10, VmRss = 11, VmSwap = 12,
  Comm = 13, Cgroups = 14,
  Flags = 15, Uid = 16, Gid = 17, Vtid = 18, Vpid = 19, PidnsStart = 20,
}
/** Parameters of exec's exit events from 15 on. */
const enum X {
  Env = 15, Tty = 16, Vpgid = 17, Loginuid = 18, Flags = 19, CapInheritable = 20, CapPermitted = 21, CapEffective = 22,
  ExeIno = 23, ExeCtime = 24, ExeMtime = 25, Uid = 26, ExePath = 27, Pgid = 28, Gid = 29,
}

function onClone(state: State, view: EventView): void {
  const child = view.int(0);
  if (child === 0) onCloneChild(state, view);
  else if (child > 0) onCloneCaller(state, view, child);
}

/** The parent returns from clone: the child is made from it, unless only the child itself knows its ids. */
function onCloneCaller(state: State, view: EventView, childTid: number): void {
  const threads = state.threads;
  const caller = state.obtain(view.tid);
  view.thread = caller;
  if (caller === null) return;
  const known = !caller.inferred;
  if (!known) {
    caller.pid = view.int(P.Pid);
    caller.ptid = view.int(P.Ptid);
    if (view.has(P.Vpid)) {
      caller.vtid = view.int(P.Vtid);
      caller.vpid = view.int(P.Vpid);
    } else {
      caller.vtid = caller.tid;
      caller.vpid = -1;
    }
    if (caller.isMain) caller.leader = caller;
    threads.link(caller);
  }
  const flags = view.u32(P.Flags);
  // In a pid namespace the return value is not the child's id here; with CLONE_PARENT the parent is another.
  if ((flags & (CHILD_IN_PIDNS | CLONE_NEWPID | CLONE_PARENT)) !== 0 || caller.tid !== caller.vtid) return;
  // With vfork the caller returns after the child's exec, which its own events have told.
  if ((flags & CLONE_VFORK) !== 0 || view.type === Ev.SYSCALL_VFORK_20_X) return;
  if (threads.hasRecentlyExited(childTid, caller.tid, view.timestampFloat())) return;
  const existing = threads.get(childTid);
  if (existing !== undefined) {
    if ((existing.cloneFlags & CLONE_INVERTED) !== 0) return;
    threads.remove(childTid);
  }
  const isThread = (flags & CLONE_THREAD) !== 0;
  const child = new ThreadInfo(childTid, isThread ? caller.pid : childTid, caller.fds);
  child.cloneFlags = flags;
  if (isThread) {
    child.ptid = caller.ptid;
    child.cloneFlags |= CLONE_FILES;
    child.startTs = caller.startTs;
  } else {
    child.ptid = caller.tid;
    takeProcess(child, caller, flags, known);
  }
  child.vtid = child.tid;
  child.vpid = child.pid;
  describe(state, view, child);
  child.pidnsInitStartTs = state.bootTs;
  if (known) inherit(child, caller);
  else {
    caller.exe = child.exe;
    caller.comm = child.comm;
    caller.setArgsText(view.str(P.Args));
  }
  state.addThread(child);
}

/** The child returns from clone. */
function onCloneChild(state: State, view: EventView): void {
  const threads = state.threads;
  const tid = view.tid;
  const old = view.thread;
  if (old !== null && old.cloneTs !== 0n) {
    if (view.timestamp() - old.cloneTs < STALE_CLONE_NS) return;
    threads.remove(tid);
    view.thread = null;
  }
  const flags = view.u32(P.Flags) | CLONE_INVERTED;
  const isThread = (flags & CLONE_THREAD) !== 0;
  const pid = view.int(P.Pid);
  const ptid = view.int(P.Ptid);
  const from = state.obtain(isThread ? pid : ptid);
  if (from === null) {
    view.thread = null;
    return;
  }
  const known = !from.inferred;
  const child = new ThreadInfo(tid, pid, from.fds);
  child.ptid = ptid;
  if (view.has(P.Vpid)) {
    child.vtid = view.int(P.Vtid);
    child.vpid = view.int(P.Vpid);
  } else {
    child.vtid = tid;
  }
  child.cloneFlags = isThread ? flags | CLONE_FILES : flags;
  if (!known && isThread) {
    from.pid = pid;
    from.ptid = ptid;
    from.vpid = child.vpid;
    from.vtid = child.vpid;
    if (from.isMain) from.leader = from;
    threads.link(from);
  }
  describe(state, view, child);
  if (known) inherit(child, from);
  else if (isThread) {
    from.exe = child.exe;
    from.comm = child.comm;
    from.setArgsText(view.str(P.Args));
  }
  if (!isThread) takeProcess(child, from, flags, known);
  else if (known) child.startTs = from.startTs;
  if ((flags & (CHILD_IN_PIDNS | CLONE_NEWPID)) !== 0 || child.tid !== child.vtid) {
    if (view.has(P.PidnsStart)) child.pidnsInitStartTs = BigInt(view.u64(P.PidnsStart)) + state.bootTs;
  } else {
    child.pidnsInitStartTs = state.bootTs;
  }
  view.thread = state.addThread(child) ? child : null;
}

/** What only a new process has of its own: descriptors, working directory, environment. */
function takeProcess(child: ThreadInfo, from: ThreadInfo, flags: number, known: boolean): void {
  if (!known) {
    child.fds = new FdTable();
    return;
  }
  if ((flags & CLONE_FILES) !== 0) {
    child.sharesFds = true;
    from.sharesFds = true;
  } else {
    child.fds = from.fds.fork();
  }
  child.cwd = from.cwd;
  child.copyEnv(from);
}

/** What the event itself says of the new thread. */
function describe(state: State, view: EventView, child: ThreadInfo): void {
  child.exe = text(view, P.Exe);
  child.setArgsText(view.str(P.Args));
  child.comm = view.has(P.Comm) ? text(view, P.Comm) : child.exe;
  readUsage(view, child);
  child.uid = view.u32(P.Uid);
  child.gid = view.u32(P.Gid);
  if (view.has(P.Cgroups)) state.setCgroups(child, view.str(P.Cgroups)!);
  child.cloneTs = view.timestamp();
}

/** Resource usage, at the same places in clone and exec. */
function readUsage(view: EventView, thread: ThreadInfo): void {
  thread.fdLimit = view.i64(P.FdLimit);
  if (!view.has(P.VmSwap)) return;
  thread.pgftMajor = view.u64(P.PgftMaj);
  thread.pgftMinor = view.u64(P.PgftMin);
  thread.vmSizeKb = view.u32(P.VmSize);
  thread.vmRssKb = view.u32(P.VmRss);
  thread.vmSwapKb = view.u32(P.VmSwap);
}

function inherit(child: ThreadInfo, from: ThreadInfo): void {
  child.exepath = from.exepath;
  child.exeWritable = from.exeWritable;
  child.exeUpperLayer = from.exeUpperLayer;
  child.exeLowerLayer = from.exeLowerLayer;
  child.exeFromMemfd = from.exeFromMemfd;
  child.root = from.root;
  child.sid = from.sid;
  child.vpgid = from.vpgid;
  child.pgid = from.pgid;
  child.tty = from.tty;
  child.loginuid = from.loginuid;
  child.capPermitted = from.capPermitted;
  child.capInheritable = from.capInheritable;
  child.capEffective = from.capEffective;
  child.exeIno = from.exeIno;
  child.exeInoCtime = from.exeInoCtime;
  child.exeInoMtime = from.exeInoMtime;
  child.exeInoCtimeDurationCloneTs = from.exeInoCtimeDurationCloneTs;
}

const onExec: Handler = (state, view) => {
  const thread = view.thread;
  if (thread === null || view.int(0) < 0) return;
  if (thread.dead) {
    // A thread that is not the leader takes the leader's id over in exec, and the leader has exited before.
    thread.dead = false;
    if (thread.group !== null) thread.group.alive++;
  }
  thread.exe = text(view, P.Exe);
  thread.startTs = view.timestamp();
  thread.comm = view.has(P.Comm) ? text(view, P.Comm) : thread.exe;
  thread.setArgsText(view.str(P.Args));
  if (thread.inferred) {
    thread.pid = view.int(P.Pid);
    thread.ptid = view.int(P.Ptid);
    if ((thread.cloneFlags & CHILD_IN_PIDNS) === 0) {
      thread.vtid = thread.tid;
      thread.vpid = thread.pid;
    }
    if (thread.isMain) thread.leader = thread;
    state.threads.link(thread);
  }
  readUsage(view, thread);
  if (view.has(X.Env)) thread.setEnvText(view.str(X.Env));
  if (view.has(X.Uid)) thread.uid = view.u32(X.Uid);
  if (view.has(P.Cgroups)) state.setCgroups(thread, view.str(P.Cgroups)!);
  if (view.has(X.Tty)) thread.tty = view.u32(X.Tty);
  if (view.has(X.ExePath)) setExepath(thread, text(view, X.ExePath));
  else if (hasEnter(view, thread)) setExepath(thread, enteredPath(view, thread));
  if (view.has(X.Vpgid)) thread.vpgid = view.int(X.Vpgid);
  if (view.has(X.Loginuid)) thread.loginuid = view.u32(X.Loginuid);
  if (view.has(X.Flags)) {
    const flags = view.u32(X.Flags);
    thread.exeWritable = (flags & 1) !== 0;
    thread.exeUpperLayer = (flags & 2) !== 0;
    thread.exeFromMemfd = (flags & 4) !== 0;
    thread.exeLowerLayer = (flags & 8) !== 0;
  }
  if (view.has(X.CapEffective)) {
    thread.capInheritable = view.u64(X.CapInheritable);
    thread.capPermitted = view.u64(X.CapPermitted);
    thread.capEffective = view.u64(X.CapEffective);
  }
  if (view.has(X.ExeMtime)) readExeInode(view, thread);
  thread.pgid = view.has(X.Pgid) ? view.int(X.Pgid) : -1;
  if (view.has(X.Gid)) thread.gid = view.u32(X.Gid);
  if (thread.sharesFds) {
    thread.fds = thread.fds.fork();
    thread.sharesFds = false;
  }
  closeOnExec(thread.fds);
  thread.cloneFlags &= CLONE_INVERTED;
  dropOtherThreads(state, thread);
};

function readExeInode(view: EventView, thread: ThreadInfo): void {
  thread.exeIno = view.u64(X.ExeIno);
  thread.exeInoCtime = view.u64(X.ExeCtime);
  thread.exeInoMtime = view.u64(X.ExeMtime);
  const ctime = BigInt(thread.exeInoCtime);
  // As Falco has it, unsigned: of a file that changed after the clone, an enormous number, not a small or negative one.
  if (thread.cloneTs !== 0n) thread.exeInoCtimeDurationCloneTs = canonicalInt(BigInt.asUintN(64, thread.cloneTs - ctime));
  if (thread.pidnsInitStartTs !== 0n && ctime > thread.pidnsInitStartTs) {
    thread.exeInoCtimeDurationPidnsStart = canonicalInt(ctime - thread.pidnsInitStartTs);
  }
}

/** The executable's path as the enter event named it: captures from before the kernel side reported the real one. */
function enteredPath(view: EventView, thread: ThreadInfo): string {
  const name = thread.enterName ?? NO_TEXT;
  if (thread.enterType === Ev.SYSCALL_EXECVE_19_E) return name === NO_TEXT ? NO_TEXT : concatenatePaths(thread.cwd, name);
  const AT_EMPTY_PATH = 1;
  const directory = directoryOf(thread, name, thread.enterDirfd);
  if (directory !== '.' && directory !== '<UNKNOWN>') view.fd = getFd(thread, thread.enterDirfd);
  if ((thread.enterFlags & AT_EMPTY_PATH) === 0 && name === NO_TEXT) return NO_TEXT;
  if (directory === '<UNKNOWN>') return NO_TEXT;
  return (thread.enterFlags & AT_EMPTY_PATH) !== 0 ? concatenatePaths('', directory) : concatenatePaths(directory, name);
}

function setExepath(thread: ThreadInfo, path: string): void {
  const SUFFIX = ' (deleted)';
  thread.exepath = path.length > SUFFIX.length && path.endsWith(SUFFIX) ? path.slice(0, -SUFFIX.length) : path;
}

/** Exec ends the other threads of the process without an exit event of their own that we could rely on. */
function dropOtherThreads(state: State, thread: ThreadInfo): void {
  const group = thread.group;
  if (group === null || group.alive <= 1) return;
  for (let i = group.threads.length - 1; i >= 0; i--) {
    const other = group.threads[i];
    if (other !== thread && !other.isMain) state.threads.remove(other.tid);
  }
}

const onExit: Handler = (state, view) => {
  const thread = view.thread;
  if (thread === null) return;
  if (thread.group !== null && !thread.dead) thread.group.alive--;
  thread.dead = true;
  state.removeAfter(thread);
  if (thread.children === null || thread.children.size === 0) return;
  thread.reaperTid = view.has(4) ? view.int(4) : -1;
};

export const PROCESS_HANDLERS: readonly HandlerEntry[] = [
  [Ev.SYSCALL_CLONE_20_X, onClone],
  [Ev.SYSCALL_FORK_20_X, onClone],
  [Ev.SYSCALL_VFORK_20_X, onClone],
  [Ev.SYSCALL_CLONE3_X, onClone],
  [Ev.SYSCALL_EXECVE_19_X, onExec],
  [Ev.SYSCALL_EXECVEAT_X, onExec],
  [Ev.PROCEXIT_1_E, onExit],
];
