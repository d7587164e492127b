// SPDX-License-Identifier: Apache-2.0
/** Health, versions, readiness and metrics over HTTP. */
import { readFileSync } from 'node:fs';
import type { FastifyInstance } from 'fastify';
import { StartError } from '../sources/source.js';
import { ConnectionBound } from '../util/connection-bound.js';
import type { Log } from '../util/log.js';
import type { Config } from './config/schema.js';
import type { Part } from './lifecycle.js';
import type { ReadinessView } from './readiness.js';

export interface WebserverViews {
  /** What `/versions` answers. */
  readonly versions: () => object;
  /** Null: metrics are not enabled. */
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }> | null;
  /** Whether the monitor does its work now, and per source why not. */
  readonly readiness: () => ReadinessView;
}

/** A probe or a scrape has a connection or two; nobody may use up the descriptors of the monitor by opening more. */
const MAX_CONNECTIONS = 256;
/** A request must have come by then. */
const REQUEST_TIMEOUT_MS = 10_000;

export class Webserver implements Part {
  readonly name = 'webserver';
  private server: FastifyInstance | null = null;

  constructor(
    private options: Config['webserver'],
    private readonly views: WebserverViews,
    private readonly log: Log,
  ) {}

  async start(): Promise<void> {
    const { options, views } = this;
    if (!options.enabled) return;
    const tls = options.ssl_enabled ? ' (SSL)' : '';
    this.log.info(`Starting health webserver, listening on ${options.listen_address}:${options.listen_port}${tls}`);
    // Loaded here: most commands need no server, and it takes a tenth of a second.
    const { fastify } = await import('fastify');
    // Who is slow to ask must hold up neither the end nor a reload.
    const limits = { requestTimeout: REQUEST_TIMEOUT_MS, forceCloseConnections: true };
    const server = options.ssl_enabled ? (fastify({ ...limits, https: this.tls() }) as unknown as FastifyInstance) : fastify(limits);
    this.server = server;
    const bound = new ConnectionBound(MAX_CONNECTIONS);
    server.server.on('connection', (socket) => bound.add(socket));
    server.get(options.k8s_healthz_endpoint, (_, reply) => reply.type('application/json').send('{"status": "ok"}'));
    server.get('/versions', () => views.versions());
    server.get('/readyz', (_, reply) => {
      const readiness = views.readiness();
      return reply.code(readiness.ready ? 200 : 503).send(readiness);
    });
    server.get('/metrics', async (_, reply) => {
      const metrics = views.metrics();
      if (metrics === null) return reply.code(404).send({ message: 'metrics.enabled and webserver.prometheus_metrics_enabled are not both true' });
      const { contentType, text } = await metrics;
      return reply.type(contentType).send(text);
    });
    try {
      await server.listen({ host: options.listen_address, port: options.listen_port });
    } catch (error) {
      throw new StartError(
        'WEBSERVER', `the web server cannot listen on ${options.listen_address}:${options.listen_port}: ${(error as Error).message}`,
        'set another webserver.listen_port, or webserver.enabled to false', { cause: error },
      );
    }
  }

  async stop(): Promise<void> {
    await this.server?.close();
    this.server = null;
  }

  /** Listens as another configuration says. @throws StartError with the server as it was */
  async reconfigure(options: Config['webserver']): Promise<void> {
    const before = this.options;
    if (JSON.stringify(before) === JSON.stringify(options)) return;
    await this.stop();
    this.options = options;
    try {
      await this.start();
    } catch (error) {
      await this.stop();
      this.options = before;
      await this.start();
      throw error;
    }
  }

  /** One file holds the key and the certificate, as Falco wants it. */
  private tls(): { readonly key: string; readonly cert: string } {
    const path = this.options.ssl_certificate;
    try {
      const pem = readFileSync(path, 'utf8');
      return { key: pem, cert: pem };
    } catch (error) {
      throw new StartError('WEBSERVER', `webserver.ssl_certificate: ${(error as Error).message}`, undefined, { cause: error });
    }
  }
}
