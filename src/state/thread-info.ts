// SPDX-License-Identifier: Apache-2.0
/** What is known of one thread. HOT PATH: one shape, every slot set in the constructor. */
import type { FdInfo } from './fd-info.js';

/** Descriptors of a process, shared by its threads (and by CLONE_FILES). */
export type FdTable = Map<number, FdInfo>;

export class ThreadInfo {
  readonly tid: number;
  /** Thread group id. tid === pid for a main thread. */
  pid: number;
  /** pid of the parent process; 0 for init. */
  ptid = 0;
  /** In the innermost pid namespace. */
  vtid = 0;
  vpid = 0;
  vpgid = 0;
  pgid = 0;
  /** Session id (namespaced as upstream: `proc.sid`). */
  sid = 0;
  /** `proc.name`. */
  comm = '';
  /** argv[0] (`proc.exe`). */
  exe = '';
  /** `proc.exepath`. */
  exepath = '';
  /** argv[1..]. */
  args: string[] = [];
  /** KEY=value, as on the wire. */
  env: string[] = [];
  cwd = '/';
  root = '/';
  uid = 0;
  gid = 0;
  /** -1 (4294967295 on the wire) when nobody logged in. */
  loginuid = -1;
  /** Encoded tty device; 0: none. */
  tty = 0;
  /** Subsystem and path, `memory=/docker/…`, as on the wire. */
  cgroups: string[] = [];
  /** '' on the host. Derived from cgroups. */
  containerId = '';
  /** Wire flags of clone (`clone_flags`). */
  cloneFlags = 0;
  /** Nanoseconds since the epoch: of the clone (or of /proc's start time), and of the last exec. */
  cloneTs = 0n;
  startTs = 0n;
  pidnsInitStartTs = 0n;
  capInheritable: number | bigint = 0;
  capPermitted: number | bigint = 0;
  capEffective: number | bigint = 0;
  exeWritable = false;
  exeUpperLayer = false;
  exeLowerLayer = false;
  exeFromMemfd = false;
  exeIno: number | bigint = 0;
  exeInoCtime: number | bigint = 0;
  exeInoMtime: number | bigint = 0;
  exeInoCtimeDurationCloneTs: number | bigint = 0;
  exeInoCtimeDurationPidnsStart: number | bigint = 0;
  fdLimit: number | bigint = 0;
  vmSizeKb = 0;
  vmRssKb = 0;
  vmSwapKb = 0;
  pgftMajor: number | bigint = 0;
  pgftMinor: number | bigint = 0;
  /** Known only from /proc or from an event that is not a clone: parent and start may be wrong. */
  inferred = false;
  /** The main thread has exited while other threads go on. */
  dead = false;
  /** Children to hand to a reaper, and threads of the group still alive, are the thread table's to keep. */
  fds: FdTable;
  /** `proc.cmdnargs`, `proc.cmdline` and the like are computed once per exec: reset these on exec. */
  cmdlineCache: string | null = null;
  /** Time of the last event (ns, as a float: for purging only). */
  lastAccess = 0;
  /** Enter event that waits for its exit, old captures only: type and a copy of its parameters. */
  pendingEnter: unknown = null;

  constructor(tid: number, pid: number, fds: FdTable) {
    this.tid = tid;
    this.pid = pid;
    this.fds = fds;
  }
}
