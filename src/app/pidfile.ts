// SPDX-License-Identifier: Apache-2.0
import { rmSync, writeFileSync } from 'node:fs';
import { StartError } from '../sources/source.js';
import type { Part } from './lifecycle.js';

/** A file with the process id, there while the monitor runs. */
export class Pidfile implements Part {
  readonly name = 'pid file';
  private written = false;

  /** @param path null: none is wanted */
  constructor(private readonly path: string | null) {}

  async start(): Promise<void> {
    if (this.path === null) return;
    try {
      writeFileSync(this.path, String(process.pid));
      this.written = true;
    } catch (error) {
      throw new StartError('PIDFILE', `the pid file cannot be written: ${(error as Error).message}`, undefined, { cause: error });
    }
  }

  async stop(): Promise<void> {
    if (this.path !== null && this.written) rmSync(this.path, { force: true });
  }
}
