// SPDX-License-Identifier: Apache-2.0
/** YAML → a small tree in which every key and value knows its place in the file. */
import { type Document, isAlias, isMap, isScalar, isSeq, type Node, parseAllDocuments, type Scalar } from 'yaml';
import type { Diagnostic, SourceText, Span } from '../lang/diagnostic.js';
import { MappedText } from './mapped-text.js';
import { type ScalarStyle, scalarOffsets } from './scalar-offsets.js';
import { explainYamlError, YAML_HINTS } from './yaml-errors.js';

export type RawNode = RawScalar | RawNull | RawSequence | RawMap;

export interface RawScalar {
  readonly kind: 'scalar';
  /** The text, without quotes and escapes. Types are decided by who reads it: `26` is a text here. */
  readonly text: string;
  readonly quoted: boolean;
  readonly span: Span;
  /** The text with the place of each character. */
  mapped(): MappedText;
}

export interface RawNull {
  readonly kind: 'null';
  readonly span: Span;
}

export interface RawSequence {
  readonly kind: 'sequence';
  readonly items: readonly RawNode[];
  readonly span: Span;
}

export interface RawEntry {
  readonly key: RawScalar;
  readonly value: RawNode;
}

export interface RawMap {
  readonly kind: 'map';
  readonly entries: readonly RawEntry[];
  readonly span: Span;
}

export interface RawDocuments {
  /** One per YAML document that could be read; an empty document is left out. */
  readonly documents: readonly RawNode[];
  /** The same as plain data, for the JSON schema. Quoted scalars are strings, plain ones what YAML's core schema says. */
  readonly plain: readonly unknown[];
  readonly diagnostics: readonly Diagnostic[];
}

const NULL_TEXT = /^(~|null|Null|NULL)?$/;

/** Reads all documents of a file. A document with a syntax error is reported and left out; the others are read. */
export function readDocuments(source: SourceText): RawDocuments {
  const diagnostics: Diagnostic[] = [];
  const documents: RawNode[] = [];
  const plain: unknown[] = [];
  // With the failsafe schema every scalar stays the text that was written.
  for (const document of parseAll(source, diagnostics)) {
    // What follows a syntax error is mostly its echo: one is told, as Falco's parser stops there too.
    for (const error of document.errors.slice(0, 1)) {
      diagnostics.push({ severity: 'error', code: 'LOAD_ERR_YAML_PARSE', ...explainYamlError(source, error), context: ['rules content'] });
    }
    if (document.errors.length > 0 || document.contents === null) continue;
    const node = new Converter(source, document, diagnostics).node(document.contents);
    if (node === null || node.kind === 'null') continue;
    documents.push(node);
    plain.push(plainOf(node, new Map()));
  }
  return { documents, plain, diagnostics };
}

/** So many lines of a file may stand left of the list in brackets that they go on with: each costs another pass. */
const MAX_DEDENTED_LINES = 200;

function parseAll(source: SourceText, diagnostics: Diagnostic[]): readonly Document[] {
  try {
    const documents = parseText(source.text);
    let { text } = source;
    let found = documents;
    for (let pass = 0; pass < MAX_DEDENTED_LINES; pass++) {
      const joined = joinDedentedLine(text, found);
      if (joined === null) break;
      text = joined;
      found = parseText(text);
      if (found.every((document) => document.errors.length === 0)) return found;
    }
    return documents;
  } catch (error) {
    // The parser recurses: only absurdly deep nesting gets here.
    diagnostics.push({
      severity: 'error',
      code: 'LOAD_ERR_YAML_PARSE',
      message: `the YAML cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      hint: 'a rules file nests three or four levels deep at most',
      span: { source, start: 0, end: 0 },
      context: ['rules content'],
    });
    return [];
  }
}

function parseText(text: string): readonly Document[] {
  const parsed = parseAllDocuments(text, { schema: 'failsafe', uniqueKeys: false, prettyErrors: false, logLevel: 'silent' });
  return Array.isArray(parsed) ? parsed : [];
}

/**
 * YAML wants the lines of a list in brackets deeper than its key; Falco's parser does not look. The line break before
 * such a line becomes a blank, which means the same there and leaves every position where it is. Null: nothing of that kind.
 */
function joinDedentedLine(text: string, documents: readonly Document[]): string | null {
  const error = documents.find((document) => document.errors.length > 0)?.errors[0];
  if (error?.code !== 'BAD_INDENT' || !error.message.startsWith('Flow ')) return null;
  const newline = text.lastIndexOf('\n', error.pos[0]);
  if (newline === -1) return null;
  const line = text.slice(text.lastIndexOf('\n', newline - 1) + 1, newline);
  return /(^|\s)#/.test(line) ? null : `${text.slice(0, newline)} ${text.slice(newline + 1)}`;
}

class Converter {
  readonly #source: SourceText;
  readonly #document: Document;
  readonly #diagnostics: Diagnostic[];
  /** Anchored nodes are converted once, so that aliases of aliases cannot multiply. */
  readonly #done = new Map<Node, RawNode>();
  readonly #open = new Set<Node>();

  constructor(source: SourceText, document: Document, diagnostics: Diagnostic[]) {
    this.#source = source;
    this.#document = document;
    this.#diagnostics = diagnostics;
  }

  /** Null when the node cannot be used; that has been reported then. */
  node(node: unknown): RawNode | null {
    if (isAlias(node)) {
      const target = node.resolve(this.#document);
      const span = this.#span(node);
      if (target === undefined) return this.#refuse(span, `the alias *${node.source} has no anchor before it`, YAML_HINTS.BAD_ALIAS);
      if (this.#open.has(target)) {
        return this.#refuse(span, `the alias *${node.source} stands inside what it refers to`, 'an anchored value cannot contain itself');
      }
      return this.node(target);
    }
    if (isScalar(node)) return this.#once(node, () => this.#scalar(node));
    if (isSeq(node)) {
      return this.#once(node, () => {
        const items = node.items.map((item) => this.node(item)).filter((item) => item !== null);
        return { kind: 'sequence', items, span: this.#span(node) };
      });
    }
    if (isMap(node)) {
      return this.#once(node, () => {
        const entries: RawEntry[] = [];
        for (const pair of node.items) {
          const key = this.node(pair.key);
          if (key === null) continue;
          if (key.kind !== 'scalar') {
            this.#refuse(key.span, 'a key must be a plain text', 'quote the key, or write it as `key: value`');
            continue;
          }
          const at = { source: this.#source, start: key.span.end, end: key.span.end };
          const value = pair.value === null || pair.value === undefined ? ({ kind: 'null', span: at } as const) : this.node(pair.value);
          if (value !== null) entries.push({ key, value });
        }
        return { kind: 'map', entries, span: this.#span(node) };
      });
    }
    return null;
  }

  #once(node: Node, convert: () => RawNode): RawNode {
    const known = this.#done.get(node);
    if (known !== undefined) return known;
    this.#open.add(node);
    const converted = convert();
    this.#open.delete(node);
    this.#done.set(node, converted);
    return converted;
  }

  #scalar(node: Scalar): RawScalar | RawNull {
    const span = this.#span(node);
    const text = typeof node.value === 'string' ? node.value : String(node.value ?? '');
    const style = styleOf(node);
    if (style === 'plain' && NULL_TEXT.test(text)) return { kind: 'null', span };
    const source = this.#source;
    const whole = node.range ?? [span.start, span.end, span.end];
    if (loneSurrogates(text) > loneSurrogates(source.text.slice(whole[0], whole[1]))) {
      this.#refuse(span, 'half of a surrogate pair is no character', 'in a condition, \\xff within quotes is a byte');
    }
    return {
      kind: 'scalar',
      text,
      quoted: style !== 'plain',
      span,
      mapped: () => {
        const offsets = scalarOffsets(source.text, whole[0], whole[1], text, style);
        return offsets === null ? MappedText.at(span, text) : MappedText.fromOffsets(source, text, offsets);
      },
    };
  }

  #span(node: Node): Span {
    const [start, end] = node.range ?? [0, 0];
    return { source: this.#source, start, end: Math.max(start, end) };
  }

  #refuse(span: Span, message: string, hint: string): null {
    this.#diagnostics.push({ severity: 'error', code: 'LOAD_ERR_YAML_PARSE', message, hint, span, context: ['rules content'] });
    return null;
  }
}

/** Those of the file are bytes that are no UTF-8; by an escape there are none. */
const loneSurrogates = (text: string): number => (text.isWellFormed() ? 0 : (text.match(/\p{Surrogate}/gu)?.length ?? 0));

function styleOf(node: Scalar): ScalarStyle {
  switch (node.type) {
    case 'BLOCK_FOLDED':
    case 'BLOCK_LITERAL':
      return 'block';
    case 'QUOTE_DOUBLE':
      return 'double';
    case 'QUOTE_SINGLE':
      return 'single';
    default:
      return 'plain';
  }
}

/** The value of a key. Of a key that is written twice, the first one counts. */
export function get(map: RawMap, key: string): RawNode | undefined {
  return map.entries.find((entry) => entry.key.text === key)?.value;
}

/** `known`: aliased nodes stay shared, or a few lines of nested aliases would fill the memory. */
function plainOf(node: RawNode, known: Map<RawNode, unknown>): unknown {
  if (known.has(node)) return known.get(node);
  const plain = convertPlain(node, known);
  known.set(node, plain);
  return plain;
}

function convertPlain(node: RawNode, known: Map<RawNode, unknown>): unknown {
  switch (node.kind) {
    case 'null':
      return null;
    case 'scalar':
      if (node.quoted) return node.text;
      if (/^(true|True|TRUE|false|False|FALSE)$/.test(node.text)) return node.text.toLowerCase() === 'true';
      return /^[-+]?\d+$/.test(node.text) ? Number(node.text) : node.text;
    case 'sequence':
      return node.items.map((item) => plainOf(item, known));
    case 'map':
      return Object.fromEntries(node.entries.map((entry) => [entry.key.text, plainOf(entry.value, known)]));
    default: {
      const never: never = node;
      return never;
    }
  }
}
