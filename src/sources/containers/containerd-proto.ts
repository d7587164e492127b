// SPDX-License-Identifier: Apache-2.0
/** The part of containerd's own API that is read here (containerd's api/services and api/events). */
import type { MessageTables, ProtoPackage } from './protobuf.js';

const TIMESTAMP = { Timestamp: { seconds: [1, 'int64'] } } as const satisfies MessageTables;

export const CONTAINERD_PACKAGES: readonly ProtoPackage[] = [
  {
    name: 'containerd.services.containers.v1',
    messages: {
      ...TIMESTAMP,
      // A message of any type, which here is a text of JSON.
      Spec: { value: [2, 'string'] },
      Container: {
        id: [1, 'string'], labels: [2, 'map'], image: [3, 'string'], spec: [5, 'Spec'], createdAt: [8, 'Timestamp'], sandbox: [11, 'string'],
      },
      GetContainerRequest: { id: [1, 'string'] },
      GetContainerResponse: { container: [1, 'Container'] },
      ListContainersRequest: { filters: [1, 'string[]'] },
      ListContainersResponse: { containers: [1, 'Container[]'] },
    },
    services: {
      Containers: { Get: ['GetContainerRequest', 'GetContainerResponse'], List: ['ListContainersRequest', 'ListContainersResponse'] },
    },
  },
  {
    name: 'containerd.services.tasks.v1',
    messages: {
      Process: { containerId: [1, 'string'], id: [2, 'string'], status: [4, 'int32'] },
      ListTasksRequest: { filter: [1, 'string'] },
      ListTasksResponse: { tasks: [1, 'Process[]'] },
    },
    services: { Tasks: { List: ['ListTasksRequest', 'ListTasksResponse'] } },
  },
  {
    name: 'containerd.services.namespaces.v1',
    messages: {
      Namespace: { name: [1, 'string'] },
      ListNamespacesRequest: {},
      ListNamespacesResponse: { namespaces: [1, 'Namespace[]'] },
    },
    services: { Namespaces: { List: ['ListNamespacesRequest', 'ListNamespacesResponse'] } },
  },
  {
    name: 'containerd.services.images.v1',
    messages: {
      Descriptor: { digest: [2, 'string'] },
      Image: { name: [1, 'string'], target: [3, 'Descriptor'] },
      GetImageRequest: { name: [1, 'string'] },
      GetImageResponse: { image: [1, 'Image'] },
    },
    services: { Images: { Get: ['GetImageRequest', 'GetImageResponse'] } },
  },
  {
    name: 'containerd.services.sandbox.v1',
    messages: {
      Sandbox: { labels: [4, 'map'] },
      StoreGetRequest: { sandboxId: [1, 'string'] },
      StoreGetResponse: { sandbox: [1, 'Sandbox'] },
    },
    services: { Store: { Get: ['StoreGetRequest', 'StoreGetResponse'] } },
  },
  {
    name: 'containerd.services.events.v1',
    messages: {
      SubscribeRequest: { filters: [1, 'string[]'] },
      // In the event of a container (`/containers/create`) and that of a task (`/tasks/start`) the first field is the container's id.
      Event: { containerId: [1, 'string'] },
      AnyEvent: { value: [2, 'Event'] },
      Envelope: { namespace: [2, 'string'], topic: [3, 'string'], event: [4, 'AnyEvent'] },
    },
    services: { Events: { Subscribe: ['SubscribeRequest', 'Envelope', 'stream'] } },
  },
];
