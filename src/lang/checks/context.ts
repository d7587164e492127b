// SPDX-License-Identifier: Apache-2.0
import type { CompareCheck, LangError } from '../ast.js';
import type { SourceCatalogue } from '../catalogue.js';
import type { LangCode } from '../codes.js';
import type { TypedOperand } from '../operand.js';

export interface Problem {
  readonly severity?: LangError['severity'];
  readonly code: LangCode;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly at: { readonly start: number; readonly end: number };
}

export type Report = (problem: Problem) => void;

/** A comparison whose left side is known. */
export interface CompareContext<E> {
  readonly node: CompareCheck;
  readonly left: TypedOperand<E>;
  /** Null when the right side is constants, or a field that is wrong in itself. */
  readonly right: TypedOperand<E> | null;
  readonly catalogue: SourceCatalogue<E>;
  readonly report: Report;
}

/** A check of one comparison: reports what is wrong; false: later checks would only repeat it. */
export type CompareRule = <E>(context: CompareContext<E>) => boolean;

