// SPDX-License-Identifier: Apache-2.0
import type { Rate } from '../util/duration.js';

/** Lets `count` through at once, and as many again in each `perMs`, evenly. */
export class TokenBucket {
  private tokens: number;
  /** Milliseconds; of the latest event, whatever order they come in. */
  private at = Number.NEGATIVE_INFINITY;

  constructor(readonly rate: Rate) {
    this.tokens = rate.count;
  }

  /** @param now milliseconds of any clock */
  take(now: number): boolean {
    if (now > this.at) {
      const { count, perMs } = this.rate;
      if (this.at !== Number.NEGATIVE_INFINITY) this.tokens = Math.min(count, this.tokens + ((now - this.at) * count) / perMs);
      this.at = now;
    }
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }
}
