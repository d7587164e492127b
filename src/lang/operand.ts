// SPDX-License-Identifier: Apache-2.0
/** Gives an operand its type and its way of being read from an event; reports what is wrong with it. */
import type { CallArgument, FieldRef, Operand, TransformerCall } from './ast.js';
import type { FieldDef, FieldReader, SourceCatalogue } from './catalogue.js';
import type { Report } from './checks/context.js';
import { fieldArgument } from './checks/field-argument.js';
import { checkFieldUse } from './checks/field-use.js';
import { findField } from './checks/unknown-field.js';
import { print } from './print.js';
import { TRANSFORMERS } from './transformers/index.js';
import type { ArgumentType, Transformer } from './transformers/transformer.js';
import type { FieldType } from './value.js';

/** Where an operand stands: fields may be read differently on the left of a comparison. */
export type OperandPlace = 'left' | 'right' | 'printed';

export type OperandShape<E> =
  | { readonly kind: 'field'; readonly read: FieldReader<E> }
  | { readonly kind: 'constant'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly TypedOperand<E>[] }
  | { readonly kind: 'call'; readonly transformer: Transformer; readonly args: readonly TypedOperand<E>[]; readonly argument: string | null };

export interface TypedOperand<E> extends ArgumentType {
  /** Equal for operands that are read in the same way. */
  readonly key: string;
  readonly shape: OperandShape<E>;
  /** Names of the fields that it reads. */
  readonly fields: readonly string[];
  /** The field, if the operand is nothing but one. */
  readonly field: FieldDef<E> | null;
  /**
   * The reader may answer with several candidates although the operand is no list: a comparison holds if it holds for one
   * of them, except that with `all` a `!=` must hold for all.
   */
  readonly candidates: 'one' | 'all' | null;
}

/** Null: something is wrong and has been reported. */
export function typeOperand<E>(
  node: Operand, place: OperandPlace, catalogue: SourceCatalogue<E>, report: Report,
): TypedOperand<E> | null {
  if (node.kind === 'field') return typeField(node, place, catalogue, report);
  return node.name === 'val' ? typeVal(node, place, catalogue, report) : typeCall(node, node.name, catalogue, report, place === 'printed');
}

function typeField<E>(
  node: FieldRef, place: OperandPlace, catalogue: SourceCatalogue<E>, report: Report,
): TypedOperand<E> | null {
  const found = findField(node, catalogue, report);
  if (found === null || !checkFieldUse(node, found.field, place === 'printed', report)) return null;
  const { field } = found;
  const checked = fieldArgument(node, field, found.argument, report);
  if (checked === null) return null;
  const special = place === 'left' ? (field.inCondition?.bind(checked.argument) ?? null) : null;
  const read = special ?? field.bind(checked.argument);
  if (typeof read === 'string') {
    report({ code: 'COND_ARGUMENT_INVALID', message: `field '${node.name}': ${read}`, at: { start: node.start + node.name.length, end: node.end } });
    return null;
  }
  const list = field.list === true;
  return {
    key: `${special === null ? '' : 'condition '}${print(node)}`,
    type: field.type,
    list,
    declared: { type: field.type, list },
    shape: { kind: 'field', read },
    field,
    fields: [field.name],
    candidates: special === null || list ? null : (field.inCondition?.notEqual ?? null),
  };
}

function typeVal<E>(
  node: TransformerCall, place: OperandPlace, catalogue: SourceCatalogue<E>, report: Report,
): TypedOperand<E> | null {
  if (node.argument !== null) {
    report({ code: 'COND_ARGUMENT_NOT_ALLOWED', message: 'val() takes no argument in brackets', hint: 'put the brackets after the field', at: node });
    return null;
  }
  return typeOperand(node.arguments[0] as Operand, place, catalogue, report);
}

function typeCall<E>(
  node: TransformerCall, name: keyof typeof TRANSFORMERS, catalogue: SourceCatalogue<E>, report: Report, printed: boolean,
): TypedOperand<E> | null {
  const transformer = TRANSFORMERS[name];
  const args: TypedOperand<E>[] = [];
  for (const argument of node.arguments) {
    const typed = typeArgument(argument, catalogue, report, printed);
    if (typed !== null) args.push(typed);
  }
  if (args.length < node.arguments.length) return null;
  if (node.argument !== null && !transformer.takesArgument) {
    report({ code: 'COND_ARGUMENT_NOT_ALLOWED', message: `${name}() takes no argument in brackets`, at: node });
    return null;
  }
  const refused = args.find((arg) => arg.field?.noTransformer === true);
  if (refused !== undefined && node.arguments.length === 1) {
    report({ code: 'COND_TRANSFORMER_FIELD', message: `field '${refused.field?.name}' cannot be given to a transformer`, at: node });
    return null;
  }
  const result = transformer.result(args, node.argument);
  if ('problem' in result) {
    const code = node.arguments.length === 1 ? 'COND_TRANSFORMER_TYPE' : 'COND_TRANSFORMER_ARGUMENTS';
    report({ code, message: result.problem, hint: result.hint, at: node });
    return null;
  }
  const single = args.length === 1 ? (args[0] as TypedOperand<E>) : null;
  return {
    key: print(node),
    type: result.type,
    list: result.list,
    declared: single === null ? { type: 'CHARBUF', list: false } : single.declared,
    shape: { kind: 'call', transformer, args, argument: node.argument },
    fields: args.flatMap((arg) => arg.fields),
    field: null,
    candidates: null,
  };
}

const TEXT_TYPE: FieldType = 'CHARBUF';

function typeArgument<E>(
  node: CallArgument, catalogue: SourceCatalogue<E>, report: Report, printed: boolean,
): TypedOperand<E> | null {
  if (node.kind === 'literal') {
    const type = { type: TEXT_TYPE, list: false };
    return { ...type, declared: type, key: JSON.stringify(node.text), shape: { kind: 'constant', text: node.text }, fields: [], field: null, candidates: null };
  }
  if (node.kind === 'list') {
    const items: TypedOperand<E>[] = [];
    for (const item of node.items) {
      const typed = typeArgument(item, catalogue, report, printed);
      if (typed !== null) items.push(typed);
    }
    if (items.length < node.items.length) return null;
    const type = { type: TEXT_TYPE, list: true };
    return { ...type, declared: type, key: `(${items.map((item) => item.key).join(',')})`, shape: { kind: 'list', items }, fields: items.flatMap((item) => item.fields), field: null, candidates: null };
  }
  return typeOperand(node, printed ? 'printed' : 'right', catalogue, report);
}
