import { defineConfig } from 'vitest/config';
import { TotalsReporter } from './reporter.js';

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    reporters: ['default', new TotalsReporter()],
    include: ['test/**/*.test.ts'],
    // Live tests load the probe and make system calls that others would see: one file at a time.
    fileParallelism: false,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
