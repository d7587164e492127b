// SPDX-License-Identifier: Apache-2.0
import type { Expr, LangError } from './ast.js';

export interface ResolveScope {
  /** Macros that may be referred to, unresolved or resolved. */
  readonly macros: ReadonlyMap<string, Expr>;
  /** Lists in definition order; items are as written and may be names of lists that come later in this order. */
  readonly lists: ReadonlyMap<string, readonly string[]>;
}

export interface Resolved {
  /** With every known macro's body in place and list names replaced by their items. */
  readonly ast: Expr;
  readonly errors: readonly LangError[];
  readonly usedMacros: ReadonlySet<string>;
  readonly usedLists: ReadonlySet<string>;
}

export function resolve(_ast: Expr, _scope: ResolveScope): Resolved {
  throw new Error('not yet');
}
