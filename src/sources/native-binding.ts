// SPDX-License-Identifier: Apache-2.0
/** The only place that loads the addon. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { SCHEMA_HASH } from '../events/ids.js';
import type { NativeBinding } from './native-contract.js';
import { StartError } from './source.js';

const ROOT = new URL('../../', import.meta.url);
const PREBUILD = `prebuilds/linux-${process.arch}`;
/** Where `binding.gyp` puts the addon and its BPF objects, and where the npm package has them. */
const CANDIDATES = [
  { addon: 'build/Release/falco_ts.node', objects: 'build/bpf' },
  { addon: 'build/Debug/falco_ts.node', objects: 'build/bpf' },
  { addon: `${PREBUILD}/falco_ts.node`, objects: `${PREBUILD}/bpf` },
];

const inProject = (path: string): string => fileURLToPath(new URL(path, ROOT));

/** A clone can be built; a package that lacks its addon cannot. */
const BUILD_HINT = existsSync(inProject('binding.gyp'))
  ? 'build it with `npm run setup` (or `npx node-gyp rebuild`)'
  : 'the package has it for x64 and arm64 (glibc 2.31 or newer): install it again; elsewhere build it from a clone with `npm run setup`';

let loaded: { readonly binding: NativeBinding; readonly objects: string } | null = null;

/** @throws StartError with every cause that was found, and what to do. */
export const loadNative = (): NativeBinding => load().binding;

/** The folder of the BPF objects that were built with the addon. @throws StartError as `loadNative` */
export const objectDir = (): string => load().objects;

function load(): { readonly binding: NativeBinding; readonly objects: string } {
  if (loaded !== null) return loaded;
  if (process.platform !== 'linux') {
    throw new StartError('NATIVE_PLATFORM', `live capture needs Linux, this is ${process.platform}`, 'replay a capture file instead');
  }
  const require = createRequire(import.meta.url);
  const causes: string[] = [];
  let hint = BUILD_HINT;
  for (const { addon, objects } of CANDIDATES) {
    const path = inProject(addon);
    if (!existsSync(path)) {
      causes.push(`${path}: not there`);
      continue;
    }
    try {
      const binding = require(path) as NativeBinding;
      if (binding.schemaHash !== SCHEMA_HASH) {
        causes.push(`${path}: built from another event table (${binding.schemaHash}, this program has ${SCHEMA_HASH})`);
        continue;
      }
      loaded = { binding, objects: inProject(objects) };
      return loaded;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      causes.push(`${path}: ${message}`);
      hint = remedy(message, path) ?? hint;
    }
  }
  throw new StartError('NATIVE_MISSING', `the native addon cannot be loaded:\n${causes.map((c) => `  ${c}`).join('\n')}`, hint);
}

function remedy(message: string, path: string): string | null {
  if (/libbpf\.so|libelf\.so|libz\.so/.test(message)) return 'install the libraries: apt-get install libbpf1 libelf1 zlib1g';
  if (/GLIBC(XX)?_|libstdc\+\+/.test(message)) return `it was built on a newer system than this one; ${BUILD_HINT} here`;
  if (/wrong ELF class|invalid ELF header|Exec format/.test(message)) {
    const machine = elfMachine(path);
    return `it was built for ${machine}, this is ${process.arch}; ${BUILD_HINT} here`;
  }
  if (/NODE_MODULE_VERSION|Module did not self-register/.test(message)) return `it does not fit Node ${process.version}; ${BUILD_HINT} again`;
  return null;
}

/** e_machine of the ELF header. */
const MACHINES: ReadonlyMap<number, string> = new Map([[3, 'ia32'], [40, 'arm'], [62, 'x64'], [183, 'arm64']]);

function elfMachine(path: string): string {
  const head = readFileSync(path).subarray(0, 20);
  if (head.length < 20 || head.readUInt32BE(0) !== 0x7f454c46) return 'no Linux system (not an ELF file)';
  const machine = head.readUInt16LE(18);
  return MACHINES.get(machine) ?? `machine ${machine}`;
}
