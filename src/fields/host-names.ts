// SPDX-License-Identifier: Apache-2.0
/** The host names that conditions compare `fd.sip.name` and its likes with: only these are ever resolved. */
import type { CompareCheck, Expr } from '../lang/ast.js';

const NAME_FIELDS: ReadonlySet<string> = new Set(['fd.cip.name', 'fd.sip.name', 'fd.lip.name', 'fd.rip.name']);

export function hostNamesIn(conditions: Iterable<Expr>): ReadonlySet<string> {
  const names = new Set<string>();
  for (const condition of conditions) collect(condition, names);
  return names;
}

function collect(node: Expr, names: Set<string>): void {
  switch (node.kind) {
    case 'and':
    case 'or':
      for (const child of node.children) collect(child, names);
      return;
    case 'not':
      collect(node.child, names);
      return;
    case 'macro':
      if (node.body !== null) collect(node.body, names);
      return;
    case 'compare':
      if (node.left.kind === 'field' && NAME_FIELDS.has(node.left.name)) collectConstants(node, names);
      return;
    case 'exists':
      return;
    default:
      node satisfies never;
  }
}

function collectConstants(node: CompareCheck, names: Set<string>): void {
  const right = node.right;
  if (right.kind === 'literal') names.add(right.text);
  else if (right.kind === 'literals') for (const value of right.values) names.add(value.text);
}
