// SPDX-License-Identifier: Apache-2.0
import { write } from 'node:fs';

/** A write that ended early: so many bytes are written. */
export class WriteError extends Error {
  constructor(
    readonly written: number,
    cause: Error,
  ) {
    super(cause.message, { cause });
    this.name = 'WriteError';
  }
}

/**
 * Writes to a descriptor, whatever it is, without blocking the event loop: a full pipe that says "try again" is tried
 * again. One write at a time.
 */
export class DescriptorWriter {
  private stopped = false;
  private writing: Promise<void> = Promise.resolve();

  constructor(readonly fd: number) {}

  /** @throws WriteError */
  write(bytes: Buffer): Promise<void> {
    const writing = this.writeAll(bytes);
    this.writing = writing.catch(() => undefined);
    return writing;
  }

  /**
   * Gives up what is still being tried. True: nothing uses the descriptor any more, it can be closed. (A write that blocks
   * in the kernel still does; its descriptor must stay, or the bytes could go to whatever file gets the number next.)
   */
  async stop(): Promise<boolean> {
    this.stopped = true;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), 200);
    });
    const settled = await Promise.race([this.writing.then(() => true), timeout]);
    clearTimeout(timer);
    return settled;
  }

  private writeAll(bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      let at = 0;
      let delay = 1;
      const step = (): void => {
        if (this.stopped) {
          reject(new WriteError(at, new Error('given up')));
          return;
        }
        write(this.fd, bytes, at, bytes.length - at, null, (error, written) => {
          if (error?.code === 'EAGAIN' || error?.code === 'EINTR') {
            setTimeout(step, delay);
            delay = Math.min(delay * 2, 50);
            return;
          }
          if (error !== null) {
            reject(new WriteError(at, error));
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
}
