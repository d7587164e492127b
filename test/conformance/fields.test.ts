// SPDX-License-Identifier: Apache-2.0
/** Every field of every recorded event, beside what real Falco's JSON output said of it. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { RECORDINGS } from './corpus.js';
import { describeDifferences, exemptions, fieldDifferences } from './field-compare.js';

describe.skipIf(RECORDINGS.length === 0)('fields of replayed captures print what real Falco printed', () => {
  for (const recording of RECORDINGS) {
    it(recording.name, { timeout: 300_000 }, async () => {
      const { compared, differences } = await fieldDifferences(recording);
      expect(compared).toBeGreaterThan(10_000);
      expect(describeDifferences(differences)).toBe('');
    });
  }

  it('but for differences that src/README.md lists, each of which is there', () => {
    const readme = readFileSync(new URL('../../src/README.md', import.meta.url), 'utf8');
    const section = readme.slice(readme.indexOf('## Differences from Falco'), readme.indexOf('## Measuring'));
    const listed = [...section.matchAll(/`([\w.]+)(\*|\[N\])?`/g)];
    const isListed = (field: string) => listed.some(([, name, rest]) => (rest === '*' ? field.startsWith(name) : field.replace(/\[\d+\]$/, '') === name));
    const { fields, unneeded } = exemptions();
    expect(fields.filter((field) => !isListed(field))).toEqual([]);
    expect(unneeded).toEqual([]);
  });
});
