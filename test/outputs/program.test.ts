// SPDX-License-Identifier: Apache-2.0
/** The program output: one process for all alerts or one for each, which die, do not exist, or never read. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FileOutput } from '../../src/outputs/file.js';
import { ProgramOutput } from '../../src/outputs/program.js';
import { alerts, message, testBench, testFolder } from './channels.js';

const dir = testFolder();
const { logged, channelOf, until } = testBench({ severity: true });
const lines = (path: string) => readFileSync(path, 'utf8').split('\n').slice(0, -1);
const isRunning = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('program', () => {
  it('keep_alive: one process gets all alerts', async () => {
    const filename = join(dir, 'program-kept.txt');
    const channel = await channelOf(new ProgramOutput({ program: `echo $$ > ${filename}; cat >> ${filename}`, keepAlive: true }));
    for (let i = 0; i < 50; i++) channel.push(message(i));
    await channel.stop(5000);
    expect(lines(filename).slice(1)).toEqual(alerts(0, 50));
  });

  it('without keep_alive each alert has a process', async () => {
    const filename = join(dir, 'program-each.txt');
    const channel = await channelOf(new ProgramOutput({ program: `(echo start; cat) >> ${filename}`, keepAlive: false }));
    for (let i = 0; i < 3; i++) channel.push(message(i));
    await channel.stop(5000);
    expect(lines(filename)).toEqual(['start', 'alert 0', 'start', 'alert 1', 'start', 'alert 2']);
  });

  it('a program that dies is started again, and what it lost is counted', async () => {
    const filename = join(dir, 'program-dies.txt');
    const pidfile = join(dir, 'program-dies.pid');
    writeFileSync(filename, '');
    const channel = await channelOf(new ProgramOutput({ program: `echo $$ > ${pidfile}; head -n 1 >> ${filename}; exit 3`, keepAlive: true }));
    for (let i = 0; i < 4; i++) {
      channel.push(message(i));
      await until(() => lines(filename).length === i + 1);
      const pid = Number(readFileSync(pidfile, 'utf8'));
      await until(() => !isRunning(pid));
    }
    await channel.stop(5000);
    expect(lines(filename)).toEqual(alerts(0, 4));
    const { delivered, failed, dropped } = channel.stats();
    expect(delivered + failed + dropped).toBe(4);
  });

  it('a program that does not want to end is ended', async () => {
    const pidfile = join(dir, 'program-stubborn.pid');
    const channel = await channelOf(new ProgramOutput({ program: `trap '' TERM; echo $$ > ${pidfile}; while :; do sleep 60; done`, keepAlive: true }));
    channel.push(message(0));
    await until(() => existsSync(pidfile) && readFileSync(pidfile, 'utf8') !== '');
    await channel.stop(100);
    expect(isRunning(Number(readFileSync(pidfile, 'utf8')))).toBe(false);
  });

  it('a command that does not exist is counted as failed', async () => {
    const channel = await channelOf(new ProgramOutput({ program: 'exec /nonexistent/program', keepAlive: false }));
    channel.push(message(0));
    await channel.stop(5000);
    expect(channel.stats()).toMatchObject({ delivered: 0, failed: 1 });
  });

  it('one that never reads holds up nobody else and does not keep the monitor from ending', async () => {
    const filename = join(dir, 'beside.txt');
    const stuck = await channelOf(new ProgramOutput({ program: 'exec sleep 1000', keepAlive: true }), { capacity: 50, timeoutMs: 100 });
    const beside = await channelOf(new FileOutput({ filename, keepAlive: true }));
    const large = { ...message(0), line: 'x'.repeat(100_000) };
    for (let i = 0; i < 200; i++) {
      stuck.push(large);
      beside.push(message(i));
    }
    await until(() => beside.stats().delivered === 200);
    await until(() => logged.some((line) => line.startsWith('2 Output program: timeout')));
    const before = Date.now();
    await stuck.stop(200);
    expect(Date.now() - before).toBeLessThan(4000);
    const { pushed, delivered, failed, dropped, waiting } = stuck.stats();
    expect(waiting).toBe(0);
    expect(delivered + failed + dropped).toBe(pushed);
    expect(dropped).toBeGreaterThan(100);
    expect(logged.some((line) => /queue is full \(\d+ alerts waiting\)/.test(line))).toBe(true);
  });
});
