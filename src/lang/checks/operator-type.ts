// SPDX-License-Identifier: Apache-2.0
import { COMPARE_OPERATORS } from '../ast.js';
import { describeType, kindOf, listComparable } from '../kinds.js';
import { operatorOf } from '../operators/index.js';
import type { CompareRule } from './context.js';

/** Does the operator compare values of the left side's type? */
export const checkOperatorType: CompareRule = ({ node, left, report }) => {
  const { type, list } = left;
  const operator = operatorOf(node.operator);
  const kind = kindOf(type);
  const fits = (name: (typeof COMPARE_OPERATORS)[number]): boolean =>
    list ? listComparable(type) && (name === 'in' || name === 'intersects') : operatorOf(name).kinds.includes(kind);
  const what = describeType(type, list);
  const at = { start: node.operatorStart, end: node.operatorStart + node.operator.length };
  if (left.field?.equalsMeansAtMost === true && (operator.name !== '=' || node.modifier !== null)) {
    report({ code: 'COND_OPERATOR_TYPE', message: `'${left.field.name}' can only be compared by '='`, at });
    return false;
  }
  if (fits(node.operator)) return true;
  const fitting = COMPARE_OPERATORS.filter((name) => name !== '==' && fits(name));
  const hint = fitting.length === 0 ? `a ${what} can only be tested with 'exists'` : `operators for ${what}: ${fitting.join(' ')} exists`;
  report({ code: 'COND_OPERATOR_TYPE', message: `operator '${node.operator}' does not fit ${what}`, hint, at });
  return false;
};
