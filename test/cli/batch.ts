// SPDX-License-Identifier: Apache-2.0
/** Many command lines in one process of the built program: for commands that end by themselves and leave nothing behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Ended } from './program.js';

interface Answer {
  readonly code: number;
  readonly began: readonly [number, number];
  readonly ended: readonly [number, number];
}

export class Batch {
  private readonly dir = mkdtempSync(join(tmpdir(), 'falco-ts-batch-'));
  private child: ChildProcess | null = null;

  async run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
    const child = this.child ?? this.start();
    this.child = child;
    const { code, began, ended } = await new Promise<Answer>((resolve, reject) => {
      const died = (status: number | null) => reject(new Error(`the program ended with ${status}:\n${readFileSync(join(this.dir, 'stderr'), 'utf8')}`));
      child.once('exit', died);
      child.once('message', (answer) => {
        child.off('exit', died);
        resolve(answer as Answer);
      });
      child.stdin?.write(`${JSON.stringify({ args, env })}\n`);
    });
    const part = (name: string, i: 0 | 1) => readFileSync(join(this.dir, name)).subarray(began[i], ended[i]).toString();
    return { code, stdout: part('stdout', 0), stderr: part('stderr', 1) };
  }

  stop(): void {
    this.child?.kill();
    rmSync(this.dir, { recursive: true, force: true });
  }

  private start(): ChildProcess {
    // Appending: whoever writes by position would write over what another wrote.
    const [stdout, stderr] = [openSync(join(this.dir, 'stdout'), 'a'), openSync(join(this.dir, 'stderr'), 'a')];
    const child = spawn(process.execPath, [join(import.meta.dirname, 'batch.mjs')], {
      stdio: ['pipe', stdout, stderr, 'ipc'], env: { ...process.env, FALCO_HOSTNAME: '' },
    });
    closeSync(stdout);
    closeSync(stderr);
    return child;
  }
}
