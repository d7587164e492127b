// SPDX-License-Identifier: Apache-2.0
import { close, open } from 'node:fs';
import { promisify } from 'node:util';
import { StartError } from '../sources/source.js';
import { DescriptorWriter } from './descriptor-writer.js';
import { Lines } from './lines.js';
import type { Output, OutputMessage } from './output.js';

const openFile = promisify(open);
const closeFile = promisify(close);

export interface FileOutputOptions {
  readonly filename: string;
  /** Keep the file open between alerts; otherwise each finds the file that has the name at that time. */
  readonly keepAlive: boolean;
}

/** A file that lines are appended to. Rotation: rename it, then SIGUSR1 (not needed without keep_alive). */
export class FileOutput implements Output {
  readonly name = 'file';
  private writer: DescriptorWriter | null = null;
  private readonly lines = new Lines();

  /** @param key what to name in errors */
  constructor(
    private readonly options: FileOutputOptions,
    private readonly key = 'file_output.filename',
  ) {}

  async start(): Promise<void> {
    try {
      this.writer = await this.open();
    } catch (error) {
      throw new StartError(
        'OUTPUT_FILE', `the file output cannot open ${this.options.filename}: ${(error as Error).message}`,
        `create its directory, or set another one in ${this.key}`, { cause: error },
      );
    }
    if (!this.options.keepAlive) await this.close();
  }

  deliver(message: OutputMessage): Promise<void> {
    return this.deliverAll([message]);
  }

  async deliverAll(messages: readonly OutputMessage[]): Promise<void> {
    this.writer ??= await this.open();
    try {
      await this.lines.write(this.writer, messages);
    } finally {
      if (!this.options.keepAlive) await this.close();
    }
  }

  async reopen(): Promise<void> {
    await this.close();
    if (this.options.keepAlive) this.writer = await this.open();
  }

  async stop(): Promise<void> {
    await this.close();
  }

  private async open(): Promise<DescriptorWriter> {
    return new DescriptorWriter(await openFile(this.options.filename, 'a'));
  }

  private async close(): Promise<void> {
    const { writer } = this;
    this.writer = null;
    if (writer !== null && (await writer.stop())) await closeFile(writer.fd);
  }
}
