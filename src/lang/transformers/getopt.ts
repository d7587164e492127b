// SPDX-License-Identifier: Apache-2.0
/**
 * `getopt(arguments, "ab:c")`: short options as getopt(3) reads them, as a list of option letters and their values; an
 * unknown option is `?`. `getopt(…)[b]` is the last value of -b, or its letter where it takes none. Long options are
 * skipped; `--` and the first argument that is no option end it.
 */
import { byteLength, byteString, ofByteString } from '../../util/byte-text.js';
import type { Scalar } from '../value.js';
import { type ArgumentType, asText, type Transformer } from './transformer.js';

export const getopt: Transformer = {
  name: 'getopt',
  takesArgument: true,
  result: (args, argument) => {
    if (args.length !== 2) return { problem: `getopt() takes a list of arguments and an option string, not ${args.length} argument${args.length === 1 ? '' : 's'}` };
    const [list, options] = args as readonly [ArgumentType, ArgumentType];
    if (!list.declared.list) return { problem: 'the first argument of getopt() must be a list', hint: 'put the arguments into parentheses: (proc.args[0], proc.args[1])' };
    if (options.declared.list) return { problem: 'the option string of getopt() must be one value, not a list' };
    if (list.declared.type !== 'CHARBUF' || options.declared.type !== 'CHARBUF') return { problem: 'the arguments of getopt() must be CHARBUF' };
    if (argument !== null && byteLength(argument) !== 1) return { problem: 'the argument in brackets after getopt() is one option letter' };
    return { type: 'CHARBUF', list: argument === null };
  },
  apply: (args, argument) => {
    // An option is one byte.
    const found = scan((args[0] as readonly Scalar[]).map((word) => byteString(asText(word))), byteString(asText(args[1] as Scalar)));
    if (argument === null) return found.flatMap(({ shown, value }) => (value === null ? [shown] : [shown, value])).map(ofByteString);
    const last = found.findLast((option) => option.letter === byteString(argument));
    return last === undefined ? null : ofByteString(last.value ?? last.shown);
  },
};

interface Option {
  /** Null: not among the known ones. */
  readonly letter: string | null;
  readonly shown: string;
  readonly value: string | null;
}

function scan(argv: readonly string[], optstring: string): Option[] {
  const takesValue = new Map<string, boolean>();
  const letters = optstring.startsWith(':') ? optstring.slice(1) : optstring;
  for (let i = 0; i < letters.length; i++) {
    const letter = letters[i] as string;
    if (letter === ':') continue;
    takesValue.set(letter, letters[i + 1] === ':' || takesValue.get(letter) === true);
  }
  const found: Option[] = [];
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] as string;
    if (word === '--') break;
    if (word.startsWith('--')) continue;
    if (!word.startsWith('-') || word === '-') break;
    for (let j = 1; j < word.length; j++) {
      const letter = word[j] as string;
      const value = letter === ':' ? undefined : takesValue.get(letter);
      if (value === undefined) {
        found.push({ letter: null, shown: '?', value: null });
      } else if (!value) {
        found.push({ letter, shown: letter, value: null });
      } else {
        const attached = word.slice(j + 1);
        const given = attached !== '' ? attached : argv[++i];
        // A value that is missing is an empty one, and the letter is not shown.
        found.push(given === undefined ? { letter, shown: '', value: null } : { letter, shown: letter, value: given });
        break;
      }
    }
  }
  return found;
}
