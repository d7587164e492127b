// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Pool } from 'undici';
import { StartError } from '../sources/source.js';
import { Interval } from '../util/interval.js';
import type { Log } from '../util/log.js';
import { withoutCredentials } from '../util/redact.js';
import type { Output, OutputMessage } from './output.js';

const compress = promisify(gzip);

export interface HttpOutputOptions {
  readonly url: string;
  readonly userAgent: string;
  /** Do not verify the server's certificate. */
  readonly insecure: boolean;
  /** A certificate file, else a bundle file, else a directory of certificates: the authorities to trust. */
  readonly caCert: string;
  readonly caBundle: string;
  readonly caPath: string;
  readonly mtls: boolean;
  readonly clientCert: string;
  readonly clientKey: string;
  /** Print the answers' bodies on standard output. */
  readonly echo: boolean;
  /** gzip the bodies (`Content-Encoding: gzip`). */
  readonly compressUploads: boolean;
  /** TCP keep-alive probes on the connection, which is kept in any case. */
  readonly keepAlive: boolean;
  /** How often a message that timed out is sent again. It may have arrived: hence few. */
  readonly maxConsecutiveTimeouts: number;
  readonly json: boolean;
  readonly timeoutMs: number;
}

/** A server that answers 5xx to one message again and again may be choking on that message. */
const SERVER_ERROR_RETRIES = 10;
const FIRST_DELAY_MS = 100;
const LARGEST_DELAY_MS = 5000;

type Outcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'again'; readonly cause: 'timeout' | 'server' | 'connection'; readonly reason: string };

/**
 * POST of each alert, one after another. Time-outs, connection errors and 5xx are tried again with growing delays; while
 * the receiver cannot be reached at all the message stays, and the queue in front of this output holds what follows.
 */
export class HttpOutput implements Output {
  readonly name = 'http';
  private pool: Pool | null = null;
  private path = '/';
  private authorization: string | null = null;
  private readonly stopping = new AbortController();
  private readonly retryLog = new Interval(10_000);

  constructor(
    private readonly options: HttpOutputOptions,
    private readonly log: Log,
  ) {}

  async start(): Promise<void> {
    const text = this.options.url.replace(/^(["'])(.*)\1$/, '$2');
    let url: URL;
    try {
      url = new URL(text);
      if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new Error('only http and https are possible');
    } catch (error) {
      throw new StartError('OUTPUT_HTTP', `http_output.url '${withoutCredentials(text)}' cannot be used: ${(error as Error).message}`);
    }
    this.path = url.pathname + url.search;
    if (url.username !== '') {
      const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
      this.authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
    }
    const { timeoutMs } = this.options;
    // Loaded only when this output is on: it takes a tenth of a second.
    const { Pool } = await import('undici');
    this.pool = new Pool(url.origin, {
      connections: 1,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      connect: { timeout: timeoutMs, keepAlive: this.options.keepAlive, ...(url.protocol === 'https:' ? this.tls() : {}) },
    });
  }

  async deliver(message: OutputMessage): Promise<void> {
    const body = this.options.compressUploads ? await compress(message.line) : message.line;
    const tries = { timeout: 0, server: 0, connection: 0 };
    let delay = FIRST_DELAY_MS;
    for (;;) {
      const outcome = await this.post(body);
      if (outcome.kind === 'done') return;
      if (outcome.kind === 'refused') throw new Error(outcome.reason);
      tries[outcome.cause]++;
      const enough =
        tries.timeout > this.options.maxConsecutiveTimeouts || tries.server > SERVER_ERROR_RETRIES || this.stopping.signal.aborted;
      if (enough) throw new Error(outcome.reason);
      if (this.retryLog.pass() !== null) this.log.warning(`Output http: ${outcome.reason}, trying again`);
      await this.pause(delay);
      delay = Math.min(delay * 2, LARGEST_DELAY_MS);
    }
  }

  async reopen(): Promise<void> {
    const old = this.pool;
    await this.start();
    await old?.destroy();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.pool?.destroy();
    this.pool = null;
  }

  private async post(body: string | Buffer): Promise<Outcome> {
    const { options, pool } = this;
    if (pool === null) return { kind: 'refused', reason: 'the output is stopped' };
    try {
      const answer = await pool.request({
        path: this.path,
        method: 'POST',
        headers: {
          'content-type': options.json ? 'application/json' : 'text/plain',
          'user-agent': options.userAgent,
          ...(options.compressUploads && { 'content-encoding': 'gzip' }),
          ...(this.authorization !== null && { authorization: this.authorization }),
        },
        body,
        signal: this.stopping.signal,
      });
      if (options.echo) process.stdout.write(await answer.body.text());
      else await answer.body.dump();
      if (answer.statusCode < 400) return { kind: 'done' };
      const reason = `the receiver answered ${answer.statusCode}`;
      if (answer.statusCode >= 500 || answer.statusCode === 429) return { kind: 'again', cause: 'server', reason };
      return { kind: 'refused', reason };
    } catch (error) {
      const { code, message } = error as Error & { code?: string };
      const timeout = code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT';
      return { kind: 'again', cause: timeout ? 'timeout' : 'connection', reason: message || code || 'connection failed' };
    }
  }

  private pause(ms: number): Promise<void> {
    const { signal } = this.stopping;
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done);
    });
  }

  private tls() {
    const { options } = this;
    const file = (key: string, path: string): string => {
      try {
        return readFileSync(path, 'utf8');
      } catch (error) {
        throw new StartError('OUTPUT_HTTP', `http_output.${key}: ${(error as Error).message}`, undefined, { cause: error });
      }
    };
    const authorities = options.insecure
      ? undefined
      : options.caCert !== ''
        ? [file('ca_cert', options.caCert)]
        : options.caBundle !== ''
          ? [file('ca_bundle', options.caBundle)]
          : certificatesIn(options.caPath);
    return {
      rejectUnauthorized: !options.insecure,
      ...(authorities !== undefined && { ca: authorities }),
      ...(options.mtls && { cert: file('client_cert', options.clientCert), key: file('client_key', options.clientKey) }),
    };
  }
}

/** All certificates of a directory, each once (such directories hold links by hash); undefined (Node's own) when there are none. */
function certificatesIn(directory: string): string[] | undefined {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    return undefined;
  }
  const found = new Set<string>();
  for (const name of names) {
    const path = join(directory, name);
    if (!/\.(pem|crt|cer|\d)$/.test(name) || statSync(path, { throwIfNoEntry: false })?.isFile() !== true) continue;
    for (const [certificate] of readFileSync(path, 'latin1').matchAll(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)) {
      found.add(certificate);
    }
  }
  return found.size === 0 ? undefined : [...found];
}
