// SPDX-License-Identifier: Apache-2.0
import { type FileHandle, open } from 'node:fs/promises';
import { StartError } from '../sources/source.js';
import type { Output, OutputMessage } from './output.js';
import { writeAll } from './write-all.js';

export interface FileOutputOptions {
  readonly filename: string;
  /** Keep the file open between alerts; otherwise each finds the file that has the name at that time. */
  readonly keepAlive: boolean;
}

/** A file that lines are appended to. Rotation: rename it, then SIGUSR1 (not needed without keep_alive). */
export class FileOutput implements Output {
  readonly name = 'file';
  private handle: FileHandle | null = null;
  private stopped = false;

  constructor(private readonly options: FileOutputOptions) {}

  async start(): Promise<void> {
    try {
      this.handle = await open(this.options.filename, 'a');
    } catch (error) {
      throw new StartError(
        'OUTPUT_FILE', `the file output cannot open ${this.options.filename}: ${(error as Error).message}`,
        'make its directory, or name another one in file_output.filename', { cause: error },
      );
    }
    if (!this.options.keepAlive) await this.close();
  }

  deliver(message: OutputMessage): Promise<void> {
    return this.append(`${message.line}\n`);
  }

  deliverAll(messages: readonly OutputMessage[]): Promise<void> {
    return this.append(messages.map((m) => `${m.line}\n`).join(''));
  }

  async reopen(): Promise<void> {
    await this.close();
    if (this.options.keepAlive) this.handle = await open(this.options.filename, 'a');
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.close();
  }

  private async append(text: string): Promise<void> {
    this.handle ??= await open(this.options.filename, 'a');
    await writeAll(this.handle.fd, text, () => this.stopped);
    if (!this.options.keepAlive) await this.close();
  }

  private async close(): Promise<void> {
    const handle = this.handle;
    this.handle = null;
    await handle?.close();
  }
}
