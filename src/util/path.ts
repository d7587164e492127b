// SPDX-License-Identifier: Apache-2.0
/** Paths as the peer joins and prints them: by text alone, without looking at any file system. */
const MAX_PATH = 1024;

/**
 * `path` as seen from the directory `base`: `.`, `..` and doubled slashes resolved, no slash at the end. An absolute
 * `path` stands for itself. `base` is taken as it is and should end in a slash. `..` never climbs above the root, nor, in
 * a relative `base`, above its beginning.
 */
export function joinPath(base: string, path: string): string {
  if (base.length + path.length + 1 > MAX_PATH) return '/DIR_TOO_LONG/FILENAME_TOO_LONG';
  const relative = path.length !== 0 && path[0] !== '/';
  if (path.length === 0) return '';
  if (isPlain(path)) return relative ? base + path : path;
  let out = relative ? base : '';
  const emptyBase = out === '';
  let at = 0;
  while (at < path.length) {
    const c = path[at];
    const atSegment = out === '' || out[out.length - 1] === '/';
    if (c === '.' && atSegment) {
      const second = path[at + 1];
      const third = path[at + 2];
      if (second === '.' && (third === '/' || third === undefined)) {
        out = parent(out);
        at += third === '/' ? 3 : 2;
      } else if (second === '/') {
        at += 2;
      } else if (second === undefined) {
        at++;
      } else {
        out += c;
        at++;
      }
    } else if (c === '/') {
      if (!(out !== '' ? out[out.length - 1] === '/' : !emptyBase)) out += c;
      at++;
    } else {
      const next = path.indexOf('/', at);
      const stop = next === -1 ? path.length : next;
      out += path.slice(at, stop);
      at = stop;
    }
  }
  return out.length > 1 && out[out.length - 1] === '/' ? out.slice(0, -1) : out;
}

/** No doubled slash, no slash at the end and no segment that begins with a dot. */
function isPlain(path: string): boolean {
  for (let i = 0; i < path.length; i++) {
    const c = path.charCodeAt(i);
    if (c === 46 && (i === 0 || path.charCodeAt(i - 1) === 47)) return false;
    if (c === 47 && i + 1 < path.length && path.charCodeAt(i + 1) === 47) return false;
  }
  return path.length === 1 || path.charCodeAt(path.length - 1) !== 47;
}

/** Cuts the last segment, keeping the slash before it. */
function parent(path: string): string {
  if (path === '') return '';
  const end = path[path.length - 1] === '/' ? path.length - 2 : path.length - 1;
  const slash = path.lastIndexOf('/', end);
  return slash === -1 ? '' : path.slice(0, slash + 1);
}
