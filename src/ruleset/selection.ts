// SPDX-License-Identifier: Apache-2.0
/** `rules:` of the configuration: rules switched on and off by name or tag, one entry after another. */

interface Selector {
  readonly rule?: string;
  readonly tag?: string;
}

/** One entry, with the keys of the configuration file. */
export interface RuleSelection {
  readonly enable?: Selector;
  readonly disable?: Selector;
}

interface Selectable {
  readonly name: string;
  readonly tags: readonly string[];
}

/**
 * The enabled rules in the order in which they are tried: those that their files enable, in order of definition, then
 * those that an entry enables, entry after entry. `rules` are in order of definition.
 */
export function enabledInOrder<R extends Selectable>(
  rules: readonly R[],
  enabledByFile: (rule: R) => boolean,
  entries: readonly RuleSelection[],
): readonly R[] {
  const enabled = new Set(rules.filter(enabledByFile));
  for (const { enable, disable } of entries) {
    for (const rule of rules) {
      if (enable !== undefined && matches(enable, rule)) enabled.add(rule);
      if (disable !== undefined && matches(disable, rule)) enabled.delete(rule);
    }
  }
  return [...enabled];
}

function matches(selector: Selector, rule: Selectable): boolean {
  const byName = selector.rule !== undefined && selector.rule !== '' && matchesWildcard(selector.rule, rule.name);
  return byName || (selector.tag !== undefined && rule.tags.includes(selector.tag));
}

/** `*` stands for any text, also none. */
export function matchesWildcard(pattern: string, text: string): boolean {
  const [head, ...rest] = pattern.split('*');
  const tail = rest.pop();
  if (tail === undefined) return pattern === text;
  if (!text.startsWith(head) || text.length < head.length + tail.length || !text.endsWith(tail)) return false;
  let at = head.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return at + tail.length <= text.length;
}
