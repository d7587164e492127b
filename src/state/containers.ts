// SPDX-License-Identifier: Apache-2.0
/** What is known of containers beyond their id. Filled from the runtimes' sockets; the readers only look. */

/** The runtime, as `container.type` prints it; empty: not known. */
export type ContainerType =
  | 'docker' | 'podman' | 'cri-o' | 'containerd' | 'cri' | 'lxc' | 'libvirt-lxc' | 'bpm' | 'mesos' | 'rkt' | 'host' | '';

export interface ContainerMount {
  readonly source: string;
  readonly dest: string;
  readonly mode: string;
  readonly rdwr: boolean;
  readonly propagation: string;
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
  /** Primary IPv4 address; empty: not known. */
  readonly ip: string;
  readonly hostPid: boolean;
  readonly hostNetwork: boolean;
  readonly hostIpc: boolean;
  readonly labels: ReadonlyMap<string, string>;
  /** Nanoseconds since the epoch; 0: not known. */
  readonly created: bigint;
  /** User that the container's first process runs as. */
  readonly user: string;
  /** Full id of the pod's sandbox. */
  readonly podSandboxId: string;
  /** The network plugin's result, as JSON. */
  readonly podSandboxCniJson: string;
  readonly podSandboxLabels: ReadonlyMap<string, string>;
  readonly isPodSandbox: boolean;
}

/** A container of which no more is known than what its cgroup says. */
export function bareContainer(id: string, type: ContainerType): ContainerInfo {
  return {
    id, type,
    fullId: '', name: '', image: '', imageId: '', imageRepository: '', imageTag: '', imageDigest: '',
    privileged: false, mounts: [], ip: '', hostPid: false, hostNetwork: false, hostIpc: false,
    labels: new Map(), created: 0n, user: '',
    podSandboxId: '', podSandboxCniJson: '', podSandboxLabels: new Map(), isPodSandbox: false,
  };
}

/** What the fields say of a process outside any container. */
export const HOST: ContainerInfo = { ...bareContainer('host', 'host'), fullId: 'host', name: 'host' };

/** Bounded table of container metadata by short id. Readers only look; whoever asks the runtimes fills it. */
export class ContainerTable {
  private readonly byId = new Map<string, ContainerInfo>();
  private readonly ips = new Map<string, number>();
  private told: ContainerInfo | null = null;
  private toldBy = -1;
  evictions = 0;
  /** How many came without an image so far; sandboxes of pods have none that would count. */
  withoutImage = 0;
  /** Told of each new process in a container that a runtime has made: whoever can ask the runtimes listens. */
  onSeen: ((id: string, tid: number) => void) | null = null;

  constructor(private readonly limit = 10_000) {}

  /** Null: nothing known (yet). `''` is the host. */
  get(id: string): ContainerInfo | null {
    return id === '' ? HOST : (this.byId.get(id) ?? null);
  }

  /** Does any container have this address? */
  hasIp(address: string): boolean {
    return this.ips.has(address);
  }

  /** The container that event number `num` tells of, even when it tells of its end; null: the event tells of none. */
  toldByEvent(num: number): ContainerInfo | null {
    return this.toldBy === num ? this.told : null;
  }

  /** Takes in what event number `num` tells: a container that appeared, or one that is gone. */
  tell(num: number, info: ContainerInfo, gone: boolean): void {
    this.told = info;
    this.toldBy = num;
    if (gone) this.delete(info.id);
    else this.set(info);
  }

  /** A container whose cgroup says all there is to know: no runtime is asked about it. */
  appear(id: string, type: ContainerType): void {
    if (!this.byId.has(id)) this.set(bareContainer(id, type));
  }

  /** A process, by this thread, is in this container, and only its runtime can say more of it. */
  seen(id: string, tid: number): void {
    if (this.onSeen !== null) this.onSeen(id, tid);
  }

  set(info: ContainerInfo): void {
    this.delete(info.id);
    if (this.byId.size >= this.limit) {
      for (const oldest of this.byId.keys()) {
        this.delete(oldest);
        this.evictions++;
        break;
      }
    }
    if (info.image === '' && !info.isPodSandbox) this.withoutImage++;
    this.byId.set(info.id, info);
    if (info.ip !== '') this.ips.set(info.ip, (this.ips.get(info.ip) ?? 0) + 1);
  }

  delete(id: string): void {
    const known = this.byId.get(id);
    if (known === undefined) return;
    this.byId.delete(id);
    const left = (this.ips.get(known.ip) ?? 0) - 1;
    if (left > 0) this.ips.set(known.ip, left);
    else this.ips.delete(known.ip);
  }

  ids(): IterableIterator<string> {
    return this.byId.keys();
  }

  get size(): number {
    return this.byId.size;
  }
}
