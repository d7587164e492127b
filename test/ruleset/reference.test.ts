// SPDX-License-Identifier: Apache-2.0
/** The field's own rules files, and what the field's engine says about them. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sortedJson } from '../../src/alert/json.js';
import { describeAsText, describeRuleset } from '../../src/ruleset/describe.js';
import { resultAsJson } from '../../src/ruleset/result.js';
import { RULE_SCHEMA } from '../../src/ruleset/schema.js';
import { loadRuleset } from '../../src/ruleset/load.js';
import { catalogues, rendered } from './helpers.js';

const reference = resolve(import.meta.dirname, '../../../shared/reference');
const present = existsSync(reference);
const FILES = ['falco_rules', 'falco-incubating_rules', 'falco-sandbox_rules', 'k8s_audit_rules'];
/** Falco was run with its container plugin and the configuration's default of appending its fields. */
const appendOutput = [{ suggested_output: true }];

function loadFile(name: string, append = appendOutput) {
  const file = { name: `${name}.yaml`, text: readFileSync(join(reference, 'rules', `${name}.yaml`), 'utf8') };
  return loadRuleset([file], { catalogues, appendOutput: append });
}

type Json = { [key: string]: Json } & Json[] & string;

/** Falco prints sets in no order. */
const UNORDERED = new Set(['condition_fields', 'condition_operators', 'events', 'macros', 'lists', 'exception_fields', 'exception_names', 'exception_operators', 'plugins']);

function ordered(details: Json): unknown {
  return Object.fromEntries(Object.entries(details).map(([key, value]) => [key, UNORDERED.has(key) ? [...value].sort() : value]));
}

describe.skipIf(!present)('the four rules files of the field', () => {
  it.each(FILES)('%s loads without an error or a warning', (name) => {
    const result = loadFile(name);
    expect(rendered(result)).toBe('');
    expect(result.value?.rules.length).toBeGreaterThan(10);
    expect(result.files[0].schemaWarnings).toEqual([]);
  });

  it('load together, in the order in which they are configured', () => {
    const files = FILES.map((name) => ({ name: `${name}.yaml`, text: readFileSync(join(reference, 'rules', `${name}.yaml`), 'utf8') }));
    const result = loadRuleset(files, { catalogues });
    expect(result.diagnostics.filter((d) => d.severity === 'error')).toEqual([]);
    expect(result.value?.rules[0].name).toBe('Directory traversal monitored file read');
  });

  it.each(FILES.slice(0, 3))('%s: validation answers in the JSON of Falco', (name) => {
    const expected = JSON.parse(readFileSync(join(reference, 'describe', `${name}.validate.json`), 'utf8'));
    expect(JSON.parse(sortedJson({ falco_load_results: [resultAsJson(loadFile(name).files[0])] }))).toEqual(expected);
  });

  for (const name of FILES.slice(0, 3)) {
    describe(`${name}, described`, () => {
      const expected = present ? (JSON.parse(readFileSync(join(reference, 'describe', `${name}.json`), 'utf8')) as Json) : ({} as Json);
      const { value } = present ? loadFile(name) : { value: null };
      const ours = JSON.parse(sortedJson(value === null ? {} : describeRuleset(value, catalogues))) as Json;

      it('requires the same versions', () => {
        expect(ours.required_engine_version).toBe(expected.required_engine_version);
        expect(ours.required_plugin_versions).toEqual(expected.required_plugin_versions);
      });

      it.each(['rules', 'macros', 'lists'] as const)('has the same %s in the same order', (kind) => {
        expect(ours[kind].map((item) => item.info.name)).toEqual(expected[kind].map((item) => item.info.name));
        ours[kind].forEach((item, i) => {
          const about = expected[kind][i];
          expect(item.info).toEqual(about.info);
          expect([item.info.name, ordered(item.details)]).toEqual([item.info.name, ordered(about.details)]);
        });
      });

      it('describes one rule alone in the same way', () => {
        if (value === null) throw new Error('not loaded');
        const rule = ours.rules[3].info.name;
        expect(JSON.parse(sortedJson(describeRuleset(value, catalogues, rule)))).toEqual({ rules: [ours.rules[3]] });
        expect(describeRuleset(value, catalogues, 'no such rule')).toBeNull();
        expect(describeAsText(value, rule)?.split('\n').slice(0, 2)).toEqual([`${'Rule'.padEnd(50)} Description`, `${'----'.padEnd(50)} -----------`]);
      });
    });
  }

  it('have the schema that Falco prints, but for two keys of ours', () => {
    const without = JSON.parse(JSON.stringify(RULE_SCHEMA, (key, value: unknown) => (key === 'throttle' || key === 'deduplicate' ? undefined : value))) as unknown;
    expect(without).toEqual(JSON.parse(readFileSync(join(reference, 'rule-schema.json'), 'utf8')));
  });
});
