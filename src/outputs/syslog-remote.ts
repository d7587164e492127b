// SPDX-License-Identifier: Apache-2.0
/** Ours: a syslog daemon on another machine, by RFC 5424 over UDP, TCP (octet counting, RFC 6587) or TLS (RFC 5425). */
import { createSocket, type Socket as Datagrams } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { connect, isIP, isIPv6, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { PRIORITIES, type Priority } from '../alert/alert.js';
import { StartError } from '../sources/source.js';
import { Interval } from '../util/interval.js';
import type { Log } from '../util/log.js';
import { isoTimeText } from '../util/time.js';
import { Backoff } from './backoff.js';
import type { Output, OutputMessage } from './output.js';
import { FACILITIES, type Facility } from './syslog-facility.js';
import { tlsFiles } from './tls-files.js';

export interface RemoteSyslogOptions {
  /** `udp://host:514`, `tcp://host:601`, `tls://host:6514`; the ports are the defaults. */
  readonly address: string;
  readonly facility: Facility;
  /** tls: the authorities to trust; empty: those of the system. */
  readonly caCert: string;
  readonly hostname: string;
  readonly timeoutMs: number;
}

const PORTS = { 'udp:': 514, 'tcp:': 601, 'tls:': 6514 } as const;
type Scheme = keyof typeof PORTS;

/** A frame is handed to the kernel, which delivers it or not: syslog has no answers. Without a connection it is tried again. */
export class RemoteSyslogOutput implements Output {
  readonly name = 'syslog';
  private scheme: Scheme = 'udp:';
  private host = '';
  private port = 0;
  private tls: ReturnType<typeof tlsFiles> = {};
  private stream: Socket | null = null;
  private datagrams: Datagrams | null = null;
  private readonly stopping = new AbortController();
  private readonly retryLog = new Interval(10_000);

  constructor(
    private readonly options: RemoteSyslogOptions,
    private readonly log: Log,
  ) {}

  async start(): Promise<void> {
    const { address, caCert } = this.options;
    const url = URL.canParse(address) ? new URL(address) : null;
    if (url === null || !(url.protocol in PORTS) || url.hostname === '') {
      throw new StartError('OUTPUT_SYSLOG', `syslog_output.address '${address}' cannot be used`, 'write it as in udp://host:514, tcp://host:601 or tls://host:6514');
    }
    this.scheme = url.protocol as Scheme;
    this.host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    this.port = url.port === '' ? PORTS[this.scheme] : Number(url.port);
    this.tls = this.scheme === 'tls:' ? tlsFiles({ section: 'syslog_output', code: 'OUTPUT_SYSLOG' }, { caCert, clientCert: '', clientKey: '' }) : {};
  }

  async deliver(message: OutputMessage): Promise<void> {
    const frame = this.frameOf(message);
    const backoff = new Backoff();
    for (;;) {
      try {
        await (this.scheme === 'udp:' ? this.sendDatagram(frame) : this.write(frame));
        return;
      } catch (error) {
        const { code, message: reason } = error as NodeJS.ErrnoException;
        if (this.stopping.signal.aborted || code === 'EMSGSIZE') throw error;
        if (this.retryLog.pass() !== null) this.log.warning(`Output syslog: ${reason}, trying again`);
        await backoff.pause(this.stopping.signal);
        if (this.stopping.signal.aborted) throw error;
      }
    }
  }

  async reopen(): Promise<void> {
    this.close();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.close();
  }

  /** Severity from the priority; no structured data: the message says it all. */
  private frameOf({ line, priority, time }: OutputMessage): Buffer {
    const { facility, hostname } = this.options;
    const severity = Math.max(0, PRIORITIES.indexOf(priority as Priority));
    const when = isoTimeText(time).replace(/(\.\d{6})\d{3}\+0000$/, '$1Z');
    const text = `<${FACILITIES.indexOf(facility) * 8 + severity}>1 ${when} ${printable(hostname)} falco-ts ${process.pid} - - ${line}`;
    const bytes = Buffer.from(text);
    return this.scheme === 'udp:' ? bytes : Buffer.concat([Buffer.from(`${bytes.length} `), bytes]);
  }

  private async sendDatagram(frame: Buffer): Promise<void> {
    const address = isIP(this.host) === 0 ? (await lookup(this.host)).address : this.host;
    this.datagrams ??= createSocket(isIPv6(address) ? 'udp6' : 'udp4').on('error', () => this.close()).unref();
    const socket = this.datagrams;
    try {
      await new Promise<void>((resolve, reject) => socket.send(frame, this.port, address, (error) => (error ? reject(error) : resolve())));
    } catch (error) {
      // The name may mean an address of the other family by the next try.
      this.close();
      throw error;
    }
  }

  private async write(frame: Buffer): Promise<void> {
    const stream = this.stream ?? (await this.connected());
    await new Promise<void>((resolve, reject) => {
      const lost = () => reject(new Error('the connection was lost'));
      stream.once('close', lost);
      stream.write(frame, (error) => {
        stream.off('close', lost);
        if (error) reject(error);
        else resolve();
      });
    });
  }

  private connected(): Promise<Socket> {
    const { host, port, options, stopping: { signal } } = this;
    return new Promise((resolve, reject) => {
      const stream = this.scheme === 'tls:'
        ? connectTls({ host, port, ...(isIP(host) === 0 && { servername: host }), ...this.tls })
        : connect({ host, port });
      const timer = setTimeout(() => stream.destroy(new Error(`no connection to ${host}:${port} within ${options.timeoutMs} ms`)), options.timeoutMs);
      // One that is still being made when the output stops must not come to be, and be left open.
      const stop = () => stream.destroy(new Error('the output is stopped'));
      signal.addEventListener('abort', stop);
      stream.once(this.scheme === 'tls:' ? 'secureConnect' : 'connect', () => {
        clearTimeout(timer);
        this.stream = stream;
        resolve(stream);
      });
      stream.on('error', (error) => {
        clearTimeout(timer);
        reject(error);
      });
      // A daemon that ends its side takes no more, though writing would still succeed once.
      stream.on('end', () => stream.destroy());
      stream.on('close', () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', stop);
        if (this.stream === stream) this.stream = null;
        reject(new Error('the connection was closed'));
      });
      stream.resume();
    });
  }

  private close(): void {
    this.stream?.destroy();
    this.stream = null;
    this.datagrams?.close();
    this.datagrams = null;
  }
}

/** A header's field: printable ASCII without blanks. */
const printable = (text: string): string => text.replace(/[^!-~]/g, '_').slice(0, 255) || '-';
