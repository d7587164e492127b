// SPDX-License-Identifier: Apache-2.0
/**
 * A configuration file as a tree whose every part knows where it was written. Scalars stay text until the schema says what
 * they are, as in Falco: `"true"`, `yes` and an expanded `${VARIABLE}` are booleans where a boolean is wanted.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node as YamlNode, parse, parseDocument } from 'yaml';
import type { Diagnostic, SourceText, Span } from '../../lang/diagnostic.js';
import { explainYamlError } from '../../ruleset/yaml-errors.js';

export interface ScalarNode {
  readonly kind: 'scalar';
  readonly text: string;
  /** Not quoted: `null`, `true` and `1` mean what YAML says they mean where no schema says more. */
  readonly plain: boolean;
  readonly span: Span;
}
export interface SeqNode {
  readonly kind: 'seq';
  readonly items: ConfigNode[];
  readonly span: Span;
}
export interface MapNode {
  readonly kind: 'map';
  readonly entries: Map<string, MapEntry>;
  readonly span: Span;
}
export interface MapEntry {
  readonly key: Span;
  readonly node: ConfigNode;
}
export type ConfigNode = ScalarNode | SeqNode | MapNode;

export type Environment = (name: string) => string | undefined;

/**
 * Reads one document. Null with an error when the text is no YAML or no map at the top; an empty text is an empty map.
 * @param env null: variables are not expanded
 */
export function readTree(source: SourceText, env: Environment | null): { root: MapNode | null; diagnostics: Diagnostic[] } {
  const diagnostics: Diagnostic[] = [];
  const document = parseDocument(source.text, { lineCounter: new LineCounter(), prettyErrors: false });
  // What follows a first error is mostly its consequence.
  for (const error of document.errors.slice(0, 1)) {
    diagnostics.push({ severity: 'error', code: 'CONFIG_YAML', ...explainYamlError(source, error) });
  }
  if (diagnostics.length > 0) return { root: null, diagnostics };
  const whole: Span = { source, start: 0, end: 0 };
  const contents = document.contents;
  if (contents === null || (isScalar(contents) && contents.value === null)) {
    return { root: { kind: 'map', entries: new Map(), span: whole }, diagnostics };
  }

  const spanOf = (node: YamlNode): Span =>
    node.range ? { source, start: node.range[0], end: Math.max(node.range[0] + 1, node.range[1]) } : whole;
  const open = new Set<unknown>();
  let count = 0;
  const convert = (node: unknown): ConfigNode => {
    if (isAlias(node)) {
      const target = node.resolve(document);
      if (open.has(target)) throw new AliasError('the alias stands inside what it refers to', spanOf(node));
      open.add(target);
      const converted = convert(target);
      open.delete(target);
      return converted;
    }
    if (++count > MOST_NODES) throw new AliasError(`with its aliases in place this is more than ${MOST_NODES} values`, whole);
    if (isMap(node)) {
      const entries = new Map<string, MapEntry>();
      for (const pair of node.items) {
        const key = pair.key as YamlNode;
        entries.set(String(isScalar(key) ? key.value : key), { key: spanOf(key), node: convert(pair.value) });
      }
      return { kind: 'map', entries, span: spanOf(node) };
    }
    if (isSeq(node)) return { kind: 'seq', items: node.items.map(convert), span: spanOf(node) };
    if (isScalar(node)) {
      const plain = node.type === 'PLAIN';
      const text = plain ? (node.source ?? '') : String(node.value);
      return { kind: 'scalar', text: env === null ? text : expandEnvironment(text, env), plain, span: spanOf(node) };
    }
    return { kind: 'scalar', text: '', plain: true, span: whole };
  };
  let root: ConfigNode;
  try {
    root = convert(contents);
  } catch (error) {
    if (!(error instanceof AliasError)) throw error;
    diagnostics.push({ severity: 'error', code: 'CONFIG_YAML', message: error.message, span: error.span });
    return { root: null, diagnostics };
  }
  if (root.kind !== 'map') {
    diagnostics.push({
      severity: 'error', code: 'CONFIG_NOT_A_MAP', message: 'a configuration file must be a mapping of keys to values', span: root.span,
    });
    return { root: null, diagnostics };
  }
  return { root, diagnostics };
}

/** Far more than any configuration has: aliases of aliases multiply. */
const MOST_NODES = 100_000;

class AliasError extends Error {
  constructor(
    message: string,
    readonly span: Span,
  ) {
    super(message);
  }
}

/** Values may themselves name variables; one that leads back to itself must end. */
const MOST_EXPANSIONS = 1000;

/**
 * `${NAME}` becomes the variable's value, or nothing when there is none; what the value names is expanded too. `$${NAME}`
 * stays as `${NAME}`, and `$NAME` is left alone.
 */
export function expandEnvironment(text: string, env: Environment): string {
  let value = text;
  let expansions = 0;
  for (let at = value.indexOf('$'); at !== -1; at = value.indexOf('$', at)) {
    const escaped = value.startsWith('$${', at);
    if (!escaped && !value.startsWith('${', at)) {
      at++;
      continue;
    }
    const end = value.indexOf('}', at);
    if (end === -1) break;
    if (escaped) {
      value = value.slice(0, at) + value.slice(at + 1);
      at++;
      continue;
    }
    if (++expansions > MOST_EXPANSIONS) break;
    value = value.slice(0, at) + (env(value.slice(at + 2, end)) ?? '') + value.slice(end + 1);
  }
  return value;
}

export type MergeStrategy = 'append' | 'override' | 'add-only';

/** Merges an included file, top-level key by top-level key, as the strategy says. Returns what it refused. */
export function mergeTree(into: MapNode, from: MapNode, strategy: MergeStrategy): Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  for (const [key, entry] of from.entries) {
    if (key === 'config_files') {
      diagnostics.push({
        severity: 'error',
        code: 'CONFIG_NESTED_INCLUDE',
        message: "'config_files' is not allowed in an included configuration file",
        span: entry.key,
      });
      continue;
    }
    const present = into.entries.get(key);
    switch (strategy) {
      case 'append':
        if (entry.node.kind === 'seq' && present?.node.kind === 'seq') present.node.items.push(...entry.node.items);
        else into.entries.set(key, entry);
        break;
      case 'override':
        into.entries.set(key, entry);
        break;
      case 'add-only':
        if (present === undefined) into.entries.set(key, entry);
        break;
      default:
        strategy satisfies never;
    }
  }
  return diagnostics;
}

/** A step into the tree: a key, an index, or null for "one more at the end". */
type Step = string | number | null;

export class KeyPathError extends Error {}

/** Splits `base.list[1].dotted\.key` into its steps. @throws KeyPathError */
function parseKeyPath(path: string): Step[] {
  const steps: Step[] = [];
  let key = '';
  let wantKey = true;
  const closeKey = (at: number) => {
    if (key !== '') steps.push(key);
    else if (wantKey) throw new KeyPathError(`a key is missing at position ${at + 1}`);
    key = '';
    wantKey = false;
  };
  for (let i = 0; i < path.length; i++) {
    const c = path[i];
    if (c === '\\') {
      const next = path[++i];
      if (next === undefined || !'.[]\\'.includes(next)) {
        throw new KeyPathError(`a backslash at position ${i} escapes only dots, brackets and backslashes`);
      }
      key += next;
    } else if (c === '.') {
      closeKey(i);
      wantKey = true;
    } else if (c === '[') {
      closeKey(i);
      const end = path.indexOf(']', i);
      const index = end === -1 ? path.slice(i + 1) : path.slice(i + 1, end);
      if (end === -1 || !/^\d*$/.test(index)) throw new KeyPathError(`expected a number in brackets, found '${index}'`);
      steps.push(index === '' ? null : Number(index));
      i = end;
    } else {
      if (!wantKey && key === '') throw new KeyPathError(`expected a dot at position ${i + 1}`);
      key += c;
    }
  }
  closeKey(path.length);
  return steps;
}

/** Sets what `path` names, making the maps and the list's next element on the way. @throws KeyPathError */
export function setNode(root: MapNode, path: string, value: ConfigNode, key: Span): void {
  const steps = parseKeyPath(path);
  let at: ConfigNode = root;
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i];
    const last = i === steps.length - 1;
    const inner = (): ConfigNode =>
      last
        ? value
        : typeof steps[i + 1] === 'string'
          ? { kind: 'map', entries: new Map(), span: value.span }
          : { kind: 'seq', items: [], span: value.span };
    if (typeof step === 'string') {
      // `append_output.suggested_output=false`: a list of one is meant by its name.
      if (at.kind === 'seq' && at.items.length === 1) at = at.items[0];
      if (at.kind === 'seq') throw new KeyPathError(`'${step}' is looked for in a list of ${at.items.length}; say in which element, as in 'list[0].${step}'`);
      if (at.kind !== 'map') throw new KeyPathError(`'${step}' is looked for in something that has no keys`);
      const present = at.entries.get(step);
      // A scalar on the way gives way to what the path needs: `rules_files` may be written as one text.
      const next: ConfigNode = last || present === undefined || present.node.kind === 'scalar' ? inner() : present.node;
      at.entries.set(step, { key, node: next });
      at = next;
    } else {
      if (at.kind !== 'seq') throw new KeyPathError('an index is given for something that is no list');
      const index: number = step ?? at.items.length;
      if (index > at.items.length) throw new KeyPathError(`there is no element [${index}], the list has ${at.items.length}`);
      const next: ConfigNode = last || index === at.items.length ? inner() : at.items[index];
      at.items[index] = next;
      at = next;
    }
  }
}

/** The part at a JSON pointer; undefined: it is absent. */
export function nodeAt(root: ConfigNode, pointer: string): ConfigNode | undefined {
  return nearest(root, pointer).whole;
}

/** Where the part at a JSON pointer was written; the nearest enclosing part when it is absent. */
export function spanAt(root: ConfigNode, pointer: string): Span {
  return nearest(root, pointer).node.span;
}

function nearest(root: ConfigNode, pointer: string): { readonly node: ConfigNode; readonly whole: ConfigNode | undefined } {
  let at = root;
  for (const raw of pointer.split('/').slice(1)) {
    const key = raw.replaceAll('~1', '/').replaceAll('~0', '~');
    const next: ConfigNode | undefined =
      at.kind === 'map' ? at.entries.get(key)?.node : at.kind === 'seq' ? at.items[Number(key)] : undefined;
    if (next === undefined) return { node: at, whole: undefined };
    at = next;
  }
  return { node: at, whole: at };
}

/** What a plain scalar means by itself, where no schema says more. */
export function plainValue(node: ScalarNode): unknown {
  if (!node.plain || !/^([-+.\w]*|~)$/.test(node.text)) return node.text;
  return parse(node.text) as unknown;
}
