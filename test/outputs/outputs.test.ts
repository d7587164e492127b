// SPDX-License-Identifier: Apache-2.0
/** Every output against a real receiver: slow, dead and back again, and counted to the last message. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { gunzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Channel, type ChannelOptions } from '../../src/outputs/channel.js';
import { FileOutput } from '../../src/outputs/file.js';
import { HttpOutput, type HttpOutputOptions } from '../../src/outputs/http.js';
import type { Output, OutputMessage } from '../../src/outputs/output.js';
import { ProgramOutput } from '../../src/outputs/program.js';
import { SyslogOutput } from '../../src/outputs/syslog.js';
import { loadNative } from '../../src/sources/native-binding.js';
import { StartError } from '../../src/sources/source.js';
import { createLog } from '../../src/util/log.js';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'falco-ts-outputs-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

let logged: string[] = [];
const { log } = createLog({ level: 'debug', stderr: false, iso8601: true, syslog: (severity, text) => logged.push(`${severity} ${text}`) });
const open: { channels: Channel[]; servers: Server[] } = { channels: [], servers: [] };
afterEach(async () => {
  for (const channel of open.channels.splice(0)) await channel.stop(0);
  for (const server of open.servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  logged = [];
});

const message = (n: number): OutputMessage => ({ line: `alert ${n}`, priority: 'Warning', rule: 'R', time: BigInt(n) * 1_000_000_000n });
async function channelOf(output: Output, options: Partial<ChannelOptions> = {}): Promise<Channel> {
  await output.start();
  const channel = new Channel(output, { capacity: 1000, timeoutMs: 2000, gatherMs: 0, log, ...options });
  open.channels.push(channel);
  return channel;
}
async function until(condition: () => boolean, ms = 10_000): Promise<void> {
  const end = Date.now() + ms;
  while (!condition()) {
    if (Date.now() > end) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
const lines = (path: string) => readFileSync(path, 'utf8').split('\n').slice(0, -1);
const alerts = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `alert ${from + i}`);

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
    const channel = await channelOf(new ProgramOutput({ program: `head -n 1 >> ${filename}; exit 3`, keepAlive: true }));
    for (let i = 0; i < 4; i++) {
      channel.push(message(i));
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    await channel.stop(5000);
    expect(lines(filename)).toEqual(alerts(0, 4));
    const { delivered, failed, dropped } = channel.stats();
    expect(delivered + failed + dropped).toBe(4);
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
    expect(logged.some((line) => /queue is full \(\d+ alerts wait\)/.test(line))).toBe(true);
  });
});

interface Received {
  readonly body: string;
  readonly headers: IncomingMessage['headers'];
  readonly client: string | undefined;
}
type Answer = (request: Received, response: ServerResponse, serial: number) => void;

function handler(received: Received[], answer: Answer) {
  return (request: IncomingMessage, response: ServerResponse) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const whole = Buffer.concat(parts);
      const body = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(whole) : whole).toString();
      const peer = 'getPeerCertificate' in request.socket ? (request.socket as TLSSocket).getPeerCertificate() : undefined;
      const one = { body, headers: request.headers, client: peer?.subject?.CN as string | undefined };
      received.push(one);
      answer(one, response, received.length);
    });
  };
}
const ok: Answer = (_, response) => response.end('thanks');

async function listen(server: Server, port = 0): Promise<number> {
  open.servers.push(server);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

function http(url: string, more: Partial<HttpOutputOptions> = {}): HttpOutput {
  return new HttpOutput(
    {
      url, userAgent: 'falcosecurity/falco', insecure: false, caCert: '', caBundle: '', caPath: '/etc/ssl/certs', mtls: false,
      clientCert: '', clientKey: '', echo: false, compressUploads: false, keepAlive: true, maxConsecutiveTimeouts: 2, json: true,
      timeoutMs: 300, headers: {}, patient: false, ...more,
    },
    log,
  );
}

describe('http', () => {
  it('posts each alert with the type, the agent and, when asked, gzip', async () => {
    const received: Received[] = [];
    const port = await listen(createServer(handler(received, ok)));
    const plain = await channelOf(http(`"http://127.0.0.1:${port}/hook?a=b"`, { json: false, userAgent: 'me' }));
    const zipped = await channelOf(http(`http://127.0.0.1:${port}/`, { compressUploads: true }));
    plain.push(message(1));
    await plain.stop(3000);
    zipped.push(message(2));
    await zipped.stop(3000);
    expect(received.map((r) => [r.body, r.headers['content-type'], r.headers['user-agent'], r.headers['content-encoding']])).toEqual([
      ['alert 1', 'text/plain', 'me', undefined],
      ['alert 2', 'application/json', 'falcosecurity/falco', 'gzip'],
    ]);
  });

  it('sends the name and password of the URL as credentials', async () => {
    const received: Received[] = [];
    const port = await listen(createServer(handler(received, ok)));
    const channel = await channelOf(http(`http://me:p%40ss@127.0.0.1:${port}/`));
    channel.push(message(0));
    await until(() => channel.stats().delivered === 1);
    expect(received[0].headers.authorization).toBe(`Basic ${Buffer.from('me:p@ss').toString('base64')}`);
  });

  it('a receiver that is down at first, then answers 503, then is there: nothing is lost, nothing twice', async () => {
    const received: Received[] = [];
    const port = await listen(createServer(handler([], ok)));
    await new Promise((resolve) => open.servers.pop()?.close(resolve));
    const channel = await channelOf(http(`http://127.0.0.1:${port}/`));
    for (let i = 0; i < 20; i++) channel.push(message(i));
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(channel.stats()).toMatchObject({ delivered: 0, failed: 0, waiting: 20 });
    await listen(
      createServer(handler(received, (_, response, serial) => {
        response.statusCode = serial <= 2 ? 503 : 200;
        response.end();
      })),
      port,
    );
    await until(() => channel.stats().delivered === 20);
    expect(received.slice(2).map((r) => r.body)).toEqual(alerts(0, 20));
    expect(logged.filter((line) => line.includes('trying again'))).toHaveLength(1);
  });

  it('a receiver that never answers costs a message its tries and is counted', async () => {
    const received: Received[] = [];
    const port = await listen(createServer(handler(received, () => undefined)));
    const channel = await channelOf(http(`http://127.0.0.1:${port}/`, { timeoutMs: 100, maxConsecutiveTimeouts: 1 }));
    channel.push(message(0));
    await until(() => channel.stats().failed === 1, 20_000);
    expect(received.map((r) => r.body)).toEqual(['alert 0', 'alert 0']);
  });

  it('a 4xx is not tried again', async () => {
    const received: Received[] = [];
    const port = await listen(createServer(handler(received, (_, response) => {
      response.statusCode = 400;
      response.end();
    })));
    const channel = await channelOf(http(`http://127.0.0.1:${port}/`));
    channel.push(message(0));
    await until(() => channel.stats().failed === 1);
    expect(received).toHaveLength(1);
    expect(logged).toEqual(['3 Output http: cannot deliver: the receiver answered 400']);
  });

  it('ends with what waits counted as dropped when the receiver stays away', async () => {
    const channel = await channelOf(http('http://127.0.0.1:1/'));
    for (let i = 0; i < 5; i++) channel.push(message(i));
    await channel.stop(200);
    const { delivered, failed, dropped, waiting } = channel.stats();
    expect({ delivered, waiting, lost: failed + dropped }).toEqual({ delivered: 0, waiting: 0, lost: 5 });
  });

  it('refuses to start with a URL that is none, or without the certificate it names', async () => {
    await expect(http('ftp://me:secret@x').start()).rejects.toThrow(/ftp:\/\/\*\*\*@x/);
    await expect(http('https://x', { caCert: '/nonexistent/ca.pem' }).start()).rejects.toThrow(/http_output\.ca_cert.*nonexistent/);
  });

  describe('over TLS', () => {
    const pem = (name: string) => join(dir, name);
    beforeAll(() => {
      const run = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
      run('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=test ca', '-days', '2');
      writeFileSync(pem('ext'), 'subjectAltName=IP:127.0.0.1\n');
      for (const name of ['server', 'client']) {
        run('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
        run('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-out', `${name}.crt`, '-days', '2', '-extfile', 'ext');
      }
    });
    const secure = (received: Received[], requestCert: boolean) =>
      listen(
        createTlsServer(
          {
            key: readFileSync(pem('server.key')), cert: readFileSync(pem('server.crt')), ca: readFileSync(pem('ca.crt')),
            requestCert, rejectUnauthorized: requestCert,
          },
          handler(received, ok),
        ) as unknown as Server,
      );

    it('trusts the authority it is given, and shows its own certificate with mtls', async () => {
      const received: Received[] = [];
      const port = await secure(received, true);
      const channel = await channelOf(
        http(`https://127.0.0.1:${port}/`, { caCert: pem('ca.crt'), mtls: true, clientCert: pem('client.crt'), clientKey: pem('client.key') }),
      );
      channel.push(message(0));
      await until(() => channel.stats().delivered === 1);
      expect(received.map((r) => [r.body, r.client])).toEqual([['alert 0', 'client']]);
    });

    it('finds the authority in a directory', async () => {
      const received: Received[] = [];
      const port = await secure(received, false);
      const channel = await channelOf(http(`https://127.0.0.1:${port}/`, { caPath: dir }));
      channel.push(message(0));
      await until(() => channel.stats().delivered === 1);
    });

    it('sends nothing to a server it cannot trust, unless told to', async () => {
      const received: Received[] = [];
      const port = await secure(received, false);
      const wary = await channelOf(http(`https://127.0.0.1:${port}/`));
      wary.push(message(0));
      await until(() => logged.some((line) => /trying again/.test(line)));
      expect(received).toEqual([]);
      const careless = await channelOf(http(`https://127.0.0.1:${port}/`, { insecure: true }));
      careless.push(message(1));
      await until(() => careless.stats().delivered === 1);
      expect(received.map((r) => r.body)).toEqual(['alert 1']);
    });
  });
});

/** A syslog daemon's socket needs a language with datagrams on it; Node has none. */
const DAEMON = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind('/dev/log')
print('ready', flush=True)
while True:
    print(s.recv(65536).decode(), flush=True)
`;
const canListen = () => process.getuid?.() === 0 && !existsSync('/dev/log') && spawnSync('python3', ['-c', '']).status === 0 && canLoad();
const canLoad = () => {
  try {
    loadNative();
    return true;
  } catch {
    return false;
  }
};

describe.skipIf(!canListen())('syslog', () => {
  it('each alert arrives with its severity; a daemon that went away and came back gets those that follow', async () => {
    const daemon = () => {
      const child = spawn('python3', ['-c', DAEMON], { stdio: ['ignore', 'pipe', 'inherit'] });
      const got: string[] = [];
      let text = '';
      child.stdout.on('data', (data: Buffer) => {
        text += data.toString();
        got.splice(0, got.length, ...text.split('\n').slice(0, -1));
      });
      const stop = () =>
        new Promise<void>((resolve) => {
          child.once('exit', () => {
            rmSync('/dev/log', { force: true });
            resolve();
          });
          child.kill();
        });
      return { got, stop };
    };
    const first = daemon();
    await until(() => first.got[0] === 'ready');
    const channel = await channelOf(new SyslogOutput(() => loadNative().syslog));
    channel.push(message(1));
    channel.push({ ...message(2), priority: 'Emergency' });
    await until(() => first.got.length === 3);
    await first.stop();
    channel.push(message(3));
    await until(() => channel.stats().waiting === 0);
    const second = daemon();
    await until(() => second.got[0] === 'ready');
    channel.push(message(4));
    await until(() => second.got.length === 2);
    await second.stop();
    // <facility * 8 + severity>: LOG_USER is 1.
    expect(first.got.slice(1)).toEqual([expect.stringMatching(/^<12>.*falco-ts.*: alert 1$/), expect.stringMatching(/^<8>.*falco-ts.*: alert 2$/)]);
    expect(second.got[1]).toMatch(/^<12>.*: alert 4$/);
  });
});

describe('stdout', () => {
  it.each(['socket', 'pipe'])('a reader of a %s that stops reading holds up neither the program nor its end; one that goes on gets every line', async (through) => {
    const script = join(dir, 'stdout.mjs');
    const src = join(import.meta.dirname, '../../dist/outputs');
    writeFileSync(
      script,
      `import { Channel } from '${src}/channel.js';
       import { StdoutOutput } from '${src}/stdout.js';
       const log = { error: () => {}, critical: () => {} };
       const output = new StdoutOutput();
       await output.start();
       const channel = new Channel(output, { capacity: 5000, timeoutMs: 0, gatherMs: 0, log });
       const started = Date.now();
       for (let i = 0; i < 3000; i++) channel.push({ line: 'alert ' + i + ' ' + 'x'.repeat(200), priority: 'Warning', rule: 'R', time: 0n });
       await new Promise((resolve) => setTimeout(resolve, 100));
       process.stderr.write('free ' + (Date.now() - started < 1000) + '\\n');
       await channel.stop(Number(process.argv[2]));
       process.stderr.write(JSON.stringify(channel.stats()) + '\\n');
       process.exit(0);`,
    );
    const run = (graceMs: number, read: boolean) =>
      new Promise<{ stdout: string; stderr: string; code: number | null }>((resolve) => {
        // Node's own pipes are sockets; behind `| cat` it is a real one. A stopped cat does not read either.
        const command = `${process.execPath} ${script} ${graceMs}`;
        const child = spawn('/bin/bash', ['-c', through === 'pipe' ? `${command} | (sleep 0.5; ${read ? 'cat' : 'sleep 1'}); exit \${PIPESTATUS[0]}` : `exec ${command}`], { stdio: ['ignore', 'pipe', 'pipe'] });
        let stdout = '';
        let stderr = '';
        if (read || through === 'pipe') setTimeout(() => child.stdout.on('data', (d: Buffer) => (stdout += d.toString())), 500);
        child.stderr.on('data', (d: Buffer) => (stderr += d.toString()));
        child.on('exit', (code) => {
          setTimeout(() => resolve({ stdout, stderr, code }), 50);
        });
      });
    const stuck = await run(200, false);
    expect(stuck.code).toBe(0);
    expect(stuck.stderr).toContain('free true');
    const stats = JSON.parse(stuck.stderr.split('\n')[1]) as { pushed: number; delivered: number; failed: number; dropped: number };
    expect(stats.delivered + stats.failed + stats.dropped).toBe(stats.pushed);
    expect(stats.delivered).toBeLessThan(3000);
    const slow = await run(10_000, true);
    expect(slow.stderr).toContain('"delivered":3000');
    expect(slow.stdout.split('\n').slice(0, -1).map((line) => line.split(' ')[1])).toEqual(alerts(0, 3000).map((a) => a.split(' ')[1]));
  });
});
