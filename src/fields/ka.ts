// SPDX-License-Identifier: Apache-2.0
/** `ka.*`: Kubernetes audit events. One table over JSON pointers; what a pointer alone cannot say is in `ka-read.ts`. */
import type { AuditEvent } from '../events/audit-event.js';
import type { FieldArgument, FieldClass, FieldDef, FieldReader } from '../lang/catalogue.js';
import { asText, compilePointer, followEvent, pointerKeys } from './json-read.js';
import { CONTAINER_FIELDS, CONTAINER_LISTS } from './ka-containers.js';
import {
  type Collect,
  flattened,
  memberNames,
  present,
  queryParameter,
  repositoryOf,
  subjectNames,
} from './ka-read.js';

type Read<T> = (event: AuditEvent, argument: FieldArgument | null) => T | null;

interface Extra {
  readonly argument?: NonNullable<FieldDef['argument']>;
}

const KEY: Extra = { argument: { required: true, index: false, key: true } };
const INDEX: Extra = { argument: { required: false, index: true, key: false } };

/** JSON that carries no audit ID is no audit event: it has no `ka.*`. */
function computed(name: string, desc: string, read: Read<string>, extra: Extra = {}): FieldDef<AuditEvent> {
  return {
    name,
    type: 'CHARBUF',
    desc,
    ...extra,
    bind: (argument) => (event) => (event.hasAuditId ? read(event, argument) : null),
  };
}

function computedList(name: string, desc: string, read: Read<readonly string[]>, extra: Extra = {}): FieldDef<AuditEvent> {
  return {
    name,
    type: 'CHARBUF',
    list: true,
    desc,
    ...extra,
    bind: (argument) => (event) => (event.hasAuditId ? read(event, argument) : null),
  };
}

/** The value at a pointer, as text. */
function value(name: string, pointer: string, desc: string, extra: Extra = {}): FieldDef<AuditEvent> {
  const find = compilePointer(pointer);
  const path = pointerKeys(pointer);
  const key = path.join('/');
  const read: FieldReader<AuditEvent> = (event) => {
    if (!event.hasAuditId) return null;
    const found = find(event);
    return found === undefined ? null : asText(event, found, path, key);
  };
  return { name, type: 'CHARBUF', desc, ...extra, bind: () => read };
}

/** The elements of the array at a pointer, as text. */
function list(name: string, pointer: string, desc: string): FieldDef<AuditEvent> {
  const find = compilePointer(pointer);
  const path = pointerKeys(pointer);
  return computedList(name, desc, (event) => {
    const found = find(event);
    if (!Array.isArray(found) || found.length === 0) return null;
    return found.map((element, n) => asText(event, element, path.concat(String(n)), `${path.join('/')}/${n}`));
  });
}

/** What a pointer leads to through all arrays on its way, or through one element of them. */
function each(name: string, pointer: string, collect: Collect, desc: string): FieldDef<AuditEvent> {
  const keys = pointerKeys(pointer);
  return computedList(
    name,
    desc,
    (event, argument) => {
      const found = followEvent(event, keys, argument?.index ?? null);
      return found === null ? null : collect(event, found);
    },
    INDEX,
  );
}

/** What a pointer leads to in the first container. */
function ofFirst(event: AuditEvent, pointer: string): string | null {
  return present(event, followEvent(event, pointerKeys(pointer), 0) ?? [])?.[0] ?? null;
}

const IMAGE = '/requestObject/spec/containers/image';
const HOST_PATH = '/requestObject/spec/volumes/hostPath/path';
const findUri = compilePointer('/requestURI');
const findResource = compilePointer('/objectRef/resource');
const findSubresource = compilePointer('/objectRef/subresource');
const findResponseName = compilePointer('/responseObject/metadata/name');

const REQUEST: readonly FieldDef<AuditEvent>[] = [
  value('ka.auditid', '/auditID', 'ID of the request; all events of one request have the same.'),
  value('ka.stage', '/stage', 'Stage of the request: RequestReceived, ResponseStarted, ResponseComplete or Panic.'),
  value('ka.auth.decision', '/annotations/authorization.k8s.io~1decision', 'What authorization said: allow or forbid.'),
  value('ka.auth.reason', '/annotations/authorization.k8s.io~1reason', 'Why authorization said so.'),
  value(
    'ka.auth.openshift.decision',
    '/annotations/authentication.openshift.io~1decision',
    'OpenShift: what authentication said.',
  ),
  value(
    'ka.validations.admission.policy.failure',
    '/annotations/validation.policy.admission.k8s.io~1validation_failure',
    'What a validating admission policy found wrong.',
  ),
  value(
    'ka.security.pod.violations',
    '/annotations/pod-security.kubernetes.io~1audit-violations',
    'What pod security admission found wrong.',
  ),
  value(
    'ka.auth.openshift.username',
    '/annotations/authentication.openshift.io~1username',
    'OpenShift: the user who authenticated.',
  ),
  value('ka.user.name', '/user/username', 'Who made the request.'),
  list('ka.user.groups', '/user/groups', 'Groups of the user who made the request.'),
  value('ka.impuser.name', '/impersonatedUser/username', 'The user that the request was made as, by impersonation.'),
  value('ka.verb', '/verb', 'What was asked for: get, list, watch, create, update, patch, delete, deletecollection.'),
  value('ka.uri', '/requestURI', 'Path and query of the request.'),
  computed(
    'ka.uri.param',
    'A parameter of the query: with the URI /foo?key=val, ka.uri.param[key] is val.',
    (event, argument) => {
      const uri = findUri(event);
      return typeof uri === 'string' ? queryParameter(uri, argument?.text ?? '') : null;
    },
    KEY,
  ),
  value('ka.target.name', '/objectRef/name', 'Name of the object that the request is about.'),
  value('ka.target.namespace', '/objectRef/namespace', 'Namespace of that object.'),
  value('ka.target.resource', '/objectRef/resource', 'Resource of that object: pods, secrets.'),
  value('ka.target.subresource', '/objectRef/subresource', 'Subresource: exec, attach, log, status.'),
  computed('ka.target.pod.name', 'Name of the pod that the answer to a request about a pod itself shows.', (event) => {
    if (findResource(event) !== 'pods') return null;
    const subresource = findSubresource(event);
    if (typeof subresource === 'string' && subresource !== '') return null;
    const name = findResponseName(event);
    return name === undefined ? null : asText(event, name, ['responseObject', 'metadata', 'name'], 'responseObject/metadata/name');
  }),
  value('ka.resp.name', '/responseObject/metadata/name', 'Name of the object in the answer.'),
  value('ka.response.code', '/responseStatus/code', 'HTTP status of the answer.'),
  value('ka.response.reason', '/responseStatus/reason', 'Reason in the answer, of failures as a rule.'),
  value('ka.useragent', '/userAgent', 'What the client calls itself.'),
  each(
    'ka.sourceips',
    '/sourceIPs',
    flattened,
    'Addresses that the request came from: the client and the proxies on the way. With an index, one of them.',
  ),
  value('ka.cluster.name', '/annotations/cluster_name', 'Name of the cluster, where an annotation tells it.'),
];

const BINDINGS: readonly FieldDef<AuditEvent>[] = [
  list('ka.req.binding.subjects', '/requestObject/subjects', 'Who a role binding binds, each as JSON.'),
  computedList('ka.req.binding.subjects.user_names', 'Users that a role binding binds.', (event) =>
    subjectNames(event, 'User', false),
  ),
  computedList('ka.req.binding.subjects.serviceaccount_names', 'Service accounts that a role binding binds.', (event) =>
    subjectNames(event, 'ServiceAccount', false),
  ),
  computedList(
    'ka.req.binding.subjects.serviceaccount_ns_names',
    'Service accounts that a role binding binds, as namespace:name.',
    (event) => subjectNames(event, 'ServiceAccount', true),
  ),
  computedList('ka.req.binding.subjects.group_names', 'Groups that a role binding binds.', (event) =>
    subjectNames(event, 'Group', false),
  ),
  value('ka.req.binding.role', '/requestObject/roleRef/name', 'Role that a role binding binds them to.'),
  computed(
    'ka.req.binding.subject.has_name',
    'Does a role binding bind somebody of this name? true or false.',
    (event, argument) => {
      const names = subjectNames(event, null, false);
      return names === null ? null : String(names.includes(argument?.text ?? ''));
    },
    KEY,
  ),
  list('ka.req.role.rules', '/requestObject/rules', 'Rules of a role, each as JSON.'),
  each('ka.req.role.rules.apiGroups', '/requestObject/rules/apiGroups', flattened, 'API groups in the rules of a role.'),
  each(
    'ka.req.role.rules.nonResourceURLs',
    '/requestObject/rules/nonResourceURLs',
    flattened,
    'URLs that are no resources in the rules of a role.',
  ),
  each('ka.req.role.rules.verbs', '/requestObject/rules/verbs', flattened, 'Verbs in the rules of a role.'),
  each('ka.req.role.rules.resources', '/requestObject/rules/resources', flattened, 'Resources in the rules of a role.'),
];

const OBJECTS: readonly FieldDef<AuditEvent>[] = [
  value('ka.req.configmap.name', '/objectRef/name', 'Name of the config map.'),
  value('ka.req.configmap.obj', '/requestObject/data', 'Contents of the config map in the request, as JSON.'),
  value('ka.req.service.type', '/requestObject/spec/type', 'Type of the service: ClusterIP, NodePort, LoadBalancer.'),
  computedList(
    'ka.req.service.ports',
    'Ports of the service: one JSON array, or with an index one of them.',
    (event, argument) => {
      const keys = ['requestObject', 'spec', 'ports'];
      const index = argument?.index ?? null;
      const found = followEvent(event, index === null ? keys : keys.concat(''), index);
      return found === null ? null : present(event, found);
    },
    INDEX,
  ),
];

const PODS: readonly FieldDef<AuditEvent>[] = [
  computed('ka.req.container.image', 'Image of the first container.', (event) => ofFirst(event, IMAGE)),
  computed(
    'ka.req.container.image.repository',
    'Image of the first container, without tag and digest.',
    (event) => {
      const image = ofFirst(event, IMAGE);
      return image === null ? null : repositoryOf(image);
    },
  ),
  computed(
    'ka.req.container.privileged',
    'Is a container of the pod privileged? true or false.',
    (event) => {
      const keys = pointerKeys('/requestObject/spec/containers/securityContext/privileged');
      const found = followEvent(event, keys, null);
      return found === null ? null : String(found.some((one) => one?.value === true));
    },
  ),
  value('ka.req.pod.host_ipc', '/requestObject/spec/hostIPC', 'Is the pod in the IPC namespace of the host?'),
  value('ka.req.pod.host_network', '/requestObject/spec/hostNetwork', 'Is the pod in the network of the host?'),
  value('ka.req.container.host_network', '/requestObject/spec/hostNetwork', 'The older name of ka.req.pod.host_network.'),
  value('ka.req.pod.host_pid', '/requestObject/spec/hostPID', 'Is the pod in the PID namespace of the host?'),
  value('ka.req.pod.run_as_user', '/requestObject/spec/securityContext/runAsUser', 'User that the pod sets.'),
  value('ka.req.pod.run_as_group', '/requestObject/spec/securityContext/runAsGroup', 'Group that the pod sets.'),
  value('ka.req.pod.fs_group', '/requestObject/spec/securityContext/fsGroup', 'Group that owns the volumes of the pod.'),
  list(
    'ka.req.pod.supplemental_groups',
    '/requestObject/spec/securityContext/supplementalGroups',
    'Further groups that the pod sets.',
  ),
  each('ka.req.pod.volumes.hostpath', HOST_PATH, present, 'Paths of the host that the pod mounts.'),
  computed(
    'ka.req.volume.hostpath',
    'Does the pod mount this path of the host (with a * at the end: one that begins so)? true or false.',
    (event, argument) => {
      const found = followEvent(event, pointerKeys(HOST_PATH), null);
      if (found === null) return null;
      const wanted = argument?.text ?? '';
      const prefix = wanted.endsWith('*') ? wanted.slice(0, -1) : null;
      const paths = present(event, found) ?? [];
      return String(paths.some((path) => path === wanted || (prefix !== null && path.startsWith(prefix))));
    },
    KEY,
  ),
  each(
    'ka.req.pod.volumes.flexvolume_driver',
    '/requestObject/spec/volumes/flexVolume/driver',
    present,
    'Drivers of the flex volumes of the pod.',
  ),
  each('ka.req.pod.volumes.volume_type', '/requestObject/spec/volumes/', memberNames, 'Kinds of the volumes of the pod.'),
];

const CONTAINERS: readonly FieldDef<AuditEvent>[] = CONTAINER_LISTS.flatMap(({ list: containers, label }) =>
  CONTAINER_FIELDS.filter((field) => field.notIn !== containers).map((field) =>
    each(
      `ka.req.pod.${containers}.${field.name}`,
      `/requestObject/spec/${containers}/${field.below}`,
      field.collect,
      `For each of the pod's ${label}: ${field.desc}`,
    ),
  ),
);

export const KA_CLASS: FieldClass<AuditEvent> = {
  name: 'k8saudit (plugin)',
  shortDesc: 'Kubernetes audit events',
  desc: 'Requests to a Kubernetes API server, as its audit log tells them.',
  fields: [...REQUEST, ...BINDINGS, ...OBJECTS, ...PODS, ...CONTAINERS],
};
