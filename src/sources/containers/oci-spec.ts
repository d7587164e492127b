// SPDX-License-Identifier: Apache-2.0
/** What a container's OCI runtime specification says of it: the `config.json` that runc is given. */
import type { ContainerInfo, ContainerMount } from '../../state/containers.js';
import { type Json, list, object, text, texts } from './json.js';

const PROPAGATION = /^r?(?:shared|slave|private|unbindable)$/;

export function ofOciSpec(spec: Json): Pick<ContainerInfo, 'privileged' | 'mounts' | 'hostPid' | 'hostNetwork' | 'hostIpc' | 'user'> {
  const linux = object(spec.linux);
  const own = new Set(list(linux.namespaces).map((one) => text(object(one).type)));
  const uid = object(object(spec.process).user).uid;
  return {
    privileged: isPrivileged(spec),
    mounts: list(spec.mounts).map((one) => mountOf(object(one), text(linux.rootfsPropagation))),
    hostPid: !own.has('pid'),
    hostNetwork: !own.has('network'),
    hostIpc: !own.has('ipc'),
    user: typeof uid === 'number' ? String(uid) : '0',
  };
}

function mountOf(mount: Json, usual: string): ContainerMount {
  const options = texts(mount.options);
  return {
    source: text(mount.source),
    dest: text(mount.destination),
    mode: options.find((option) => option.startsWith('mode='))?.slice('mode='.length) ?? '',
    rdwr: !options.includes('ro'),
    propagation: options.find((option) => PROPAGATION.test(option)) ?? usual,
  };
}

/**
 * The specification has no such word. Runtimes that are asked for a privileged container hide no part of /proc, confine it
 * by no profile, and mount /sys and the cgroups to be written.
 */
function isPrivileged(spec: Json): boolean {
  const linux = object(spec.linux);
  const process = object(spec.process);
  const profile = text(process.apparmorProfile);
  const confined =
    list(linux.maskedPaths).length > 0 || list(linux.readonlyPaths).length > 0 || text(process.selinuxLabel) !== '' ||
    (profile !== '' && profile !== 'unconfined') || Object.keys(object(linux.seccomp)).length > 0;
  if (confined || Object.keys(linux).length === 0 || Object.keys(process).length === 0) return false;
  return !list(spec.mounts).some((one) => {
    const mount = object(one);
    return (mount.type === 'sysfs' || mount.type === 'cgroup') && texts(mount.options).includes('ro');
  });
}
