// SPDX-License-Identifier: Apache-2.0
import type { CompareCheck, Expr, LangError, Operand } from './ast.js';
import type { SourceCatalogue } from './catalogue.js';
import { checkConstants } from './checks/constants.js';
import type { CompareRule, Problem, Report } from './checks/context.js';
import { checkEventType } from './checks/event-type.js';
import { checkMisspeltValue } from './checks/misspelt-value.js';
import { checkOperatorType } from './checks/operator-type.js';
import { checkRegex } from './checks/regex.js';
import { checkRightField } from './checks/right-field.js';
import { type OperandPlace, typeOperand } from './operand.js';

/**
 * What is asked of a comparison once its fields are known (`lang/operand.ts` asks about those: `unknown-field`,
 * `field-use`, `field-argument`, and each transformer about its arguments), in this order, until one of them fails.
 */
const RULES: readonly CompareRule[] = [
  checkOperatorType,
  checkRightField,
  checkConstants,
  checkEventType,
  checkRegex,
  checkMisspeltValue,
];

/**
 * Everything wrong with a condition (errors) or suspicious in it (warnings) when its fields are `catalogue`'s.
 * Bodies of resolved macros are checked too; unresolved macro references are left alone.
 */
export function check<E>(ast: Expr, catalogue: SourceCatalogue<E>): LangError[] {
  const errors: LangError[] = [];
  // A macro that is used twice is wrong once.
  const seen = new Set<Expr>();
  const walk = (node: Expr, macros: readonly string[]): void => {
    if (seen.has(node)) return;
    seen.add(node);
    const report = reporter(errors, macros);
    switch (node.kind) {
      case 'and':
      case 'or':
        for (const child of node.children) walk(child, macros);
        return;
      case 'not':
        walk(node.child, macros);
        return;
      case 'macro':
        if (node.body !== null) walk(node.body, [...macros, node.name]);
        return;
      case 'exists':
        typeOperand(node.left, 'left', catalogue, report);
        return;
      case 'compare':
        checkCompare(node, catalogue, report);
        return;
      default:
        node satisfies never;
    }
  };
  walk(ast, []);
  return errors;
}

/** The same for one operand that stands by itself (output templates). */
export function checkOperand<E>(operand: Operand, catalogue: SourceCatalogue<E>, place: OperandPlace = 'printed'): LangError[] {
  const errors: LangError[] = [];
  typeOperand(operand, place, catalogue, reporter(errors, []));
  return errors;
}

function checkCompare<E>(node: CompareCheck, catalogue: SourceCatalogue<E>, report: Report): void {
  const left = typeOperand(node.left, 'left', catalogue, report);
  const hasField = node.right.kind === 'field' || node.right.kind === 'call';
  const right = hasField ? typeOperand(node.right as Operand, 'right', catalogue, report) : null;
  if (left === null || (hasField && right === null)) return;
  const context = { node, left, right, catalogue, report };
  for (const rule of RULES) if (!rule(context)) return;
}

function reporter(errors: LangError[], macros: readonly string[]): Report {
  return (problem: Problem) => {
    const { severity = 'error', code, message, hint, at } = problem;
    const error: LangError = { severity, code, message, start: at.start, end: at.end, macros };
    errors.push(hint === undefined ? error : { ...error, hint });
  };
}

