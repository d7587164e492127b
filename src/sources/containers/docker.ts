// SPDX-License-Identifier: Apache-2.0
/** Docker, by its API without a version in the path: what the daemon itself speaks. */
import { bareContainer, type ContainerInfo } from '../../state/containers.js';
import type { ContainerEngine, EngineOptions, Told } from './engine.js';
import { HttpApi } from './http-api.js';
import { splitImageName } from './image-name.js';
import { address, containerOfEvent, type Json, labels, list, mounts, object, seconds, text, texts } from './json.js';

const SHORT_ID = 12;
const SHARED_NETWORK = 'container:';

export class DockerEngine implements ContainerEngine {
  readonly name = 'docker';
  private readonly api: HttpApi;

  constructor(
    readonly socket: string,
    private readonly options: EngineOptions,
  ) {
    this.api = new HttpApi(socket);
  }

  async inspect(id: string): Promise<ContainerInfo | null> {
    const answer = await this.api.get(`/containers/${encodeURIComponent(id)}/json`);
    if (answer === null) return null;
    const container = object(answer);
    const image = text(container.Image);
    const [imageAnswer, ip] = await Promise.all([
      image === '' ? null : this.api.get(`/images/${encodeURIComponent(image)}/json`),
      this.ipOf(container),
    ]);
    return dockerContainer(container, object(imageAnswer), ip, this.options.labelMaxLen);
  }

  async running(): Promise<readonly string[]> {
    return list(await this.api.get('/containers/json')).map((one) => text(object(one).Id));
  }

  follow(told: Told): Promise<void> {
    const filters = JSON.stringify({ type: ['container'], event: this.options.hooks });
    return this.api.stream(`/events?filters=${encodeURIComponent(filters)}`, (event) => {
      const info = containerOfEvent(event, 'docker', this.options.labelMaxLen);
      if (info !== null) told(info, false);
    });
  }

  close(): Promise<void> {
    return this.api.close();
  }

  /** A container in the network of another one has its address: so it is with the containers of a pod. */
  private async ipOf(container: Json): Promise<string> {
    const own = address(object(container.NetworkSettings));
    const mode = text(object(container.HostConfig).NetworkMode);
    if (own !== '' || !mode.startsWith(SHARED_NETWORK)) return own;
    const owner = await this.api.get(`/containers/${encodeURIComponent(mode.slice(SHARED_NETWORK.length))}/json`);
    return address(object(object(owner).NetworkSettings));
  }
}

/** From what `inspect` of the container and of its image say. */
function dockerContainer(container: Json, image: Json, ip: string, labelMaxLen: number): ContainerInfo {
  const config = object(container.Config);
  const host = object(container.HostConfig);
  const id = text(container.Id);
  const name = text(container.Name).replace(/^\//, '');
  return {
    ...bareContainer(id.slice(0, SHORT_ID), 'docker'),
    fullId: id,
    name,
    image: text(config.Image),
    imageId: text(image.Id).replace(/^sha256:/, ''),
    ...repository(image),
    privileged: host.Privileged === true,
    mounts: mounts(container.Mounts),
    ip,
    hostPid: host.PidMode === 'host',
    hostNetwork: host.NetworkMode === 'host',
    hostIpc: host.IpcMode === 'host',
    labels: labels(config.Labels, labelMaxLen),
    created: seconds(container.Created),
    user: text(config.User),
    isPodSandbox: name.includes('k8s_POD'),
  };
}

/** The image's first name counts, and the tag that goes with it: one that it was pulled by before one that it was given here. */
function repository(image: Json): Pick<ContainerInfo, 'imageRepository' | 'imageTag' | 'imageDigest'> {
  const [pulled] = texts(image.RepoDigests).map((name) => name.split('@')).filter((parts) => parts.length === 2);
  const names = texts(image.RepoTags).map(splitImageName).filter(({ repository, tag }) => repository !== '' && tag !== '');
  const imageRepository = pulled?.[0] ?? names[0]?.repository ?? '';
  return {
    imageRepository,
    imageTag: names.find((name) => name.repository === imageRepository)?.tag ?? '',
    imageDigest: pulled?.[1] ?? '',
  };
}
