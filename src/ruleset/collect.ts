// SPDX-License-Identifier: Apache-2.0
/** Items of rules files → definitions, in the order and with the redefinition semantics of the ecosystem. */
import type { SourceText } from '../lang/diagnostic.js';
import { closest } from '../lang/suggest.js';
import { Decoder } from './decode.js';
import type { Collection, ListInfo, MacroInfo, PluginRequirement } from './items.js';
import { appendsAndOverrides, readOverrides, warnAppend } from './overrides.js';
import { type Path, type Problems, step } from './problems.js';
import { get, type RawDocuments, type RawMap, type RawNode } from './read.js';
import { readEngineVersion, readPluginVersions } from './requirements.js';
import { joined, RuleCollector, type Sources } from './rule-items.js';
import { compareVersions, type Version } from './versions.js';

const ITEM_KEYS = {
  required_engine_version: ['required_engine_version'],
  required_plugin_versions: ['required_plugin_versions'],
  list: ['list', 'items', 'append', 'override'],
  macro: ['macro', 'condition', 'append', 'override'],
  rule: [
    'rule', 'condition', 'output', 'desc', 'priority', 'source', 'enabled', 'capture', 'capture_duration', 'throttle', 'deduplicate',
    'warn_evttypes', 'skip-if-unknown-filter', 'tags', 'exceptions', 'override', 'append',
  ],
} as const;
type ItemKind = keyof typeof ITEM_KEYS;

export class Collector {
  readonly #problems: Problems;
  readonly #lists = new Map<string, ListInfo>();
  readonly #macros = new Map<string, MacroInfo>();
  readonly #rules: RuleCollector;
  readonly #broken = { lists: new Set<string>(), macros: new Set<string>() };
  readonly #plugins: (readonly PluginRequirement[])[] = [];
  #engineVersion: Version = { major: 0, minor: 0, patch: 0 };
  #next = 0;

  constructor(problems: Problems, sources: Sources) {
    this.#problems = problems;
    this.#rules = new RuleCollector(problems, sources, () => this.#next++);
  }

  get result(): Collection {
    return {
      lists: this.#lists,
      macros: this.#macros,
      rules: this.#rules.rules,
      requiredEngineVersion: this.#engineVersion,
      requiredPluginVersions: this.#plugins,
      broken: this.#broken,
    };
  }

  /** Adds one file's items. Files are added in the order in which they are configured. */
  add(source: SourceText, documents: RawDocuments['documents']): void {
    const path: Path = [{ type: 'rules content', name: '', span: { source, start: 0, end: 0 } }];
    for (const document of documents) {
      if (document.kind === 'null') continue;
      if (document.kind !== 'sequence') {
        this.#problems.error('LOAD_ERR_YAML_VALIDATE', path, 'a rules file must be a sequence of items', notItemsHint(document), document.span);
        continue;
      }
      for (const item of document.items) if (item.kind !== 'null') this.#item(item, path);
    }
  }

  #item(item: RawNode, parent: Path): void {
    const unnamed = step(parent, 'rules content item', item.span);
    if (item.kind !== 'map') {
      this.#problems.error('LOAD_ERR_YAML_VALIDATE', unnamed, `an item is a ${item.kind}, not a mapping`, 'start each item with `- rule:`, `- macro:` or `- list:`');
      return;
    }
    const kind = (Object.keys(ITEM_KEYS) as ItemKind[]).find((key) => get(item, key) !== undefined);
    switch (kind) {
      case undefined:
        this.#unknownItem(item, unnamed);
        return;
      case 'required_engine_version': {
        const version = readEngineVersion(item, parent, this.#problems);
        if (version !== null && compareVersions(this.#engineVersion, version) < 0) this.#engineVersion = version;
        break;
      }
      case 'required_plugin_versions':
        for (const required of readPluginVersions(item, parent, this.#problems)) this.#plugins.push(required);
        break;
      case 'list':
        this.#list(item, parent);
        break;
      case 'macro':
        this.#macro(item, parent);
        break;
      case 'rule':
        this.#rules.add(item, parent);
        break;
      default:
        kind satisfies never;
    }
    this.#checkKeys(item, kind, parent);
  }

  #unknownItem(item: RawMap, path: Path): void {
    const kinds = Object.keys(ITEM_KEYS);
    const near = item.entries.map(({ key }) => closest(key.text, kinds)).find((kind) => kind !== null);
    const hint = near === undefined ? `items are: ${kinds.join(', ')}` : `did you mean '${near}'?`;
    this.#problems.warn('LOAD_UNKNOWN_ITEM', path, 'this is no item that is known, and it is ignored', hint);
  }

  #checkKeys(item: RawMap, kind: ItemKind, parent: Path): void {
    const known: readonly string[] = ITEM_KEYS[kind];
    const head = get(item, kind);
    const name = head?.kind === 'scalar' && kind !== 'required_engine_version' ? head.text : '';
    const path = step(parent, kind === 'required_plugin_versions' ? 'required plugin versions' : kind, item.span, name);
    const seen = new Set<string>();
    for (const { key } of item.entries) {
      if (seen.has(key.text)) {
        this.#problems.warn('LOAD_DUPLICATE_KEY', path, `the key '${key.text}' is written twice, and only the first one counts`, 'remove one of them', key.span);
      } else if (!known.includes(key.text)) {
        const near = closest(key.text, known);
        const hint = near === null ? `a ${kind} knows: ${known.join(', ')}` : `did you mean '${near}'?`;
        this.#problems.warn('LOAD_UNKNOWN_KEY', path, `unknown key '${key.text}', which is ignored`, hint, key.span);
      }
      seen.add(key.text);
    }
  }

  /** The name of a list or macro, and whether the item appends to the earlier one. */
  #named(item: RawMap, kind: 'list' | 'macro', only: string, parent: Path): { decoder: Decoder; name: string; appends: boolean } | null {
    const name = new Decoder(this.#problems, item, step(parent, kind, item.span)).text(kind, 'required');
    if (name === undefined || name === null) return null;
    const decoder = new Decoder(this.#problems, item, step(parent, kind, item.span, name));
    const append = decoder.boolean('append', 'optional');
    if (append === true) warnAppend(decoder.path, this.#problems);
    const overrides = readOverrides(item, [only], [only], decoder.path, this.#problems);
    const broken = kind === 'list' ? this.#broken.lists : this.#broken.macros;
    if (append === undefined || overrides === null || appendsAndOverrides(append === true, overrides.size > 0, decoder.path, this.#problems)) {
      broken.add(name);
      return null;
    }
    return { decoder, name, appends: append === true || overrides.get(only)?.has('append') === true };
  }

  #list(item: RawMap, parent: Path): void {
    const named = this.#named(item, 'list', 'items', parent);
    if (named === null) return;
    const { decoder, name, appends } = named;
    if (!/^[^()"'\s=,]+$/.test(name)) {
      this.#problems.warn('LOAD_INVALID_LIST_NAME', decoder.path, `a condition cannot refer to a list named '${name}'`, 'use no blanks, quotes, parentheses, commas or = in the name');
    }
    const items = decoder.scalars('items', 'required')?.map((value) => ({ text: value.text, mapped: value.mapped() }));
    if (items === undefined || decoder.failed) {
      this.#broken.lists.add(name);
      return;
    }
    const previous = this.#lists.get(name);
    if (appends) {
      if (previous !== undefined) {
        this.#lists.set(name, { ...previous, items: [...previous.items, ...items], visibility: this.#next++ });
      } else if (!this.#broken.lists.has(name)) {
        this.#problems.error('LOAD_ERR_VALIDATE', decoder.path, `there is no list '${name}' yet to append to`, 'define the list in an earlier item or file, or remove the append');
      }
      return;
    }
    const index = this.#next++;
    this.#lists.set(name, { name, items, path: decoder.path, index: previous?.index ?? index, visibility: index });
  }

  #macro(item: RawMap, parent: Path): void {
    const named = this.#named(item, 'macro', 'condition', parent);
    if (named === null) return;
    const { decoder, name, appends } = named;
    if (!/^[a-zA-Z]+[a-zA-Z0-9_]*$/.test(name)) {
      this.#problems.warn('LOAD_INVALID_MACRO_NAME', decoder.path, `a condition cannot refer to a macro named '${name}'`, 'start the name with a letter and go on with letters, digits and _');
    }
    const condition = decoder.mapped('condition', 'required');
    if (condition === undefined || condition === null) {
      this.#broken.macros.add(name);
      return;
    }
    const conditionPath = decoder.pathOf('condition', 'macro condition');
    const previous = this.#macros.get(name);
    if (appends) {
      if (previous !== undefined) {
        this.#macros.set(name, { ...previous, condition: joined(previous.condition, condition), visibility: this.#next++ });
      } else if (!this.#broken.macros.has(name)) {
        this.#problems.error('LOAD_ERR_VALIDATE', decoder.path, `there is no macro '${name}' yet to append to`, 'define the macro in an earlier item or file, or remove the append');
      }
      return;
    }
    const index = this.#next++;
    this.#macros.set(name, { name, condition, path: decoder.path, conditionPath, index: previous?.index ?? index, visibility: index });
  }
}

/** What somebody meant who wrote a file of rules that is no list. */
function notItemsHint(document: RawNode): string {
  if (document.kind === 'map') {
    if (get(document, 'customRules') !== undefined) return "these are Helm values: rules are what stands as text below 'customRules'";
    if (get(document, 'apiVersion') !== undefined) return "this is a Kubernetes manifest: rules are what stands as text below 'data'";
    const kind = Object.keys(ITEM_KEYS).find((key) => get(document, key) !== undefined);
    if (kind !== undefined) return `put '- ' before '${kind}', and two blanks before each line that belongs to it`;
  }
  return 'start each item with `- rule:`, `- macro:` or `- list:`';
}
