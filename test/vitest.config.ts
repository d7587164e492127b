import { defineConfig } from 'vitest/config';
import { PATIENCE } from './helpers/patience.js';
import { TotalsReporter } from './reporter.js';

/** These load the probe, start container runtimes or boot systems: one file at a time, or they would see each other's doings. */
const ALONE = [
  'test/native/**/*.test.ts',
  'test/e2e/**/*.test.ts',
  'test/kernels/**/*.test.ts',
  'test/docker/image.test.ts',
  'test/app/{capture,capture-live,monitor,sieve-live}.test.ts',
  'test/conformance/blackbox.test.ts',
  'test/outputs/{broker-security,fleet,remote-syslog,syslog}.test.ts',
  'test/rules/{container-upstream,syscall-live,syscall-quiet}.test.ts',
  'test/setup/**/*.test.ts',
  'test/sources/containers/{containerd,live}.test.ts',
];

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    reporters: ['default', new TotalsReporter()],
    testTimeout: 30_000 * PATIENCE,
    hookTimeout: 60_000 * PATIENCE,
    projects: [
      { extends: true, test: { name: 'alone', include: ALONE, fileParallelism: false, sequence: { groupOrder: 1 } } },
      { extends: true, test: { name: 'together', include: ['test/**/*.test.ts'], exclude: ALONE, sequence: { groupOrder: 2 } } },
    ],
  },
});
