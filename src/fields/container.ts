// SPDX-License-Identifier: Apache-2.0
/** `container.*`: the container that the process runs in, from its runtime. On the host nearly all of it is `host` or empty. */
import type { EventView } from '../events/event-view.js';
import type { FieldArgument, FieldDef, FieldReader } from '../lang/catalogue.js';
import { canonicalInt, type Value } from '../lang/value.js';
import type { ContainerInfo, ContainerMount } from '../state/containers.js';
import { field, fieldWith } from './catalogue.js';
import type { FieldContext } from './context.js';
import { ofThread } from './of-thread.js';

export type Reader = FieldReader<EventView>;
export type Field = FieldDef<EventView>;

/** The container that the event tells of, otherwise that of the process; null as long as its metadata are not known. */
function containerOf(context: FieldContext, e: EventView): ContainerInfo | null {
  const told = context.containers.toldByEvent(e.num);
  if (told !== null) return told;
  return e.thread === null ? null : context.containers.get(e.thread.containerId);
}

/** Reads from the container's metadata. */
export function ofContainer(context: FieldContext, read: (info: ContainerInfo) => Value): Reader {
  return (e) => {
    const info = containerOf(context, e);
    return info === null ? null : read(info);
  };
}

/** Labels as one text; those that only the orchestrator reads are left out. */
export function labelsText(labels: ReadonlyMap<string, string>): string {
  const shown: string[] = [];
  for (const key of [...labels.keys()].sort()) {
    if (key.startsWith('annotation.') || key.startsWith('io.kubernetes.')) continue;
    const value = labels.get(key) as string;
    shown.push(value === '' ? key : `${key}:${value}`);
  }
  return shown.join(', ');
}

export const KEY = { required: true, index: false, key: true };
const INDEX_OR_KEY = { required: true, index: true, key: true };

function mountText(mount: ContainerMount): string {
  return `${mount.source}:${mount.dest}:${mount.mode}:${mount.rdwr}:${mount.propagation}`;
}

/** One mount by number, or the first whose path fits a regular expression. */
function mountField(
  context: FieldContext, name: string, desc: string, path: 'source' | 'dest', read: (mount: ContainerMount) => string,
): Field {
  return fieldWith(name, 'CHARBUF', desc, INDEX_OR_KEY, (argument: FieldArgument | null): Reader | string => {
    if (argument === null) return 'the number or the path of a mount is needed';
    if (argument.index !== null) {
      const index = argument.index;
      return ofContainer(context, (info) => (index < info.mounts.length ? read(info.mounts[index]) : null));
    }
    let pattern: RegExp;
    try {
      pattern = new RegExp(argument.text, 'm');
    } catch {
      return `'${argument.text}' is no regular expression`;
    }
    return ofContainer(context, (info) => {
      for (const mount of info.mounts) if (pattern.test(mount[path])) return read(mount);
      return null;
    });
  });
}

/** Upstream keeps these names and fills them no more. */
export function emptyField(name: string, desc: string, type: 'CHARBUF' | 'BOOL' = 'CHARBUF'): Field {
  return field(name, type, desc, () => null, { deprecated: true });
}

export function containerFields(context: FieldContext): readonly Field[] {
  const of = (read: (info: ContainerInfo) => Value): Reader => ofContainer(context, read);
  const probe = 'Never set.';
  const start = (e: EventView): bigint => e.thread?.pidnsInitStartTs ?? 0n;
  // biome-ignore format: one line a field
  return [
    field('container.id', 'CHARBUF', 'First 12 characters of the container id, from the cgroups; `host` outside containers.', (e) => containerOf(context, e)?.id ?? e.thread?.containerId ?? null),
    field('container.full_id', 'CHARBUF', 'The whole container id.', of((info) => info.fullId)),
    field('container.name', 'CHARBUF', 'Name of the container; `host` outside containers.', of((info) => info.name)),
    field('container.image', 'CHARBUF', 'Image as the runtime was given it: `docker.io/library/busybox:1.36`.', of((info) => info.image)),
    field('container.image.id', 'CHARBUF', 'Id of the image.', of((info) => info.imageId)),
    field('container.type', 'CHARBUF', 'Runtime: docker, podman, cri-o, containerd, lxc, …; `host` outside containers.', of((info) => info.type)),
    field('container.privileged', 'BOOL', 'True for a privileged container.', of((info) => info.privileged)),
    field('container.mounts', 'CHARBUF', 'All mounts, separated by commas: `source:dest:mode:rdwr:propagation`.', of((info) => info.mounts.map(mountText).join(','))),
    mountField(context, 'container.mount', 'One mount, by number or by a pattern of its source.', 'source', mountText),
    mountField(context, 'container.mount.source', 'Source of a mount, by number or by a pattern of its destination.', 'dest', (mount) => mount.source),
    mountField(context, 'container.mount.dest', 'Destination of a mount, by number or by a pattern of its source.', 'source', (mount) => mount.dest),
    mountField(context, 'container.mount.mode', 'Mode of a mount, by number or by a pattern of its source.', 'source', (mount) => mount.mode),
    mountField(context, 'container.mount.rdwr', '`true` or `false`: may the mount be written? By number or by a pattern of its source.', 'source', (mount) => String(mount.rdwr)),
    mountField(context, 'container.mount.propagation', 'Propagation of a mount, by number or by a pattern of its source.', 'source', (mount) => mount.propagation),
    field('container.image.repository', 'CHARBUF', 'Image without tag and digest.', of((info) => info.imageRepository)),
    field('container.image.tag', 'CHARBUF', 'Tag of the image.', of((info) => info.imageTag)),
    field('container.image.digest', 'CHARBUF', 'Digest of the image in its registry.', of((info) => info.imageDigest)),
    emptyField('container.healthcheck', probe),
    emptyField('container.liveness_probe', probe),
    emptyField('container.readiness_probe', probe),
    field('container.start_ts', 'ABSTIME', 'When the init of the pid namespace began, nanoseconds since the epoch.', ofThread((_, e) => (start(e) === 0n ? null : canonicalInt(start(e))))),
    field('container.duration', 'RELTIME', 'Nanoseconds since container.start_ts.', ofThread((_, e) => (start(e) === 0n ? null : canonicalInt(e.timestamp() - start(e))))),
    field('container.ip', 'CHARBUF', 'Primary IPv4 address of the container.', of((info) => info.ip)),
    field('container.cni.json', 'CHARBUF', "The network plugin's result for the pod, as JSON.", of((info) => info.podSandboxCniJson)),
    field('container.host_pid', 'BOOL', "True for a container in the host's pid namespace.", of((info) => info.hostPid)),
    field('container.host_network', 'BOOL', "True for a container in the host's network namespace.", of((info) => info.hostNetwork)),
    field('container.host_ipc', 'BOOL', "True for a container in the host's ipc namespace.", of((info) => info.hostIpc)),
    fieldWith('container.label', 'CHARBUF', 'One label: `container.label[maintainer]`.', KEY, (argument) => of((info) => info.labels.get(argument?.text ?? '') ?? null)),
    field('container.labels', 'CHARBUF', 'All labels: `key:value`, separated by commas.', of((info) => labelsText(info.labels))),
    emptyField('proc.is_container_healthcheck', probe, 'BOOL'),
    emptyField('proc.is_container_liveness_probe', probe, 'BOOL'),
    emptyField('proc.is_container_readiness_probe', probe, 'BOOL'),
  ];
}
