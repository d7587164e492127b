// SPDX-License-Identifier: Apache-2.0
/** The oldest kernel that is supported and the newest there is; `npm run test:kernels` has more of them, and more to try. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const RUN = fileURLToPath(new URL('run.mjs', import.meta.url));
const isRoot = process.getuid?.() === 0;

describe.skipIf(process.arch !== 'x64' || (!isRoot && !process.env.CI))('on other kernels, in a virtual machine (needs root)', () => {
  it('falco-ts tells of files, programs, connections and both demos, on Linux 5.10 and on the newest', { timeout: 45 * 60_000 }, async () => {
    const said = await promisify(execFile)(process.execPath, [RUN, '--smoke', '5.10', 'newest']).catch((error: unknown) => error as { stdout: string; stderr: string });
    const rows = [...said.stdout.matchAll(/^(5\.10|newest) +(\S+) +(\w+) +(\d+) +(\d+) /gm)].map(([, name, , hook, passed, failed]) => ({ name, hook, enough: Number(passed) > 10, failed }));
    expect(rows, `${said.stderr}${said.stdout}`).toEqual([
      { name: '5.10', hook: 'raw_tp', enough: true, failed: '0' },
      { name: 'newest', hook: 'tracepoint', enough: true, failed: '0' },
    ]);
  });
});
