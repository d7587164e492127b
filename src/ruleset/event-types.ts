// SPDX-License-Identifier: Apache-2.0
/** Which event types a condition can match at all, for the warning about rules that see nearly every event and for -L. */
import type { CompareCheck, Expr } from '../lang/ast.js';

type Names = ReadonlySet<string>;

/** Names of event types, out of `all`. A resolved condition is expected; what cannot be decided counts as any event. */
export function eventNamesOf(condition: Expr, all: Names): Names {
  return visit(condition, false, all);
}

function visit(node: Expr, negated: boolean, all: Names): Names {
  switch (node.kind) {
    case 'and':
    case 'or': {
      // Negation is pushed down to the checks: not (a and b) is (not a or not b).
      const sets = node.children.map((child) => visit(child, negated, all));
      return (node.kind === 'and') !== negated ? sets.reduce(intersection) : sets.reduce(union);
    }
    case 'not':
      return visit(node.child, !negated, all);
    case 'macro':
      return node.body === null ? all : visit(node.body, negated, all);
    case 'exists': {
      const isType = node.left.kind === 'field' && isEventType(node.left.name) && node.left.argument === null;
      return isType && negated ? new Set() : all;
    }
    case 'compare':
      return compare(node, negated, all);
    default: {
      const never: never = node;
      return never;
    }
  }
}

function compare(node: CompareCheck, negated: boolean, all: Names): Names {
  if (node.left.kind !== 'field' || node.left.argument !== null || node.modifier !== null) return all;
  const { right, operator } = node;
  if (node.left.name === 'evt.num') {
    const always = eventNumber(node);
    return always === null ? all : always === negated ? new Set() : all;
  }
  if (!isEventType(node.left.name)) return all;
  let named: Names;
  if (right.kind === 'literal') named = new Set([right.text]);
  else if (right.kind === 'literals') named = new Set(right.values.map((value) => value.text));
  else return all;
  if (operator === '=' || operator === '==' || operator === 'in') {
    return negated ? difference(all, named) : intersection(named, all);
  }
  if (operator === '!=') return negated ? intersection(named, all) : difference(all, named);
  return all;
}

function isEventType(field: string): boolean {
  return field === 'evt.type' || field === 'syscall.type';
}

/** Events are numbered from 1 on: whether this comparison of `evt.num` always or never holds; null: it depends. */
function eventNumber(node: CompareCheck): boolean | null {
  const { right, operator } = node;
  const number = (text: string) => (/^(0x[0-9a-fA-F]+|[0-9]+)$/.test(text) ? Number(text) : Number.NaN);
  if (operator === 'in' && right.kind === 'literals') {
    return right.values.every((value) => number(value.text) === 0) ? false : null;
  }
  if (right.kind !== 'literal') return null;
  const n = number(right.text);
  switch (operator) {
    case '=':
    case '==':
      return n === 0 ? false : null;
    case '!=':
      return n === 0 ? true : null;
    case '<':
      return n <= 1 ? false : null;
    case '<=':
      return n === 0 ? false : null;
    case '>':
      return n === 0 ? true : null;
    case '>=':
      return n <= 1 ? true : null;
    default:
      return null;
  }
}

function intersection(a: Names, b: Names): Names {
  return new Set([...a].filter((name) => b.has(name)));
}

function union(a: Names, b: Names): Names {
  return new Set([...a, ...b]);
}

function difference(a: Names, b: Names): Names {
  return new Set([...a].filter((name) => !b.has(name)));
}
