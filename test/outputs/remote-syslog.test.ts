// SPDX-License-Identifier: Apache-2.0
/** syslog_output.address: frames as a real daemon reads them, and a daemon that is slow, gone and back again. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { describe, expect, it } from 'vitest';
import type { OutputMessage } from '../../src/outputs/output.js';
import { type RemoteSyslogOptions, RemoteSyslogOutput } from '../../src/outputs/syslog-remote.js';
import { freePort } from '../cli/program.js';
import { aptInstall } from '../e2e/apt.js';
import { message as alert, testBench, testFolder } from './channels.js';

const dir = testFolder();
const { logged, log, atEnd, until, ...bench } = testBench();
const message = (n: number, line?: string): OutputMessage => ({ ...alert(n, line), time: 1_795_424_548_840_675_045n });
const channelOf = (address: string, more: Partial<RemoteSyslogOptions> = {}) =>
  bench.channelOf(new RemoteSyslogOutput({ address, facility: 'local3', caCert: '', hostname: 'node 1', timeoutMs: 1000, ...more }, log), { timeoutMs: 0 });

const HEAD = `<156>1 2026-11-23T09:02:28.840675Z node_1 falco-ts ${process.pid} - - `;

/** A daemon over a stream, as far as a test needs one: it takes octet-counted frames apart. */
class Daemon {
  readonly got: string[] = [];
  private readonly sockets = new Set<Socket>();
  private server: Server | null = null;

  async start(port = 0, tls?: { key: string; cert: string }): Promise<number> {
    const take = (socket: Socket) => {
      this.sockets.add(socket);
      let bytes = Buffer.alloc(0);
      socket.on('error', () => undefined).on('data', (data) => {
        bytes = Buffer.concat([bytes, data]);
        for (;;) {
          const blank = bytes.indexOf(0x20);
          const length = Number(bytes.subarray(0, blank));
          if (blank === -1 || bytes.length < blank + 1 + length) return;
          this.got.push(bytes.subarray(blank + 1, blank + 1 + length).toString());
          bytes = bytes.subarray(blank + 1 + length);
        }
      });
    };
    const server = tls === undefined ? createServer(take) : createTlsServer(tls, take);
    this.server = server;
    atEnd(() => this.stop());
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    const { server } = this;
    this.server = null;
    if (server !== null) await new Promise((resolve) => server.close(resolve));
  }
}

describe('a syslog daemon elsewhere', () => {
  it('over UDP gets one datagram for each alert, with facility, severity, time and host', async () => {
    const socket = createSocket('udp4');
    const got: string[] = [];
    socket.on('message', (data) => got.push(data.toString()));
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    atEnd(() => socket.close());
    const channel = await channelOf(`udp://127.0.0.1:${socket.address().port}`);
    channel.push(message(1));
    channel.push({ ...message(2, 'ärger\t"2"'), priority: 'Emergency' });
    await until(() => got.length === 2);
    expect(got).toEqual([`${HEAD}alert 1`, `${HEAD.replace('<156>', '<152>')}ärger\t"2"`]);
    channel.push(message(3, 'x'.repeat(70_000)));
    await until(() => channel.stats().failed === 1);
    expect(channel.stats()).toMatchObject({ delivered: 2, failed: 1 });
  });

  it('over TCP that is down at first, goes away and comes back: nothing is lost while nobody listens', async () => {
    const port = await freePort();
    const channel = await channelOf(`tcp://127.0.0.1:${port}`);
    for (let i = 0; i < 20; i++) channel.push(message(i));
    await until(() => logged.some((line) => /ECONNREFUSED.*trying again/.test(line)));
    expect(channel.stats()).toMatchObject({ delivered: 0, failed: 0, waiting: 20 });
    const first = new Daemon();
    await first.start(port);
    await until(() => first.got.length === 20);
    await first.stop();
    await until(() => logged.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    for (let i = 20; i < 40; i++) channel.push(message(i));
    const second = new Daemon();
    await second.start(port);
    await until(() => second.got.length === 20);
    expect([...first.got, ...second.got]).toEqual(Array.from({ length: 40 }, (_, i) => `${HEAD}alert ${i}`));
    expect(channel.stats()).toEqual({ pushed: 40, delivered: 40, failed: 0, dropped: 0, waiting: 0 });
  });

  it('over TCP that does not read holds up its own queue only, and not the end', async () => {
    const server = createServer((socket) => socket.pause());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    atEnd(() => server.close());
    const channel = await channelOf(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`);
    for (let i = 0; i < 300; i++) channel.push(message(i, 'x'.repeat(60_000)));
    await until(() => channel.stats().delivered > 0);
    const before = Date.now();
    await channel.stop(200);
    expect(Date.now() - before).toBeLessThan(5000);
    const { pushed, delivered, failed, dropped, waiting } = channel.stats();
    expect([waiting, delivered + failed + dropped]).toEqual([0, pushed]);
    expect(dropped).toBeGreaterThan(0);
  });

  it('a connection that is still being made when the output stops is given up', async () => {
    const sockets = new Set<Socket>();
    // It takes connections and never greets.
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket)).resume();
    });
    atEnd(() => server.close());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const channel = await channelOf(`tls://127.0.0.1:${(server.address() as AddressInfo).port}`, { timeoutMs: 60_000 });
    channel.push(message(0));
    await until(() => sockets.size === 1);
    await channel.stop(0);
    await until(() => sockets.size === 0);
    expect(channel.stats()).toEqual({ pushed: 1, delivered: 0, failed: 0, dropped: 1, waiting: 0 });
  });

  it('over TLS is trusted by the authority that is named, and not without', async () => {
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'd.key', '-out', 'd.crt', '-subj', '/CN=d', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'], { cwd: dir, stdio: 'pipe' });
    const daemon = new Daemon();
    const port = await daemon.start(0, { key: readFileSync(join(dir, 'd.key'), 'utf8'), cert: readFileSync(join(dir, 'd.crt'), 'utf8') });
    const wary = await channelOf(`tls://127.0.0.1:${port}`);
    wary.push(message(0));
    await until(() => logged.some((line) => /self-signed certificate.*trying again/.test(line)));
    expect(daemon.got).toEqual([]);
    const trusting = await channelOf(`tls://127.0.0.1:${port}`, { caCert: join(dir, 'd.crt') });
    trusting.push(message(1));
    await until(() => daemon.got.length === 1);
    expect(daemon.got).toEqual([`${HEAD}alert 1`]);
  });

  it.each(['host:514', 'http://host', 'udp://', 'tls://host/'])('%s is no address, or its authority is not there: fatal', async (address) => {
    const output = new RemoteSyslogOutput({ address, facility: 'user', caCert: '/nonexistent/ca.pem', hostname: 'h', timeoutMs: 1 }, log);
    await expect(output.start()).rejects.toThrow(/syslog_output\.(address|ca_cert)/);
  });
});

const REQUIRED = process.env.CI === 'true';
function canRunRsyslog(): boolean {
  if (spawnSync('rsyslogd', ['-v']).status === 0) return true;
  if (process.getuid?.() !== 0) return false;
  try {
    aptInstall('rsyslog');
  } catch (error) {
    if (REQUIRED) throw error;
  }
  return spawnSync('rsyslogd', ['-v']).status === 0;
}

describe.skipIf(!canRunRsyslog())('rsyslogd', () => {
  it.each(['tcp', 'udp'])('understands every part of a frame over %s', async (transport) => {
    const port = await freePort();
    const [out, config] = [join(dir, `${transport}.out`), join(dir, `${transport}.conf`)];
    const module = transport === 'tcp' ? 'imtcp' : 'imudp';
    writeFileSync(config,
      `module(load="${module}")\ninput(type="${module}" port="${port}" address="127.0.0.1")\n` +
      'template(name="parts" type="string" string="%protocol-version%|%syslogfacility-text%|%syslogseverity-text%|%timereported:::date-rfc3339%|%hostname%|%app-name%|%procid%|%msg%\\n")\n' +
      `action(type="omfile" file="${out}" template="parts")\n`);
    const daemon: ChildProcess = spawn('rsyslogd', ['-n', '-f', config, '-i', join(dir, `${transport}.pid`)], { stdio: 'ignore' });
    atEnd(() => new Promise((resolve) => daemon.once('exit', resolve).kill()));
    const channel = await channelOf(`${transport}://127.0.0.1:${port}`);
    // Over UDP nobody says whether somebody listens.
    await until(() => {
      channel.push(message(1));
      return existsSync(out) && readFileSync(out, 'utf8').includes('\n');
    });
    expect(readFileSync(out, 'utf8').split('\n')[0]).toBe(`1|local3|warning|2026-11-23T09:02:28.840675Z|node_1|falco-ts|${process.pid}|alert 1`);
  });
});
