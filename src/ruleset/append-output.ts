// SPDX-License-Identifier: Apache-2.0
/** `append_output` of the configuration: what is added to the outputs of rules. */
import type { SourceCatalogue } from '../lang/catalogue.js';
import type { RuleInfo } from './items.js';

/** One entry, with the keys of the configuration file. */
export interface AppendOutput {
  readonly match?: { readonly source?: string; readonly tags?: readonly string[]; readonly rule?: string };
  /** Text with fields, put behind the output after a blank. */
  readonly extra_output?: string;
  /** Fields by name, and `{key: text with fields}`: only in `output_fields` of JSON. */
  readonly extra_fields?: readonly (string | Readonly<Record<string, string>>)[];
  /** Appends `name=%field` for the fields that tell what an event belongs to. */
  readonly suggested_output?: boolean;
}

export interface ExtraField {
  readonly key: string;
  readonly format: string;
  /** The field's own value rather than text. */
  readonly raw: boolean;
}

const SUGGESTED = [
  'container.id', 'container.name', 'container.image.repository', 'container.image.tag', 'k8s.pod.name', 'k8s.ns.name',
];

function applies(entry: AppendOutput, rule: RuleInfo): boolean {
  const { source = '', tags = [], rule: name = '' } = entry.match ?? {};
  return (source === '' || source === rule.source) && (name === '' || name === rule.name) && tags.every((tag) => rule.tags.includes(tag));
}

/** The texts to append to a rule's output, in order. */
export function appendedTexts<E>(entries: readonly AppendOutput[], rule: RuleInfo, catalogue: SourceCatalogue<E>): readonly string[] {
  const texts: string[] = [];
  for (const entry of entries) {
    if (!applies(entry, rule)) continue;
    if (entry.extra_output !== undefined && entry.extra_output !== '') texts.push(entry.extra_output);
    if (entry.suggested_output !== true) continue;
    const statics = catalogue.classes.flatMap((c) => c.fields.map((f) => f.name)).filter((name) => name.startsWith('static.'));
    for (const name of [...statics, ...SUGGESTED]) {
      if (catalogue.find(name) !== null) texts.push(`${name.replaceAll('.', '_')}=%${name}`);
    }
  }
  return texts;
}

/** The extra fields of a rule; a later entry with the same key wins. */
export function extraFields(entries: readonly AppendOutput[], rule: RuleInfo): readonly ExtraField[] {
  const fields = new Map<string, ExtraField>();
  for (const entry of entries) {
    if (!applies(entry, rule)) continue;
    for (const field of entry.extra_fields ?? []) {
      if (typeof field === 'string') fields.set(field, { key: field, format: `%${field}`, raw: true });
      else for (const [key, format] of Object.entries(field)) fields.set(key, { key, format, raw: false });
    }
  }
  return [...fields.values()];
}
