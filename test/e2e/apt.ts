// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawnSync } from 'node:child_process';

/** Installs Debian packages that a test needs; without a list of packages, or with an old one, fetches that first. */
export function aptInstall(...packages: readonly string[]): void {
  const args = ['install', '-y', '-q', '--no-install-recommends', ...packages];
  // The packages' own services stay down: run level 1 has none.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  if (spawnSync('apt-get', args, { env, stdio: 'ignore' }).status === 0) return;
  execFileSync('apt-get', ['update', '-q'], { stdio: 'ignore' });
  execFileSync('apt-get', args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
}
