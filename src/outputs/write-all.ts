// SPDX-License-Identifier: Apache-2.0
import { write } from 'node:fs';

/**
 * Writes a text to a descriptor without blocking the event loop, whatever the descriptor is: a full pipe that says "try
 * again" is tried again until `givenUp` says that nobody waits for it any more.
 */
export function writeAll(fd: number, text: string, givenUp: () => boolean): Promise<void> {
  const bytes = Buffer.from(text);
  return new Promise((resolve, reject) => {
    let at = 0;
    let delay = 1;
    const step = (): void => {
      write(fd, bytes, at, bytes.length - at, null, (error, written) => {
        if (error?.code === 'EAGAIN' || error?.code === 'EINTR') {
          if (givenUp()) reject(error);
          else setTimeout(step, delay);
          delay = Math.min(delay * 2, 50);
          return;
        }
        if (error !== null) {
          reject(error);
          return;
        }
        at += written;
        delay = 1;
        if (at < bytes.length) step();
        else resolve();
      });
    };
    step();
  });
}
