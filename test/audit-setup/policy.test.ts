// SPDX-License-Identifier: Apache-2.0
/** The audit policy that is derived from rules: what it keeps, and what it leaves out. */
import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { derivePolicy } from '../../src/audit-setup/derive-policy.js';
import { needsOf } from '../../src/audit-setup/needs.js';
import { type Attributes, attributesOf, levelFor, type Policy, parsePolicy, policyText } from '../../src/audit-setup/policy.js';
import { type JsonValue, parseAuditEvent } from '../../src/events/audit-event.js';
import { auditCatalogue } from '../../src/fields/audit-catalogue.js';
import { loadRuleset } from '../../src/ruleset/load.js';
import { detector } from '../sources/k8s-audit/detect.js';

const SHARED = '../shared';
const UPSTREAM = `${SHARED}/reference/rules/k8s_audit_rules.yaml`;
const OWN = 'rules/k8s_audit_rules.yaml';

/** Derived, written and read again. */
function policyOf(name: string, text: string, groups: readonly string[] = []): Policy {
  const { value, diagnostics } = loadRuleset([{ name, text }], { catalogues: [auditCatalogue({ hostname: 'vm', clock: { firstEvent: 0n } })] });
  if (value === null) throw new Error(diagnostics.map((d) => d.message).join('\n'));
  return parsePolicy(policyText(derivePolicy(needsOf(value.rules), { omitManagedFields: true, groups }), []), name);
}

const rule = (condition: string, output = 'x'): string =>
  `- rule: R ${condition.length}\n  desc: d\n  condition: ${JSON.stringify(condition)}\n  output: ${JSON.stringify(output)}\n  priority: INFO\n  source: k8s_audit\n`;

interface Asked {
  readonly verb?: string;
  /** Null: an apiserver could not tell who it is. */
  readonly user?: string | null;
  readonly groups?: readonly string[];
  /** group/resource[/subresource] */
  readonly what?: string | null;
  readonly namespace?: string;
  readonly stage?: string;
}

function asked(policy: Policy, { verb = 'get', user = 'eve', groups = user === null ? [] : ['system:authenticated'], what = '/pods', namespace = 'default', stage = 'ResponseComplete' }: Asked): string {
  const [group = '', resource = '', subresource = ''] = (what ?? '').split('/');
  const object = what === null ? null : { group, resource, subresource, namespace, name: 'x' };
  return levelFor(policy, { verb, user, groups, object, path: '/healthz' } satisfies Attributes, stage);
}

describe('a derived audit policy', () => {
  it('logs the verbs and resources that a rule names, and nothing else', () => {
    const policy = policyOf('r', rule('ka.stage = ResponseComplete and ka.verb in (create, patch) and ka.target.resource = deployments'));
    expect(asked(policy, { verb: 'create', what: 'apps/deployments' })).toBe('Metadata');
    expect(asked(policy, { verb: 'patch', what: 'apps/deployments/scale' })).toBe('Metadata');
    expect(asked(policy, { verb: 'create', what: 'apps/deployments', stage: 'RequestReceived' })).toBe('None');
    expect(asked(policy, { verb: 'get', what: 'apps/deployments' })).toBe('None');
    expect(asked(policy, { verb: 'create' })).toBe('None');
    expect(asked(policy, { verb: 'create', what: null })).toBe('None');
  });

  it('logs the bodies that a condition or an output reads, and not those of other objects', () => {
    const policy = policyOf('r', rule('ka.verb = create and ka.target.resource = pods', '%ka.req.pod.host_pid') + rule('ka.target.resource = secrets and ka.verb=create') + rule('ka.target.resource = services and ka.verb = create', '%ka.resp.name') + rule('jevt.value[/objectRef/resource]=configmaps and jevt.value[/requestObject/data] contains key'));
    expect(asked(policy, { verb: 'create' })).toBe('Request');
    expect(asked(policy, { verb: 'create', what: '/secrets' })).toBe('Metadata');
    expect(asked(policy, { verb: 'create', what: '/services' })).toBe('RequestResponse');
    expect(asked(policy, { verb: 'update', what: '/configmaps' })).toBe('Request');
  });

  it('takes the higher level where rules overlap, in whatever order they stand', () => {
    const low = rule('ka.target.resource = pods');
    const high = rule('ka.verb = create and ka.target.resource = pods', '%ka.req.pod.host_pid');
    for (const text of [low + high, high + low]) {
      expect(asked(policyOf('r', text), { verb: 'create' })).toBe('Request');
      expect(asked(policyOf('r', text), { verb: 'get' })).toBe('Metadata');
    }
  });

  it('keeps a stage that only one of two overlapping rules wants', () => {
    const policy = policyOf('r', rule('ka.stage = ResponseComplete', '%ka.req.pod.host_pid') + rule('ka.stage = ResponseStarted and ka.target.subresource in (exec, attach)'));
    expect(asked(policy, { what: '/pods/exec', stage: 'ResponseStarted' })).not.toBe('None');
    expect(asked(policy, { what: '/pods/exec', stage: 'RequestReceived' })).toBe('None');
    expect(asked(policy, { stage: 'ResponseComplete' })).toBe('Request');
  });

  it('leaves out users that no rule looks at, but not where another rule does', () => {
    const policy = policyOf('r', rule('not ka.user.name startswith "system:" and not ka.user.name in (admin)') + rule('ka.target.resource = secrets') + rule('ka.user.name = admin and ka.target.resource = nodes'));
    expect(asked(policy, { user: 'eve' })).toBe('Metadata');
    expect(asked(policy, { user: 'eve', what: null })).toBe('Metadata');
    expect(asked(policy, { user: null })).toBe('Metadata');
    expect(asked(policy, { user: 'admin' })).toBe('None');
    expect(asked(policy, { user: 'system:kube-scheduler' })).toBe('None');
    expect(asked(policy, { user: 'system:kube-scheduler', what: '/secrets' })).toBe('Metadata');
    expect(asked(policy, { user: 'admin', what: '/nodes' })).toBe('Metadata');
    // Anybody may be called so by a certificate: only names are left out, no prefixes.
    expect(asked(policy, { user: 'system:other' })).toBe('Metadata');
  });

  it('asks for users by their groups, and leaves them out by these', () => {
    const policy = policyOf('r', rule('ka.user.groups intersects (system:unauthenticated) and ka.verb = list') + rule('ka.target.resource = pods and not ka.user.groups intersects (system:nodes)'));
    expect(asked(policy, { verb: 'list', what: '/nodes', groups: ['system:unauthenticated'] })).toBe('Metadata');
    expect(asked(policy, { verb: 'list', what: '/nodes' })).toBe('None');
    const wide = policyOf('r', rule('ka.impuser.name exists and not ka.user.groups intersects (system:nodes, ops)') + rule('ka.user.groups intersects (ops) and ka.verb = delete'));
    expect(asked(wide, { groups: ['system:authenticated', 'devs'] })).toBe('Metadata');
    expect(asked(wide, { groups: ['system:authenticated', 'system:nodes'] })).toBe('None');
    expect(asked(wide, { groups: ['ops'] })).toBe('None');
    expect(asked(wide, { groups: ['ops'], verb: 'delete' })).toBe('Metadata');
    // One group of several is enough for one rule and too much for the other: it is logged.
    const both = policyOf('r', rule('ka.user.groups intersects (a) and not ka.user.groups intersects (b)') + rule('ka.user.groups intersects (b) and ka.user.groups intersects (c)'));
    expect(asked(both, { groups: ['a'] })).toBe('Metadata');
    expect(asked(both, { groups: ['b', 'c'] })).toBe('Metadata');
    expect(asked(policyOf('r', rule('not ka.user.groups in (a)')), { groups: ['a', 'b'] })).toBe('Metadata');
  });

  it('asks for requests whose sender is not known without asking for those of everybody', () => {
    const nobody = rule('ka.stage = ResponseStarted and ka.response.code = 401 and not ka.user.name exists');
    const alone = policyOf('r', nobody);
    expect(asked(alone, { user: null, stage: 'ResponseStarted' })).toBe('Metadata');
    expect(asked(alone, { user: null })).toBe('None');
    expect(asked(alone, { stage: 'ResponseStarted' })).toBe('None');
    expect(asked(alone, { user: 'system:anonymous', groups: ['system:unauthenticated'], stage: 'ResponseStarted' })).toBe('None');
    const more = policyOf('r', nobody + rule('ka.stage = ResponseComplete and ka.verb = create and ka.target.resource = pods'));
    expect(asked(more, { verb: 'create' })).toBe('Metadata');
    expect(asked(more, { verb: 'create', user: null, stage: 'ResponseStarted' })).toBe('Metadata');
    expect(asked(more, { verb: 'create', what: '/nodes' })).toBe('None');
    const wide = policyOf('r', nobody + rule('ka.stage = ResponseComplete and not ka.user.name in (admin)'));
    expect(asked(wide, { user: null, stage: 'ResponseStarted' })).toBe('Metadata');
    expect(asked(wide, { user: 'admin' })).toBe('None');
    expect(asked(wide, { user: 'eve' })).toBe('Metadata');
    // A name, or none: both are asked for.
    expect(asked(policyOf('r', rule('not ka.user.name != bob')), { user: null })).toBe('Metadata');
    expect(asked(policyOf('r', rule('not ka.user.name != bob')), { user: 'bob' })).toBe('Metadata');
    expect(asked(policyOf('r', rule('not ka.user.name != bob')), { user: 'eve' })).toBe('None');
  });

  it('has no entry whose requests a later one takes in the same way', () => {
    const policy = policyOf('r', rule('ka.verb = create and ka.target.resource = pods and ka.stage = ResponseStarted') + rule('ka.target.resource = pods and ka.stage = ResponseComplete') + rule('ka.stage in (ResponseStarted, ResponseComplete) and not ka.user.name in (admin)'));
    expect(policy.rules.map(({ level, users = [], resources = [] }) => [level, users.length, resources.length])).toEqual([['Metadata', 0, 1], ['None', 1, 0], ['Metadata', 0, 0], ['None', 0, 0]]);
    expect(asked(policy, { verb: 'create', user: 'admin', stage: 'ResponseStarted' })).toBe('Metadata');
  });

  it('becomes larger where it cannot know: unknown resources, other operators, what is absent', () => {
    expect(asked(policyOf('r', rule('ka.target.resource = widgets and ka.verb = create')), { verb: 'create', what: 'example.com/widgets' })).toBe('Metadata');
    expect(asked(policyOf('r', rule('ka.target.resource contains pod')), { what: '/secrets' })).toBe('Metadata');
    expect(asked(policyOf('r', rule('not ka.target.namespace != kube-system')), { what: '/nodes', namespace: '' })).toBe('Metadata');
    expect(asked(policyOf('r', rule('not ka.target.resource exists')), { what: null })).toBe('Metadata');
    expect(asked(policyOf('r', rule('ka.target.resource = pods'), ['example.com']), { what: 'example.com/pods' })).toBe('Metadata');
  });

  it('is empty when no rule can ever match', () => {
    expect(policyOf('r', rule('ka.verb = create and jevt.rawtime = 0')).rules).toEqual([{ level: 'None' }]);
  });

  it('names the rules above each entry', () => {
    const { value } = loadRuleset([{ name: 'r', text: rule('ka.verb = create') }], { catalogues: [auditCatalogue({ hostname: 'vm', clock: { firstEvent: 0n } })] });
    const text = policyText(derivePolicy(needsOf(value?.rules ?? []), { omitManagedFields: true }), ['head']);
    expect(text).toMatch(/^# head\n/);
    expect(text).toMatch(/ {2}# R 16\n {2}- level: Metadata\n {4}verbs: \[create\]/);
  });
});

describe.skipIf(!existsSync(UPSTREAM))('on the events of a real apiserver', () => {
  const events = (): readonly Readonly<Record<string, JsonValue>>[] =>
    gunzipSync(readFileSync(`${SHARED}/corpus/k8s-audit/main/webhook-bodies.jsonl.gz`)).toString().split('\n').filter(Boolean).flatMap((line) => JSON.parse(line).items);
  type Event = Readonly<Record<string, JsonValue>>;

  for (const file of [UPSTREAM, OWN]) {
    it(`the policy for ${file.split('/').slice(-3).join('/')} loses no alert and changes none`, () => {
      const policy = policyOf(file, readFileSync(file, 'utf8'));
      const alertsOf = (all: readonly Event[]): readonly string[] => {
        const lines: string[] = [];
        const deliver = detector([file], 'all', (line) => lines.push(line));
        for (const one of all) {
          const event = parseAuditEvent(JSON.stringify(one));
          if (typeof event === 'string') throw new Error(event);
          deliver(event);
        }
        return lines;
      };
      const all = events();
      // As the apiserver would have logged them under this policy.
      const logged = all.flatMap((event): Event[] => {
        const { requestObject, responseObject, ...metadata } = event;
        const request = requestObject === undefined ? {} : { requestObject };
        const level = levelFor(policy, attributesOf((name) => event[name]), String(event.stage));
        return level === 'None' ? [] : level === 'Metadata' ? [metadata] : level === 'Request' ? [{ ...metadata, ...request }] : [event];
      });
      const before = alertsOf(all);
      expect(before.length).toBeGreaterThan(file === UPSTREAM ? 800 : 100);
      expect(alertsOf(logged)).toEqual(before);
      expect(logged.length).toBeLessThan(all.length / 2);
      expect(JSON.stringify(logged).length).toBeLessThan(JSON.stringify(all).length * 0.8);
    });
  }
});
