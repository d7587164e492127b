// SPDX-License-Identifier: Apache-2.0
/** Runtimes of Kubernetes (containerd, CRI-O) by the Container Runtime Interface: containers, and the sandboxes of their pods. */
import type { ContainerInfo, ContainerType } from '../../state/containers.js';
import { ContainerdClient } from './containerd-client.js';
import { CONTAINERD_PACKAGES } from './containerd-proto.js';
import { criContainer, criSandbox } from './cri-container.js';
import { CONTAINER_CREATED_EVENT, CONTAINER_RUNNING, CONTAINER_STARTED_EVENT, type CriVersion, criPackage, SANDBOX_READY } from './cri-proto.js';
import type { ContainerEngine, EngineOptions, Hook, Told } from './engine.js';
import { GrpcApi, isUnimplemented } from './grpc-api.js';
import { type Json, list, object, text } from './json.js';

/** Where containerd keeps what it makes for Kubernetes. */
export const KUBERNETES_NAMESPACE = 'k8s.io';
const EVENTS: ReadonlyMap<unknown, Hook> = new Map([[CONTAINER_CREATED_EVENT, 'create'], [CONTAINER_STARTED_EVENT, 'start']]);

interface Runtime {
  readonly version: CriVersion;
  readonly type: ContainerType;
}

export class CriEngine implements ContainerEngine {
  readonly name = 'cri';
  private readonly api: GrpcApi;
  private runtime: Promise<Runtime | null> | null = null;

  constructor(
    readonly socket: string,
    private readonly options: EngineOptions,
  ) {
    this.api = new GrpcApi(socket, [criPackage('v1'), criPackage('v1alpha2'), ...CONTAINERD_PACKAGES]);
  }

  async inspect(id: string): Promise<ContainerInfo | null> {
    const runtime = await this.known();
    if (runtime === null) return null;
    const found = list((await this.call(runtime, 'ListContainers', { filter: { id } }))?.containers).map(object)[0];
    if (found === undefined) return this.sandbox(runtime, id);
    const [container, sandbox] = await Promise.all([
      this.call(runtime, 'ContainerStatus', { id: text(found.id), verbose: true }),
      this.call(runtime, 'PodSandboxStatus', { id: text(found.podSandboxId), verbose: true }),
    ]);
    return container === null ? null : criContainer(runtime.type, container, sandbox ?? {}, this.options.labelMaxLen);
  }

  async running(): Promise<readonly string[]> {
    const runtime = await this.known();
    if (runtime === null) return [];
    const [containers, sandboxes] = await Promise.all([
      this.call(runtime, 'ListContainers', { filter: { state: { state: CONTAINER_RUNNING } } }),
      this.call(runtime, 'ListPodSandbox', { filter: { state: { state: SANDBOX_READY } } }),
    ]);
    return [...list(containers?.containers), ...list(sandboxes?.items)].map((one) => text(object(one).id));
  }

  /**
   * containerd is followed by its own events: every release has them, and they come as soon as a container or a sandbox is
   * made. Others by those of the interface, which CRI-O has to be told to send (`enable_pod_events`).
   */
  async follow(told: Told): Promise<void> {
    this.runtime = null;
    const runtime = await this.known();
    if (runtime === null) return;
    if (runtime.type === 'containerd') {
      await new ContainerdClient(this.api, this.options).follow((namespace) => namespace === KUBERNETES_NAMESPACE, told);
      return;
    }
    try {
      await this.api.stream(service(runtime), 'GetContainerEvents', {}, (event) => {
        const hook = EVENTS.get(event.containerEventType ?? 0);
        if (hook === undefined || !this.options.hooks.includes(hook)) return;
        const info = this.ofEvent(runtime, event);
        if (info !== null) told(info, false);
      });
    } catch (error) {
      if (!isUnimplemented(error)) throw error;
    }
  }

  close(): Promise<void> {
    return this.api.close();
  }

  private async sandbox(runtime: Runtime, id: string): Promise<ContainerInfo | null> {
    const found = list((await this.call(runtime, 'ListPodSandbox', { filter: { id } }))?.items).map(object)[0];
    if (found === undefined) return null;
    const sandbox = await this.call(runtime, 'PodSandboxStatus', { id: text(found.id), verbose: true });
    return sandbox === null ? null : criSandbox(runtime.type, sandbox, this.options.labelMaxLen);
  }

  private ofEvent(runtime: Runtime, event: Json): ContainerInfo | null {
    const id = text(event.containerId);
    const sandbox = { status: event.podSandboxStatus };
    if (text(object(event.podSandboxStatus).id) === id) return criSandbox(runtime.type, sandbox, this.options.labelMaxLen);
    const status = list(event.containersStatuses).map(object).find((one) => one.id === id);
    return status === undefined ? null : criContainer(runtime.type, { status }, sandbox, this.options.labelMaxLen);
  }

  private call(runtime: Runtime, method: string, request: Json): Promise<Json | null> {
    return this.api.call(service(runtime), method, request);
  }

  /** Which runtime it is and how it is spoken to; null: nobody listens. Asked until there is an answer. */
  private known(): Promise<Runtime | null> {
    this.runtime ??= this.ask().then(
      (runtime) => {
        if (runtime === null) this.runtime = null;
        return runtime;
      },
      (error) => {
        this.runtime = null;
        throw error;
      },
    );
    return this.runtime;
  }

  private async ask(): Promise<Runtime | null> {
    for (const version of ['v1', 'v1alpha2'] as const) {
      try {
        const answer = await this.api.call(service({ version }), 'Version', {});
        return answer === null ? null : { version, type: typeOf(text(answer.runtimeName)) };
      } catch (error) {
        if (version === 'v1alpha2' || !isUnimplemented(error)) throw error;
      }
    }
    return null;
  }
}

function service({ version }: Pick<Runtime, 'version'>): string {
  return `runtime.${version}.RuntimeService`;
}

function typeOf(runtime: string): ContainerType {
  return runtime === 'containerd' || runtime === 'cri-o' ? runtime : 'cri';
}
