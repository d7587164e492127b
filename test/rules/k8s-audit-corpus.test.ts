// SPDX-License-Identifier: Apache-2.0
/** What our audit rules make of a real apiserver's events, and what they catch that the field's rules do not. */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { type AlertLine, detect } from '../sources/k8s-audit/detect.js';
import { post } from '../sources/k8s-audit/post.js';

const ours = resolve(import.meta.dirname, '../../rules/k8s_audit_rules.yaml');
const corpus = resolve(import.meta.dirname, '../../../shared/corpus/k8s-audit/main');

/** Number of the action in the corpus' ACTIONS.md, and the rule of ours that alerts on it. */
const CAUGHT: readonly (readonly [number, string])[] = [
  [8, 'Secret Access Refused'],
  [14, 'Request With Invalid Credentials'],
  [80, 'Secrets Listed'],
  [83, 'Secret Access Refused'],
  [100, 'Kubelet Reached Through API Server'],
  [109, 'Service Account Token Issued'],
  [117, 'Privileged Pod'],
  [131, 'Pod With Dangerous Capability'],
  [134, 'Pod In System Namespace'],
  [172, 'Privileged Pod'],
  [179, 'Pod Or Service Reached Through API Server'],
  [192, 'NodePort Service'],
  [204, 'Secret Access Refused'],
  [208, 'Certificate Request Approved'],
  [213, 'Impersonation'],
  [235, 'Admission Webhook Changed'],
  [238, 'Secrets Listed'],
];

/** Rules of the field's that fire on all activity, whatever it is. */
const GENERAL = /^(Disallowed K8s User|K8s .* (Created|Deleted)|EphemeralContainers Created|Attach\/Exec Pod)$/;

interface Item {
  readonly auditID: string;
  readonly stageTimestamp: string;
}

const lines = (bytes: Buffer): string[] => bytes.toString().split('\n').filter((line) => line !== '');

describe.skipIf(!existsSync(corpus))('our audit rules on a real apiserver’s events', () => {
  let alerts: readonly AlertLine[] = [];
  let theirs: readonly AlertLine[] = [];
  /** Times of the events of each action: microseconds tell events apart here. */
  const timesOf = new Map<number, Set<string>>();

  beforeAll(async () => {
    const detecting = await detect([ours], 'first');
    const bodies = lines(gunzipSync(readFileSync(`${corpus}/webhook-bodies.jsonl.gz`)));
    for (const body of bodies) expect((await post(detecting.port, body)).status).toBe(200);
    await detecting.source.stop();
    alerts = [...detecting.alerts];
    theirs = lines(gunzipSync(readFileSync(`${corpus}/alerts.all.jsonl.gz`))).map((line) => JSON.parse(line) as AlertLine);
    const timesOfId = new Map<string, string[]>();
    for (const item of bodies.flatMap((body) => (JSON.parse(body) as { items: Item[] }).items)) {
      const time = item.stageTimestamp.replace('Z', '000Z');
      timesOfId.set(item.auditID, [...(timesOfId.get(item.auditID) ?? []), time]);
    }
    for (const line of readFileSync(`${corpus}/ACTIONS.md`, 'utf8').split('\n')) {
      const number = /^\| (\d+) \|/.exec(line)?.[1];
      if (number === undefined) continue;
      const ids = line.match(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g) ?? [];
      timesOf.set(Number(number), new Set(ids.flatMap((id) => timesOfId.get(id) ?? [])));
    }
  });

  const rulesAt = (list: readonly AlertLine[], action: number): string[] =>
    list.filter((alert) => timesOf.get(action)?.has(alert.time) === true).map((alert) => alert.rule);

  it.each(CAUGHT)('catch action %i: %s, which the field’s rules miss', (action, rule) => {
    expect(rulesAt(alerts, action)).toContain(rule);
    expect(rulesAt(theirs, action).filter((name) => !GENERAL.test(name))).toEqual([]);
  });

  it('alert on what people did, not on what the cluster itself does', () => {
    const byCluster = alerts.filter((alert) => /^system:(?!anonymous|node:)/.test(String(alert.output_fields['ka.user.name'])));
    // The pods of a privileged deployment that alice made.
    expect(byCluster.map((alert) => `${alert.rule} ${alert.output_fields['ka.user.name']}`)).toEqual(
      Array(2).fill('Privileged Pod system:serviceaccount:kube-system:replicaset-controller'),
    );
    expect(alerts.length).toBeGreaterThan(90);
    expect(alerts.length).toBeLessThan(130);
  });
});
