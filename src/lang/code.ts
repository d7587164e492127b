// SPDX-License-Identifier: Apache-2.0
/**
 * Generated JavaScript, safe by construction: the only way to text is the tagged template `js`, whose literal parts are
 * ours; what is put into it is other `Code`, or becomes a literal. A string can only turn up as a quoted literal, and any
 * other value only as a reference to a constant slot.
 */
const brand = Symbol('code');

export class Code {
  /** Only this file can make one: it alone has the brand. */
  constructor(key: typeof brand, readonly text: string) {
    if (key !== brand) throw new TypeError('code is made by js`…`');
  }
  toString(): string {
    return this.text;
  }
}

export type Insert = Code | string | number | bigint | boolean | null;

export function js(parts: TemplateStringsArray, ...inserts: readonly Insert[]): Code {
  let text = parts[0] as string;
  for (let i = 0; i < inserts.length; i++) text += asText(inserts[i] as Insert) + parts[i + 1];
  return new Code(brand, text);
}

export function joinCode(items: readonly Code[], separator: Code): Code {
  return new Code(brand, items.map((item) => item.text).join(separator.text));
}

function asText(insert: Insert): string {
  if (insert instanceof Code) return insert.text;
  switch (typeof insert) {
    case 'string':
      // JSON leaves the line separators bare; they are legal in string literals, but not in every tool that shows code.
      return JSON.stringify(insert).replace(/[\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16)}`);
    case 'bigint':
      return insert < 0n ? `(${insert}n)` : `${insert}n`;
    case 'number':
      if (!Number.isFinite(insert)) throw new RangeError('only finite numbers become literals');
      return insert < 0 || Object.is(insert, -0) ? `(${Object.is(insert, -0) ? '-0' : insert})` : String(insert);
    case 'boolean':
      return String(insert);
    default:
      if (insert !== null) throw new TypeError('only code and plain values go into code');
      return 'null';
  }
}

/** A generated name: letter and number. */
export function identifier(letter: 'v' | 'k' | 's' | 'm' | 't', index: number): Code {
  if (!Number.isInteger(index) || index < 0) throw new RangeError('names are numbered');
  return new Code(brand, `${letter}${index}`);
}

/** The values that generated code refers to by name. Equal values share a slot. */
export class Slots {
  readonly values: unknown[] = [];
  private readonly indexes = new Map<unknown, number>();
  private readonly byKey = new Map<string | object, Code>();

  of(value: unknown): Code {
    let index = this.indexes.get(value);
    if (index === undefined) {
      index = this.values.length;
      this.values.push(value);
      this.indexes.set(value, index);
    }
    return identifier('s', index);
  }

  /** The slot of what `make` made the first time it was asked for this key (a text, or an object by identity). */
  keyed(key: string | object, make: () => unknown): Code {
    const known = this.byKey.get(key);
    if (known !== undefined) return known;
    const slot = this.of(make());
    this.byKey.set(key, slot);
    return slot;
  }

  /** Runs `body` (which has to return something) with the slots in scope. */
  build<T>(body: Code): T {
    const names = this.values.map((_, i) => identifier('s', i).text);
    return new Function(...names, `'use strict';${body.text}`)(...this.values) as T;
  }
}
