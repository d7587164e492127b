// SPDX-License-Identifier: Apache-2.0
/** What is known of containers beyond their id. Filled from the runtimes' sockets; the readers only look. */

/** Which runtime a container's cgroup speaks of, as `container.type` prints it. */
export type ContainerType =
  | 'docker' | 'podman' | 'cri-o' | 'containerd' | 'cri' | 'lxc' | 'libvirt-lxc' | 'bpm' | 'static' | 'host';

export interface ContainerMount {
  readonly source: string;
  readonly dest: string;
  readonly mode: string;
  readonly rdwr: boolean;
  readonly propagation: string;
}

export interface ContainerPort {
  readonly hostIp: string;
  readonly hostPort: number;
  readonly containerPort: number;
}

export interface HealthProbe {
  readonly kind: 'healthcheck' | 'liveness' | 'readiness';
  readonly exe: string;
  readonly args: readonly string[];
}

export interface ContainerInfo {
  /** Short id (12 characters where the runtime's ids are longer). */
  readonly id: string;
  readonly fullId: string;
  readonly type: ContainerType;
  readonly name: string;
  /** As given to the runtime: `docker.io/library/busybox:1.36`. */
  readonly image: string;
  readonly imageId: string;
  readonly imageRepository: string;
  readonly imageTag: string;
  readonly imageDigest: string;
  readonly privileged: boolean;
  readonly mounts: readonly ContainerMount[];
  readonly ip: string;
  readonly cniJson: string;
  readonly hostPid: boolean;
  readonly hostNetwork: boolean;
  readonly hostIpc: boolean;
  readonly labels: ReadonlyMap<string, string>;
  readonly probes: readonly HealthProbe[];
  /** Nanoseconds since the epoch; 0: not known. */
  readonly created: bigint;
  /** User that the container's first process runs as. */
  readonly user: string;
  readonly podSandboxId: string;
  readonly podFullSandboxId: string;
  readonly podSandboxLabels: ReadonlyMap<string, string>;
  readonly isPodSandbox: boolean;
}

/** Bounded table of container metadata by short id. */
export class ContainerTable {
  private readonly byId = new Map<string, ContainerInfo>();
  evictions = 0;

  constructor(private readonly limit = 10_000) {}

  /** Null: nothing known (yet). */
  get(id: string): ContainerInfo | null {
    return this.byId.get(id) ?? null;
  }

  set(info: ContainerInfo): void {
    this.byId.delete(info.id);
    if (this.byId.size >= this.limit) {
      for (const oldest of this.byId.keys()) {
        this.byId.delete(oldest);
        this.evictions++;
        break;
      }
    }
    this.byId.set(info.id, info);
  }

  delete(id: string): void {
    this.byId.delete(id);
  }

  get size(): number {
    return this.byId.size;
  }
}
