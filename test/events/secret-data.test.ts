// SPDX-License-Identifier: Apache-2.0
/** No value of a Secret is left in any field of an event, however it got there; what was touched still shows. */
import { describe, expect, it } from 'vitest';
import { AuditEvent, parseAuditEvent } from '../../src/events/audit-event.js';
import { REDACTED, withoutSecretData } from '../../src/events/secret-data.js';

const PLAIN = 'correct-horse';
const BASE64 = Buffer.from(PLAIN).toString('base64');

function audit(objectRef: object, more: object): AuditEvent {
  const event = parseAuditEvent(JSON.stringify({
    kind: 'Event', apiVersion: 'audit.k8s.io/v1', auditID: 'a', stage: 'ResponseComplete', verb: 'create', stageTimestamp: '2026-11-23T12:00:00.000001Z', objectRef, ...more,
  }));
  if (!(event instanceof AuditEvent)) throw new Error(event);
  event.num = 7;
  return event;
}
const SECRETS = { resource: 'secrets', namespace: 'default', name: 'db', apiVersion: 'v1' };
const SECRET = { kind: 'Secret', apiVersion: 'v1', metadata: { name: 'db' }, data: { password: BASE64 } };
const applied = (object: object, key = 'kubectl.kubernetes.io/last-applied-configuration') => ({ annotations: { [key]: JSON.stringify(object), other: 'stays' } });

describe('an alert about Secrets shows none of their data', () => {
  it.each<[string, AuditEvent]>([
    ['created', audit(SECRETS, { requestObject: SECRET, responseObject: SECRET })],
    ['as stringData', audit(SECRETS, { requestObject: { ...SECRET, data: undefined, stringData: { password: PLAIN } } })],
    ['in the copy that kubectl apply keeps', audit(SECRETS, { requestObject: { ...SECRET, metadata: applied({ ...SECRET, stringData: { password: PLAIN } }) } })],
    ['in a copy that is packed', audit(SECRETS, { requestObject: { ...SECRET, metadata: { annotations: { 'objectset.rio.cattle.io/applied': `H4sI${BASE64}` } } } })],
    ['in a copy that is cut', audit(SECRETS, { requestObject: { metadata: { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': `{"data":{"password":"${BASE64}` } } } })],
    ['merge-patched, without a kind', audit(SECRETS, { verb: 'patch', requestObject: { data: { password: BASE64 } } })],
    ['JSON-patched', audit(SECRETS, { verb: 'patch', requestObject: [{ op: 'replace', path: '/data/password', value: BASE64 }, { op: 'add', path: '/stringData', value: { password: PLAIN } }] })],
    ['JSON-patched as a whole', audit(SECRETS, { verb: 'patch', requestObject: [{ op: 'replace', path: '', value: SECRET }] })],
    ['JSON-patched in an annotation', audit(SECRETS, { verb: 'patch', requestObject: [{ op: 'add', path: '/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration', value: JSON.stringify(SECRET) }] })],
    ['in a list', audit(SECRETS, { verb: 'list', responseObject: { kind: 'SecretList', items: [{ metadata: { name: 'db' }, data: { password: BASE64 } }] } })],
    ['in a table with objects', audit(SECRETS, { verb: 'list', responseObject: { kind: 'Table', rows: [{ cells: ['db'], object: SECRET }] } })],
    ['in a body that was not understood', audit(SECRETS, { requestObject: `password=${PLAIN}` })],
    ['data that is no map', audit(SECRETS, { requestObject: { kind: 'Secret', data: PLAIN } })],
    ['within an object of another kind', audit({ resource: 'bundles' }, { requestObject: { kind: 'Bundle', spec: { objects: [SECRET] } } })],
    ['as a copy within an object of another kind', audit({ resource: 'bundles' }, { requestObject: { kind: 'Bundle', metadata: applied(SECRET) } })],
    ['a service account token', audit({ resource: 'serviceaccounts', subresource: 'token', name: 'x' }, { responseObject: { kind: 'TokenRequest', spec: { audiences: ['x'] }, status: { token: PLAIN } } })],
    ['a token under review', audit({ resource: 'tokenreviews' }, { requestObject: { kind: 'TokenReview', spec: { token: PLAIN } } })],
  ])('%s', (_, event) => {
    expect(event.text).toMatch(new RegExp(`${PLAIN}|${BASE64}`));
    const shown = withoutSecretData(event);
    expect(shown.text).not.toMatch(new RegExp(`${PLAIN}|${BASE64}`));
    expect(shown.text).toContain(REDACTED);
    expect([shown.num, shown.timestamp(), shown.member('verb')]).toEqual([event.num, event.timestamp(), event.member('verb')]);
    expect(event.text).toMatch(new RegExp(`${PLAIN}|${BASE64}`));
  });

  it('keeps names, keys and other annotations', () => {
    const shown = withoutSecretData(audit(SECRETS, { requestObject: { ...SECRET, metadata: { name: 'db', ...applied(SECRET) } } }));
    expect(shown.member('requestObject')).toEqual({
      kind: 'Secret', apiVersion: 'v1', data: { password: REDACTED },
      metadata: {
        name: 'db',
        annotations: { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify({ ...SECRET, data: { password: REDACTED } }), other: 'stays' },
      },
    });
  });

  it('what is no Secret is the event itself', () => {
    const config = audit({ resource: 'configmaps' }, { requestObject: { kind: 'ConfigMap', data: { password: PLAIN }, metadata: { annotations: { a: '{"data":{}}' } } } });
    expect(withoutSecretData(config)).toBe(config);
    const role = audit({ resource: 'roles' }, { requestObject: { kind: 'Role', rules: [{ resources: ['secrets'], verbs: ['get'] }] } });
    expect(withoutSecretData(role)).toBe(role);
  });
});
