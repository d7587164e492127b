// SPDX-License-Identifier: Apache-2.0
/**
 * HOT PATH. What the events of a machine add up to: its threads, their descriptors, their users. `apply` before an
 * event is evaluated, `after` once it has been. Does no input and no output.
 */
import type { EventView } from '../events/event-view.js';
import { Ev } from '../events/ids.js';
import { CREATES_FD, DESTROYS_FD, EVENTS, SKIP_RESET, USES_FD } from '../events/table.js';
import { enter, exit } from './call.js';
import { CgroupTexts } from './cgroup-texts.js';
import type { ContainerTable } from './containers.js';
import { getFd } from './fd-table.js';
import { CONTAINER_HANDLERS } from './handlers/containers.js';
import { FILE_HANDLERS } from './handlers/files.js';
import type { Handler } from './handlers/handler.js';
import { ID_HANDLERS } from './handlers/ids.js';
import { MESSAGE_HANDLERS } from './handlers/messages.js';
import { PROCESS_HANDLERS } from './handlers/process.js';
import { SOCKET_HANDLERS } from './handlers/sockets.js';
import { Interfaces } from './interfaces.js';
import { Repair, type RepairStats } from './repair.js';
import { orient } from './socket-ends.js';
import { ThreadInfo } from './thread-info.js';
import { adopt, ThreadTable, type ThreadTableStats } from './thread-table.js';
import type { UserTable } from './users.js';

export interface StateOptions {
  /** `falco_libs.thread_table_size`. */
  readonly threadTableSize?: number;
  /** Gets the users and groups that events and captures tell of. */
  readonly users?: UserTable;
  /** Gets the containers that captures tell of. */
  readonly containers?: ContainerTable;
  /** HOST_ROOT: where /proc is, for names that contain it. */
  readonly hostRoot?: string;
  /** Follow whether connections are pending or failed (`fd.connected`). */
  readonly trackConnections?: boolean;
  /** Remember thread ids of which nothing is known, for the source to look up ({@link State.takeWanted}). */
  readonly wantUnknown?: boolean;
}

export interface ReceivedFd {
  readonly tid: number;
  readonly fd: number;
}

export interface StateStats extends ThreadTableStats, RepairStats {
  /** Descriptors that found no room in their process's table, or among those to look up. */
  readonly fdsRefused: number;
  /** Events of threads of which nothing was known. */
  readonly unknownThreads: number;
}

const DEFAULT_THREADS = 262_144;
const MAX_WANTED = 1024;

/** How the thread of an event is found. */
const enum Lookup {
  /** The event has none, or is none of its thread's doing. */
  None,
  /** It is taken if it is known; the event may be what makes it known. */
  Find,
  /** One that is not known is put into the table by its id. */
  Obtain,
}

const TYPES = EVENTS.length;
const LOOKUP = new Uint8Array(TYPES).fill(Lookup.Obtain);
/** The event is about a descriptor. */
const ABOUT_FD = new Uint8Array(TYPES);
const HANDLERS: (Handler | null)[] = new Array<Handler | null>(TYPES).fill(null);

for (const type of [
  Ev.CONTAINER_JSON_2_E, Ev.USER_ADDED_E, Ev.USER_DELETED_E, Ev.GROUP_ADDED_E, Ev.GROUP_DELETED_E, Ev.PLUGINEVENT_E, Ev.ASYNCEVENT_E,
]) {
  LOOKUP[type] = Lookup.None;
}
for (const type of [
  Ev.SYSCALL_CLONE_20_X, Ev.SYSCALL_CLONE3_X, Ev.SYSCALL_FORK_20_X, Ev.SYSCALL_VFORK_20_X, Ev.SCHEDSWITCH_6_E, Ev.PROCEXIT_1_E,
]) {
  LOOKUP[type] = Lookup.Find;
}
for (const row of EVENTS) {
  if ((row.flags & SKIP_RESET) !== 0) LOOKUP[row.type] = Lookup.None;
  if ((row.flags & (CREATES_FD | USES_FD | DESTROYS_FD)) !== 0) ABOUT_FD[row.type] = 1;
}
for (const [type, handler] of [...PROCESS_HANDLERS, ...FILE_HANDLERS, ...SOCKET_HANDLERS, ...MESSAGE_HANDLERS, ...ID_HANDLERS, ...CONTAINER_HANDLERS]) {
  HANDLERS[type] = handler;
}

/** Does the state take anything from events of the type? */
export function isTakenIn(type: number): boolean {
  return HANDLERS[type] !== null;
}

export class State {
  readonly threads: ThreadTable;
  readonly users: UserTable | undefined;
  readonly containers: ContainerTable | undefined;
  readonly hostRoot: string;
  readonly trackConnections: boolean;
  readonly interfaces = new Interfaces();
  /** When the machine was started, in nanoseconds since the epoch; 0n: not known. */
  bootTs = 0n;
  fdsRefused = 0;
  /** What is to be looked at after a loss, and what was found. */
  readonly repair: Repair;
  /** Losses of events so far; what threads know from an earlier one is doubtful. */
  private epoch = 0;
  private unknownThreads = 0;
  private readonly wanted: Set<number> | null;
  private readonly nameless: Map<string, number> | null;
  private readonly received: ReceivedFd[] = [];
  private readonly cgroupTexts = new CgroupTexts();
  private exited: ThreadInfo | null = null;
  private closing: ThreadInfo | null = null;
  private closingFd = -1;

  constructor(options: StateOptions = {}) {
    this.threads = new ThreadTable(options.threadTableSize ?? DEFAULT_THREADS);
    this.repair = new Repair(this.threads, (threads) => this.relearn(threads));
    this.users = options.users;
    this.containers = options.containers;
    this.hostRoot = options.hostRoot ?? '';
    this.trackConnections = options.trackConnections ?? false;
    this.wanted = options.wantUnknown === true ? new Set() : null;
    this.nameless = options.wantUnknown === true ? new Map() : null;
  }

  /** Takes an event in and sets what the view says of its thread and descriptor. False: it must not be evaluated. */
  apply(view: EventView): boolean {
    const type = view.type;
    if (type >= TYPES) return false;
    if (this.repair.waiting) this.repair.settle(view.timestampFloat());
    const lookup = LOOKUP[type];
    let thread: ThreadInfo | null = this.threads.get(view.tid) ?? null;
    if (lookup === Lookup.None) {
      view.thread = thread;
      const handler = HANDLERS[type];
      if (handler !== null) handler(this, view);
      return true;
    }
    if (thread === null && lookup === Lookup.Obtain) thread = this.obtain(view.tid);
    view.thread = thread;
    if (thread === null) {
      const handler = HANDLERS[type];
      if (handler !== null) handler(this, view);
      return true;
    }
    thread.lastAccess = view.tsHigh;
    if (thread.epoch !== this.epoch) this.repair.doubt(thread, this.epoch);
    if (type === Ev.SCHEDSWITCH_6_E) {
      HANDLERS[type]!(this, view);
      return true;
    }
    if ((type & 1) === 0) enter(view, thread, type);
    else exit(view, thread, type);
    const handler = HANDLERS[type];
    if (handler !== null) handler(this, view);
    if (ABOUT_FD[type] !== 0) {
      // The handler may have put another thread in place.
      const owner = view.thread;
      if (owner !== null) {
        view.fdNum = owner.lastFd;
        if (view.fd === null && owner.lastFd !== -1) view.fd = getFd(owner, owner.lastFd);
      }
    }
    return true;
  }

  /** Takes away what the event ended; call it after the evaluation of every event that `apply` was given. */
  after(view: EventView): void {
    const thread = view.thread;
    if (thread !== null && (view.type & 1) !== 0) thread.enterType = -1;
    if (this.closing !== null) {
      this.closing.fds.delete(this.closingFd);
      this.closing = null;
    }
    if (this.exited !== null) {
      this.threads.rememberExit(this.exited, view.timestampFloat());
      this.threads.remove(this.exited.tid);
      this.exited = null;
    }
  }

  stats(): StateStats {
    return { ...this.threads.stats(), ...this.repair.stats(), fdsRefused: this.fdsRefused, unknownThreads: this.unknownThreads };
  }

  // For sources: the state at the start, and look-ups that come back.

  /** Puts a thread in that was found in /proc or in a capture's process list. Then {@link seeded}, once for all. */
  seedThread(thread: ThreadInfo): boolean {
    return this.threads.add(thread);
  }

  /** Ties all seeded threads together and finds out which end of their connections is theirs. */
  seeded(): void {
    const threads = [...this.threads.values()];
    for (const thread of threads) this.threads.link(thread);
    const ports = new Set<number>();
    for (const thread of threads) {
      if (thread.leader !== null && thread.leader !== thread) thread.fds = thread.leader.fds;
      else for (const [, info] of thread.fds) if (info.isServerSocket) ports.add(info.sourcePort);
    }
    for (const thread of threads) {
      if (thread.leader === thread) for (const [, info] of thread.fds) orient(info, ports, this.interfaces);
    }
  }

  /** Thread ids that were seen and are not known, each once; the list is emptied. */
  takeWanted(): number[] {
    if (this.wanted === null || this.wanted.size === 0) return [];
    const list = [...this.wanted];
    this.wanted.clear();
    return list;
  }

  /** Containers in which a thread's user is not known, each with such a thread; the list is emptied. */
  takeNameless(): (readonly [container: string, tid: number])[] {
    if (this.nameless === null || this.nameless.size === 0) return [];
    const list = [...this.nameless];
    this.nameless.clear();
    return list;
  }

  /** Events were lost: what is known may be wrong from now on. */
  lost(): void {
    this.epoch++;
  }

  /** Takes in what a look-up found of threads that were not known. Threads that have become known meanwhile stay. */
  learn(threads: readonly ThreadInfo[]): void {
    for (const thread of threads) {
      const known = this.threads.get(thread.tid);
      if (known !== undefined && !known.inferred) continue;
      if (known !== undefined) {
        thread.lastAccess = known.lastAccess;
        known.fds.forEach((info, fd) => {
          if (!thread.fds.has(fd)) thread.fds.set(fd, info);
        });
        this.threads.remove(known.tid);
      }
      thread.epoch = this.epoch;
      if (!this.threads.add(thread)) continue;
      this.threads.link(thread);
      if (thread.leader !== null && thread.leader !== thread) thread.fds = thread.leader.fds;
    }
  }

  /** Puts what was found of a process (its main thread first) in the place of all that was known of it but its children. */
  relearn(threads: readonly ThreadInfo[]): void {
    const main = threads[0];
    const children = this.threads.takeOut(main.pid);
    this.learn(threads);
    for (const child of children) adopt(main, child);
  }

  /** What a capture says when a second one begins in the same file. */
  reset(): void {
    this.threads.clear();
    this.cgroupTexts.clear();
    this.exited = null;
    this.closing = null;
    this.repair.clear();
  }

  /** Descriptors that threads were sent over unix sockets, for the source to look up; the list is emptied. */
  takeReceivedFds(): ReceivedFd[] {
    return this.received.splice(0);
  }

  // For handlers.

  /** A thread was sent a descriptor; which file it is, only the kernel knows. */
  receivedFd(tid: number, fd: number): void {
    if (this.wanted === null) return;
    if (this.received.length < MAX_WANTED) this.received.push({ tid, fd });
    else this.fdsRefused++;
  }

  /** The thread, or a new one of which nothing but the id is known; null: no room. */
  obtain(tid: number): ThreadInfo | null {
    const known = this.threads.get(tid);
    if (known !== undefined) return known;
    this.unknownThreads++;
    if (this.wanted !== null && this.wanted.size < MAX_WANTED && tid > 0) this.wanted.add(tid);
    const thread = new ThreadInfo(tid, -1);
    thread.epoch = this.epoch;
    thread.comm = '<NA>';
    thread.exe = '<NA>';
    return this.threads.add(thread) ? thread : null;
  }

  addThread(thread: ThreadInfo): boolean {
    if (!this.threads.add(thread)) return false;
    this.threads.link(thread);
    thread.epoch = this.epoch;
    this.repair.inherit(thread);
    return true;
  }

  closeAfter(thread: ThreadInfo, fd: number): void {
    this.closing = thread;
    this.closingFd = fd;
  }

  removeAfter(thread: ThreadInfo): void {
    this.exited = thread;
  }

  /** Zero-separated cgroups as they are on the wire; the thread's user is set. */
  setCgroups(thread: ThreadInfo, wire: string): void {
    const entry = this.cgroupTexts.of(wire);
    if (entry === null) return;
    thread.cgroups = entry.cgroups;
    thread.containerId = entry.container === null ? '' : entry.container.id;
    if (entry.container === null) return;
    const { id, type } = entry.container;
    if (type === '') this.containers?.seen(id, thread.tid);
    else this.containers?.appear(id, type);
    if (this.nameless !== null && this.nameless.size < MAX_WANTED && this.users?.user(id, thread.uid) === null) this.nameless.set(id, thread.tid);
  }
}
