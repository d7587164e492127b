// SPDX-License-Identifier: Apache-2.0
/** Reads typed values of keys. Each function reports what is wrong and returns undefined then. */
import type { MappedText } from './mapped-text.js';
import { type Path, type Problems, step } from './problems.js';
import { get, type RawMap, type RawScalar } from './read.js';

const TRUE = /^(y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON)$/;
const FALSE = /^(n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$/;

/** What may be missing: `required` nothing, `optional` the key, `empty` the key or its value. */
export type Need = 'required' | 'optional' | 'empty';

/** `null`: the key is absent (or empty) and may be. */
type Decoded<T> = T | null | undefined;

export class Decoder {
  readonly #problems: Problems;
  readonly map: RawMap;
  readonly path: Path;
  /** Whether anything was reported. */
  failed = false;

  constructor(problems: Problems, map: RawMap, path: Path) {
    this.#problems = problems;
    this.map = map;
    this.path = path;
  }

  has(key: string): boolean {
    return get(this.map, key) !== undefined;
  }

  scalar(key: string, need: Need): Decoded<RawScalar> {
    const value = get(this.map, key);
    if (value === undefined) {
      if (need !== 'required') return null;
      this.#problems.error('LOAD_ERR_YAML_VALIDATE', this.path, `the key '${key}' is missing`, `add \`${key}:\` with its value`);
      this.failed = true;
      return undefined;
    }
    if (value.kind === 'null' || (value.kind === 'scalar' && value.text === '')) {
      if (need === 'empty') return null;
      return this.#refuse(key, `the key '${key}' has no value`, `write a value behind \`${key}:\`, or remove the key`);
    }
    if (value.kind !== 'scalar') {
      return this.#refuse(key, `the value of '${key}' is a ${value.kind}, not a single value`, 'write one text, number or true/false');
    }
    return value;
  }

  text(key: string, need: Need): Decoded<string> {
    const value = this.scalar(key, need);
    return value === undefined || value === null ? value : value.text;
  }

  mapped(key: string, need: Need): Decoded<MappedText> {
    const value = this.scalar(key, need);
    return value === undefined || value === null ? value : value.mapped();
  }

  boolean(key: string, need: Need): Decoded<boolean> {
    const value = this.scalar(key, need);
    if (value === undefined || value === null) return value;
    if (TRUE.test(value.text)) return true;
    if (FALSE.test(value.text)) return false;
    return this.#refuse(key, `the value of '${key}' is '${value.text}', which is neither true nor false`, 'write true or false');
  }

  /** An integer of 32 bits, not negative. */
  unsigned(key: string, need: Need): Decoded<number> {
    const value = this.scalar(key, need);
    if (value === undefined || value === null) return value;
    const number = /^(0x[0-9a-fA-F]+|[0-9]+)$/.test(value.text) ? Number(value.text) : Number.NaN;
    if (number <= 0xffffffff) return number;
    return this.#refuse(key, `the value of '${key}' is '${value.text}', which is no number`, 'write a whole number from 0 to 4294967295');
  }

  /** A sequence of single values. */
  scalars(key: string, need: 'required' | 'optional'): Decoded<readonly RawScalar[]> {
    const value = get(this.map, key);
    if (value === undefined) {
      if (need === 'optional') return null;
      this.#problems.error('LOAD_ERR_YAML_VALIDATE', this.path, `the key '${key}' is missing`, `add \`${key}: [...]\``);
      this.failed = true;
      return undefined;
    }
    if (value.kind !== 'sequence') {
      return this.#refuse(key, `the value of '${key}' is not a sequence`, `write \`${key}: [a, b]\``);
    }
    const path = this.valuePath(key);
    const items: RawScalar[] = [];
    let whole = true;
    for (const item of value.items) {
      if (item.kind === 'scalar') {
        items.push(item);
        continue;
      }
      whole = false;
      this.failed = true;
      const what = item.kind === 'null' ? 'empty' : `a ${item.kind}`;
      this.#problems.error('LOAD_ERR_YAML_VALIDATE', step(path, 'list item', item.span), `an item of '${key}' is ${what}, not a single value`, 'remove it, or write its values as items of their own');
    }
    return whole ? items : undefined;
  }

  valuePath(key: string): Path {
    const value = get(this.map, key);
    return value === undefined ? this.path : step(this.path, 'value for', value.span, key);
  }

  /** The way to a key's value under the ecosystem's name for it. */
  pathOf(key: string, type: string): Path {
    const value = get(this.map, key);
    return value === undefined ? this.path : step(this.path, type, value.span);
  }

  #refuse(key: string, message: string, hint: string): undefined {
    this.failed = true;
    this.#problems.error('LOAD_ERR_YAML_VALIDATE', this.valuePath(key), message, hint);
    return undefined;
  }
}
