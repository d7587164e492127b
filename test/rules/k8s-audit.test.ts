// SPDX-License-Identifier: Apache-2.0
/**
 * Our audit rules: for each, events as a kube-apiserver sends them are posted over HTTP, and the alert is looked at; and
 * events that are alike but harmless are posted, which must not alert.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Detecting, detect } from '../sources/k8s-audit/detect.js';
import { auditEvent, eventList, post } from '../sources/k8s-audit/post.js';

const rulesFile = resolve(import.meta.dirname, '../../rules/k8s_audit_rules.yaml');
const ruleNames = [...readFileSync(rulesFile, 'utf8').matchAll(/^- rule: (.+)$/gm)].map((m) => m[1]);

interface Ref {
  readonly resource: string;
  readonly subresource?: string;
  readonly name?: string;
  readonly namespace?: string;
}

interface Sent {
  readonly verb: string;
  readonly ref?: Ref;
  readonly uri?: string;
  /** Null: the API server could not tell who it is. */
  readonly user?: string | null;
  readonly groups?: readonly string[];
  readonly as?: string;
  readonly stage?: string;
  readonly code?: number;
  readonly decision?: string;
  readonly request?: unknown;
  readonly response?: unknown;
}

let sequence = 0;
function event(sent: Sent): object {
  sequence++;
  const { ref } = sent;
  const uri = ref === undefined ? '/' : `/api/v1/namespaces/${ref.namespace ?? 'shop'}/${ref.resource}/${ref.name ?? ''}`;
  return auditEvent(`00000000-0000-4000-8000-${String(sequence).padStart(12, '0')}`, {
    verb: sent.verb,
    stage: sent.stage ?? 'ResponseComplete',
    requestURI: sent.uri ?? uri,
    user: sent.user === null ? {} : { username: sent.user ?? 'alice', groups: sent.groups ?? ['system:authenticated'] },
    ...(sent.as === undefined ? {} : { impersonatedUser: { username: sent.as } }),
    sourceIPs: ['10.0.1.50'],
    userAgent: 'kubectl/v1.36.2 (linux/amd64)',
    ...(ref === undefined ? {} : { objectRef: { namespace: 'shop', apiVersion: 'v1', ...ref } }),
    responseStatus: { metadata: {}, code: sent.code ?? (sent.verb === 'create' ? 201 : 200) },
    ...(sent.request === undefined ? {} : { requestObject: sent.request }),
    ...(sent.response === undefined ? {} : { responseObject: sent.response }),
    annotations: { 'authorization.k8s.io/decision': sent.decision ?? 'allow', 'authorization.k8s.io/reason': '' },
  });
}

const pods: Ref = { resource: 'pods', name: 'web' };
const pod = (spec: object, more: Partial<Sent> = {}): Sent => ({
  verb: 'create',
  ref: pods,
  request: { kind: 'Pod', apiVersion: 'v1', metadata: { name: 'web' }, spec: { containers: [{ name: 'web', image: 'reg.io:5000/web:1' }], ...spec } },
  response: { kind: 'Pod', metadata: { name: 'web' } },
  ...more,
});
const container = (securityContext: object, image = 'reg.io:5000/web:1'): object => ({ name: 'web', image, securityContext });
const hostPath = (path: string): object => ({ volumes: [{ name: 'h', hostPath: { path, type: '' } }] });
const binding = (resource: string, subjects: readonly object[], role = 'view', verb = 'create'): Sent => ({
  verb,
  ref: { resource, name: 'b1' },
  request: { kind: 'ClusterRoleBinding', metadata: { name: 'b1' }, subjects, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role } },
});
const role = (rules: readonly object[], more: Partial<Sent> = {}): Sent => ({
  verb: 'create',
  ref: { resource: 'clusterroles', name: 'r1' },
  request: { kind: 'ClusterRole', metadata: { name: 'r1' }, rules },
  ...more,
});
const configmap = (data: object, more: Partial<Sent> = {}): Sent => ({
  verb: 'create',
  ref: { resource: 'configmaps', name: 'cm' },
  request: { kind: 'ConfigMap', metadata: { name: 'cm' }, data },
  ...more,
});
const exec = (more: Partial<Sent> = {}): Sent => ({
  verb: 'get',
  ref: { ...pods, subresource: 'exec' },
  uri: '/api/v1/namespaces/shop/pods/web/exec?command=sh&command=-c&container=app&stdin=true',
  stage: 'ResponseStarted',
  code: 101,
  ...more,
});
const secrets: Ref = { resource: 'secrets', name: 'db' };
const eve = { kind: 'User', name: 'eve', apiGroup: 'rbac.authorization.k8s.io' };

interface Case {
  /** Each must alert, and with rule_matching first it must be this rule that does. */
  readonly fires: readonly Sent[];
  /** This rule alerts on none. */
  readonly silent: readonly Sent[];
  /** Fields of the first alert. */
  readonly fields: Readonly<Record<string, unknown>>;
}

const user = { 'ka.user.name': 'alice' };
const target = { ...user, 'ka.target.name': 'web', 'ka.target.namespace': 'shop' };

const cases: Readonly<Record<string, Case>> = {
  'Anonymous Request Granted': {
    fires: [
      { verb: 'get', uri: '/version', user: 'system:anonymous', groups: ['system:unauthenticated'] },
      { verb: 'list', ref: pods, user: 'odd-proxy', groups: ['system:unauthenticated'] },
    ],
    silent: [
      ...['/healthz', '/livez?verbose', '/readyz', '/readyz/etcd'].map((uri) => ({ verb: 'get', uri, user: 'system:anonymous', groups: ['system:unauthenticated'] })),
      { verb: 'list', ref: pods, user: 'system:anonymous', groups: ['system:unauthenticated'], decision: 'forbid', code: 403 },
    ],
    fields: { 'ka.user.name': 'system:anonymous', 'ka.uri': '/version', 'ka.sourceips': ['10.0.1.50'] },
  },
  'Binding To Everybody': {
    fires: [
      binding('clusterrolebindings', [{ kind: 'Group', name: 'system:unauthenticated' }]),
      binding('rolebindings', [eve, { kind: 'Group', name: 'system:authenticated' }], 'cluster-admin'),
      binding('rolebindings', [{ kind: 'User', name: 'system:anonymous' }]),
    ],
    silent: [binding('rolebindings', [eve, { kind: 'Group', name: 'team' }])],
    fields: { ...user, 'ka.req.binding.role': 'view', 'ka.req.binding.subjects': ['{"kind":"Group","name":"system:unauthenticated"}'] },
  },
  'Cluster Admin Bound': {
    fires: [
      binding('clusterrolebindings', [eve], 'cluster-admin'),
      binding('rolebindings', [eve], 'cluster-admin'),
      binding('clusterrolebindings', [eve], 'cluster-admin', 'update'),
    ],
    silent: [binding('clusterrolebindings', [eve], 'view'), { ...binding('clusterrolebindings', [eve], 'cluster-admin'), user: 'system:apiserver' }],
    fields: { ...user, 'ka.req.binding.role': 'cluster-admin', 'ka.target.name': 'b1' },
  },
  'Subjects Of Binding Changed': {
    fires: [
      { verb: 'patch', ref: { resource: 'clusterrolebindings', name: 'cluster-admin' }, request: { subjects: [eve] } },
      { verb: 'patch', ref: { resource: 'rolebindings', name: 'b' }, request: [{ op: 'add', path: '/subjects/-', value: eve }] },
    ],
    silent: [{ verb: 'patch', ref: { resource: 'rolebindings', name: 'b' }, request: { metadata: { labels: { a: 'b' } } } }],
    fields: { ...user, 'ka.target.name': 'cluster-admin' },
  },
  'Role With Wildcard': {
    fires: [
      role([{ verbs: ['get'], resources: ['*'], apiGroups: [''] }]),
      role([{ verbs: ['get'], resources: ['pods'], apiGroups: [''] }, { verbs: ['*'], resources: ['pods'] }], { ref: { resource: 'roles', name: 'r' } }),
      role([], { verb: 'patch', request: [{ op: 'add', path: '/rules/-', value: { verbs: ['*'], resources: ['x'] } }] }),
    ],
    silent: [role([{ verbs: ['get', 'list'], resources: ['pods'], apiGroups: [''] }]), role([{ verbs: ['*'], resources: ['*'] }], { user: 'system:apiserver' })],
    fields: { ...user, 'ka.target.name': 'r1', 'ka.req.role.rules': ['{"verbs":["get"],"resources":["*"],"apiGroups":[""]}'] },
  },
  'Role That Leads To More Rights': {
    fires: [
      role([{ verbs: ['create'], resources: ['pods/exec'], apiGroups: [''] }]),
      role([{ verbs: ['impersonate'], resources: ['users'], apiGroups: [''] }], { verb: 'update' }),
      role([{ verbs: ['get'], resources: ['secrets'], apiGroups: [''] }]),
    ],
    silent: [role([{ verbs: ['get', 'list', 'watch'], resources: ['pods', 'configmaps'], apiGroups: [''] }])],
    fields: { ...user, 'ka.target.name': 'r1' },
  },
  'System Role Changed': {
    fires: [
      { verb: 'delete', ref: { resource: 'clusterroles', name: 'system:node' } },
      { verb: 'patch', ref: { resource: 'clusterroles', name: 'system:node' }, request: { metadata: {} } },
    ],
    silent: [{ verb: 'delete', ref: { resource: 'clusterroles', name: 'mine' } }, { verb: 'patch', ref: { resource: 'clusterroles', name: 'system:node' }, user: 'system:apiserver' }],
    fields: { ...user, 'ka.verb': 'delete', 'ka.target.name': 'system:node' },
  },
  'Privileged Pod': {
    fires: [
      pod({ containers: [container({ privileged: true })] }),
      pod({ containers: [container({}), container({ privileged: true })] }),
      pod({ initContainers: [container({ privileged: true })] }),
      pod({ containers: [container({ privileged: true }, 'registry.k8s.io/kube-proxy:v1'), container({})] }),
      pod({ containers: [], ephemeralContainers: [container({ privileged: true })] }, { verb: 'patch', ref: { ...pods, subresource: 'ephemeralcontainers' } }),
      pod({ containers: [container({ privileged: true })] }, { code: 403, response: undefined }),
    ],
    silent: [
      pod({ containers: [container({ privileged: false }), container({})] }),
      pod({ containers: [container({ privileged: true }, 'registry.k8s.io/kube-proxy:v1.36.2')] }),
      pod({ containers: [container({ privileged: true })] }, { verb: 'get' }),
    ],
    fields: { 'ka.user.name': 'alice', 'ka.resp.name': 'web', 'ka.target.namespace': 'shop', 'ka.req.pod.containers.image': ['reg.io:5000/web:1'] },
  },
  'Pod In Host Namespace': {
    fires: [pod({ hostNetwork: true }), pod({ hostPID: true }), pod({ hostIPC: true })],
    silent: [pod({ hostNetwork: false }), pod({ hostNetwork: true, containers: [container({}, 'registry.k8s.io/kube-proxy:v1')] })],
    fields: { ...user, 'ka.req.pod.host_network': 'true', 'ka.req.pod.host_pid': null },
  },
  'Sensitive Mount': {
    fires: ['/', '/etc', '/etc/kubernetes/manifests', '/proc', '/root/.ssh', '/var/run/docker.sock', '/run/containerd/containerd.sock', '/var/lib/kubelet/pods', '/dev/sda', '/usr/bin', '/var/log'].map((path) => pod(hostPath(path))),
    silent: ['/tmp/harmless', '/data', '/var/lib/app', '/opt/app'].map((path) => pod(hostPath(path))),
    fields: { ...user, 'ka.req.pod.volumes.hostpath': ['/'] },
  },
  'Pod With Dangerous Capability': {
    fires: [
      pod({ containers: [container({ capabilities: { add: ['NET_RAW', 'SYS_ADMIN'] } })] }),
      pod({ initContainers: [container({ capabilities: { add: ['ALL'] } })] }),
    ],
    silent: [pod({ containers: [container({ capabilities: { add: ['NET_BIND_SERVICE'], drop: ['ALL'] } })] })],
    fields: { ...user, 'ka.req.pod.containers.add_capabilities': ['["NET_RAW","SYS_ADMIN"]'] },
  },
  'Workload That Reaches For Its Node': {
    fires: [
      { verb: 'create', ref: { resource: 'deployments', name: 'web' }, request: { spec: { template: { spec: { containers: [container({ privileged: true })] } } } } },
      { verb: 'patch', ref: { resource: 'daemonsets', name: 'web' }, request: { spec: { template: { spec: { hostPID: true } } } } },
      { verb: 'create', ref: { resource: 'cronjobs', name: 'web' }, request: { spec: { jobTemplate: { spec: { template: { spec: hostPath('/data') } } } } } },
    ],
    silent: [{ verb: 'create', ref: { resource: 'deployments', name: 'web' }, request: { spec: { template: { spec: { containers: [container({})], hostNetwork: false } } } } }],
    fields: { ...target, 'ka.target.resource': 'deployments' },
  },
  'Exec Or Attach To Pod': {
    fires: [exec(), exec({ verb: 'create' }), exec({ ref: { ...pods, subresource: 'attach' } })],
    silent: [exec({ stage: 'ResponseComplete' }), exec({ ref: { ...pods, subresource: 'log' } })],
    fields: { ...target, 'ka.target.subresource': 'exec', 'ka.uri.param[command]': 'sh', 'ka.uri.param[container]': 'app', 'ka.response.code': '101' },
  },
  'Exec Or Attach Refused': {
    fires: [exec({ stage: 'ResponseComplete', code: 403, decision: 'forbid' }), exec({ ref: { ...pods, subresource: 'portforward' }, stage: 'ResponseComplete', code: 403, decision: 'forbid' })],
    silent: [exec({ stage: 'ResponseComplete' })],
    fields: { ...target, 'ka.response.code': '403' },
  },
  'Port Forwarded': {
    fires: [exec({ ref: { ...pods, subresource: 'portforward' } })],
    silent: [exec({ ref: { ...pods, subresource: 'portforward' }, stage: 'ResponseComplete' })],
    fields: target,
  },
  'Debug Container Added': {
    fires: [pod({ containers: [], ephemeralContainers: [container({})] }, { verb: 'patch', ref: { ...pods, subresource: 'ephemeralcontainers' } })],
    silent: [{ verb: 'get', ref: { ...pods, subresource: 'ephemeralcontainers' } }],
    fields: { ...target, 'ka.req.pod.ephemeralContainers.image': ['reg.io:5000/web:1'] },
  },
  'Kubelet Reached Through API Server': {
    fires: [{ verb: 'get', ref: { resource: 'nodes', name: 'node-1', subresource: 'proxy' }, uri: '/api/v1/nodes/node-1/proxy/pods', stage: 'ResponseStarted' }],
    silent: [{ verb: 'get', ref: { resource: 'nodes', name: 'node-1' } }],
    fields: { ...user, 'ka.target.name': 'node-1', 'ka.uri': '/api/v1/nodes/node-1/proxy/pods' },
  },
  'Pod Or Service Reached Through API Server': {
    fires: [{ verb: 'get', ref: { resource: 'services', name: 'web', subresource: 'proxy' }, stage: 'ResponseStarted', code: 503 }],
    silent: [{ verb: 'get', ref: { resource: 'services', name: 'web' } }],
    fields: target,
  },
  'Pod In System Namespace': {
    fires: [pod({}, { ref: { ...pods, namespace: 'kube-system' } })],
    silent: [pod({}), pod({}, { ref: { ...pods, namespace: 'kube-system' }, user: 'system:serviceaccount:kube-system:daemon-set-controller' })],
    fields: { ...user, 'ka.target.namespace': 'kube-system', 'ka.req.pod.containers.image': ['reg.io:5000/web:1'] },
  },
  'Create/Modify Configmap With Private Credentials': {
    fires: [configmap({ 'db.conf': 'password=hunter2' }), configmap({ aws_access_key_id: 'x' }, { verb: 'patch' })],
    silent: [configmap({ colour: 'blue' }), configmap({ password: 'x' }, { verb: 'get' })],
    fields: { ...user, 'ka.req.configmap.name': 'cm', 'ka.req.configmap.obj': '{"db.conf":"password=hunter2"}', 'ka.verb': 'create' },
  },
  'Key In Config Map': {
    fires: [configmap({ 'tls.key': '-----BEGIN EC PRIVATE KEY-----\nabc' }), configmap({ id: 'AKIAIOSFODNN7EXAMPLE' }), configmap({ 'AWS-Access-Key-Id': 'x' })],
    silent: [configmap({ 'ca.crt': '-----BEGIN CERTIFICATE-----' })],
    fields: { ...user, 'ka.target.name': 'cm', 'ka.target.namespace': 'shop' },
  },
  'Secrets Listed': {
    fires: [
      { verb: 'list', ref: { resource: 'secrets' }, uri: '/api/v1/secrets' },
      { verb: 'watch', ref: { resource: 'secrets' }, stage: 'ResponseStarted' },
    ],
    silent: [{ verb: 'list', ref: { resource: 'secrets' }, user: 'system:kube-controller-manager' }, { verb: 'watch', ref: { resource: 'secrets' }, user: 'system:node:n1', stage: 'ResponseStarted' }],
    fields: { ...user, 'ka.verb': 'list', 'ka.uri': '/api/v1/secrets' },
  },
  'Secret Read': {
    fires: [{ verb: 'get', ref: secrets }],
    silent: [{ verb: 'get', ref: secrets, user: 'system:node:n1' }, { verb: 'get', ref: secrets, code: 404 }],
    fields: { ...user, 'ka.target.name': 'db', 'ka.response.code': '200' },
  },
  'Secret Access Refused': {
    fires: [{ verb: 'list', ref: { resource: 'secrets' }, code: 403, decision: 'forbid' }],
    silent: [{ verb: 'list', ref: { resource: 'configmaps' }, code: 403, decision: 'forbid' }, { verb: 'get', ref: secrets }],
    fields: { ...user, 'ka.response.code': '403' },
  },
  'Secret Changed': {
    fires: [{ verb: 'create', ref: secrets }, { verb: 'patch', ref: secrets }, { verb: 'delete', ref: secrets }],
    silent: [{ verb: 'create', ref: secrets, user: 'system:serviceaccount:kube-system:token-controller' }, { verb: 'create', ref: secrets, code: 409 }],
    fields: { ...user, 'ka.verb': 'create', 'ka.target.name': 'db' },
  },
  'Service Account Token Issued': {
    fires: [{ verb: 'create', ref: { resource: 'serviceaccounts', name: 'runner', subresource: 'token' } }],
    silent: [{ verb: 'create', ref: { resource: 'serviceaccounts', name: 'runner', subresource: 'token' }, user: 'system:node:n1' }],
    fields: { ...user, 'ka.target.name': 'runner' },
  },
  Impersonation: {
    fires: [{ verb: 'list', ref: pods, as: 'carol', code: 403, decision: 'forbid' }],
    silent: [
      { verb: 'list', ref: pods },
      { verb: 'list', ref: pods, as: 'carol', user: 'system:kube-scheduler' },
      { verb: 'list', ref: pods, as: 'carol', user: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] },
    ],
    fields: { ...user, 'ka.impuser.name': 'carol' },
  },
  'Certificate Request Approved': {
    fires: [{ verb: 'update', ref: { resource: 'certificatesigningrequests', name: 'csr-1', subresource: 'approval' } }],
    silent: [{ verb: 'create', ref: { resource: 'certificatesigningrequests', name: 'csr-1' } }],
    fields: { ...user, 'ka.target.name': 'csr-1' },
  },
  'Request With Invalid Credentials': {
    fires: [{ verb: 'list', ref: pods, stage: 'ResponseStarted', code: 401, user: null }],
    silent: [{ verb: 'list', ref: pods, stage: 'ResponseStarted', code: 401 }, { verb: 'list', ref: pods, code: 403, decision: 'forbid' }],
    fields: { 'ka.verb': 'list', 'ka.sourceips': ['10.0.1.50'] },
  },
  'NodePort Service': {
    fires: [
      { verb: 'create', ref: { resource: 'services', name: 'web' }, request: { spec: { type: 'NodePort', ports: [{ port: 80, nodePort: 30000 }] } } },
      { verb: 'patch', ref: { resource: 'services', name: 'web' }, request: [{ op: 'replace', path: '/spec/type', value: 'NodePort' }] },
    ],
    silent: [{ verb: 'create', ref: { resource: 'services', name: 'web' }, request: { spec: { type: 'ClusterIP', ports: [{ port: 80 }] } } }],
    fields: { ...target, 'ka.req.service.ports': ['[{"port":80,"nodePort":30000}]'] },
  },
  'Service With External IP': {
    fires: [{ verb: 'patch', ref: { resource: 'services', name: 'web' }, request: { spec: { externalIPs: ['8.8.8.8'] } } }],
    silent: [{ verb: 'patch', ref: { resource: 'services', name: 'web' }, request: { spec: { externalIPs: [] } } }],
    fields: { ...target, 'jevt.value[/requestObject/spec/externalIPs]': '["8.8.8.8"]' },
  },
  'Admission Webhook Changed': {
    fires: [{ verb: 'create', ref: { resource: 'mutatingwebhookconfigurations', name: 'hook' }, request: {} }],
    silent: [{ verb: 'get', ref: { resource: 'mutatingwebhookconfigurations', name: 'hook' } }],
    fields: { ...user, 'ka.target.name': 'hook' },
  },
  'Cluster Events Deleted': {
    fires: [{ verb: 'deletecollection', ref: { resource: 'events' } }],
    silent: [{ verb: 'create', ref: { resource: 'events' } }],
    fields: { ...user, 'ka.verb': 'deletecollection' },
  },
};

let detecting: Detecting;
beforeAll(async () => {
  detecting = await detect([rulesFile], 'first');
});
afterAll(() => detecting.source.stop());

async function alertsFor(sent: Sent): Promise<Detecting['alerts']> {
  detecting.alerts.length = 0;
  const answer = await post(detecting.port, eventList(event(sent)));
  expect(answer.body).toEqual({ taken: 1, duplicates: 0, refused: {} });
  return [...detecting.alerts];
}

describe('our audit rules', () => {
  it('all have a case here', () => {
    expect(ruleNames.length).toBeGreaterThan(30);
    expect(Object.keys(cases).toSorted()).toEqual(ruleNames.toSorted());
  });

  describe.each(Object.entries(cases))('%s', (name, { fires, silent, fields }) => {
    it('alerts, with what happened in its fields', async () => {
      for (const [n, sent] of fires.entries()) {
        const alerts = await alertsFor(sent);
        expect(alerts.map((alert) => alert.rule), JSON.stringify(sent)).toEqual([name]);
        expect(alerts[0].output).not.toContain('%');
        if (n === 0) expect(alerts[0].output_fields).toMatchObject(fields);
      }
    });

    it('is silent about what is harmless', async () => {
      for (const sent of silent) expect((await alertsFor(sent)).map((alert) => alert.rule), JSON.stringify(sent)).not.toContain(name);
    });
  });
});
