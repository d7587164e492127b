// SPDX-License-Identifier: Apache-2.0
import type { Operand } from '../lang/ast.js';
import type { FieldReader, SourceCatalogue } from '../lang/catalogue.js';
import type { FieldType } from '../lang/value.js';

/** An operand that has passed `checkOperand`, ready to be read from events: what output templates are made of. */
export interface BoundOperand<E> {
  readonly read: FieldReader<E>;
  /** Type after the transformers. */
  readonly type: FieldType;
  readonly list: boolean;
}

export function bindOperand<E>(_operand: Operand, _catalogue: SourceCatalogue<E>): BoundOperand<E> {
  throw new Error('not yet');
}
