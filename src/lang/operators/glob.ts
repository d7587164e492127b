// SPDX-License-Identifier: Apache-2.0
/** `glob` and `iglob`: see `lang/glob-pattern.ts` for what a pattern means. */
import { byteString } from '../../util/byte-text.js';
import { GlobPattern } from '../glob-pattern.js';
import type { Scalar } from '../value.js';
import { type Operator, TEXT } from './operator.js';

function glob(name: 'glob' | 'iglob', fold: boolean): Operator {
  return {
    name,
    kinds: TEXT,
    many: false,
    fields: true,
    against: (_kind, constants) => {
      const pattern = new GlobPattern(constants[0] as string, fold);
      return (value) => pattern.test(value as string);
    },
    between: () => {
      let text: Scalar | null = null;
      let pattern = new GlobPattern('', fold);
      return (left, right) => {
        if (right !== text) {
          pattern = new GlobPattern(right as string, fold);
          text = right;
        }
        return pattern.test(left as string);
      };
    },
    cost: 20,
    reference: (left, right) => referenceGlob(right as string, left as string, fold),
  };
}

export const globs: readonly Operator[] = [glob('glob', false), glob('iglob', true)];

/** By trying every split at every star. Brackets hold bytes and ranges only: classes are tested against fnmatch(3) itself. */
function referenceGlob(pattern: string, text: string, fold: boolean): boolean {
  const bytes = byteString(text);
  const tokens: readonly string[] = byteString(pattern).match(/\*|\\[\s\S]|\\$|\[[!^]?\]?(?:\\[\s\S]|[^\]])*\]|[\s\S]/g) ?? [];
  if (tokens.includes('\\')) return false;
  const memo = new Map<number, boolean>();
  const matches = (token: number, at: number): boolean => {
    const key = token * (bytes.length + 1) + at;
    const known = memo.get(key);
    if (known !== undefined) return known;
    let result: boolean;
    if (token === tokens.length) result = at === bytes.length;
    else if (tokens[token] === '*') result = matches(token + 1, at) || (at < bytes.length && matches(token, at + 1));
    else result = at < bytes.length && oneByte(tokens[token] as string, bytes[at] as string, fold) && matches(token + 1, at + 1);
    memo.set(key, result);
    return result;
  };
  return matches(0, 0);
}

function oneByte(token: string, byte: string, fold: boolean): boolean {
  const lower = (c: string): string => (fold && c >= 'A' && c <= 'Z' ? c.toLowerCase() : c);
  if (token === '?') return true;
  if (token.length === 1) return lower(token) === lower(byte);
  if (token.startsWith('\\')) return lower(token[1] as string) === lower(byte);
  const negated = token[1] === '!' || token[1] === '^';
  const items = token.slice(negated ? 2 : 1, -1).match(/(?:\\[\s\S]|[\s\S])(?:-(?:\\[\s\S]|[\s\S]))?/g) ?? [];
  const inside = items.some((item) => {
    const ends = (item.match(/\\[\s\S]|[\s\S]/g) ?? []).map((end) => lower(end.slice(-1)));
    return lower(byte) >= (ends[0] as string) && lower(byte) <= (ends[2] ?? (ends[0] as string));
  });
  return inside !== negated;
}
