// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { parse } from '../../src/lang/parse.js';
import { print } from '../../src/lang/print.js';
import { resolve } from '../../src/lang/resolve.js';

function resolved(text: string, macros: Readonly<Record<string, string>> = {}, lists: Readonly<Record<string, readonly string[]>> = {}) {
  const { ast, errors, usedLists, usedMacros } = resolve(parse(text).ast!, {
    macros: new Map(Object.entries(macros).map(([name, condition]) => [name, parse(condition).ast!])),
    lists: new Map(Object.entries(lists)),
  });
  return {
    text: print(ast),
    named: print(ast, { keepMacros: true }),
    errors: errors.map((error) => `${error.code} ${error.macros.join('>')} ${error.start}: ${error.message}${error.hint === undefined ? '' : ` (${error.hint})`}`),
    used: [...usedMacros, ...usedLists],
  };
}

describe('macros', () => {
  it('stand for their condition as a whole', () => {
    const result = resolved('one and not two', { one: 'a.b = 1 or a.b = 2', two: 'not one' });
    expect(result.text).toBe('((a.b = 1 or a.b = 2) and not (not (a.b = 1 or a.b = 2)))');
    expect(result.named).toBe('(one and not two)');
    expect(result.used).toEqual(['one', 'two']);
    expect(result.errors).toEqual([]);
  });

  it('that are not there are reported where they are named, with what was probably meant', () => {
    expect(resolved('a.b = 1 and shell_proc', { shell_procs: 'a.b = 2' }).errors).toEqual([
      "COND_UNKNOWN_MACRO  12: there is no macro 'shell_proc' (did you mean 'shell_procs'?)",
    ]);
    expect(resolved('one', { one: 'a.b exists and zebra' }).errors).toEqual(["COND_UNKNOWN_MACRO one 15: there is no macro 'zebra' (define it, or load the file that does, before this one)"]);
    expect(resolved('names', {}, { names: ['a'] }).errors[0]).toContain("'names' is a list: compare a field with it");
  });

  it('that go round in a circle are reported, not followed', () => {
    expect(resolved('one', { one: 'one' }).errors).toEqual(["COND_MACRO_LOOP one 0: macro 'one' refers to itself"]);
    expect(resolved('a.b = 1 and one', { one: 'two', two: 'a.b = 2 or one' }).errors).toEqual([
      "COND_MACRO_LOOP one>two 11: macro 'one' refers to itself: one → two → one",
    ]);
  });

  it('that describe something enormous are refused at once', () => {
    const macros: Record<string, string> = { m0: 'a.b = 1' };
    for (let i = 1; i <= 60; i++) macros[`m${i}`] = `m${i - 1} and m${i - 1}`;
    const deep: Record<string, string> = { d0: 'a.b = 1' };
    for (let i = 1; i <= 3000; i++) deep[`d${i}`] = `not d${i - 1}`;
    expect(resolved('m60', macros).errors.map((error) => error.slice(0, 14))).toEqual(['COND_TOO_LARGE']);
    expect(resolved('d3000', deep).errors.map((error) => error.slice(0, 14))).toEqual(['COND_TOO_LARGE']);
    const unknown: Record<string, string> = { u0: 'nothing' };
    for (let i = 1; i <= 60; i++) unknown[`u${i}`] = `u${i - 1} and u${i - 1}`;
    expect(resolved('u10', unknown).errors).toHaveLength(1);
  });
});

describe('lists', () => {
  const lists = { shells: ['sh', 'bash'], empty: [], early: ['late', 'x'], late: ['y', 'shells'], one: ['only'] };

  it('are laid out among the values of a list', () => {
    expect(resolved('a.b in (shells, zsh, empty)', {}, lists).text).toBe('a.b in (sh, bash, zsh)');
    expect(resolved('a.b startswith anyof (shells)', {}, lists).text).toBe('a.b startswith anyof (sh, bash)');
    expect(resolved('m', { m: 'a.b pmatch (shells)' }, lists).text).toBe('a.b pmatch (sh, bash)');
  });

  it('hold lists that are defined later, and take names of earlier ones for values', () => {
    expect(resolved('a.b in (early)', {}, lists).text).toBe('a.b in (y, shells, x)');
  });

  it('hold texts in quotes where they need to', () => {
    expect(resolved('a.b in (quoted)', {}, { quoted: ['"one two"', "'shells'", '"'], shells: ['sh'] }).text).toBe('a.b in ("one two", "shells", "\\"")');
  });

  it('are not meant by a text in quotes', () => {
    expect(resolved('a.b in ("shells")', {}, lists).text).toBe('a.b in ("shells")');
  });

  it('stand for one value only if they hold one', () => {
    expect(resolved('a.b = one', {}, lists).text).toBe('a.b = only');
    expect(resolved('a.b in one', {}, lists).text).toBe('a.b in only');
    expect(resolved('a.b = shells', {}, lists).errors).toEqual([
      "COND_LIST_AS_VALUE  6: 'shells' is a list of 2 items, and one value is needed here (use 'in (shells)')",
    ]);
    expect(resolved('a.b in shells', {}, lists).errors).toEqual([
      "COND_LIST_AS_VALUE  7: 'shells' is a list of 2 items, and one value is needed here (write (shells))",
    ]);
  });

  it('that hold lists that hold lists end somewhere', () => {
    const many: Record<string, string[]> = {};
    for (let i = 0; i < 40; i++) many[`l${i}`] = [`l${i + 1}`, `l${i + 1}`];
    expect(resolved('a.b in (l0)', {}, many).errors.map((error) => error.slice(0, 14))).toEqual(['COND_TOO_LARGE']);
  });
});
