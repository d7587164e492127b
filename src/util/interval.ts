// SPDX-License-Identifier: Apache-2.0
/** Lets something through at most once per `ms`, and says how often it was held back in between. */
export class Interval {
  private nextAt = 0;
  private held = 0;

  constructor(private readonly ms: number) {}

  /** Null: not yet. Otherwise the number of calls that were held back since the last one let through. */
  pass(now = Date.now()): number | null {
    if (now < this.nextAt) {
      this.held++;
      return null;
    }
    const held = this.held;
    this.held = 0;
    this.nextAt = now + this.ms;
    return held;
  }
}
