// SPDX-License-Identifier: Apache-2.0
/** The syntax tree of a condition. Offsets are half-open UTF-16 offsets into the text that was parsed. */
import type { LangCode } from './codes.js';

export interface AstNode {
  readonly start: number;
  readonly end: number;
}

export type Expr = AndExpr | OrExpr | NotExpr | MacroRef | ExistsCheck | CompareCheck;

export interface AndExpr extends AstNode {
  readonly kind: 'and';
  readonly children: readonly Expr[];
}

export interface OrExpr extends AstNode {
  readonly kind: 'or';
  readonly children: readonly Expr[];
}

export interface NotExpr extends AstNode {
  readonly kind: 'not';
  readonly child: Expr;
}

/**
 * A bare identifier where a check may stand. `body` is null as parsed, and the macro's own (resolved) tree once resolved:
 * its offsets are into the macro's text, which is why the reference stays in the tree around it.
 */
export interface MacroRef extends AstNode {
  readonly kind: 'macro';
  readonly name: string;
  readonly body: Expr | null;
}

/** `proc.name exists` */
export interface ExistsCheck extends AstNode {
  readonly kind: 'exists';
  readonly left: Operand;
}

/** `proc.name = cat`, `fd.name startswith anyof (/etc, /root)`, `proc.name = val(proc.pname)` */
export interface CompareCheck extends AstNode {
  readonly kind: 'compare';
  readonly left: Operand;
  /** `==` is kept apart from `=` only to print what was written; they mean the same. */
  readonly operator: CompareOperator;
  readonly operatorStart: number;
  readonly modifier: Modifier | null;
  readonly right: Literal | LiteralList | Operand;
}

/** What has a value that depends on the event. */
export type Operand = FieldRef | TransformerCall;

/** `evt.arg[0]`: name `evt.arg`, argument `0` (unquoted text). */
export interface FieldRef extends AstNode {
  readonly kind: 'field';
  readonly name: string;
  readonly argument: string | null;
}

/** `tolower(proc.name)`, `getopt(...)[x]`; `val(f)` only stands on the right and means the field itself. */
export interface TransformerCall extends AstNode {
  readonly kind: 'call';
  readonly name: TransformerName | 'val';
  readonly arguments: readonly CallArgument[];
  readonly argument: string | null;
}

export type CallArgument = Operand | Literal | CallList;

/** A parenthesised list among a transformer's arguments: `concat((proc.name, "x"))`. */
export interface CallList extends AstNode {
  readonly kind: 'list';
  readonly items: readonly (Operand | Literal)[];
}

/** A constant as written: unquoted and unescaped text. Only the field it is compared with gives it a type. */
export interface Literal extends AstNode {
  readonly kind: 'literal';
  readonly text: string;
  /** Quoted text is never taken for the name of a list. */
  readonly quoted: boolean;
}

/** The right side of `in`, `intersects`, `pmatch` and of operators with a modifier. */
export interface LiteralList extends AstNode {
  readonly kind: 'literals';
  readonly values: readonly Literal[];
}

export const COMPARE_OPERATORS = [
  '<=', '<', '>=', '>',
  '==', '=', '!=', 'glob', 'iglob', 'contains', 'icontains', 'bcontains', 'startswith', 'bstartswith', 'endswith', 'regex',
  'intersects', 'in', 'pmatch',
] as const;
export type CompareOperator = (typeof COMPARE_OPERATORS)[number];

export const MODIFIERS = ['oneof', 'anyof', 'allof'] as const;
export type Modifier = (typeof MODIFIERS)[number];

export const TRANSFORMER_NAMES = [
  'tolower', 'toupper', 'b64', 'basename', 'len', 'join', 'concat', 'getopt',
] as const;
export type TransformerName = (typeof TRANSFORMER_NAMES)[number];

/** A problem found in a condition's text or tree. */
export interface LangError {
  readonly severity: 'error' | 'warning';
  readonly code: LangCode;
  readonly message: string;
  readonly hint?: string;
  readonly start: number;
  readonly end: number;
  /** The macros, outermost first, whose text the offsets are into: the last one's. Empty: the condition's own text. */
  readonly macros: readonly string[];
}
