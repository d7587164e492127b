// SPDX-License-Identifier: Apache-2.0
/** Keeps the state of a live machine whole, from /proc, beside what events tell. */
import type { State } from '../state/state.js';
import type { Procfs } from './procfs.js';

const LOOK_UP_MS = 50;
/** After lost process events, all of /proc is read again, but not more often than this. */
const RESYNC_MS = 5_000;

export interface StateKeeperOptions {
  /** A growing count of process events that never arrived. */
  readonly lostProcessEvents: () => number;
  /** Seconds between two looks for threads that have gone without a word, and how long they must have been silent. */
  readonly purgeInterval: number;
  readonly purgeTimeout: number;
}

/**
 * Completes and repairs the state while it runs: looks up threads that events tell of and descriptors sent over unix
 * sockets, reads /proc again where process events were lost, and lets go of threads whose exit was never seen.
 */
export class StateKeeper {
  private timer: NodeJS.Timeout | null = null;
  private lost = 0;
  private lastResync = 0;
  private lastEvict = performance.now();

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
    const { state, procfs } = this;
    const tids = state.takeWanted();
    if (tids.length !== 0) procfs.lookUp(state, tids);
    for (const { tid, fd } of state.takeReceivedFds()) {
      const thread = state.threads.get(tid);
      if (thread === undefined || thread.inferred || thread.fds.has(fd)) continue;
      const info = procfs.fd(thread.pid, fd);
      if (info !== null) thread.fds.set(fd, info);
    }
    const now = performance.now();
    const lost = this.options.lostProcessEvents();
    if (lost > this.lost && now - this.lastResync >= RESYNC_MS) {
      this.lost = lost;
      this.lastResync = now;
      procfs.resync(state);
    }
    if (now - this.lastEvict >= this.options.purgeInterval * 1000) {
      this.lastEvict = now;
      const silentSince = BigInt(Date.now() - this.options.purgeTimeout * 1000) * 1_000_000n;
      state.threads.evict(Number(silentSince >> 32n), (tid) => procfs.isAlive(tid));
    }
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
  }
}
