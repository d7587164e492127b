// SPDX-License-Identifier: Apache-2.0
/** From a configuration tree to values: scalars as the schema wants them, then the schema's own checks and defaults. */
import type { TSchema } from '@sinclair/typebox';
import { Ajv, type ErrorObject } from 'ajv';
import type { Diagnostic } from '../../lang/diagnostic.js';
import { type Config, ConfigSchema } from './schema.js';
import { type ConfigNode, type MapNode, plainValue, spanAt } from './tree.js';

interface Schema {
  readonly type?: string;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

const ajv = new Ajv({ allErrors: true, verbose: true, useDefaults: true, strict: false });
const validate = ajv.compile(ConfigSchema satisfies TSchema);

/** Problems of one file or of the merged tree. Warnings do not stop the program: a mistyped key has its default. */
export function checkTree(root: MapNode): Diagnostic[] {
  validate(toValue(root, ConfigSchema as Schema));
  return collapse(validate.errors ?? []).map((error) => toDiagnostic(error, root));
}

/** The configuration that the tree describes. What does not fit the schema is left out, so that its default holds. */
export function decodeTree(root: MapNode): Config {
  const value = toValue(root, ConfigSchema as Schema) ?? {};
  // Taking out a wrong part can leave its parent wrong (a required key), which the next round takes out.
  for (let round = 0; round < 8; round++) {
    if (validate(value)) return value as Config;
    const shortened = new Set<unknown[]>();
    for (const error of collapse(validate.errors ?? [])) {
      const extra = error.keyword === 'additionalProperties';
      removeAt(value, extra ? `${error.instancePath}/${escapePointer(String(error.params.additionalProperty))}` : error.instancePath, shortened);
    }
    for (const list of shortened) list.splice(0, list.length, ...list.filter((item) => item !== undefined));
  }
  const fallback = {};
  validate(fallback);
  return fallback as Config;
}

function toValue(node: ConfigNode, schema: Schema | undefined): unknown {
  const fitting = pickAlternative(node, schema);
  switch (node.kind) {
    case 'map': {
      const value: Record<string, unknown> = {};
      const rest = fitting?.patternProperties && Object.values(fitting.patternProperties)[0];
      for (const [key, entry] of node.entries) {
        const inner = toValue(entry.node, fitting?.properties?.[key] ?? rest);
        if (inner !== undefined) value[key] = inner;
      }
      return value;
    }
    case 'seq':
      return node.items.map((item) => toValue(item, fitting?.items) ?? null);
    case 'scalar': {
      // A key without a value is an absent key.
      if (node.plain && (node.text === '' || node.text === '~' || node.text === 'null')) return undefined;
      if (fitting?.type === 'array') return [toValue(node, fitting.items)];
      return scalarValue(node.text, fitting?.type) ?? (fitting?.type === undefined ? plainValue(node) : node.text);
    }
    default:
      return node satisfies never;
  }
}

function pickAlternative(node: ConfigNode, schema: Schema | undefined): Schema | undefined {
  if (schema?.anyOf === undefined) return schema;
  const wanted = node.kind === 'map' ? ['object'] : node.kind === 'seq' ? ['array'] : ['string', 'boolean', 'integer', 'number'];
  return schema.anyOf.find((one) => one.type !== undefined && wanted.includes(one.type)) ?? schema.anyOf[0];
}

/** The words and numbers that the peer's YAML reader takes; null when the text is none. */
function scalarValue(text: string, type: string | undefined): unknown {
  switch (type) {
    case 'boolean':
      if (/^(y|yes|true|on)$/i.test(text)) return true;
      return /^(n|no|false|off)$/i.test(text) ? false : null;
    case 'integer':
    case 'number':
      return /^[-+]?(\d+\.?\d*|\.\d+|0x[\da-f]+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : null;
    case 'string':
      return text;
    default:
      return null;
  }
}

/** Of a union's errors one is enough, and of an element's and its parent's the deeper one. */
function collapse(errors: readonly ErrorObject[]): ErrorObject[] {
  const unions = errors.filter((e) => e.keyword === 'anyOf').map((e) => e.schemaPath);
  return errors.filter((e) => !unions.some((path) => e.schemaPath !== path && e.schemaPath.startsWith(path)));
}

function toDiagnostic(error: ErrorObject, root: MapNode): Diagnostic {
  const where = error.instancePath === '' ? '' : ` in '${error.instancePath.slice(1).replaceAll('/', '.')}'`;
  if (error.keyword === 'additionalProperties') {
    const key = String(error.params.additionalProperty);
    const parent = nodeAt(root, error.instancePath);
    const span = parent?.kind === 'map' ? parent.entries.get(key)?.key : undefined;
    const known = Object.keys((error.parentSchema as Schema | undefined)?.properties ?? {});
    const near = closest(key, known);
    return {
      severity: 'warning',
      code: 'CONFIG_UNKNOWN_KEY',
      message: `unknown key '${key}'${where}; it is ignored`,
      ...(near !== null && { hint: `did you mean '${near}'?` }),
      span: span ?? spanAt(root, error.instancePath),
    };
  }
  if (error.keyword === 'required') {
    return {
      severity: 'warning',
      code: 'CONFIG_MISSING_KEY',
      message: `'${String(error.params.missingProperty)}' is missing${where}; the entry is ignored`,
      span: spanAt(root, error.instancePath),
    };
  }
  const name = error.instancePath.slice(1).replaceAll('/', '.');
  // A word that is none of the known ones would change what is monitored if a default stood in for it.
  const isFatal = error.keyword === 'enum' && !name.endsWith('.strategy');
  return {
    severity: isFatal ? 'error' : 'warning',
    code: 'CONFIG_WRONG_VALUE',
    message: `'${name}' ${describe(error)}${isFatal ? '' : '; the default is used'}`,
    span: spanAt(root, error.instancePath),
  };
}

function describe(error: ErrorObject): string {
  switch (error.keyword) {
    case 'type':
      return `must be ${article(String(error.params.type))}`;
    case 'enum':
      return `must be one of ${(error.params.allowedValues as string[]).join(', ')}`;
    case 'minimum':
      return `must be at least ${String(error.params.limit)}`;
    case 'maximum':
      return `must be at most ${String(error.params.limit)}`;
    case 'anyOf':
      return 'is neither of the forms that may stand here';
    default:
      return error.message ?? 'does not fit';
  }
}

const article = (type: string) =>
  type === 'array' ? 'a list' : type === 'object' ? 'a map' : type === 'integer' ? 'a whole number' : `a ${type}`;

const escapePointer = (key: string) => key.replaceAll('~', '~0').replaceAll('/', '~1');
const steps = (pointer: string) =>
  pointer.split('/').slice(1).map((raw) => raw.replaceAll('~1', '/').replaceAll('~0', '~'));

function nodeAt(root: ConfigNode, pointer: string): ConfigNode | undefined {
  let at: ConfigNode | undefined = root;
  for (const key of steps(pointer)) {
    at = at?.kind === 'map' ? at.entries.get(key)?.node : at?.kind === 'seq' ? at.items[Number(key)] : undefined;
  }
  return at;
}

/** Elements of lists are only blanked, and their lists noted, so that the indexes of other errors stay right. */
function removeAt(value: unknown, pointer: string, shortened: Set<unknown[]>): void {
  const path = steps(pointer);
  const last = path.pop();
  if (last === undefined) return;
  let at = value;
  for (const key of path) at = (at as Record<string, unknown> | undefined)?.[key];
  if (Array.isArray(at)) {
    at[Number(last)] = undefined;
    shortened.add(at);
  } else if (at !== null && typeof at === 'object') delete (at as Record<string, unknown>)[last];
}

/** The known name that is at most two edits away. */
function closest(name: string, known: readonly string[]): string | null {
  let best: string | null = null;
  let bestDistance = 3;
  for (const one of known) {
    const distance = editDistance(name, one, bestDistance);
    if (distance < bestDistance) {
      best = one;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      row[j] = Math.min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    previous = row;
  }
  return previous[b.length];
}
