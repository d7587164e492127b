#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/**
 * `npm start` and `npm test` begin here: does what is missing, and only that, on a machine that has nothing but Node.
 * Plain JavaScript without dependencies, since it runs before anything is installed or built.
 *
 *     node src/setup/setup.mjs                 all that is missing
 *     node src/setup/setup.mjs --only=native   one step and what it needs, even when it is up to date
 */
import { existsSync, lchownSync, lstatSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packagesReason } from './inputs.mjs';
import { buildNative, nativeReason } from './native.mjs';
import { explain, run, SetupError } from './process.mjs';
import { createProgress } from './progress.mjs';
import { installPackages, missingPackages } from './system.mjs';
import { buildTypescript, typescriptReason } from './typescript.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const WORK = join(ROOT, 'build/setup');

async function installNpmPackages(root, { log, onLine }) {
  // Started by npm, use the same npm; dev packages are what builds and tests. No package here needs an install script.
  // Not `npm ci`: it refuses the lock file when a registry lacks an optional package of another platform. This one takes
  // the locked versions with their checksums just the same, and leaves the lock file alone.
  const npm = process.env.npm_execpath;
  const args = ['install', '--no-save', '--include=dev', '--include=optional', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=http'];
  const [command, ...rest] = npm?.endsWith('.js') ? [process.execPath, npm, ...args] : ['npm', ...args];
  const { code, lines } = await run(command, rest, { log, cwd: root, onLine });
  if (code === 0) return;
  throw new SetupError(`npm install failed:\n${explain(log, lines, /npm (ERR!|error)/)}`, {
    hint: 'Without a network, or behind a proxy: npm needs registry.npmjs.org (npm config set proxy …, or registry …).',
    log,
  });
}

/** In order; a step's `reason` says why it must be done (null: it need not) once those before it are done. */
const STEPS = [
  {
    name: 'system',
    title: (reason) => `system packages (${reason})`,
    // Compilers are wanted by a native build only: a machine that has the addon needs none.
    reason: (only) => (only === 'system' || nativeReason(ROOT) !== null ? missingPackages().join(' ') || null : null),
    run: (context) => installPackages(missingPackages(), context),
  },
  { name: 'packages', title: (reason) => `npm packages (${reason})`, reason: () => packagesReason(ROOT), run: (context) => installNpmPackages(ROOT, context) },
  { name: 'native', title: (reason) => `native addon and eBPF programs (${reason})`, reason: () => nativeReason(ROOT), run: (context) => buildNative(ROOT, context) },
  { name: 'typescript', title: (reason) => `TypeScript (${reason})`, reason: () => typescriptReason(ROOT), run: (context) => buildTypescript(ROOT, context) },
];

function pending(only) {
  return STEPS.map((step) => ({ step, reason: step.reason(only) ?? (step.name === only ? 'asked for' : null) }))
    .filter(({ step, reason }) => reason !== null && (only === null || step.name === only || !['native', 'typescript'].includes(step.name)));
}

/** Two at a time would build into each other's files. Returns the release. */
async function lock(progress) {
  mkdirSync(WORK, { recursive: true });
  const path = join(WORK, 'lock');
  for (let told = false; ; ) {
    try {
      const fd = openSync(path, 'wx');
      writeSync(fd, String(process.pid));
      const release = () => rmSync(path, { force: true });
      process.on('exit', release);
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));
      return release;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const owner = Number(readFileSync(path, 'utf8') || Number.NaN);
    if (owner > 0 && !existsSync(`/proc/${owner}`)) {
      rmSync(path, { force: true });
      continue;
    }
    if (!told) progress.say(`falco-ts set-up: waiting for another one (process ${owner}) to finish`);
    told = true;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** After `sudo npm start` in somebody's checkout, what was made belongs to them: the next `git clean` needs no root. */
function giveBack() {
  const owner = statSync(ROOT);
  if (process.getuid() !== 0 || owner.uid === 0) return;
  const give = (path) => {
    // Never through a link: its target may lie anywhere.
    const at = lstatSync(path);
    if (at.uid === 0) lchownSync(path, owner.uid, owner.gid);
    if (at.isDirectory()) for (const name of readdirSync(path)) give(join(path, name));
  };
  for (const name of ['node_modules', 'dist', 'build']) if (existsSync(join(ROOT, name))) give(join(ROOT, name));
}

async function main(argv) {
  const only = /^--only=(.*)$/.exec(argv[0] ?? '')?.[1] ?? null;
  if (argv.length > (only === null ? 0 : 1) || (only !== null && !STEPS.some((step) => step.name === only))) {
    throw new SetupError(`usage: setup.mjs [--only=${STEPS.map((step) => step.name).join('|')}]`);
  }
  if (process.platform !== 'linux') {
    throw new SetupError(`falco-ts watches Linux, and this is ${process.platform}`, { hint: 'Use a Linux machine, virtual machine or container.' });
  }
  if (Number(process.versions.node.split('.')[0]) < 20) {
    throw new SetupError(`Node ${process.versions.node} is too old`, { hint: 'Node 20 or newer is needed: https://nodejs.org' });
  }
  if (pending(only).length === 0) return;

  const progress = createProgress();
  const release = await lock(progress);
  try {
    const todo = pending(only);
    if (todo.length > 0) progress.say(`falco-ts set-up: ${todo.length} of ${STEPS.length} things to do, only this time`);
    for (const [i, { step, reason }] of todo.entries()) {
      const log = join(WORK, `${step.name}.log`);
      rmSync(log, { force: true });
      await progress.during(`  [${i + 1}/${todo.length}] ${step.title(reason)}`, (onLine) => step.run({ log, onLine }));
    }
  } finally {
    giveBack();
    release();
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const text = [`falco-ts set-up failed: ${error.message}`];
  if (error.hint) text.push(error.hint);
  if (error.log) text.push(`The whole log: ${error.log}`);
  process.stderr.write(`${error instanceof SetupError ? text.join('\n') : error.stack}\n`);
  process.exitCode = 1;
}
