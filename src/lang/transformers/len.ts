// SPDX-License-Identifier: Apache-2.0
/** `len`: bytes of a text or buffer, elements of a list. */
import { byteLength } from '../../util/byte-text.js';
import { kindOf } from '../kinds.js';
import type { ArgumentType, Present, Transformer } from './transformer.js';

export const len: Transformer = {
  name: 'len',
  takesArgument: false,
  result: (args) => {
    const arg = args[0] as ArgumentType;
    if (args.length !== 1) return { problem: `len() takes one argument, not ${args.length}` };
    const kind = kindOf(arg.type);
    if (!arg.list && kind !== 'text' && kind !== 'bytes') return { problem: `len() takes a text, a buffer or a list, not ${arg.type}` };
    return { type: 'UINT64', list: false };
  },
  apply: (args) => {
    const value = args[0] as Present;
    return typeof value === 'string' ? byteLength(value) : (value as Uint8Array | readonly unknown[]).length;
  },
};
