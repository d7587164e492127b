// SPDX-License-Identifier: Apache-2.0
/** `{verb: create, objectRef: {resource: pods}}` → an audit event as an apiserver would have sent it. */
import type { RawMap } from '../ruleset/read.js';
import { plain } from './nodes.js';

export function auditText(map: RawMap, number: number, ts: bigint): string {
  const written = plain(map) as { readonly [key: string]: unknown; readonly objectRef?: { readonly [key: string]: unknown } };
  const time = new Date(Number(ts / 1_000_000n)).toISOString();
  const { namespace, resource = '', name = '', subresource } = written.objectRef ?? {};
  const path = [namespace === undefined ? '' : `/namespaces/${namespace}`, `/${resource}`, name === '' ? '' : `/${name}`, subresource === undefined ? '' : `/${subresource}`];
  return JSON.stringify({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'RequestResponse',
    auditID: `00000000-0000-4000-8000-${String(number + 1).padStart(12, '0')}`,
    stage: 'ResponseComplete',
    requestURI: `/api/v1${path.join('')}`,
    user: { username: 'alice', groups: ['system:authenticated'] },
    sourceIPs: ['10.0.0.7'],
    userAgent: 'kubectl/v1.34.1 (linux/amd64)',
    responseStatus: { metadata: {}, code: 200 },
    requestReceivedTimestamp: time,
    stageTimestamp: time,
    annotations: { 'authorization.k8s.io/decision': 'allow', 'authorization.k8s.io/reason': '' },
    ...written,
  });
}
