// SPDX-License-Identifier: Apache-2.0
/** `regex`: the whole text against RE2's POSIX syntax (`lang/posix-regex.ts`). */
import { PosixRegex } from '../posix-regex.js';
import { type Operator, TEXT } from './operator.js';

export const regex: Operator = {
  name: 'regex',
  kinds: TEXT,
  many: false,
  fields: false,
  against: (_kind, constants) => {
    const compiled = PosixRegex.compile(constants[0] as string);
    // Conditions are checked before they are compiled; this is for whoever forgets.
    if ('problem' in compiled) throw new Error(`regex ${JSON.stringify(constants[0])}: ${compiled.problem}`);
    return (value) => compiled.test(value as string);
  },
  between: () => () => false,
  cost: 60,
  reference: (left, right) => {
    const compiled = PosixRegex.compile(right as string);
    return 'problem' in compiled ? false : compiled.test(left as string);
  },
};
