// SPDX-License-Identifier: Apache-2.0
/** The health server against clients that are slow, or too many. */
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Webserver } from '../../src/app/webserver.js';
import { createLog } from '../../src/util/log.js';
import { freePort } from '../cli/program.js';

const { log } = createLog({ level: 'error', stderr: false, syslog: null, iso8601: true });
let server: Webserver | null = null;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server?.stop();
  server = null;
});

async function start(): Promise<number> {
  const port = await freePort();
  const options = {
    enabled: true, threadiness: 0, listen_port: port, listen_address: '127.0.0.1', k8s_healthz_endpoint: '/healthz',
    prometheus_metrics_enabled: false, ssl_enabled: false, ssl_certificate: '',
  };
  server = new Webserver(options, { versions: () => ({}), metrics: () => null, readiness: () => ({ ready: true, sources: {} }) }, log);
  await server.start();
  return port;
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.on('error', reject);
    sockets.push(socket);
  });
}

describe('the health server', () => {
  it('stops at once, whoever is in the middle of a request', async () => {
    const slow = await open(await start());
    slow.on('error', () => undefined).write('GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ');
    const closed = new Promise((resolve) => slow.once('close', resolve));
    await server?.stop();
    server = null;
    await closed;
  });

  it('answers though somebody opens connections and sends nothing, of which only so many stay open', async () => {
    const port = await start();
    for (let i = 0; i < 10; i++) await Promise.all(Array.from({ length: 100 }, async () => (await open(port)).on('error', () => undefined)));
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
    await expect.poll(() => sockets.filter((socket) => !socket.destroyed && socket.readyState === 'open').length).toBeLessThanOrEqual(256);
  });
});
