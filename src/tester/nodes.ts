// SPDX-License-Identifier: Apache-2.0
/** Reads the parts of a test file; whatever is not as it should be becomes a diagnostic with its place. */
import type { Diagnostic, Span } from '../lang/diagnostic.js';
import { closest } from '../lang/suggest.js';
import type { RawMap, RawNode, RawScalar } from '../ruleset/read.js';

const TEST_CODES = {
  TEST_YAML: 'The file is not valid YAML.',
  TEST_UNKNOWN_KEY: 'A key has no meaning where it stands.',
  TEST_VALUE: 'A value is not of the kind that is needed.',
  TEST_UNKNOWN_RULE: 'There is no rule of that name, or it is not enabled.',
  TEST_UNKNOWN_FIELD: 'There is no such field in the source of the rule.',
  TEST_UNKNOWN_EVENT: 'There is no event of that type, or it has no such argument.',
  TEST_FILE: 'A file that the test names cannot be used.',
} as const;

export type TestCode = keyof typeof TEST_CODES;

export class Nodes {
  readonly diagnostics: Diagnostic[] = [];

  error(code: TestCode, span: Span, message: string, hint?: string): void {
    this.diagnostics.push({ severity: 'error', code, message, span, ...(hint === undefined ? {} : { hint }) });
  }

  /** A map with no other keys than these; null: it is none, which has been reported. */
  map(node: RawNode, what: string, keys: readonly string[]): RawMap | null {
    if (node.kind !== 'map') {
      this.error('TEST_VALUE', node.span, `${what} must be a mapping`, `its keys are ${keys.join(', ')}`);
      return null;
    }
    const seen = new Set<string>();
    for (const { key } of node.entries) {
      if (seen.has(key.text)) this.error('TEST_UNKNOWN_KEY', key.span, `'${key.text}' is written twice`);
      seen.add(key.text);
      if (keys.includes(key.text)) continue;
      const near = closest(key.text, keys);
      this.error('TEST_UNKNOWN_KEY', key.span, `${what} has no key '${key.text}'`, near === null ? `its keys are ${keys.join(', ')}` : `did you mean '${near}'?`);
    }
    return node;
  }

  scalar(node: RawNode, what: string): RawScalar | null {
    if (node.kind === 'scalar') return node;
    this.error('TEST_VALUE', node.span, `${what} must be a single value`);
    return null;
  }

  text(node: RawNode | undefined, what: string): string | undefined {
    return node === undefined ? undefined : this.scalar(node, what)?.text;
  }

  integer(node: RawNode | undefined, what: string): number | undefined {
    if (node === undefined) return undefined;
    const text = this.scalar(node, what)?.text;
    if (text === undefined) return undefined;
    if (/^-?(\d{1,15}|0x[0-9a-fA-F]{1,12}|0o?[0-7]{1,15})$/.test(text)) return Number(text.replace(/^0o?(?=[0-7])/, '0o'));
    this.error('TEST_VALUE', node.span, `${what} must be a whole number`);
    return undefined;
  }

  flag(node: RawNode | undefined, what: string): boolean | undefined {
    if (node === undefined) return undefined;
    const text = this.scalar(node, what)?.text;
    if (text === 'true' || text === 'false') return text === 'true';
    if (text !== undefined) this.error('TEST_VALUE', node.span, `${what} must be true or false`);
    return undefined;
  }

  /** A list, or one element that stands for a list of itself. */
  list(node: RawNode | undefined): readonly RawNode[] {
    if (node === undefined || node.kind === 'null') return [];
    return node.kind === 'sequence' ? node.items : [node];
  }

  texts(node: RawNode | undefined, what: string): readonly string[] | undefined {
    if (node === undefined) return undefined;
    return this.list(node).flatMap((item) => this.text(item, what) ?? []);
  }

  oneOf<T extends string>(node: RawNode | undefined, what: string, values: readonly T[]): T | undefined {
    const text = this.text(node, what);
    if (node === undefined || text === undefined) return undefined;
    const found = values.find((value) => value === text);
    if (found === undefined) this.error('TEST_VALUE', node.span, `${what} cannot be '${text}'`, `it is one of ${values.join(', ')}`);
    return found;
  }
}

/** The entries of `over` put over those of `under`; maps within them are merged too. */
export function merged(under: RawNode | undefined, over: RawNode): RawNode {
  if (under === undefined || under.kind !== 'map' || over.kind !== 'map') return over;
  const kept = under.entries.filter(({ key }) => !over.entries.some((entry) => entry.key.text === key.text));
  const own = over.entries.map(({ key, value }) => {
    const below = under.entries.find((entry) => entry.key.text === key.text)?.value;
    return { key, value: merged(below, value) };
  });
  return { kind: 'map', entries: [...kept, ...own], span: over.span };
}

/** As JSON has it: what is not quoted may be a number, true, false or null. */
export function plain(node: RawNode): unknown {
  switch (node.kind) {
    case 'null':
      return null;
    case 'scalar':
      if (node.quoted) return node.text;
      if (node.text === 'true' || node.text === 'false') return node.text === 'true';
      return /^-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?$/.test(node.text) ? Number(node.text) : node.text;
    case 'sequence':
      return node.items.map(plain);
    case 'map':
      return Object.fromEntries(node.entries.map(({ key, value }) => [key.text, plain(value)]));
    default:
      return node satisfies never;
  }
}
