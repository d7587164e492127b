// SPDX-License-Identifier: Apache-2.0
import { close, open } from 'node:fs';
import { promisify } from 'node:util';
import { StartError } from '../sources/source.js';
import { DescriptorWriter, WriteError } from './descriptor-writer.js';
import { type Output, type OutputMessage, PartlyRefused } from './output.js';

const openFile = promisify(open);
const closeFile = promisify(close);

export interface FileOutputOptions {
  readonly filename: string;
  /** Keep the file open between alerts; otherwise each finds the file that has the name at that time. */
  readonly keepAlive: boolean;
}

const NEWLINE = 0x0a;

/** A file that lines are appended to. Rotation: rename it, then SIGUSR1 (not needed without keep_alive). */
export class FileOutput implements Output {
  readonly name = 'file';
  private writer: DescriptorWriter | null = null;
  /** The file ends in half a line: what follows must not become part of it. */
  private torn = false;

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
        `make its directory, or name another one in ${this.key}`, { cause: error },
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
    this.torn = false;
    if (this.options.keepAlive) this.writer = await this.open();
  }

  async stop(): Promise<void> {
    await this.close();
  }

  private async append(text: string): Promise<void> {
    this.writer ??= await this.open();
    const bytes = Buffer.from(this.torn ? `\n${text}` : text);
    try {
      await this.writer.write(bytes);
      this.torn = false;
    } catch (error) {
      if (!(error instanceof WriteError) || error.written === 0) throw error;
      // A full disk takes what fits.
      this.torn = bytes[error.written - 1] !== NEWLINE;
      throw new PartlyRefused(error.message, linesIn(bytes.subarray(error.written)));
    } finally {
      if (!this.options.keepAlive) await this.close();
    }
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

function linesIn(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) count++;
  return count;
}
