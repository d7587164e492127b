// SPDX-License-Identifier: Apache-2.0
/** The catalogue beside Falco's list of fields. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { emptyContext, syscallCatalogue } from '../../src/fields/catalogues.js';

const path = '../shared/reference/fields.json';

interface ReferenceField {
  readonly name: string;
  readonly type: string;
  readonly is_list: boolean;
  readonly argument: { readonly required: boolean; readonly type: readonly string[] } | null;
}
interface ReferenceClass {
  readonly name: string;
  readonly event_sources: readonly string[];
  readonly fields: readonly ReferenceField[];
}

/** The json plugin's fields have a test of their own below. */
const OTHERS = new Set(['json (plugin)', 'k8saudit (plugin)']);

describe.skipIf(!existsSync(path))('the fields of the syscall source are the reference\'s', () => {
  const reference: readonly ReferenceClass[] = existsSync(path)
    ? JSON.parse(readFileSync(path, 'utf8')).fieldclasses.filter(
        (c: ReferenceClass) => c.event_sources.includes('syscall') && !OTHERS.has(c.name),
      )
    : [];
  const catalogue = syscallCatalogue();

  it('there are 207 of the engine and 61 of containers, in the same classes and order', () => {
    const shown = catalogue.classes.map((c) => ({ name: c.name, fields: c.fields.filter((f) => !f.unlisted).map((f) => f.name) }));
    expect(shown).toEqual(reference.map((c) => ({ name: c.name, fields: c.fields.map((f) => f.name) })));
    const counts = shown.map((c) => c.fields.length);
    expect(counts.slice(0, -1).reduce((a, b) => a + b, 0)).toBe(207);
    expect(counts.at(-1)).toBe(61);
  });

  for (const wanted of reference.flatMap((c) => c.fields)) {
    it(`${wanted.name} is a ${wanted.type}${wanted.is_list ? ' list' : ''}`, () => {
      const field = catalogue.find(wanted.name)?.field;
      expect(field?.type).toBe(wanted.type);
      expect(field?.list ?? false).toBe(wanted.is_list);
      expect(field?.argument?.required ?? null).toBe(wanted.argument?.required ?? null);
      if (wanted.argument !== null && wanted.argument.type.length > 0) {
        const types = [...(field?.argument?.index ? ['INDEX'] : []), ...(field?.argument?.key ? ['KEY'] : [])];
        expect(types).toEqual(wanted.argument.type);
      }
      expect(field?.desc.length).toBeGreaterThan(3);
    });
  }
});

describe('the json fields for system calls', () => {
  it('are there when the json plugin is loaded, as for audit events, and never have a value', () => {
    const catalogue = syscallCatalogue(emptyContext(), { json: true });
    for (const name of ['json.value', 'json.obj', 'json.rawtime', 'jevt.value', 'jevt.obj', 'jevt.rawtime', 'jevt.time']) {
      const read = catalogue.find(name)?.field.bind({ text: '/a', index: null });
      expect(typeof read === 'function' && read({} as never)).toBe(null);
    }
    expect(catalogue.find('ka.verb')).toBe(null);
    expect(syscallCatalogue().find('json.value')).toBe(null);
  });
});
