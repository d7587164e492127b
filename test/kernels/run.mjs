#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/**
 * The live tests and the demos on Debian's kernels, in QEMU: `npm run test:kernels`.
 *
 *     npm run test:kernels                     all tests on all kernels: a quarter of an hour apiece
 *     npm run test:kernels -- --smoke          some forty things and the demos on each: a minute apiece
 *     npm run test:kernels -- 5.10 newest      on these kernels only
 *     npm run test:kernels -- --smoke arm64    Debian 12's kernel on an emulated arm64 processor, with what npm pack has for it: ten minutes
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installPackages } from '../../src/setup/system.mjs';
import { BUNDLES, bundleTests } from './bundle.mjs';
import { EXPECTED, ESCAPE, IA32, unseen } from './smoke.mjs';
import { foreignProject, foreignRoot, PROJECT_THERE } from './foreign.mjs';
import { fetchKernel, FOREIGN, KERNELS, MACHINES, missingForGuests, runInGuest } from './guest.mjs';

export const PROJECT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const LOGS = join(PROJECT, 'build/setup/kernels');

/**
 * The monitor's first words, or the guest's last. An emulated processor takes ten seconds to the former, and several minutes on a
 * busy machine, where its kernel's clocks may also start wrong; one that has said neither says nothing about falco-ts.
 */
const LIFE = { sign: /Falco version:|^RESULT /m, seconds: 300 };

/**
 * @typedef {{ kernel: string, release: string, hook: string, missing: readonly string[], passed: number, failed: readonly string[], left: readonly string[], starts: number, seconds: number, log: string }} Result
 *   `missing`: what falco-ts says that the kernel lacks; `left`: tests that do not apply there; `starts`: 2 when the first guest showed no sign of life
 *
 * @param {{ name: string, suite: string, arch?: string }} kernel
 * @param {{ smoke: boolean }} options
 * @returns {Promise<Result>}
 */
export async function tryKernel(kernel, { smoke }) {
  mkdirSync(LOGS, { recursive: true });
  const log = join(LOGS, `${kernel.name}.log`);
  rmSync(log, { force: true });
  const arch = kernel.arch ?? process.arch;
  const unpacked = await fetchKernel(kernel, arch, log);
  const files = arch === process.arch
    ? { share: { from: PROJECT, to: PROJECT } }
    : { root: await foreignRoot(arch, MACHINES[arch].debian, log), share: { from: await foreignProject(arch, PROJECT, join(LOGS, arch)), to: PROJECT_THERE } };
  if (!smoke) await bundleTests(PROJECT, files.share.from);
  // Backwards: first single calls, by one probe a file, at last `capture`, which loads it some twenty times.
  const tests = smoke ? '' : `node ${BUNDLES}/runner.mjs $(ls -r ${BUNDLES}/*.test.mjs)\n`;
  const command = `cd '${files.share.to}'\nsh test/kernels/smoke-guest.sh\n${tests}`;
  const start = () => runInGuest({ kernel: unpacked, arch, command, log, seconds: smoke ? 900 : 3600, life: LIFE, ...files });
  let guest = await start();
  const starts = guest.alive ? 1 : 2;
  if (!guest.alive) {
    process.stderr.write(`  no sign of life from the guest within ${LIFE.seconds} s: started once more\n`);
    guest = await start();
  }
  const expected = { ...EXPECTED, ...ESCAPE, ...(arch === 'x64' && IA32) };
  const failed = unseen(guest.text, expected).map((name) => `smoke: ${name}`);
  let passed = Object.keys(expected).length - failed.length;
  if (!smoke) {
    const total = /^(\d+) passed, (\d+) failed/m.exec(guest.text);
    passed += Number(total?.[1] ?? 0);
    failed.push(...lines(guest.text, 'FAIL'));
    if (total === null) failed.push('the live tests did not get to their end');
  }
  if (!/^MONITOR 0$/m.test(guest.text)) failed.push('the monitor did not end well');
  if (guest.code === null) failed.push('the guest did not get to its end');
  const missing = lines(guest.text, '.*This kernel lacks:');
  return {
    kernel: kernel.name,
    release: /^GUEST (\S+)/m.exec(guest.text)?.[1] ?? 'did not boot',
    hook: /The BPF programs are attached by (\w+)/.exec(guest.text)?.[1] ?? '-',
    missing,
    passed,
    failed,
    left: lines(guest.text, 'LEFT'),
    starts,
    seconds: guest.seconds,
    log,
  };
}

/** The 32-bit program: no C library of that width is needed. */
function compileIa32() {
  const flags = ['-m32', '-nostdlib', '-static', '-ffreestanding', '-fno-pic', '-fno-stack-protector', '-mno-sse', '-O1'];
  execFileSync('gcc', [...flags, '-o', join(LOGS, 'ia32'), fileURLToPath(new URL('ia32.c', import.meta.url))]);
}

export async function installForGuests(arch) {
  const missing = missingForGuests(arch);
  if (missing.length > 0) await installPackages(missing, { log: join(LOGS, 'apt.log'), onLine: () => {} }, () => missingForGuests(arch));
}

/** What stands behind a line's beginning, each once. */
const lines = (text, beginning) => [...new Set([...text.matchAll(new RegExp(`^${beginning} (.*)$`, 'gm'))].map((m) => m[1]))];
const lastLines = (file, count) => readFileSync(file, 'utf8').trimEnd().split('\n').slice(-count).map((line) => `  | ${line}`).join('\n');

function table(results) {
  const rows = [['kernel', 'release', 'probe', 'passed', 'failed', 'left out', 'starts', 'seconds', '']];
  for (const r of results) rows.push([r.kernel, r.release, r.hook, String(r.passed), String(r.failed.length), String(r.left.length), String(r.starts), String(r.seconds), r.failed.length === 0 ? '' : `see ${r.log}`]);
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column])).join('  ').trimEnd()).join('\n');
}

async function main(args) {
  if (process.getuid() !== 0) throw new Error('this needs root: it mounts and shares this machine\'s files with the guest');
  const names = args.filter((arg) => !arg.startsWith('-'));
  const smoke = args.includes('--smoke');
  const unknown = [...names.filter((name) => ![...KERNELS, ...FOREIGN].some((kernel) => kernel.name === name)), ...args.filter((arg) => arg.startsWith('-') && arg !== '--smoke')];
  if (unknown.length > 0) throw new Error(`unknown: ${unknown.join(' ')}; kernels: ${[...KERNELS, ...FOREIGN].map((kernel) => kernel.name).join(' ')}; option: --smoke`);
  const kernels = names.length === 0 ? KERNELS : [...KERNELS, ...FOREIGN].filter((kernel) => names.includes(kernel.name));
  for (const arch of new Set(kernels.map((kernel) => kernel.arch ?? process.arch))) await installForGuests(arch);
  const setup = spawnSync(process.execPath, [join(PROJECT, 'src/setup/setup.mjs')], { stdio: 'inherit' });
  if (setup.status !== 0) throw new Error('the set-up failed');
  mkdirSync(LOGS, { recursive: true });
  if (process.arch === 'x64') compileIa32();
  // Through 'exit', where a running guest is ended and its folder removed.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));
  const results = [];
  for (const kernel of kernels) {
    process.stderr.write(`Linux ${kernel.name} …\n`);
    const result = await tryKernel(kernel, { smoke });
    for (const line of result.missing) process.stderr.write(`  lacks: ${line}\n`);
    for (const line of result.left) process.stderr.write(`  left out: ${line}\n`);
    for (const line of result.failed) process.stderr.write(`  failed: ${line}\n`);
    if (result.failed.length > 0) process.stderr.write(`${lastLines(result.log, 60)}\n`);
    results.push(result);
  }
  console.log(table(results));
  if (results.some((result) => result.failed.length > 0)) process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2)).catch((error) => {
  process.stderr.write(`test:kernels: ${error.message}\n${error.hint ?? ''}\n`);
  process.exitCode = 1;
});
