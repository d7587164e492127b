// SPDX-License-Identifier: Apache-2.0
/** The printed lists against what real Falco prints. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ignoredSyscalls, listEvents } from '../../src/cli/list-events.js';
import { listFields } from '../../src/cli/list-fields.js';
import { auditCatalogue } from '../../src/fields/audit-catalogue.js';
import { emptyContext, syscallCatalogue } from '../../src/fields/catalogues.js';

const reference = join(import.meta.dirname, '../../../shared/reference');
const read = (name: string) => readFileSync(join(reference, name), 'utf8');
const catalogues = [syscallCatalogue(emptyContext(), { json: true }), auditCatalogue(emptyContext())];

/**
 * Everything but the descriptions, which are ours, in any order. One difference is meant: fields that Falco has for
 * conditions only can be printed here.
 */
function shapeOf(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => /^\S/.test(line) && !line.startsWith('---') && !line.startsWith('Description:'))
    .map((line) => {
      const [, name, tags] = /^([\w.]+) *(\([A-Z_,]+\) )?/.exec(line) ?? [];
      const rest = /\(([A-Z_,]+)\)/.exec(tags ?? '')?.[1].split(',').filter((tag) => tag !== 'FILTER_ONLY') ?? [];
      return line.startsWith('Field Class:') || line.startsWith('Event Sources:') ? line.replace(/\s+/g, ' ').trim() : `${name} ${rest.join(',')}`;
    })
    .sort();
}

describe.skipIf(!existsSync(reference))('compared with real Falco', () => {
  it('--list-events prints the same events as text', () => {
    const sorted = (text: string) => text.trimEnd().split('\n').sort();
    expect(sorted(listEvents('text'))).toEqual(sorted(read('events.txt')));
  });

  it('--list-events prints the same events as JSON', () => {
    const normal = (text: string) => {
      const all = JSON.parse(text) as Record<string, unknown>;
      for (const [key, list] of Object.entries(all)) {
        if (Array.isArray(list)) all[key] = list.map((item) => JSON.stringify(item)).sort();
      }
      return all;
    };
    expect(normal(listEvents('json'))).toEqual(normal(read('events.json')));
  });

  it('-i prints the same system calls', () => {
    const names = read('ignored-events.txt').split('\n').filter((line) => line.startsWith('- ')).map((line) => line.slice(2));
    expect(ignoredSyscalls().sort()).toEqual(names.sort());
  });

  it('--list prints the same classes, fields and tags', () => {
    expect(shapeOf(listFields(catalogues, { format: 'text', namesOnly: false, verbose: false }))).toEqual(shapeOf(read('fields.txt')));
  });

  it('--list prints the same types and arguments as JSON', () => {
    type Listing = { fieldclasses: { name: string; fields: { name: string; type: string; is_list: boolean; argument: unknown }[] }[] };
    const shape = (text: string) =>
      (JSON.parse(text) as Listing).fieldclasses.flatMap((c) => c.fields.map((f) => [c.name, f.name, f.type, f.is_list, JSON.stringify(f.argument)].join(' '))).sort();
    expect(shape(listFields(catalogues, { format: 'json', namesOnly: false, verbose: false }))).toEqual(shape(read('fields.json')));
  });
});

describe('--list', () => {
  it('-N prints names only, one a line', () => {
    const names = listFields(catalogues, { format: 'text', namesOnly: true, verbose: false }).trimEnd().split('\n');
    expect(names).toContain('proc.name');
    expect(names).toContain('ka.verb');
    expect(new Set(names).size).toBe(names.length);
  });

  it('wraps descriptions beside the names', () => {
    const text = listFields(catalogues, { format: 'text', namesOnly: false, verbose: false });
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(150);
    expect(text).toMatch(/^Field Class: {18}evt \(All event types\)$/m);
  });
});
