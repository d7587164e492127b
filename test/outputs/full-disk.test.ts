// SPDX-License-Identifier: Apache-2.0
/** A disk that is full for a while, as a small real file system: what is lost is counted and said, and then it goes on. */
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FileOutput } from '../../src/outputs/file.js';
import { HttpOutput } from '../../src/outputs/http.js';
import { SpoolSet } from '../../src/outputs/spool-set.js';
import { SpooledOutput } from '../../src/outputs/spooled-output.js';
import { message, testBench, testFolder } from './channels.js';

const dir = testFolder();
const { logged, log, channelOf, until, atEnd } = testBench();
const canMount = process.getuid?.() === 0 || process.env.CI !== undefined;

function smallDisk(name: string, kilobytes: number): string {
  const path = join(dir, name);
  mkdirSync(path);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'falco-ts-test', path]);
  atEnd(() => execFileSync('umount', ['-l', path]));
  return path;
}

/** Takes all but so many bytes of what is left. */
function fill(disk: string, spare: number): void {
  const filler = openSync(join(disk, 'filler'), 'w');
  const page = Buffer.alloc(4096);
  try {
    for (;;) writeSync(filler, page);
  } catch {
    // Full.
  } finally {
    closeSync(filler);
  }
  if (spare > 0) execFileSync('truncate', ['-s', `-${spare}`, join(disk, 'filler')]);
}

/** A line that tells by itself whether it is whole. */
const whole = (n: number) => message(n, `<${n} ${'x'.repeat(900)} ${n}>`);
const numbersIn = (text: string) => [...text.matchAll(/^<(\d+) x{900} \1>$/gm)].map(([, n]) => Number(n));
const from = (start: number, count: number) => Array.from({ length: count }, (_, i) => start + i);

describe.skipIf(!canMount)('a full disk', () => {
  it.each([true, false])('file (keep_alive %s): no line is mixed up with another, the lost are counted, and once there is room it goes on', async (keepAlive) => {
    const disk = smallDisk(`file-${keepAlive}`, 64);
    const filename = join(disk, 'events.txt');
    const channel = await channelOf(new FileOutput({ filename, keepAlive }));
    for (const n of from(0, 5)) channel.push(whole(n));
    await until(() => channel.stats().delivered === 5);
    fill(disk, 4096);
    for (const n of from(5, 40)) channel.push(whole(n));
    await until(() => channel.stats().waiting === 0);
    const { delivered, failed } = channel.stats();
    expect(failed).toBeGreaterThan(20);
    expect(delivered).toBe(numbersIn(readFileSync(filename, 'utf8')).length);
    expect(logged.filter((line) => /^Output file: cannot deliver: ENOSPC/.test(line))).toHaveLength(1);
    rmSync(join(disk, 'filler'));
    for (const n of from(100, 10)) channel.push(whole(n));
    await until(() => channel.stats().waiting === 0);
    expect(channel.stats()).toEqual({ pushed: 55, delivered: delivered + 10, failed, dropped: 0, waiting: 0 });
    const written = readFileSync(filename, 'utf8');
    expect(numbersIn(written)).toEqual([...from(0, delivered), ...from(100, 10)]);
    // Half a line is a line of its own.
    expect(written.split('\n').filter((line) => numbersIn(line).length === 0).length).toBeLessThanOrEqual(2);
    expect(logged.some((line) => /^Output file: is working again, \d+ alerts were refused$/.test(line))).toBe(true);
  });

  it('stdout into a file: the same', async () => {
    const disk = smallDisk('stdout', 64);
    const filename = join(disk, 'events.txt');
    const script = join(dir, 'stdout.mjs');
    const src = join(import.meta.dirname, '../../dist/outputs');
    writeFileSync(
      script,
      `import { Channel } from '${src}/channel.js';
       import { StdoutOutput } from '${src}/stdout.js';
       const log = { error: (line) => console.error(line), critical: () => {}, info: (line) => console.error(line) };
       const output = new StdoutOutput();
       await output.start();
       const channel = new Channel(output, { capacity: 0, timeoutMs: 0, gatherMs: 0, log });
       for await (const part of process.stdin) {
         const [from, to] = String(part).split(' ').map(Number);
         for (let n = from; n < to; n++) channel.push({ line: '<' + n + ' ' + 'x'.repeat(900) + ' ' + n + '>', priority: 'Warning', rule: 'R', time: 0n });
         while (channel.stats().waiting > 0) await new Promise((resolve) => setTimeout(resolve, 5));
         console.error(JSON.stringify(channel.stats()));
       }`,
    );
    const file = openSync(filename, 'a');
    const child = spawn(process.execPath, [script], { stdio: ['pipe', file, 'pipe'] });
    closeSync(file);
    let said = '';
    child.stderr?.on('data', (data: Buffer) => {
      said += data.toString();
    });
    const stats = () => [...said.matchAll(/^\{.*\}$/gm)].map(([line]) => JSON.parse(line) as { delivered: number; failed: number });
    fill(disk, 16_384);
    child.stdin?.write('0 100\n');
    await until(() => stats().length === 1);
    rmSync(join(disk, 'filler'));
    child.stdin?.end('200 210\n');
    await until(() => stats().length === 2);
    const [full, after] = stats();
    expect(full.failed).toBeGreaterThan(0);
    expect(after).toMatchObject({ delivered: full.delivered + 10, failed: full.failed });
    expect(numbersIn(readFileSync(filename, 'utf8'))).toEqual([...from(0, full.delivered), ...from(200, 10)]);
    expect(said).toContain(`Output stdout: is working again, ${full.failed} alerts were refused`);
  });

  it('file without keep_alive: whoever makes room by a rotation finds what follows in the new file', async () => {
    const disk = smallDisk('rotated', 64);
    const filename = join(disk, 'events.txt');
    const channel = await channelOf(new FileOutput({ filename, keepAlive: false }));
    for (const n of from(0, 100)) channel.push(whole(n));
    await until(() => channel.stats().waiting === 0);
    const { failed, delivered } = channel.stats();
    expect(failed).toBeGreaterThan(0);
    renameSync(filename, `${filename}.1`);
    const kept = readFileSync(`${filename}.1`, 'utf8');
    rmSync(`${filename}.1`);
    channel.push(whole(200));
    await until(() => channel.stats().waiting === 0);
    expect(channel.stats()).toMatchObject({ delivered: delivered + 1, failed });
    expect(numbersIn(kept)).toHaveLength(delivered);
    expect(readFileSync(filename, 'utf8')).toBe(`${whole(200).line}\n`);
  });

  it('spool: what the disk refuses is counted, what it took arrives whole and in order, and once there is room it goes on', async () => {
    const disk = smallDisk('spool', 256);
    const received: string[] = [];
    let there = false;
    const server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (part: string) => {
        body += part;
      });
      request.on('end', () => {
        if (there) received.push(body);
        response.writeHead(there ? 200 : 503).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    atEnd(() => {
      server.closeAllConnections();
      server.close();
    });
    const http = new HttpOutput({
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, userAgent: 'test', insecure: false, caCert: '', caBundle: '', caPath: '', mtls: false, clientCert: '', clientKey: '',
      echo: false, compressUploads: false, keepAlive: true, maxConsecutiveTimeouts: 1, json: false, timeoutMs: 2000, headers: {}, patient: true,
    }, log);
    const spools = new SpoolSet();
    const folder = join(disk, 'http');
    const spooled = new SpooledOutput(http, () => spools.lease(folder, 100 * 1024 * 1024), 100, log);
    const channel = await channelOf(spooled);
    for (const n of from(0, 10)) channel.push(whole(n));
    await until(() => channel.stats().waiting === 10 && readdirSync(folder).some((name) => name.endsWith('.log')));
    fill(disk, 4096);
    for (const n of from(10, 100)) {
      channel.push(whole(n));
      await new Promise((resolve) => setImmediate(resolve));
    }
    // All of them have been at the disk: none waits before it.
    await until(() => channel.stats().failed > 0 && channel.stats().failed + spooled.backlog().waiting === 110);
    const { failed, waiting } = channel.stats();
    expect(logged.filter((line) => /^Output http: cannot deliver: ENOSPC/.test(line))).toHaveLength(1);
    rmSync(join(disk, 'filler'));
    for (const n of from(200, 10)) channel.push(whole(n));
    there = true;
    await until(() => channel.stats().delivered === waiting + 10);
    expect(channel.stats()).toMatchObject({ pushed: 120, failed, dropped: 0, waiting: 0 });
    const numbers = numbersIn(received.join('\n'));
    expect(numbers).toHaveLength(waiting + 10);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(numbers.slice(-10)).toEqual(from(200, 10));
    expect(logged.some((line) => /^Output http: is working again, \d+ alerts were refused$/.test(line))).toBe(true);
  });
});
