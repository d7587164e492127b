// SPDX-License-Identifier: Apache-2.0
/** Every condition of the ecosystem's own rules files, as real Falco describes them; skipped where those are not at hand. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Expr } from '../../src/lang/ast.js';
import { parse } from '../../src/lang/parse.js';
import { print } from '../../src/lang/print.js';
import { resolve } from '../../src/lang/resolve.js';

const folder = join(import.meta.dirname, '../../../shared/reference/describe');
const there = existsSync(folder);

interface Described {
  readonly details: { readonly condition_compiled: string };
  readonly info: { readonly name: string; readonly condition: string };
}
interface Description {
  readonly rules: readonly Described[];
  readonly macros: readonly Described[];
  readonly lists: readonly { readonly info: { readonly name: string }; readonly details: { readonly items_compiled: readonly string[] } }[];
}

const files = there ? readdirSync(folder).filter((name) => /^falco.*_rules\.json$/.test(name)) : [];

describe.skipIf(!there)("the ecosystem's conditions", () => {
  it('are there', () => expect(files.length).toBeGreaterThan(2));

  it.each(files)('of %s parse, print stably, and resolve to what Falco makes of them', (file) => {
    const description = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Description;
    const lists = new Map(description.lists.map(({ info, details }) => [info.name, details.items_compiled]));
    const parsed = (text: string): Expr => {
      const { ast, errors } = parse(text);
      expect(errors, text).toEqual([]);
      const printed = print(ast!);
      expect(print(parse(printed).ast!)).toBe(printed);
      return ast!;
    };
    const macros = new Map(description.macros.map(({ info }) => [info.name, parsed(info.condition)]));
    let compared = 0;
    for (const { info, details } of [...description.macros, ...description.rules]) {
      const resolved = resolve(parsed(info.condition), { macros, lists });
      expect(resolved.errors, info.name).toEqual([]);
      parsed(print(resolved.ast));
      // Exceptions are added to a rule's condition when rules are built: then ours is only the beginning.
      const ours = print(resolved.ast, { loose: true });
      if (ours === details.condition_compiled) compared++;
      else expect(details.condition_compiled, info.name).toContain('and not');
    }
    expect(compared).toBeGreaterThan(20);
  });
});
