// SPDX-License-Identifier: Apache-2.0
/** `k8s.*`: the pod that the container belongs to, from the container runtime. */
import type { EventView } from '../events/event-view.js';
import type { FieldClass } from '../lang/catalogue.js';
import type { ContainerInfo } from '../state/containers.js';
import { field, fieldWith } from './catalogue.js';
import { containerFields, emptyField, type Field, KEY, labelsText, ofContainer, type Reader } from './container.js';
import type { FieldContext } from './context.js';

const SHORT_ID = 12;

/** A runtime that tells of the network only in the sandbox's own entry: the sandbox, otherwise null. */
function sandboxEntry(context: FieldContext, info: ContainerInfo): ContainerInfo | null {
  return info.podSandboxId === '' ? null : context.containers.get(info.podSandboxId.slice(0, SHORT_ID));
}

function podFields(context: FieldContext): readonly Field[] {
  const label = (key: string): Reader => ofContainer(context, (info) => info.labels.get(key) ?? null);
  const podLabels = (info: ContainerInfo): ReadonlyMap<string, string> => {
    const sandbox = info.podSandboxCniJson === '' ? sandboxEntry(context, info) : null;
    return sandbox?.podSandboxLabels ?? info.podSandboxLabels;
  };
  const podLabel = (info: ContainerInfo, key: string): string | null =>
    podLabels(info).get(key) ?? info.podSandboxLabels.get(key) ?? null;
  /** A container without a network result of its own has its sandbox's, where that is known. On the host both are empty. */
  const owner = (info: ContainerInfo): ContainerInfo | null => {
    if (info.podSandboxCniJson !== '') return info;
    return info.podSandboxId === '' ? context.containers.get('') : (sandboxEntry(context, info) ?? info);
  };
  // biome-ignore format: one line a field
  return [
    field('k8s.pod.name', 'CHARBUF', 'Name of the pod.', label('io.kubernetes.pod.name')),
    field('k8s.ns.name', 'CHARBUF', 'Namespace of the pod.', label('io.kubernetes.pod.namespace')),
    field('k8s.pod.id', 'CHARBUF', 'Uid of the pod.', label('io.kubernetes.pod.uid'), { deprecated: true }),
    field('k8s.pod.uid', 'CHARBUF', 'Uid of the pod.', label('io.kubernetes.pod.uid')),
    field('k8s.pod.sandbox_id', 'CHARBUF', "First 12 characters of the id of the pod's sandbox.", ofContainer(context, (info) => info.podSandboxId.slice(0, SHORT_ID))),
    field('k8s.pod.full_sandbox_id', 'CHARBUF', "The whole id of the pod's sandbox.", ofContainer(context, (info) => info.podSandboxId)),
    fieldWith('k8s.pod.label', 'CHARBUF', 'One label of the pod: `k8s.pod.label[app]`.', KEY, (argument) => ofContainer(context, (info) => podLabel(info, argument?.text ?? ''))),
    field('k8s.pod.labels', 'CHARBUF', 'All labels of the pod: `key:value`, separated by commas.', ofContainer(context, (info) => labelsText(podLabels(info)))),
    field('k8s.pod.ip', 'CHARBUF', 'Primary IPv4 address of the pod.', ofContainer(context, (info) => owner(info)?.ip ?? null)),
    field('k8s.pod.cni.json', 'CHARBUF', "The network plugin's result for the pod, as JSON.", ofContainer(context, (info) => owner(info)?.podSandboxCniJson ?? null)),
  ];
}

/** Objects that only the API server knows of; the names are kept so that old rules load. */
function objectFields(prefix: string, what: string, withName: boolean): readonly Field[] {
  const never = `${what}: never set, use the k8smeta fields.`;
  return [
    ...(withName ? [emptyField(`${prefix}.name`, never)] : []),
    emptyField(`${prefix}.id`, never),
    fieldWith<EventView>(`${prefix}.label`, 'CHARBUF', never, KEY, () => () => null, { deprecated: true }),
    emptyField(`${prefix}.labels`, never),
  ];
}

/** `container.*` and `k8s.*` are one class: what the container plugin is to the ecosystem. */
export function containerClass(context: FieldContext): FieldClass<EventView> {
  return {
    name: 'container (plugin)',
    desc: 'The container and the pod that the process runs in.',
    fields: [
      ...containerFields(context),
      ...podFields(context),
      ...objectFields('k8s.rc', 'Replication controller', true),
      ...objectFields('k8s.svc', 'Service', true),
      ...objectFields('k8s.ns', 'Namespace', false),
      ...objectFields('k8s.rs', 'Replica set', true),
      ...objectFields('k8s.deployment', 'Deployment', true),
    ],
  };
}
