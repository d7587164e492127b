// SPDX-License-Identifier: Apache-2.0
import type { Expr, LangError, Operand } from './ast.js';

export interface Parsed<T> {
  /** Null when there is an error. */
  readonly ast: T | null;
  readonly errors: readonly LangError[];
}

/** Parses a condition. Never throws; nesting beyond `maxDepth` is an error. */
export function parse(_text: string, _options: { readonly maxDepth?: number } = {}): Parsed<Expr> {
  throw new Error('not yet');
}

/**
 * Parses one field or transformer that starts at `offset` and may be followed by anything (output templates).
 * `end` is where it ended.
 */
export function parseOperand(_text: string, _offset = 0): Parsed<Operand> & { readonly end: number } {
  throw new Error('not yet');
}
