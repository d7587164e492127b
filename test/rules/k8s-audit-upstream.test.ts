// SPDX-License-Identifier: Apache-2.0
/** The field's own audit rules over the corpus, posted over HTTP: alerts must be those that real Falco gave. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { type AlertLine, type Detecting, detect } from '../sources/k8s-audit/detect.js';
import { post } from '../sources/k8s-audit/post.js';

const shared = resolve(import.meta.dirname, '../../../shared');
const rules = `${shared}/reference/rules/k8s_audit_rules.yaml`;
const corpus = `${shared}/corpus/k8s-audit`;

let running: Detecting | null = null;
afterEach(async () => {
  await running?.source.stop();
  running = null;
});

const lines = (bytes: Buffer | string): string[] => bytes.toString().split('\n').filter((line) => line !== '');
const alertsOf = (text: Buffer | string): AlertLine[] => lines(text).map((line) => JSON.parse(line) as AlertLine);

/** Local times in `output` depend on the zone of the machine; the alert's time is compared besides. */
function comparable(alert: AlertLine): object {
  return { ...alert, output: alert.output.replace(/^\d\d:\d\d:\d\d/, '') };
}

async function alertsOn(bodies: readonly string[], matching: 'first' | 'all'): Promise<AlertLine[]> {
  running = await detect([rules], matching);
  for (const body of bodies) await post(running.port, body);
  return running.alerts;
}

describe.skipIf(!existsSync(corpus))('upstream’s audit rules', () => {
  for (const matching of ['first', 'all'] as const) {
    it(`give real Falco's alerts on the bodies of a real apiserver, rule_matching: ${matching}`, async () => {
      const bodies = lines(gunzipSync(readFileSync(`${corpus}/main/webhook-bodies.jsonl.gz`)));
      const want = alertsOf(gunzipSync(readFileSync(`${corpus}/main/alerts.${matching}.jsonl.gz`)));
      const got = await alertsOn(bodies, matching);
      expect(got.map(comparable)).toEqual(want.map(comparable));
    });

    const samples = existsSync(corpus) ? readdirSync(`${corpus}/samples`).filter((name) => name.endsWith('.json')) : [];
    it.each(samples)(`give real Falco's alerts on %s, rule_matching: ${matching}`, async (name) => {
      const file = `${corpus}/samples/${name.replace(/json$/, `alerts.${matching}.jsonl`)}`;
      const want = existsSync(file) ? alertsOf(readFileSync(file)) : [];
      const got = await alertsOn(lines(readFileSync(`${corpus}/samples/${name}`)), matching);
      expect(got.map(comparable)).toEqual(want.map(comparable));
    });
  }
});
