// SPDX-License-Identifier: Apache-2.0
/**
 * A fleet whose hub is away for an hour: what each node sends and keeps, what the hub must take, what is lost.
 *
 *     node test/bench/fleet.mjs [nodes=5000] [alerts a minute and node=6] [hub, alerts a second=5000] [minutes away=60]
 *
 * Three parts: the size of a real alert (our recording, replayed); real spools and http outputs, some 60 of them, against a
 * real hub that goes away and comes back; and a simulation, second by second, of all nodes with the constants of the code:
 * one request at a time for each node, pauses that double from 0.1 to 15 s with chance in them, a spool of 256 MB.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Channel } from '../../dist/outputs/channel.js';
import { HttpOutput } from '../../dist/outputs/http.js';
import { SpoolSet } from '../../dist/outputs/spool-set.js';
import { SpooledOutput } from '../../dist/outputs/spooled-output.js';

const [nodes = 5000, perMinute = 6, capacity = 5000, minutes = 60] = process.argv.slice(2).map(Number);
const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const SPOOL_BYTES = 256 * 1024 * 1024;
const log = { debug() {}, info() {}, warning() {}, error: console.error, critical() {} };
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const mb = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

// 1. A real alert.
const options = ['-o', 'engine.kind=replay', '-o', `engine.replay.capture_file=${join(PROJECT, 'rules/demo/recording.scap.gz')}`, '-o', 'json_output=true'];
const lines = execFileSync(process.execPath, [join(PROJECT, 'dist/cli/main.js'), ...options], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim().split('\n');
const alertBytes = Math.round(lines.reduce((sum, line) => sum + line.length, 0) / lines.length);
console.log(`an alert as JSON has ${alertBytes} bytes (mean of ${lines.length} in our recording)`);

// 2. Real spools, a real hub.
const dir = mkdtempSync(join(tmpdir(), 'falco-ts-fleet-bench-'));
try {
  const REAL = 60;
  const EACH = 200;
  const got = Array.from({ length: REAL }, () => []);
  const listen = (port) => new Promise((resolve) => {
    const server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (part) => { body += part; }).on('end', () => {
        const { node, n } = JSON.parse(body);
        got[node].push(n);
        response.end();
      });
    });
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
  let hub = await listen(0);
  const { port } = hub.address();
  const spools = new SpoolSet();
  const channels = [];
  for (let i = 0; i < REAL; i++) {
    const http = new HttpOutput({
      url: `http://127.0.0.1:${port}/`, userAgent: 'bench', insecure: false, caCert: '', caBundle: '', caPath: '', mtls: false, clientCert: '', clientKey: '', echo: false,
      compressUploads: false, keepAlive: true, maxConsecutiveTimeouts: 5, json: true, timeoutMs: 2000, headers: {}, patient: true,
    }, log);
    const output = new SpooledOutput(http, () => spools.lease(join(dir, String(i)), SPOOL_BYTES), 2000, log);
    await output.start();
    channels.push(new Channel(output, { capacity: 0, timeoutMs: 0, gatherMs: 0, log }));
  }
  const raise = (from, to) => {
    for (const [node, channel] of channels.entries()) {
      for (let n = from; n < to; n++) channel.push({ line: JSON.stringify({ node, n, padding: 'x'.repeat(alertBytes - 40) }), priority: 'Warning', rule: 'R', time: 0n });
    }
  };
  const arrived = () => got.reduce((sum, list) => sum + list.length, 0);
  raise(0, 10);
  while (arrived() < REAL * 10) await sleep(20);
  hub.closeAllConnections();
  await new Promise((resolve) => hub.close(resolve));
  const before = process.cpuUsage();
  raise(10, EACH);
  while (channels.some((channel) => channel.stats().waiting < EACH - 10 || channel.stats().spoolBytes === 0)) await sleep(20);
  await sleep(3000);
  const spooled = channels.reduce((sum, channel) => sum + channel.stats().spoolBytes, 0);
  hub = await listen(port);
  const start = Date.now();
  while (arrived() < REAL * EACH) await sleep(20);
  const seconds = (Date.now() - start) / 1000;
  const { user, system } = process.cpuUsage(before);
  // One whose answer was cut off comes twice, but never after a later one.
  const inOrder = got.every((list) => list.every((n, i) => i === 0 || n >= list[i - 1]));
  const missing = got.reduce((sum, list) => sum + EACH - new Set(list).size, 0);
  console.log(`${REAL} real nodes, hub away with ${(REAL * (EACH - 10)).toLocaleString('en')} alerts to come: ${missing} missing, ${arrived() - REAL * EACH} twice, order ${inOrder ? 'kept' : 'BROKEN'}; ` +
    `${Math.round(spooled / (REAL * (EACH - 10)))} bytes on disk for each; caught up ${seconds.toFixed(1)} s after its return; ${((user + system) / (REAL * (EACH - 10))).toFixed(0)} µs of CPU an alert, nodes and hub together`);
  for (const channel of channels) await channel.stop(100);
  hub.closeAllConnections();
  hub.close();
} finally {
  rmSync(dir, { recursive: true, force: true });
}

// 3. All of them, second by second.
const recordBytes = alertBytes + 90;
const rate = perMinute / 60;
const waiting = new Float64Array(nodes);
const nextTry = new Float64Array(nodes);
const pause = new Float64Array(nodes).fill(0.1);
const away = minutes * 60;
let lost = 0;
let largest = 0;
let wave = 0;
const back = new Uint8Array(nodes);
let caughtUp = 0;
let fullest = 0;
for (let t = 0; t < away * 3; t++) {
  const there = t >= away;
  let room = capacity;
  let returned = 0;
  // Who comes first in a second is chance.
  const first = Math.floor(Math.random() * nodes);
  for (let k = 0; k < nodes; k++) {
    const i = (first + k) % nodes;
    waiting[i] += rate;
    if (waiting[i] * recordBytes > SPOOL_BYTES) {
      lost += rate;
      waiting[i] -= rate;
    }
    if (!there) {
      for (; nextTry[i] <= t; pause[i] = Math.min(pause[i] * 2, 15)) nextTry[i] = Math.max(nextTry[i], t) + pause[i] * (0.5 + Math.random() / 2);
      continue;
    }
    if (nextTry[i] > t) continue;
    returned += 1 - back[i];
    back[i] = 1;
    // One at a time, 5 ms each: at most 200 a second from a node; what the hub has no room for waits in its queue.
    const sent = Math.min(waiting[i], 200, room);
    waiting[i] -= sent;
    room -= sent;
  }
  let sum = 0;
  for (const one of waiting) sum += one;
  if (sum > largest) [largest, fullest] = [sum, waiting.reduce((a, b) => Math.max(a, b), 0)];
  wave = Math.max(wave, returned);
  if (there && sum < nodes) {
    caughtUp = t - away;
    break;
  }
}
const live = nodes * rate;
console.log(`${nodes.toLocaleString('en')} nodes with ${perMinute} alerts a minute each, hub away for ${minutes} minutes:
  each node sends ${rate.toFixed(2)} alerts/s (${mb(rate * alertBytes * 86_400)} a day), and keeps at most ${Math.round(fullest)} alerts (${mb(fullest * recordBytes)} of 256 MB)
  the hub takes ${live.toFixed(0)} alerts/s (${mb(live * alertBytes)}/s) in ordinary times; on its return ${Math.round(largest).toLocaleString('en')} wait (${mb(largest * alertBytes)})
  the nodes come back within 15 s, at most ${wave.toLocaleString('en')} in one second, each with one request at a time
  a hub that takes ${capacity.toLocaleString('en')}/s has caught up after ${caughtUp} s; lost: ${Math.round(lost)}
  the spool is enough for ${(SPOOL_BYTES / recordBytes / (minutes * 60)).toFixed(0)} alerts/s of a node over these ${minutes} minutes; beyond that the newest are dropped and counted`);
