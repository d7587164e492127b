// SPDX-License-Identifier: Apache-2.0
/** HOT PATH (get). All threads by id, their groups, parents and children. Bounded. */
import { ThreadGroup, type ThreadInfo } from './thread-info.js';

/** Exits are remembered for a while, so that a clone event that comes late does not bring the child back. */
const RECENT_EXITS = 8192;
const RECENT_NS = 2_000_000_000;
const TWO_22 = 0x40_0000;
/** No thread has it, and no event either (some have -1). */
const NO_TID = -0x7fff_ffff;

export interface ThreadTableStats {
  readonly threads: number;
  readonly added: number;
  readonly removed: number;
  /** Threads that found no room. */
  readonly refused: number;
  /** Threads that gave way because nothing was heard of them for long. */
  readonly evicted: number;
}

export class ThreadTable {
  private readonly byTid = new Map<number, ThreadInfo>();
  private readonly groups = new Map<number, ThreadGroup>();
  private readonly recent = new Map<number, number>();
  private lastTid = NO_TID;
  private last: ThreadInfo | undefined = undefined;
  private added = 0;
  private removed = 0;
  private refused = 0;
  private evicted = 0;

  constructor(private readonly limit: number) {}

  get size(): number {
    return this.byTid.size;
  }

  get(tid: number): ThreadInfo | undefined {
    if (tid === this.lastTid) return this.last;
    const found = this.byTid.get(tid);
    if (found !== undefined) {
      this.lastTid = tid;
      this.last = found;
    }
    return found;
  }

  values(): IterableIterator<ThreadInfo> {
    return this.byTid.values();
  }

  /** Live threads of a process, its leader included. */
  threadCount(pid: number): number {
    return this.groups.get(pid)?.alive ?? 0;
  }

  /** Puts a thread in, in place of one with the same id. False: no room. Link it with {@link link}. */
  add(thread: ThreadInfo): boolean {
    const old = this.byTid.get(thread.tid);
    if (old !== undefined) this.untie(old);
    else if (this.byTid.size >= this.limit) {
      this.refused++;
      return false;
    }
    this.added++;
    this.lastTid = NO_TID;
    this.byTid.set(thread.tid, thread);
    return true;
  }

  /** Ties a thread to its group and its parent, once its pid and ptid are known. A parent that is not known becomes 0. */
  link(thread: ThreadInfo): void {
    if (thread.inferred || thread.group !== null) return;
    const group = this.groups.get(thread.pid);
    if (group === undefined) {
      thread.group = new ThreadGroup(thread);
      this.groups.set(thread.pid, thread.group);
      thread.leader = thread.isMain ? thread : null;
    } else this.join(thread, group);
    if (thread.pid === 1) return;
    const parent = this.byTid.get(thread.ptid);
    if (parent === undefined || parent.inferred) thread.ptid = 0;
    else adopt(parent, thread);
  }

  private join(thread: ThreadInfo, group: ThreadGroup): void {
    group.alive++;
    thread.group = group;
    if (thread.isMain) {
      group.threads.unshift(thread);
      for (const other of group.threads) {
        other.leader = thread;
        other.fds = thread.fds;
      }
    } else {
      group.threads.push(thread);
      const first = group.threads[0];
      thread.leader = first.isMain ? first : null;
    }
  }

  remove(tid: number): void {
    const thread = this.byTid.get(tid);
    if (thread === undefined) return;
    this.lastTid = NO_TID;
    const group = thread.group;
    if (group === null) {
      this.drop(thread);
      return;
    }
    if (!thread.dead) {
      group.alive--;
      thread.dead = true;
    }
    if (thread.children !== null && thread.children.size !== 0) this.orphan(thread, group);
    if (group.alive <= 0) {
      this.groups.delete(group.pid);
      const main = group.threads[0];
      if (main?.isMain) this.drop(main);
    }
    if (!thread.isMain) {
      const at = group.threads.indexOf(thread);
      if (at !== -1) group.threads.splice(at, 1);
      this.drop(thread);
    }
  }

  /** Takes a whole process out. Its children are not handed on but returned, for {@link adopt}. */
  takeOut(pid: number): ThreadInfo[] {
    const orphans: ThreadInfo[] = [];
    const threads = [...(this.groups.get(pid)?.threads ?? [])];
    for (const thread of threads) {
      if (thread.children !== null) orphans.push(...thread.children);
      thread.children = null;
    }
    for (const thread of threads.reverse()) this.remove(thread.tid);
    this.remove(pid);
    return orphans;
  }

  clear(): void {
    this.byTid.clear();
    this.groups.clear();
    this.recent.clear();
    this.lastTid = NO_TID;
    this.last = undefined;
  }

  /** Parent process (its main thread); null: none or not known. */
  parent(thread: ThreadInfo): ThreadInfo | null {
    return this.ancestor(thread, 1);
  }

  /** The n-th ancestor process; 0 is the thread's own process. */
  ancestor(thread: ThreadInfo, n: number): ThreadInfo | null {
    let main = thread.leader;
    for (let i = 0; i < n && main !== null; i++) {
      const parent: ThreadInfo | undefined = this.byTid.get(main.ptid);
      main = parent === undefined ? null : parent.leader;
    }
    return main;
  }

  /** The process that leads the session or process group; failing that, the oldest known ancestor in it. */
  leaderOf(thread: ThreadInfo, key: 'sid' | 'pgid' | 'vpgid'): ThreadInfo | null {
    const id = thread[key];
    if (id === -1) return null;
    if (key === 'pgid' || !thread.inPidNamespace) {
      const leader = this.byTid.get(id);
      if (leader !== undefined) return leader;
    }
    let oldest: ThreadInfo | null = null;
    let slow = this.byTid.get(thread.ptid);
    let fast = slow === undefined ? undefined : this.byTid.get(slow.ptid);
    while (slow !== undefined && slow[key] === id) {
      oldest = slow;
      slow = this.byTid.get(slow.ptid);
      if (fast !== undefined) fast = this.byTid.get(fast.ptid);
      if (fast !== undefined) fast = this.byTid.get(fast.ptid);
      if (slow !== undefined && (slow === fast || slow.tid === slow.ptid)) break;
    }
    return oldest;
  }

  rememberExit(thread: ThreadInfo, time: number): void {
    const key = thread.ptid * TWO_22 + thread.tid;
    this.recent.delete(key);
    this.recent.set(key, time);
    if (this.recent.size > RECENT_EXITS) this.recent.delete(this.recent.keys().next().value!);
  }

  /** Whether a child of that parent and id has exited a moment ago. `time` in nanoseconds. */
  hasRecentlyExited(tid: number, ptid: number, time: number): boolean {
    const exit = this.recent.get(ptid * TWO_22 + tid);
    return exit !== undefined && time >= exit && time - exit < RECENT_NS;
  }

  /**
   * Drops threads that are not alive any more and that were last heard of before `before` (2^32 ns), or of which nothing
   * is known. Returns how many.
   */
  evict(before: number, isAlive: (tid: number) => boolean): number {
    let count = 0;
    for (const thread of [...this.byTid.values()]) {
      if ((thread.lastAccess >= before && !thread.inferred) || isAlive(thread.tid)) continue;
      this.remove(thread.tid);
      count++;
    }
    this.evicted += count;
    return count;
  }

  stats(): ThreadTableStats {
    return { threads: this.byTid.size, added: this.added, removed: this.removed, refused: this.refused, evicted: this.evicted };
  }

  /** Neither its group nor its parent knows it any more. */
  private untie(thread: ThreadInfo): void {
    const group = thread.group;
    if (group !== null) {
      if (!thread.dead) group.alive--;
      group.threads = group.threads.filter((other) => other !== thread);
      if (group.threads.length === 0) this.groups.delete(group.pid);
      thread.group = null;
    }
    this.byTid.get(thread.ptid)?.children?.delete(thread);
  }

  private drop(thread: ThreadInfo): void {
    if (this.byTid.get(thread.tid) === thread) {
      this.byTid.delete(thread.tid);
      this.removed++;
    }
    this.byTid.get(thread.ptid)?.children?.delete(thread);
  }

  private orphan(thread: ThreadInfo, group: ThreadGroup): void {
    let reaper = thread.reaperTid > 0 ? this.byTid.get(thread.reaperTid) : undefined;
    if (reaper === undefined || reaper.inferred || reaper === thread) reaper = this.findReaper(thread, group);
    if (reaper?.group && reaper.pid !== thread.pid) reaper.group.reaper = true;
    for (const child of thread.children!) {
      if (reaper === undefined) child.ptid = 0;
      else adopt(reaper, child);
    }
    thread.children = null;
  }

  /** Another thread of the group, else the nearest ancestor in the same pid namespace that reaps. */
  private findReaper(thread: ThreadInfo, group: ThreadGroup): ThreadInfo | undefined {
    const sibling = group.alive > 0 ? group.threads.find((t) => !t.dead && t !== thread) : undefined;
    if (sibling !== undefined) return sibling;
    const seen = new Set<number>([thread.tid]);
    let parent = this.byTid.get(thread.ptid);
    while (parent !== undefined && !seen.has(parent.tid)) {
      seen.add(parent.tid);
      if (parent.inPidNamespace !== thread.inPidNamespace) return undefined;
      if (parent.group?.reaper) {
        const alive = parent.group.threads.find((t) => !t.dead);
        if (alive !== undefined) return alive;
      }
      parent = this.byTid.get(parent.ptid);
    }
    return undefined;
  }
}

export function adopt(parent: ThreadInfo, child: ThreadInfo): void {
  if (parent.children === null) parent.children = new Set();
  parent.children.add(child);
  child.ptid = parent.tid;
}
