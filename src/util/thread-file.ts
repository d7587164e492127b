// SPDX-License-Identifier: Apache-2.0

/**
 * The file of a module that runs in a thread of its own, beside the module at `from`. Threads cannot load TypeScript: what
 * runs from its sources (tests do) has the compiled one run.
 */
export function threadFile(from: string, name: string): URL {
  const compiled = from.endsWith('.ts') ? from.replace(/\/src\/(?!.*\/src\/)/, '/dist/') : from;
  return new URL(name, compiled);
}
