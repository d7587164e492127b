// SPDX-License-Identifier: Apache-2.0
/** Pauses between tries that grow, each with chance in it: when a hub comes back, its nodes must not all call in the same moment. */
const FIRST_MS = 100;
const LARGEST_MS = 15_000;

export class Backoff {
  private ms = FIRST_MS;

  /** Waits between half of the current pause and all of it, or until `signal`; the next one is twice as long, up to 15 s. */
  pause(signal: AbortSignal): Promise<void> {
    const ms = this.ms * (0.5 + Math.random() / 2);
    this.ms = Math.min(this.ms * 2, LARGEST_MS);
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done);
    });
  }
}
