// SPDX-License-Identifier: Apache-2.0
/** Thousands of short-lived containers in a row through the real state and look-up: nothing mixed up, nothing kept. */
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { runContainers } from './short-lived-containers.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const heap = (): number => {
  collect();
  return process.memoryUsage().heapUsed;
};

describe('10,000 short-lived containers in a row', () => {
  it('each have their own name, though process ids are used again and again, and leave nothing behind', async () => {
    const heaps: number[] = [];
    const result = await runContainers(10_000, { pids: 50, turn, swept: (containers) => void (containers % 3_000 === 0 && heaps.push(heap())) });
    expect(result.wrong).toEqual([]);
    expect(result.stats).toMatchObject({ found: 10_000, late: 0, unknown: 0, failed: 0, refused: 0 });
    expect(result.mostContainers).toBeLessThanOrEqual(1_000);
    expect([result.containersLeft, result.threadsLeft]).toEqual([0, 0]);
    expect(result.mostThreads).toBeLessThanOrEqual(2);
    // From the first thousands to the last nothing may grow: 500 bytes kept for each container would be 3 MB.
    expect(heaps).toHaveLength(3);
    expect(heaps[2] - heaps[0]).toBeLessThan(3_000_000);
  }, 60_000);

  it('that the runtime tells nothing of have no name first, and never that of another', async () => {
    const result = await runContainers(500, { pids: 3, silent: 5, turn });
    expect(result.wrong).toEqual([]);
    expect(result.stats).toMatchObject({ found: 500, late: 100 });
  });

  it('that have the same few names one after another show what they are now', async () => {
    const result = await runContainers(500, { pids: 3, ids: 7, turn });
    expect(result.wrong).toEqual([]);
    expect(result.containersLeft).toBe(0);
  });
});
