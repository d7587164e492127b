// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { expectBalance, post, start } from './post.js';

const corpus = resolve(import.meta.dirname, '../../../../shared/corpus/k8s-audit');

describe.skipIf(!existsSync(corpus))('the corpus over HTTP', () => {
  it('each body of a real apiserver is taken whole, with its own text', async () => {
    const to = await start();
    const bodies = gunzipSync(readFileSync(`${corpus}/main/webhook-bodies.jsonl.gz`)).toString().split('\n').filter(Boolean);
    for (const body of bodies) {
      const answer = await post(to.port, `${body}\n`);
      expect([answer.status, answer.body.refused]).toEqual([200, {}]);
    }
    expect(to.events.length).toBe(2154);
    const items = bodies.flatMap((body) => (JSON.parse(body) as { items: object[] }).items);
    expect(to.events.map((event) => event.object)).toEqual(items);
    // Each event's text is what stands in the body: nothing was written anew.
    const sent = bodies.join('\n');
    let at = 0;
    for (const event of to.events) {
      const found = sent.indexOf(event.text, at);
      expect(found).toBeGreaterThanOrEqual(at);
      at = found + event.text.length;
    }
    expectBalance(to);
  });

  it('the odd inputs give the events that Falco took', async () => {
    interface Edge {
      readonly case: string;
      readonly input: string;
      readonly output_fields: readonly unknown[];
    }
    const edges = gunzipSync(readFileSync(`${corpus}/edge.jsonl.gz`)).toString().split('\n').filter(Boolean).map((line) => JSON.parse(line) as Edge);
    const different: string[] = [];
    const to = await start();
    for (const [n, edge] of edges.entries()) {
      const before = to.events.length;
      const { body } = await post(to.port, Buffer.from(edge.input, 'latin1'));
      const events = to.events.length - before + Number(body.duplicates ?? 0);
      if (events !== edge.output_fields.length) different.push(`${n} ${edge.case}: ${events}`);
    }
    // NaN is no JSON; behind a byte order mark we find the event; the JSON patch is what crashed Falco.
    expect(different).toEqual(['7 bom: 1', '22 nan: 0', '45 jsonpatch: 1']);
  });
});
