// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CleanRoot } from './clean-root.js';
import { Watched } from './watch.js';

const MINUTE = 60_000;
const root = process.getuid?.() === 0;

/** Fresh Debian or Ubuntu with Node and root, right after `git clone`: the two commands of the README. */
describe.skipIf(!root && !process.env.CI)('on a fresh machine', () => {
  let machine: CleanRoot;

  beforeAll(() => {
    machine = new CleanRoot();
    machine.copyProject('/root/falco-ts');
  }, 5 * MINUTE);
  afterAll(() => machine?.remove(), MINUTE);

  it('starts from nothing: no compiler, no headers, no packages', async () => {
    const { text } = await machine.run('command -v gcc cc clang make python3 git; ls /usr/local/include/node /root/falco-ts/node_modules /root/falco-ts/dist 2>/dev/null');
    expect(text).toBe('');
  });

  it('npm start sets everything up, then reports what happens on the machine', { timeout: 6 * MINUTE }, async () => {
    const monitor = new Watched(machine.spawn('cd /root/falco-ts && npm start'));
    try {
      await monitor.until(/\[1\/4\] system packages .*clang/, MINUTE);
      await monitor.until(/\[4\/4\] TypeScript/, 5 * MINUTE);
      await monitor.until(/Opening 'syscall' source/, MINUTE);
      const alert = await monitor.until(/^.*dropped-by-test.*$/m, MINUTE, () => machine.spawn('echo x > /usr/bin/dropped-by-test'));
      expect(alert[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{9}: \w+ /);
    } finally {
      await monitor.interrupt();
    }
    expect(monitor.text).not.toMatch(/replay/i);
  });

  it('npm start has nothing to set up the second time', { timeout: 2 * MINUTE }, async () => {
    const { code, text } = await machine.run('cd /root/falco-ts && start=$(date +%s%3N) && node src/setup/setup.mjs && echo took $(($(date +%s%3N) - start))');
    expect(code).toBe(0);
    expect(text).toMatch(/^took \d+\n$/);
    expect(Number(/\d+/.exec(text)?.[0])).toBeLessThan(1000);
  });

  it('npm test runs and says how many passed', { timeout: 4 * MINUTE }, async () => {
    const { code, text } = await machine.run('cd /root/falco-ts && npm test -- test/lang test/architecture.test.ts');
    expect(text).toMatch(/^[1-9]\d* passed, 0 failed$/m);
    expect(code).toBe(0);
    expect(existsSync(join(machine.path, 'root/falco-ts/dist.new'))).toBe(false);
  });
});
