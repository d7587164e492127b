// SPDX-License-Identifier: Apache-2.0
/** A text that somebody wrote (a rules file, falco.yaml, a `-o` value), by name. */
export interface SourceText {
  /** What to call it in messages: a path as the user gave it, or `<-o>`. */
  readonly name: string;
  readonly text: string;
}

/** Where in a text, as half-open UTF-16 offsets. */
export interface Span {
  readonly source: SourceText;
  readonly start: number;
  readonly end: number;
}

/** One problem, found while something was loaded. Loading collects all of them; it does not stop at the first. */
export interface Diagnostic {
  readonly severity: 'error' | 'warning';
  /** Stable code: the ecosystem's where it has one (`LOAD_ERR_YAML_PARSE`), ours otherwise. */
  readonly code: string;
  /** What is wrong, in one sentence. */
  readonly message: string;
  /** What to do about it, in one sentence, when that is not plain from the message. */
  readonly hint?: string;
  readonly span?: Span;
  /** What it is about, outermost first: `rules content`, `rule 'X'`, `condition`. */
  readonly context?: readonly string[];
}

/** The outcome of anything that loads: a value when there were no errors, and everything that was noticed. */
export interface Loaded<T> {
  readonly value: T | null;
  readonly diagnostics: readonly Diagnostic[];
}

/** 1-based line and column of an offset. */
export function lineAndColumn(text: string, offset: number): { line: number; column: number } {
  let line = 1;
  let lineStart = 0;
  for (let i = text.indexOf('\n'); i !== -1 && i < offset; i = text.indexOf('\n', i + 1)) {
    line++;
    lineStart = i + 1;
  }
  return { line, column: offset - lineStart + 1 };
}

/** Of a line of the source, so many characters are shown. */
const LONGEST_LINE = 400;

/** `file:line:col: error CODE: message`, the line itself with a caret below, and the hint. */
export function formatDiagnostic(d: Diagnostic): string {
  const head = `${d.severity} ${d.code}: ${d.message}`;
  const hint = d.hint === undefined ? '' : `\n  help: ${d.hint}`;
  const context = d.context === undefined || d.context.length === 0 ? '' : `\n  in ${d.context.join(' > ')}`;
  if (d.span === undefined) return `${head}${context}${hint}`;
  const { source, start, end } = d.span;
  // A file as a whole, whose text is not at hand: there is no line to show.
  if (source.text === '') return `${source.name}: ${head}${context}${hint}`;
  const { line, column } = lineAndColumn(source.text, start);
  const lineStart = start - column + 1;
  const newline = source.text.indexOf('\n', lineStart);
  const whole = source.text.slice(lineStart, newline === -1 ? undefined : newline).replace(/\r$/, '').replace(/\t/g, ' ');
  // Of a line that is longer than anybody reads, the part around the place.
  const from = Math.max(0, whole.length <= LONGEST_LINE ? 0 : column - 1 - LONGEST_LINE / 2);
  const shown = whole.slice(from, from + LONGEST_LINE);
  const width = Math.max(1, Math.min(end, lineStart + from + shown.length) - start);
  const gutter = String(line);
  const pad = ' '.repeat(gutter.length);
  return (
    `${source.name}:${line}:${column}: ${head}${context}\n` +
    `  ${gutter} | ${shown}\n  ${pad} | ${' '.repeat(column - 1 - from)}${'^'.repeat(width)}${hint}`
  );
}
