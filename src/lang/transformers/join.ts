// SPDX-License-Identifier: Apache-2.0
/** `join(separator, list)`: the list may be a field that is one, or fields, texts and numbers in parentheses. */
import { joined } from '../../util/byte-text.js';
import type { Scalar } from '../value.js';
import { type ArgumentType, asText, type Transformer } from './transformer.js';

export const join: Transformer = {
  name: 'join',
  takesArgument: false,
  result: (args) => {
    if (args.length !== 2) return { problem: `join() takes a separator and a list, not ${args.length} argument${args.length === 1 ? '' : 's'}` };
    const [separator, list] = args as readonly [ArgumentType, ArgumentType];
    if (separator.declared.list) return { problem: 'the separator of join() must be one value, not a list' };
    if (!list.declared.list) return { problem: 'the second argument of join() must be a list', hint: 'put it into parentheses' };
    return { type: 'CHARBUF', list: false };
  },
  apply: (args) => joined((args[1] as readonly Scalar[]).map(asText).join(asText(args[0] as Scalar))),
};
