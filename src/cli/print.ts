// SPDX-License-Identifier: Apache-2.0
import { writeSync } from 'node:fs';

/** Writes a command's whole answer to standard output, and gives the exit code 0. */
export function print(text: string): number {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Whoever reads has had enough (`| head`), or is slow and gave us a descriptor that does not wait.
      if (code === 'EPIPE') return 0;
      if (code !== 'EAGAIN') throw error;
    }
  }
  return 0;
}
