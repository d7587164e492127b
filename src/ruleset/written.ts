// SPDX-License-Identifier: Apache-2.0
/** Parts of conditions as their author wrote them: with the names of lists and macros, and with their places. */
import type { AstNode, Expr } from '../lang/ast.js';
import { lineAndColumn, type Span } from '../lang/diagnostic.js';
import { print } from '../lang/print.js';
import type { MappedText } from './mapped-text.js';
import type { Rule, Ruleset } from './ruleset.js';

const LONGEST = 120;

/** Where offsets of a rule's condition are into: its own text, or that of the last of the macros it is in. */
export function textOf(rule: Rule, macros: readonly string[], ruleset: Ruleset): MappedText {
  const last = macros.at(-1);
  return (last === undefined ? undefined : ruleset.macros.find((macro) => macro.name === last)?.text) ?? rule.text;
}

export function spanOf(node: AstNode, text: MappedText): Span {
  return text.spanOf(node.start, node.end);
}

/** On one line, and cut where it is long. What nobody wrote like this (exceptions) is printed from the tree. */
export function writtenText(expr: Expr, text: MappedText): string {
  const { source, start, end } = spanOf(expr, text);
  const written = source.text.slice(start, end).replace(/\s+/g, ' ');
  // It may begin or end in a piece from elsewhere: then what stands between its ends is not it.
  const compiled = text.text.slice(expr.start, expr.end);
  const same = isOnePiece(expr, text) && written.slice(0, 4) === compiled.slice(0, 4).replace(/\s+/g, ' ') && written.at(-1) === compiled.at(-1);
  const shown = same ? written : print(expr, { keepMacros: true });
  return shown.length > LONGEST ? `${shown.slice(0, LONGEST - 1)}…` : shown;
}

/** Whether operand and operator stand side by side in the file: in an exception, its keys are between them. */
function isOnePiece(expr: Expr, text: MappedText): boolean {
  if (expr.kind !== 'compare') return true;
  const left = spanOf(expr.left, text);
  const operator = text.spanOf(expr.operatorStart, expr.operatorStart + 1);
  return left.source === operator.source && left.end <= operator.start && left.source.text.slice(left.end, operator.start).trim() === '';
}

/** `file:line:col` */
export function placeOf({ source, start }: Span): string {
  const { line, column } = lineAndColumn(source.text, start);
  return `${source.name}:${line}:${column}`;
}
