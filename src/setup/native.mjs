// SPDX-License-Identifier: Apache-2.0
/** The addon and the BPF objects: node-gyp, without a download. */
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesBelow, fingerprint, removeStamp, staleReason, writeStamp } from './inputs.mjs';
import { explain, run, SetupError } from './process.mjs';

const ADDON = 'build/Release/falco_ts.node';
const OBJECTS = 'build/bpf';

const inputs = (root) => ['binding.gyp', ...filesBelow(root, 'native', () => true)];
const hash = (root) => fingerprint(root, inputs(root), [process.arch]);
const stamp = (root) => join(root, 'build/setup/native.json');

export function nativeReason(root) {
  return staleReason(root, stamp(root), hash(root));
}

/**
 * What node-gyp calls `nodedir`. The addon uses Node-API alone, whose headers are an npm package, so that no machine
 * needs Node's own headers: node-gyp would download them, and a distribution may not carry them.
 */
export function assembleHeaders(root) {
  const dir = join(root, 'build/setup/node');
  const include = join(dir, 'include/node');
  mkdirSync(include, { recursive: true });
  cpSync(join(root, 'node_modules/node-api-headers/include'), include, { recursive: true });
  const flags = ['-std=gnu++17', '-fno-rtti', '-fno-exceptions', '-fno-strict-aliasing'];
  const common = {
    target_defaults: {
      default_configuration: 'Release',
      cflags: ['-fPIC', '-pthread', '-Wall', '-Wextra', '-Wno-unused-parameter'],
      cflags_cc: flags,
      ldflags: ['-pthread'],
      configurations: {
        Release: { cflags: ['-O2', '-fno-omit-frame-pointer'] },
        Debug: { cflags: ['-g', '-O0'], defines: ['DEBUG'] },
      },
    },
  };
  writeFileSync(join(include, 'common.gypi'), JSON.stringify(common, null, 2));
  return dir;
}

export async function buildNative(root, { log, onLine }) {
  const before = hash(root);
  removeStamp(stamp(root));
  // From nothing, always: what is left of another build is the likeliest cause of a failure that nobody can explain.
  if (existsSync(join(root, 'build')))
    for (const name of readdirSync(join(root, 'build')))
      if (name !== 'setup') rmSync(join(root, 'build', name), { recursive: true, force: true });

  const gyp = join(root, 'node_modules/node-gyp/bin/node-gyp.js');
  const nodedir = assembleHeaders(root);
  for (const step of ['configure', 'build']) {
    const args = [gyp, step, '--release', `--nodedir=${nodedir}`, '--force-process-config', ...(step === 'build' ? ['--jobs=max'] : [])];
    const { code, lines } = await run(process.execPath, args, { log, cwd: root, onLine });
    if (code === 0) continue;
    rmSync(join(root, 'build/Release'), { recursive: true, force: true });
    const why = explain(log, lines, /\berror\b|Error:|No such file|not found/i);
    throw new SetupError(`the native part does not build (node-gyp ${step}):\n${why}`, {
      hint: 'A missing header or command: see which package brings it (apt-file search). Anything else is a fault of ours: please report it with the log.',
      log,
    });
  }
  if (!existsSync(join(root, ADDON))) throw new SetupError(`node-gyp ended well but ${ADDON} is not there`, { log });
  const objects = existsSync(join(root, OBJECTS)) ? readdirSync(join(root, OBJECTS)).map((name) => join(OBJECTS, name)) : [];
  writeStamp(stamp(root), before, [ADDON, ...objects]);
}
