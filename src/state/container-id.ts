// SPDX-License-Identifier: Apache-2.0
/** Container ids as they show in cgroup paths. */

/** First 12 digits of the 64-digit id that a runtime puts into a cgroup path; '' on the host. */
export function containerIdFromCgroups(cgroups: readonly string[]): string {
  for (const cgroup of cgroups) {
    const found = /(?:^|[/:-])([0-9a-f]{64})(?:\.scope)?(?:\/|$)/.exec(cgroup);
    if (found !== null) return found[1].slice(0, 12);
  }
  return '';
}
