// SPDX-License-Identifier: Apache-2.0
import type { Literal } from '../ast.js';
import { parseConstant, parseHexBytes } from '../constants.js';
import type { CompareRule } from './context.js';

/** Is each constant a value of the left side's type? */
export const checkConstants: CompareRule = ({ node, left, report }) => {
  let fine = true;
  for (const value of constantsOf(node.right)) {
    if (node.operator === 'bcontains' || node.operator === 'bstartswith') {
      if (parseHexBytes(value.text) !== null) continue;
      report({ code: 'COND_VALUE_INVALID', message: `'${value.text}' is no sequence of hexadecimal bytes, which ${node.operator} needs`, hint: 'two digits for each byte: 7f454c46', at: value });
      fine = false;
      continue;
    }
    const parsed = parseConstant(value, left.type);
    if ('problem' in parsed) {
      report({ code: 'COND_VALUE_INVALID', message: parsed.problem, hint: parsed.hint, at: value });
      fine = false;
    } else if (parsed.warning !== undefined) {
      report({ severity: 'warning', code: 'COND_WARN_OUT_OF_RANGE', message: parsed.warning, at: value });
    }
  }
  return fine;
};

/** The constants on the right side; none when it is a field. */
export function constantsOf(right: Parameters<CompareRule>[0]['node']['right']): readonly Literal[] {
  if (right.kind === 'literal') return [right];
  return right.kind === 'literals' ? right.values : [];
}
