// SPDX-License-Identifier: Apache-2.0
/** http_output through the proxy that the environment names, as libcurl does it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { HttpOutput } from '../../src/outputs/http.js';
import { proxyFor } from '../../src/outputs/proxy.js';
import { createLog } from '../../src/util/log.js';

describe('which proxy', () => {
  const P = 'http://p:3128';
  it.each<[string, Record<string, string>, string | null]>([
    ['http://a/', {}, null],
    ['http://a/', { http_proxy: P }, P],
    ['http://a/', { HTTP_PROXY: P }, null],
    ['https://a/', { http_proxy: P }, null],
    ['https://a/', { HTTPS_PROXY: P }, P],
    ['https://a/', { all_proxy: 'p:3128' }, P],
    ['http://a/', { http_proxy: '', all_proxy: P }, null],
    ['http://a.b.c/', { http_proxy: P, no_proxy: 'x, b.c' }, null],
    ['http://a.b.c/', { http_proxy: P, no_proxy: '.b.c' }, null],
    ['http://ab.c/', { http_proxy: P, no_proxy: 'b.c' }, P],
    ['http://a/', { http_proxy: P, NO_PROXY: '*' }, null],
    ['http://10.1.2.3/', { http_proxy: P, no_proxy: '10.0.0.0/8' }, null],
    ['http://11.1.2.3/', { http_proxy: P, no_proxy: '10.0.0.0/8,11.1.2.4' }, P],
    ['http://[::1]:80/', { http_proxy: P, no_proxy: '::1' }, null],
  ])('%s with %j: %s', (url, env, expected) => {
    expect(proxyFor(new URL(url), env)).toBe(expected);
  });
});

describe('alerts through a proxy', () => {
  let dir: string;
  const servers: Server[] = [];
  const { log } = createLog({ level: 'debug', stderr: false, iso8601: true, syslog: null });
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'falco-ts-proxy-'));
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 's.key', '-out', 's.crt', '-subj', '/CN=s', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'], { cwd: dir, stdio: 'pipe' });
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  afterEach(() => {
    vi.unstubAllEnvs();
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });

  async function listen(server: Server): Promise<number> {
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }
  async function proxy(seen: string[]): Promise<number> {
    const server = createServer((from, to) => {
      seen.push(`${from.method} ${from.url} ${from.headers['proxy-authorization'] ?? '-'}`);
      from.pipe(request(from.url ?? '', { method: from.method ?? 'GET', headers: from.headers }, (answer) => answer.pipe(to)));
    });
    server.on('connect', (from, socket, head) => {
      seen.push(`CONNECT ${from.url} ${from.headers['proxy-authorization'] ?? '-'}`);
      const [host, port] = (from.url ?? '').split(':');
      const to = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        to.write(head);
        to.pipe(socket).pipe(to);
      });
      to.on('error', () => socket.destroy());
      socket.on('error', () => to.destroy());
    });
    return listen(server);
  }
  const output = (url: string) => new HttpOutput({
    url, userAgent: 'u', insecure: false, caCert: url.startsWith('https') ? join(dir, 's.crt') : '', caBundle: '', caPath: '', mtls: false, clientCert: '', clientKey: '', echo: false,
    compressUploads: false, keepAlive: false, maxConsecutiveTimeouts: 1, json: true, timeoutMs: 3000, headers: {}, patient: false,
  }, log);
  const deliver = async (url: string) => {
    const one = output(url);
    await one.start();
    await one.deliver({ line: 'alert', priority: 'Warning', rule: 'R', time: 0n });
    await one.stop();
  };

  it('in plain HTTP names the whole URL, over TLS asks for a tunnel; name and password of the proxy go along', async () => {
    const [seen, got]: [string[], string[]] = [[], []];
    const take: Parameters<typeof createServer>[1] = (from, to) => from.on('data', (data: Buffer) => got.push(data.toString())).on('end', () => to.end());
    const plain = await listen(createServer(take));
    const secure = await listen(createTlsServer({ key: readFileSync(join(dir, 's.key')), cert: readFileSync(join(dir, 's.crt')) }, take) as unknown as Server);
    const port = await proxy(seen);
    const auth = `Basic ${Buffer.from('me:pw').toString('base64')}`;
    vi.stubEnv('http_proxy', `http://me:pw@127.0.0.1:${port}`);
    vi.stubEnv('https_proxy', `http://me:pw@127.0.0.1:${port}`);
    await deliver(`http://127.0.0.1:${plain}/hook`);
    await deliver(`https://127.0.0.1:${secure}/hook`);
    expect(got).toEqual(['alert', 'alert']);
    expect(seen).toEqual([`POST http://127.0.0.1:${plain}/hook ${auth}`, `CONNECT 127.0.0.1:${secure} ${auth}`]);
    vi.stubEnv('no_proxy', '127.0.0.1');
    await deliver(`http://127.0.0.1:${plain}/hook`);
    expect([got.length, seen.length]).toEqual([3, 2]);
  });

  it('a proxy of another kind is fatal at the start, without its password', async () => {
    vi.stubEnv('all_proxy', 'socks5://me:secret@127.0.0.1:1080');
    await expect(output('http://127.0.0.1:1/').start()).rejects.toThrow(/socks5:\/\/\*\*\*@127\.0\.0\.1:1080.*cannot be used/);
  });
});
