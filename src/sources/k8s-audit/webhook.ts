// SPDX-License-Identifier: Apache-2.0
/**
 * The listener that a kube-apiserver posts its audit events to. A body is taken apart while it arrives; the answer says
 * what became of it, after its last event went through the rules. What an apiserver does with it: 200 to 206 ends the
 * matter, anything else makes it send the same body again, four times at the most, after the Retry-After of a 429 or 503.
 */
import type { Server } from 'node:http';
import type { Http2SecureServer, ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { FastifyHttpOptions, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { StartError } from '../source.js';
import type { AuditIntake, Batch, Refusal } from './intake.js';
import { placeText, type WebhookPlace } from './open-params.js';
import type { Credentials } from './tls.js';

export interface WebhookOptions {
  readonly place: WebhookPlace;
  /** Bytes of a body, after decompression. */
  readonly maxBodySize: number;
  readonly maxEventSize: number;
  /** Bodies that are received at once; more are asked to come back. Each holds one event at the most. */
  readonly maxConcurrentBodies: number;
  readonly credentials: Credentials;
  /** {@link IDLE_TIMEOUT_MS} when absent. */
  readonly idleTimeoutMs?: number;
  /** Told of every refusal, once a second for each reason at the most. */
  readonly warn: (message: string) => void;
}

/** A request must have arrived whole by then; an apiserver gives up after 30 s. */
const REQUEST_TIMEOUT_MS = 60_000;
/** A body of which nothing more has come for so long has lost its place among those received at once. */
const IDLE_TIMEOUT_MS = 10_000;
const STOP_TIMEOUT_MS = 5_000;
const GOODBYE_MS = 200;
const RETRY_AFTER_S = 2;

interface Refused {
  readonly status: number;
  readonly reason: Refusal;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export class AuditWebhook {
  #app: FastifyInstance | null = null;
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Set<ServerHttp2Session>();
  #receiving = 0;
  #stopping = false;
  readonly #lastWarning = new Map<string, number>();

  constructor(
    private readonly intake: AuditIntake,
    private readonly options: WebhookOptions,
  ) {}

  /** The port that was bound; differs from the configured one when that is 0. */
  get port(): number {
    const address = this.#app?.server.address();
    return typeof address === 'object' && address !== null ? address.port : this.options.place.port;
  }

  async start(): Promise<void> {
    const { place, credentials } = this.options;
    const app = await this.#create();
    this.#app = app;
    await app.ready();
    // All interfaces: IPv6 with IPv4 in it; without IPv6, IPv4.
    const hosts = place.host === '' ? ['::', '0.0.0.0'] : [place.host];
    for (const [n, host] of hosts.entries()) {
      try {
        await app.listen({ host, port: place.port });
        break;
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        if (n + 1 < hosts.length && (code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL')) continue;
        await app.close();
        throw listenError(place, error as NodeJS.ErrnoException);
      }
    }
    if (place.tls) {
      credentials.onChange((context) => (app.server as unknown as Http2SecureServer).setSecureContext(context));
    }
  }

  /** Takes no more bodies, finishes those that are arriving, and closes. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const app = this.#app;
    if (app === null) return;
    const deadline = Date.now() + STOP_TIMEOUT_MS;
    while (this.#receiving > 0 && Date.now() < deadline) await new Promise((done) => setTimeout(done, 10));
    const closed = app.close();
    // An apiserver keeps its connections open; HTTP/2 is told, HTTP/1.1 sees the end.
    for (const session of this.#sessions) session.close();
    await Promise.race([closed, new Promise((done) => setTimeout(done, GOODBYE_MS))]);
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    this.#app = null;
  }

  async #create(): Promise<FastifyInstance> {
    const { place, credentials } = this.options;
    const options: FastifyHttpOptions<Server> = {
      logger: false,
      // The body is read here, with limits of its own.
      bodyLimit: Number.MAX_SAFE_INTEGER,
      requestTimeout: REQUEST_TIMEOUT_MS,
      exposeHeadRoutes: false,
      return503OnClosing: false,
      frameworkErrors: (_error, _request, reply) => {
        this.#refuse(reply, { status: 400, reason: 'bad_request', message: 'the request cannot be understood' });
      },
      clientErrorHandler: (error, socket) => {
        this.intake.refuse('bad_request');
        this.#warn('bad_request', `${placeText(place)}: a request broke off: ${error.message}`);
        if (socket.writable) socket.end(`HTTP/1.1 ${clientErrorStatus(error.code)}\r\nConnection: close\r\n\r\n`);
      },
    };
    // Loaded here: who replays or checks rules needs no server, and it takes a tenth of a second.
    const { fastify } = await import('fastify');
    // Fastify types its HTTP/2 instances apart; what is used here is the same in both.
    const tls = place.tls ? { http2: true, https: { ...(await credentials.load()), allowHTTP1: true } } : {};
    const app = fastify({ ...options, ...tls } as FastifyHttpOptions<Server>);
    app.server.on('connection', (socket: Socket) => keepWhileOpen(this.#sockets, socket));
    app.server.on('tlsClientError', (error: Error) => {
      this.intake.refuse('tls_failed');
      this.#warn('tls_failed', `${placeText(place)}: no TLS connection came about: ${error.message}`);
    });
    app.server.on('session', (session: ServerHttp2Session) => keepWhileOpen(this.#sessions, session));
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', (_request, _body, done) => done(null));
    app.all('*', (request, reply) => this.#handle(request, reply));
    app.setErrorHandler((error: Error, _request, reply) => {
      this.#warn('bad_request', `${placeText(place)}: ${error.message}`);
      return this.#refuse(reply, { status: 500, reason: 'bad_request', message: 'the body could not be handled' });
    });
    return app;
  }

  async #handle(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const refused = this.#inspect(request);
    if (refused !== null) return this.#refuse(reply, refused, request);
    this.#receiving++;
    try {
      const batch = this.intake.batch({ retried: true, lines: false });
      const problem = await this.#receive(request, batch);
      if (problem?.status === 408) reply.raw.once('finish', () => request.raw.destroy());
      return problem === null ? await this.#answer(reply, batch) : await this.#refuse(reply, problem, request, batch);
    } finally {
      this.#receiving--;
    }
  }

  /** What can be said before the body is looked at. */
  #inspect(request: FastifyRequest): Refused | null {
    const { place, credentials, maxConcurrentBodies } = this.options;
    const query = request.url.indexOf('?');
    const path = query === -1 ? request.url : request.url.slice(0, query);
    if (path !== place.path) {
      return { status: 404, reason: 'bad_path', message: `audit events are taken at ${place.path}, not at ${path}` };
    }
    if (request.method !== 'POST') {
      const message = `audit events are taken by POST, not by ${request.method}`;
      return { status: 405, reason: 'bad_method', message, headers: { allow: 'POST' } };
    }
    if (!credentials.allows(request.headers.authorization)) {
      const headers = { 'www-authenticate': 'Bearer' };
      return { status: 401, reason: 'unauthorized', message: 'a valid bearer token is needed', headers };
    }
    const type = request.headers['content-type'] ?? '';
    if (!type.toLowerCase().includes('application/json')) {
      const message = `Content-Type must be application/json, not ${type === '' ? 'missing' : type}`;
      return { status: 415, reason: 'bad_content_type', message };
    }
    const encoding = (request.headers['content-encoding'] ?? 'identity').toLowerCase();
    if (encoding !== 'identity' && encoding !== 'gzip') {
      const message = `Content-Encoding must be gzip or absent, not ${encoding}`;
      return { status: 415, reason: 'bad_content_encoding', message, headers: { 'accept-encoding': 'gzip' } };
    }
    if (this.#stopping) {
      return { status: 503, reason: 'overloaded', message: 'this receiver is about to stop', headers: RETRY };
    }
    if (this.#receiving >= maxConcurrentBodies) {
      const message = `${maxConcurrentBodies} bodies are being received already`;
      return { status: 429, reason: 'overloaded', message, headers: RETRY };
    }
    return null;
  }

  /** Feeds the body to the batch as it arrives; answers what is wrong with it. */
  #receive(request: FastifyRequest, batch: Batch): Promise<Refused | null> {
    const { maxBodySize } = this.options;
    const idleTimeoutMs = this.options.idleTimeoutMs ?? IDLE_TIMEOUT_MS;
    const raw: Readable = request.raw;
    const gzip = request.headers['content-encoding']?.toLowerCase() === 'gzip';
    const body: Readable = gzip ? raw.pipe(createGunzip()) : raw;
    return new Promise((resolve) => {
      let size = 0;
      let done = false;
      const finish = (refused: Refused | null): void => {
        if (done) return;
        done = true;
        clearTimeout(idle);
        if (gzip) {
          raw.unpipe();
          body.destroy();
        }
        // What still comes is read and thrown away: the client sees the answer, and its connection lives on.
        raw.resume();
        resolve(refused);
      };
      const idle = setTimeout(() => {
        const message = `nothing more of the body has come for ${idleTimeoutMs / 1000} s`;
        finish({ status: 408, reason: 'body_truncated', message });
      }, idleTimeoutMs);
      body.on('data', (chunk: Buffer) => {
        if (done) return;
        idle.refresh();
        const room = maxBodySize - size;
        size += chunk.length;
        batch.push(chunk.length > room ? chunk.subarray(0, room) : chunk);
        if (size > maxBodySize) {
          const message = `the body is larger than ${maxBodySize} bytes (webhookMaxBatchSize)`;
          finish({ status: 413, reason: 'body_too_large', message });
        }
      });
      body.on('end', () => {
        if (done) return;
        batch.end();
        finish(size === 0 ? { status: 400, reason: 'body_empty', message: 'the body is empty' } : null);
      });
      const brokenOff = (): void => {
        // Of a body that came whole, the rest is still being decompressed.
        if (raw.readableEnded) return;
        finish({ status: 400, reason: 'body_truncated', message: 'the connection ended before the body did' });
      };
      raw.on('close', brokenOff);
      raw.on('error', brokenOff);
      if (gzip) {
        body.on('error', (error) =>
          finish({ status: 400, reason: 'body_bad_encoding', message: `the body is not gzip: ${error.message}` }),
        );
      }
    });
  }

  /** The body was received whole: taken, if anything in it was, or if there was nothing to take. */
  #answer(reply: FastifyReply, batch: Batch): FastifyReply | Promise<FastifyReply> {
    const { report } = batch;
    const refused = Object.entries(report.refused);
    for (const [reason, count] of refused) this.#warn(reason, `${this.#shown(reason as Refusal, batch)} (${count} in one body)`);
    const useful = report.taken + report.duplicates;
    const whole = report.refused.body_truncated === undefined && report.refused.not_an_event === undefined;
    // A retry would bring the same: what was taken is taken, and what was refused stays refused.
    if ((useful > 0 && whole) || (refused.length === 0 && report.lists > 0)) {
      return reply.code(200).send(summary(batch));
    }
    const reason = (refused[0]?.[0] ?? 'not_an_event') as Refusal;
    const status = reason === 'event_too_large' ? 413 : 400;
    return reply.code(status).send({ error: this.#shown(reason, batch), reason, ...summary(batch) });
  }

  #shown(reason: Refusal, batch: Batch): string {
    const { maxEventSize } = this.options;
    switch (reason) {
      case 'event_too_large':
        return `an event of ${batch.report.largest} bytes is larger than ${maxEventSize} bytes (maxEventSize)`;
      case 'event_malformed':
        return 'the body, or an event in it, is not JSON';
      case 'event_no_time':
        return 'an event has no stageTimestamp in RFC 3339';
      case 'not_an_event':
        return 'the body is JSON, but neither an audit Event nor an EventList nor an array of these';
      case 'body_truncated':
        return 'the body ends in the middle of a JSON value';
      default:
        return `refused: ${reason}`;
    }
  }

  #refuse(reply: FastifyReply, refused: Refused, request?: FastifyRequest, batch?: Batch): FastifyReply {
    this.intake.refuse(refused.reason);
    const from = request === undefined ? '' : ` from ${request.ip}`;
    this.#warn(refused.reason, `${placeText(this.options.place)}: a request${from} was refused: ${refused.message}`);
    if (request !== undefined && batch === undefined) request.raw.resume();
    if (refused.headers !== undefined) reply.headers(refused.headers);
    const counts = batch === undefined ? {} : summary(batch);
    return reply.code(refused.status).send({ error: refused.message, reason: refused.reason, ...counts });
  }

  #warn(reason: string, message: string): void {
    const now = Date.now();
    if (now - (this.#lastWarning.get(reason) ?? 0) < 1000) return;
    this.#lastWarning.set(reason, now);
    this.options.warn(message);
  }
}

function keepWhileOpen<T extends { once(event: 'close', listener: () => void): unknown }>(open: Set<T>, one: T): void {
  open.add(one);
  one.once('close', () => open.delete(one));
}

const RETRY = { 'retry-after': String(RETRY_AFTER_S) };

function summary(batch: Batch): object {
  const { taken, duplicates, refused } = batch.report;
  return { taken, duplicates, refused };
}

function clientErrorStatus(code: string | undefined): string {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return '408 Request Timeout';
    case 'HPE_HEADER_OVERFLOW':
      return '431 Request Header Fields Too Large';
    default:
      return '400 Bad Request';
  }
}

function listenError(place: WebhookPlace, error: NodeJS.ErrnoException): StartError {
  const hints: Readonly<Record<string, string>> = {
    EADDRINUSE: 'Another program listens there. Stop it, or give another port in open_params of the k8saudit plugin.',
    EACCES: 'Ports below 1024 need more rights. Give another port in open_params of the k8saudit plugin.',
    EADDRNOTAVAIL: 'This machine has no such address. Give one that it has, or none for all.',
    ENOTFOUND: 'The host name is unknown. Give an address, or none for all.',
  };
  const message = `k8saudit: cannot listen at ${placeText(place)}: ${error.message}`;
  return new StartError('K8S_AUDIT_LISTEN', message, hints[error.code ?? ''], { cause: error });
}

