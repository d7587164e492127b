// SPDX-License-Identifier: Apache-2.0
import { describeType, kindOf } from '../kinds.js';
import { operatorOf } from '../operators/index.js';
import type { CompareRule } from './context.js';

/** May these two fields be compared with each other, and in this way? */
export const checkRightField: CompareRule = ({ node, left, right, report }) => {
  if (right === null) return true;
  const refuse = (message: string, hint?: string): boolean => {
    report({ code: 'COND_RIGHT_FIELD', message, hint, at: node.right });
    return false;
  };
  if (!operatorOf(node.operator).fields) return refuse(`operator '${node.operator}' compares with constants only`);
  if (kindOf(left.type) === 'net') return refuse(`a ${left.type} can be compared with constants only`);
  for (const side of [left, right]) {
    if (side.field?.constantsOnly === true) return refuse(`field '${side.field.name}' can be compared with constants only`);
  }
  if (left.field?.name === 'evt.type') {
    return refuse("'evt.type' can be compared with constants only", 'rules are indexed by it');
  }
  if (left.type !== right.type || left.list !== right.list) {
    return refuse(`a ${describeType(left.type, left.list)} cannot be compared with a ${describeType(right.type, right.list)}`);
  }
  return true;
};
