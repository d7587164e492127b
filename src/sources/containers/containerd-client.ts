// SPDX-License-Identifier: Apache-2.0
/** containerd's own API: containers of its namespaces, and its word when one is made or started. */
import { bareContainer, type ContainerInfo, type ContainerMount } from '../../state/containers.js';
import type { EngineOptions, Hook, Told } from './engine.js';
import type { GrpcApi } from './grpc-api.js';
import { splitImageName } from './image-name.js';
import { type Json, labels, list, object, text } from './json.js';
import { ofOciSpec } from './oci-spec.js';
import { withPod } from './pod.js';

const SHORT_ID = 12;
const CONTAINERS = 'containerd.services.containers.v1.Containers';
/** A task that runs, by its number. */
const RUNNING = 2;
/** A container is made before its first process, and started with it. */
const TOPICS: Readonly<Record<Hook, string>> = { create: '/containers/create', start: '/tasks/start' };

/** What containers of Kubernetes are labelled with, and what their specifications say of the pod. */
const KIND = 'io.cri-containerd.kind';
/** The pod's /etc/hosts and the like, which the runtime makes itself. */
const OWN_FILES = '/io.containerd.grpc.v1.cri/sandboxes/';
const ANNOTATION = 'io.kubernetes.cri.';

export class ContainerdClient {
  constructor(
    private readonly api: GrpcApi,
    private readonly options: EngineOptions,
  ) {}

  async namespaces(): Promise<readonly string[]> {
    const answer = await this.api.call('containerd.services.namespaces.v1.Namespaces', 'List', {});
    return list(answer?.namespaces).map((one) => text(object(one).name));
  }

  /** Null: the namespace has none with this id. */
  async container(namespace: string, id: string): Promise<ContainerInfo | null> {
    const answer = await this.api.call(CONTAINERS, 'Get', { id }, within(namespace));
    return answer === null ? null : this.describe(namespace, object(answer.container));
  }

  /**
   * The one that has this id, or the only one whose id begins so: of the ids that name cgroups only the beginning is kept.
   * Null: none, or several.
   */
  async containerFrom(namespace: string, id: string): Promise<ContainerInfo | null> {
    const filters = [`id~="^${id.replace(/[^A-Za-z0-9_-]/g, '.')}"`];
    const found = list((await this.api.call(CONTAINERS, 'List', { filters }, within(namespace)))?.containers).map(object);
    const one = found.find((container) => container.id === id) ?? (found.length === 1 ? found[0] : undefined);
    return one === undefined ? null : this.describe(namespace, one);
  }

  /** Ids of those that have a running process. */
  async running(namespace: string): Promise<readonly string[]> {
    const answer = await this.api.call('containerd.services.tasks.v1.Tasks', 'List', {}, within(namespace));
    return list(answer?.tasks).map(object).filter((task) => task.status === RUNNING).map((task) => text(task.id) || text(task.containerId));
  }

  /** Tells of containers as they are made and started in the namespaces that are wanted. */
  follow(wanted: (namespace: string) => boolean, told: Told): Promise<void> {
    const filters = this.options.hooks.map((hook) => `topic=="${TOPICS[hook]}"`);
    return this.api.stream('containerd.services.events.v1.Events', 'Subscribe', { filters }, (envelope) => {
      const namespace = text(envelope.namespace);
      const id = text(object(object(envelope.event).value).containerId);
      if (id === '' || !wanted(namespace)) return;
      // Where this fails, the container is asked about once a process in it is seen, and counted then.
      this.container(namespace, id).then((info) => info !== null && told(info, true), () => undefined);
    });
  }

  private async describe(namespace: string, container: Json): Promise<ContainerInfo> {
    const name = text(container.image);
    const sandboxId = text(container.sandbox);
    const [image, sandbox] = await Promise.all([
      name === '' ? null : this.optional('containerd.services.images.v1.Images', 'Get', { name }, namespace),
      sandboxId === '' ? null : this.optional('containerd.services.sandbox.v1.Store', 'Get', { sandboxId }, namespace),
    ]);
    return containerdContainer(container, object(object(image).image), object(object(sandbox).sandbox), this.options.labelMaxLen);
  }

  /** An image may be gone, and older daemons keep no sandboxes. */
  private optional(service: string, method: string, request: Json, namespace: string): Promise<Json | null> {
    return this.api.call(service, method, request, within(namespace)).catch(() => null);
  }
}

function within(namespace: string): Readonly<Record<string, string>> {
  return { 'containerd-namespace': namespace };
}

/** From a container of containerd, its image and its sandbox. */
function containerdContainer(container: Json, image: Json, sandbox: Json, labelMaxLen: number): ContainerInfo {
  const id = text(container.id);
  const spec = specOf(container);
  const annotations = object(spec.annotations);
  const said = (key: string): string => text(annotations[`${ANNOTATION}${key}`]);
  const own = labels(container.labels, labelMaxLen);
  const podSandboxId = text(container.sandbox) || said('sandbox-id');
  const name = text(container.image) || said('image-name');
  const { repository, tag } = splitImageName(name);
  const kind = own.get(KIND);
  const ofSpec = ofOciSpec(spec);
  return {
    ...bareContainer(id.slice(0, SHORT_ID), 'containerd'),
    ...ofSpec,
    ...(kind === undefined ? {} : { mounts: ofSpec.mounts.filter(isAskedFor) }),
    fullId: id,
    name: said('container-name') || id.slice(0, SHORT_ID),
    image: name,
    imageRepository: repository,
    imageTag: tag,
    imageDigest: text(object(image.target).digest),
    labels: withPod(own, { sandboxId: podSandboxId, uid: said('sandbox-uid'), name: said('sandbox-name'), namespace: said('sandbox-namespace') }),
    created: BigInt(text(object(container.createdAt).seconds) || 0) * 1_000_000_000n,
    podSandboxId,
    podSandboxLabels: labels(sandbox.labels, labelMaxLen),
    isPodSandbox: kind === 'sandbox',
  };
}

/** The mounts that Kubernetes asks for are of files and folders; what else there is the runtime adds to each container. */
function isAskedFor({ source }: ContainerMount): boolean {
  return source.startsWith('/') && !source.includes(OWN_FILES);
}

function specOf(container: Json): Json {
  try {
    return object(JSON.parse(text(object(container.spec).value)));
  } catch {
    return {};
  }
}
