// SPDX-License-Identifier: Apache-2.0
// HOT PATH
/**
 * What `pmatch` asks: does one of these paths lead to this one? Compared component by component, so that /etc matches
 * /etc/passwd and not /etcetera. Empty components do not count (`//etc/` is `/etc`), and a component with `?`, `*` or `[`
 * in it is a glob pattern of its own.
 */
import { GlobPattern } from './glob-pattern.js';

interface Node {
  /** A path ends here: everything below matches. */
  terminal: boolean;
  readonly children: Map<string, Node>;
  readonly globs: { readonly text: string; readonly pattern: GlobPattern; readonly node: Node }[];
}

export class PathSet {
  private readonly root: Node = node();

  constructor(paths: Iterable<string>) {
    for (const path of paths) this.add(path);
  }

  private add(path: string): void {
    let at = this.root;
    for (const component of path.split('/')) {
      if (at.terminal) return;
      if (component === '') continue;
      let next = at.children.get(component) ?? at.globs.find((glob) => glob.text === component)?.node;
      if (next === undefined) {
        next = node();
        if (/[?*[]/.test(component)) at.globs.push({ text: component, pattern: new GlobPattern(component, false), node: next });
        else at.children.set(component, next);
      }
      at = next;
    }
    at.terminal = true;
    at.children.clear();
    at.globs.length = 0;
  }

  test(path: string): boolean {
    return below(this.root, path, 0);
  }
}

/** Each node is visited once at most, because it has one place in the tree and one component of the path to fit. */
function below(start: Node, path: string, from: number): boolean {
  let at = start;
  let i = from;
  for (;;) {
    if (at.terminal) return true;
    while (i < path.length && path.charCodeAt(i) === 47) i++;
    if (i >= path.length) return false;
    let end = path.indexOf('/', i);
    if (end === -1) end = path.length;
    const component = path.substring(i, end);
    i = end;
    for (let g = 0; g < at.globs.length; g++) {
      const glob = at.globs[g] as Node['globs'][number];
      if (glob.pattern.test(component) && below(glob.node, path, i)) return true;
    }
    const next = at.children.get(component);
    if (next === undefined) return false;
    at = next;
  }
}

function node(): Node {
  return { terminal: false, children: new Map(), globs: [] };
}
