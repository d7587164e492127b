// SPDX-License-Identifier: Apache-2.0
/** The queue on disk: order, bounds, restarts, a kill in the middle, damaged files. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Channel } from '../../src/outputs/channel.js';
import type { Output, OutputMessage } from '../../src/outputs/output.js';
import { Spool } from '../../src/outputs/spool.js';
import { SpoolSet } from '../../src/outputs/spool-set.js';
import { SpooledOutput } from '../../src/outputs/spooled-output.js';
import { StartError } from '../../src/sources/source.js';
import { crc32 } from '../../src/util/crc32.js';
import { createLog } from '../../src/util/log.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'falco-ts-spool-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const MIB = 1024 * 1024;
const message = (n: number, padding = 0): OutputMessage => ({ line: `alert ${n}${' '.repeat(padding)}`, priority: 'Warning', rule: 'R', time: 1_700_000_000_123_456_789n + BigInt(n) });
const many = (from: number, to: number, padding = 0) => Array.from({ length: to - from }, (_, i) => message(from + i, padding));
const segments = () => readdirSync(dir).filter((name) => name.endsWith('.log')).sort();

/** Reads and acknowledges all. */
async function drain(spool: Spool): Promise<string[]> {
  const lines: string[] = [];
  for (;;) {
    const batch = await spool.read(100);
    if (batch.length === 0) return lines;
    lines.push(...batch.map((one) => one.message.line.trimEnd()));
    spool.acknowledge(batch[batch.length - 1].end, batch.length);
  }
}
const alerts = (from: number, to: number) => many(from, to).map((one) => one.line);

describe('crc32', () => {
  it('is that of gzip', () => {
    expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926);
  });
});

describe('a spool', () => {
  it('gives back whole messages in their order, over many segments, and removes what was read', async () => {
    const spool = Spool.open(dir, 4 * MIB);
    for (let i = 0; i < 3000; i += 50) expect(await spool.append(many(i, i + 50, 500))).toBe(50);
    expect(spool.waiting).toBe(3000);
    expect(segments().length).toBeGreaterThan(5);
    const [first] = await spool.read(1);
    expect(first.message).toEqual(message(0, 500));
    await spool.rewind();
    expect(await drain(spool)).toEqual(alerts(0, 3000));
    expect(spool.waiting).toBe(0);
    expect(segments()).toHaveLength(1);
    await spool.close();
    expect(readdirSync(dir)).toEqual(['position']);
  });

  it('goes on after a restart where it was', async () => {
    let spool = Spool.open(dir, 4 * MIB);
    await spool.append(many(0, 10));
    const batch = await spool.read(4);
    spool.acknowledge(batch[3].end, 4);
    await spool.close();
    spool = Spool.open(dir, 4 * MIB);
    expect(spool.waiting).toBe(6);
    await spool.append(many(10, 12));
    expect(await drain(spool)).toEqual(alerts(4, 12));
    await spool.close();
  });

  it('takes no more than its bound, and as soon as something is delivered, again', async () => {
    const spool = Spool.open(dir, MIB);
    let taken = 0;
    for (let i = 0; i < 100; i++) taken += await spool.append(many(i * 100, i * 100 + 100, 500));
    expect(taken).toBeLessThan(3000);
    expect(spool.bytes).toBeLessThanOrEqual(MIB);
    expect(spool.bytes).toBeGreaterThan(MIB - 1000);
    expect(await drain(spool)).toHaveLength(taken);
    expect(await spool.append([message(1)])).toBe(1);
    await spool.close();
  });

  it('passes over a record whose bytes have changed, and counts it', async () => {
    let spool = Spool.open(dir, MIB);
    await spool.append(many(0, 10));
    await spool.close();
    const path = join(dir, segments()[0]);
    const bytes = readFileSync(path);
    bytes[bytes.indexOf('alert 4')] ^= 1;
    writeFileSync(path, bytes);
    spool = Spool.open(dir, MIB);
    expect(await drain(spool)).toEqual([...alerts(0, 4), ...alerts(5, 10)]);
    expect([spool.damaged, spool.waiting]).toEqual([1, 0]);
    await spool.close();
  });

  it('reads up to an end that was cut, and writes on', async () => {
    let spool = Spool.open(dir, MIB);
    await spool.append(many(0, 10));
    await spool.close();
    const path = join(dir, segments()[0]);
    truncateSync(path, readFileSync(path).length - 3);
    spool = Spool.open(dir, MIB);
    expect([spool.waiting, spool.damaged]).toEqual([9, 1]);
    await spool.append(many(10, 11));
    expect(await drain(spool)).toEqual([...alerts(0, 9), 'alert 10']);
    await spool.close();
  });

  it('without its position, or with a broken one, delivers again rather than not at all', async () => {
    let spool = Spool.open(dir, MIB);
    await spool.append(many(0, 10));
    const batch = await spool.read(5);
    spool.acknowledge(batch[4].end, 5);
    await spool.close();
    writeFileSync(join(dir, 'position'), '7 777 1\n');
    spool = Spool.open(dir, MIB);
    expect(await drain(spool)).toEqual(alerts(0, 10));
    await spool.close();
  });

  it('is refused while another has it, and taken over from one that was killed', async () => {
    const spool = Spool.open(dir, MIB);
    expect(() => Spool.open(dir, MIB)).toThrow(StartError);
    await spool.close();
    const child = spawn('sleep', ['0']);
    await new Promise((resolve) => child.on('exit', resolve));
    writeFileSync(join(dir, 'lock'), `${child.pid} 12345 boot`);
    await Spool.open(dir, MIB).close();
    // A process id that has come again.
    writeFileSync(join(dir, 'lock'), `${process.pid} 1 boot`);
    await Spool.open(dir, MIB).close();
  });

  it('that loses its files while it is open counts what they held, and goes on with the rest', async () => {
    const spool = Spool.open(dir, 4 * MIB);
    for (let i = 0; i < 1500; i += 50) await spool.append(many(i, i + 50, 500));
    const [first, second] = segments();
    const size = (name: string) => statSync(join(dir, name)).size;
    truncateSync(join(dir, first), Math.floor(size(first) / 2));
    rmSync(join(dir, second));
    const read = await drain(spool);
    expect(read[0]).toBe('alert 0');
    expect(read.at(-1)).toBe('alert 1499');
    expect(spool.damaged).toBeGreaterThan(500);
    expect(read.length + spool.damaged).toBe(1500);
    expect(spool.waiting).toBe(0);
    await spool.close();
  });

  it('takes no alert that it could not read back, and keeps those around it', async () => {
    const spool = Spool.open(dir, 100 * MIB);
    expect(await spool.append([message(0), message(1, 17 * MIB), message(2)])).toBe(2);
    await spool.close();
    const again = Spool.open(dir, 100 * MIB);
    expect(await drain(again)).toEqual(['alert 0', 'alert 2']);
    await again.close();
  });

  it.each(['/proc/nothing/spool', '/dev/null/spool'])('that cannot be opened says where and what to do: %s', (path) => {
    expect(() => Spool.open(path, MIB)).toThrow(expect.objectContaining({ code: 'OUTPUT_SPOOL', message: expect.stringContaining('spool.directory: E'), hint: expect.any(String) }));
  });
});

/** An output that can be away, and refuse. */
class Hub implements Output {
  readonly name = 'hub';
  away = true;
  stopped = false;
  readonly got: string[] = [];
  async start(): Promise<void> {}
  async deliver(one: OutputMessage): Promise<void> {
    while (this.away) {
      if (this.stopped) throw new Error('gave up');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    if (one.line === 'alert 3') throw new Error('not this one');
    this.got.push(one.line);
  }
  async reopen(): Promise<void> {}
  async stop(): Promise<void> {
    this.stopped = true;
  }
}

let logged: string[] = [];
beforeEach(() => {
  logged = [];
});
const { log } = createLog({ level: 'debug', stderr: false, iso8601: true, syslog: (_, text) => logged.push(text) });
async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 10_000; !condition(); await new Promise((resolve) => setTimeout(resolve, 5))) if (Date.now() > end) throw new Error('waited in vain');
}

describe('an output behind a spool', () => {
  const spooled = (hub: Hub, spools = new SpoolSet(), bytes = MIB) => new SpooledOutput(hub, () => spools.lease(dir, bytes), 50, log);
  const channelOf = async (output: Output) => {
    await output.start();
    return new Channel(output, { capacity: 0, timeoutMs: 0, gatherMs: 0, log });
  };

  it('keeps what the hub does not take over a restart, and counts every message once', async () => {
    let hub = new Hub();
    let channel = await channelOf(spooled(hub));
    for (const one of many(0, 6)) channel.push(one);
    await channel.stop(1000);
    expect(channel.stats()).toMatchObject({ pushed: 6, delivered: 0, failed: 0, dropped: 0, waiting: 6 });
    expect(logged).toContain(`Output hub: 6 alerts remain in ${dir} for the next start`);

    hub = new Hub();
    channel = await channelOf(spooled(hub));
    channel.push(message(6));
    hub.away = false;
    await until(() => channel.stats().delivered === 6);
    await channel.stop(1000);
    expect(hub.got).toEqual([...alerts(0, 3), ...alerts(4, 7)]);
    expect(channel.stats()).toMatchObject({ pushed: 7, delivered: 6, failed: 1, dropped: 0, waiting: 0 });
  });

  it('counts what finds no room, and says so', async () => {
    const hub = new Hub();
    const channel = await channelOf(spooled(hub, new SpoolSet(), 65_536));
    for (const one of many(10, 210, 1000)) channel.push(one);
    await until(() => channel.stats().dropped > 0 && channel.stats().dropped + channel.stats().waiting === 200);
    expect(logged.some((line) => /its spool is full \(\d+ alerts waiting in .*\) or the alerts are too large, \d+ dropped/.test(line))).toBe(true);
    await channel.stop(0);
  });

  it('a reload hands the spool over: nothing is lost, nothing comes twice', async () => {
    const spools = new SpoolSet();
    const [before, after] = [new Hub(), new Hub()];
    const old = await channelOf(spooled(before, spools));
    for (const one of many(10, 15)) old.push(one);
    await until(() => old.stats().waiting === 5);
    const next = await channelOf(spooled(after, spools));
    next.push(message(15));
    after.away = false;
    await old.stop(1000);
    await until(() => after.got.length === 6);
    await next.stop(1000);
    expect(logged.some((line) => line.includes('remain in'))).toBe(false);
    expect(before.got).toEqual([]);
    expect(after.got).toEqual(alerts(10, 16));
  });
});
