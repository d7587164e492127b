// SPDX-License-Identifier: Apache-2.0
/** How often each rule matched. Kept by name, so that the counts outlive a reload. */
import { PRIORITIES, type Priority } from '../alert/alert.js';

export interface RuleCount {
  readonly name: string;
  readonly source: string;
  readonly priority: Priority;
  readonly tags: readonly string[];
  matches: number;
  /** Of these, alerts that did not leave: over the rule's rate, or like one before. */
  throttled: number;
  duplicates: number;
}

export class RuleStats {
  private readonly byName = new Map<string, RuleCount>();
  private sum = 0;

  /** The counter of a rule. Counts add up when a reload brings the same name with another priority. */
  counter(rule: { readonly name: string; readonly source: string; readonly priority: Priority; readonly tags: readonly string[] }): RuleCount {
    const present = this.byName.get(rule.name);
    const fresh: RuleCount = {
      name: rule.name, source: rule.source, priority: rule.priority, tags: rule.tags,
      matches: present?.matches ?? 0, throttled: present?.throttled ?? 0, duplicates: present?.duplicates ?? 0,
    };
    this.byName.set(rule.name, fresh);
    return fresh;
  }

  count(counter: RuleCount): void {
    counter.matches++;
    this.sum++;
  }

  get total(): number {
    return this.sum;
  }

  /** In the order in which they were loaded. */
  all(): RuleCount[] {
    return [...this.byName.values()];
  }

  /** Rules that matched at least once. */
  matched(): RuleCount[] {
    return this.all().filter((rule) => rule.matches > 0);
  }

  /** The closing lines as a user of Falco knows them. */
  format(): string {
    const matched = this.matched();
    const lines = [`Events detected: ${this.sum}`, 'Rule counts by severity:'];
    for (const priority of PRIORITIES) {
      const count = matched.filter((rule) => rule.priority === priority).reduce((sum, rule) => sum + rule.matches, 0);
      if (count > 0) lines.push(`   ${(priority === 'Informational' ? 'Info' : priority).toUpperCase()}: ${count}`);
    }
    lines.push('Triggered rules by rule name:');
    for (const rule of matched) lines.push(`   ${rule.name}: ${rule.matches}`);
    const held = matched.filter((rule) => rule.throttled + rule.duplicates > 0);
    if (held.length > 0) lines.push('Alerts held back by rule name:');
    for (const rule of held) lines.push(`   ${rule.name}: ${rule.throttled} throttled, ${rule.duplicates} duplicates`);
    return `${lines.join('\n')}\n`;
  }
}
