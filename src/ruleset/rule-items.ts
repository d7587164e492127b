// SPDX-License-Identifier: Apache-2.0
/** Rule items: definitions, and what later items append to them, replace in them, or switch on and off. */
import { PRIORITIES, type Priority } from '../alert/alert.js';
import { closest } from '../lang/suggest.js';
import { parseDuration, parseRate } from '../util/duration.js';
import { Decoder, type Need } from './decode.js';
import { checkException, isGiven, readExceptions } from './exceptions.js';
import type { ExceptionInfo, Limit, RuleInfo } from './items.js';
import { MappedText } from './mapped-text.js';
import { appendsAndOverrides, readOverrides, takeOverride, warnAppend } from './overrides.js';
import { type Path, type Problems, step } from './problems.js';
import type { RawMap } from './read.js';

/** Names of the sources whose rules are wanted, each with a test for what may stand on the left of a comparison. */
export type Sources = ReadonlyMap<string, (field: string) => boolean>;

const APPENDABLE = ['condition', 'output', 'desc', 'tags', 'exceptions'];
const REPLACEABLE = [
  ...APPENDABLE, 'priority', 'capture', 'capture_duration', 'throttle', 'deduplicate', 'enabled', 'warn_evttypes',
  'skip-if-unknown-filter',
];

const OFF = /^(off|no|false)$/i;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What an `append` or a `replace` brings; a key that is absent stays as it is. */
type RuleUpdate = Partial<Pick<
  RuleInfo,
  'condition' | 'output' | 'desc' | 'tags' | 'exceptions' | 'priority' | 'capture' | 'captureDuration' | 'throttle' | 'deduplicate' | 'enabled' | 'warnEvttypes' | 'skipIfUnknownFilter'
>>;

export class RuleCollector {
  readonly rules = new Map<string, RuleInfo>();
  /** Rules that cannot be kept even for the sake of their other mistakes. */
  readonly broken = new Set<string>();
  readonly #problems: Problems;
  readonly #sources: Sources;
  readonly #nextIndex: () => number;

  constructor(problems: Problems, sources: Sources, nextIndex: () => number) {
    this.#problems = problems;
    this.#sources = sources;
    this.#nextIndex = nextIndex;
  }

  add(item: RawMap, parent: Path): void {
    const name = new Decoder(this.#problems, item, step(parent, 'rule', item.span)).text('rule', 'required');
    if (name === undefined || name === null) return;
    const decoder = new Decoder(this.#problems, item, step(parent, 'rule', item.span, name));
    const append = decoder.boolean('append', 'optional');
    if (append === true) warnAppend(decoder.path, this.#problems);
    const source = decoder.text('source', 'empty');
    const overrides = readOverrides(item, APPENDABLE, REPLACEABLE, decoder.path, this.#problems);
    if (overrides === null || decoder.failed || appendsAndOverrides(append === true, overrides.size > 0, decoder.path, this.#problems)) {
      this.broken.add(name);
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
    const throttle = this.#limit(decoder, 'throttle', 'optional', parseRate, '10/1m') ?? null;
    const deduplicate = this.#limit(decoder, 'deduplicate', 'optional', parseDuration, '5m') ?? null;
    const warnEvttypes = decoder.boolean('warn_evttypes', 'optional') ?? true;
    const skipIfUnknownFilter = decoder.boolean('skip-if-unknown-filter', 'optional') ?? false;
    const tags = decoder.scalars('tags', 'optional') ?? [];
    const read = readExceptions(decoder.map, decoder.path, false, this.#problems);
    const isField = this.#sources.get(source);
    if (isField === undefined) {
      const names = [...this.#sources.keys()];
      const near = closest(source, names);
      this.#problems.warn('LOAD_UNKNOWN_SOURCE', decoder.path, `there is no event source '${source}', so the rule is left out`, near === null ? `sources are: ${names.join(', ')}` : `did you mean '${near}'?`, decoder.valuePath('source').at(-1)?.span);
    }
    const exceptions = read.exceptions.map((exception) => checkException(exception, isField ?? null, this.#problems));
    const previous = this.rules.get(name);
    const clash = this.#differentSource(previous, source, decoder.path);
    if (condition === undefined || condition === null || output === undefined || output === null || clash) {
      if (previous === undefined) this.broken.add(name);
      return;
    }
    // A rule with a mistake in another key is kept: nothing runs then, but its condition and output are looked at too.
    const index = this.#nextIndex();
    this.rules.set(name, {
      name,
      condition,
      output: output.trim(),
      desc: desc ?? '',
      priority: priority ?? 'Debug',
      source,
      unknownSource: isField === undefined,
      tags: sortedSet(tags.map((tag) => tag.text)),
      enabled,
      exceptions: exceptions.filter((exception) => exception !== null),
      warnEvttypes,
      skipIfUnknownFilter,
      capture,
      captureDuration,
      throttle,
      deduplicate,
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
    const previous = this.rules.get(name);
    if (previous !== undefined) this.rules.set(name, { ...previous, enabled });
    else if (!this.broken.has(name)) {
      this.#problems.error('LOAD_ERR_VALIDATE', decoder.path, `there is no rule '${name}' yet to enable or disable`, 'define the rule in an earlier item or file; a rule of its own needs desc, condition, output and priority');
    }
  }

  #overrideRule(decoder: Decoder, name: string, source: string, overrides: ReadonlyMap<string, ReadonlySet<string>>): void {
    const unused = new Set(REPLACEABLE.filter((key) => decoder.has(key)));
    const appended = takeOverride(overrides, 'append', unused, decoder, this.#problems);
    const replaced = takeOverride(overrides, 'replace', unused, decoder, this.#problems);
    for (const key of unused) {
      this.#problems.error('LOAD_ERR_YAML_VALIDATE', step(decoder.path, 'overrides', decoder.map.span, key), `the key '${key}' has no entry below 'override'`, `add \`${key}: replace\`${APPENDABLE.includes(key) ? ` or \`${key}: append\`` : ''} below override`, decoder.valuePath(key).at(-1)?.span);
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
      else if (key === 'throttle') use(this.#limit(decoder, key, 'required', parseRate, '10/1m'), (v) => { update.throttle = v; });
      else if (key === 'deduplicate') use(this.#limit(decoder, key, 'required', parseDuration, '5m'), (v) => { update.deduplicate = v; });
      else if (key === 'enabled') use(decoder.boolean('enabled', 'required'), (v) => { update.enabled = v; });
      else if (key === 'warn_evttypes') use(decoder.boolean('warn_evttypes', 'required'), (v) => { update.warnEvttypes = v; });
      else if (key === 'skip-if-unknown-filter') use(decoder.boolean(key, 'required'), (v) => { update.skipIfUnknownFilter = v; });
      else {
        const { exceptions, whole: read } = readExceptions(decoder.map, decoder.path, appending, this.#problems);
        update.exceptions = exceptions;
        whole = whole && read;
      }
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
    this.rules.set(name, {
      ...previous,
      condition: update.condition === undefined ? previous.condition : joined(previous.condition, update.condition),
      output: update.output === undefined ? previous.output : joined(previous.output, update.output),
      desc: update.desc === undefined ? previous.desc : `${previous.desc} ${update.desc}`,
      tags: sortedSet([...previous.tags, ...(update.tags ?? [])]),
      exceptions,
      visibility: this.#nextIndex(),
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
    const replaced: RuleInfo = { ...previous, ...update, visibility: this.#nextIndex() };
    this.rules.set(name, {
      ...replaced,
      tags: sortedSet(replaced.tags),
      exceptions: exceptions?.filter((exception) => exception !== null) ?? previous.exceptions,
    });
  }

  #previousRule(path: Path, name: string, source: string, verb: string): RuleInfo | null {
    const previous = this.rules.get(name);
    if (previous === undefined) {
      if (!this.broken.has(name)) {
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

  /** `off`, or what `parse` makes of the text. */
  #limit<T>(decoder: Decoder, key: string, need: Need, parse: (text: string) => T | null, example: string): Limit<T> | null | undefined {
    const text = decoder.text(key, need);
    if (text === undefined || text === null) return text;
    if (OFF.test(text)) return 'off';
    const limit = parse(text);
    if (limit !== null) return limit;
    decoder.failed = true;
    this.#problems.error('LOAD_ERR_YAML_VALIDATE', decoder.pathOf(key, `rule ${key}`), `'${text}' is no value for '${key}'`, `write it as in \`${key}: ${example}\`, or \`${key}: off\``);
    return undefined;
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
}

/** By name in any case; `info` is short for Informational. Null: no such priority. */
export function parsePriority(text: string): Priority | null {
  const lower = text.toLowerCase();
  if (lower === 'info') return 'Informational';
  return PRIORITIES.find((priority) => priority.toLowerCase() === lower) ?? null;
}

/** The second behind the first, with a blank between them. */
export function joined(first: MappedText, second: MappedText): MappedText {
  return MappedText.concat([first, MappedText.at(second.spanOf(0, 1), ' '), second]);
}

function sortedSet(values: readonly string[]): readonly string[] {
  return [...new Set(values)].sort();
}
