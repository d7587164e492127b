// SPDX-License-Identifier: Apache-2.0
/** Who a thread is and what it may do: users, groups, sessions, capabilities, limits, memory in use. HOT PATH. */
import { Ev } from '../../events/ids.js';
import { type Handler, type HandlerEntry, text } from './handler.js';

const RLIMIT_NOFILE = 7;
const CLONE_NEWUSER = 0x10_0000;
/** All 41 capabilities: what a new user namespace gives. */
const ALL_CAPABILITIES = 2 ** 41 - 1;

/** `param`: the effective id. */
function setUser(param: number): Handler {
  return (_state, view) => {
    if (view.thread !== null && view.int(0) === 0 && view.has(param)) view.thread.uid = view.u32(param);
  };
}

function setGroup(param: number): Handler {
  return (_state, view) => {
    if (view.thread !== null && view.int(0) === 0 && view.has(param)) view.thread.gid = view.u32(param);
  };
}

const onSetsid: Handler = (_state, view) => {
  if (view.thread !== null && view.int(0) >= 0) view.thread.sid = view.int(0);
};

const onCapset: Handler = (_state, view) => {
  const thread = view.thread;
  if (thread === null || view.int(0) < 0) return;
  thread.capInheritable = view.u64(1);
  thread.capPermitted = view.u64(2);
  thread.capEffective = view.u64(3);
};

/** A thread in a new user namespace has all capabilities there. */
function enterNamespace(param: number): Handler {
  return (_state, view) => {
    const thread = view.thread;
    if (thread === null || view.int(0) < 0 || (view.u32(param) & CLONE_NEWUSER) === 0) return;
    thread.capInheritable = ALL_CAPABILITIES;
    thread.capPermitted = ALL_CAPABILITIES;
    thread.capEffective = ALL_CAPABILITIES;
  };
}

const onPrctl: Handler = (_state, view) => {
  const SET_CHILD_SUBREAPER = 36;
  const GET_CHILD_SUBREAPER = 37;
  const option = view.u32(1);
  if (option !== SET_CHILD_SUBREAPER && option !== GET_CHILD_SUBREAPER) return;
  const group = view.thread?.group;
  if (group && view.int(0) >= 0) group.reaper = view.int(3) !== 0;
};

const onRlimit: Handler = (_state, view) => {
  const leader = view.thread?.leader;
  if (leader && view.int(0) >= 0 && view.u8(3) === RLIMIT_NOFILE && view.int(1) !== -1) leader.fdLimit = view.i64(1);
};

const onPrlimit: Handler = (state, view) => {
  if (view.int(0) !== 0 || !view.has(6) || view.u8(6) !== RLIMIT_NOFILE || view.int(1) === -1 || !view.has(5)) return;
  const tid = view.int(5);
  const leader = state.threads.get(tid === 0 ? view.tid : tid)?.leader;
  if (leader) leader.fdLimit = view.i64(1);
};

const onMemory: Handler = (_state, view) => {
  const thread = view.thread;
  if (thread === null) return;
  if (view.has(1)) thread.vmSizeKb = view.u32(1);
  if (!view.has(3)) return;
  thread.vmRssKb = view.u32(2);
  thread.vmSwapKb = view.u32(3);
};

const onSwitch: Handler = (_state, view) => {
  const thread = view.thread;
  if (thread === null || !view.has(5)) return;
  thread.pgftMajor = view.u64(1);
  thread.pgftMinor = view.u64(2);
  const leader = thread.leader;
  if (leader === null) return;
  leader.vmSizeKb = view.u32(3);
  leader.vmRssKb = view.u32(4);
  leader.vmSwapKb = view.u32(5);
};

const onUserAdded: Handler = (state, view) => {
  state.users?.addUser(view.str(5) ?? '', {
    uid: view.u32(0), gid: view.u32(1), name: text(view, 2), homedir: text(view, 3), shell: text(view, 4),
  });
};
const onUserDeleted: Handler = (state, view) => state.users?.removeUser(view.str(5) ?? '', view.u32(0));
const onGroupAdded: Handler = (state, view) => state.users?.addGroup(view.str(2) ?? '', { gid: view.u32(0), name: text(view, 1) });
const onGroupDeleted: Handler = (state, view) => state.users?.removeGroup(view.str(2) ?? '', view.u32(0));

export const ID_HANDLERS: readonly HandlerEntry[] = [
  [Ev.SYSCALL_SETUID_X, setUser(1)],
  [Ev.SYSCALL_SETREUID_X, setUser(2)],
  [Ev.SYSCALL_SETRESUID_X, setUser(2)],
  [Ev.SYSCALL_SETGID_X, setGroup(1)],
  [Ev.SYSCALL_SETREGID_X, setGroup(2)],
  [Ev.SYSCALL_SETRESGID_X, setGroup(2)],
  [Ev.SYSCALL_SETSID_X, onSetsid],
  [Ev.SYSCALL_CAPSET_X, onCapset],
  [Ev.SYSCALL_UNSHARE_X, enterNamespace(1)],
  [Ev.SYSCALL_SETNS_X, enterNamespace(2)],
  [Ev.SYSCALL_PRCTL_X, onPrctl],
  [Ev.SYSCALL_GETRLIMIT_X, onRlimit],
  [Ev.SYSCALL_SETRLIMIT_X, onRlimit],
  [Ev.SYSCALL_PRLIMIT_X, onPrlimit],
  [Ev.SYSCALL_BRK_4_X, onMemory],
  [Ev.SYSCALL_MMAP_X, onMemory],
  [Ev.SYSCALL_MMAP2_X, onMemory],
  [Ev.SYSCALL_MUNMAP_X, onMemory],
  [Ev.SCHEDSWITCH_6_E, onSwitch],
  [Ev.USER_ADDED_E, onUserAdded],
  [Ev.USER_DELETED_E, onUserDeleted],
  [Ev.GROUP_ADDED_E, onGroupAdded],
  [Ev.GROUP_DELETED_E, onGroupDeleted],
];
