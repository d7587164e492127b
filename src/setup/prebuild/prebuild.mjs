#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/**
 * Makes what the npm package carries so that it runs without a compiler: for each architecture the addon with its libraries
 * linked in, and the BPF objects. `npm pack` runs it.
 *
 *     node src/setup/prebuild/prebuild.mjs            all architectures
 *     node src/setup/prebuild/prebuild.mjs arm64      one, named as Node names it
 */
import { copyFileSync, cpSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { filesBelow, fingerprint, removeStamp, staleReason, writeStamp } from '../inputs.mjs';
import { assembleHeaders } from '../native.mjs';
import { explain, run, SetupError } from '../process.mjs';
import { createProgress } from '../progress.mjs';
import { installPackages, missingPackTools } from '../system.mjs';
import { libraries, TARGETS } from './libraries.mjs';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const inputs = () => ['binding.gyp', 'node_modules/node-addon-api/package.json', ...filesBelow(ROOT, 'native', () => true), ...filesBelow(ROOT, 'src/setup', () => true)];
const folder = (arch) => `prebuilds/linux-${arch}`;
const stamp = (arch) => join(ROOT, 'build/setup', `prebuild-${arch}.json`);

/** The addon may export these two, and nothing of the libraries within: Node has a zlib of its own. */
const EXPORTS = '{ global: napi_register_module_v1; node_api_module_get_api_version_v1; local: *; };\n';

async function build(arch, context) {
  const { triple, machine } = TARGETS[arch];
  const at = await libraries(arch, context);
  // node-gyp builds below the folder of binding.gyp: another folder, so that the build for this machine stays as it is.
  const work = join(ROOT, 'build/setup', `prebuild-${arch}`);
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  for (const name of ['native', 'binding.gyp', 'package.json']) cpSync(join(ROOT, name), join(work, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(work, 'node_modules'));
  writeFileSync(join(work, 'exports.map'), EXPORTS);

  const compiler = `--target=${triple} --sysroot=${at.sysroot}`;
  const env = {
    CC: `clang ${compiler}`,
    CXX: `clang++ ${compiler}`,
    AR: 'llvm-ar',
    CXXFLAGS: `-I${at.include} -ffunction-sections -fdata-sections -ffile-prefix-map=${work}=falco-ts`,
    LDFLAGS: `-fuse-ld=lld -static-libstdc++ -static-libgcc -Wl,--gc-sections -Wl,--version-script=${join(work, 'exports.map')} -s -L${at.lib}`,
    BPF_MACHINE: machine,
    BPF_SYSROOT: at.sysroot,
  };
  const gyp = join(ROOT, 'node_modules/node-gyp/bin/node-gyp.js');
  for (const step of ['configure', 'build']) {
    const args = [gyp, step, '--release', `--arch=${arch}`, `--nodedir=${assembleHeaders(ROOT)}`, '--force-process-config', ...(step === 'build' ? ['--jobs=max'] : [])];
    const { code, lines } = await run(process.execPath, args, { ...context, cwd: work, env });
    if (code !== 0) throw new SetupError(`the native part does not build for ${arch} (node-gyp ${step}):\n${explain(context.log, lines, /\berror\b|Error:/i)}`, { log: context.log });
  }
  const addon = join(work, 'build/Release/falco_ts.node');
  await checkLibraries(addon, context);

  const to = join(ROOT, folder(arch));
  rmSync(to, { recursive: true, force: true });
  mkdirSync(join(to, 'bpf'), { recursive: true });
  copyFileSync(addon, join(to, 'falco_ts.node'));
  for (const name of readdirSync(join(work, 'build/bpf'))) copyFileSync(join(work, 'build/bpf', name), join(to, 'bpf', name));
  writeFileSync(join(to, 'LICENSES.txt'), `The addon beside this file contains these libraries, built from Debian's sources by src/setup/prebuild:\n\n${at.notices}`);
  rmSync(work, { recursive: true });
}

/** Whatever else it needed would be missing on the machine that it is for. */
async function checkLibraries(addon, { log }) {
  const { lines } = await run('llvm-readelf', ['--needed-libs', addon], { log });
  const needed = lines.join('\n').match(/\S+\.so\S*/g) ?? [];
  const foreign = needed.filter((name) => !/^(libc|libm|libpthread|libdl|ld-linux.*)\.so\.\d+$/.test(name));
  if (needed.length === 0 || foreign.length > 0) throw new SetupError(`the addon needs other libraries than libc: ${foreign.join(' ') || lines.join(' ')}`, { log });
}

async function main(names) {
  const unknown = names.find((name) => TARGETS[name] === undefined);
  if (unknown !== undefined) throw new SetupError(`usage: prebuild.mjs [${Object.keys(TARGETS).join('|')}]…`);
  const progress = createProgress();
  const hash = fingerprint(ROOT, inputs());
  for (const arch of names.length > 0 ? names : Object.keys(TARGETS)) {
    const why = staleReason(ROOT, stamp(arch), hash);
    if (why === null) continue;
    const log = join(ROOT, 'build/setup', `prebuild-${arch}.log`);
    rmSync(log, { force: true });
    removeStamp(stamp(arch));
    await progress.during(`falco-ts for linux-${arch} (${why})`, async (onLine) => {
      const missing = missingPackTools();
      if (missing.length > 0) await installPackages(missing, { log, onLine }, missingPackTools);
      await build(arch, { log, onLine });
    });
    const outputs = ['falco_ts.node', 'LICENSES.txt', ...readdirSync(join(ROOT, folder(arch), 'bpf')).map((name) => `bpf/${name}`)];
    writeStamp(stamp(arch), hash, outputs.map((name) => join(folder(arch), name)));
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const text = [`falco-ts prebuild failed: ${error.message}`];
  if (error.hint) text.push(error.hint);
  if (error.log) text.push(`The whole log: ${error.log}`);
  process.stderr.write(`${error instanceof SetupError ? text.join('\n') : error.stack}\n`);
  process.exitCode = 1;
}
