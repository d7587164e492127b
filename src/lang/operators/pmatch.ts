// SPDX-License-Identifier: Apache-2.0
/** `pmatch`: the value is one of the paths, or lies below one (`lang/path-set.ts`). */
import { GlobPattern } from '../glob-pattern.js';
import { PathSet } from '../path-set.js';
import { type Operator, TEXT } from './operator.js';

export const pmatch: Operator = {
  name: 'pmatch',
  kinds: TEXT,
  many: true,
  fields: false,
  against: (_kind, constants) => {
    const paths = new PathSet(constants as readonly string[]);
    return (value) => paths.test(value as string);
  },
  between: () => () => false,
  cost: 10,
  reference: (left, right) => {
    const parts = (path: string): string[] => path.split('/').filter((part) => part !== '');
    const value = parts(left as string);
    return parts(right as string).every((part, i) => {
      const component = value[i];
      if (component === undefined) return false;
      return /[?*[]/.test(part) ? new GlobPattern(part, false).test(component) : part === component;
    });
  },
};
