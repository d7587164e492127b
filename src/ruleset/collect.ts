// SPDX-License-Identifier: Apache-2.0
/** Items of rules files → definitions, in the order and with the redefinition semantics of the ecosystem. */
import { PRIORITIES, type Priority } from '../alert/alert.js';
import type { SourceText } from '../lang/diagnostic.js';
import { Decoder } from './decode.js';
import { checkException, isGiven, readExceptions } from './exceptions.js';
import type { Collection, ExceptionInfo, ListInfo, MacroInfo, PluginRequirement, RuleInfo } from './items.js';
import { MappedText } from './mapped-text.js';
import { readOverrides, takeOverride } from './overrides.js';
import { type Path, type Problems, step } from './problems.js';
import { get, type RawDocuments, type RawMap, type RawNode } from './read.js';
import { readEngineVersion, readPluginVersions } from './requirements.js';
import { compareVersions, type Version } from './versions.js';

export interface CollectOptions {
  /** Names of the sources whose rules are wanted, each with a test for what may stand on the left of a comparison. */
  readonly sources: ReadonlyMap<string, (field: string) => boolean>;
}

const ITEM_KEYS = {
  required_engine_version: ['required_engine_version'],
  required_plugin_versions: ['required_plugin_versions'],
  list: ['list', 'items', 'append', 'override'],
  macro: ['macro', 'condition', 'append', 'override'],
  rule: [
    'rule', 'condition', 'output', 'desc', 'priority', 'source', 'enabled', 'capture', 'capture_duration', 'warn_evttypes',
    'skip-if-unknown-filter', 'tags', 'exceptions', 'override', 'append',
  ],
} as const;
type ItemKind = keyof typeof ITEM_KEYS;

const RULE_APPENDABLE = ['condition', 'output', 'desc', 'tags', 'exceptions'];
const RULE_REPLACEABLE = [
  ...RULE_APPENDABLE, 'priority', 'capture', 'capture_duration', 'enabled', 'warn_evttypes', 'skip-if-unknown-filter',
];

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What an `append` or a `replace` brings; a key that is absent stays as it is. */
type RuleUpdate = Partial<Pick<
  RuleInfo,
  'condition' | 'output' | 'desc' | 'tags' | 'exceptions' | 'priority' | 'capture' | 'captureDuration' | 'enabled' | 'warnEvttypes' | 'skipIfUnknownFilter'
>>;

export class Collector {
  readonly #problems: Problems;
  readonly #sources: CollectOptions['sources'];
  readonly #lists = new Map<string, ListInfo>();
  readonly #macros = new Map<string, MacroInfo>();
  readonly #rules = new Map<string, RuleInfo>();
  readonly #broken = { lists: new Set<string>(), macros: new Set<string>(), rules: new Set<string>() };
  readonly #plugins: (readonly PluginRequirement[])[] = [];
  #engineVersion: Version = { major: 0, minor: 0, patch: 0 };
  #next = 0;

  constructor(problems: Problems, options: CollectOptions) {
    this.#problems = problems;
    this.#sources = options.sources;
  }

  get result(): Collection {
    return {
      lists: this.#lists,
      macros: this.#macros,
      rules: this.#rules,
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
        this.#problems.error('LOAD_ERR_YAML_VALIDATE', path, 'a rules file must be a sequence of items', 'start each item with `- rule:`, `- macro:` or `- list:`', document.span);
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
        this.#problems.warn('LOAD_UNKNOWN_ITEM', unnamed, 'this item is none that is known, and is ignored', 'items are rule, macro, list, required_engine_version and required_plugin_versions');
        return;
      case 'required_engine_version': {
        const version = readEngineVersion(item, parent, this.#problems);
        if (version !== null && compareVersions(this.#engineVersion, version) < 0) this.#engineVersion = version;
        break;
      }
      case 'required_plugin_versions':
        this.#plugins.push(...readPluginVersions(item, parent, this.#problems));
        break;
      case 'list':
        this.#list(item, parent);
        break;
      case 'macro':
        this.#macro(item, parent);
        break;
      case 'rule':
        this.#rule(item, parent);
        break;
      default:
        kind satisfies never;
    }
    this.#checkKeys(item, kind, parent);
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
    if (append === true) this.#warnAppend(decoder.path);
    const overrides = readOverrides(item, [only], [only], decoder.path, this.#problems);
    const broken = kind === 'list' ? this.#broken.lists : this.#broken.macros;
    if (append === undefined || overrides === null || this.#both(append === true, overrides.size > 0, decoder.path)) {
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

  #rule(item: RawMap, parent: Path): void {
    const name = new Decoder(this.#problems, item, step(parent, 'rule', item.span)).text('rule', 'required');
    if (name === undefined || name === null) return;
    const decoder = new Decoder(this.#problems, item, step(parent, 'rule', item.span, name));
    const append = decoder.boolean('append', 'optional');
    if (append === true) this.#warnAppend(decoder.path);
    const source = decoder.text('source', 'empty');
    const overrides = readOverrides(item, RULE_APPENDABLE, RULE_REPLACEABLE, decoder.path, this.#problems);
    if (overrides === null || decoder.failed || this.#both(append === true, overrides.size > 0, decoder.path)) {
      this.#broken.rules.add(name);
      return;
    }
    if (overrides.size > 0) {
      this.#overrideRule(decoder, name, source ?? '', overrides);
    } else if (append === true) {
      const update = this.#readUpdate(decoder, ['condition', 'exceptions'].filter((key) => decoder.has(key)), true);
      if (update !== null) this.#appendRule(decoder.path, name, source ?? '', update);
    } else if (!['condition', 'output', 'desc', 'priority'].some((key) => decoder.has(key))) {
      this.#enableRule(decoder, name);
    } else {
      this.#defineRule(decoder, name);
    }
  }

  #defineRule(decoder: Decoder, name: string): void {
    const condition = decoder.mapped('condition', 'required');
    const output = decoder.mapped('output', 'required');
    const desc = decoder.text('desc', 'required');
    const priority = this.#priority(decoder);
    const source = decoder.text('source', 'optional') ?? 'syscall';
    const enabled = decoder.boolean('enabled', 'optional') ?? true;
    const capture = decoder.boolean('capture', 'optional') ?? false;
    const captureDuration = decoder.unsigned('capture_duration', 'optional') ?? 0;
    const warnEvttypes = decoder.boolean('warn_evttypes', 'optional') ?? true;
    const skipIfUnknownFilter = decoder.boolean('skip-if-unknown-filter', 'optional') ?? false;
    const tags = decoder.scalars('tags', 'optional') ?? [];
    const read = readExceptions(decoder.map, decoder.path, false, this.#problems);
    const isField = this.#sources.get(source);
    if (isField === undefined) {
      this.#problems.warn('LOAD_UNKNOWN_SOURCE', decoder.path, `there is no event source '${source}', so the rule is left out`, `sources are: ${[...this.#sources.keys()].join(', ')}`, decoder.valuePath('source').at(-1)?.span);
    }
    const exceptions = read?.map((exception) => checkException(exception, isField ?? null, this.#problems));
    const previous = this.#rules.get(name);
    const clash = this.#differentSource(previous, source, decoder.path);
    if (
      condition === undefined || condition === null || output === undefined || output === null || desc === undefined ||
      desc === null || priority === undefined || decoder.failed || exceptions === undefined ||
      !exceptions.every((exception) => exception !== null) || clash
    ) {
      if (previous === undefined) this.#broken.rules.add(name);
      return;
    }
    const index = this.#next++;
    this.#rules.set(name, {
      name,
      condition,
      output: output.trim(),
      desc,
      priority,
      source,
      unknownSource: isField === undefined,
      tags: sortedSet(tags.map((tag) => tag.text)),
      enabled,
      exceptions,
      warnEvttypes,
      skipIfUnknownFilter,
      capture,
      captureDuration,
      path: decoder.path,
      conditionPath: decoder.pathOf('condition', 'rule condition'),
      outputPath: decoder.pathOf('output', 'rule output'),
      index: previous?.index ?? index,
      visibility: index,
    });
  }

  #enableRule(decoder: Decoder, name: string): void {
    const enabled = decoder.boolean('enabled', 'required');
    if (enabled === undefined || enabled === null) return;
    this.#problems.warn('LOAD_DEPRECATED_ITEM', decoder.path, `'enabled' by itself is deprecated`, 'add `override:` with `enabled: replace` below the rule');
    const previous = this.#rules.get(name);
    if (previous !== undefined) this.#rules.set(name, { ...previous, enabled });
    else if (!this.#broken.rules.has(name)) {
      this.#problems.error('LOAD_ERR_VALIDATE', decoder.path, `there is no rule '${name}' yet to enable or disable`, 'define the rule in an earlier item or file; a rule of its own needs desc, condition, output and priority');
    }
  }

  #overrideRule(decoder: Decoder, name: string, source: string, overrides: ReadonlyMap<string, ReadonlySet<string>>): void {
    const unused = new Set(RULE_REPLACEABLE.filter((key) => decoder.has(key)));
    const appended = takeOverride(overrides, 'append', unused, decoder, this.#problems);
    const replaced = takeOverride(overrides, 'replace', unused, decoder, this.#problems);
    for (const key of unused) {
      this.#problems.error('LOAD_ERR_YAML_VALIDATE', step(decoder.path, 'overrides', decoder.map.span, key), `the key '${key}' has no entry below 'override'`, `add \`${key}: replace\`${RULE_APPENDABLE.includes(key) ? ` or \`${key}: append\`` : ''} below override`, decoder.valuePath(key).at(-1)?.span);
    }
    if (appended === null || replaced === null || unused.size > 0) return;
    if (appended.length > 0) {
      const update = this.#readUpdate(decoder, appended, true);
      if (update !== null) this.#appendRule(decoder.path, name, source, update);
    }
    if (replaced.length > 0) {
      const update = this.#readUpdate(decoder, replaced, false);
      if (update !== null) this.#replaceRule(decoder.path, name, source, update);
    }
  }

  #readUpdate(decoder: Decoder, keys: readonly string[], appending: boolean): RuleUpdate | null {
    const update: Mutable<RuleUpdate> = {};
    let whole = true;
    const use = <T>(value: T | null | undefined, set: (value: T) => void) => {
      if (value === undefined || value === null) whole = false;
      else set(value);
    };
    for (const key of keys) {
      if (key === 'condition') use(decoder.mapped('condition', 'required'), (v) => { update.condition = v; });
      else if (key === 'output') use(decoder.mapped('output', 'required'), (v) => { update.output = v; });
      else if (key === 'desc') use(decoder.text('desc', 'required'), (v) => { update.desc = v; });
      else if (key === 'tags') use(decoder.scalars('tags', 'required'), (v) => { update.tags = v.map((tag) => tag.text); });
      else if (key === 'priority') use(this.#priority(decoder), (v) => { update.priority = v; });
      else if (key === 'capture') use(decoder.boolean('capture', 'required'), (v) => { update.capture = v; });
      else if (key === 'capture_duration') use(decoder.unsigned('capture_duration', 'required'), (v) => { update.captureDuration = v; });
      else if (key === 'enabled') use(decoder.boolean('enabled', 'required'), (v) => { update.enabled = v; });
      else if (key === 'warn_evttypes') use(decoder.boolean('warn_evttypes', 'required'), (v) => { update.warnEvttypes = v; });
      else if (key === 'skip-if-unknown-filter') use(decoder.boolean(key, 'required'), (v) => { update.skipIfUnknownFilter = v; });
      else use(readExceptions(decoder.map, decoder.path, appending, this.#problems), (v) => { update.exceptions = v; });
    }
    return whole ? update : null;
  }

  #appendRule(path: Path, name: string, source: string, update: RuleUpdate): void {
    const previous = this.#previousRule(path, name, source, 'append to');
    if (previous === null) return;
    if (Object.keys(update).length === 0) {
      this.#problems.error('LOAD_ERR_VALIDATE', path, `the item appends nothing to the rule '${name}'`, 'add a condition or exceptions to append');
      return;
    }
    const exceptions = this.#appendedExceptions(previous, update.exceptions ?? []);
    if (exceptions === null) return;
    this.#rules.set(name, {
      ...previous,
      condition: update.condition === undefined ? previous.condition : joined(previous.condition, update.condition),
      output: update.output === undefined ? previous.output : joined(previous.output, update.output),
      desc: update.desc === undefined ? previous.desc : `${previous.desc} ${update.desc}`,
      tags: sortedSet([...previous.tags, ...(update.tags ?? [])]),
      exceptions,
      visibility: this.#next++,
    });
  }

  #appendedExceptions(rule: RuleInfo, added: readonly ExceptionInfo[]): readonly ExceptionInfo[] | null {
    const exceptions = [...rule.exceptions];
    const isField = this.#sources.get(rule.source) ?? null;
    let whole = true;
    const refuse = (exception: ExceptionInfo, message: string, hint: string) => {
      whole = false;
      this.#problems.error('LOAD_ERR_VALIDATE', exception.path, message, hint);
    };
    for (const exception of added) {
      const at = exceptions.findIndex((other) => other.name === exception.name);
      if (at === -1) {
        if (isGiven(exception.fields) && exception.values.length === 0) {
          refuse(exception, `the new exception '${exception.name}' has no values`, 'add `values: [...]`');
          continue;
        }
        const checked = checkException(exception, isField, this.#problems);
        if (checked === null) whole = false;
        else exceptions.push(checked);
      } else if (isGiven(exception.fields) || isGiven(exception.comps)) {
        refuse(exception, `the exception '${exception.name}' has its fields and comps already: only values can be appended`, `remove fields and comps here, or use another name`);
      } else {
        exceptions[at] = { ...exceptions[at], values: [...exceptions[at].values, ...exception.values] };
      }
    }
    return whole ? exceptions : null;
  }

  #replaceRule(path: Path, name: string, source: string, update: RuleUpdate): void {
    const previous = this.#previousRule(path, name, source, 'replace keys of');
    if (previous === null) return;
    const isField = this.#sources.get(previous.source) ?? null;
    const exceptions = update.exceptions?.map((exception) => checkException(exception, isField, this.#problems));
    if (exceptions?.some((exception) => exception === null)) return;
    const replaced: RuleInfo = { ...previous, ...update, visibility: this.#next++ };
    this.#rules.set(name, {
      ...replaced,
      tags: sortedSet(replaced.tags),
      exceptions: exceptions?.filter((exception) => exception !== null) ?? previous.exceptions,
    });
  }

  #previousRule(path: Path, name: string, source: string, verb: string): RuleInfo | null {
    const previous = this.#rules.get(name);
    if (previous === undefined) {
      if (!this.#broken.rules.has(name)) {
        this.#problems.error('LOAD_ERR_VALIDATE', path, `there is no rule '${name}' yet to ${verb}`, 'define the rule in an earlier item or file');
      }
      return null;
    }
    return this.#differentSource(previous, source, path) ? null : previous;
  }

  #differentSource(previous: RuleInfo | undefined, source: string, path: Path): boolean {
    if (previous === undefined || previous.source === '' || source === '' || previous.source === source) return false;
    this.#problems.error('LOAD_ERR_VALIDATE', path, `the rule '${previous.name}' is of source '${previous.source}' and cannot be redefined for '${source}'`, 'give the rule of the other source a name of its own');
    return true;
  }

  #priority(decoder: Decoder): Priority | undefined {
    const text = decoder.text('priority', 'required');
    if (text === undefined || text === null) return undefined;
    const priority = parsePriority(text);
    if (priority !== null) return priority;
    decoder.failed = true;
    this.#problems.error('LOAD_ERR_YAML_VALIDATE', decoder.pathOf('priority', 'rule priority'), `'${text}' is no priority`, `priorities are: ${PRIORITIES.join(', ')}`);
    return undefined;
  }

  #warnAppend(path: Path): void {
    this.#problems.warn('LOAD_DEPRECATED_ITEM', path, `the key 'append' is deprecated`, 'add `override:` with `condition: append` (or the key that is appended) instead');
  }

  #both(append: boolean, overrides: boolean, path: Path): boolean {
    if (!append || !overrides) return false;
    this.#problems.error('LOAD_ERR_YAML_VALIDATE', path, `'append: true' and 'override' cannot stand together`, `remove 'append' and write \`condition: append\` below override`);
    return true;
  }
}

/** By name in any case; `info` is short for Informational. Null: no such priority. */
export function parsePriority(text: string): Priority | null {
  const lower = text.toLowerCase();
  if (lower === 'info') return 'Informational';
  return PRIORITIES.find((priority) => priority.toLowerCase() === lower) ?? null;
}

function joined(first: MappedText, second: MappedText): MappedText {
  return MappedText.concat([first, MappedText.at(second.spanOf(0, 1), ' '), second]);
}

function sortedSet(values: readonly string[]): readonly string[] {
  return [...new Set(values)].sort();
}

/** The known word that is one or two letters away. */
function closest(word: string, known: readonly string[]): string | null {
  let best: string | null = null;
  let bestDistance = 3;
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length];
}
