// SPDX-License-Identifier: Apache-2.0
import type { Expr, LangError, Operand } from './ast.js';
import type { SourceCatalogue } from './catalogue.js';

/**
 * Everything wrong with a condition (errors) or suspicious in it (warnings) when its fields are `catalogue`'s.
 * Bodies of resolved macros are checked too; unresolved macro references are left alone.
 */
export function check<E>(_ast: Expr, _catalogue: SourceCatalogue<E>): LangError[] {
  throw new Error('not yet');
}

/** The same for one operand that stands by itself (output templates). */
export function checkOperand<E>(_operand: Operand, _catalogue: SourceCatalogue<E>): LangError[] {
  throw new Error('not yet');
}
