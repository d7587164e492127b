// SPDX-License-Identifier: Apache-2.0
/** Standard output whose reader stops reading. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { alerts, testFolder } from './channels.js';

const dir = testFolder();

describe('stdout', () => {
  it.each(['socket', 'pipe'])('a reader of a %s that stops reading holds up neither the program nor its end; one that goes on gets every line', async (through) => {
    const script = join(dir, 'stdout.mjs');
    const src = join(import.meta.dirname, '../../dist/outputs');
    writeFileSync(
      script,
      `import { Channel } from '${src}/channel.js';
       import { StdoutOutput } from '${src}/stdout.js';
       const log = { error: () => {}, critical: () => {} };
       const output = new StdoutOutput();
       await output.start();
       const channel = new Channel(output, { capacity: 5000, timeoutMs: 0, gatherMs: 0, log });
       const started = Date.now();
       for (let i = 0; i < 3000; i++) channel.push({ line: 'alert ' + i + ' ' + 'x'.repeat(200), priority: 'Warning', rule: 'R', time: 0n });
       await new Promise((resolve) => setTimeout(resolve, 100));
       process.stderr.write('free ' + (Date.now() - started < 1000) + '\\n');
       await channel.stop(Number(process.argv[2]));
       process.stderr.write(JSON.stringify(channel.stats()) + '\\n');
       process.exit(0);`,
    );
    const run = (graceMs: number, read: boolean) =>
      new Promise<{ stdout: string; stderr: string; code: number | null }>((resolve) => {
        // Node's own pipes are sockets; behind `| cat` it is a real one. A stopped cat does not read either.
        const command = `${process.execPath} ${script} ${graceMs}`;
        const child = spawn('/bin/bash', ['-c', through === 'pipe' ? `${command} | (sleep 0.5; ${read ? 'cat' : 'sleep 1'}); exit \${PIPESTATUS[0]}` : `exec ${command}`], { stdio: ['ignore', 'pipe', 'pipe'] });
        let stdout = '';
        let stderr = '';
        if (read || through === 'pipe') setTimeout(() => child.stdout.on('data', (d: Buffer) => (stdout += d.toString())), 500);
        child.stderr.on('data', (d: Buffer) => (stderr += d.toString()));
        child.on('exit', (code) => {
          setTimeout(() => resolve({ stdout, stderr, code }), 50);
        });
      });
    const stuck = await run(200, false);
    expect(stuck.code).toBe(0);
    expect(stuck.stderr).toContain('free true');
    const stats = JSON.parse(stuck.stderr.split('\n')[1]) as { pushed: number; delivered: number; failed: number; dropped: number };
    expect(stats.delivered + stats.failed + stats.dropped).toBe(stats.pushed);
    expect(stats.delivered).toBeLessThan(3000);
    const slow = await run(10_000, true);
    expect(slow.stderr).toContain('"delivered":3000');
    expect(slow.stdout.split('\n').slice(0, -1).map((line) => line.split(' ')[1])).toEqual(alerts(0, 3000).map((a) => a.split(' ')[1]));
  });
});
