// SPDX-License-Identifier: Apache-2.0
/** What tests of outputs share: alerts, a log that remembers, channels and receivers that are closed after each test, a folder. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach } from 'vitest';
import { Channel, type ChannelOptions } from '../../src/outputs/channel.js';
import type { Output, OutputMessage } from '../../src/outputs/output.js';
import { createLog } from '../../src/util/log.js';

export const message = (n: number, line = `alert ${n}`): OutputMessage => ({ line, priority: 'Warning', rule: 'R', time: 1_700_000_000_123_456_789n + BigInt(n) });
/** The lines of these messages. */
export const alerts = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => `alert ${from + i}`);

export function testFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'falco-ts-outputs-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Lines without time; with `severity`, behind syslog's number. Empty at the beginning of each test. */
export function testBench({ severity = false } = {}) {
  const logged: string[] = [];
  const { log } = createLog({ level: 'debug', stderr: false, iso8601: true, syslog: (level, text) => logged.push(severity ? `${level} ${text}` : text) });
  const channels: Channel[] = [];
  const stops: (() => unknown)[] = [];
  afterEach(async () => {
    for (const channel of channels.splice(0)) await channel.stop(0);
    for (const stop of stops.splice(0)) await stop();
    logged.length = 0;
  });
  return {
    logged,
    log,
    /** Called after the test. */
    atEnd: (stop: () => unknown) => void stops.push(stop),
    /** Starts the output behind a queue. */
    async channelOf(output: Output, options: Partial<ChannelOptions> = {}): Promise<Channel> {
      await output.start();
      const channel = new Channel(output, { capacity: 1000, timeoutMs: 2000, gatherMs: 0, log, ...options });
      channels.push(channel);
      return channel;
    },
    async until(condition: () => boolean, ms = 20_000): Promise<void> {
      for (const end = Date.now() + ms; !condition(); await new Promise((resolve) => setTimeout(resolve, 5))) {
        if (Date.now() > end) throw new Error(`waited in vain; the log says:\n${logged.join('\n')}`);
      }
    },
  };
}
