// SPDX-License-Identifier: Apache-2.0
/** Keeps the state of a live machine whole, from /proc, beside what events tell. */
import type { State } from '../state/state.js';
import type { Procfs } from './procfs.js';

const LOOK_UP_MS = 50;
/** What is known is put in question at most so often while losses go on. */
const DOUBT_MS = 1000;
/** Looks at processes go on for so long, and then rest for ten times as long as they took. */
const BUDGET_MS = 5;
const REST = 10;

export interface StateKeeperOptions {
  /** A growing count of events that never arrived. */
  readonly lostEvents: () => number;
  /** A growing count of events that arrived. */
  readonly arrivedEvents: () => number;
  /** Seconds between two looks for threads that have gone without a word, and how long they must have been silent. */
  readonly purgeInterval: number;
  readonly purgeTimeout: number;
}

/**
 * Completes and repairs the state while it runs: looks up threads that events tell of and descriptors sent over unix
 * sockets, looks at the processes that act after events were lost, and lets go of threads whose exit was never seen.
 */
export class StateKeeper {
  private timer: NodeJS.Timeout | null = null;
  private lost = 0;
  private arrived = -1;
  private lastDoubt = Number.NEGATIVE_INFINITY;
  private nextLook = 0;
  private lastEvict = performance.now();
  /** Threads that have not been looked for since the last loss. */
  private sweep: Iterator<number> | null = null;

  constructor(
    private readonly state: State,
    private readonly procfs: Procfs,
    private readonly options: StateKeeperOptions,
  ) {}

  start(): void {
    this.timer = setInterval(() => this.run(), LOOK_UP_MS);
    this.timer.unref();
  }

  run(): void {
    this.complete();
    const now = performance.now();
    this.notice(now);
    if (now >= this.nextLook) {
      this.look();
      const end = performance.now();
      this.nextLook = end + REST * (end - now);
    }
    if (now - this.lastEvict >= this.options.purgeInterval * 1000) {
      this.lastEvict = now;
      const silentSince = BigInt(Date.now() - this.options.purgeTimeout * 1000) * 1_000_000n;
      this.state.threads.evict(Number(silentSince >> 32n), (tid) => this.procfs.isAlive(tid));
    }
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
  }

  /** What events have named and nobody knows. */
  private complete(): void {
    const { state, procfs } = this;
    const tids = state.takeWanted();
    if (tids.length !== 0) procfs.lookUp(state, tids);
    // All that were sent so far are there by now: the tables of sockets are read once for them.
    procfs.refresh();
    for (const { tid, fd } of state.takeReceivedFds()) {
      const thread = state.threads.get(tid);
      if (thread === undefined || thread.inferred || thread.fds.has(fd)) continue;
      const info = procfs.fd(thread.pid, fd);
      if (info !== null) thread.fds.set(fd, info);
    }
  }

  /** Losses put in question what is known. Findings take their place among the events, or at once when none come. */
  private notice(now: number): void {
    const arrived = this.options.arrivedEvents();
    if (arrived === this.arrived) this.state.repair.settle(eventClock());
    this.arrived = arrived;
    const lost = this.options.lostEvents();
    if (lost <= this.lost || now - this.lastDoubt < DOUBT_MS) return;
    this.lost = lost;
    this.lastDoubt = now;
    this.state.lost();
    this.sweep ??= [...this.state.threads.values()].map((thread) => thread.tid).values();
  }

  private look(): void {
    const { state, procfs } = this;
    const { repair } = state;
    const end = performance.now() + BUDGET_MS;
    procfs.refresh();
    for (let pid = repair.take(); pid !== -1; pid = performance.now() < end ? repair.take() : -1) {
      const time = eventClock();
      const threads = procfs.look(pid, state);
      if (threads !== null) repair.find({ time, tid: pid, threads });
    }
    while (this.sweep !== null && performance.now() < end) {
      const { done, value: tid } = this.sweep.next();
      if (done === true) this.sweep = null;
      else if (!procfs.isAlive(tid)) repair.find({ time: eventClock(), tid, threads: [] });
    }
  }
}

/** Now, by the clock of the events: real time that does not jump. Nanoseconds since the epoch. */
function eventClock(): number {
  return (performance.timeOrigin + performance.now()) * 1e6;
}
