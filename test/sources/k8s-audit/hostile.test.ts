// SPDX-License-Identifier: Apache-2.0
/** What nobody would send who means well, over HTTP, to the rules and back. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withoutSecretData } from '../../../src/events/secret-data.js';
import { argumentOf } from '../../../src/fields/catalogue.js';
import { JSON_CLASS } from '../../../src/fields/jevt.js';
import { KA_CLASS } from '../../../src/fields/ka.js';
import { K8sAuditSource } from '../../../src/sources/k8s-audit.js';
import { detector } from './detect.js';
import { auditEvent, eventList, ids, post, start } from './post.js';

const upstream = resolve(import.meta.dirname, '../../../../shared/reference/rules/k8s_audit_rules.yaml');

describe('hostile JSON', () => {
  it.each([
    ['deep arrays', `"x":${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['deep objects', `"x":${'{"a":'.repeat(40_000)}1${'}'.repeat(40_000)}`],
    ['a huge array', `"x":[${'1,'.repeat(120_000)}1]`],
    ['arrays in arrays where containers should be', `"objectRef":{"resource":"secrets"},"requestObject":{"spec":{"containers":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`],
    ['a body of a secret nested deeper than the stack', `"objectRef":{"resource":"secrets"},"requestObject":${'{"a":'.repeat(40_000)}1${'}'.repeat(40_000)}`],
    ['prototype keys', '"__proto__":{"auditID":"p","kind":"q"},"constructor":{"prototype":{"polluted":1}}'],
  ])('%s are taken, and every field can be read', async (_name, member) => {
    const to = await start();
    const body = JSON.stringify(auditEvent('a')).replace(/}$/, `,${member}}`);
    expect((await post(to.port, eventList(auditEvent('before')))).status).toBe(200);
    expect((await post(to.port, body)).status).toBe(200);
    expect(to.events[1].textAt([], '').length).toBe(body.length);
    // As they were sent, and as alerts show them.
    for (const event of [to.events[1], withoutSecretData(to.events[1])]) {
      expect(event.object.auditID).toBe('a');
      for (const { name, argument, bind } of [...KA_CLASS.fields, ...JSON_CLASS.fields]) {
        const read = bind(argument?.required === true ? argumentOf('/requestObject') : null);
        if (typeof read === 'string') throw new Error(`${name}: ${read}`);
        expect(() => read(event), name).not.toThrow();
      }
    }
    expect(({} as { polluted?: number }).polluted).toBe(undefined);
  });

  it('nesting without an end is refused as too large, not as a crash', async () => {
    const to = await start();
    const answer = await post(to.port, `{"kind":"EventList","items":[${JSON.stringify(auditEvent('a'))},{"x":${'['.repeat(5_000_000)}`);
    expect([answer.status, answer.body.reason]).toEqual([400, 'body_truncated']);
    expect(ids(to)).toEqual(['a']);
  });
});

describe('wrong types at every pointer', () => {
  it('and JSON patches, which end Falco, raise no error in any rule', async () => {
    const failures: string[] = [];
    const files = [resolve(import.meta.dirname, '../../../rules/k8s_audit_rules.yaml'), upstream].filter(existsSync);
    const detectors = files.map((path) => detector([path], 'all', () => {}));
    const source = new K8sAuditSource({ openParams: 'http://127.0.0.1:0/k8s-audit', warn: (message) => failures.push(message) });
    await source.start((event) => {
      for (const detect of detectors) detect(event);
    }, () => {});
    const odd = [null, true, 5, 1e300, 'x', '', [], {}, [null], [[]], [{}], [[[1]], 'x', 5, null, { name: {} }], { a: { b: [] } }, [{ op: 'add', path: '/spec', value: {} }]];
    const whole = auditEvent('id', {
      verb: 'create', objectRef: { resource: 'pods', namespace: 'kube-system', name: 'n', subresource: 'exec', apiGroup: 'g' }, annotations: { 'authorization.k8s.io/decision': 'allow' },
      responseStatus: { code: 201, reason: 'r' }, impersonatedUser: { username: 'u' }, responseObject: { metadata: { name: 'n' } },
      requestObject: {
        subjects: [{ kind: 'User', name: 'n' }], roleRef: { name: 'cluster-admin' }, rules: [{ verbs: ['*'], resources: ['pods'] }], data: { k: 'v' }, metadata: { name: 'n' },
        spec: {
          type: 'NodePort', hostPID: true, ports: [{ port: 1 }], volumes: [{ name: 'v', hostPath: { path: '/proc' } }], securityContext: { runAsUser: 0 },
          containers: [{ name: 'c', image: 'i', args: ['a'], ports: [{ hostPort: 1 }], securityContext: { privileged: true, capabilities: { add: ['SYS_ADMIN'] } } }],
        },
      },
    }) as Record<string, unknown>;
    const events: object[] = [];
    /** Every place within `value`, replaced by each odd value in turn. */
    const vary = (value: unknown, put: (odd: unknown) => object): void => {
      for (const one of odd) events.push(put(one));
      if (typeof value !== 'object' || value === null) return;
      for (const key of Object.keys(value)) {
        vary((value as Record<string, unknown>)[key], (one) => put(Array.isArray(value) ? value.map((v, n) => (String(n) === key ? one : v)) : { ...value, [key]: one }));
      }
    };
    for (const verb of ['create', 'patch']) {
      for (const resource of ['pods', 'rolebindings', 'services']) {
        const event: Record<string, unknown> = { ...whole, verb, objectRef: { ...(whole.objectRef as object), resource } };
        for (const key of Object.keys(event)) vary(event[key], (one) => ({ ...event, [key]: one }));
      }
    }
    for (let at = 0; at < events.length; at += 1000) {
      expect((await post(source.port, eventList(...events.slice(at, at + 1000)))).status).toBe(200);
    }
    const { delivered, losses } = source.stats();
    await source.stop();
    expect(events.length).toBeGreaterThan(3000);
    expect(losses.evaluation_failed, failures.join('\n')).toBe(0);
    // Those without a time are refused, those that came out the same were sent before.
    expect(delivered + losses.event_no_time + losses.event_duplicate).toBe(events.length);
    expect(delivered).toBeGreaterThan(events.length / 2);
  });
});
