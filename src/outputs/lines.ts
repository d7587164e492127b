// SPDX-License-Identifier: Apache-2.0
import { fstatSync } from 'node:fs';
import { type DescriptorWriter, WriteError } from './descriptor-writer.js';
import { type OutputMessage, PartlyRefused } from './output.js';

const NEWLINE = 0x0a;

/** Messages as lines of a file or stream, which a full disk may cut anywhere. */
export class Lines {
  /** It ended in half a line, of which what follows must not become part. */
  private torn = false;

  /** @throws PartlyRefused when a part has been written, WriteError when nothing has */
  async write(writer: DescriptorWriter, messages: readonly OutputMessage[]): Promise<void> {
    const text = messages.map(({ line }) => `${line}\n`).join('');
    // Nothing is there: another file has the name now, or somebody has emptied it.
    const bytes = Buffer.from(this.torn && fstatSync(writer.fd).size > 0 ? `\n${text}` : text);
    try {
      await writer.write(bytes);
      this.torn = false;
    } catch (error) {
      if (!(error instanceof WriteError) || error.written === 0) throw error;
      this.torn = bytes[error.written - 1] !== NEWLINE;
      throw new PartlyRefused(error.message, linesIn(bytes.subarray(error.written)));
    }
  }
}

function linesIn(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) count++;
  return count;
}
