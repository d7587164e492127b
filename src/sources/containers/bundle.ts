// SPDX-License-Identifier: Apache-2.0
/**
 * What the container's own specification says before its runtime answers: Docker and Podman answer no questions about a
 * container while they start it, and its first command may be over by then. The program that makes the container (runc,
 * crun …) is told by its arguments where the specification lies.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerInfo } from '../../state/containers.js';
import type { ThreadInfo } from '../../state/thread-info.js';
import { object } from './json.js';
import { ofOciSpec } from './oci-spec.js';
import { encodeText } from '../../util/byte-text.js';

/** runc's own steps lie between its command and the container's first process. */
const MAX_ANCESTORS = 6;
const MAX_BYTES = 1 << 20;
const OPTION = /^(?:-b|--bundle)(?:=(.*))?$/s;

interface Threads {
  get(tid: number): ThreadInfo | null | undefined;
}

/** Folder of the container's bundle, by the thread's ancestors on the host; null: none of them says. */
export function bundleOf(threads: Threads, tid: number, fullId: string): string | null {
  let thread = threads.get(tid);
  for (let i = 0; i <= MAX_ANCESTORS && thread !== null && thread !== undefined; i++, thread = threads.get(thread.ptid)) {
    const { args } = thread.leader ?? thread;
    // What runs in a container may call itself anything.
    if (thread.containerId !== '' || !args.includes(fullId)) continue;
    for (let at = 0; at < args.length; at++) {
      const option = OPTION.exec(args[at]);
      if (option !== null) return option[1] ?? args[at + 1] ?? null;
    }
  }
  return null;
}

/**
 * `info` with what the specification in this folder says; null: there is none that can be read. This is done at once, for a
 * file of some kilobytes that was written just now, and once for each container.
 */
export function withBundle(info: ContainerInfo, folder: string): ContainerInfo | null {
  const text = readSmallFile(join(folder, 'config.json'));
  if (text === null) return null;
  try {
    const { privileged, mounts, hostPid, hostNetwork, hostIpc } = ofOciSpec(object(JSON.parse(text)));
    // Files that the runtime makes for the container itself, its /etc/hosts for one, lie in folders named by its id.
    const asked = mounts.filter(({ source }) => source.startsWith('/') && !source.includes(info.fullId));
    return { ...info, privileged, mounts: asked, hostPid, hostNetwork, hostIpc };
  } catch {
    return null;
  }
}

/** What is no file is not waited for. */
function readSmallFile(path: string): string | null {
  let file: number;
  try {
    file = openSync(encodeText(path), constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch {
    return null;
  }
  try {
    const stat = fstatSync(file);
    return stat.isFile() && stat.size <= MAX_BYTES ? readFileSync(file, 'utf8') : null;
  } catch {
    return null;
  } finally {
    closeSync(file);
  }
}
