// SPDX-License-Identifier: Apache-2.0
/** src/ → dist/, swapped in whole: a build that fails or is interrupted leaves the last good one. */
import { chmodSync, existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { filesBelow, fingerprint, removeStamp, staleReason, writeStamp } from './inputs.mjs';
import { explain, run, SetupError } from './process.mjs';

const inputs = (root) => ['tsconfig.json', ...filesBelow(root, 'src', (name) => name.endsWith('.ts'))];
const hash = (root) => fingerprint(root, inputs(root));
const stamp = (root) => join(root, 'build/setup/typescript.json');

export function typescriptReason(root) {
  return staleReason(root, stamp(root), hash(root));
}

export async function buildTypescript(root, { log, onLine }) {
  const before = hash(root);
  const fresh = join(root, 'dist.new');
  rmSync(fresh, { recursive: true, force: true });
  try {
    const args = [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json', '--outDir', fresh, '--noEmitOnError'];
    const { code, lines } = await run(process.execPath, args, { log, cwd: root, onLine });
    if (code !== 0) {
      throw new SetupError(`TypeScript does not compile:\n${explain(log, lines, /error TS/)}`, {
        hint: 'If you changed src/, correct it there. With a clean clone this is a fault of ours: please report it.',
        log,
      });
    }
    removeStamp(stamp(root));
    const dist = join(root, 'dist');
    rmSync(dist, { recursive: true, force: true });
    renameSync(fresh, dist);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  const commands = Object.values(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).bin ?? {});
  for (const file of commands) if (existsSync(join(root, file))) chmodSync(join(root, file), 0o755);
  writeStamp(stamp(root), before, commands);
}
