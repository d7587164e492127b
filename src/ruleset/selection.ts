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

/** Whether a rule is enabled after all entries; `enabled` is what its file says. */
export function selected(entries: readonly RuleSelection[], rule: { readonly name: string; readonly tags: readonly string[] }, enabled: boolean): boolean {
  let state = enabled;
  for (const entry of entries) {
    if (entry.enable !== undefined && matches(entry.enable, rule)) state = true;
    if (entry.disable !== undefined && matches(entry.disable, rule)) state = false;
  }
  return state;
}

function matches(selector: Selector, rule: { readonly name: string; readonly tags: readonly string[] }): boolean {
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
