// SPDX-License-Identifier: Apache-2.0
// What `npm test` runs: all tests in two lanes at once, or, by vitest alone, those that the arguments name.
// Vitest runs the projects of test/vitest.config.ts one after the other; those of `machines` wait for disks and other processors
// as often as they work, and need nothing of the rest.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const VITEST = [`${ROOT}node_modules/vitest/vitest.mjs`, 'run', '--config', 'test/vitest.config.ts'];
const TOTALS = /^(\d+) passed, (\d+) failed$/gm;

/** Runs vitest; its output goes to `show` as it comes. */
function vitest(args, show) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...VITEST, ...args], { cwd: ROOT, stdio: show === undefined ? 'inherit' : ['ignore', 'pipe', 'pipe'] });
    child.stdout?.on('data', show);
    child.stderr?.on('data', show);
    child.on('close', (code) => resolve(code ?? 1));
  });
}

const args = process.argv.slice(2);
if (args.length > 0) process.exit(await vitest(args));

const machines = [];
const totals = { passed: 0, failed: 0 };
/** Adds what a lane says at its end; one that says nothing has not run. */
function add(text) {
  const [, passed, failed] = [...text.matchAll(TOTALS)].at(-1) ?? [null, 0, 1];
  totals.passed += Number(passed);
  totals.failed += Number(failed);
}

const second = vitest(['--project', 'machines'], (data) => machines.push(data));
let shown = '';
const first = await vitest(['--project', 'alone', '--project', 'together'], (data) => {
  process.stdout.write(data);
  shown = (shown + data).slice(-100_000);
});
add(shown);
process.stdout.write('\nThe tests that make machines have been running beside these; their results follow when they are done.\n');
const codes = [first, await second];
const text = Buffer.concat(machines).toString();
process.stdout.write(text);
add(text);
process.stdout.write(`\n${totals.passed} passed, ${totals.failed} failed\n`);
process.exit(Math.max(...codes));
