// SPDX-License-Identifier: Apache-2.0
/** What the YAML parser complains of, at the place and in the words that help somebody who writes rules. */
import type { YAMLParseError } from 'yaml';
import type { SourceText, Span } from '../lang/diagnostic.js';

export const YAML_HINTS: Readonly<Record<string, string>> = {
  BAD_ALIAS: 'define the anchor (&name) before the alias (*name) in the same document',
  BAD_INDENT: 'indent this line as deep as its neighbours of the same level',
  MISSING_CHAR: 'close the quote or bracket, or quote the whole value',
  TAB_AS_INDENT: 'indent with spaces',
  BLOCK_AS_IMPLICIT_KEY: 'quote a value that contains ": "',
  UNEXPECTED_TOKEN: 'quote the value if this character belongs to it',
  BAD_SCALAR_START: 'quote a value that starts with this character',
};

export function explainYamlError(source: SourceText, error: YAMLParseError): { readonly message: string; readonly hint: string; readonly span: Span } {
  const first = error.message.split('\n')[0].replace(/ at line \d+, column \d+:?$/, '');
  const span = { source, ...whereText(source.text, error.pos) };
  const message = `the YAML is not valid: ${first.charAt(0).toLowerCase()}${first.slice(1)}`;
  return { message, hint: hintOf(error, source.text, span.start), span };
}

/** The parser's place may begin in the empty lines before it. */
function whereText(text: string, [from, to]: readonly [number, number]): { readonly start: number; readonly end: number } {
  const blank = /\s*/y;
  blank.lastIndex = from;
  const start = from + (blank.exec(text)?.[0].length ?? 0);
  if (start >= text.length) return { start: Math.min(from, text.length), end: Math.min(to, text.length) };
  return { start, end: Math.max(start, Math.min(to, text.length)) };
}

/** Slips of the hand are told by the lines around: the parser's own reason is often a late echo of them. */
function hintOf({ code, message }: YAMLParseError, text: string, at: number): string {
  const lineStart = text.lastIndexOf('\n', at - 1) + 1;
  const line = text.slice(lineStart).split('\n', 1)[0];
  const before = text.slice(0, lineStart).trimEnd().split('\n').at(-1) ?? '';
  if (/^ *\t/.test(line)) return YAML_HINTS.TAB_AS_INDENT;
  if (/^[\s-]*[a-z_]+:[^\s:]\S*$/.test(line)) return "write a blank behind the key's colon";
  if (/:\s*[>|][-+]?\s*$/.test(before)) return `indent the lines below '${before.trim()}' deeper than it`;
  if (code === 'BLOCK_AS_IMPLICIT_KEY') {
    if (message.includes('block sequence')) return 'indent this - as deep as those of the items before it';
    if (!line.slice(at - lineStart).includes(': ')) return 'indent the line below this one as deep as its neighbours';
  }
  if (message.includes('without - indicator')) return YAML_HINTS.BAD_INDENT;
  return YAML_HINTS[code] ?? 'check the indentation and the quotes around this place';
}
