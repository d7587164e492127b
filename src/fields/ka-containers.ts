// SPDX-License-Identifier: Apache-2.0
/** What `ka.*` says of each container; one table for the three lists of containers that a pod has. */
import { complete, type Collect, effectiveId, hostPorts, joined, present, repositories } from './ka-read.js';

export interface ContainerField {
  readonly name: string;
  /** Keys below a container, as the end of a JSON pointer. */
  readonly below: string;
  readonly collect: Collect;
  /** Follows "For each of the pod's <containers>: ". */
  readonly desc: string;
  readonly notIn?: 'ephemeralContainers';
}

export const CONTAINER_LISTS = [
  { list: 'containers', label: 'containers' },
  { list: 'initContainers', label: 'init containers' },
  { list: 'ephemeralContainers', label: 'ephemeral containers' },
] as const;

export const CONTAINER_FIELDS: readonly ContainerField[] = [
  { name: 'args', below: 'args', collect: joined, desc: 'its arguments, joined with blanks.' },
  { name: 'command', below: 'command', collect: joined, desc: 'its command, joined with blanks.' },
  { name: 'name', below: 'name', collect: complete, desc: 'its name.' },
  { name: 'image', below: 'image', collect: complete, desc: 'its image, with tag and digest.' },
  { name: 'image.repository', below: 'image', collect: repositories, desc: 'its image without tag and digest.' },
  {
    name: 'host_port',
    below: 'ports',
    collect: hostPorts,
    desc: 'ports of the host that it takes (all of its ports when the pod is in the network of the host).',
    notIn: 'ephemeralContainers',
  },
  { name: 'privileged', below: 'securityContext/privileged', collect: present, desc: 'the privileged flag, where set.' },
  {
    name: 'allow_privilege_escalation',
    below: 'securityContext/allowPrivilegeEscalation',
    collect: present,
    desc: 'the allowPrivilegeEscalation flag, where set.',
  },
  {
    name: 'read_only_fs',
    below: 'securityContext/readOnlyRootFilesystem',
    collect: present,
    desc: 'the readOnlyRootFilesystem flag, where set.',
  },
  { name: 'run_as_user', below: 'securityContext/runAsUser', collect: present, desc: 'its own runAsUser, where set.' },
  {
    name: 'eff_run_as_user',
    below: 'securityContext/runAsUser',
    collect: effectiveId('runAsUser'),
    desc: 'the user that it starts with: its own runAsUser, else the one of the pod, else 0.',
  },
  { name: 'run_as_group', below: 'securityContext/runAsGroup', collect: present, desc: 'its own runAsGroup, where set.' },
  {
    name: 'eff_run_as_group',
    below: 'securityContext/runAsGroup',
    collect: effectiveId('runAsGroup'),
    desc: 'the group that it starts with: its own runAsGroup, else the one of the pod, else 0.',
  },
  { name: 'proc_mount', below: 'securityContext/procMount', collect: present, desc: 'its procMount type, where set.' },
  {
    name: 'add_capabilities',
    below: 'securityContext/capabilities/add',
    collect: present,
    desc: 'the capabilities that are added to it, each list as JSON.',
  },
];
