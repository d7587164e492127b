// SPDX-License-Identifier: Apache-2.0
/** Every field of every recorded event, beside what real Falco's JSON output said of it. */
import { describe, expect, it } from 'vitest';
import { RECORDINGS } from './corpus.js';
import { describeDifferences, fieldDifferences } from './field-compare.js';

describe.skipIf(RECORDINGS.length === 0)('fields of replayed captures print what real Falco printed', () => {
  for (const recording of RECORDINGS) {
    it(recording.name, { timeout: 300_000 }, async () => {
      const { compared, differences } = await fieldDifferences(recording);
      expect(compared).toBeGreaterThan(10_000);
      expect(describeDifferences(differences)).toBe('');
    });
  }
});
