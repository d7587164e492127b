// SPDX-License-Identifier: Apache-2.0
/** Alerts as they are found in files and logs: JSON lines, with or without what a collector put around them, and text lines. */
import { PRIORITIES } from '../alert/alert.js';
import { kindOf } from '../lang/kinds.js';
import type { AnyCatalogue, Rule } from '../ruleset/ruleset.js';

export type Told = string | number | boolean | null | readonly Told[] | { readonly [key: string]: Told };

/** An alert that was printed, by this program or by Falco. */
export interface ToldAlert {
  readonly rule: string;
  /** Null: it does not say. */
  readonly source: string | null;
  /** As it stands there. */
  readonly time: string | null;
  /** `output_fields` of the JSON, or what could be told from the text. */
  readonly fields: ReadonlyMap<string, Told>;
}

export type Reading = ToldAlert | { readonly problem: string } | null;

const TEXT_LINE = new RegExp(String.raw`(?:^|\s)(\d\d:\d\d:\d\d\.\d{9}|\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d)): (${PRIORITIES.join('|')}) (.+)$`);
/** What is put behind the message of an alert that stands for others (`app/noise.ts`). */
const HELD_BACK = / \(\d+ more (?:of this rule were held back before|like this, first seen [^()]*)\)$/;
/** Keys below which log collectors keep the line: Docker's json-file, journald, most others. */
const WRAPPERS = ['log', 'MESSAGE', 'message'];

export class AlertReader {
  private forms: readonly TextForm[] | null = null;

  constructor(private readonly rules: readonly Rule[], private readonly catalogues: readonly AnyCatalogue[]) {}

  /** Null: the line is no alert. */
  line(text: string): Reading {
    const brace = text.indexOf('{');
    const written = TEXT_LINE.exec(text);
    // Whatever a text line quotes is not the alert.
    if (brace !== -1 && (written === null || written.index > brace)) {
      // In a list with one a line, a comma follows.
      const read = this.json(parsed(text.slice(brace).replace(/,$/, '')));
      if (read !== null) return read;
    }
    return written === null ? null : this.text(written, null);
  }

  /** What was parsed: an alert, or something around one. */
  json(value: unknown): Reading {
    if (!isObject(value)) return null;
    const { rule, output_fields: fields, output, source, time } = value;
    if (typeof rule === 'string' && (isObject(fields) || typeof output === 'string')) {
      if (!isObject(fields)) {
        const written = TEXT_LINE.exec(output as string);
        return written === null ? { problem: `an alert of the rule '${rule}' without output_fields` } : this.text(written, rule);
      }
      return { rule, source: typeof source === 'string' ? source : null, time: typeof time === 'string' ? time : null, fields: new Map(Object.entries(fields)) };
    }
    const inner = WRAPPERS.map((key) => value[key]).find((one) => typeof one === 'string');
    return inner === undefined ? null : this.line((inner as string).trimEnd());
  }

  /** A text line does not name its rule: its words around the values do. */
  private text([, time, priority, written]: RegExpExecArray, rule: string | null): Reading {
    const message = unescaped(written).replace(HELD_BACK, '');
    this.forms ??= this.rules.flatMap((one) => textForms(one, this.catalogues));
    const candidates = this.forms.filter((form) => form.rule.priority === priority && (rule === null || form.rule.name === rule) && form.lazy.test(message));
    const fits = candidates.filter((form) => form.whole || !candidates.some((other) => other.whole && other.rule === form.rule));
    if (fits.length === 0) return { problem: rule === null ? 'an alert as text that no rule prints like this' : `an alert without output_fields, whose output is not what the rule '${rule}' prints now` };
    if (fits.length > 1) return { problem: `an alert as text that several rules print like this: ${fits.map((form) => `'${form.rule.name}'`).join(', ')}` };
    const [form] = fits;
    return { rule: form.rule.name, source: form.rule.source, time, fields: valuesOf(form, message) };
  }
}

/** A rule's output as a pattern, each field a group. */
interface TextForm {
  readonly rule: Rule;
  readonly names: readonly string[];
  readonly lazy: RegExp;
  readonly greedy: RegExp;
  readonly catalogue: AnyCatalogue;
  /** With what this configuration appends to outputs, and nothing behind it. */
  readonly whole: boolean;
}

/** As it is printed here, and with whatever another configuration appends. */
function textForms(rule: Rule, catalogues: readonly AnyCatalogue[]): readonly TextForm[] {
  const catalogue = catalogues.find((one) => one.source === rule.source);
  if (catalogue === undefined) return [];
  return [textForm(rule, rule.output, catalogue, true), textForm(rule, rule.info.output.text, catalogue, false)].filter((form) => form !== null);
}

/** Null: from what the rule prints, values cannot be told (transformers, columns). */
function textForm(rule: Rule, written: string, catalogue: AnyCatalogue, whole: boolean): TextForm | null {
  const output = written.replace(/^\*/, '');
  const names: string[] = [];
  const literals: string[] = [];
  let done = 0;
  for (const name of rule.template.names) {
    const at = output.indexOf(`%${name}`, done);
    if (at === -1) break;
    names.push(name);
    literals.push(output.slice(done, at));
    done = at + name.length + 1;
  }
  literals.push(output.slice(done));
  if (literals.some((text) => text.replaceAll('%%', '').includes('%'))) return null;
  const pattern = (group: string): RegExp => new RegExp(`^${literals.map((text) => escapedPattern(text.replaceAll('%%', '%'))).join(group)}${whole ? '' : '(?: .*)?'}$`, 's');
  return { rule, names, lazy: pattern('(.*?)'), greedy: pattern('(.*)'), catalogue, whole };
}

/** Where a value may end in several places because it holds the words around it, it is not told. */
function valuesOf(form: TextForm, message: string): ReadonlyMap<string, Told> {
  const shortest = form.lazy.exec(message) as RegExpExecArray;
  const longest = form.greedy.exec(message) as RegExpExecArray;
  const fields = new Map<string, Told>();
  form.names.forEach((name, i) => {
    const text = shortest[i + 1];
    const value = text === longest[i + 1] ? typed(text, name, form.catalogue) : undefined;
    if (value !== undefined) fields.set(name, value);
  });
  return fields;
}

function typed(text: string, name: string, catalogue: AnyCatalogue): Told | undefined {
  if (text === '<NA>') return null;
  const field = catalogue.find(name.replace(/\[.*$/s, ''))?.field;
  if (field === undefined || field.list === true) return undefined;
  switch (kindOf(field.type)) {
    case 'text':
    case 'ip':
    case 'net':
      return text;
    case 'integer':
      return /^-?\d{1,15}$/.test(text) ? Number(text) : undefined;
    case 'bool':
      return text === 'true' ? true : text === 'false' ? false : undefined;
    default:
      return undefined;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Text lines are written like the inside of a JSON string. */
function unescaped(text: string): string {
  const inner = parsed(`"${text}"`);
  return typeof inner === 'string' ? inner : text;
}

const escapedPattern = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');

const isObject = (value: unknown): value is { readonly [key: string]: Told } => typeof value === 'object' && value !== null && !Array.isArray(value);
