// SPDX-License-Identifier: Apache-2.0
/** What fields know beside the event. Built once by the composition root; readers never do input or output. */
import type { ContainerTable } from '../state/containers.js';
import type { DnsNames } from '../state/dns-names.js';
import type { Interfaces } from '../state/interfaces.js';
import type { ThreadTable } from '../state/thread-table.js';
import type { UserTable } from '../state/users.js';

/** What fields ask the thread table. */
export type ThreadLookup = Pick<ThreadTable, 'get' | 'threadCount' | 'ancestor' | 'leaderOf'>;

/** When the first event of the run happened; the zero of `evt.reltime`. Set by the first event that is evaluated. */
export interface RunClock {
  firstEvent: bigint;
}

export interface FieldContext {
  /** `evt.hostname`: FALCO_HOSTNAME or the machine's name. */
  readonly hostname: string;
  readonly clock: RunClock;
  readonly threads: ThreadLookup;
  readonly users: UserTable;
  readonly containers: ContainerTable;
  /** Addresses of this machine: they decide which end of a connection is the local one. */
  readonly interfaces: Interfaces;
  readonly dnsNames: DnsNames;
  /** Data parameters print as base64 (`-b`) instead of text with dots. */
  readonly base64: boolean;
}
