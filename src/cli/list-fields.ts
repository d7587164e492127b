// SPDX-License-Identifier: Apache-2.0
/** `--list`: every field, by class, as text, Markdown or JSON. */
import type { AnyCatalogue } from '../engine/engine.js';
import type { FieldClass, FieldDef } from '../lang/catalogue.js';
import type { ListFormat } from './options.js';

const NAME_WIDTH = 30;
const LINE_WIDTH = 120;

export interface ListOptions {
  readonly format: ListFormat;
  readonly namesOnly: boolean;
  /** Types, and fields that are left out of the list otherwise, too. */
  readonly verbose: boolean;
}

interface ListedClass {
  // biome-ignore lint/suspicious/noExplicitAny: the events behind the fields do not matter here
  readonly fieldClass: FieldClass<any>;
  readonly sources: readonly string[];
  readonly fields: readonly FieldDef[];
}

export function listFields(catalogues: readonly AnyCatalogue[], options: ListOptions): string {
  const classes = collect(catalogues, options.verbose);
  if (options.namesOnly) {
    const names = classes.flatMap((one) => one.fields.map((field) => field.name));
    return options.format === 'json' ? `${JSON.stringify({ fieldnames: names }, null, 2)}\n` : names.map((name) => `${name}\n`).join('');
  }
  switch (options.format) {
    case 'text':
      return classes.map((one) => classText(one, options.verbose)).join('\n') + (classes.length > 0 ? '\n' : '');
    case 'markdown':
      return classes.map(classMarkdown).join('\n');
    case 'json':
      return `${JSON.stringify({ fieldclasses: classes.map(classJson) }, null, 2)}\n`;
    default:
      return options.format satisfies never;
  }
}

/** A class that several sources have is listed once, with all of them. */
function collect(catalogues: readonly AnyCatalogue[], all: boolean): ListedClass[] {
  const byKey = new Map<string, { fieldClass: ListedClass['fieldClass']; sources: string[] }>();
  for (const catalogue of catalogues) {
    for (const fieldClass of catalogue.classes) {
      const key = `${fieldClass.name} ${fieldClass.shortDesc ?? ''}`;
      const present = byKey.get(key);
      if (present === undefined) byKey.set(key, { fieldClass, sources: [catalogue.source] });
      else present.sources.push(catalogue.source);
    }
  }
  return [...byKey.values()]
    .map(({ fieldClass, sources }) => ({
      fieldClass,
      sources: sources.sort(),
      fields: fieldClass.fields.filter((f) => !f.printOnly && (all || !f.unlisted)) as readonly FieldDef[],
    }))
    .filter((one) => one.fields.length > 0);
}

/** What one has to know to use a field, in the ecosystem's words. */
function tags(field: FieldDef, fieldClass: ListedClass['fieldClass']): string[] {
  const found: string[] = [];
  if (field.argument !== undefined) {
    found.push(field.argument.required ? 'ARG_REQUIRED' : 'ARG_ALLOWED');
    // Falco says which only for the fields that its plugins bring.
    if (isPlugin(fieldClass) && field.argument.index) found.push('ARG_INDEX');
    if (isPlugin(fieldClass) && field.argument.key) found.push('ARG_KEY');
  }
  if (field.list) found.push('EPF_IS_LIST');
  if (field.constantsOnly) found.push('EPF_NO_RHS');
  if (field.noTransformer) found.push('EPF_NO_TRANSFORMER');
  if (field.filterOnly) found.push('FILTER_ONLY');
  return found.sort();
}

const isPlugin = (fieldClass: ListedClass['fieldClass']): boolean => fieldClass.name.endsWith('(plugin)');

function classText({ fieldClass, sources, fields }: ListedClass, verbose: boolean): string {
  const title = fieldClass.shortDesc && !isPlugin(fieldClass) ? `${fieldClass.name} (${fieldClass.shortDesc})` : fieldClass.name;
  const lines = ['-------------------------------', `${'Field Class:'.padEnd(NAME_WIDTH)}${title}`];
  if (fieldClass.desc !== '') lines.push(...wrapped('Description:', fieldClass.desc));
  lines.push(`${'Event Sources:'.padEnd(NAME_WIDTH)}${sources.map((source) => `${source} `).join('')}`, '');
  for (const field of fields) {
    const list = tags(field, fieldClass);
    const type = verbose ? `(Type: ${field.type}) ` : '';
    lines.push(...wrapped(field.name, `${type}${list.length > 0 ? `(${list.join(',')}) ` : ''}${field.desc}`));
  }
  return `${lines.join('\n')}\n`;
}

/** The label, and beside it the text in lines of its own width; each word is followed by a blank. */
function wrapped(label: string, text: string): string[] {
  const lines: string[] = [];
  let line = label.padEnd(NAME_WIDTH);
  if (label.length > NAME_WIDTH) {
    lines.push(label);
    line = ' '.repeat(NAME_WIDTH);
  }
  let used = 0;
  for (const word of text.split(/\s+/).filter((w) => w !== '')) {
    if (used + word.length + 1 > LINE_WIDTH - NAME_WIDTH) {
      lines.push(line);
      line = ' '.repeat(NAME_WIDTH);
      used = 0;
    }
    line += `${word} `;
    used += word.length + 1;
  }
  lines.push(line);
  return lines;
}

function classMarkdown({ fieldClass, sources, fields }: ListedClass): string {
  const rows = fields.map((field) => `\`${field.name}\` | ${field.list ? `LIST(${field.type})` : field.type} | ${field.desc}\n`);
  const desc = fieldClass.desc === '' ? '' : `${fieldClass.desc}\n\n`;
  return (
    `## Field Class: ${fieldClass.name}\n\n${desc}Event Sources: ${sources.map((source) => `${source} `).join('')}\n\n` +
    `Name | Type | Description\n:----|:-----|:-----------\n${rows.join('')}`
  );
}

function classJson({ fieldClass, sources, fields }: ListedClass): unknown {
  return {
    name: fieldClass.name,
    ...(fieldClass.desc !== '' && { desc: fieldClass.desc }),
    event_sources: sources,
    fields: fields.map((field) => ({
      name: field.name,
      type: field.type,
      is_list: field.list === true,
      argument: field.argument === undefined ? null : { required: field.argument.required, type: isPlugin(fieldClass) ? argumentTypes(field.argument) : [] },
      desc: field.desc,
    })),
  };
}

const argumentTypes = (argument: { readonly index: boolean; readonly key: boolean }): string[] => [
  ...(argument.index ? ['INDEX'] : []),
  ...(argument.key ? ['KEY'] : []),
];
