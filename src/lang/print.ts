// SPDX-License-Identifier: Apache-2.0
import type { Expr, Operand } from './ast.js';

export interface PrintOptions {
  /** Print a resolved macro as its name instead of what it stands for. */
  readonly keepMacros?: boolean;
  /** Quote exactly where the ecosystem's `--describe` output does, which is not always enough to parse it again. */
  readonly loose?: boolean;
}

/** The text of a condition or operand, such that parse → print → parse gives the same tree. */
export function print(_node: Expr | Operand, _options: PrintOptions = {}): string {
  throw new Error('not yet');
}
