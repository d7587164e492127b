// SPDX-License-Identifier: Apache-2.0
/**
 * The live tests as they stand, each in one file of plain JavaScript beside what they share: an emulated processor takes minutes to
 * load vitest and to compile some hundred modules, and seconds for these.
 */
import { readdirSync, rmSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { rolldown } from 'rolldown';

/** Below the project. */
export const BUNDLES = 'build/setup/kernels/tests';

/** Writes `test/native`, and what runs it in the guest, into `copy`: the project, or one that another machine is given. */
export async function bundleTests(project, copy) {
  const tests = readdirSync(join(project, 'test/native')).filter((name) => name.endsWith('.test.ts')).map((name) => join(project, 'test/native', name));
  const bundle = await rolldown({
    input: Object.fromEntries([...tests, join(project, 'test/kernels/runner.ts')].map((file) => [basename(file, '.ts'), file])),
    platform: 'node',
    logLevel: 'silent',
    plugins: [{
      name: 'where-modules-are',
      // Tests find programs, the addon and the project by their own place.
      transform: (code, id) => code.replaceAll('import.meta.url', `new URL(${JSON.stringify(relative(join(project, BUNDLES), id))}, import.meta.url).href`),
    }],
  });
  const to = join(copy, BUNDLES);
  rmSync(to, { recursive: true, force: true });
  await bundle.write({ dir: to, entryFileNames: '[name].mjs', chunkFileNames: '[name].mjs' });
}
