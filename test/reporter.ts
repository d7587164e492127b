// SPDX-License-Identifier: Apache-2.0
import type { Reporter, TestModule } from 'vitest/node';

/** Ends a run with `N passed, N failed`, alone on the last line, for people and for CI alike. */
export class TotalsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    let passed = 0;
    // An error outside of every test has no test to count under.
    let failed = unhandled.length;
    const skipped: string[] = [];
    for (const module of modules) {
      failed += module.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') passed++;
        else if (state === 'failed') failed++;
        else skipped.push(`${module.relativeModuleId}: ${test.fullName}`);
      }
      for (const suite of module.children.allSuites()) failed += suite.errors().length;
    }
    if (skipped.length > 0) process.stdout.write(`\n${skipped.length} not run:\n${skipped.map((line) => `  ${line}\n`).join('')}`);
    process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
  }
}
