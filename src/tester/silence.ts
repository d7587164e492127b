// SPDX-License-Identifier: Apache-2.0
/** Alerts → the exceptions that keep them from coming again, as narrow as what the alerts tell allows. */
import type { FieldRef } from '../lang/ast.js';
import { parseOperand } from '../lang/parse.js';
import { quote } from '../lang/print.js';
import type { Scalar } from '../lang/value.js';
import type { Entry, ExceptionInfo } from '../ruleset/items.js';
import type { AnyCatalogue, Rule, Ruleset } from '../ruleset/ruleset.js';
import { escapeInvisible } from '../util/printable.js';
import { knowledgeOf } from './alert-event.js';
import type { ToldAlert } from './alerts.js';

/** What is compared: of each line the first that the alert tells. Fields that are other the next time (ids, ports, times) are not here. */
const STABLE: readonly (readonly string[])[] = [
  ['proc.exepath', 'proc.name'], ['proc.cmdline', 'proc.args'], ['proc.pexepath', 'proc.pname'],
  ['fd.name'], ['fs.path.name'], ['fs.path.source'], ['fs.path.target'],
  ['evt.arg.path'], ['evt.arg.dir'], ['evt.arg.name'], ['evt.arg.filename'], ['evt.arg.oldpath'], ['evt.arg.newpath'], ['evt.arg.linkpath'], ['evt.arg.target'],
  ['evt.arg.mode'], ['evt.arg.cmd'], ['fd.sip'], ['fd.sport'],
  ['user.name', 'user.uid'], ['container.id', 'container.image.repository'], ['k8s.ns.name'],
  ['ka.user.name'], ['ka.impuser.name'], ['ka.verb'], ['ka.target.resource', 'ka.uri'], ['ka.target.subresource'], ['ka.target.namespace'], ['ka.target.name'],
  ['ka.req.pod.containers.image'], ['ka.req.pod.initContainers.image'], ['ka.req.pod.ephemeralContainers.image'], ['ka.req.pod.volumes.hostpath'],
  ['ka.req.binding.role'], ['ka.req.binding.subjects'], ['ka.req.role.rules'], ['ka.req.configmap.name'], ['ka.req.service.type'],
];
/** They say where something happened, not what: an exception of these alone would silence nearly everything. */
const CONTEXT: ReadonlySet<string> = new Set([
  'user.name', 'user.uid', 'container.id', 'container.image.repository', 'k8s.ns.name', 'evt.arg.mode', 'evt.arg.cmd', 'fd.sport',
  'ka.verb', 'ka.target.resource', 'ka.target.subresource', 'ka.target.namespace', 'ka.req.service.type',
]);
const NEVER = 'cannot be compared';

/** An exception with one set of values, and the alerts that it would have silenced. */
export interface Silence {
  readonly exception: string;
  /** The rule has this exception already: only values are added. */
  readonly existing: boolean;
  /** One field alone, whose values are no tuples. */
  readonly single: boolean;
  readonly fields: readonly string[];
  readonly comps: readonly string[];
  /** As they stand in a condition; a list for `in`. */
  readonly values: readonly (string | readonly string[])[];
  /** The same for people. */
  readonly shown: readonly string[];
}

export interface LeftOut {
  readonly field: string;
  readonly why: string;
}

export type Plan = { readonly silence: Silence; readonly leftOut: readonly LeftOut[] } | { readonly problem: string; readonly leftOut: readonly LeftOut[] };

export class Silencer {
  private readonly lists: ReadonlySet<string>;
  private readonly byFields: readonly FieldRef[] | null;
  /** By rule and name, the fields and comparisons of the exceptions that were made. */
  private readonly made = new Map<string, string>();

  /** `fields`: what to compare, instead of what is chosen here. */
  constructor(ruleset: Ruleset, fields: readonly string[]) {
    this.lists = new Set(ruleset.collection.lists.keys());
    this.byFields = fields.length === 0 ? null : fields.map(refOf);
  }

  plan(rule: Rule, alert: ToldAlert, catalogue: AnyCatalogue): Plan {
    const leftOut: LeftOut[] = [];
    if (this.byFields === null) {
      const existing = rule.info.exceptions
        .flatMap((one) => this.existing(one, alert, catalogue) ?? [])
        .sort((a, b) => b.fields.length - a.fields.length);
      if (existing.length > 0) return { silence: existing[0], leftOut };
    }
    const chosen: { readonly name: string; readonly comp: string; readonly value: Scalar | readonly Scalar[] }[] = [];
    const take = (ref: FieldRef): boolean => {
      const name = refText(ref);
      const usable = this.usable(ref, alert, catalogue);
      if ('why' in usable) {
        leftOut.push({ field: name, why: usable.why });
        return false;
      }
      chosen.push({ name, comp: Array.isArray(usable.value) ? 'in' : '=', value: usable.value });
      return true;
    };
    if (this.byFields !== null) {
      if (!this.byFields.every(take)) return { problem: `${leftOut[0].field} ${leftOut[0].why}: the exception would be wider than asked for`, leftOut };
    } else {
      for (const alternatives of STABLE) {
        for (const name of alternatives) if (alert.fields.has(name) && alert.fields.get(name) !== null && take(refOf(name))) break;
      }
      // A container without an image's name: at least not the host.
      const container = alert.fields.get('container.id');
      if (typeof container === 'string' && container !== '' && !chosen.some(({ name }) => name.startsWith('container.'))) chosen.push({ name: 'container.id', comp: '!=', value: 'host' });
      for (const name of alert.fields.keys()) {
        if (!STABLE.some((one) => one.includes(name)) && !name.startsWith('evt.time') && catalogue.find(refOf(name).name) !== null) leftOut.push({ field: name, why: 'is not taken by itself' });
      }
      if (chosen.every(({ name }) => CONTEXT.has(name))) {
        const few = chosen.length === 0 ? 'it has no field that is the same the next time' : `${chosen.map(({ name }) => name).join(' and ')} would silence far more than this case`;
        return { problem: few, leftOut };
      }
    }
    const fields = chosen.map(({ name }) => name);
    const comps = chosen.map(({ comp }) => comp);
    const values = chosen.map(({ value }) => (Array.isArray(value) ? (value as readonly Scalar[]).map((item) => this.literal(item)) : this.literal(value as Scalar)));
    const shown = chosen.map(({ name, comp, value }) => `${name}${comp === '!=' ? '!=' : '='}${String(value)}`);
    const same = rule.info.exceptions.find((one) => one.fields?.kind === 'list' && textsOf(one.fields)?.join(' ') === fields.join(' ') && textsOf(one.comps)?.join(' ') === comps.join(' '));
    return { silence: { exception: same?.name ?? this.freeName(rule, fields, comps), existing: same !== undefined, single: false, fields, comps, values, shown }, leftOut };
  }

  /** Null: the alert does not tell all that this exception compares, or it compares in a way that its values do not answer. */
  private existing(exception: ExceptionInfo, alert: ToldAlert, catalogue: AnyCatalogue): Silence | null {
    const single = exception.fields?.kind === 'one';
    const fields = textsOf(exception.fields);
    const comps = textsOf(exception.comps);
    if (fields === null || comps === null || fields.length !== comps.length) return null;
    const values: (string | readonly string[])[] = [];
    const shown: string[] = [];
    for (const [i, name] of fields.entries()) {
      const usable = this.usable(refOf(name), alert, catalogue);
      if ('why' in usable) return null;
      const { value } = usable;
      const items = Array.isArray(value) ? (value as readonly Scalar[]) : [value as Scalar];
      // What something begins with, ends with or holds, it does so itself.
      if (comps[i] === 'in' || (comps[i] === 'pmatch' && !Array.isArray(value))) {
        if (single && items.length !== 1) return null;
        values.push(single ? this.literal(items[0]) : items.map((item) => this.literal(item)));
      } else if (!single && !Array.isArray(value) && ['=', '==', 'startswith', 'endswith', 'contains'].includes(comps[i])) values.push(this.literal(value as Scalar));
      else return null;
      shown.push(`${name}${comps[i] === '=' || comps[i] === '==' || comps[i] === 'in' ? '=' : ` ${comps[i]} `}${String(value)}`);
    }
    return { exception: exception.name, existing: true, single, fields, comps, values, shown };
  }

  private usable(ref: FieldRef, alert: ToldAlert, catalogue: AnyCatalogue): { readonly value: Scalar | readonly Scalar[] } | { readonly why: string } {
    const name = refText(ref);
    const knowledge = knowledgeOf(alert, ref, catalogue);
    if (!knowledge.known) return { why: knowledge.why };
    const { value } = knowledge;
    if (value === null || value === '' || (Array.isArray(value) && value.length === 0)) return { why: 'has no value' };
    if (catalogue.find(ref.name)?.field.printOnly === true) return { why: NEVER };
    const changing = this.byFields === null && typeof value === 'string' ? changes(name, value) : null;
    return changing === null ? { value } : { why: changing };
  }

  /** A name that says what is compared, and that the rule does not have for something else. */
  private freeName(rule: Rule, fields: readonly string[], comps: readonly string[]): string {
    const words = new Set(fields.map((field) => /^(?:proc\.|evt\.arg\.|ka\.(?:target\.|req\.)?)?(\w+)/.exec(field)?.[1] ?? 'field'));
    const name = `known_${[...words].join('_')}`;
    const compared = `${fields.join()} ${comps.join()}`;
    for (let i = 1; ; i++) {
      const free = i === 1 ? name : `${name}_${i}`;
      const key = `${rule.name}\0${free}`;
      if ((this.made.get(key) ?? (rule.info.exceptions.some((one) => one.name === free) ? '' : compared)) !== compared) continue;
      this.made.set(key, compared);
      return free;
    }
  }

  private literal(value: Scalar): string {
    return literal(value, this.lists);
  }
}

/** A value as it stands in a condition. */
function literal(value: Scalar, lists: { readonly has: (name: string) => boolean }): string {
  const text = String(value);
  const plain = typeof value !== 'string' ? /^-?\d+$/.test(text) || typeof value === 'boolean' : /^(?:\/[\w./-]*|[A-Za-z_][\w/-]*)$/.test(text);
  // A bare word may be the name of a list.
  return plain && !lists.has(text) && !/^(?:and|or|not|exists|in)$/.test(text) ? text : quote(text);
}

/** Why a text will be another one the next time; null: it need not be. */
function changes(name: string, value: string): string | null {
  if (name === 'fd.name' && value.includes('->')) return 'names a connection, with a port that changes';
  if (/\/proc\/\d+\b/.test(value)) return 'holds the number of a process';
  if (/\/tmp\.[A-Za-z0-9]{10}\b/.test(value)) return 'holds the name of a temporary file';
  if (name === 'container.id' && value !== 'host') return 'changes with each container';
  // The suffix that Kubernetes gives to what a controller creates: letters and digits that form no word.
  if (name === 'ka.target.name' && /-[bcdfghjklmnpqrstvwxz2456789]{5}$/.test(value)) return 'is a generated name';
  return null;
}

function refOf(text: string): FieldRef {
  const { ast, end } = parseOperand(text);
  return ast?.kind === 'field' && end === text.length ? ast : { kind: 'field', name: text, argument: null, start: 0, end: text.length };
}

const refText = (ref: FieldRef): string => (ref.argument === null ? ref.name : `${ref.name}[${ref.argument}]`);

function textsOf(entry: Entry | null): readonly string[] | null {
  if (entry === null) return null;
  if (entry.kind === 'one') return [entry.text];
  return entry.items.every((item) => item.kind === 'one') ? entry.items.map((item) => (item as Entry & { kind: 'one' }).text) : null;
}

/** The rules file: one item per rule; `note`: a remark on an entry. */
export function silencingYaml(rules: readonly { readonly rule: Rule; readonly entries: readonly { readonly silence: Silence; readonly note: string }[] }[]): string {
  const lines: string[] = [];
  for (const { rule, entries } of rules) {
    const names = [...new Set(entries.map(({ silence }) => silence.exception))];
    lines.push(`- rule: ${inYaml(rule.name)}`, '  exceptions:');
    for (const name of names) {
      const own = entries.filter(({ silence }) => silence.exception === name);
      const [{ silence }] = own;
      lines.push(`    - name: ${inYaml(name)}`);
      if (!silence.existing) lines.push(`      fields: ${inYaml(silence.fields)}`, `      comps: ${inYaml(silence.comps)}`);
      lines.push('      values:', ...own.map((entry) => `        - ${inYaml(entry.silence.single ? entry.silence.values[0] : entry.silence.values)}${entry.note === '' ? '' : `  # ${entry.note}`}`));
    }
    lines.push('  override:', '    exceptions: append');
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

/** The rules file that adds a value to a list. */
export function listYaml(list: string, value: Scalar, ruleset: Ruleset): string {
  return `- list: ${inYaml(list)}\n  items: [${inYaml(literal(value, ruleset.collection.lists))}]\n  override:\n    items: append\n`;
}

/** On one line, and with nothing in it that an editor or a terminal would obey. */
function inYaml(value: string | readonly (string | readonly string[])[]): string {
  if (typeof value !== 'string') return `[${value.map(inYaml).join(', ')}]`;
  if (/^(?:[A-Za-z_/][\w./-]*(?: [\w./()-]+)*|-?\d+|={1,2})$/.test(value) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(value)) return value;
  return /^[ -~]*$/.test(value) ? `'${value.replaceAll("'", "''")}'` : escapeInvisible(JSON.stringify(value));
}
