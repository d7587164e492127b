// SPDX-License-Identifier: Apache-2.0
/** HOT PATH. Joins a directory and a path as the ecosystem does, without asking the file system. */
import { byteLength } from '../util/byte-text.js';

/** Longest path that is kept, with its closing zero (SCAP_MAX_PATH_SIZE). */
const MAX_PATH = 1024;
const TOO_LONG = '/DIR_TOO_LONG/FILENAME_TOO_LONG';
const SLASH = 47;
const DOT = 46;

/**
 * `path` seen from `base`: an absolute path stands alone, `.` and `..` and doubled or closing slashes in it are resolved.
 * `base` itself is taken as it is (it ends with a slash), but `..` climbs into it. What is too long is the outcome only:
 * nobody hides a path behind `/./././` or in a directory that lies deep.
 */
export function concatenatePaths(base: string, path: string): string {
  const relative = path.length !== 0 && path.charCodeAt(0) !== SLASH;
  let whole = path;
  if (isPlain(path)) {
    if (relative && base.length !== 0) whole = base + path;
  } else whole = normalize(relative ? base : '', path);
  return whole.length + 1 > MAX_PATH / 4 && byteLength(whole) + 1 > MAX_PATH ? TOO_LONG : whole;
}

/** No segment needs a closer look: no `//`, no segment that begins with a dot, no closing slash. */
function isPlain(path: string): boolean {
  const last = path.length - 1;
  if (last < 0) return true;
  let previous = SLASH;
  for (let i = 0; i <= last; i++) {
    const c = path.charCodeAt(i);
    if (previous === SLASH && (c === DOT || (c === SLASH && i !== 0))) return false;
    previous = c;
  }
  return previous !== SLASH || last === 0;
}

function normalize(base: string, path: string): string {
  let out = base;
  const emptyBase = base.length === 0;
  const end = path.length;
  let i = 0;
  while (i < end) {
    const c = path.charCodeAt(i);
    const atStart = out.length === 0 || out.charCodeAt(out.length - 1) === SLASH;
    if (c === DOT && atStart) {
      const next = i + 1 < end ? path.charCodeAt(i + 1) : 0;
      if (next === DOT && (i + 2 === end || path.charCodeAt(i + 2) === SLASH)) {
        out = parent(out);
        i += 3;
      } else if (next === SLASH) {
        i += 2;
      } else if (next === 0) {
        i++;
      } else {
        out += '.';
        i++;
      }
    } else if (c === SLASH) {
      // Having climbed out of a relative base, the path goes on without a slash.
      if (!(out.length > 0 ? atStart : !emptyBase)) out += '/';
      i++;
    } else {
      let stop = path.indexOf('/', i);
      if (stop === -1) stop = end;
      out += path.slice(i, stop);
      i = stop;
    }
  }
  if (out.length > 1 && out.charCodeAt(out.length - 1) === SLASH) out = out.slice(0, -1);
  return out;
}

/** Drops the last segment; what remains ends with a slash or is empty. The root stays. */
function parent(path: string): string {
  if (path.length <= 1) return path;
  let n = path.length - 1;
  while (n >= 1 && path.charCodeAt(n - 1) !== SLASH) n--;
  return path.slice(0, n);
}
