// SPDX-License-Identifier: Apache-2.0
/** The ecosystem's codes for what can be wrong with rules files, and a collector that never stops at the first problem. */
import type { Diagnostic, Span } from '../lang/diagnostic.js';
import type { MappedText } from './mapped-text.js';

/** Codes of errors, each with its title. */
const ERROR_TITLES = {
  LOAD_ERR_FILE_READ: 'File read error',
  LOAD_ERR_YAML_PARSE: 'YAML parse error',
  LOAD_ERR_YAML_VALIDATE: 'Error validating internal structure of YAML file',
  LOAD_ERR_COMPILE_CONDITION: 'Error compiling condition',
  LOAD_ERR_COMPILE_OUTPUT: 'Error compiling output',
  LOAD_ERR_VALIDATE: 'Error validating rule/macro/list/exception objects',
  LOAD_ERR_EXTENSION: 'Error in extension item',
} as const;

/** Codes of warnings, each with its title. The last two are ours. */
const WARNING_TITLES = {
  LOAD_UNKNOWN_SOURCE: 'Unknown event source',
  LOAD_UNSAFE_NA_CHECK: 'Unsafe <NA> comparison in condition',
  LOAD_NO_EVTTYPE: 'Condition has no event-type restriction',
  LOAD_UNKNOWN_FILTER: 'Unknown field or event-type in condition or output',
  LOAD_UNUSED_MACRO: 'Unused macro',
  LOAD_UNUSED_LIST: 'Unused list',
  LOAD_UNKNOWN_ITEM: 'Unknown rules file item',
  LOAD_DEPRECATED_ITEM: 'Used deprecated item',
  LOAD_WARNING_EXTENSION: 'Warning in extension item',
  LOAD_APPEND_NO_VALUES: 'Overriding/appending with no values',
  LOAD_EXCEPTION_NAME_NOT_UNIQUE: 'Multiple exceptions defined with the same name',
  LOAD_INVALID_MACRO_NAME: 'Invalid macro name',
  LOAD_INVALID_LIST_NAME: 'Invalid list name',
  LOAD_COMPILE_CONDITION: 'Warning in rule condition',
  LOAD_UNKNOWN_KEY: 'Unknown key in item definition',
  LOAD_DUPLICATE_KEY: 'Key written twice in one item',
  LOAD_LITERAL_LIST_NAME: 'Name of a list taken as a plain value',
} as const;

export type ErrorCode = keyof typeof ERROR_TITLES;
export type WarningCode = keyof typeof WARNING_TITLES;

/** One step on the way from a file to the place of a problem, with the names that the ecosystem's JSON uses. */
export interface Step {
  readonly type: string;
  readonly name: string;
  readonly span: Span;
}

/** Outermost first; the first one is the file itself. */
export type Path = readonly Step[];

/** A diagnostic of a rules file: it also knows the way to its place, for the JSON result. */
export interface RuleDiagnostic extends Diagnostic {
  readonly span: Span;
  readonly path: Path;
  /** The condition it lies in, as it was compiled, and the offset there. */
  readonly condition?: { readonly text: MappedText; readonly offset: number };
}

export function step(path: Path, type: string, span: Span, name = ''): Path {
  return [...path, { type, name, span }];
}

export class Problems {
  readonly list: RuleDiagnostic[] = [];
  readonly #seen = new Set<string>();

  error(code: ErrorCode, path: Path, message: string, hint?: string, span?: Span): void {
    this.add('error', code, path, message, hint, span);
  }

  warn(code: WarningCode, path: Path, message: string, hint?: string, span?: Span): void {
    this.add('warning', code, path, message, hint, span);
  }

  /** Points at `span`, or at the last step of `path`. The same problem of the same place is kept once. */
  add(
    severity: Diagnostic['severity'],
    code: string,
    path: Path,
    message: string,
    hint?: string,
    span?: Span,
    condition?: RuleDiagnostic['condition'],
  ): void {
    const at = span ?? path[path.length - 1].span;
    const key = `${code} ${at.source.name} ${at.start} ${at.end} ${message}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.list.push({
      severity,
      code,
      message,
      ...(hint === undefined ? {} : { hint }),
      span: at,
      context: contextOf(path),
      path,
      ...(condition === undefined ? {} : { condition }),
    });
  }

  get hasErrors(): boolean {
    return this.list.some((problem) => problem.severity === 'error');
  }
}

/** What a reader wants to know of the path: the item, and what in it. */
function contextOf(path: Path): readonly string[] {
  return path
    .filter((at) => at.type !== 'rules content' && at.type !== 'rules content item')
    .map((at) => (at.name === '' ? at.type : `${at.type} '${at.name}'`));
}

export function titleOf(code: string): string {
  return (ERROR_TITLES as Readonly<Record<string, string>>)[code] ?? (WARNING_TITLES as Readonly<Record<string, string>>)[code] ?? '';
}
