// SPDX-License-Identifier: Apache-2.0
/**
 * In which layer of an overlay an executable lies, from outside: events tell it of programs that start, and of those that ran
 * before the mount's own options do, with a look into its upper directory.
 */
import { statSync } from 'node:fs';
import { encodeText } from '../util/byte-text.js';

export interface Mount {
  /** Where it is, as the process sees it. */
  readonly point: string;
  /** Which directory of its file system is there. */
  readonly root: string;
  /** The overlay's writable directory, as its mounter saw it; null: there is none. */
  readonly upper: string | null;
  readonly overlay: boolean;
}

export type Layer = 'upper' | 'lower';

/** The mounts of `/proc/<pid>/mountinfo`, in its order: a later one covers an earlier one at the same place. */
export function readMounts(text: string): readonly Mount[] {
  const mounts: Mount[] = [];
  for (const line of text.split('\n')) {
    const fields = line.split(' ');
    const separator = fields.indexOf('-', 6);
    if (separator === -1) continue;
    // Within an option, a comma or a backslash has one before it.
    const upper = /(?:^|,)upperdir=([^,]*)/.exec(fields[separator + 3] ?? '')?.[1];
    mounts.push({ root: plain(fields[3]), point: plain(fields[4]), overlay: fields[separator + 1] === 'overlay', upper: upper === undefined ? null : plain(upper).replace(/\\(.)/g, '$1') });
  }
  return mounts;
}

/**
 * @param path the executable's, as the process sees it
 * @param exe the executable's link in /proc
 * @param roots where the root directory of those who mount overlays may be
 * @returns null: on no overlay, or there is no telling
 */
export function layerOf(path: string, exe: string, mounts: readonly Mount[], roots: readonly string[]): Layer | null {
  let mount: Mount | null = null;
  for (const one of mounts) if (isBelow(path, one.point) && (mount === null || one.point.length >= mount.point.length)) mount = one;
  if (mount === null || !mount.overlay) return null;
  if (mount.upper === null) return 'lower';
  const inside = path.slice(mount.point === '/' ? 0 : mount.point.length);
  try {
    const shown = statSync(exe, { bigint: true });
    const root = roots.find((one) => isDirectory(one + mount.upper));
    if (root === undefined) return null;
    const upper = statSync(encodeText(`${root}${mount.upper}${mount.root === '/' ? '' : mount.root}${inside}`), { bigint: true, throwIfNoEntry: false });
    return upper !== undefined && upper.size === shown.size && upper.mtimeNs === shown.mtimeNs ? 'upper' : 'lower';
  } catch {
    // Gone meanwhile, or not ours to look at.
    return null;
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(encodeText(path)).isDirectory();
  } catch {
    return false;
  }
}

function isBelow(path: string, directory: string): boolean {
  return directory === '/' || path === directory || path.startsWith(`${directory}/`);
}

/** The kernel writes blanks, commas and backslashes as octal numbers. */
function plain(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
