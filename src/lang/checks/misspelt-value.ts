// SPDX-License-Identifier: Apache-2.0
import { TRANSFORMER_NAMES } from '../ast.js';
import { constantsOf } from './constants.js';
import type { CompareRule } from './context.js';

/** A constant that is spelt like a field or a transformer was probably meant to be one. */
export const checkMisspeltValue: CompareRule = ({ node, catalogue, report }) => {
  for (const value of constantsOf(node.right)) {
    const text = value.text.replace(/[ \t\n\v\f\r]/g, '');
    if (/^[a-z][a-z0-9_]*\./i.test(text) && catalogue.find(text) !== null) {
      report({ severity: 'warning', code: 'COND_WARN_FIELD_AS_VALUE', message: `'${value.text}' is the name of a field, but stands here as a text`, hint: `write val(${text}) for its value`, at: value });
    }
    const transformer = ['val', ...TRANSFORMER_NAMES].find((name) => text.startsWith(`${name}(`) && text.endsWith(')'));
    if (transformer !== undefined) {
      report({ severity: 'warning', code: 'COND_WARN_TRANSFORMER_AS_VALUE', message: `'${value.text}' is spelt like a transformer, but stands here as a text`, hint: 'leave away the quotes', at: value });
    }
  }
  return true;
};
