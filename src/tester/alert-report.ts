// SPDX-License-Identifier: Apache-2.0
/** What was found out about alerts, as people and programs read it. */
import type { Rule, Ruleset } from '../ruleset/ruleset.js';
import { placeOf, spanOf, textOf, writtenText } from '../ruleset/written.js';
import { oneLine } from '../util/printable.js';
import { infer, judge, type Judged } from './alert-event.js';
import type { AlertGroups, Group, LoadWith } from './alert-groups.js';
import { offersOf } from './rule-offers.js';
import { listYaml } from './silence.js';

const VALUE_WIDTH = 160;
const SHOWN_GROUPS = 20;
const SHOWN_LISTS = 4;
const WIDER: Readonly<Record<string, string>> = { startswith: 'what begins with the value', endswith: 'what ends with the value', contains: 'what holds the value', pmatch: 'what lies below the path' };
/** From so many exceptions on, it is worth saying which field makes them so many. */
const MANY = 10;

/** One alert, or several that one exception silences. */
export function groupText(groups: AlertGroups, group: Group, yaml: string, ruleset: Ruleset, matching: 'first' | 'all', load: LoadWith): string {
  const { rule, count, sample, silence } = group;
  const when = sample.time === null ? '' : oneLine(count === 1 || group.last === sample.time ? `, ${sample.time}` : `, ${sample.time} to ${group.last}`);
  const often = count === 1 ? '' : ` (${count} times)`;
  if (rule === null) return `The rule '${oneLine(group.name)}' fired${often}${when}, but ${group.problem}.\n`;
  const judged = groups.judge(group) as Judged;
  const lines = [`The rule '${rule.name}'  [${placeOf(rule.span)}]  fired${often}${when}.`, ''];
  if (group.silent) {
    lines.push('With the rules as they are loaded it would not fire on this any more: an exception covers it, or the rule was changed.', '');
    return `${[...lines, ...tree(judged, rule, ruleset)].join('\n')}\n`;
  }
  infer(judged);
  lines.push('Its condition, as far as the alert tells:', ...tree(judged, rule, ruleset), '');
  lines.push('  * the alert does not tell, but the rule would not have fired otherwise    ? the alert does not tell', '');
  const offers = tuning(group, rule, ruleset, load);
  if (offers.lines.length > 0) lines.push('Open to tuning in the rule itself:', ...offers.lines, '');
  if (silence === null) {
    lines.push(`No exception can be proposed: ${group.problem}.`, '  --fields names fields to compare; fields that the rule\'s output does not print can be added to it or with append_output.');
    if (offers.yaml !== '') lines.push('', 'The first of these lists would do it, for every event with that value:', '', offers.yaml.trimEnd());
  } else {
    lines.push('To silence this and nothing that differs in one of the fields compared, add to a rules file that is read after the others:', '', yaml);
    lines.push(`Compared: ${silence.shown.map(shorten).join(', ')}`);
    if (silence.existing) lines.push(`The rule has the exception '${silence.exception}' already; it compares nothing else. --fields chooses other fields.`);
    for (const comp of silence.comps.filter((one) => WIDER[one] !== undefined)) lines.push(`Its \`${comp}\` also silences ${WIDER[comp]}.`);
    const left = group.leftOut.filter(({ why }) => why !== 'is not taken by itself').map(({ field, why }) => `${field} (${why})`);
    if (left.length > 0) lines.push(`Not compared: ${left.join(', ')}`);
    const rest = group.leftOut.filter(({ why }) => why === 'is not taken by itself').map(({ field }) => field);
    if (rest.length > 0) lines.push(`Also in the alert, for --fields: ${rest.join(', ')}`);
    lines.push('Checked: the rules load with it, and the condition is then false for the alert.');
    if (matching === 'first') lines.push('rule_matching is first: a later rule that matches the same event alerts instead.');
  }
  return `${lines.join('\n')}\n`;
}

/** Several: what each rule's alerts have in common. */
export function summaryText(groups: AlertGroups, yaml: string, others: number): string {
  const all = groups.all;
  const sum = (list: readonly Group[]): number => list.reduce((total, { count }) => total + count, 0);
  const silenced = all.filter(({ silence }) => silence !== null);
  const rules = [...new Set(all.map(({ name }) => name))];
  const lines = [
    `${plural(sum(all), 'alert')} of ${plural(rules.length, 'rule')}${others > 0 ? ` (and ${plural(others, 'other line')})` : ''}: ` +
      `${plural(silenced.length, 'entry', 'entries')} below would silence ${sum(silenced)} of them.`,
  ];
  for (const name of rules) {
    const own = all.filter((group) => group.name === name);
    const { rule } = own[0];
    lines.push('', `${String(sum(own)).padStart(7)}  ${oneLine(name)}${rule === null ? '' : `  [${placeOf(rule.span)}]`}`);
    for (const group of own.slice(0, SHOWN_GROUPS)) lines.push(`${String(group.count).padStart(11)}  ${outcome(group)}`);
    if (own.length > SHOWN_GROUPS) lines.push(`             and ${own.length - SHOWN_GROUPS} more`);
    const hint = varying(own);
    if (hint !== null) lines.push(`             ${hint}`);
  }
  for (const [problem, count] of groups.problems) lines.push('', `${String(count).padStart(7)}  not silenced: ${oneLine(problem)}`);
  if (yaml !== '') lines.push('', 'To silence them and nothing that differs in one of the fields compared, add to a rules file that is read after the others:', '', yaml.trimEnd(), '', 'Checked: the rules load with it, and each condition is then false for the first alert of each entry.');
  lines.push('--num or --rule shows why one of them fired.');
  return `${lines.join('\n')}\n`;
}

function outcome({ silence, silent, problem }: Group): string {
  if (silence !== null) return `${silence.existing ? `${silence.exception}: ` : ''}${silence.shown.map(shorten).join(', ')}`;
  return silent ? 'would not fire any more with the rules as they are loaded' : `not silenced: ${oneLine(problem ?? '')}`;
}

/** The field without which there would be far fewer entries. Null: there are few, or no field makes the difference. */
function varying(own: readonly Group[]): string | null {
  const entries = own.flatMap(({ silence }) => silence ?? []);
  if (entries.length < MANY) return null;
  const names = [...new Set(entries.flatMap(({ fields }) => fields))];
  const without = names.map((name) => ({
    name, left: new Set(entries.map(({ fields, values }) => JSON.stringify(values.map((value, i) => (fields[i] === name ? null : value))))).size,
  }));
  const best = without.reduce((a, b) => (b.left < a.left ? b : a));
  if (best.left * 2 > entries.length) return null;
  const rest = names.filter((name) => name !== best.name).join(',');
  return `${best.name} makes them so many: --fields ${rest} needs ${plural(best.left, 'entry', 'entries')}, which hold for any ${best.name}`;
}

/** Lists and macros that would cover the alert, tried by loading the rules with them. `yaml`: the list that changes least; empty: none does. */
function tuning(group: Group, rule: Rule, ruleset: Ruleset, load: LoadWith): { readonly lines: readonly string[]; readonly yaml: string } {
  const { silence, sample, catalogue } = group;
  const silences = (yaml: string): boolean => {
    const changed = load(yaml).rules.find((one) => one.name === rule.name);
    return changed !== undefined && judge(changed.condition, catalogue)(sample).holds === false;
  };
  const lines: string[] = [];
  let first = '';
  // Each list is a load of all rules: those that change least come first, and a few are enough.
  let lists = 0;
  for (const offer of [...offersOf(rule, ruleset)].sort((a, b) => a.others - b.others)) {
    const also = offer.others === 0 ? '' : `; ${plural(offer.others, 'other enabled rule uses', 'other enabled rules use')} it`;
    const named = `  ${offer.kind} ${offer.name}  [${placeOf(offer.span)}]`;
    if (offer.kind === 'macro') {
      if (silence !== null) lines.push(`${named}: an \`or (…)\` appended to it${also}`);
      continue;
    }
    const value = sample.fields.get(offer.field ?? '');
    if (lists === SHOWN_LISTS || typeof value !== 'string' || value === '') continue;
    const yaml = listYaml(offer.name, value, ruleset);
    if (!silences(yaml)) continue;
    lists++;
    if (first === '') first = yaml;
    lines.push(oneLine(`${named}: ${JSON.stringify(value)} added to it silences every ${offer.field}=${value}${also}`));
  }
  return { lines, yaml: first };
}

/** The condition as it is written, with outcomes and values. */
function tree(judged: Judged, rule: Rule, ruleset: Ruleset): readonly string[] {
  const lines: string[] = [];
  const visit = (node: Judged, depth: number, excludes: boolean): void => {
    const { expr, macros } = node.of;
    const text = textOf(rule, macros, ruleset);
    const line = (shown: string, more = ''): void => void lines.push(`  ${outcomeOf(node)}  ${'  '.repeat(depth)}${shown}${more}`);
    const [first] = node.children;
    switch (expr.kind) {
      case 'and':
      case 'or':
        line(expr.kind === 'and' ? 'all of' : 'any of');
        for (const child of node.children) visit(child, depth + 1, excludes);
        return;
      case 'not':
        line('not');
        visit(first, depth + 1, true);
        return;
      case 'macro':
        line(expr.name, `  [${placeOf(spanOf(first.of.expr, textOf(rule, first.of.macros, ruleset)))}]`);
        // What excludes nothing here, and what the alert says nothing about, would be long and tell little.
        if (tells(first) && !(excludes && node.holds === false)) visit(first, depth + 1, false);
        return;
      case 'exists':
      case 'compare':
        line(writtenText(expr, text), `  | ${node.values.map(valueText).join(', ')}`);
        return;
      default:
        expr satisfies never;
    }
  };
  visit(judged, 0, false);
  return lines;
}

const tells = (node: Judged): boolean => node.values.some(({ why }) => why === null) || node.children.some(tells);

const outcomeOf = ({ holds, inferred }: Judged): string => (holds === null ? '?' : `${holds}${inferred ? '*' : ''}`).padEnd(6);

const valueText = ({ text, shown, why }: Judged['values'][number]): string => (why !== null ? `${text} ${why}` : shown === null ? `${text} has no value` : `${text} = ${shown === '' ? '""' : shorten(shown)}`);

function shorten(text: string): string {
  return oneLine(text.length > VALUE_WIDTH ? `${text.slice(0, VALUE_WIDTH)}…` : text);
}

const plural = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;

/** The same for programs. */
export function judgedJson(judged: Judged, group: Group, ruleset: Ruleset): unknown {
  const rule = group.rule as Rule;
  if (!group.silent) infer(judged);
  const visit = (node: Judged): unknown => {
    const { expr, macros } = node.of;
    const text = textOf(rule, macros, ruleset);
    const kind = expr.kind === 'exists' || expr.kind === 'compare' ? 'check' : expr.kind;
    return {
      kind, holds: node.holds, inferred: node.inferred, place: placeOf(spanOf(expr, text)),
      ...(kind === 'check' || kind === 'macro' ? { text: writtenText(expr, text) } : {}),
      ...(node.values.length > 0 ? { values: Object.fromEntries(node.values.map((one) => [one.text, one.shown])), unknown: node.values.flatMap(({ text: name, why }) => (why === null ? [] : [`${name} ${why}`])) } : {}),
      ...(node.children.length > 0 ? { children: node.children.map(visit) } : {}),
    };
  };
  return visit(judged);
}
