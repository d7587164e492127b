// SPDX-License-Identifier: Apache-2.0
/** The file output, and the queue in front of an output: order, bounds, rotation, a full disk. */
import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FileOutput } from '../../src/outputs/file.js';
import { ProgramOutput } from '../../src/outputs/program.js';
import { StartError } from '../../src/sources/source.js';
import { alerts, message, testBench, testFolder } from './channels.js';

const dir = testFolder();
const { logged, channelOf, until } = testBench({ severity: true });
const lines = (path: string) => readFileSync(path, 'utf8').split('\n').slice(0, -1);

describe('file', () => {
  it.each([true, false])('keeps every line in order (keep_alive %s)', async (keepAlive) => {
    const filename = join(dir, `order-${keepAlive}.txt`);
    const channel = await channelOf(new FileOutput({ filename, keepAlive }));
    for (let i = 0; i < 500; i++) channel.push(message(i));
    await channel.stop(5000);
    expect(lines(filename)).toEqual(alerts(0, 500));
    expect(channel.stats()).toEqual({ pushed: 500, delivered: 500, failed: 0, dropped: 0, waiting: 0 });
  });

  it('a burst of 100,000 within one event loop turn is not lost', async () => {
    const filename = join(dir, 'burst.txt');
    const channel = await channelOf(new FileOutput({ filename, keepAlive: true }), { capacity: 0 });
    for (let i = 0; i < 100_000; i++) channel.push(message(i));
    await channel.stop(10_000);
    expect(channel.stats()).toEqual({ pushed: 100_000, delivered: 100_000, failed: 0, dropped: 0, waiting: 0 });
    expect(lines(filename)).toEqual(alerts(0, 100_000));
  });

  it('without a capacity, what waits is bounded by its size', async () => {
    const channel = await channelOf(new ProgramOutput({ program: 'exec sleep 100', keepAlive: true }), { capacity: 0 });
    const large = { ...message(0), line: 'x'.repeat(1024 * 1024) };
    for (let i = 0; i < 100; i++) channel.push(large);
    expect(channel.stats()).toMatchObject({ pushed: 100, dropped: 36, waiting: 64 });
  });

  it('after a rotation and a reopen, writes to the new file', async () => {
    const filename = join(dir, 'rotated.txt');
    const channel = await channelOf(new FileOutput({ filename, keepAlive: true }));
    channel.push(message(0));
    await until(() => channel.stats().delivered === 1);
    renameSync(filename, `${filename}.1`);
    channel.push(message(1));
    await until(() => channel.stats().delivered === 2);
    channel.reopen();
    channel.push(message(2));
    await channel.stop(5000);
    expect(lines(`${filename}.1`)).toEqual(alerts(0, 2));
    expect(lines(filename)).toEqual(alerts(2, 3));
  });

  it('cannot start in a directory that is not there, and says so', async () => {
    const error = await new FileOutput({ filename: '/nonexistent/x/events.txt', keepAlive: true }).start().catch((e: unknown) => e);
    expect(error).toBeInstanceOf(StartError);
    expect((error as StartError).message).toContain('/nonexistent/x/events.txt');
  });

  it('buffered: lines gather and leave together', async () => {
    const filename = join(dir, 'gathered.txt');
    const channel = await channelOf(new FileOutput({ filename, keepAlive: true }), { gatherMs: 300 });
    channel.push(message(0));
    await new Promise((resolve) => setTimeout(resolve, 50));
    channel.push(message(1));
    expect(lines(filename)).toEqual([]);
    await until(() => channel.stats().delivered === 2);
    expect(lines(filename)).toEqual(alerts(0, 2));
  });

  it('a full disk is counted and logged, once in a while', async () => {
    const channel = await channelOf(new FileOutput({ filename: '/dev/full', keepAlive: true }));
    for (let i = 0; i < 50; i++) {
      channel.push(message(i));
      await until(() => channel.stats().waiting === 0);
    }
    expect(channel.stats()).toMatchObject({ pushed: 50, delivered: 0, failed: 50 });
    expect(logged).toEqual(['3 Output file: cannot deliver: ENOSPC: no space left on device, write']);
  });
});
