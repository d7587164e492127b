// SPDX-License-Identifier: Apache-2.0
/** Real requests to a listening source, and the source itself. */
import { type IncomingHttpHeaders, request as httpRequest } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { afterEach, expect } from 'vitest';
import { type AuditEvent, parseAuditEvent } from '../../../src/events/audit-event.js';
import { type K8sAuditOptions, K8sAuditSource } from '../../../src/sources/k8s-audit.js';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: { readonly [key: string]: unknown };
}

export interface PostOptions extends RequestOptions {
  readonly tls?: boolean;
}

/** Posts a body as an apiserver does. */
export function post(port: number, body: string | Buffer, options: PostOptions = {}): Promise<Answer> {
  const { tls, headers, ...rest } = options;
  return new Promise((resolve, reject) => {
    const request = (tls === true ? httpsRequest : httpRequest)(
      {
        host: '127.0.0.1',
        port,
        method: 'POST',
        path: '/k8s-audit?timeout=30s',
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers },
        ...rest,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text === '' ? {} : JSON.parse(text) });
        });
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

export interface Running {
  readonly source: K8sAuditSource;
  readonly port: number;
  readonly events: AuditEvent[];
  readonly warnings: string[];
}

/** An event is valid while it is delivered only. */
export function copyOf(event: AuditEvent): AuditEvent {
  const copy = parseAuditEvent(event.text);
  if (typeof copy === 'string') throw new Error(copy);
  copy.num = event.num;
  return copy;
}

/** A webhook at a port of its own, and what it delivers. */
export async function listen(options: K8sAuditOptions = {}): Promise<Running> {
  const events: AuditEvent[] = [];
  const warnings: string[] = [];
  const source = new K8sAuditSource({
    openParams: 'http://127.0.0.1:0/k8s-audit',
    warn: (message) => warnings.push(message),
    ...options,
  });
  await source.start(
    (event) => events.push(copyOf(event)),
    () => {},
  );
  return { source, port: source.port, events, warnings };
}

let started: Running | null = null;

/** The same, stopped when the test is over. */
export async function start(options: K8sAuditOptions = {}): Promise<Running> {
  started = await listen(options);
  return started;
}
/** For every file of tests that imports this. */
afterEach(async () => {
  await started?.source.stop();
  started = null;
});

export const ids = (to: Running): unknown[] => to.events.map((event) => event.object.auditID);

/** What came is what was delivered and what was refused, and nothing else. */
export function expectBalance(to: Running): void {
  const { produced, delivered, losses } = to.source.stats();
  expect(delivered).toBe(to.events.length);
  expect(produced).toBe(delivered + Object.values(losses).reduce((sum, n) => sum + n, 0));
}

/** One event, as an apiserver writes it, with what a test adds. */
export function auditEvent(id: string, members: object = {}): object {
  return {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'RequestResponse',
    auditID: id,
    stage: 'ResponseComplete',
    requestURI: '/api/v1/namespaces/default/pods',
    verb: 'get',
    user: { username: 'eve', groups: ['system:authenticated'] },
    sourceIPs: ['10.0.0.7'],
    requestReceivedTimestamp: '2026-11-23T08:04:40.681Z',
    stageTimestamp: '2026-11-23T08:04:40.686563Z',
    ...members,
  };
}

export const eventList = (...items: readonly object[]): string =>
  `${JSON.stringify({ kind: 'EventList', apiVersion: 'audit.k8s.io/v1', metadata: {}, items })}\n`;
