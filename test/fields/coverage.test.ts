// SPDX-License-Identifier: Apache-2.0
/** Each field of the syscall source has a test by name that expects a value of it, not only its absence. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const path = fileURLToPath(new URL('../../../shared/reference/fields.json', import.meta.url));

interface ReferenceClass {
  readonly name: string;
  readonly event_sources: readonly string[];
  readonly fields: readonly { readonly name: string }[];
}

/** The value is absent or empty. */
const ABSENCE = /^(?:[\w.]+(?:\([^()]*\))?, )?null\b|^(?:on\(\d+\)\)\)\.)?to(?:BeNull|Be\(null|Equal\(\[\]\))/;
/** The name stands in a list of fields, for an output: the next one follows, or the list ends. */
const LISTED = /^(?:'(?:evt|proc|thread|fd|fs|fdlist|user|group)\.[\w.]+(?:\[[^']*\])?'(?:,|\])|\])/;

/** `name` or `name[argument]` or `name.argument`, then (behind the event that it is read of) what is expected. */
function expectations(name: string, text: string): string[] {
  const use = new RegExp(`'${name.replaceAll('.', '\\.')}(?:\\[[^']*\\]|\\.[\\w.]+)?'\\]?(?:,|:|\\)?\\)?\\.)\\s*([^\\n]{1,200})`, 'g');
  return [...text.matchAll(use)].map((match) => match[1]).filter((rest) => !ABSENCE.test(rest) && !LISTED.test(rest));
}

describe.skipIf(!existsSync(path))('every field of the syscall source', () => {
  const fields = existsSync(path)
    ? (JSON.parse(readFileSync(path, 'utf8')).fieldclasses as ReferenceClass[])
        .filter((one) => one.event_sources.includes('syscall') && !one.name.includes('plugin'))
        .flatMap((one) => one.fields.map((field) => field.name))
    : [];
  const tests = ['', '../e2e/'].flatMap((folder) => readdirSync(HERE + folder).filter((file) => file.endsWith('.test.ts') && !file.startsWith('coverage')).map((file) => HERE + folder + file));
  const text = tests.map((file) => readFileSync(file, 'utf8')).join('\n');

  /** Of events of plugins, which no system call is. */
  const absent = new Set(['evt.pluginname', 'evt.plugininfo']);

  it('there are 207', () => expect(fields).toHaveLength(207));

  it('is expected by name, with a value', () => {
    expect(fields.filter((name) => !absent.has(name) && expectations(name, text).length === 0)).toEqual([]);
    for (const name of absent) expect(text).toContain(`'${name}'`);
  });

  it('and one that is not would be noticed', () => {
    expect(expectations('proc.nosuch', text)).toEqual([]);
    expect(expectations('proc.a', "['proc.a', null, 'nothing'],\n['proc.a', on(3), null]")).toEqual([]);
    expect(expectations('proc.a', "['proc.a', on(3), 7, 'it']")).toHaveLength(1);
    expect(expectations('proc.a', "['proc.ab', 7, 'it']")).toEqual([]);
    expect(expectations('proc.a', "expect(s.compares('proc.a', on(10))).toEqual([]);")).toEqual([]);
    expect(expectations('proc.a', "const FIELDS = ['proc.a', 'proc.b[x]', 'proc.a',\n  'fd.name',\n  'proc.a',\n];")).toEqual([]);
    expect(expectations('proc.a', "toMatchObject({ 'proc.a': 'file', 'proc.b': 1 })")).toHaveLength(1);
  });
});
