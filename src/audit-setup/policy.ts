// SPDX-License-Identifier: Apache-2.0
/** Kubernetes audit policies: what they say, what they do with a request, and how one is written. */
import { parseDocument } from 'yaml';
import type { JsonValue } from '../events/audit-event.js';
import { StartError } from '../sources/source.js';
import { LEVELS, type Level } from './needs.js';

export interface GroupResources {
  readonly group?: string;
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
}

/** With the names of audit.k8s.io/v1. */
export interface PolicyRule {
  readonly level: Level;
  readonly omitStages?: readonly string[];
  readonly users?: readonly string[];
  readonly userGroups?: readonly string[];
  readonly verbs?: readonly string[];
  readonly namespaces?: readonly string[];
  readonly resources?: readonly GroupResources[];
  readonly nonResourceURLs?: readonly string[];
  /** Not part of a policy: what is written above the entry. */
  readonly reasons?: readonly string[];
}

export interface Policy {
  readonly omitStages?: readonly string[];
  readonly omitManagedFields?: boolean;
  readonly rules: readonly PolicyRule[];
}

/** What a policy tells requests by. */
export interface Attributes {
  readonly verb: string;
  /** Null: of a request that has none, because it was not authenticated. */
  readonly user: string | null;
  readonly groups: readonly string[];
  /** Null: a request for a URL that is no resource. */
  readonly object: {
    readonly group: string;
    readonly resource: string;
    readonly subresource: string;
    readonly namespace: string;
    readonly name: string;
  } | null;
  readonly path: string;
}

/** The level at which an apiserver logs a stage of a request: that of the first entry that fits. */
export function levelFor(policy: Policy, attributes: Attributes, stage: string): Level {
  const rule = policy.rules.find((one) => fits(one, attributes));
  if (rule === undefined || policy.omitStages?.includes(stage) || rule.omitStages?.includes(stage)) return 'None';
  return rule.level;
}

const given = <T>(list: readonly T[] | undefined): list is readonly T[] => list !== undefined && list.length > 0;

function fits(rule: PolicyRule, { verb, user, groups, object, path }: Attributes): boolean {
  if (given(rule.users) && (user === null || !rule.users.includes(user))) return false;
  if (given(rule.userGroups) && !rule.userGroups.some((group) => groups.includes(group))) return false;
  if (given(rule.verbs) && !rule.verbs.includes(verb)) return false;
  if (given(rule.namespaces) || given(rule.resources)) {
    if (object === null || (given(rule.namespaces) && !rule.namespaces.includes(object.namespace))) return false;
    return !given(rule.resources) || rule.resources.some((one) => covers(one, object));
  }
  if (given(rule.nonResourceURLs)) return object === null && rule.nonResourceURLs.some((url) => matchesUrl(url, path));
  return true;
}

function covers(entry: GroupResources, object: NonNullable<Attributes['object']>): boolean {
  if ((entry.group ?? '') !== object.group) return false;
  if (!given(entry.resources)) return true;
  if (given(entry.resourceNames) && !entry.resourceNames.includes(object.name)) return false;
  const { resource, subresource } = object;
  const whole = subresource === '' ? resource : `${resource}/${subresource}`;
  return entry.resources.some(
    (one) => one === '*' || one === whole || one === `${resource}/*` || (subresource !== '' && one === `*/${subresource}`),
  );
}

const matchesUrl = (pattern: string, path: string): boolean =>
  pattern === '*' || pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1)));

/** What an event says of the request that it is about. `member` reads one of its members. */
export function attributesOf(member: (name: string) => JsonValue | undefined): Attributes {
  const text = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '');
  const inside = (value: JsonValue | undefined): Readonly<Record<string, JsonValue | undefined>> =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, JsonValue>>) : {};
  const user = inside(member('user'));
  const ref = member('objectRef');
  const object = inside(ref);
  return {
    verb: text(member('verb')),
    user: typeof user.username === 'string' ? user.username : null,
    groups: Array.isArray(user.groups) ? (user.groups as readonly JsonValue[]).map(text) : [],
    object:
      ref === undefined || ref === null
        ? null
        : {
            group: text(object.apiGroup),
            resource: text(object.resource),
            subresource: text(object.subresource),
            namespace: text(object.namespace),
            name: text(object.name),
          },
    path: text(member('requestURI')).split('?')[0],
  };
}

/** @throws StartError when it is no audit policy */
export function parsePolicy(text: string, name: string): Policy {
  const wrong = (why: string): StartError => new StartError('AUDIT_POLICY', `${name} is not an audit policy: ${why}`);
  const document = parseDocument(text);
  if (document.errors.length > 0) throw wrong(document.errors[0].message);
  const policy = document.toJS() as Partial<Policy> & { readonly kind?: unknown } | null;
  if (policy === null || typeof policy !== 'object' || policy.kind !== 'Policy') throw wrong('it has no kind: Policy');
  if (!Array.isArray(policy.rules)) throw wrong('it has no rules');
  policy.rules.forEach((rule: PolicyRule | null, n) => {
    if (rule === null || !LEVELS.includes(rule.level)) throw wrong(`rule ${n + 1} has no level out of ${LEVELS.join(', ')}`);
  });
  return { ...policy, rules: policy.rules };
}

/** As a file for `--audit-policy-file`, each entry with its reasons above it. */
export function policyText(policy: Policy, head: readonly string[]): string {
  const lines = [...head.map((line) => `# ${line}`.trimEnd()), 'apiVersion: audit.k8s.io/v1', 'kind: Policy'];
  if (policy.omitManagedFields === true) lines.push('omitManagedFields: true');
  lines.push('rules:');
  for (const rule of policy.rules) {
    for (const reason of rule.reasons ?? []) lines.push(`  # ${reason.replace(/\s+/g, ' ')}`);
    lines.push(`  - level: ${rule.level}`);
    for (const key of ['omitStages', 'users', 'userGroups', 'verbs', 'namespaces'] as const) {
      const list = rule[key];
      if (given(list)) lines.push(`    ${key}: ${flow(list)}`);
    }
    if (!given(rule.resources)) continue;
    lines.push('    resources:');
    for (const { group, resources } of rule.resources) {
      lines.push(`      - group: ${JSON.stringify(group ?? '')}`, `        resources: ${flow(resources ?? [])}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

const flow = (list: readonly string[]): string => `[${list.map((one) => (/^[A-Za-z][A-Za-z0-9-]*$/.test(one) ? one : JSON.stringify(one))).join(', ')}]`;
