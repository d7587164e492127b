// SPDX-License-Identifier: Apache-2.0
/**
 * Where each character of a YAML scalar's value stands in the file. The value itself is the YAML library's; this walks
 * the written form beside it and gives up (null) when the two do not fit, so a wrong position cannot be the result.
 */

export type ScalarStyle = 'plain' | 'single' | 'double' | 'block';

/** One offset per UTF-16 unit of `value`. `start` is where the scalar begins: its quote, its `|` or `>`, its first character. */
export function scalarOffsets(
  source: string,
  start: number,
  end: number,
  value: string,
  style: ScalarStyle,
): readonly number[] | null {
  switch (style) {
    case 'block':
      return blockOffsets(source, start, end, value);
    case 'plain':
      return flowOffsets(source, start, end, value, style);
    case 'single':
    case 'double':
      return flowOffsets(source, start + 1, end, value, style);
    default: {
      const never: never = style;
      return never;
    }
  }
}

const ESCAPE_LENGTH: Readonly<Record<string, number>> = { x: 4, u: 6, U: 10 };

function flowOffsets(
  source: string,
  start: number,
  end: number,
  value: string,
  style: 'plain' | 'single' | 'double',
): readonly number[] | null {
  const offsets: number[] = [];
  const fold = /[ \t]*\r?\n[ \t\r\n]*/y;
  let at = start;
  while (offsets.length < value.length) {
    if (at >= end) return null;
    const c = source[at];
    const expected = value[offsets.length];
    fold.lastIndex = at;
    const run = fold.exec(source);
    if (run !== null && !(expected === c && run[0][0] !== '\n' && run[0][0] !== '\r' && !foldsHere(source, at))) {
      // A line break folds into one space; each further (empty) line is a newline.
      const breaks = run[0].split('\n').length - 1;
      const folded = breaks === 1 ? ' ' : '\n'.repeat(breaks - 1);
      if (!value.startsWith(folded, offsets.length)) return null;
      for (let i = 0; i < folded.length; i++) offsets.push(at);
      at += run[0].length;
    } else if (style === 'double' && c === '\\') {
      const kind = source[at + 1];
      if (kind === '\n' || kind === '\r') {
        const rest = /\\\r?\n[ \t]*/y;
        rest.lastIndex = at;
        at += rest.exec(source)?.[0].length ?? 2;
        continue;
      }
      const units = kind === 'U' && (value.codePointAt(offsets.length) ?? 0) > 0xffff ? 2 : 1;
      for (let i = 0; i < units; i++) offsets.push(at);
      at += ESCAPE_LENGTH[kind] ?? 2;
    } else {
      if (c !== expected) return null;
      offsets.push(at);
      at += style === 'single' && c === "'" ? 2 : 1;
    }
  }
  return offsets;
}

/** Whether only blanks stand between `at` and the end of its line. */
function foldsHere(source: string, at: number): boolean {
  for (let i = at; i < source.length; i++) {
    if (source[i] === '\n') return true;
    if (source[i] !== ' ' && source[i] !== '\t' && source[i] !== '\r') return false;
  }
  return false;
}

function blockOffsets(source: string, start: number, end: number, value: string): readonly number[] | null {
  const headerEnd = source.indexOf('\n', start);
  if (headerEnd === -1) return value === '' ? [] : null;
  const explicit = /^[|>][+-]?([1-9])/.exec(source.slice(start, start + 3));
  const offsets: number[] = [];
  let indent = -1;
  let at = headerEnd + 1;
  if (explicit !== null) {
    // The indicator counts from the parent's indentation, which the value's first line tells.
    const first = value.split('\n').find((line) => line.trim() !== '') ?? '';
    const line = /^[ ]*\S.*$/m.exec(source.slice(at, end))?.[0] ?? '';
    indent = line.length - line.trimStart().length - (first.length - first.trimStart().length);
    if (indent < 0) return null;
  }
  while (offsets.length < value.length) {
    if (at > end || at > source.length) return null;
    let lineEnd = source.indexOf('\n', at);
    if (lineEnd === -1) lineEnd = source.length;
    const contentEnd = source[lineEnd - 1] === '\r' ? lineEnd - 1 : lineEnd;
    const line = source.slice(at, contentEnd);
    const blanks = line.length - line.replace(/^ +/, '').length;
    if (indent === -1 && blanks < line.length) indent = blanks;
    for (let i = at + Math.max(0, indent === -1 ? blanks : indent); i < contentEnd && offsets.length < value.length; i++) {
      if (source[i] !== value[offsets.length]) return null;
      offsets.push(i);
    }
    // What the line break became: a space, or newlines that the following empty lines stand for as well (they add none).
    const empty = blanks === line.length && (indent === -1 || blanks <= indent);
    if (value[offsets.length] === ' ' && !empty) offsets.push(contentEnd);
    else while (value[offsets.length] === '\n') offsets.push(contentEnd);
    at = lineEnd + 1;
  }
  return offsets;
}
