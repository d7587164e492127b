// SPDX-License-Identifier: Apache-2.0
/** What fields know beside the event. Built once by the composition root; readers never do input or output. */
import type { ContainerTable } from '../state/containers.js';
import type { ThreadInfo } from '../state/thread-info.js';
import type { UserTable } from '../state/users.js';

/** What fields ask the thread table. */
export interface ThreadLookup {
  get(tid: number): ThreadInfo | undefined;
  /** Live threads of a process, its leader included. */
  threadCount(pid: number): number;
}

/** Addresses of this machine's interfaces, canonical text; they decide which end of a connection is local. */
export interface LocalAddresses {
  has(address: string): boolean;
}

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
  readonly localAddresses: LocalAddresses;
  /** Longest text that a data parameter is printed as; 0: no limit. */
  readonly bufferTextLimit: number;
}
