// SPDX-License-Identifier: Apache-2.0
import { PosixRegex } from '../posix-regex.js';
import { constantsOf } from './constants.js';
import type { CompareRule } from './context.js';

/** Does each regular expression compile? Does it need to be one? */
export const checkRegex: CompareRule = ({ node, report }) => {
  if (node.operator !== 'regex') return true;
  let fine = true;
  for (const value of constantsOf(node.right)) {
    const compiled = PosixRegex.compile(value.text);
    if ('problem' in compiled) {
      const hint = /\\[dDwWsSbB]|\(\?|\\p/.test(value.text)
        ? 'the syntax is POSIX: [0-9] for \\d, [[:space:]] for \\s, [[:alnum:]_] for \\w, and no (?…)'
        : undefined;
      report({ code: 'COND_REGEX_INVALID', message: `regular expression does not compile: ${compiled.problem}`, hint, at: value });
      fine = false;
    } else if (isSimple(value.text)) {
      report({ severity: 'warning', code: 'COND_WARN_SIMPLE_REGEX', message: `'${value.text}' needs no regular expression`, hint: "'=', 'contains', 'startswith' and 'endswith' are cheaper", at: value });
    }
  }
  return fine;
};

/** Nothing special but anchors at the ends and `.*`, `.+` or `.?` next to them. */
function isSimple(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const c = text[i] as string;
    if ((i === 0 && c === '^') || (i === text.length - 1 && c === '$')) continue;
    if (((i === 0 && text.length > 1) || i === text.length - 2) && c === '.' && '+*?'.includes(text[i + 1] as string)) {
      i++;
      continue;
    }
    if ('.+*?^$()[]{}|\\'.includes(c)) return false;
  }
  return true;
}
