// SPDX-License-Identifier: Apache-2.0
/**
 * Tokens of the condition language. There is no token stream: what a character means depends on where it stands (`b64`
 * is a word, `b64(` a transformer, `1.2` a number or a bare string), so the parser asks for what it expects.
 *
 * The expressions avoid adjacent repetitions of overlapping classes, so that none backtracks more than linearly.
 */
import { byteEscape, joined } from '../util/byte-text.js';

export const IDENTIFIER = /[a-zA-Z][a-zA-Z0-9_]*/y;
export const FIELD_NAME = /[a-zA-Z][a-zA-Z0-9_]*(?:\.[a-zA-Z][a-zA-Z0-9_]*)+/y;
export const BARE_ARGUMENT = /[^\][ \t\n\v\f\r"']+/y;
export const HEX_NUMBER = /0[xX][0-9a-fA-F]+/y;
export const NUMBER = /[+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-][0-9]+)?/y;
export const BARE_STRING = /[^() \t\n\v\f\r"'=,]+/y;
export const NOT = /not[ \t\n\v\f\r]+/y;
const BLANK = /[ \t\b\r\n]*/y;

export interface EscapeError {
  readonly start: number;
  readonly end: number;
  readonly message: string;
}

/** A cursor over the text of a condition. */
export class Lexer {
  position = 0;
  constructor(readonly text: string) {}

  get atEnd(): boolean {
    return this.position >= this.text.length;
  }

  /** Skips blanks; whether there were any. */
  blank(): boolean {
    const before = this.position;
    this.match(BLANK);
    return this.position > before;
  }

  /** Consumes what the sticky expression matches here, or nothing and returns null. */
  match(pattern: RegExp): string | null {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.text);
    if (found === null) return null;
    this.position += found[0].length;
    return found[0];
  }

  /** Consumes `word` if it stands here, whatever follows it. */
  word(word: string): boolean {
    if (!this.text.startsWith(word, this.position)) return false;
    this.position += word.length;
    return true;
  }

  /** Consumes the first of `words` that stands here and, for a word of letters, is followed by blanks (consumed too). */
  blankTerminated<W extends string>(words: readonly W[]): W | null {
    for (const word of words) {
      if (!this.text.startsWith(word, this.position)) continue;
      const before = this.position;
      this.position += word.length;
      if (!/^[a-z]/.test(word) || this.blank()) return word;
      this.position = before;
    }
    return null;
  }

  /** Consumes the first of `words` that stands here. */
  oneOf<W extends string>(words: readonly W[]): W | null {
    for (const word of words) if (this.word(word)) return word;
    return null;
  }

  /**
   * The offset after a quoted string that starts here, or -1 if there is none or it is not closed. A quote closes unless
   * the character before it is a backslash, even if that backslash is itself escaped: `"\\"` is not closed.
   */
  endOfQuoted(): number {
    const quote = this.text[this.position];
    if (quote !== '"' && quote !== "'") return -1;
    for (let i = this.position + 1; i < this.text.length; i++) {
      const c = this.text[i];
      if (c === '\0') return -1;
      if (c === quote && this.text[i - 1] !== '\\') return i + 1;
    }
    return -1;
  }

  get atQuote(): boolean {
    const c = this.text[this.position];
    return c === '"' || c === "'";
  }
}

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', '\\': '\\', '/': '/',
  // A backslash before a blank has always stood for the backslash alone, and rules depend on it.
  ' ': '\\',
};

/** Unescapes the quoted string at [start, end), quotes included. `\xHH` is a byte, not a character (`util/byte-text.ts`). */
export function unquote(source: string, start: number, end: number): string | EscapeError {
  const quote = source[start] as string;
  let text = '';
  for (let i = start + 1; i < end - 1; i++) {
    const c = source[i] as string;
    if (c !== '\\') {
      text += c;
      continue;
    }
    const at = i++;
    const letter = source[i] as string;
    const simple = SIMPLE_ESCAPES[letter];
    if (simple !== undefined) {
      text += simple;
    } else if (letter === '"' || letter === "'") {
      if (letter !== quote) {
        return { start: at, end: i + 1, message: `\\${letter} has no meaning within ${quote}…${quote}: no backslash is needed there` };
      }
      text += letter;
    } else if (letter === 'x') {
      const digits = source.slice(i + 1, Math.min(i + 3, end - 1));
      if (!/^[0-9a-fA-F]{2}$/.test(digits)) {
        return { start: at, end: i + 1 + digits.length, message: '\\x needs two hexadecimal digits' };
      }
      text += byteEscape(Number.parseInt(digits, 16));
      i += 2;
    } else {
      return { start: at, end: i + 1, message: `\\${letter} is no escape: \\b \\f \\n \\r \\t \\\\ \\/ \\xHH and the escaped quote are` };
    }
  }
  return joined(text);
}
