// SPDX-License-Identifier: Apache-2.0
/** Health, versions, readiness and metrics over HTTP. */
import { readFileSync } from 'node:fs';
import type { FastifyInstance } from 'fastify';
import { StartError } from '../sources/source.js';
import type { Config } from './config/schema.js';
import type { Part } from './lifecycle.js';
import type { ReadinessView } from './readiness.js';

export interface WebserverViews {
  /** What `/versions` answers. */
  readonly versions: () => object;
  /** Null: metrics are not enabled. */
  readonly metrics: (() => Promise<{ readonly contentType: string; readonly text: string }>) | null;
  /** Whether the monitor does its work now, and per source why not. */
  readonly readiness: () => ReadinessView;
}

export class Webserver implements Part {
  readonly name = 'webserver';
  private server: FastifyInstance | null = null;

  constructor(
    private readonly options: Config['webserver'],
    private readonly views: WebserverViews,
  ) {}

  async start(): Promise<void> {
    const { options, views } = this;
    // Loaded here: most commands need no server, and it takes a tenth of a second.
    const { fastify } = await import('fastify');
    const server = options.ssl_enabled ? (fastify({ https: this.tls() }) as unknown as FastifyInstance) : fastify();
    this.server = server;
    server.get(options.k8s_healthz_endpoint, (_, reply) => reply.type('application/json').send('{"status": "ok"}'));
    server.get('/versions', () => views.versions());
    server.get('/readyz', (_, reply) => {
      const readiness = views.readiness();
      return reply.code(readiness.ready ? 200 : 503).send(readiness);
    });
    const { metrics } = views;
    if (metrics !== null) {
      server.get('/metrics', async (_, reply) => {
        const { contentType, text } = await metrics();
        return reply.type(contentType).send(text);
      });
    }
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

  /** One file holds the key and the certificate, as the peer wants it. */
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
