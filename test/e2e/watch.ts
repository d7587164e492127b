// SPDX-License-Identifier: Apache-2.0
/** A process under test: all that it prints, and waiting for a line of it. */
import type { ChildProcess } from 'node:child_process';

export class Watched {
  text = '';
  private readonly closed: Promise<number | null>;
  ended = false;
  private wake: () => void = () => {};

  constructor(readonly child: ChildProcess) {
    const take = (chunk: string): void => {
      this.text += chunk;
      this.wake();
    };
    child.stdout?.setEncoding('utf8').on('data', take);
    child.stderr?.setEncoding('utf8').on('data', take);
    this.closed = new Promise((resolve) => {
      child.on('error', (error) => take(`${error.message}\n`));
      child.on('close', (code) => {
        this.ended = true;
        this.wake();
        resolve(code);
      });
    });
  }

  /** Waits until `pattern` is in the output; repeats `prompt` every 300 ms meanwhile. */
  async until(pattern: RegExp, timeoutMs: number, prompt?: () => void): Promise<RegExpExecArray> {
    const end = Date.now() + timeoutMs;
    for (;;) {
      const match = pattern.exec(this.text);
      if (match !== null) return match;
      if (this.ended) throw new Error(`it ended before printing ${pattern}:\n${this.text}`);
      if (Date.now() > end) throw new Error(`no ${pattern} within ${timeoutMs} ms:\n${this.text}`);
      prompt?.();
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 300);
        this.wake = () => {
          if (prompt !== undefined) return;
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Ends it as Ctrl-C in a terminal does: the signal goes to its whole process group. */
  async interrupt(timeoutMs = 10_000): Promise<number | null> {
    if (!this.ended && this.child.pid !== undefined) process.kill(-this.child.pid, 'SIGINT');
    const timer = setTimeout(() => {
      if (this.child.pid !== undefined) process.kill(-this.child.pid, 'SIGKILL');
    }, timeoutMs);
    const code = await this.closed;
    clearTimeout(timer);
    return code;
  }
}
