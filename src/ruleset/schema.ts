// SPDX-License-Identifier: Apache-2.0
/** The JSON schema of rules files (`--rule-schema`): which keys there are and what they hold, whatever the kind of item. */
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';

const text = { type: 'string' } as const;
const truth = { type: 'boolean' } as const;
const ref = (name: string) => ({ $ref: `#/definitions/${name}` });
const listOf = (items: object) => ({ type: 'array', items });
const record = (title: string, properties: Record<string, object>, required?: readonly string[]) => ({
  type: 'object', additionalProperties: false, title, properties, ...(required && { required }),
});
const replaceable = [
  'capture', 'capture_duration', 'condition', 'deduplicate', 'desc', 'enabled', 'exceptions', 'items', 'output', 'priority',
  'skip-if-unknown-filter', 'tags', 'throttle', 'warn_evttypes',
];

/** In the shape and with the names that the ecosystem's tools know. */
export const RULE_SCHEMA = {
  $schema: 'http://json-schema.org/draft-06/schema#',
  type: 'array',
  items: ref('FalcoRule'),
  definitions: {
    FalcoRule: record('FalcoRule', {
      required_engine_version: text,
      required_plugin_versions: listOf(ref('RequiredPluginVersion')),
      macro: text,
      condition: text,
      list: text,
      items: listOf(ref('Item')),
      rule: text,
      desc: text,
      enabled: truth,
      output: text,
      append: truth,
      priority: ref('Priority'),
      source: text,
      exceptions: listOf(ref('Exception')),
      override: ref('Override'),
      tags: listOf(text),
      warn_evttypes: truth,
      'skip-if-unknown-filter': truth,
      capture: truth,
      capture_duration: { type: 'integer' },
      // Ours.
      throttle: { type: 'string', description: 'How many alerts of the rule may leave: 10/1m is ten at once, and ten more in each minute; off.' },
      deduplicate: { type: 'string', description: 'The duration in which like alerts of the rule are one: 5m; off.' },
    }, []),
    Item: { anyOf: [{ type: 'integer' }, text], title: 'Item' },
    Exception: record('Exception', { name: text, fields: {}, comps: {}, values: {} }, ['name']),
    Priority: {
      type: 'string', title: 'Priority',
      enum: ['EMERGENCY', 'ALERT', 'CRITICAL', 'ERROR', 'WARNING', 'NOTICE', 'INFO', 'INFORMATIONAL', 'DEBUG'],
    },
    OverriddenItem: { type: 'string', title: 'OverriddenItem', enum: ['append', 'replace'] },
    Override: { ...record('Override', Object.fromEntries(replaceable.map((key) => [key, ref('OverriddenItem')]))), minProperties: 1 },
    RequiredPluginVersion: record('RequiredPluginVersion', { name: text, version: text, alternatives: listOf(ref('Alternative')) }, ['name', 'version']),
    Alternative: record('Alternative', { name: text, version: text }, ['name', 'version']),
  },
} as const;

/** Where a text is wanted, an unquoted number or truth value will do. */
function lenient(): object {
  const { $schema: _, ...schema } = RULE_SCHEMA;
  const scalar = { type: ['string', 'number', 'boolean', 'null'] };
  return JSON.parse(JSON.stringify(schema), (_key, value) => {
    if (value?.type === 'string' && value.enum === undefined) return scalar;
    return value;
  });
}

let compiled: ValidateFunction | null = null;

/** What the schema has against the documents of a file; nothing when it fits. */
export function schemaWarnings(documents: readonly unknown[]): readonly string[] {
  // The schema is ours and tried by a test: compiling the schema of schemas to check it anew at each start takes longer than it.
  compiled ??= new Ajv({ allErrors: true, strict: false, meta: false, validateSchema: false }).compile(lenient());
  const validate = compiled;
  return documents.flatMap((document) => (document === null || validate(document) ? [] : (validate.errors ?? []).filter((error) => !error.schemaPath.includes('/anyOf/')).map(describeError)));
}

function describeError(error: ErrorObject): string {
  const at = error.instancePath === '' ? '<root>' : `<root>${error.instancePath.replace(/\/([^/]+)/g, '[$1]')}`;
  const key = error.params.additionalProperty ?? error.params.missingProperty;
  return `failed for ${at}: ${error.message ?? 'does not fit'}${key === undefined || error.message?.includes(`'${key}'`) ? '' : ` ('${key}')`}`;
}
