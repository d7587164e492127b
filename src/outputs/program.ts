// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process';
import type { Output, OutputMessage } from './output.js';

export interface ProgramOutputOptions {
  /** A shell command that reads alerts from its standard input, one a line. */
  readonly program: string;
  /** One process for all alerts, started again when it ends; otherwise one per alert. */
  readonly keepAlive: boolean;
}

const GRACE_MS = 1000;

interface Running {
  readonly child: ChildProcess;
  /** Settles when the process has ended; rejects when it could not start or ended with an error. */
  readonly ended: Promise<void>;
  /** Ends the wait of the write that is under way. */
  lost: (error: Error) => void;
}

export class ProgramOutput implements Output {
  readonly name = 'program';
  private running: Running | null = null;

  constructor(private readonly options: ProgramOutputOptions) {}

  async start(): Promise<void> {
    // The shell decides what the command means: whether it can run shows only when it does.
    if (this.options.keepAlive) this.running = this.spawn();
  }

  async deliver(message: OutputMessage): Promise<void> {
    const running = this.running ?? this.spawn();
    this.running = running;
    if (!this.options.keepAlive) {
      running.child.stdin?.end(`${message.line}\n`);
      try {
        await running.ended;
      } finally {
        this.running = null;
      }
      return;
    }
    // (A race with `ended` would leave something behind with each alert for as long as the program runs.)
    await new Promise<void>((resolve, reject) => {
      running.lost = reject;
      running.child.stdin?.write(`${message.line}\n`, (error) => (error ? reject(error) : resolve()));
    });
  }

  async reopen(): Promise<void> {
    await this.close();
    if (this.options.keepAlive) this.running = this.spawn();
  }

  async stop(): Promise<void> {
    await this.close();
  }

  /** Closes the program's input, gives it a second to finish, another one after it is told to, and ends it then. */
  private async close(): Promise<void> {
    const running = this.running;
    this.running = null;
    if (running === null) return;
    running.child.stdin?.end();
    const timers = [setTimeout(() => kill(running.child, 'SIGTERM'), GRACE_MS), setTimeout(() => kill(running.child, 'SIGKILL'), 2 * GRACE_MS)];
    await running.ended.catch(() => undefined);
    for (const timer of timers) clearTimeout(timer);
  }

  private spawn(): Running {
    // A process group of its own: Ctrl-C in a terminal is for the monitor, which then closes the program's input.
    const child = spawn('/bin/sh', ['-c', this.options.program], { stdio: ['pipe', 'inherit', 'inherit'], detached: true });
    // A program that does not read all of its input is not an error of the monitor's.
    child.stdin?.on('error', () => undefined);
    const gone = () => {
      if (this.running?.child === child) this.running = null;
    };
    const ended = new Promise<void>((resolve, reject) => {
      // It could not be started, for want of processes or memory: the next alert tries again.
      child.once('error', (error) => {
        gone();
        reject(error);
      });
      child.once('exit', (code, signal) => {
        gone();
        if (code === 0) resolve();
        else reject(new Error(`the program ended with ${code === null ? `signal ${signal}` : `status ${code}`}`));
      });
    });
    // Handled by whoever waits; nobody may be waiting when it ends.
    const running: Running = { child, ended, lost: () => undefined };
    ended.then(() => running.lost(new Error('the program has ended')), (error: Error) => running.lost(error));
    return running;
  }
}

/** The whole group: the shell may have started the program instead of becoming it. */
function kill(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It has just ended.
  }
}
