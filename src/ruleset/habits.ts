// SPDX-License-Identifier: Apache-2.0
/** Things in conditions that compile and yet are most likely not what was meant. */
import type { AstNode, CompareCheck, Expr, Operand } from '../lang/ast.js';

const NO_ENTER_EVENTS = 'events are produced when a call returns, so there is no latency to tell: remove the check';

/** Deprecated fields, each with what to do. */
export const DEPRECATED_FIELDS: ReadonlyMap<string, string> = new Map([
  ['evt.dir', "events are produced when a call returns, so 'evt.dir = <' is always true and 'evt.dir = >' never: remove the check"],
  ['evt.latency', NO_ENTER_EVENTS],
  ['evt.latency.s', NO_ENTER_EVENTS],
  ['evt.latency.ns', NO_ENTER_EVENTS],
  ['evt.latency.human', NO_ENTER_EVENTS],
  ['evt.wait_latency', NO_ENTER_EVENTS],
]);

const EQUALITY: ReadonlySet<string> = new Set(['==', '=', '!=', 'in', 'intersects', 'pmatch']);

type Report = (
  code: 'LOAD_DEPRECATED_ITEM' | 'LOAD_UNSAFE_NA_CHECK',
  message: string,
  hint: string | undefined,
  at: AstNode,
  macros: readonly string[],
) => void;

/** Deprecated fields, and audit fields compared with the text that stands for a missing value. Each field once. */
export function checkHabits(condition: Expr, report: Report): void {
  const deprecated = new Set<string>();
  const operand = (node: Operand, macros: readonly string[]): void => {
    if (node.kind === 'call') {
      for (const argument of node.arguments) if (argument.kind === 'field' || argument.kind === 'call') operand(argument, macros);
      return;
    }
    if (!DEPRECATED_FIELDS.has(node.name) || deprecated.has(node.name)) return;
    deprecated.add(node.name);
    report('LOAD_DEPRECATED_ITEM', `the field '${node.name}' is deprecated`, DEPRECATED_FIELDS.get(node.name), node, macros);
  };
  const visit = (node: Expr, macros: readonly string[]): void => {
    switch (node.kind) {
      case 'and':
      case 'or':
        for (const child of node.children) visit(child, macros);
        return;
      case 'not':
        visit(node.child, macros);
        return;
      case 'macro':
        if (node.body !== null) visit(node.body, [...macros, node.name]);
        return;
      case 'exists':
        operand(node.left, macros);
        return;
      case 'compare':
        operand(node.left, macros);
        checkMissing(node, macros);
        return;
      default:
        node satisfies never;
    }
  };
  const checkMissing = (node: CompareCheck, macros: readonly string[]): void => {
    const { left, right } = node;
    if (left.kind !== 'field' || !/^(ka|jevt)\./.test(left.name) || !EQUALITY.has(node.operator)) return;
    const values = right.kind === 'literal' ? [right] : right.kind === 'literals' ? right.values : [];
    const missing = values.find((value) => value.text === '<NA>');
    if (missing !== undefined) {
      report('LOAD_UNSAFE_NA_CHECK', `'${left.name}' is compared with '<NA>', which is how a missing value is printed and not a value`, `write \`${left.name} exists\` or \`not ${left.name} exists\``, missing, macros);
    }
  };
  visit(condition, []);
}
