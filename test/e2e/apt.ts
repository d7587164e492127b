// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawnSync } from 'node:child_process';

/** Others may install at the same time: another test, or the machine's own upgrades. */
const WAIT = ['-o', 'DPkg::Lock::Timeout=300'];
const UPDATES = 20;

/** Installs Debian packages that a test needs; without a list of packages, or with an old one, fetches that first. */
export function aptInstall(...packages: readonly string[]): void {
  const args = ['install', '-y', '-q', ...WAIT, '--no-install-recommends', ...packages];
  // The packages' own services stay down: run level 1 has none.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  if (spawnSync('apt-get', args, { env, stdio: 'ignore' }).status === 0) return;
  // The lists have a lock of their own, for which apt does not wait.
  for (let i = 1; spawnSync('apt-get', ['update', '-q'], { stdio: 'ignore' }).status !== 0 && i < UPDATES; i++) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3_000);
  }
  execFileSync('apt-get', args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
}
