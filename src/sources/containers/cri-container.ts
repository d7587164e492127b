// SPDX-License-Identifier: Apache-2.0
/** Containers and pod sandboxes out of what the Container Runtime Interface answers, with the runtime's own JSON in `info`. */
import { bareContainer, type ContainerInfo, type ContainerMount, type ContainerType } from '../../state/containers.js';
import { NAMESPACE_OF_NODE } from './cri-proto.js';
import { splitImageName } from './image-name.js';
import { type Json, labels, list, object, text } from './json.js';
import { withPod } from './pod.js';

const SHORT_ID = 12;
const SHA256 = 'sha256:';
/** By the interface's number. */
const PROPAGATION: readonly string[] = ['private', 'rslave', 'rshared'];
/** Longer network results are cut. */
const MAX_CNI = 4096;
const CRIO_CNI = 'io.kubernetes.cri-o.CNIResult';
/** Where the specification's annotations name the image. */
const IMAGE_NAMES = ['io.kubernetes.cri.image-name', 'io.kubernetes.cri-o.Image', 'io.kubernetes.cri-o.ImageName'];

/** `container` and `sandbox` are the answers: `status`, and `info` where it was asked for. */
export function criContainer(type: ContainerType, container: Json, sandbox: Json, labelMaxLen: number): ContainerInfo {
  const status = object(container.status);
  const id = text(status.id);
  const info = verbose(container);
  const podSandboxId = text(object(sandbox.status).id) || id;
  return {
    ...bareContainer(id.slice(0, SHORT_ID), type),
    ...ofPod(sandbox, podSandboxId, labels(status.labels, labelMaxLen), labelMaxLen),
    ...imageOf(status, info),
    fullId: id,
    name: text(object(status.metadata).name),
    privileged: isPrivileged(info),
    mounts: list(status.mounts).map((one) => mountOf(object(one))),
    created: secondsOf(status.createdAt),
    user: text(object(object(status.user).linux).uid) || '0',
  };
}

/** A sandbox holds the pod's namespaces, often by a process that only waits. */
export function criSandbox(type: ContainerType, sandbox: Json, labelMaxLen: number): ContainerInfo {
  const status = object(sandbox.status);
  const id = text(status.id);
  const image = text(verbose(sandbox).image);
  const { repository, tag } = splitImageName(image);
  return {
    ...bareContainer(id.slice(0, SHORT_ID), type),
    ...ofPod(sandbox, id, labels(status.labels, labelMaxLen), labelMaxLen),
    fullId: id,
    image,
    imageRepository: repository,
    imageTag: tag,
    created: secondsOf(status.createdAt),
    isPodSandbox: true,
  };
}

/** What a container has from its pod. */
function ofPod(
  sandbox: Json, podSandboxId: string, own: ReadonlyMap<string, string>, labelMaxLen: number,
): Pick<ContainerInfo, 'labels' | 'podSandboxId' | 'podSandboxLabels' | 'podSandboxCniJson' | 'ip' | 'hostPid' | 'hostNetwork' | 'hostIpc'> {
  const status = object(sandbox.status);
  const metadata = object(status.metadata);
  const modes = object(object(object(status.linux).namespaces).options);
  return {
    labels: withPod(own, { sandboxId: podSandboxId, uid: text(metadata.uid), name: text(metadata.name), namespace: text(metadata.namespace) }),
    podSandboxId,
    podSandboxLabels: labels(status.labels, labelMaxLen),
    podSandboxCniJson: cniOf(verbose(sandbox)),
    ip: text(object(status.network).ip),
    hostPid: modes.pid === NAMESPACE_OF_NODE,
    hostNetwork: modes.network === NAMESPACE_OF_NODE,
    hostIpc: modes.ipc === NAMESPACE_OF_NODE,
  };
}

/** The runtime's own JSON: containerd's and CRI-O's differ. */
function verbose(answer: Json): Json {
  try {
    return object(JSON.parse(text(object(answer.info).info)));
  } catch {
    return {};
  }
}

function mountOf(mount: Json): ContainerMount {
  const propagation = typeof mount.propagation === 'number' ? mount.propagation : 0;
  return {
    source: text(mount.hostPath), dest: text(mount.containerPath), mode: '',
    rdwr: mount.readonly !== true, propagation: PROPAGATION[propagation] ?? 'unknown',
  };
}

/** The image is named by its digest in a registry, or by its id, and the name that was asked for stands elsewhere. */
function imageOf(status: Json, info: Json): Pick<ContainerInfo, 'image' | 'imageId' | 'imageRepository' | 'imageTag' | 'imageDigest'> {
  const asked = text(object(status.image).image);
  const ref = text(status.imageRef);
  const at = ref.indexOf(`@${SHA256}`);
  const imageDigest = at > 0 ? ref.slice(at + 1) : ref.startsWith(SHA256) ? ref : '';
  const pulled = at > 0 ? ref.slice(0, at) : '';
  const usual = pulled || asked;
  const annotations = object(object(info.runtimeSpec).annotations);
  const named = usual === '' || usual.startsWith('sha256') ? IMAGE_NAMES.map((key) => text(annotations[key])).find((name) => name !== '') : undefined;
  const name = named ?? usual;
  const { repository, tag: ownTag } = splitImageName(name);
  const askedTag = pulled !== '' && named === undefined && !asked.startsWith(SHA256) ? splitImageName(asked).tag : '';
  return {
    image: askedTag === '' ? name : `${name}:${askedTag}`,
    imageRepository: repository,
    imageTag: askedTag || ownTag,
    imageDigest,
    imageId: imageId(text(object(object(info.config).image).image), text(status.imageId), ref),
  };
}

/** The first that is an image's id; CRI-O has them without `sha256:`. */
function imageId(...ids: readonly string[]): string {
  for (const id of ids) {
    const digits = /^(?:sha256:)?([0-9a-f]{64})$/.exec(id);
    if (digits !== null) return digits[1];
  }
  return '';
}

function isPrivileged(info: Json): boolean {
  const asked = object(object(object(info.config).linux).security_context).privileged;
  return (typeof asked === 'boolean' ? asked : info.privileged) === true;
}

/** containerd gives every interface, of which the pod's own are kept with their addresses; CRI-O gives the plugin's result. */
function cniOf(info: Json): string {
  const interfaces = Object.entries(object(object(info.cniResult).Interfaces)).filter(([name]) => name !== 'lo' && !name.startsWith('veth'));
  const annotation = text(object(object(info.runtimeSpec).annotations)[CRIO_CNI]);
  const found = interfaces.length > 0
    ? JSON.stringify(Object.fromEntries(interfaces.map(([name, one]) => [name, { IPConfigs: object(one).IPConfigs ?? null }])))
    : annotation;
  return found.slice(0, MAX_CNI);
}

/** Nanoseconds as text, to the second as Falco has it. */
function secondsOf(nanoseconds: unknown): bigint {
  const value = text(nanoseconds);
  return /^\d+$/.test(value) ? (BigInt(value) / 1_000_000_000n) * 1_000_000_000n : 0n;
}
