// SPDX-License-Identifier: Apache-2.0
/** Rule exceptions: read in each of their shapes, checked, and written out as the condition they stand for. */
import { COMPARE_OPERATORS, MODIFIERS } from '../lang/ast.js';
import type { Entry, ExceptionInfo } from './items.js';
import { MappedText } from './mapped-text.js';
import { Decoder } from './decode.js';
import { type Path, type Problems, step } from './problems.js';
import { get, type RawMap, type RawNode } from './read.js';

/** Fields, comps and values nest this deep where they mean something: a list of tuples of lists. */
const MAX_NESTING = 3;
const LIST_OPERATORS: ReadonlySet<string> = new Set(['intersects', 'in', 'pmatch']);
const WITH_MODIFIER: ReadonlySet<string> = new Set([
  '==', '=', '!=', 'glob', 'iglob', 'contains', 'icontains', 'bcontains', 'startswith', 'bstartswith', 'endswith', 'regex',
]);

/** `whole`: nothing was wrong (what was has been reported). */
export interface ReadExceptions {
  readonly exceptions: readonly ExceptionInfo[];
  readonly whole: boolean;
}

/** Reads the `exceptions` of a rule item. */
export function readExceptions(item: RawMap, rulePath: Path, appending: boolean, problems: Problems): ReadExceptions {
  const node = get(item, 'exceptions');
  if (node === undefined || node.kind === 'null') return { exceptions: [], whole: true };
  const path = step(rulePath, 'exceptions', node.span);
  if (node.kind !== 'sequence') {
    problems.error('LOAD_ERR_YAML_VALIDATE', path, `'exceptions' is not a sequence`, 'write each exception as an item: `- name: ...`');
    return { exceptions: [], whole: false };
  }
  const exceptions: ExceptionInfo[] = [];
  let whole = true;
  for (const entry of node.items) {
    const exception = readException(entry, rulePath, path, appending, problems);
    if (exception === null) {
      whole = false;
      continue;
    }
    if (exceptions.some((other) => other.name === exception.name)) {
      problems.warn('LOAD_EXCEPTION_NAME_NOT_UNIQUE', exception.path, `the exception '${exception.name}' is defined twice in this rule`, 'give each exception a name of its own, or put the values together');
    }
    exceptions.push(exception);
  }
  return { exceptions, whole };
}

function readException(node: RawNode, rulePath: Path, listPath: Path, appending: boolean, problems: Problems): ExceptionInfo | null {
  const unnamed = step(listPath, 'exception', node.span);
  if (node.kind !== 'map') {
    problems.error('LOAD_ERR_YAML_VALIDATE', unnamed, 'an exception is not a mapping', 'write it as `- name: ...` with `fields`, `comps` and `values` below');
    return null;
  }
  const name = new Decoder(problems, node, unnamed).text('name', 'required');
  if (name === undefined || name === null) return null;
  const path = step(rulePath, 'exception', node.span, name);
  const fields = readKey(node, 'fields', path, problems, !appending);
  const comps = readKey(node, 'comps', path, problems, false);
  let whole = fields !== undefined && comps !== undefined;
  const values: Entry[] = [];
  const valuesNode = get(node, 'values');
  if (valuesNode === undefined) {
    if (appending) {
      problems.warn('LOAD_APPEND_NO_VALUES', path, `the exception '${name}' is appended to without 'values'`, 'add `values: [...]`, or check how the key is spelled');
    }
  } else if (valuesNode.kind !== 'sequence') {
    problems.error('LOAD_ERR_YAML_VALIDATE', step(path, 'exception values', valuesNode.span), `'values' of an exception is not a sequence`, 'write a list, one item per value (or per tuple of values)');
    whole = false;
  } else {
    const valuesPath = step(path, 'exception values', valuesNode.span);
    for (const item of valuesNode.items) {
      const value = readEntry(item, step(valuesPath, 'exception value', item.span), problems, 1);
      if (value === undefined) whole = false;
      else values.push(value);
    }
  }
  return whole ? { name, fields: fields ?? null, comps: comps ?? null, values, path } : null;
}

function readKey(node: RawMap, key: string, path: Path, problems: Problems, required: boolean): Entry | null | undefined {
  const value = get(node, key);
  if (value !== undefined) return readEntry(value, step(path, 'value for', value.span, key), problems, 1);
  if (!required) return null;
  problems.error('LOAD_ERR_YAML_VALIDATE', path, `the exception has no '${key}'`, `add \`${key}: [...]\``);
  return undefined;
}

function readEntry(node: RawNode, path: Path, problems: Problems, depth: number): Entry | undefined {
  switch (node.kind) {
    case 'scalar':
      if (node.text === '') {
        problems.error('LOAD_ERR_YAML_VALIDATE', path, 'an empty text stands where a value is needed', 'remove it, or write the value');
        return undefined;
      }
      return { kind: 'one', text: node.text, mapped: node.mapped(), span: node.span };
    case 'sequence': {
      if (depth > MAX_NESTING) {
        problems.error('LOAD_ERR_YAML_VALIDATE', path, 'lists are nested too deep in an exception', 'values are at most a list of tuples of lists');
        return undefined;
      }
      const items = node.items.map((item) => readEntry(item, step(path, 'exception', item.span), problems, depth + 1));
      return items.every((item) => item !== undefined) ? { kind: 'list', items, span: node.span } : undefined;
    }
    case 'null':
    case 'map':
      problems.error('LOAD_ERR_YAML_VALIDATE', path, `${node.kind === 'null' ? 'nothing' : 'a mapping'} stands where a value or a list is needed`, 'write one text, or a list of texts in brackets');
      return undefined;
    default: {
      const never: never = node;
      return never;
    }
  }
}

export function isGiven(entry: Entry | null): entry is Entry {
  return entry !== null && (entry.kind === 'one' ? entry.text !== '' : entry.items.length > 0);
}

/** `startswith oneof` and the like. */
function hasLegalModifier(comparison: string): boolean {
  const m = /^(\S+)\s+(\S+)$/.exec(comparison);
  return m !== null && WITH_MODIFIER.has(m[1]) && (MODIFIERS as readonly string[]).includes(m[2]);
}

function isOperator(comparison: string): boolean {
  return comparison === 'exists' || (COMPARE_OPERATORS as readonly string[]).includes(comparison);
}

/**
 * Completes an exception (missing `comps` mean `=` or `in`) and checks that fields and comparisons fit.
 * `isField` is null when the rule's source is unknown. Null: it does not fit, and that has been reported.
 */
export function checkException(exception: ExceptionInfo, isField: ((text: string) => boolean) | null, problems: Problems): ExceptionInfo | null {
  const { fields, path } = exception;
  const refuse = (message: string, hint: string, entry?: Entry) => {
    problems.error('LOAD_ERR_VALIDATE', path, message, hint, entry?.span);
    return null;
  };
  if (fields === null || !isGiven(fields)) return refuse(`the exception '${exception.name}' has no fields`, 'add `fields: [...]`');
  const checkField = (entry: Entry): boolean => {
    if (isField === null || (entry.kind === 'one' && isField(entry.text))) return true;
    const shown = entry.kind === 'one' ? `'${entry.text}'` : 'a list';
    refuse(`${shown} is no field that conditions of this rule can use`, 'see --list for the fields of each source', entry);
    return false;
  };
  if (fields.kind === 'one') {
    const comps = isGiven(exception.comps) ? normalized(exception.comps) : synthetic('in', fields);
    if (comps.kind === 'list') return refuse(`'fields' is one field but 'comps' is a list`, 'write both as lists, or both as one value', comps);
    if (!LIST_OPERATORS.has(comps.text) && !hasLegalModifier(comps.text)) {
      return refuse(`'${comps.text}' cannot compare one field with a list of values`, 'use in, pmatch, intersects, or an operator with oneof, anyof or allof (`startswith oneof`)', comps);
    }
    return checkField(fields) ? { ...exception, comps } : null;
  }
  const comps = isGiven(exception.comps)
    ? normalized(exception.comps)
    : ({ kind: 'list', items: fields.items.map((field) => synthetic('=', field)), span: fields.span } as const);
  if (comps.kind === 'one' || comps.items.length !== fields.items.length) {
    const count = comps.kind === 'one' ? 'one value' : `${comps.items.length} items`;
    return refuse(`'fields' has ${fields.items.length} items but 'comps' has ${count}`, 'write one comparison per field', comps);
  }
  let fits = true;
  for (const comp of comps.items) {
    if (comp.kind === 'one' && (isOperator(comp.text) || hasLegalModifier(comp.text))) continue;
    fits = false;
    refuse(`${comp.kind === 'one' ? `'${comp.text}'` : 'a list'} is no comparison operator`, 'use one of = != < <= > >= contains startswith endswith glob regex in intersects pmatch …, or a text operator with oneof, anyof or allof', comp);
  }
  for (const field of fields.items) fits = checkField(field) && fits;
  return fits ? { ...exception, comps } : null;
}

function normalized(entry: Entry): Entry {
  if (entry.kind === 'list') return { ...entry, items: entry.items.map(normalized) };
  return { ...entry, text: entry.text.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, ''), mapped: entry.mapped.trim() };
}

function synthetic(text: string, like: Entry): Entry & { kind: 'one' } {
  return { kind: 'one', text, mapped: MappedText.at(like.span, text), span: like.span };
}

/** Quotes an item with a blank in it, unless it is quoted. */
export function quoteItem(text: string, mapped: MappedText): MappedText {
  if (!text.includes(' ') || text[0] === '"' || text[0] === "'") return mapped;
  const quote = MappedText.at(mapped.spanOf(0, text.length), '"');
  return MappedText.concat([quote, mapped, quote]);
}

export interface ExpandedCondition {
  readonly text: MappedText;
  /** The fields that the exceptions name, sorted. */
  readonly fields: readonly string[];
}

/** `(condition) and not (exception) ...`. Values that do not fit the fields are reported and left out. */
export function expandExceptions(condition: MappedText, exceptions: readonly ExceptionInfo[], problems: Problems): ExpandedCondition {
  if (exceptions.length === 0) return { text: condition, fields: [] };
  const whole = condition.spanOf(0, condition.text.length);
  const parts: MappedText[] = [MappedText.at(whole, '('), condition, MappedText.at(whole, ')')];
  const fields = new Set<string>();
  for (const exception of exceptions) {
    const body = exceptionText(exception, fields, problems);
    if (body === null) continue;
    parts.push(MappedText.at(exception.path[exception.path.length - 1].span, ' and not '), body);
  }
  return { text: MappedText.concat(parts), fields: [...fields].sort() };
}

/** Null: it has no values. */
function exceptionText(exception: ExceptionInfo, used: Set<string>, problems: Problems): MappedText | null {
  const { fields, comps, values, path } = exception;
  if (fields === null || comps === null) return null;
  const parts: MappedText[] = [];
  if (fields.kind === 'one') {
    if (comps.kind !== 'one') return null;
    for (const value of values) {
      if (value.kind === 'list') {
        problems.error('LOAD_ERR_VALIDATE', path, `a list stands among the values of the single field '${fields.text}'`, 'write each value as an item of its own, or `fields` as a list', value.span);
        continue;
      }
      const glue = (text: string) => MappedText.at(value.span, text);
      if (parts.length === 0) parts.push(glue('('), fields.mapped, glue(' '), comps.mapped, glue(' ('));
      else parts.push(glue(', '));
      used.add(fields.text);
      parts.push(quoteItem(value.text, value.mapped));
    }
    return parts.length === 0 ? null : MappedText.concat([...parts, MappedText.at(fields.span, '))')]);
  }
  if (comps.kind !== 'list') return null;
  for (const value of values) {
    const tuple = value.kind === 'list' ? value.items : [];
    if (tuple.length !== fields.items.length) {
      const shown = value.kind === 'list' ? `${tuple.length} values` : 'a single value';
      problems.error('LOAD_ERR_VALIDATE', path, `an item of 'values' has ${shown} for ${fields.items.length} fields`, 'write each item as a list with one value per field: `- [a, b]`', value.span);
      continue;
    }
    const glue = (text: string) => MappedText.at(value.span, text);
    parts.push(glue(parts.length === 0 ? '((' : ' or ('));
    for (let k = 0; k < tuple.length; k++) {
      const field = fields.items[k];
      const comp = comps.items[k];
      if (field.kind !== 'one' || comp.kind !== 'one') continue;
      used.add(field.text);
      parts.push(glue(k === 0 ? ' ' : ' and  '), field.mapped, glue(' '), comp.mapped, glue(' '), operandText(tuple[k], comp.text));
    }
    parts.push(glue(')'));
  }
  return parts.length === 0 ? null : MappedText.concat([...parts, MappedText.at(fields.span, ')')]);
}

function operandText(value: Entry, comparison: string): MappedText {
  const glue = (text: string) => MappedText.at(value.span, text);
  if (value.kind === 'list') {
    const parts: MappedText[] = [glue('(')];
    for (const item of value.items) {
      if (parts.length > 1) parts.push(glue(', '));
      if (item.kind === 'one') parts.push(quoteItem(item.text, item.mapped));
    }
    return MappedText.concat([...parts, glue(')')]);
  }
  if (!LIST_OPERATORS.has(comparison) && !hasLegalModifier(comparison)) return quoteItem(value.text, value.mapped);
  return value.text[0] === '(' ? value.mapped : MappedText.concat([glue('('), value.mapped, glue(')')]);
}
