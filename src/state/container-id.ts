// SPDX-License-Identifier: Apache-2.0
/**
 * Which container a process runs in, by the path of its cgroups alone: v1, v2 and hybrid layouts, with systemd or
 * cgroupfs as driver. The innermost container of a path counts, and a process below a container's own cgroup (systemd in
 * a container moves itself there) is in it. Monitors of runtimes (conmon) have cgroups of their own and are on the host.
 */
import type { ContainerType } from './containers.js';

export interface CgroupContainer {
  /** What runtimes' ids are shortened to: their first 12 characters. Names (lxc, bpm) stay whole. */
  readonly id: string;
  /** Where the path alone says it; empty: the runtimes must be asked. */
  readonly type: ContainerType;
}

const SHORT_ID = 12;

/**
 * One component of a path that is a container of its own:
 * - `<id>`: docker, containerd and pods under cgroupfs;
 * - `docker-<id>.scope`, `cri-containerd-<id>.scope`, `crio-<id>.scope`, `libpod-<id>.scope`, `nerdctl-<id>.scope`, and the
 *   same without `.scope` where cri-o and podman run without systemd;
 * - `…:cri-containerd:<id>`: containerd told to use systemd's names without systemd.
 */
const RUNTIME_COMPONENT =
  /^(?:(?:docker-|cri-containerd-|crio-|libpod-|libpod-payload-|nerdctl-)?|.*:(?:cri-containerd|docker|crio|nerdctl|libpod):)([0-9a-fA-F]{64})(?:\.scope)?$/;

/** A step of `docker build`. */
const BUILD_STEP = /\/buildkit\/([a-z0-9]{20,})(?:\/|$)/;

/** `/lxc/<name>`, `/lxc.payload/<name>` and, since LXC 4, `/lxc.payload.<name>`. */
const LXC = /\/lxc(?:\/|\.payload[/.])([^/]+)/;

/** `/<name>.libvirt-lxc`, `/machine.slice/machine-lxc\x2d<number>\x2d<name>.scope`, `/libvirt/lxc/<name>`. */
const LIBVIRT_LXC = [/\/([^/]+)\.libvirt-lxc$/, /-lxc\\x2d(.+?)\.scope(?:\/libvirt)?$/, /\/libvirt\/lxc\/(.+)$/];

/** Cloud Foundry's job containers. */
const BPM = /(?:^|\/)bpm-([A-Za-z0-9._-]+?)(?:\.scope)?$/;

/**
 * Containers that `ctr` or another client of containerd made: `/<namespace>/<name>`, two components and nothing else.
 * systemd's units never look like that, and the first components below are those of other programs.
 */
const CONTAINERD = /^\/([A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*)\/([A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*)$/;
const UNIT = /\.(?:slice|service|scope|mount|socket|swap|target|partition)$/;
const NO_NAMESPACES: ReadonlySet<string> = new Set([
  'docker', 'kubepods', 'machine', 'libvirt', 'openrc', 'user', 'system', 'init', 'lxc', 'lxc.monitor', 'lxc.pivot', 'libpod_parent',
]);

/** `cgroups` are `controller=path`. Null: on the host. */
export function containerFromCgroups(cgroups: readonly string[]): CgroupContainer | null {
  for (const cgroup of cgroups) {
    const path = pathOf(cgroup);
    if (path.length <= 1) continue;
    const found = containerFromPath(path) ?? (isLimitOnly(path, cgroups) ? null : containerdName(path));
    if (found !== null) return found;
  }
  return null;
}

function pathOf(cgroup: string): string {
  return cgroup.slice(cgroup.indexOf('=') + 1);
}

/**
 * One controller alone has the process in this group, the others have it in their root: somebody limits its memory, say.
 * A runtime puts its containers into a group of every controller.
 */
function isLimitOnly(path: string, cgroups: readonly string[]): boolean {
  let here = 0;
  let inRoot = 0;
  for (const cgroup of cgroups) {
    const other = pathOf(cgroup);
    if (other === path) here++;
    else if (other === '/') inRoot++;
  }
  return here === 1 && inRoot > 0;
}

function containerFromPath(path: string): CgroupContainer | null {
  const id = runtimeId(path) ?? BUILD_STEP.exec(path)?.[1];
  if (id !== undefined) return { id: id.slice(0, SHORT_ID), type: '' };
  const lxc = LXC.exec(path);
  if (lxc !== null && !path.startsWith('/libvirt/')) return { id: lxc[1], type: 'lxc' };
  for (const pattern of LIBVIRT_LXC) {
    const found = pattern.exec(path);
    if (found !== null) return { id: found[1], type: 'libvirt-lxc' };
  }
  const bpm = BPM.exec(path);
  if (bpm !== null) return { id: bpm[1], type: 'bpm' };
  return null;
}

function containerdName(path: string): CgroupContainer | null {
  const containerd = CONTAINERD.exec(path);
  if (containerd === null) return null;
  const [, namespace, name] = containerd;
  if (NO_NAMESPACES.has(namespace) || UNIT.test(namespace) || UNIT.test(name)) return null;
  return { id: name.slice(0, SHORT_ID), type: '' };
}

/** The 64 digits of the innermost container. */
function runtimeId(path: string): string | undefined {
  // Most paths have no such component, and that shows without taking them apart.
  if (path.length < 65) return undefined;
  const components = path.split('/');
  for (let i = components.length - 1; i >= 0; i--) {
    const found = RUNTIME_COMPONENT.exec(components[i]);
    if (found !== null) return found[1];
  }
  return undefined;
}
