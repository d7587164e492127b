// SPDX-License-Identifier: Apache-2.0
/** Container metadata as the events of captures carry them: JSON with one object under `container`. */
import { bareContainer, type ContainerInfo, type ContainerMount, type ContainerType } from './containers.js';

/** The name of the asynchronous event that carries one. */
export const CONTAINER_APPEARED = 'container';

/** The wire's numbers for runtimes. */
const TYPES: Readonly<Record<number, ContainerType>> = {
  0: 'docker',
  1: 'lxc',
  2: 'libvirt-lxc',
  3: 'mesos',
  4: 'rkt',
  6: 'cri',
  7: 'containerd',
  8: 'cri-o',
  9: 'bpm',
  11: 'podman',
  65534: 'host',
};

function containerType(number: number): ContainerType {
  return TYPES[number] ?? '';
}

const NUMBERS: ReadonlyMap<ContainerType, number> = new Map(Object.entries(TYPES).map(([number, type]) => [type, Number(number)]));
const UNKNOWN_TYPE = 65535;

/** The other way round. */
export function formatContainerJson(info: ContainerInfo): string {
  return JSON.stringify({
    container: {
      id: info.id,
      full_id: info.fullId,
      type: NUMBERS.get(info.type) ?? UNKNOWN_TYPE,
      name: info.name,
      image: info.image,
      imageid: info.imageId,
      imagerepo: info.imageRepository,
      imagetag: info.imageTag,
      imagedigest: info.imageDigest,
      privileged: info.privileged,
      Mounts: info.mounts.map((one) => ({ Source: one.source, Destination: one.dest, Mode: one.mode, RW: one.rdwr, Propagation: one.propagation })),
      ip: info.ip,
      host_pid: info.hostPid,
      host_network: info.hostNetwork,
      host_ipc: info.hostIpc,
      labels: Object.fromEntries(info.labels),
      created_time: Number(info.created / 1_000_000_000n),
      User: info.user,
      pod_sandbox_id: info.podSandboxId,
      cni_json: info.podSandboxCniJson,
      pod_sandbox_labels: Object.fromEntries(info.podSandboxLabels),
      is_pod_sandbox: info.isPodSandbox,
    },
  });
}

/** Null: no such JSON, or no id in it. Properties that are missing or of another type are taken as empty. */
export function parseContainerJson(text: string): ContainerInfo | null {
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch {
    return null;
  }
  const container = asObject(asObject(root)?.container);
  if (container === null) return null;
  const string = (key: string): string => (typeof container[key] === 'string' ? container[key] : '');
  const boolean = (key: string): boolean => container[key] === true;
  const number = (key: string): number => (typeof container[key] === 'number' ? container[key] : 0);
  const id = string('id');
  if (id === '') return null;
  return {
    ...bareContainer(id, containerType(number('type'))),
    fullId: string('full_id'),
    name: string('name'),
    image: string('image'),
    imageId: string('imageid'),
    imageRepository: string('imagerepo'),
    imageTag: string('imagetag'),
    imageDigest: string('imagedigest'),
    privileged: boolean('privileged'),
    mounts: (Array.isArray(container.Mounts) ? container.Mounts : []).map(mount),
    ip: string('ip'),
    hostPid: boolean('host_pid'),
    hostNetwork: boolean('host_network'),
    hostIpc: boolean('host_ipc'),
    labels: strings(container.labels),
    created: BigInt(Math.trunc(number('created_time'))) * 1_000_000_000n,
    user: string('User'),
    podSandboxId: string('pod_sandbox_id'),
    podSandboxCniJson: string('cni_json'),
    podSandboxLabels: strings(container.pod_sandbox_labels),
    isPodSandbox: boolean('is_pod_sandbox'),
  };
}

function mount(value: unknown): ContainerMount {
  const object = asObject(value) ?? {};
  const string = (key: string): string => (typeof object[key] === 'string' ? object[key] : '');
  return {
    source: string('Source'),
    dest: string('Destination'),
    mode: string('Mode'),
    rdwr: object.RW === true,
    propagation: string('Propagation'),
  };
}

function strings(value: unknown): ReadonlyMap<string, string> {
  const object = asObject(value) ?? {};
  const map = new Map<string, string>();
  for (const key of Object.keys(object)) if (typeof object[key] === 'string') map.set(key, object[key]);
  return map;
}

function asObject(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
}
