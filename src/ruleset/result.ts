// SPDX-License-Identifier: Apache-2.0
/** What `-V` prints about rules files, as text and in the ecosystem's JSON. */
import type { JsonInput } from '../alert/json.js';
import { formatDiagnostic, lineAndColumn, type SourceText } from '../lang/diagnostic.js';
import type { FileResult } from './load.js';
import { type RuleDiagnostic, type Step, titleOf } from './problems.js';

type Json = { readonly [key: string]: JsonInput };

/** Characters of context around the place in a JSON snippet. */
const SNIPPET_WIDTH = 160;

/**
 * `NAME: Ok`, `NAME: Ok, with warnings` or `NAME: Invalid`, and behind it the diagnostics with their places. Warnings of a
 * valid file are told only when `verbose`.
 */
export function resultAsText(result: FileResult, verbose = true): string {
  const errors = result.diagnostics.filter((d) => d.severity === 'error');
  const warnings = result.diagnostics.filter((d) => d.severity === 'warning');
  const verdict = errors.length > 0 ? 'Invalid' : warnings.length > 0 ? 'Ok, with warnings' : 'Ok';
  const lines = [`${result.source.name}: ${verdict}`];
  if (errors.length > 0 || verbose) {
    // Most of what the schema has to say is told better below.
    if (result.schemaWarnings.length > 0 && result.diagnostics.length === 0) lines.push(`${count(result.schemaWarnings.length, 'schema warning')}:`, ...result.schemaWarnings.map((warning) => `  ${warning}`));
    if (errors.length > 0) lines.push(`${count(errors.length, 'error')}:`, ...errors.map(formatDiagnostic));
    if (warnings.length > 0) lines.push(`${count(warnings.length, 'warning')}:`, ...warnings.map(formatDiagnostic));
  }
  return lines.join('\n');
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}

/** One entry of `falco_load_results`. Print it with `sortedJson`. */
export function resultAsJson(result: FileResult): Json {
  const errors = result.diagnostics.filter((d) => d.severity === 'error');
  const warnings = result.diagnostics.filter((d) => d.severity === 'warning');
  return {
    name: result.source.name,
    successful: errors.length === 0,
    schema_valid: result.schemaWarnings.length === 0,
    schema_warnings: result.schemaWarnings,
    errors: errors.map(problemAsJson),
    warnings: warnings.map(problemAsJson),
  };
}

function problemAsJson(problem: RuleDiagnostic): Json {
  const last = problem.path[problem.path.length - 1];
  const locations: Json[] = problem.path.map((at, i) => location(at, i === 0));
  if (problem.condition === undefined && problem.span !== last.span) {
    locations.push(location({ type: last.type, name: last.name, span: problem.span }, false));
  }
  if (problem.condition !== undefined) {
    const { text } = problem.condition.text;
    const shown = text.length > 20 ? `${text.slice(0, 17)}...` : text;
    locations.push({
      item_type: 'condition expression',
      item_name: '',
      position: { ...positionOf(problem.span.source, problem.span.start), name: `"${shown.replace(/[\r\n]/g, ' ')}"` },
    });
  }
  return {
    code: problem.code,
    codedesc: titleOf(problem.code),
    message: problem.hint === undefined ? problem.message : `${problem.message}: ${problem.hint}`,
    context: { locations, snippet: snippet(problem.span.source.text, problem.span.start) },
  };
}

function location(at: Step, wholeFile: boolean): Json {
  return {
    item_type: at.type,
    item_name: at.name,
    position: wholeFile ? { name: at.span.source.name, line: 0, column: 0, offset: 0 } : positionOf(at.span.source, at.span.start),
  };
}

/** Counted from 0, as the ecosystem's JSON does. */
function positionOf(source: SourceText, offset: number): Json {
  const { line, column } = lineAndColumn(source.text, offset);
  return { name: source.name, line: line - 1, column: column - 1, offset };
}

/** The line of the place, cut around it, and a caret below. */
function snippet(text: string, offset: number): string {
  const at = Math.min(offset, Math.max(0, text.length - 1));
  const lineStart = text.lastIndexOf('\n', at - 1) + 1;
  const newline = text.indexOf('\n', at);
  const lineEnd = newline === -1 ? text.length : newline;
  const half = SNIPPET_WIDTH / 2;
  const from = Math.max(lineStart, at - half);
  const to = Math.min(lineEnd, at + half);
  const head = from > lineStart ? '...' : '';
  const tail = to < lineEnd ? '...' : '';
  const shown = head + text.slice(from + head.length, Math.max(from + head.length, to - tail.length)) + tail;
  return `${shown}\n${' '.repeat(at - from)}^\n`;
}
