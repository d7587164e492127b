import { defineConfig } from 'vitest/config';
import { TotalsReporter } from './reporter.js';

/** These make and boot machines, roots and packages, or run commands that watch nothing: much of the time of all tests, and they need nothing of the others. */
const MACHINES = [
  'test/cli/{explain-alert,k8s-audit,rule-commands}.test.ts',
  'test/docker/image.test.ts',
  'test/e2e/{clean-root,host,package}.test.ts',
  'test/kernels/**/*.test.ts',
  'test/setup/**/*.test.ts',
];
/** These load the probe, or start container runtimes: one file at a time, or they would see each other's doings. */
const ALONE = [
  'test/native/**/*.test.ts',
  'test/e2e/**/*.test.ts',
  'test/app/{capture,capture-live,monitor,sieve-live}.test.ts',
  'test/conformance/blackbox.test.ts',
  'test/outputs/{broker-security,fleet,remote-syslog,syslog}.test.ts',
  'test/rules/{container-upstream,syscall-live,syscall-quiet}.test.ts',
  'test/sources/containers/{containerd,live}.test.ts',
];

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    reporters: ['default', new TotalsReporter()],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      { extends: true, test: { name: 'machines', include: MACHINES, fileParallelism: false, sequence: { groupOrder: 1 } } },
      { extends: true, test: { name: 'alone', include: ALONE, exclude: MACHINES, fileParallelism: false, sequence: { groupOrder: 2 } } },
      { extends: true, test: { name: 'together', include: ['test/**/*.test.ts'], exclude: [...MACHINES, ...ALONE], sequence: { groupOrder: 3 } } },
    ],
  },
});
