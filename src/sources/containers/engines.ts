// SPDX-License-Identifier: Apache-2.0
/** The list of runtimes and where they listen. */
import { existsSync, readdirSync } from 'node:fs';
import { ContainerdEngine } from './containerd.js';
import { CriEngine, KUBERNETES_NAMESPACE } from './cri.js';
import { DockerEngine } from './docker.js';
import type { ContainerEngine } from './engine.js';
import { type ContainerConfig, ENGINE_NAMES, type EngineName } from './options.js';
import { PodmanEngine } from './podman.js';

const DOCKER_NAMESPACE = 'moby';
/** Where Bottlerocket runs containers for the host itself. */
const HOST_CONTAINERD = '/run/host-containerd/containerd.sock';

/** One engine a socket, whether or not somebody listens there yet. */
export function openEngines(config: ContainerConfig, hostRoot: string): readonly ContainerEngine[] {
  return ENGINE_NAMES.flatMap((name) => {
    const { enabled, sockets } = config.engines[name];
    if (!enabled) return [];
    return (sockets.length > 0 ? sockets : defaultSockets(name, hostRoot)).map((socket) => openEngine(name, socketPath(socket, hostRoot), config));
  });
}

function openEngine(name: EngineName, socket: string, config: ContainerConfig): ContainerEngine {
  switch (name) {
    case 'docker':
      return new DockerEngine(socket, config);
    case 'podman':
      return new PodmanEngine(socket, config, userOf(socket));
    case 'containerd':
      return new ContainerdEngine(socket, config, describedByOthers(config));
    case 'cri':
      return new CriEngine(socket, config);
    default:
      return name satisfies never;
  }
}

/** Docker and Kubernetes run their containers by containerd, and know more of them. */
function describedByOthers({ engines }: ContainerConfig): ReadonlySet<string> {
  return new Set([...(engines.docker.enabled ? [DOCKER_NAMESPACE] : []), ...(engines.cri.enabled ? [KUBERNETES_NAMESPACE] : [])]);
}

/** /var/run is a link to /run on the host, and below HOST_ROOT it leads out of it again. */
function socketPath(socket: string, hostRoot: string): string {
  const path = hostRoot + socket;
  if (hostRoot === '' || !socket.startsWith('/var/run/') || existsSync(path)) return path;
  return existsSync(`${hostRoot}/run`) ? hostRoot + socket.slice('/var'.length) : path;
}

function defaultSockets(name: EngineName, hostRoot: string): readonly string[] {
  switch (name) {
    case 'docker':
      return ['/var/run/docker.sock'];
    case 'podman':
      return ['/run/podman/podman.sock', ...podmanOfUsers(hostRoot)];
    case 'containerd':
      return [HOST_CONTAINERD];
    case 'cri':
      return ['/run/containerd/containerd.sock', '/run/crio/crio.sock', '/run/k3s/containerd/containerd.sock', HOST_CONTAINERD];
    default:
      return name satisfies never;
  }
}

/** Below /run/user/<uid> everything is that user's. */
function userOf(socket: string): number | undefined {
  const uid = /\/run\/user\/(\d+)\//.exec(socket)?.[1];
  return uid === undefined || uid === '0' ? undefined : Number(uid);
}

/** Each user can have a Podman of their own; those that are there at the start are asked. */
function podmanOfUsers(hostRoot: string): readonly string[] {
  try {
    return readdirSync(`${hostRoot}/run/user`)
      .map((user) => `/run/user/${user}/podman/podman.sock`)
      .filter((socket) => existsSync(hostRoot + socket));
  } catch {
    return [];
  }
}
