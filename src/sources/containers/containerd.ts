// SPDX-License-Identifier: Apache-2.0
/** containerd without Kubernetes: containers that `ctr`, nerdctl and others made, in all of its namespaces. */
import type { ContainerInfo } from '../../state/containers.js';
import { ContainerdClient } from './containerd-client.js';
import { CONTAINERD_PACKAGES } from './containerd-proto.js';
import type { ContainerEngine, EngineOptions, Told } from './engine.js';
import { GrpcApi } from './grpc-api.js';

export class ContainerdEngine implements ContainerEngine {
  readonly name = 'containerd';
  private readonly api: GrpcApi;
  private readonly client: ContainerdClient;

  /** `others`: namespaces whose containers another engine describes better. */
  constructor(
    readonly socket: string,
    options: EngineOptions,
    private readonly others: ReadonlySet<string>,
  ) {
    this.api = new GrpcApi(socket, CONTAINERD_PACKAGES);
    this.client = new ContainerdClient(this.api, options);
  }

  async inspect(id: string): Promise<ContainerInfo | null> {
    for (const namespace of await this.namespaces()) {
      const found = await this.client.containerFrom(namespace, id);
      if (found !== null) return found;
    }
    return null;
  }

  async running(): Promise<readonly string[]> {
    const namespaces = await this.namespaces();
    return (await Promise.all(namespaces.map((namespace) => this.client.running(namespace)))).flat();
  }

  follow(told: Told): Promise<void> {
    return this.client.follow((namespace) => !this.others.has(namespace), told);
  }

  close(): Promise<void> {
    return this.api.close();
  }

  private async namespaces(): Promise<readonly string[]> {
    return (await this.client.namespaces()).filter((namespace) => !this.others.has(namespace));
  }
}
