// SPDX-License-Identifier: Apache-2.0
/** What stands between an apiserver and the rules: a policy that leaves things out, events that never come, a webhook that does not answer. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type RequestOptions, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { parse } from 'yaml';
import type { AuditEvent } from '../events/audit-event.js';
import { K8sAuditSource } from '../sources/k8s-audit.js';
import { StartError } from '../sources/source.js';
import { groupsOf, KNOWN_RESOURCES, resourcesWith } from './api-resources.js';
import { type Box, type Choice, type Dimension, has, LEVELS, type Level, type Need, STAGES } from './needs.js';
import { type Attributes, attributesOf, levelFor, type Policy } from './policy.js';

/** Requests of a rule that a policy logs with less than the rule reads. */
export interface Gap {
  readonly rule: string;
  readonly needed: Level;
  /** By what is logged instead: the requests, as `create pods`. */
  readonly instead: ReadonlyMap<Level, readonly string[]>;
}

const VERBS = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'];

/** Tried on requests of every kind that Kubernetes itself has, by a user whom no list names. */
export function gapsOf(needs: readonly Need[], policy: Policy): readonly Gap[] {
  return needs.flatMap(({ rule, level, boxes }): Gap[] => {
    const instead = new Map<Level, Set<string>>();
    for (const box of boxes) {
      for (const { attributes, name } of samples(box)) {
        for (const stage of STAGES.filter((one) => one !== 'Panic' && has(box.stage, one))) {
          const logged = levelFor(policy, attributes, stage);
          // A rule that asks for no stage is served by any that is logged.
          if (rank(logged) >= rank(level) || (logged === 'None' && box.stage.but && STAGES.some((one) => rank(levelFor(policy, attributes, one)) >= rank(level)))) continue;
          instead.set(logged, (instead.get(logged) ?? new Set()).add(name));
        }
      }
    }
    return instead.size === 0 ? [] : [{ rule, needed: level, instead: new Map([...instead].map(([logged, names]) => [logged, [...names]])) }];
  });
}

const rank = (level: Level): number => LEVELS.indexOf(level);

function* samples(box: Box): Generator<{ readonly attributes: Attributes; readonly name: string }> {
  const pick = (dimension: Dimension, usual: readonly string[]): readonly string[] => candidates(box[dimension], usual);
  const [user = 'somebody'] = pick('user', ['somebody']);
  const [namespace = ''] = pick('namespace', ['default', 'kube-system', '']);
  for (const verb of pick('verb', VERBS)) {
    const common = { verb, user, groups: ['system:authenticated'] };
    for (const resource of pick('resource', [...KNOWN_RESOURCES, ''])) {
      if (resource === '') {
        if (verb !== 'get' || !has(box.subresource, '')) continue;
        yield { attributes: { ...common, object: null, path: '/version' }, name: `${verb} /version` };
        continue;
      }
      for (const subresource of pick('subresource', ['', 'status'])) {
        if (resourcesWith(subresource)?.includes(resource) === false) continue;
        const group = groupsOf(resource)[0] ?? '';
        const object = { group, resource, subresource, namespace, name: 'x' };
        yield { attributes: { ...common, object, path: '/api' }, name: `${verb} ${subresource === '' ? resource : `${resource}/${subresource}`}` };
      }
    }
  }
}

/** The values that are named, or the usual ones that fit. */
const candidates = (choice: Choice, usual: readonly string[]): readonly string[] =>
  choice.but ? usual.filter((value) => has(choice, value)) : [...choice.values];

/** What came for a rule: requests that it can look at, logged with as much as it reads, or with less. */
export interface Arrival {
  readonly rule: string;
  enough: number;
  less: number;
}

export interface LogReport {
  readonly events: number;
  readonly arrivals: readonly Arrival[];
  /** By reason. */
  readonly refused: Readonly<Record<string, number>>;
}

/** Reads audit events from a file, or `-`. @throws StartError */
export async function readLog(path: string, needs: readonly Need[]): Promise<LogReport> {
  const arrivals: Arrival[] = needs.map(({ rule }) => ({ rule, enough: 0, less: 0 }));
  const source = new K8sAuditSource({ openParams: path });
  const take = (event: AuditEvent): void => {
    const attributes = attributesOf((name) => event.member(name));
    const stage = String(event.member('stage') ?? '');
    const level = LEVELS.find((one) => one === event.member('level')) ?? 'None';
    needs.forEach((need, n) => {
      if (!need.boxes.some((box) => inBox(box, attributes, stage))) return;
      if (rank(level) >= rank(need.level)) arrivals[n].enough++;
      else arrivals[n].less++;
    });
  };
  await new Promise<void>((resolve, reject) => {
    source.start(take, (error) => (error === undefined ? resolve() : reject(error))).catch(reject);
  });
  await source.stop();
  const { delivered, losses } = source.stats();
  return { events: delivered, arrivals, refused: Object.fromEntries(Object.entries(losses).filter(([, count]) => count > 0)) };
}

function inBox(box: Box, { verb, user, object }: Attributes, stage: string): boolean {
  return (
    has(box.verb, verb) && has(box.stage, stage) && has(box.user, user ?? '') && has(box.resource, object?.resource ?? '') &&
    has(box.subresource, object?.subresource ?? '') && has(box.namespace, object?.namespace ?? '')
  );
}

export interface Endpoint {
  readonly url: string;
  readonly authority?: string;
  readonly token?: string;
  readonly clientCertificate?: string;
  readonly clientKey?: string;
}

type Named = { readonly name?: string } & Readonly<Record<string, Readonly<Record<string, string>> | string | undefined>>;

/** Where a webhook kubeconfig sends audit events, and with which credentials. @throws StartError */
export function endpointOf(path: string, text: string): Endpoint {
  const wrong = (why: string): StartError => new StartError('KUBECONFIG', `${path}: ${why}`);
  const config = parse(text) as Readonly<Record<string, unknown>> | null;
  const list = (key: string): readonly Named[] => (Array.isArray(config?.[key]) ? (config[key] as readonly Named[]) : []);
  const find = (key: string, inner: string, name: string | undefined): Readonly<Record<string, string>> => {
    const found = list(key).find((one) => one.name === name)?.[inner];
    return typeof found === 'object' ? found : {};
  };
  const context = find('contexts', 'context', String(config?.['current-context'] ?? ''));
  const cluster = find('clusters', 'cluster', context.cluster);
  const user = find('users', 'user', context.user);
  if (cluster.server === undefined) throw wrong('its current context names no cluster with a server: the apiserver would send nothing');
  const pem = (from: Readonly<Record<string, string>>, key: string): string | undefined =>
    from[`${key}-data`] !== undefined ? Buffer.from(from[`${key}-data`], 'base64').toString() : from[key] !== undefined ? readFileSync(from[key], 'utf8') : undefined;
  const authority = pem(cluster, 'certificate-authority');
  const clientCertificate = pem(user, 'client-certificate');
  const clientKey = pem(user, 'client-key');
  return {
    url: cluster.server,
    ...(authority !== undefined && { authority }),
    ...(user.token !== undefined && { token: user.token }),
    ...(clientCertificate !== undefined && { clientCertificate }),
    ...(clientKey !== undefined && { clientKey }),
  };
}

/** Posts a list of no events, as an apiserver would post one with: nothing is taken and no rule sees it. Null: it was accepted. */
export function tryEndpoint({ url, authority, token, clientCertificate, clientKey }: Endpoint): Promise<string | null> {
  const body = '{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[]}\n';
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  };
  const options: RequestOptions & { ca?: string; cert?: string; key?: string } = {
    method: 'POST', headers, timeout: 10_000,
    ...(authority !== undefined && { ca: authority }),
    ...(clientCertificate !== undefined && { cert: clientCertificate }),
    ...(clientKey !== undefined && { key: clientKey }),
  };
  return new Promise((resolve) => {
    const sent = (url.startsWith('https:') ? httpsRequest : httpRequest)(url, options, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on('end', () => resolve(response.statusCode === 200 ? null : `it answers ${response.statusCode}: ${text.slice(0, 300)}`));
    });
    sent.on('timeout', () => sent.destroy(new Error('no answer within 10 s')));
    sent.on('error', (error: NodeJS.ErrnoException) => resolve(refusal(error, clientCertificate !== undefined) ?? error.message));
    sent.end(body);
  });
}

/** Certificates of the kubeconfig that are over, or will be soon: then nothing is sent any more. */
export function expiring({ authority, clientCertificate }: Endpoint, now: number, days = 30): readonly string[] {
  return [['authority', authority] as const, ['client certificate', clientCertificate] as const].flatMap(([what, pem]) => {
    if (pem === undefined) return [];
    let until: string;
    try {
      until = new X509Certificate(pem).validTo;
    } catch (error) {
      return [`its ${what} cannot be read: ${(error as Error).message}`];
    }
    return Date.parse(until) > now + days * 86_400_000 ? [] : [`its ${what} is valid until ${until} only: write new ones with k8s-audit init`];
  });
}

/** A listener that wants another certificate than it is shown says so in TLS' own words, or just hangs up. */
function refusal({ code = '', message }: NodeJS.ErrnoException, shown: boolean): string | null {
  if (code === 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED') return 'it asks for a client certificate (sslClientCA), and the kubeconfig has none';
  return shown && (code === 'ECONNRESET' || code === 'EPIPE') ? `${message}: is the kubeconfig's client certificate of an authority in sslClientCA?` : null;
}

/** What a running monitor's metrics say of audit events, by outcome; null: it counts none. */
export function auditCounters(metrics: string): ReadonlyMap<string, number> | null {
  const found = new Map<string, number>();
  for (const line of metrics.split('\n')) {
    const m = /^falco_ts_source_events_total\{(.*)\} (\S+)/.exec(line);
    if (m === null || !/source="k8s_audit"/.test(m[1])) continue;
    found.set(/outcome="([^"]*)"/.exec(m[1])?.[1] ?? '', Number(m[2]));
  }
  return found.size === 0 ? null : found;
}
