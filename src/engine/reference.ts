// SPDX-License-Identifier: Apache-2.0
/**
 * What a condition means, said as plainly as possible: a walk of the tree, every field read anew, operators in their
 * obvious form. Far too slow to run; the compiled form is tested against it on conditions and events of all kinds.
 */
import type { CallArgument, CompareCheck, Expr, FieldRef, Operand } from '../lang/ast.js';
import type { SourceCatalogue } from '../lang/catalogue.js';
import { type Constant, parseConstant, parseHexBytes } from '../lang/constants.js';
import { operatorOf } from '../lang/operators/index.js';
import { TRANSFORMERS } from '../lang/transformers/index.js';
import type { Present } from '../lang/transformers/transformer.js';
import type { FieldType, Scalar, Value } from '../lang/value.js';

/** The condition has to be resolved and checked. */
export function evaluate<E>(expr: Expr, event: E, catalogue: SourceCatalogue<E>): boolean {
  switch (expr.kind) {
    case 'and':
      return expr.children.every((child) => evaluate(child, event, catalogue));
    case 'or':
      return expr.children.some((child) => evaluate(child, event, catalogue));
    case 'not':
      return !evaluate(expr.child, event, catalogue);
    case 'macro':
      if (expr.body === null) throw new Error(`macro '${expr.name}' is not resolved`);
      return evaluate(expr.body, event, catalogue);
    case 'exists': {
      const { value, candidates } = read(expr.left, event, catalogue, true);
      return value !== null && !(candidates !== null && Array.isArray(value) && value.length === 0);
    }
    case 'compare':
      return compare(expr, event, catalogue);
    default:
      return expr satisfies never;
  }
}

interface Read {
  readonly value: Value;
  readonly type: FieldType;
  readonly list: boolean;
  readonly candidates: 'one' | 'all' | null;
  readonly atMost: boolean;
}

function compare<E>(node: CompareCheck, event: E, catalogue: SourceCatalogue<E>): boolean {
  const left = read(node.left, event, catalogue, true);
  const operator = left.atMost ? operatorOf('<=') : operatorOf(node.operator);
  const right = rightSide(node, left.type, event, catalogue);
  if (left.value === null || right === null) return false;
  const one = (value: Scalar): boolean => {
    const results = right.map((constant) => operator.reference(value, constant));
    switch (node.modifier) {
      case 'anyof':
        return results.includes(true);
      case 'allof':
        return results.length > 0 && !results.includes(false);
      case 'oneof':
        return results.filter((result) => result).length === 1;
      default:
        // `in`, `intersects`, `pmatch`: among the values. The others have one.
        return results.includes(true);
    }
  };
  const values: readonly Scalar[] = Array.isArray(left.value) ? left.value : [left.value as Scalar];
  if (left.list) return operator.name === 'in' ? values.every(one) : values.some(one);
  if (left.candidates === 'all' && operator.name === '!=') return values.length > 0 && values.every(one);
  return values.some(one);
}

/** The constants, or the other field's value (of a list: its elements); null: it has none. */
function rightSide<E>(node: CompareCheck, type: FieldType, event: E, catalogue: SourceCatalogue<E>): readonly Constant[] | null {
  const { right } = node;
  if (right.kind === 'field' || right.kind === 'call') {
    const { value } = read(right, event, catalogue, false);
    return value === null ? null : Array.isArray(value) ? (value as readonly Scalar[]) : [value as Scalar];
  }
  const literals = right.kind === 'literal' ? [right] : right.values;
  return literals.map((literal) => {
    const hex = node.operator === 'bcontains' || node.operator === 'bstartswith' ? parseHexBytes(literal.text) : null;
    if (hex !== null) return hex;
    const parsed = parseConstant(literal, type);
    if ('problem' in parsed) throw new Error(`the condition has not been checked: ${parsed.problem}`);
    return parsed.value;
  });
}

function read<E>(node: Operand, event: E, catalogue: SourceCatalogue<E>, inCondition: boolean): Read {
  if (node.kind === 'field') return readField(node, event, catalogue, inCondition);
  if (node.name === 'val') return read(node.arguments[0] as Operand, event, catalogue, inCondition);
  const args = node.arguments.map((argument) => readArgument(argument, event, catalogue));
  const transformer = TRANSFORMERS[node.name];
  const result = transformer.result(args.map((arg) => ({ ...arg, declared: arg.declared })), node.argument);
  if ('problem' in result) throw new Error(`the condition has not been checked: ${result.problem}`);
  const present = args.map((arg) => arg.value);
  const value = present.includes(null) ? null : transformer.apply(present as readonly Present[], node.argument);
  return { value, type: result.type, list: result.list, candidates: null, atMost: false };
}

function readField<E>(node: FieldRef, event: E, catalogue: SourceCatalogue<E>, inCondition: boolean): Read {
  const found = catalogue.find(node.name);
  if (found === null) throw new Error(`there is no field '${node.name}'`);
  const { field } = found;
  const index = node.argument !== null && /^\d{1,15}$/.test(node.argument) ? Number(node.argument) : null;
  const argument = node.argument === null ? found.argument : { text: node.argument, index };
  const special = inCondition ? (field.inCondition?.bind(argument) ?? null) : null;
  const reader = special ?? field.bind(argument);
  if (typeof reader === 'string') throw new Error(reader);
  const list = field.list === true;
  const candidates = special === null || list ? null : (field.inCondition?.notEqual ?? null);
  return { value: reader(event), type: field.type, list, candidates, atMost: inCondition && field.equalsMeansAtMost === true };
}

type ReadArgument = Pick<Read, 'value' | 'type' | 'list'> & { readonly declared: { readonly type: FieldType; readonly list: boolean } };

function readArgument<E>(node: CallArgument, event: E, catalogue: SourceCatalogue<E>): ReadArgument {
  if (node.kind === 'literal') return { value: node.text, type: 'CHARBUF', list: false, declared: { type: 'CHARBUF', list: false } };
  if (node.kind === 'list') {
    const items = node.items.map((item) => readArgument(item, event, catalogue).value);
    const value = items.includes(null) ? null : (items as Present[]).flatMap((item) => (Array.isArray(item) ? item : [item as Scalar]));
    return { value, type: 'CHARBUF', list: true, declared: { type: 'CHARBUF', list: true } };
  }
  const { value, type, list } = read(node, event, catalogue, false);
  return { value, type, list, declared: declaredType(node, catalogue) };
}

/** The type of the field within a chain of transformers of one argument; what several arguments make is a text. */
function declaredType<E>(node: Operand, catalogue: SourceCatalogue<E>): { readonly type: FieldType; readonly list: boolean } {
  if (node.kind === 'field') {
    const found = catalogue.find(node.name);
    return { type: found?.field.type ?? 'CHARBUF', list: found?.field.list === true };
  }
  const [inner] = node.arguments;
  if (node.arguments.length !== 1 || inner === undefined || inner.kind === 'literal') return { type: 'CHARBUF', list: false };
  if (inner.kind === 'list') return { type: 'CHARBUF', list: true };
  return declaredType(inner, catalogue);
}
