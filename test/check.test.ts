// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

it('types are sound and lint has nothing to say (npm run check)', { timeout: 120_000 }, async () => {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const { code, text } = await new Promise<{ code: number; text: string }>((resolve) => {
    execFile('npm', ['run', '--silent', 'check'], { cwd: root, maxBuffer: 1 << 26 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), text: stdout + stderr }),
    );
  });
  expect(code, text).toBe(0);
});
