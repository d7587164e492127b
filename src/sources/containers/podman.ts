// SPDX-License-Identifier: Apache-2.0
/** Podman from 4.0 on, by its own API, not the one that it shares with Docker. */
import { bareContainer, type ContainerInfo } from '../../state/containers.js';
import type { ContainerEngine, EngineOptions, Told } from './engine.js';
import { HttpApi } from './http-api.js';
import { splitImageName } from './image-name.js';
import { address, containerOfEvent, type Json, labels, list, mounts, object, seconds, text } from './json.js';

const SHORT_ID = 12;
const BASE = '/v4.0.0/libpod';

export class PodmanEngine implements ContainerEngine {
  readonly name = 'podman';
  private readonly api: HttpApi;

  constructor(
    readonly socket: string,
    private readonly options: EngineOptions,
    readonly user?: number | undefined,
  ) {
    this.api = new HttpApi(socket);
  }

  async inspect(id: string): Promise<ContainerInfo | null> {
    const answer = await this.api.get(`${BASE}/containers/${encodeURIComponent(id)}/json`);
    return answer === null ? null : podmanContainer(object(answer), this.options.labelMaxLen);
  }

  async running(): Promise<readonly string[]> {
    return list(await this.api.get(`${BASE}/containers/json`)).map((one) => text(object(one).Id));
  }

  follow(told: Told): Promise<void> {
    const filters = JSON.stringify({ type: ['container'], event: this.options.hooks });
    return this.api.stream(`${BASE}/events?stream=true&filters=${encodeURIComponent(filters)}`, (event) => {
      const info = containerOfEvent(event, 'podman', this.options.labelMaxLen);
      if (info !== null) told(info, false);
    });
  }

  close(): Promise<void> {
    return this.api.close();
  }
}

function podmanContainer(container: Json, labelMaxLen: number): ContainerInfo {
  const config = object(container.Config);
  const host = object(container.HostConfig);
  const id = text(container.Id);
  const name = text(container.Name).replace(/^\//, '');
  const image = text(container.ImageName);
  const { repository, tag } = splitImageName(image);
  return {
    ...bareContainer(id.slice(0, SHORT_ID), 'podman'),
    fullId: id,
    name,
    image,
    imageId: text(container.Image),
    imageRepository: repository,
    imageTag: tag,
    imageDigest: text(container.ImageDigest),
    privileged: host.Privileged === true,
    mounts: mounts(container.Mounts),
    ip: address(object(container.NetworkSettings)),
    hostPid: host.PidMode === 'host',
    hostNetwork: host.NetworkMode === 'host',
    hostIpc: host.IpcMode === 'host',
    labels: labels(config.Labels, labelMaxLen),
    created: seconds(container.Created),
    user: text(config.User),
    isPodSandbox: name.includes('k8s_POD'),
  };
}
