// SPDX-License-Identifier: Apache-2.0
/** When is something up to date: a fingerprint of what it is made from, kept beside it once it has been made. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** All files below `dir` whose name `accept`s, as paths relative to `root`, sorted. */
export function filesBelow(root, dir, accept) {
  const found = [];
  for (const entry of readdirSync(join(root, dir), { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) found.push(...filesBelow(root, path, accept));
    else if (accept(entry.name)) found.push(path);
  }
  return found.sort();
}

export function fingerprint(root, files, extra = []) {
  const hash = createHash('sha256');
  for (const text of extra) hash.update(`${text}\0`);
  for (const file of files) hash.update(`${file}\0`).update(readFileSync(join(root, file))).update('\0');
  return hash.digest('hex');
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

/** Written last, so that an interrupted build counts as none. `outputs` are relative to `root`. */
export function writeStamp(path, hash, outputs) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, JSON.stringify({ hash, outputs }));
  renameSync(`${path}.new`, path);
}

export function removeStamp(path) {
  rmSync(path, { force: true });
}

/** Why it must be made, or null when it is up to date. */
export function staleReason(root, path, hash) {
  const stamp = readJson(path);
  if (stamp === null) return 'not built yet';
  if (stamp.hash !== hash) return 'sources have changed';
  const missing = stamp.outputs.find((file) => !existsSync(join(root, file)));
  return missing === undefined ? null : `${missing} is missing`;
}

/**
 * Why packages must be installed, or null. npm keeps what it has installed in a lock file of its own, written when it is through:
 * comparing the two needs no mark of ours, and stays right when a user runs npm by hand.
 */
export function packagesReason(root) {
  const wanted = readJson(join(root, 'package-lock.json'))?.packages ?? {};
  const installed = readJson(join(root, 'node_modules/.package-lock.json'))?.packages;
  if (installed === undefined) return 'not installed yet';
  for (const [path, entry] of Object.entries(wanted)) {
    // Optional ones are for other platforms, or absent on purpose.
    if (path === '' || entry.optional || entry.devOptional || entry.peer) continue;
    const name = path.slice('node_modules/'.length);
    if (installed[path] === undefined) return `${name} is missing`;
    if (installed[path].version !== entry.version) return `${name} ${installed[path].version} is not ${entry.version}`;
  }
  return null;
}
