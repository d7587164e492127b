// SPDX-License-Identifier: Apache-2.0
/** What is known of one thread. HOT PATH: one shape, every slot set in the constructor. */
import { ANYTHING } from './fd-info.js';
import { FdTable } from './fd-table.js';

/** The threads of one process. Kept by the thread table. */
export class ThreadGroup {
  readonly pid: number;
  /** Threads that have not exited. */
  alive = 1;
  /** Gets the orphans of its descendants: init, a pid namespace's init, or PR_SET_CHILD_SUBREAPER. */
  reaper: boolean;
  /** The leader first, if it is known. Most processes have one thread: a list that begins empty would have room for 17. */
  threads: ThreadInfo[];

  constructor(first: ThreadInfo) {
    this.pid = first.pid;
    this.reaper = first.pid === 1 || first.vpid === 1;
    this.threads = [first];
  }
}

export class ThreadInfo {
  readonly tid: number;
  /** Thread group id. tid === pid for a main thread; -1: not known. */
  pid: number;
  /** Thread id of the parent; 0 for init and for a process whose parent is not known, -1: nothing is known. */
  ptid = -1;
  /** In the innermost pid namespace; -1: not known. */
  vtid = -1;
  vpid = -1;
  vpgid = -1;
  pgid = -1;
  /** Session id (namespaced as upstream: `proc.sid`). */
  sid = -1;
  /** `proc.name`. */
  comm = '';
  /** argv[0] (`proc.exe`). */
  exe = '';
  /** `proc.exepath`. */
  exepath = '';
  root = '/';
  uid = 0xffff_ffff;
  gid = 0xffff_ffff;
  /** 4294967295 (the wire's -1) when nobody logged in. */
  loginuid = 0xffff_ffff;
  /** Encoded tty device; 0: none. */
  tty = 0;
  /** Subsystem and path, `memory=/docker/…`; the wire's `_cgroup` suffixes and short names are already resolved. */
  cgroups: readonly string[] = NONE;
  /** '' on the host. Derived from cgroups. */
  containerId = '';
  /** Wire flags of clone (`clone_flags`). */
  cloneFlags = 0;
  /** Nanoseconds since the epoch: of the clone (or of /proc's start time), and of the last exec; 0n: not known. */
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
  /** Nanoseconds since the epoch. */
  exeInoCtime: number | bigint = 0;
  exeInoMtime: number | bigint = 0;
  exeInoCtimeDurationCloneTs: number | bigint = 0;
  exeInoCtimeDurationPidnsStart: number | bigint = 0;
  fdLimit: number | bigint = -1;
  vmSizeKb = 0;
  vmRssKb = 0;
  vmSwapKb = 0;
  pgftMajor: number | bigint = 0;
  pgftMinor: number | bigint = 0;
  /** Its exit was seen; it stays for the events that are still about it, and while other threads of the group go on. */
  dead = false;
  /** `proc.cmdnargs`, `proc.cmdline` and the like are computed once per exec; reset whenever comm or args change. */
  cmdlineCache: string | null = null;
  /** Shared by the threads of a process (and by CLONE_FILES). */
  fds: FdTable;
  /** `fds` is shared with another process (CLONE_FILES without CLONE_THREAD): copied at the next exec. */
  sharesFds = false;
  /** Null while nothing but the thread id is known. */
  group: ThreadGroup | null = null;
  /** The group's main thread: itself for a main thread, null when the main thread is not known. */
  leader: ThreadInfo | null = null;
  /** Processes and threads whose parent this is; null: none yet. */
  children: Set<ThreadInfo> | null = null;
  /** Who got its children, as the exit event said; -1: not said. */
  reaperTid = -1;

  // What the handlers remember from one event of this thread to the next.
  /** When it was last heard of, in units of 2^32 ns. */
  lastAccess = 0;
  /** How many losses of events there had been when it was last known to be right, or was put in question. */
  epoch = 0;
  lastFd = 0;
  /** Type of the last enter event. */
  lastEnter = -1;
  /** Type of the enter event whose parameters are kept below until the next exit event; -1: none. */
  enterType = -1;
  enterName: string | null = null;
  enterFlags = 0;
  enterDirfd = 0;
  enterAddress: Uint8Array | null = null;

  /** Zero-separated until somebody asks. */
  private argsText: string | null = null;
  private argsList: readonly string[] = NONE;
  private envText: string | null = null;
  private envList: readonly string[] = NONE;
  private dir = '';

  constructor(tid: number, pid: number, fds = new FdTable()) {
    this.tid = tid;
    this.pid = pid;
    this.fds = fds;
    if (tid === pid) this.leader = this;
  }

  get isMain(): boolean {
    return this.tid === this.pid;
  }

  /** Nothing but the thread id (and what its own events said) is known: its beginning was not seen. */
  get inferred(): boolean {
    return this.pid < 0 || this.ptid < 0;
  }

  get inPidNamespace(): boolean {
    return (this.cloneFlags & CHILD_IN_PIDNS) !== 0 || (this.tid !== this.vtid && this.vtid >= 0);
  }

  /** argv[1..]. */
  get args(): readonly string[] {
    if (this.argsText !== null) {
      this.argsList = splitZeros(this.argsText);
      this.argsText = null;
    }
    return this.argsList;
  }

  set args(list: readonly string[]) {
    this.argsText = null;
    this.argsList = list;
    this.cmdlineCache = null;
  }

  /** KEY=value, as on the wire; a thread has its main thread's. */
  get env(): readonly string[] {
    if (this.leader !== null && this.leader !== this) return this.leader.env;
    if (this.envText !== null) {
      this.envList = splitZeros(this.envText);
      this.envText = null;
    }
    return this.envList;
  }

  set env(list: readonly string[]) {
    this.envText = null;
    this.envList = list;
  }

  /** Working directory with a closing slash; a thread has its main thread's. `./` when that is not known. */
  get cwd(): string {
    return this.leader === null ? './' : this.leader.dir;
  }

  set cwd(path: string) {
    if (this.leader !== null) this.leader.dir = path;
  }

  /** Takes zero-separated arguments as they are on the wire; null: none. */
  setArgsText(text: string | null): void {
    this.argsText = text;
    this.argsList = NONE;
    this.cmdlineCache = null;
  }

  setEnvText(text: string | null): void {
    this.envText = text;
    this.envList = NONE;
  }

  /** As Falco has it: a thread that is not the main one has no environment of its own to hand on. */
  copyEnv(from: ThreadInfo): void {
    this.envText = from.envText;
    this.envList = from.envList;
  }
}

const NONE: readonly string[] = [];
/** `clone_flags`: CLONE_CHILD_IN_PIDNS. */
const CHILD_IN_PIDNS = 0x2000_0000;

/** Zero-separated texts whose closing zero is already gone. */
export function splitZeros(text: string): readonly string[] {
  return text.length === 0 ? NONE : text.split('\0');
}

// A field gets the narrowest kind of number that was stored in it; a wider one changes the shape of all threads, and what was
// compiled for the old one is thrown away. So the widest come first, before anything is compiled.
const widest = new ThreadInfo(0, 0);
widest.uid = widest.gid = widest.loginuid = widest.vmSizeKb = widest.vmRssKb = widest.vmSwapKb = ANYTHING;
widest.capInheritable = widest.capPermitted = widest.capEffective = widest.fdLimit = widest.pgftMajor = widest.pgftMinor = ANYTHING;
widest.exeIno = widest.exeInoCtime = widest.exeInoMtime = widest.exeInoCtimeDurationCloneTs = widest.exeInoCtimeDurationPidnsStart = ANYTHING;
