// SPDX-License-Identifier: Apache-2.0
/** Processes for tests of the state: made by the events that make them on a real machine. */
import { State } from '../../src/state/state.js';
import { ThreadInfo } from '../../src/state/thread-info.js';
import { type EventOptions, feed, type ParamValue } from './event-builder.js';

export const CLONE_FILES = 1;
export const CLONE_THREAD = 0x2000;

/** A state with init (1) and a shell (1000) below it. */
export function machine(options: ConstructorParameters<typeof State>[0] = {}): State {
  const state = new State(options);
  for (const [tid, ptid, comm] of [[1, 0, 'init'], [1000, 1, 'bash']] as const) {
    const thread = new ThreadInfo(tid, tid);
    thread.ptid = ptid;
    thread.vtid = tid;
    thread.vpid = tid;
    thread.sid = tid;
    thread.pgid = tid;
    thread.vpgid = tid;
    thread.comm = comm;
    thread.exe = `/bin/${comm}`;
    thread.exepath = `/usr/bin/${comm}`;
    thread.cwd = '/root/';
    thread.env = ['HOME=/root'];
    state.seedThread(thread);
  }
  state.seeded();
  return state;
}

/** Parameters that all clone exits have. */
export function cloneParams(more: Readonly<Record<string, ParamValue>> = {}): Record<string, ParamValue> {
  return {
    exe: '/bin/bash', args: ['-l'], comm: 'bash', cwd: '', fdlimit: 1024, pgft_maj: 0, pgft_min: 0, vm_size: 1, vm_rss: 1, vm_swap: 0,
    cgroups: ['cpuset=/', 'memory=/'], flags: 0, uid: 0, gid: 0, pidns_init_start_ts: 0, ...more,
  };
}

/** The parent's side of a fork and the child's. */
export function fork(state: State, parent: number, child: number, more: Readonly<Record<string, ParamValue>> = {}): void {
  const ids = { tid: parent, pid: parent, ptid: 1, vtid: parent, vpid: parent };
  feed(state, 'SYSCALL_CLONE_20_X', cloneParams({ ...ids, res: child, ...more }), { tid: parent });
  feed(state, 'SYSCALL_CLONE_20_X', cloneParams({ tid: child, pid: child, ptid: parent, vtid: child, vpid: child, res: 0, ...more }), { tid: child });
}

export function thread(state: State, pid: number, tid: number): void {
  const flags = CLONE_THREAD | CLONE_FILES;
  feed(state, 'SYSCALL_CLONE3_X', cloneParams({ tid: pid, pid, ptid: 1, vtid: pid, vpid: pid, res: tid, flags }), { tid: pid });
  feed(state, 'SYSCALL_CLONE3_X', cloneParams({ tid, pid, ptid: 1, vtid: tid, vpid: pid, res: 0, flags }), { tid });
}

export function exec(state: State, tid: number, path: string, args: readonly string[], more: Readonly<Record<string, ParamValue>> = {}, options: EventOptions = {}): void {
  const comm = path.slice(path.lastIndexOf('/') + 1);
  feed(
    state,
    'SYSCALL_EXECVE_19_X',
    {
      res: 0, exe: path, args, tid, pid: tid, ptid: 1, cwd: '', fdlimit: 1024, pgft_maj: 0, pgft_min: 0, vm_size: 1, vm_rss: 1, vm_swap: 0, comm,
      cgroups: ['cpuset=/', 'memory=/'], env: ['PATH=/bin'], tty: 0, vpgid: tid, loginuid: 1000, flags: 0, cap_inheritable: 0,
      cap_permitted: 0, cap_effective: 0, exe_ino: 7, exe_ino_ctime: 1n, exe_ino_mtime: 1n, uid: 0, trusted_exepath: path, pgid: tid, gid: 0, ...more,
    },
    { tid, ...options },
  );
}

export function exit(state: State, tid: number, reaper = 1): void {
  feed(state, 'PROCEXIT_1_E', { status: 0, ret: 0, sig: 0, core: 0, reaper_tid: reaper }, { tid });
}
