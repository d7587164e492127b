// SPDX-License-Identifier: Apache-2.0
/** Many alerts → what is the same about them: one group for each rule and each exception that would silence them. */
import { closest } from '../lang/suggest.js';
import type { AnyCatalogue, Rule, Ruleset } from '../ruleset/ruleset.js';
import { judge, type Judged } from './alert-event.js';
import type { Reading, ToldAlert } from './alerts.js';
import { type LeftOut, type Silence, Silencer, silencingYaml } from './silence.js';

export interface Group {
  readonly name: string;
  /** Null: the loaded rules have none of that name that is enabled. */
  readonly rule: Rule | null;
  /** Of the rule's source. */
  readonly catalogue: AnyCatalogue;
  /** The first of them. */
  readonly sample: ToldAlert;
  count: number;
  last: string | null;
  silence: Silence | null;
  /** The rules as they are loaded would not fire on the sample any more. */
  readonly silent: boolean;
  readonly leftOut: readonly LeftOut[];
  /** Why there is no exception. */
  problem: string | null;
}

export interface AlertFilter {
  readonly rule: string | null;
  /** Of the alerts in the file, from 1. */
  readonly num: number | null;
}

/** What loads the rules with another file behind them; throws when they have errors then. */
export type LoadWith = (yaml: string) => Ruleset;

export class AlertGroups {
  /** Alerts in the file, whether or not they were asked for. */
  read = 0;
  readonly problems = new Map<string, number>();
  private readonly groups = new Map<string, Group>();
  private readonly judges = new Map<Rule, (alert: ToldAlert) => Judged>();
  private readonly rules: ReadonlyMap<string, Rule>;
  private readonly silencer: Silencer;

  constructor(ruleset: Ruleset, private readonly catalogues: readonly AnyCatalogue[], fields: readonly string[], private readonly filter: AlertFilter) {
    this.rules = new Map(ruleset.rules.map((rule) => [rule.name, rule]));
    this.silencer = new Silencer(ruleset, fields);
  }

  get all(): readonly Group[] {
    return [...this.groups.values()].sort((a, b) => b.count - a.count);
  }

  /** Whether it was an alert. */
  add(reading: Reading): boolean {
    if (reading === null) return false;
    this.read++;
    if (this.filter.num !== null && this.filter.num !== this.read) return true;
    if ('problem' in reading) this.problems.set(reading.problem, (this.problems.get(reading.problem) ?? 0) + 1);
    else if (this.filter.rule === null || this.filter.rule === reading.rule) this.group(reading);
    return true;
  }

  /** What the sample tells of its rule's condition, and what follows from it having fired. */
  judge(group: Group): Judged | null {
    return group.rule === null ? null : this.judgeOf(group.rule)(group.sample);
  }

  /**
   * The rules file that silences them. The rules have been loaded with it, and the condition of each rule is false then for
   * every sample; an exception for which that is not so is left out, and its group says so.
   */
  yaml(load: LoadWith): string {
    const first = this.write();
    if (first === '') return '';
    const after = new Map(load(first).rules.map((rule) => [rule.name, rule]));
    let whole = true;
    const judges = new Map<string, (alert: ToldAlert) => Judged>();
    for (const group of this.groups.values()) {
      const rule = after.get(group.name);
      if (group.silence === null || rule === undefined) continue;
      const judged = judges.get(group.name) ?? judge(rule.condition, this.catalogue(rule));
      judges.set(group.name, judged);
      if (judged(group.sample).holds === false) continue;
      group.silence = null;
      group.problem = 'the exception that its values make does not match them again';
      whole = false;
    }
    return whole ? first : this.write();
  }

  private write(): string {
    const byRule = new Map<Rule, { readonly silence: Silence; readonly note: string }[]>();
    for (const { rule, silence, count } of this.all) {
      if (rule === null || silence === null) continue;
      const entries = byRule.get(rule) ?? [];
      byRule.set(rule, entries);
      entries.push({ silence, note: count === 1 ? '' : `${count} alerts` });
    }
    return silencingYaml([...byRule].map(([rule, entries]) => ({ rule, entries })));
  }

  private group(alert: ToldAlert): void {
    const rule = this.rules.get(alert.rule) ?? null;
    const refused = this.refusal(alert, rule);
    const plan = refused !== null || rule === null ? { problem: refused ?? '', leftOut: [] } : this.silencer.plan(rule, alert, this.catalogue(rule));
    const silence = 'silence' in plan ? plan.silence : null;
    const key = `${alert.rule}\0${silence === null ? (plan as { readonly problem: string }).problem : `${silence.exception}\0${JSON.stringify(silence.values)}`}`;
    const known = this.groups.get(key);
    if (known !== undefined) {
      known.count++;
      known.last = alert.time ?? known.last;
      return;
    }
    const usable = refused === null ? rule : null;
    const silent = usable !== null && this.judgeOf(usable)(alert).holds === false;
    this.groups.set(key, {
      name: alert.rule, rule: usable, catalogue: this.catalogue(rule), sample: alert, count: 1, last: alert.time, silent, leftOut: plan.leftOut,
      silence: silent ? null : silence, problem: silent || silence !== null ? null : (plan as { readonly problem: string }).problem,
    });
  }

  private refusal(alert: ToldAlert, rule: Rule | null): string | null {
    if (rule === null) {
      if (alert.rule.startsWith('Falco internal')) return 'this is a message of the monitor itself, which no rule raises';
      const near = closest(alert.rule, [...this.rules.keys()]);
      return `the loaded rules have no such rule${near === null ? '' : ` (did you mean '${near}'?)`}`;
    }
    if (!rule.enabled) return 'the rule is not enabled';
    return alert.source === null || alert.source === rule.source ? null : `the rule is for the source ${rule.source}, the alert came from ${alert.source}`;
  }

  private judgeOf(rule: Rule): (alert: ToldAlert) => Judged {
    const known = this.judges.get(rule) ?? judge(rule.condition, this.catalogue(rule));
    this.judges.set(rule, known);
    return known;
  }

  private catalogue(rule: Rule | null): AnyCatalogue {
    return this.catalogues.find((one) => one.source === rule?.source) ?? this.catalogues[0];
  }
}
