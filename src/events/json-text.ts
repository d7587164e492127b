// SPDX-License-Identifier: Apache-2.0
/**
 * Finds, compacts and indents parts of a JSON text without changing how numbers and strings are written in it. All take a
 * text that JSON.parse has accepted; none recurses, so that deep nesting costs no stack.
 */

/** Half-open offsets of one value in a JSON text. */
export interface JsonSpan {
  readonly start: number;
  readonly end: number;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const isSpace = (c: number): boolean => c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09;

function skipSpace(text: string, at: number): number {
  let i = at;
  while (isSpace(text.charCodeAt(i))) i++;
  return i;
}

/** `at` is an opening quote; answers the offset behind the closing one. */
function skipString(text: string, at: number): number {
  for (let i = at + 1; ; i++) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) return i + 1;
    if (c === BACKSLASH) i++;
  }
}

/** `at` is the first character of a value; answers the offset behind it. */
function skipValue(text: string, at: number): number {
  let i = at;
  let depth = 0;
  do {
    const c = text.charCodeAt(i);
    if (c === QUOTE) i = skipString(text, i);
    else if (c === OPEN_BRACE || c === OPEN_BRACKET) {
      depth++;
      i++;
    } else if (c === CLOSE_BRACE || c === CLOSE_BRACKET) {
      depth--;
      i++;
    } else if (depth > 0) i++;
    else {
      // A number or a literal on its own: it ends at whatever cannot belong to it.
      while (i < text.length) {
        const d = text.charCodeAt(i);
        if (d === COMMA || d === CLOSE_BRACE || d === CLOSE_BRACKET || isSpace(d)) break;
        i++;
      }
    }
  } while (depth > 0);
  return i;
}

function keyIs(text: string, start: number, end: number, key: string): boolean {
  if (text.startsWith(key, start) && end - start === key.length) return true;
  const raw = text.slice(start, end);
  return raw.includes('\\') && JSON.parse(`"${raw}"`) === key;
}

function member(text: string, object: number, key: string): number {
  let found = -1;
  let i = skipSpace(text, object + 1);
  while (text.charCodeAt(i) !== CLOSE_BRACE) {
    if (text.charCodeAt(i) === COMMA) i = skipSpace(text, i + 1);
    const keyEnd = skipString(text, i);
    // Behind the key, its colon.
    const value = skipSpace(text, skipSpace(text, keyEnd) + 1);
    // Of two members with one name JSON.parse keeps the last, and so does this.
    if (keyIs(text, i + 1, keyEnd - 1, key)) found = value;
    i = skipSpace(text, skipValue(text, value));
  }
  return found;
}

function element(text: string, array: number, index: number): number {
  let i = skipSpace(text, array + 1);
  for (let n = 0; text.charCodeAt(i) !== CLOSE_BRACKET; n++) {
    if (text.charCodeAt(i) === COMMA) i = skipSpace(text, i + 1);
    if (n === index) return i;
    i = skipSpace(text, skipValue(text, i));
  }
  return -1;
}

/** Where the value at a path (keys and indexes) stands, or null when there is none. */
export function locate(text: string, path: readonly (string | number)[]): JsonSpan | null {
  let at = skipSpace(text, 0);
  for (const step of path) {
    const c = text.charCodeAt(at);
    if (c === OPEN_BRACE) at = member(text, at, String(step));
    else if (c === OPEN_BRACKET && /^\d+$/.test(String(step))) at = element(text, at, Number(step));
    else return null;
    if (at === -1) return null;
  }
  return { start: at, end: skipValue(text, at) };
}

/** Takes the white space between tokens out. */
export function compact(text: string): string {
  let out = '';
  let kept = 0;
  for (let i = 0; i < text.length; ) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) i = skipString(text, i);
    else if (isSpace(c)) {
      out += text.slice(kept, i);
      i = skipSpace(text, i);
      kept = i;
    } else i++;
  }
  return kept === 0 ? text : out + text.slice(kept);
}

/** Levels that are indented. Indenting all of what one event may nest would take gigabytes. */
const DEEPEST = 300;

/** One member or element a line, two spaces a level; empty objects and arrays stay `{}` and `[]`, and so does what is nested deeper than 300. */
export function indent(text: string): string {
  let out = '';
  let level = 0;
  const source = compact(text);
  const newLine = (): string => (level > DEEPEST ? '' : `\n${'  '.repeat(level)}`);
  for (let i = 0; i < source.length; ) {
    const c = source.charCodeAt(i);
    if (c === QUOTE) {
      const end = skipString(source, i);
      out += source.slice(i, end);
      i = end;
      continue;
    }
    const next = source.charCodeAt(i + 1);
    const char = source[i];
    i++;
    if ((c === OPEN_BRACE && next === CLOSE_BRACE) || (c === OPEN_BRACKET && next === CLOSE_BRACKET)) {
      out += char + source[i];
      i++;
    } else if (c === OPEN_BRACE || c === OPEN_BRACKET) {
      level++;
      out += char + newLine();
    } else if (c === CLOSE_BRACE || c === CLOSE_BRACKET) {
      // What was opened without a new line is closed without one.
      const deep = level > DEEPEST;
      level--;
      out += deep ? char : newLine() + char;
    } else if (c === COMMA) out += `,${newLine()}`;
    else out += char === ':' ? ': ' : char;
  }
  return out;
}
