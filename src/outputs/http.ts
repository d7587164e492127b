// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Dispatcher } from 'undici';
import { StartError } from '../sources/source.js';
import { Interval } from '../util/interval.js';
import type { Log } from '../util/log.js';
import { withoutCredentials } from '../util/redact.js';
import { Backoff } from './backoff.js';
import type { Output, OutputMessage } from './output.js';
import { proxyFor } from './proxy.js';
import { type Section, settingFile } from './tls-files.js';

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
  /** gzip the bodies (`Content-Encoding: gzip`), as long as the receiver takes them so. */
  readonly compressUploads: boolean;
  /** TCP keep-alive probes on the connection, which is kept in any case. */
  readonly keepAlive: boolean;
  /** How often a message that timed out is sent again. It may have arrived: hence few. */
  readonly maxConsecutiveTimeouts: number;
  readonly json: boolean;
  readonly timeoutMs: number;
  /** Headers besides. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * What waits is safe on a disk: a receiver that is away (time-outs, 502 to 504) or does not let this side in (401, 404, 429)
   * is tried without end, and only a message that it finds fault with is given up.
   */
  readonly patient: boolean;
  /** Why an answer of 200 is a refusal all the same, for receivers that say so in the body. Throws. */
  readonly accept?: (body: string) => void;
}

export interface HttpPurpose extends Section {
  readonly name: string;
}

const HTTP: HttpPurpose = { name: 'http', section: 'http_output', code: 'OUTPUT_HTTP' };

/** A server that answers 5xx to one message again and again may be choking on that message. */
const SERVER_ERROR_RETRIES = 10;
/** Answers about this very message. Others (not authorised, not found, too many) are about the receiver as a whole. */
const ABOUT_THE_MESSAGE = new Set([400, 406, 409, 411, 413, 414, 415, 422, 431]);

type Outcome =
  | { readonly kind: 'done'; readonly body: string }
  /** `unread`: perhaps because the body could not be read. */
  | { readonly kind: 'refused'; readonly reason: string; readonly unread: boolean }
  | { readonly kind: 'again'; readonly cause: 'timeout' | 'server' | 'away' | 'connection'; readonly reason: string };

/**
 * POST of each alert, one after another. Time-outs, connection errors and 5xx are tried again with growing delays; while
 * the receiver cannot be reached at all the message stays, and the queue in front of this output holds what follows.
 */
export class HttpOutput implements Output {
  private pool: Dispatcher | null = null;
  private origin = '';
  private path = '/';
  private authorization: string | null = null;
  private readonly stopping = new AbortController();
  private readonly retryLog = new Interval(10_000);
  private zipping: boolean;

  constructor(
    private readonly options: HttpOutputOptions,
    private readonly log: Log,
    private readonly purpose: HttpPurpose = HTTP,
  ) {
    this.zipping = options.compressUploads;
  }

  get name(): string {
    return this.purpose.name;
  }

  async start(): Promise<void> {
    const text = this.options.url.replace(/^(["'])(.*)\1$/, '$2');
    let url: URL;
    try {
      url = new URL(text);
      if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new Error('only http and https are possible');
    } catch (error) {
      throw new StartError(this.purpose.code, `${this.purpose.section}.url '${withoutCredentials(text)}' cannot be used: ${(error as Error).message}`);
    }
    this.path = url.pathname + url.search;
    if (url.username !== '') {
      const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
      this.authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
    }
    this.origin = url.origin;
    this.pool = await this.dispatcher(url);
  }

  async deliver(message: OutputMessage): Promise<void> {
    let body = this.zipping ? await compress(message.line) : message.line;
    const tries = { timeout: 0, server: 0, away: 0, connection: 0 };
    const backoff = new Backoff();
    for (;;) {
      const outcome = await this.post(body);
      if (outcome.kind === 'done') {
        if (this.zipping && typeof body === 'string') {
          this.zipping = false;
          this.log.warning(`Output ${this.name}: the receiver does not accept gzip; alerts are sent uncompressed from now on`);
        }
        this.options.accept?.(outcome.body);
        return;
      }
      if (outcome.kind === 'refused') {
        // Falcosidekick reads no gzip and calls it a bad request.
        if (typeof body === 'string' || !outcome.unread) throw new Error(outcome.reason);
        body = message.line;
        continue;
      }
      tries[outcome.cause]++;
      const { patient, maxConsecutiveTimeouts } = this.options;
      const enough = tries.server > SERVER_ERROR_RETRIES || (!patient && (tries.timeout > maxConsecutiveTimeouts || tries.away > SERVER_ERROR_RETRIES));
      if (enough || this.stopping.signal.aborted) throw new Error(outcome.reason);
      if (this.retryLog.pass() !== null) this.log.warning(`Output ${this.name}: ${outcome.reason}, trying again`);
      await backoff.pause(this.stopping.signal);
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

  /** @throws StartError */
  private async dispatcher(url: URL): Promise<Dispatcher> {
    const { timeoutMs, keepAlive } = this.options;
    const connect = { timeout: timeoutMs, keepAlive, ...(url.protocol === 'https:' ? this.tls() : {}) };
    const common = { connections: 1, headersTimeout: timeoutMs, bodyTimeout: timeoutMs };
    // Loaded only when this output is on: it takes a tenth of a second.
    const { Pool, ProxyAgent } = await import('undici');
    const proxy = proxyFor(url, process.env);
    if (proxy === null) return new Pool(url.origin, { ...common, connect });
    if (!/^https?:\/\/[^/]/i.test(proxy)) {
      throw new StartError(this.purpose.code, `the proxy '${withoutCredentials(proxy)}' that the environment names cannot be used`, 'only http and https proxies are possible');
    }
    this.log.info(`Output ${this.name}: sends through the proxy ${withoutCredentials(proxy)}`);
    return new ProxyAgent({ ...common, uri: proxy, requestTls: connect, proxyTunnel: url.protocol === 'https:' });
  }

  private async post(body: string | Buffer): Promise<Outcome> {
    const { options, pool } = this;
    if (pool === null) return { kind: 'refused', reason: 'the output is stopped', unread: false };
    try {
      const answer = await pool.request({
        origin: this.origin,
        path: this.path,
        method: 'POST',
        headers: {
          'content-type': options.json ? 'application/json' : 'text/plain',
          'user-agent': options.userAgent,
          ...options.headers,
          ...(typeof body !== 'string' && { 'content-encoding': 'gzip' }),
          ...(this.authorization !== null && { authorization: this.authorization }),
        },
        body,
        signal: this.stopping.signal,
      });
      const wanted = options.echo || options.accept !== undefined ? await answer.body.text() : null;
      if (wanted === null) await answer.body.dump();
      else if (options.echo) process.stdout.write(wanted);
      if (answer.statusCode < 300) return { kind: 'done', body: wanted ?? '' };
      const { location } = answer.headers;
      const reason = `the receiver answered ${answer.statusCode}${typeof location === 'string' ? `, with a redirection to ${withoutCredentials(location)}, which is not followed` : ''}`;
      if (answer.statusCode === 500 || answer.statusCode === 501) return { kind: 'again', cause: 'server', reason };
      if (answer.statusCode > 501 || answer.statusCode === 429) return { kind: 'again', cause: 'away', reason };
      if (options.patient && !ABOUT_THE_MESSAGE.has(answer.statusCode)) return { kind: 'again', cause: 'away', reason };
      return { kind: 'refused', reason, unread: answer.statusCode === 400 || answer.statusCode === 415 };
    } catch (error) {
      const { code, message } = error as Error & { code?: string };
      const timeout = code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT';
      return { kind: 'again', cause: timeout ? 'timeout' : 'connection', reason: message || code || 'connection failed' };
    }
  }

  private tls() {
    const { options } = this;
    const file = (key: string, path: string) => settingFile(this.purpose, key, path);
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
