// SPDX-License-Identifier: Apache-2.0
import type { Operand } from '../lang/ast.js';
import type { FieldDef, FieldReader, SourceCatalogue } from '../lang/catalogue.js';
import { type OperandPlace, type TypedOperand, typeOperand } from '../lang/operand.js';
import type { Present } from '../lang/transformers/transformer.js';
import type { FieldType, Value } from '../lang/value.js';
import { listOf } from './runtime.js';

/** An operand that has passed `checkOperand`, ready to be read from events: what output templates are made of. */
export interface BoundOperand<E> {
  readonly read: FieldReader<E>;
  /** Type after the transformers. */
  readonly type: FieldType;
  readonly list: boolean;
  /** The field, when the operand is nothing but one. */
  readonly field: FieldDef<E> | null;
}

/** Throws when the operand has not been checked. */
export function bindOperand<E>(operand: Operand, catalogue: SourceCatalogue<E>, place: OperandPlace = 'printed'): BoundOperand<E> {
  const typed = typeOperand(operand, place, catalogue, (problem) => {
    if (problem.severity !== 'warning') throw new Error(`the operand has not been checked: ${problem.message}`);
  });
  if (typed === null) throw new Error('the operand has not been checked');
  return { read: readerOf(typed), type: typed.type, list: typed.list, field: typed.field };
}

export function readerOf<E>(operand: TypedOperand<E>): FieldReader<E> {
  const { shape } = operand;
  switch (shape.kind) {
    case 'field':
      return shape.read;
    case 'constant': {
      const { text } = shape;
      return () => text;
    }
    case 'list': {
      const readers = shape.items.map(readerOf);
      return (event) => listOf(readers.map((read) => read(event)));
    }
    case 'call': {
      const readers = shape.args.map(readerOf);
      const { transformer, argument } = shape;
      return (event) => {
        const args: Value[] = [];
        for (const read of readers) {
          const value = read(event);
          if (value === null) return null;
          args.push(value);
        }
        return transformer.apply(args as readonly Present[], argument);
      };
    }
    default:
      return shape satisfies never;
  }
}
