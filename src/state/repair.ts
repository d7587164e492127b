// SPDX-License-Identifier: Apache-2.0
/**
 * After events were lost, what is known may be wrong: a process may run another program, have other descriptors, another
 * parent, or be gone. A thread that goes on to act is doubted, with its ancestors; a source looks at /proc and brings a
 * {@link Finding}, which takes its place among the events by its time. Does no input and no output.
 */
import type { FdInfo } from './fd-info.js';
import type { FdTable } from './fd-table.js';
import type { ThreadInfo } from './thread-info.js';
import { adopt, type ThreadTable } from './thread-table.js';

/** What a look at one process found. */
export interface Finding {
  /** Nanoseconds since the epoch when the look began: events from before are to come first. */
  readonly time: number;
  readonly tid: number;
  /** The process's threads, the main one first; empty: there is no such thread any more. */
  readonly threads: readonly ThreadInfo[];
}

export interface RepairStats {
  /** Processes that were looked at because events had been lost. */
  readonly doubted: number;
  /** Of these, those that were not as they were known. */
  readonly repaired: number;
  /** Threads whose exit was lost. */
  readonly vanished: number;
  /** Processes that would have been looked at but for the limit. */
  readonly doubtsRefused: number;
}

/** Doubts and findings that wait at a time. */
const MAX_DOUBTS = 4096;
const MAX_FINDINGS = 4096;
/** A child's first event may come late after its start on a busy machine, and an id is not given out again so soon. */
const SAME_START_NS = 1_000_000_000n;

export class Repair {
  /** There are findings whose time has not come. */
  waiting = false;
  private readonly doubts = new Set<number>();
  private readonly findings: Finding[] = [];
  /** Processes that were looked at and whose finding waits. */
  private readonly looked = new Set<number>();
  private doubted = 0;
  private repaired = 0;
  private vanished = 0;
  private refused = 0;

  constructor(
    private readonly threads: ThreadTable,
    /** Puts a process in the place of what was known under its id. */
    private readonly replace: (threads: readonly ThreadInfo[]) => void,
  ) {}

  /** The thread acts, and what is known of it is from before a loss: its process is to be looked at, and its ancestors. */
  doubt(thread: ThreadInfo, epoch: number): void {
    thread.epoch = epoch;
    let main = thread.leader;
    if (main === null) this.add(thread.pid);
    else if (main !== thread && main.epoch === epoch) return;
    while (main !== null) {
      main.epoch = epoch;
      this.add(main.pid);
      main = this.threads.parent(main);
      if (main !== null && main.epoch === epoch) return;
    }
  }

  /** A new thread is as doubtful as the process that it comes from, until what was found of that one is taken in. */
  inherit(thread: ThreadInfo): void {
    if (this.doubts.size === 0 && this.looked.size === 0) return;
    const parent = this.threads.parent(thread);
    if (parent !== null && (this.doubts.has(parent.pid) || this.looked.has(parent.pid))) this.add(thread.pid);
  }

  /** A process to look at, once; -1: none. */
  take(): number {
    for (const pid of this.doubts) {
      this.doubts.delete(pid);
      this.doubted++;
      return pid;
    }
    return -1;
  }

  find(finding: Finding): void {
    if (this.findings.length >= MAX_FINDINGS) {
      this.refused++;
      return;
    }
    this.findings.push(finding);
    this.looked.add(finding.tid);
    this.waiting = true;
  }

  /** Takes in the findings from before this time (ns). */
  settle(time: number): void {
    let done = 0;
    while (done < this.findings.length && this.findings[done].time <= time) this.apply(this.findings[done++]);
    if (done === 0) return;
    this.findings.splice(0, done);
    this.waiting = this.findings.length !== 0;
  }

  clear(): void {
    this.doubts.clear();
    this.findings.length = 0;
    this.looked.clear();
    this.waiting = false;
  }

  stats(): RepairStats {
    return { doubted: this.doubted, repaired: this.repaired, vanished: this.vanished, doubtsRefused: this.refused };
  }

  private add(pid: number): void {
    if (pid <= 0) return;
    if (this.doubts.size < MAX_DOUBTS || this.doubts.has(pid)) this.doubts.add(pid);
    else this.refused++;
  }

  private apply({ tid, threads }: Finding): void {
    this.looked.delete(tid);
    const known = this.threads.get(tid);
    if (known === undefined) return;
    if (threads.length === 0) {
      this.threads.remove(tid);
      this.vanished++;
      return;
    }
    const found = threads[0];
    if (known.inferred || isAnother(known, found)) {
      this.replace(threads);
      this.repaired++;
      return;
    }
    let changed = correctProgram(known, found);
    changed = correctIds(known, found) || changed;
    changed = this.correctParent(known, found.ptid) || changed;
    changed = correctFds(known.fds, found.fds) || changed;
    changed = this.correctThreads(known, threads) || changed;
    if (changed) this.repaired++;
  }

  private correctParent(known: ThreadInfo, ptid: number): boolean {
    const parent = this.threads.get(known.ptid);
    if ((parent?.pid ?? known.ptid) === ptid) return false;
    parent?.children?.delete(known);
    known.ptid = ptid;
    const found = this.threads.get(ptid);
    if (found !== undefined && !found.inferred) adopt(found, known);
    return true;
  }

  private correctThreads(known: ThreadInfo, found: readonly ThreadInfo[]): boolean {
    let changed = false;
    const there = new Set(found.map((thread) => thread.tid));
    for (const thread of [...(known.group?.threads ?? [])]) {
      if (thread === known || there.has(thread.tid)) continue;
      this.threads.remove(thread.tid);
      this.vanished++;
      changed = true;
    }
    for (const thread of found) {
      if (thread.tid === known.tid || this.threads.get(thread.tid)?.inferred === false) continue;
      this.threads.remove(thread.tid);
      thread.epoch = known.epoch;
      if (!this.threads.add(thread)) continue;
      this.threads.link(thread);
      thread.fds = known.fds;
      changed = true;
    }
    return changed;
  }
}

/** Another process under the same id. */
function isAnother(known: ThreadInfo, found: ThreadInfo): boolean {
  if (known.cloneTs === 0n || found.cloneTs === 0n) return false;
  const apart = known.cloneTs - found.cloneTs;
  return apart > SAME_START_NS || apart < -SAME_START_NS;
}

function runsAnother(known: ThreadInfo, found: ThreadInfo): boolean {
  if (known.exeFromMemfd && found.exeFromMemfd) return false;
  // A file on its way out has no path in /proc.
  if (found.exepath !== '' && found.exepath !== known.exepath) return true;
  return found.args.length !== known.args.length || found.args.some((arg, i) => arg !== known.args[i]);
}

/** An exec was lost. A name alone is no sign of one: programs change theirs. */
function correctProgram(known: ThreadInfo, found: ThreadInfo): boolean {
  if (!runsAnother(known, found)) return false;
  known.comm = found.comm;
  known.exe = found.exe;
  known.args = found.args;
  known.exepath = found.exepath;
  known.env = found.env;
  known.exeWritable = found.exeWritable;
  known.exeFromMemfd = found.exeFromMemfd;
  known.exeUpperLayer = found.exeUpperLayer;
  known.exeLowerLayer = found.exeLowerLayer;
  known.exeIno = found.exeIno;
  known.exeInoCtime = found.exeInoCtime;
  known.exeInoMtime = found.exeInoMtime;
  return true;
}

const IDS = ['uid', 'gid', 'loginuid', 'sid', 'pgid', 'vpgid', 'tty', 'root', 'cwd', 'fdLimit', 'capInheritable', 'capPermitted', 'capEffective'] as const;

function correctIds(known: ThreadInfo, found: ThreadInfo): boolean {
  let changed = known.containerId !== found.containerId;
  known.cgroups = found.cgroups;
  known.containerId = found.containerId;
  for (const key of IDS) {
    // In a pid namespace, events tell of the session by its id there, and /proc by the host's.
    if (known[key] === found[key] || (key === 'sid' && known.inPidNamespace && known.sid !== -1)) continue;
    (known as { -readonly [k in typeof key]: unknown })[key] = found[key];
    changed = true;
  }
  return changed;
}

function correctFds(known: FdTable, found: FdTable): boolean {
  let changed = false;
  known.forEach((_, fd) => {
    if (found.has(fd)) return;
    known.delete(fd);
    changed = true;
  });
  found.forEach((info, fd) => {
    const before = known.get(fd);
    if (before !== undefined && isSame(before, info)) return;
    known.set(fd, info);
    changed = true;
  });
  return changed;
}

/** Events know more of a descriptor than /proc does: it stays where it may be the same. */
function isSame(known: FdInfo, found: FdInfo): boolean {
  switch (found.type) {
    case 'file':
    case 'directory':
      // Kernels name a file by its real path, programs by the one that they took.
      if (known.type !== 'file' && known.type !== 'directory') return false;
      return known.name === found.name || (known.ino !== 0 && known.ino === found.ino);
    case 'ipv4':
    case 'ipv6':
      if (known.type !== 'ipv4' && known.type !== 'ipv6') return false;
      if (known.sourceIp === null && known.destIp === null) return found.destIp === null;
      if (known.isServerSocket || found.isServerSocket) return known.isServerSocket === found.isServerSocket && known.sourcePort === found.sourcePort;
      return found.destIp === null || (samePorts(known, found) && known.type === found.type);
    case 'pipe':
      return known.type === 'pipe' && (known.ino === 0 || known.ino === found.ino);
    default:
      return known.type === found.type || found.type === 'unsupported';
  }
}

/** Which end is the client is not known alike. */
function samePorts(a: FdInfo, b: FdInfo): boolean {
  return (a.sourcePort === b.sourcePort && a.destPort === b.destPort) || (a.sourcePort === b.destPort && a.destPort === b.sourcePort);
}
