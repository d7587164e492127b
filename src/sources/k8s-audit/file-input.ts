// SPDX-License-Identifier: Apache-2.0
/** Audit events from files that are read once, or from standard input. */
import { constants, createReadStream } from 'node:fs';
import { access, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { StartError } from '../source.js';
import type { AuditIntake, BatchReport } from './intake.js';
import type { FilePlace } from './open-params.js';

export interface FileInputOptions {
  readonly place: FilePlace;
  readonly warn: (message: string) => void;
}

const CHUNK = 64 * 1024;

export class AuditFileInput {
  #stopped = false;
  #done: Promise<void> = Promise.resolve();
  #stream: { destroy(): void } | null = null;

  constructor(
    private readonly intake: AuditIntake,
    private readonly options: FileInputOptions,
  ) {}

  async start(end: (error?: Error) => void): Promise<void> {
    const paths = await this.#paths();
    // Not before the caller knows that the start succeeded.
    this.#done = new Promise((resolve) => setImmediate(resolve))
      .then(() => this.#readAll(paths))
      .then(
        () => end(),
        (error: Error) => end(error),
      );
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stream?.destroy();
    await this.#done;
  }

  /** The file, or a folder's files, oldest first. */
  async #paths(): Promise<readonly string[]> {
    const { path } = this.options.place;
    if (path === '-') return [path];
    try {
      const info = await stat(path);
      if (!info.isDirectory()) {
        await access(path, constants.R_OK);
        return [path];
      }
      const found: { path: string; time: number }[] = [];
      for (const name of await readdir(path)) {
        const each = await stat(join(path, name));
        if (each.isFile()) found.push({ path: join(path, name), time: each.mtimeMs });
      }
      return found.sort((a, b) => a.time - b.time).map((file) => file.path);
    } catch (error) {
      const message = `k8saudit: open_params: ${(error as Error).message}`;
      throw new StartError('K8S_AUDIT_FILE', message, 'Give a file or a folder that can be read.', { cause: error });
    }
  }

  async #readAll(paths: readonly string[]): Promise<void> {
    for (const path of paths) {
      if (this.#stopped) return;
      const batch = this.intake.batch({ retried: false, lines: true });
      const stream = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: CHUNK });
      this.#stream = stream;
      try {
        for await (const chunk of stream) {
          if (this.#stopped) return;
          batch.push(chunk as Buffer);
          await this.intake.outlet.room();
        }
      } catch (error) {
        if (this.#stopped) return;
        throw error;
      } finally {
        this.#stream = null;
      }
      batch.end();
      this.#tell(path, batch.report);
    }
    await this.intake.outlet.settled();
  }

  #tell(path: string, report: BatchReport): void {
    const refused = Object.entries(report.refused).map(([reason, count]) => `${count} ${reason}`);
    if (refused.length > 0) this.options.warn(`k8saudit: ${path}: ${report.taken} events taken, refused: ${refused.join(', ')}`);
  }
}
