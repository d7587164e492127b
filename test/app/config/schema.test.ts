// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../../src/app/config/load.js';
import { ConfigSchema } from '../../../src/app/config/schema.js';

const reference = join(import.meta.dirname, '../../../../shared/reference');
const bundled = join(import.meta.dirname, '../../../src/app/config/falco.yaml');

/** Every path of keys that a JSON schema allows. */
function paths(schema: Record<string, unknown>, definitions: Record<string, Record<string, unknown>> = {}, at = ''): string[] {
  const ref = schema.$ref as string | undefined;
  if (ref !== undefined) return paths(definitions[ref.replace('#/definitions/', '')], definitions, at);
  const properties = schema.properties as Record<string, Record<string, unknown>> | undefined;
  const alternatives = ((schema.anyOf ?? schema.oneOf ?? []) as Record<string, unknown>[]).flatMap((one) => paths(one, definitions, at));
  const items = schema.items as Record<string, unknown> | undefined;
  return [
    ...alternatives,
    ...(items === undefined ? [] : paths(items, definitions, `${at}[]`)),
    ...Object.entries(properties ?? {}).flatMap(([key, inner]) => [`${at}.${key}`, ...paths(inner, definitions, `${at}.${key}`)]),
  ];
}

describe('the configuration schema', () => {
  it('is a JSON schema that accepts the bundled configuration', () => {
    const validate = new Ajv({ coerceTypes: true, strict: false }).compile(JSON.parse(JSON.stringify(ConfigSchema)) as object);
    expect(validate(parse(readFileSync(bundled, 'utf8'))), JSON.stringify(validate.errors)).toBe(true);
    expect(validate({ json_outptu: true })).toBe(false);
  });

  it('the bundled configuration loads without a word', () => {
    const { value, diagnostics } = loadConfig({ path: bundled, options: [] });
    expect(diagnostics).toEqual([]);
    expect(value?.rulesPaths.map((file) => file.replace(/.*\//, ''))).toEqual(['falco_rules.yaml', 'k8s_audit_rules.yaml']);
  });

  it.skipIf(!existsSync(reference))('has every key of real Falco', () => {
    const theirs = JSON.parse(readFileSync(join(reference, 'config-schema.json'), 'utf8')) as { definitions: Record<string, Record<string, unknown>> };
    const wanted = new Set(paths(theirs.definitions.FalcoConfig, theirs.definitions));
    // `rule_files` is in its schema and nowhere else: the key that it reads is `rules_files`.
    wanted.delete('.rule_files');
    const ours = new Set(paths(ConfigSchema as unknown as Record<string, unknown>));
    expect([...wanted].filter((path) => !ours.has(path))).toEqual([]);
  });

  it.skipIf(!existsSync(reference))('takes every value of the falco.yaml that Falco ships, with no diagnostic', () => {
    const path = join(reference, 'falco.yaml');
    const { value, diagnostics } = loadConfig({ path, options: [] });
    expect(diagnostics).toEqual([]);
    expect(value?.config).toMatchObject(withoutEmpty(parse(readFileSync(path, 'utf8'))) as object);
  });
});

const withoutEmpty = (value: unknown): unknown => JSON.parse(JSON.stringify(value, (_, inner: unknown) => (inner === null ? undefined : inner)));
