// SPDX-License-Identifier: Apache-2.0
/** The `override` key: which keys of an item are appended to the earlier definition, and which replace it. */
import type { Decoder } from './decode.js';
import { type Path, type Problems, step } from './problems.js';
import { get, type RawMap } from './read.js';

/** Key → operations (`append`, `replace`). Null: something was wrong, and has been reported. */
export function readOverrides(
  item: RawMap,
  appendable: readonly string[],
  replaceable: readonly string[],
  itemPath: Path,
  problems: Problems,
): ReadonlyMap<string, ReadonlySet<string>> | null {
  const overrides = new Map<string, Set<string>>();
  const node = get(item, 'override');
  if (node === undefined || node.kind === 'null') return overrides;
  const path = step(itemPath, 'overrides', item.span);
  if (node.kind !== 'map') {
    problems.warn('LOAD_UNKNOWN_KEY', path, `'override' is not a mapping and is ignored: the item is taken as a whole new definition`, 'write the keys below it, as in `condition: append`', node.span);
    return overrides;
  }
  let whole = true;
  for (const { key, value } of node.entries) {
    const keyPath = step(path, 'overrides', key.span, key.text);
    const canAppend = appendable.includes(key.text);
    const canReplace = replaceable.includes(key.text);
    const allowed = [...(canAppend ? ['append'] : []), ...(canReplace ? ['replace'] : [])];
    const operation = value.kind === 'scalar' ? value.text : '';
    if (allowed.includes(operation)) {
      const operations = overrides.get(key.text) ?? new Set<string>();
      overrides.set(key.text, operations.add(operation));
      continue;
    }
    whole = false;
    if (allowed.length === 0) {
      problems.error('LOAD_ERR_YAML_VALIDATE', keyPath, `the key '${key.text}' cannot be overridden`, `keys that can be replaced: ${replaceable.join(', ')}`);
    } else if (operation === 'append') {
      problems.error('LOAD_ERR_YAML_VALIDATE', keyPath, `the key '${key.text}' cannot be appended to`, `write \`${key.text}: replace\``);
    } else {
      problems.error('LOAD_ERR_YAML_VALIDATE', step(path, 'value for', value.span, key.text), `'${operation}' is nothing that can be done with '${key.text}'`, `write ${allowed.join(' or ')}`);
    }
  }
  return whole ? overrides : null;
}

/** The keys with this operation, taken out of `unused`. Null: a key has an operation but no value. */
export function takeOverride(
  overrides: ReadonlyMap<string, ReadonlySet<string>>,
  operation: 'append' | 'replace',
  unused: Set<string>,
  decoder: Decoder,
  problems: Problems,
): readonly string[] | null {
  const keys: string[] = [];
  let whole = true;
  for (const [key, operations] of overrides) {
    if (!operations.has(operation)) continue;
    if (decoder.has(key)) {
      unused.delete(key);
      keys.push(key);
      continue;
    }
    whole = false;
    problems.error('LOAD_ERR_YAML_VALIDATE', decoder.path, `'override' says to ${operation} '${key}', but the item has no '${key}'`, `add \`${key}:\` with its new value, or remove the entry`);
  }
  return whole ? keys : null;
}

export function warnAppend(path: Path, problems: Problems): void {
  problems.warn('LOAD_DEPRECATED_ITEM', path, `the key 'append' is deprecated`, 'add `override:` with `condition: append` (or the key that is appended) instead');
}

/** Reports an item that has both. */
export function appendsAndOverrides(append: boolean, overrides: boolean, path: Path, problems: Problems): boolean {
  if (!append || !overrides) return false;
  problems.error('LOAD_ERR_YAML_VALIDATE', path, `'append: true' and 'override' cannot stand together`, `remove 'append' and write \`condition: append\` below override`);
  return true;
}
