// SPDX-License-Identifier: Apache-2.0
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { DescriptorWriter } from './descriptor-writer.js';
import { Lines } from './lines.js';
import type { Output, OutputMessage } from './output.js';

/** Standard output. A reader that has stopped reading holds up this output only. */
export class StdoutOutput implements Output {
  readonly name = 'stdout';
  private writer = new DescriptorWriter(1);
  private readonly lines = new Lines();

  async start(): Promise<void> {
    // A write to a full pipe would hold a thread until the reader reads, even at exit: it has to say EAGAIN instead.
    const kind = fstatSync(1);
    if (kind.isSocket()) {
      // Node makes the descriptor non-blocking when it wraps it; there is no other way to ask for that.
      void process.stdout;
    } else if (kind.isFIFO() || kind.isCharacterDevice()) {
      // A description of our own, so that the flags that others see stay as they are. (A file is not opened twice: its
      // position would start again.)
      try {
        this.writer = new DescriptorWriter(openSync('/proc/self/fd/1', constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY));
      } catch {
        // Without /proc it is written to as it is.
      }
    }
  }

  deliver(message: OutputMessage): Promise<void> {
    return this.deliverAll([message]);
  }

  deliverAll(messages: readonly OutputMessage[]): Promise<void> {
    return this.lines.write(this.writer, messages);
  }

  async reopen(): Promise<void> {
    // It is what it is for as long as the program runs.
  }

  async stop(): Promise<void> {
    const { fd } = this.writer;
    if ((await this.writer.stop()) && fd !== 1) closeSync(fd);
  }
}
