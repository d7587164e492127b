// SPDX-License-Identifier: Apache-2.0
/** The spools of a run. At a reload the new output and the one that it replaces share theirs until the old one has stopped. */
import { Spool } from './spool.js';

export interface SpoolLease {
  readonly spool: Spool;
  /** Nobody had it before in this run. */
  readonly first: boolean;
  /** Resolves when those who had it before have released it: one at a time reads. */
  turn(): Promise<void>;
  /** @returns nobody has it any more: what is in it stays on the disk */
  release(): Promise<boolean>;
}

interface Shared {
  readonly spool: Spool;
  users: number;
  last: Promise<void>;
}

export class SpoolSet {
  private readonly shared = new Map<string, Shared>();

  /** @throws StartError */
  lease(directory: string, maxBytes: number): SpoolLease {
    const present = this.shared.get(directory);
    const shared = present ?? { spool: Spool.open(directory, maxBytes), users: 0, last: Promise.resolve() };
    shared.spool.maxBytes = maxBytes;
    this.shared.set(directory, shared);
    shared.users++;
    const before = shared.last;
    let done: () => void = () => undefined;
    shared.last = new Promise((resolve) => {
      done = resolve;
    });
    return {
      spool: shared.spool,
      first: present === undefined,
      turn: () => before,
      release: async () => {
        done();
        if (--shared.users > 0) return false;
        this.shared.delete(directory);
        await shared.spool.close();
        return true;
      },
    };
  }
}
