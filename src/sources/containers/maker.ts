// SPDX-License-Identifier: Apache-2.0
import type { ThreadInfo } from '../../state/thread-info.js';

/** On the way from a process in a container to the one outside that made it. */
const MAX_ANCESTORS = 64;

interface Threads {
  get(tid: number): ThreadInfo | null | undefined;
  values(): Iterable<ThreadInfo>;
}

/**
 * Did this user make the container, as Podman without root does? By the process outside that its own come from, or by the
 * user's slice that its cgroup lies in; neither can be had of somebody else's container. Null: no process is known in it.
 */
export function isMadeBy(threads: Threads, id: string, user: number): boolean | null {
  let known: boolean | null = null;
  for (const thread of threads.values()) {
    if (thread.containerId !== id) continue;
    known = false;
    if (thread.cgroups.some((cgroup) => cgroup.includes(`/user-${user}.slice/`))) return true;
    let maker: ThreadInfo | null | undefined = thread;
    for (let i = 0; i < MAX_ANCESTORS && maker?.containerId === id; i++) maker = threads.get(maker.ptid);
    if (maker !== undefined && maker !== null && maker.containerId === '' && maker.pid !== 1 && maker.uid === user) return true;
  }
  return known;
}
