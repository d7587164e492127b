// SPDX-License-Identifier: Apache-2.0
/** What the kubelet does with a runtime: pods and their containers made, run and removed over the Container Runtime Interface. */
import { CRI_MESSAGES, criPackage } from '../../../src/sources/containers/cri-proto.js';
import { GrpcApi } from '../../../src/sources/containers/grpc-api.js';
import { type Json, text } from '../../../src/sources/containers/json.js';

const PACKAGE = {
  ...criPackage('v1'),
  messages: {
    ...CRI_MESSAGES,
    KeyValue: { key: [1, 'string'], value: [2, 'string'] },
    SandboxSecurity: { namespaceOptions: [1, 'NamespaceOption'], privileged: [6, 'bool'] },
    LinuxSandboxConfig: { cgroupParent: [1, 'string'], securityContext: [2, 'SandboxSecurity'] },
    SandboxMetadata: { name: [1, 'string'], uid: [2, 'string'], namespace: [3, 'string'], attempt: [4, 'uint32'] },
    PodSandboxConfig: { metadata: [1, 'SandboxMetadata'], hostname: [2, 'string'], logDirectory: [3, 'string'], labels: [6, 'map'], linux: [8, 'LinuxSandboxConfig'] },
    RunPodSandboxRequest: { config: [1, 'PodSandboxConfig'] },
    SandboxId: { id: [1, 'string'] },
    ContainerSecurity: { privileged: [2, 'bool'], namespaceOptions: [3, 'NamespaceOption'] },
    LinuxContainerConfig: { securityContext: [2, 'ContainerSecurity'] },
    ContainerConfig: {
      metadata: [1, 'Metadata'], image: [2, 'ImageSpec'], command: [3, 'string[]'], envs: [6, 'KeyValue[]'], mounts: [7, 'Mount[]'], labels: [9, 'map'],
      linux: [15, 'LinuxContainerConfig'],
    },
    CreateContainerRequest: { podSandboxId: [1, 'string'], config: [2, 'ContainerConfig'], sandboxConfig: [3, 'PodSandboxConfig'] },
    ContainerId: { id: [1, 'string'] },
    ExecSyncRequest: { id: [1, 'string'], cmd: [2, 'string[]'], timeout: [3, 'int64'] },
    ExecSyncResponse: { stdout: [1, 'bytes'], stderr: [2, 'bytes'], exitCode: [3, 'int32'] },
    Empty: {},
  },
  services: {
    RuntimeService: {
      RunPodSandbox: ['RunPodSandboxRequest', 'SandboxId'],
      StopPodSandbox: ['SandboxId', 'Empty'],
      RemovePodSandbox: ['SandboxId', 'Empty'],
      CreateContainer: ['CreateContainerRequest', 'ContainerId'],
      StartContainer: ['ContainerId', 'Empty'],
      RemoveContainer: ['ContainerId', 'Empty'],
      ExecSync: ['ExecSyncRequest', 'ExecSyncResponse'],
    },
  },
} as const;

export interface PodOptions {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly cgroupParent?: string;
  readonly privileged?: boolean;
  readonly hostNetwork?: boolean;
}

export interface PodContainerOptions {
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly mounts?: readonly { readonly hostPath: string; readonly containerPath: string; readonly readonly?: boolean }[];
  readonly privileged?: boolean;
}

/** A pod that runs; ids are the runtime's whole ones. */
export interface Pod {
  readonly id: string;
  readonly uid: string;
  readonly config: Json;
}

const HOST = 2;

export class CriClient {
  private readonly api: GrpcApi;
  private readonly pods: string[] = [];
  private made = 0;

  constructor(socket: string) {
    this.api = new GrpcApi(socket, [PACKAGE], { timeoutMs: 60_000 });
  }

  async runPod({ name, labels = {}, cgroupParent = '', privileged = false, hostNetwork = false }: PodOptions): Promise<Pod> {
    const uid = `00000000-0000-4000-8000-${String(++this.made).padStart(12, '0')}`;
    const config = {
      metadata: { name, uid, namespace: 'shop', attempt: 0 },
      // A pod in the host's network has the host's name.
      ...(hostNetwork ? {} : { hostname: name }),
      // As the kubelet labels them.
      labels: { ...labels, ...podLabels(name, uid) },
      linux: { cgroupParent, securityContext: { privileged, namespaceOptions: { pid: 1, ...(hostNetwork ? { network: HOST } : {}) } } },
    };
    const id = text((await this.call('RunPodSandbox', { config })).id);
    this.pods.push(id);
    return { id, uid, config };
  }

  /** Made and not started. Returns its id. */
  async create(pod: Pod, { name, image, command, labels = {}, mounts = [], privileged = false }: PodContainerOptions): Promise<string> {
    const config = {
      metadata: { name },
      image: { image },
      command,
      mounts,
      labels: { ...labels, 'io.kubernetes.container.name': name, ...podLabels(text((pod.config.metadata as Json).name), pod.uid) },
      linux: { securityContext: { privileged, namespaceOptions: { pid: 1 } } },
    };
    return text((await this.call('CreateContainer', { podSandboxId: pod.id, config, sandboxConfig: pod.config })).id);
  }

  async start(id: string): Promise<void> {
    await this.call('StartContainer', { id });
  }

  /** Made and started at once. */
  async run(pod: Pod, options: PodContainerOptions): Promise<string> {
    const id = await this.create(pod, options);
    await this.start(id);
    return id;
  }

  /** @throws with what it printed when it fails */
  async exec(id: string, ...cmd: readonly string[]): Promise<string> {
    const answer = await this.call('ExecSync', { id, cmd, timeout: '30' });
    const output = (name: string) => Buffer.from(text(answer[name]), 'base64').toString();
    if ((answer.exitCode ?? 0) !== 0) throw new Error(`'${cmd.join(' ')}' ended with ${answer.exitCode}: ${output('stderr')}`);
    return output('stdout');
  }

  async removePod(id: string): Promise<void> {
    await this.call('StopPodSandbox', { id });
    await this.call('RemovePodSandbox', { id });
    this.pods.splice(this.pods.indexOf(id), 1);
  }

  /** Removes all pods that were made here. */
  async close(): Promise<void> {
    for (const id of [...this.pods]) await this.removePod(id);
    await this.api.close();
  }

  private async call(method: string, request: Json): Promise<Json> {
    const answer = await this.api.call('runtime.v1.RuntimeService', method, request);
    if (answer === null) throw new Error(`${method}: not found, or the runtime does not listen`);
    return answer;
  }
}

function podLabels(name: string, uid: string): Readonly<Record<string, string>> {
  return { 'io.kubernetes.pod.name': name, 'io.kubernetes.pod.namespace': 'shop', 'io.kubernetes.pod.uid': uid };
}
