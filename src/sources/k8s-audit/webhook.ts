// SPDX-License-Identifier: Apache-2.0
/**
 * The listener that a kube-apiserver posts its audit events to. Node's own servers: a body is taken apart while it arrives,
 * which a framework's parsers do not do, every limit is ours anyway, and this thread stays a few megabytes smaller.
 */
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http';
import type { Http2SecureServer, ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { ConnectionBound } from '../../util/connection-bound.js';
import { StartError } from '../source.js';
import { receive } from './body.js';
import type { AuditIntake, Batch, Refusal } from './intake.js';
import { placeText, type WebhookPlace } from './open-params.js';
import { reply, replyBatch, type Refused, shown } from './reply.js';
import type { Credentials } from './tls.js';

export interface WebhookOptions {
  readonly place: WebhookPlace;
  /** Bytes of a body, after decompression. */
  readonly maxBodySize: number;
  readonly maxEventSize: number;
  /** Bodies that are received at once; more are asked to come back. Each holds one event at the most. */
  readonly maxConcurrentBodies: number;
  readonly credentials: Credentials;
  /** Other limits than those below, for who cannot wait for these. */
  readonly idleTimeoutMs?: number;
  readonly totalTimeoutMs?: number;
  readonly overloadTimeoutMs?: number;
  readonly maxConnections?: number;
  /** Told of every refusal, once a second for each reason at the most. */
  readonly warn: (message: string) => void;
}

/** A request must have arrived whole by then; an apiserver gives up after 30 s. */
const REQUEST_TIMEOUT_MS = 60_000;
/** A body of which nothing more has come for so long has lost its place among those received at once. */
const IDLE_TIMEOUT_MS = 10_000;
/** Longer than an apiserver waits for its answer: whoever is still there while the rules lag behind is told to come back. */
const OVERLOAD_TIMEOUT_MS = 45_000;
/** An apiserver's client keeps a connection for 90 s; whoever closes first should be the client, or a post may get lost. */
const KEEP_ALIVE_MS = 100_000;
const MAX_CONNECTIONS = 10_000;
const STOP_TIMEOUT_MS = 5_000;
const GOODBYE_MS = 200;
const RETRY = { 'retry-after': '2' };
const GONE: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE']);

export class AuditWebhook {
  #server: Server | Http2SecureServer | null = null;
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Set<ServerHttp2Session>();
  #receiving = 0;
  #stopping = false;
  readonly #connections: ConnectionBound;
  readonly #lastWarning = new Map<string, number>();

  constructor(
    private readonly intake: AuditIntake,
    private readonly options: WebhookOptions,
  ) {
    const { place, maxConnections = MAX_CONNECTIONS } = options;
    this.#connections = new ConnectionBound(maxConnections, () => {
      intake.refuse('overloaded');
      this.#warn('connections', `${placeText(place)}: a connection that had sent nothing was closed: there are ${maxConnections} already`);
    });
  }

  /** The port that was bound; differs from the configured one when that is 0. */
  get port(): number {
    const address = this.#server?.address();
    return typeof address === 'object' && address !== null ? address.port : this.options.place.port;
  }

  async start(): Promise<void> {
    const { place, credentials } = this.options;
    const server = await this.#create();
    // All interfaces: IPv6 with IPv4 in it; without IPv6, IPv4.
    const hosts = place.host === '' ? ['::', '0.0.0.0'] : [place.host];
    for (const [n, host] of hosts.entries()) {
      try {
        await listen(server, host, place.port);
        break;
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        if (n + 1 < hosts.length && (code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL')) continue;
        throw listenError(place, error as NodeJS.ErrnoException);
      }
    }
    this.#server = server;
    if (place.tls) credentials.onChange((context) => (server as Http2SecureServer).setSecureContext(context));
  }

  /** Takes no more bodies, finishes those that are arriving, and closes. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const server = this.#server;
    if (server === null) return;
    const deadline = Date.now() + STOP_TIMEOUT_MS;
    while (this.#receiving > 0 && Date.now() < deadline) await new Promise((done) => setTimeout(done, 10));
    const closed = new Promise<void>((done) => server.close(() => done()));
    // An apiserver keeps its connections open; HTTP/2 is told, HTTP/1.1 sees the end.
    for (const session of this.#sessions) session.close();
    if ('closeIdleConnections' in server) server.closeIdleConnections();
    await Promise.race([closed, new Promise((done) => setTimeout(done, GOODBYE_MS))]);
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    this.#server = null;
  }

  async #create(): Promise<Server | Http2SecureServer> {
    const { place, credentials, maxConnections = MAX_CONNECTIONS } = this.options;
    const limits: ServerOptions = { requestTimeout: REQUEST_TIMEOUT_MS, keepAliveTimeout: KEEP_ALIVE_MS };
    const handle = (request: IncomingMessage, response: ServerResponse): void => void this.#handle(request, response);
    /** Connections whose TLS handshake succeeded. */
    const secured = new WeakSet<Socket>();
    let server: Server | Http2SecureServer;
    if (place.tls) {
      const { createSecureServer } = await import('node:http2');
      const http2 = { settings: { initialWindowSize: 1 << 18, maxConcurrentStreams: 100 }, allowHTTP1: true };
      server = createSecureServer({ ...limits, ...http2, ...(await credentials.load()) });
      // The request and response of HTTP/2 have the interface of HTTP/1's, as far as it is used here.
      server.on('request', handle as unknown as () => void);
      server.setTimeout(KEEP_ALIVE_MS);
      server.on('secureConnection', (socket) => secured.add(socket));
      server.on('session', (session) => keepWhileOpen(this.#sessions, session));
      server.on('sessionError', () => {});
    } else {
      const { createServer } = await import('node:http');
      server = createServer(limits, handle);
    }
    server.maxConnections = 2 * maxConnections;
    server.on('connection', (socket: Socket) => {
      keepWhileOpen(this.#sockets, socket);
      this.#connections.add(socket);
    });
    server.on('drop', () => {
      this.intake.refuse('overloaded');
      this.#warn('connections', `${placeText(place)}: a connection was refused: there are ${2 * maxConnections} already`);
    });
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      if (place.tls && !secured.has(socket)) {
        this.intake.refuse('tls_failed');
        this.#warn('tls_failed', `${placeText(place)}: no TLS connection came about${fromText(socket)}: ${refusedCertificate(socket, error) ?? error.message}`);
        socket.destroy();
      } else if (GONE.has(error.code ?? '')) {
        // A connection that is over. When a body was on its way, whoever reads that counts it.
        socket.destroy();
      } else {
        this.intake.refuse('bad_request');
        this.#warn('bad_request', `${placeText(place)}: a request broke off: ${error.message}`);
        if (socket.writable) socket.end(`HTTP/1.1 ${clientErrorStatus(error.code)}\r\nConnection: close\r\n\r\n`);
        else socket.destroy();
      }
    });
    return server;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A client that goes away is seen by who reads the body; nobody else needs to know.
    response.on('error', () => {});
    const refused = this.#inspect(request);
    if (refused !== null) {
      request.on('error', () => {});
      request.resume();
      this.#refuse(request, response, refused, null);
      return;
    }
    this.#receiving++;
    this.#connections.keep(request.socket);
    try {
      const batch = this.intake.batch({ retried: true, lines: false });
      const { maxBodySize, idleTimeoutMs = IDLE_TIMEOUT_MS, totalTimeoutMs = REQUEST_TIMEOUT_MS, overloadTimeoutMs = OVERLOAD_TIMEOUT_MS } = this.options;
      const limits = { maxBodySize, idleTimeoutMs, totalTimeoutMs, overloadTimeoutMs };
      const problem = await receive(request, batch, this.intake.outlet, limits);
      // Only what the rules have seen is answered for.
      await this.intake.outlet.settled();
      if (problem?.status === 408) response.once('finish', () => request.destroy());
      if (problem === null) this.#answer(response, batch);
      else this.#refuse(request, response, problem, batch);
    } catch (error) {
      const message = `the body could not be handled: ${(error as Error).message}`;
      this.#refuse(request, response, { status: 500, reason: 'bad_request', message }, null);
    } finally {
      this.#receiving--;
    }
  }

  /** What can be said before the body is looked at. */
  #inspect(request: IncomingMessage): Refused | null {
    const { place, credentials, maxConcurrentBodies } = this.options;
    const url = request.url ?? '';
    const query = url.indexOf('?');
    const path = query === -1 ? url : url.slice(0, query);
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

  /** The body was received whole: taken, if anything in it was, or if there was nothing to take. */
  #answer(response: ServerResponse, batch: Batch): void {
    const { maxEventSize } = this.options;
    for (const [reason, count] of Object.entries(batch.report.refused)) {
      this.#warn(reason, `${shown(reason as Refusal, batch, maxEventSize)} (${count} in one body)`);
    }
    replyBatch(response, batch, maxEventSize);
  }

  #refuse(request: IncomingMessage, response: ServerResponse, refused: Refused, batch: Batch | null): void {
    this.intake.refuse(refused.reason);
    const from = request.socket?.remoteAddress ?? 'a client that is gone';
    this.#warn(refused.reason, `${placeText(this.options.place)}: a request from ${from} was refused: ${refused.message}`);
    reply(response, refused, batch);
  }

  #warn(reason: string, message: string): void {
    const now = Date.now();
    if (now - (this.#lastWarning.get(reason) ?? 0) < 1000) return;
    this.#lastWarning.set(reason, now);
    this.options.warn(message);
  }
}

/** Why the client may not be the one that posts. A wrong certificate ends the connection without an error of its own: the socket says why. */
function refusedCertificate(socket: Socket, error: NodeJS.ErrnoException): string | null {
  if (error.code === 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE') return 'the client shows no certificate, and sslClientCA asks for one';
  // By its type an Error, in fact a code.
  const { authorizationError: why } = socket as Partial<TLSSocket>;
  return why === undefined || why === null ? null : `the client's certificate is refused: ${String(why)}`;
}

const fromText = ({ remoteAddress }: Socket): string => (remoteAddress === undefined ? '' : ` with ${remoteAddress.replace(/^::ffff:/, '')}`);

function keepWhileOpen<T extends { once(event: 'close', listener: () => void): unknown }>(open: Set<T>, one: T): void {
  open.add(one);
  one.once('close', () => open.delete(one));
}

function listen(server: Server | Http2SecureServer, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
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
