// SPDX-License-Identifier: Apache-2.0
/** `concat(a, b, …)`: texts put together. */
import { joined } from '../../util/byte-text.js';
import type { Scalar } from '../value.js';
import { asText, type Transformer } from './transformer.js';

export const concat: Transformer = {
  name: 'concat',
  takesArgument: false,
  result: (args) => {
    if (args.length < 2) return { problem: 'concat() takes two arguments or more' };
    const odd = args.find((arg) => arg.declared.list || arg.declared.type !== 'CHARBUF');
    if (odd !== undefined) {
      const what = odd.declared.list ? 'a list' : odd.declared.type;
      return { problem: `concat() takes CHARBUF, not ${what}`, hint: 'join("", (…)) takes numbers as well' };
    }
    return { type: 'CHARBUF', list: false };
  },
  apply: (args) => {
    let text = '';
    for (const arg of args) text += Array.isArray(arg) ? asText((arg as readonly Scalar[])[0] ?? '') : asText(arg as Scalar);
    return joined(text);
  },
};
