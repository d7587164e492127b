// SPDX-License-Identifier: Apache-2.0
/**
 * Output templates: `%field`, `%field[argument]`, `%transformer(field)`, `%10field` (padded or cut to a width), `%%`.
 * A field's name ends where the longest known one does: `%proc.names` is proc.name and an `s`.
 */
import { bindOperand } from '../engine/operand.js';
import type { EngineEvent } from '../events/event.js';
import type { CallArgument, LangError, Operand } from '../lang/ast.js';
import type { SourceCatalogue } from '../lang/catalogue.js';
import { checkOperand } from '../lang/check.js';
import { parseOperand } from '../lang/parse.js';
import { print } from '../lang/print.js';
import type { Scalar, Value } from '../lang/value.js';
import { byteString, ofByteString } from '../util/byte-text.js';
import { type RenderType, toJson, toText } from './render.js';

export interface Rendered {
  readonly message: string;
  /** By field as written (`proc.aname[2]`), ready for JSON: null where the event has no value. */
  readonly fields: Map<string, Scalar | readonly Scalar[] | null>;
}

export interface Template<E> {
  /** Fills the template in. What it returns keeps nothing of the event. */
  render(event: E): Rendered;
  /** The text alone. */
  text(event: E): string;
  /** Fields and transformers in the order of the text, as often as they stand there. */
  readonly names: readonly string[];
}

export interface TemplateOptions {
  /** `buffer_format_base64`: bytes as base64 instead of printable characters and dots. */
  readonly base64?: boolean;
}

/** A mistake at an offset of the template's text. */
export interface TemplateError {
  readonly message: string;
  readonly hint?: string;
  readonly start: number;
  readonly end: number;
  /** What stands there is no field of this release; all but a % at the end could be one in another. */
  readonly unknownField: boolean;
}

/** A field padded to more than this would be a mistake of the writer's, or an attempt on our memory. */
const MAX_WIDTH = 65_535;
/** No field's name, with what may follow it after a dot, is longer. */
const LONGEST_NAME = 256;

type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'value'; readonly operand: Operand; readonly width: number };

interface ParsedTemplate {
  readonly parts: readonly Part[];
  readonly errors: readonly TemplateError[];
}

/** Finds text and fields; all mistakes, not the first. */
function parseTemplate<E>(text: string, catalogue: SourceCatalogue<E>): ParsedTemplate {
  const parts: Part[] = [];
  const errors: TemplateError[] = [];
  // A leading * says that missing values are printed as <NA>, which they always are.
  let done = text.startsWith('*') ? 1 : 0;
  const flush = (end: number) => {
    if (end > done) parts.push({ kind: 'text', text: text.slice(done, end) });
  };
  for (let at = text.indexOf('%', done); at !== -1; at = text.indexOf('%', at)) {
    if (text[at + 1] === '%') {
      flush(at + 1);
      done = at += 2;
      continue;
    }
    flush(at);
    const digits = /\d*/y;
    digits.lastIndex = at + 1;
    const width = digits.exec(text)?.[0] ?? '';
    const start = at + 1 + width.length;
    const found = longestOperand(text, start, catalogue);
    if (Number(width) > MAX_WIDTH) {
      errors.push({ message: `${width} characters are no width for a field`, hint: `the most is ${MAX_WIDTH}`, start: at, end: start, unknownField: false });
      done = at = start;
    } else if ('operand' in found) {
      parts.push({ kind: 'value', operand: found.operand, width: Number(width) });
      done = at = found.end;
    } else {
      errors.push({ ...found, start: at, end: Math.max(at + 1, found.end) });
      done = at = Math.max(at + 1, found.end);
    }
  }
  flush(text.length);
  return { parts, errors };
}

/** The longest field or transformer at `start` that the source knows, or what is wrong with what stands there. */
function longestOperand<E>(
  text: string,
  start: number,
  catalogue: SourceCatalogue<E>,
): { readonly operand: Operand; readonly end: number } | Omit<TemplateError, 'start'> {
  const attempt = (until: number) => {
    const parsed = parseOperand(text.slice(0, until), start);
    if (parsed.ast === null || parsed.errors.length > 0) return { operand: null, end: parsed.end, errors: parsed.errors };
    const errors = checkOperand(parsed.ast, catalogue).filter((error) => error.severity === 'error');
    return { operand: errors.length === 0 ? parsed.ast : null, end: parsed.end, errors };
  };
  const whole = attempt(text.length);
  if (whole.operand !== null) return { operand: whole.operand, end: whole.end };
  const word = /[A-Za-z0-9_.]*/y;
  word.lastIndex = start;
  const wordEnd = start + (word.exec(text)?.[0].length ?? 0);
  for (let until = Math.min(wordEnd, start + LONGEST_NAME); until > start; until--) {
    const shorter = attempt(until);
    if (shorter.operand !== null) return { operand: shorter.operand, end: shorter.end };
  }
  if (wordEnd === start) {
    const what = start >= text.length ? 'stands at the end of the output' : 'is followed by no field';
    return { message: `a % ${what}`, hint: 'write %% for a percent sign', end: start, unknownField: start < text.length };
  }
  const error: LangError | undefined = whole.errors[0];
  const end = Math.max(wordEnd, Math.min(whole.end, text.length));
  return {
    message: error?.message ?? `'${text.slice(start, wordEnd)}' is no field`,
    ...(error?.hint === undefined ? {} : { hint: error.hint }),
    end: error?.code === 'COND_UNKNOWN_FIELD' ? wordEnd : end,
    unknownField: true,
  };
}

/** One part ready to be read from events. */
interface Reader<E> {
  readonly read: (event: E) => Value;
  readonly json: (event: E) => Value;
  readonly as: RenderType;
  readonly name: string;
}

type Segment<E> = string | { readonly reader: Reader<E>; readonly width: number };

class CompiledTemplate<E> implements Template<E> {
  readonly names: readonly string[];
  readonly #segments: readonly Segment<E>[];
  readonly #fields: readonly Reader<E>[];

  constructor(segments: readonly Segment<E>[], fields: readonly Reader<E>[], names: readonly string[]) {
    this.#segments = segments;
    this.#fields = fields;
    this.names = names;
  }

  render(event: E): Rendered {
    const fields = new Map<string, Scalar | readonly Scalar[] | null>();
    for (const field of this.#fields) fields.set(field.name, toJson(field.json(event), field.as));
    return { message: this.text(event), fields };
  }

  text(event: E): string {
    let text = '';
    for (const segment of this.#segments) {
      if (typeof segment === 'string') {
        text += segment;
        continue;
      }
      const value = toText(segment.reader.read(event), segment.reader.as);
      text += segment.width === 0 ? value : ofByteString(byteString(value).slice(0, segment.width).padEnd(segment.width));
    }
    return text;
  }
}

/** A template for one source's events, or everything that is wrong with the text. */
export function compileTemplate<E extends EngineEvent>(
  text: string,
  catalogue: SourceCatalogue<E>,
  options: TemplateOptions = {},
): { readonly template: Template<E> | null; readonly errors: readonly TemplateError[] } {
  const { parts, errors } = parseTemplate(text, catalogue);
  if (errors.length > 0) return { template: null, errors };
  const segments: Segment<E>[] = [];
  const fields = new Map<string, Reader<E>>();
  const names: string[] = [];
  const reader = (operand: Operand): Reader<E> => {
    const bound = bindOperand(operand, catalogue);
    const def = operand.kind === 'field' ? catalogue.find(operand.name)?.field : undefined;
    return {
      read: bound.read,
      json: def?.json ?? bound.read,
      as: { type: bound.type, format: def?.format ?? 'DEC', base64: options.base64 === true, made: operand.kind === 'call' },
      name: print(operand, { loose: true }),
    };
  };
  for (const part of parts) {
    if (part.kind === 'text') {
      segments.push(part.text);
      continue;
    }
    segments.push({ reader: reader(part.operand), width: part.width });
    collectNames(part.operand, names, (field) => {
      const found = reader(field);
      fields.set(found.name, found);
    });
  }
  return { template: new CompiledTemplate(segments, [...fields.values()], names), errors };
}

/**
 * Names as the ecosystem lists them: the fields within a transformer, then the transformer itself; of transformers that
 * stand directly in one another only the outermost. Only fields are put into `output_fields`.
 */
function collectNames(operand: Operand, names: string[], onField: (operand: Operand) => void): void {
  let lastIsCall = false;
  const visit = (node: CallArgument): void => {
    switch (node.kind) {
      case 'field':
        onField(node);
        names.push(print(node, { loose: true }));
        lastIsCall = false;
        return;
      case 'call':
        for (const argument of node.arguments) visit(argument);
        if (lastIsCall) names.pop();
        names.push(print(node, { loose: true }));
        lastIsCall = true;
        return;
      case 'list':
        for (const item of node.items) visit(item);
        return;
      case 'literal':
        return;
      default:
        node satisfies never;
    }
  };
  visit(operand);
}
