// SPDX-License-Identifier: Apache-2.0
/** Watched files and folders that go away, or lead nowhere, while they are watched. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FileWatch } from '../../src/app/watch.js';
import { PROJECT } from '../e2e/live-monitor.js';

describe('a watch of files', () => {
  it('says that a file has become a link that leads in a circle, and goes on', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'falco-ts-watch-'));
    const file = join(dir, 'falco.yaml');
    writeFileSync(file, 'a: 1\n');
    let changes = 0;
    const watch = new FileWatch(() => changes++);
    watch.follow([file]);
    unlinkSync(file);
    symlinkSync(file, file);
    await expect.poll(() => changes).toBe(1);
    unlinkSync(file);
    writeFileSync(file, 'a: 2\n');
    await expect.poll(() => changes).toBe(2);
    watch.stop();
    rmSync(dir, { recursive: true });
  });

  it.skipIf(process.getuid?.() !== 0)('outlives a folder that cannot be read, and says what changed once it can be', () => {
    const dir = mkdtempSync(join(tmpdir(), 'falco-ts-watch-'));
    // As a user whom access rights concern.
    const program = `
      import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
      import { FileWatch } from '${PROJECT}/dist/app/watch.js';
      mkdirSync('${dir}/rules.d');
      const watch = new FileWatch(() => { console.log('changed'); process.exit(0); });
      watch.follow(['${dir}/rules.d']);
      setInterval(() => undefined, 1000);
      chmodSync('${dir}/rules.d', 0o300);
      writeFileSync('${dir}/rules.d/a.yaml', '');
      setTimeout(() => chmodSync('${dir}/rules.d', 0o700), 1000);
    `;
    execFileSync('chown', ['65534:65534', dir]);
    const out = execFileSync('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, '--input-type=module', '-e', program], { encoding: 'utf8', timeout: 60_000 });
    expect(out).toBe('changed\n');
    rmSync(dir, { recursive: true });
  });
});
