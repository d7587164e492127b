// SPDX-License-Identifier: Apache-2.0
/** Runs the bundled tests that are its arguments as vitest does, in this process, and tells of each test as it ends. */
import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type File, type Suite, startTests, type Task, type TaskResult, type VitestRunner } from '@vitest/runner';

/** For a test and for what is before and after tests: an emulated processor is that slow. */
const LIMIT_MS = 300_000;

let passed = 0;
let failed = 0;

const say = (state: string, name: string, more = ''): void => void process.stdout.write(`${state} ${name}${more}\n`);
const fullName = (task: Task): string => (task.suite === undefined || task.suite === task.file ? task.name : `${fullName(task.suite)} > ${task.name}`);

function tell(task: Task, name: string): void {
  const { state, errors, duration, note }: TaskResult & { note?: string } = task.result ?? { state: 'skip' };
  if (state === 'fail') {
    failed++;
    say('FAIL', name, (errors ?? []).map((error) => `\n${error.stack ?? error.message}\n${error.diff ?? ''}`).join(''));
  } else if (task.type === 'suite') {
    return;
  } else if (state === 'pass') {
    passed++;
    say('PASS', name, ` ${Math.round(duration ?? 0)} ms`);
  } else {
    say('LEFT', name, note === undefined ? '' : `: ${note}`);
  }
}

/** A test's end is told as it comes; what went wrong around tests, and what was left out, at the file's end. */
function tellRest(suite: Suite | File, at: string): void {
  if (suite.result?.errors !== undefined) tell(suite, `${at} ${suite.name}`);
  for (const task of suite.tasks) {
    if (task.type === 'suite') tellRest(task, at);
    else if (task.mode === 'skip' || task.result === undefined) tell(task, `${at} ${fullName(task)}`);
  }
}

const runner: VitestRunner = {
  config: {
    root: process.cwd(), setupFiles: [], name: undefined, passWithNoTests: false, testNamePattern: undefined, allowOnly: false,
    sequence: { seed: 1, hooks: 'stack', setupFiles: 'list' }, chaiConfig: undefined, maxConcurrency: 1, testTimeout: LIMIT_MS, hookTimeout: LIMIT_MS,
    retry: 0, includeTaskLocation: undefined, tags: [], tagsFilter: undefined, strictTags: false,
  },
  importFile: (path) => import(pathToFileURL(path).href),
  onAfterRunTask: (test) => tell(test, `${basename(test.file.filepath, '.mjs')} ${fullName(test)}`),
};

for (const path of process.argv.slice(2)) {
  const [file] = await startTests([path], runner);
  tellRest(file, basename(path, '.mjs'));
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exit(failed === 0 ? 0 : 1);
