// SPDX-License-Identifier: Apache-2.0
/** From a configuration tree to values: one walk along the schema that reads, checks and fills in defaults. */
import type { Diagnostic, Span } from '../../lang/diagnostic.js';
import { closest } from '../../lang/suggest.js';
import { REMOVED_KEYS } from './removed.js';
import { type Config, ConfigSchema } from './schema.js';
import type { Shape } from './shape.js';
import { type ConfigNode, type MapNode, plainValue } from './tree.js';

type AnyShape = Shape<unknown>;

export interface Decoded {
  /** What does not fit is left out, so that its default holds. */
  readonly config: Config;
  /** Warnings for that; errors where a default must not stand in for what was meant. */
  readonly diagnostics: readonly Diagnostic[];
}

export function decodeTree(root: MapNode): Decoded {
  const decoder = new Decoder();
  const value = decoder.map(root, ConfigSchema as AnyShape, []);
  return { config: value as Config, diagnostics: decoder.diagnostics };
}

/** The value is not there, or not such that it could be used. */
const ABSENT = Symbol('absent');

class Decoder {
  readonly diagnostics: Diagnostic[] = [];

  map(node: MapNode, shape: AnyShape, path: readonly string[]): unknown {
    const value: Record<string, unknown> = {};
    for (const [key, { key: span, node: inner }] of node.entries) {
      const known = shape.properties !== undefined && Object.hasOwn(shape.properties, key) ? shape.properties[key] : undefined;
      const innerShape = known ?? (shape.additionalProperties || undefined);
      if (innerShape === undefined && shape.additionalProperties === false) {
        this.unknownKey(key, span, Object.keys(shape.properties ?? {}), path);
        continue;
      }
      const result = this.any(inner, innerShape ?? {}, [...path, key]);
      if (result !== ABSENT) value[key] = result;
    }
    for (const key of shape.required ?? []) {
      if (key in value) continue;
      // An entry that is passed over in silence would be a plugin that is not loaded.
      this.add('error', 'CONFIG_MISSING_KEY', `'${key}' is missing in '${path.join('.')}'`, node.span);
      return ABSENT;
    }
    for (const [key, inner] of Object.entries(shape.properties ?? {})) {
      if (!(key in value) && inner.default !== undefined) value[key] = defaultOf(inner);
    }
    return value;
  }

  private any(node: ConfigNode, shape: AnyShape, path: readonly string[]): unknown {
    const fitting = alternative(node, shape);
    // A key without a value is an absent key.
    if (node.kind === 'scalar' && node.plain && /^(|~|null)$/.test(node.text)) return ABSENT;
    if (fitting === null) return this.wrong(path, 'has none of the forms that are allowed here', node);
    switch (node.kind) {
      case 'map':
        if (fitting.type !== undefined && fitting.type !== 'object') return this.wrong(path, `must be ${NAMES[fitting.type]}`, node);
        return this.map(node, fitting, path);
      case 'seq':
        if (fitting.type !== undefined && fitting.type !== 'array') return this.wrong(path, `must be ${NAMES[fitting.type]}`, node);
        return node.items.map((item, i) => this.any(item, fitting.items ?? {}, [...path, String(i)])).filter((item) => item !== ABSENT);
      case 'scalar':
        return this.scalar(node.text, node, fitting, path);
      default:
        return node satisfies never;
    }
  }

  private scalar(text: string, node: ConfigNode & { kind: 'scalar' }, shape: AnyShape, path: readonly string[]): unknown {
    switch (shape.type) {
      case undefined:
        return plainValue(node);
      case 'object':
        return this.wrong(path, `must be ${NAMES.object}`, node, shape.properties !== undefined);
      // One text stands for a list of one.
      case 'array': {
        const only = this.any(node, shape.items ?? {}, path);
        return only === ABSENT ? ABSENT : [only];
      }
      case 'string':
        if (shape.enum === undefined || shape.enum.includes(text)) return text;
        return this.wrong(path, `must be one of ${shape.enum.join(', ')}`, node, !path.at(-1)?.startsWith('strategy'));
      case 'boolean':
        if (/^(y|yes|true|on)$/i.test(text)) return true;
        if (/^(n|no|false|off)$/i.test(text)) return false;
        return this.wrong(path, `must be ${NAMES.boolean}`, node);
      case 'integer':
      case 'number': {
        const number = /^[-+]?(\d+\.?\d*|\.\d+|0x[\da-f]+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
        if (Number.isNaN(number) || (shape.type === 'integer' && !Number.isSafeInteger(number))) return this.wrong(path, `must be ${NAMES[shape.type]}`, node);
        if (shape.minimum !== undefined && number < shape.minimum) return this.wrong(path, `must be at least ${shape.minimum}`, node, true);
        if (shape.maximum !== undefined && number > shape.maximum) return this.wrong(path, `must be at most ${shape.maximum}`, node, true);
        return number;
      }
      default:
        return shape.type satisfies never;
    }
  }

  /** @param fatal a default would stand in for what cannot be meant, and change what is monitored */
  private wrong(path: readonly string[], what: string, node: ConfigNode, fatal = false): typeof ABSENT {
    this.add(fatal ? 'error' : 'warning', 'CONFIG_WRONG_VALUE', `'${path.join('.')}' ${what}${fatal ? '' : '; the default is used'}`, node.span);
    return ABSENT;
  }

  private unknownKey(key: string, span: Span, known: readonly string[], path: readonly string[]): void {
    const where = path.length === 0 ? '' : ` in '${path.join('.')}'`;
    const removed = REMOVED_KEYS.get([...path, key].join('.'));
    const near = closest(key, known);
    const hint = removed ?? (near === null ? undefined : `did you mean '${near}'?`);
    this.add('warning', 'CONFIG_UNKNOWN_KEY', `unknown key '${key}'${where}; it is ignored`, span, hint);
  }

  private add(severity: 'error' | 'warning', code: string, message: string, span: Span, hint?: string): void {
    this.diagnostics.push({ severity, code, message, span, ...(hint !== undefined && { hint }) });
  }
}

const NAMES = {
  boolean: 'a boolean', integer: 'an integer', number: 'a number', string: 'a string', array: 'a list', object: 'a mapping',
} as const;

/** Of a union, the form that a node of this kind can have; null: none. */
function alternative(node: ConfigNode, shape: AnyShape): AnyShape | null {
  if (shape.anyOf === undefined) return shape;
  const fits = (type: AnyShape['type']) => (node.kind === 'map' ? type === 'object' : node.kind === 'seq' ? type === 'array' : type !== 'object' && type !== 'array');
  return shape.anyOf.find((one) => fits(one.type)) ?? null;
}

function defaultOf(shape: AnyShape): unknown {
  if (shape.type !== 'object' || shape.properties === undefined) return shape.default;
  const value: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(shape.properties)) {
    if (inner.default !== undefined) value[key] = defaultOf(inner);
  }
  return value;
}
