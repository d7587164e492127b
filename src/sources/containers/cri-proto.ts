// SPDX-License-Identifier: Apache-2.0
/** The part of the Container Runtime Interface that is read here (k8s.io/cri-api, runtime/v1/api.proto). */
import type { MessageTables, ProtoPackage } from './protobuf.js';

/** The same messages under both names; v1alpha2 is what containerd before 1.6 and CRI-O before 1.20 speak. */
export type CriVersion = 'v1' | 'v1alpha2';

/** Numbers of what the definitions have as enumerations. */
export const CONTAINER_RUNNING = 1;
export const SANDBOX_READY = 0;
export const NAMESPACE_OF_NODE = 2;
export const CONTAINER_CREATED_EVENT = 0;
export const CONTAINER_STARTED_EVENT = 1;

export const CRI_MESSAGES: MessageTables = {
  VersionRequest: {},
  VersionResponse: { runtimeName: [2, 'string'] },
  Metadata: { name: [1, 'string'] },
  ImageSpec: { image: [1, 'string'] },
  State: { state: [1, 'int32'] },
  Filter: { id: [1, 'string'], state: [2, 'State'] },
  ListRequest: { filter: [1, 'Filter'] },
  ContainerItem: { id: [1, 'string'], podSandboxId: [2, 'string'] },
  ListContainersResponse: { containers: [1, 'ContainerItem[]'] },
  SandboxItem: { id: [1, 'string'] },
  ListPodSandboxResponse: { items: [1, 'SandboxItem[]'] },
  StatusRequest: { id: [1, 'string'], verbose: [2, 'bool'] },
  Mount: { containerPath: [1, 'string'], hostPath: [2, 'string'], readonly: [3, 'bool'], propagation: [5, 'int32'] },
  LinuxUser: { uid: [1, 'int64'] },
  User: { linux: [1, 'LinuxUser'] },
  ContainerStatus: {
    id: [1, 'string'], metadata: [2, 'Metadata'], state: [3, 'int32'], createdAt: [4, 'int64'], image: [8, 'ImageSpec'], imageRef: [9, 'string'],
    labels: [12, 'map'], mounts: [14, 'Mount[]'], imageId: [17, 'string'], user: [18, 'User'],
  },
  ContainerStatusResponse: { status: [1, 'ContainerStatus'], info: [2, 'map'] },
  PodMetadata: { name: [1, 'string'], uid: [2, 'string'], namespace: [3, 'string'] },
  Network: { ip: [1, 'string'] },
  NamespaceOption: { network: [1, 'int32'], pid: [2, 'int32'], ipc: [3, 'int32'] },
  Namespaces: { options: [2, 'NamespaceOption'] },
  LinuxSandbox: { namespaces: [1, 'Namespaces'] },
  PodSandboxStatus: {
    id: [1, 'string'], metadata: [2, 'PodMetadata'], state: [3, 'int32'], createdAt: [4, 'int64'], network: [5, 'Network'],
    linux: [6, 'LinuxSandbox'], labels: [7, 'map'],
  },
  PodSandboxStatusResponse: { status: [1, 'PodSandboxStatus'], info: [2, 'map'] },
  GetEventsRequest: {},
  ContainerEventResponse: {
    containerId: [1, 'string'], containerEventType: [2, 'int32'], podSandboxStatus: [4, 'PodSandboxStatus'], containersStatuses: [5, 'ContainerStatus[]'],
  },
};

export function criPackage(version: CriVersion): ProtoPackage {
  return {
    name: `runtime.${version}`,
    messages: CRI_MESSAGES,
    services: {
      RuntimeService: {
        Version: ['VersionRequest', 'VersionResponse'],
        ListContainers: ['ListRequest', 'ListContainersResponse'],
        ListPodSandbox: ['ListRequest', 'ListPodSandboxResponse'],
        ContainerStatus: ['StatusRequest', 'ContainerStatusResponse'],
        PodSandboxStatus: ['StatusRequest', 'PodSandboxStatusResponse'],
        GetContainerEvents: ['GetEventsRequest', 'ContainerEventResponse', 'stream'],
      },
    },
  };
}
