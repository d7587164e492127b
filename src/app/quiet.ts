// SPDX-License-Identifier: Apache-2.0
/** `syscall_event_timeouts`: a machine makes system calls all the time, so that none for long means that something is wrong. */

/** How long Falco's probe waits for events at most before it calls it a timeout; so many of them in a row count. */
const TIMEOUT_MS = 30;

export class QuietWatch {
  private produced = -1;
  private since = 0;
  /** Since when there have been events, milliseconds; null: there never were. */
  private lastEvent: number | null = null;

  /**
   * @param source events of the source so far; null: it is not running
   * @param act told once for each such stretch of time; `lastEvent` in milliseconds since the epoch
   */
  constructor(
    private readonly source: () => number | null,
    private readonly act: (lastEvent: number | null) => void,
  ) {}

  /** Called about once a second. @param now milliseconds @param maxConsecutives timeouts in a row that are nothing unusual */
  check(now: number, maxConsecutives: number): void {
    const produced = this.source();
    if (produced === null) return;
    if (produced !== this.produced) {
      if (this.produced !== -1 || produced > 0) this.lastEvent = now;
      this.produced = produced;
      this.since = now;
    } else if (now - this.since > maxConsecutives * TIMEOUT_MS) {
      this.since = now;
      this.act(this.lastEvent);
    }
  }
}
