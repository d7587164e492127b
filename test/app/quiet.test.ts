// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { QuietWatch } from '../../src/app/quiet.js';

describe('syscall_event_timeouts', () => {
  it('says once for each stretch without an event that there is none, and since when', () => {
    let produced: number | null = null;
    const told: (number | null)[] = [];
    const watch = new QuietWatch(() => produced, (last) => told.push(last));
    const seconds = (from: number, to: number) => {
      for (let second = from; second <= to; second++) watch.check(second * 1000, 100);
    };
    // 100 timeouts of 30 ms are three seconds. A source that is not open is not quiet.
    seconds(0, 10);
    expect(told).toEqual([]);
    produced = 0;
    seconds(11, 15);
    expect(told).toEqual([null]);
    produced = 5;
    seconds(16, 19);
    expect(told).toEqual([null]);
    seconds(20, 24);
    expect(told).toEqual([null, 16_000, 16_000]);
  });
});
