// SPDX-License-Identifier: Apache-2.0
/** Lists of cgroups as events and /proc give them. Many threads have the same: each text is taken apart once. */
import { type CgroupContainer, containerFromCgroups } from './container-id.js';
import { splitZeros } from './thread-info.js';

const MAX_TEXTS = 1024;

export interface ThreadCgroups {
  /** `subsystem=path` each. */
  readonly cgroups: readonly string[];
  readonly container: CgroupContainer | null;
}

export class CgroupTexts {
  private readonly texts = new Map<string, ThreadCgroups>();

  /** By a zero-separated list; null: that is none. */
  of(wire: string): ThreadCgroups | null {
    const known = this.texts.get(wire);
    if (known !== undefined) return known;
    const cgroups = normalizeCgroups(splitZeros(wire));
    if (cgroups === null) return null;
    const entry = { cgroups, container: containerFromCgroups(cgroups) };
    if (this.texts.size >= MAX_TEXTS) this.texts.clear();
    this.texts.set(wire, entry);
    return entry;
  }

  clear(): void {
    this.texts.clear();
  }
}

/** Brings old and kernel-internal subsystem names into the usual form; null: not a list of cgroups. */
function normalizeCgroups(wire: readonly string[]): readonly string[] | null {
  const out: string[] = [];
  for (const item of wire) {
    const eq = item.indexOf('=');
    if (eq === -1) return null;
    let subsystem = item.slice(0, eq).replace('_cgroup', '');
    if (subsystem === 'perf') subsystem = 'perf_event';
    else if (subsystem === 'mem') subsystem = 'memory';
    else if (subsystem === 'io') subsystem = 'blkio';
    out.push(subsystem + item.slice(eq));
  }
  return out;
}
