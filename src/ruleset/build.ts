// SPDX-License-Identifier: Apache-2.0
/** Definitions → rules that an engine can run. */
import { PRIORITIES, type Priority } from '../alert/alert.js';
import type { Expr, LangError } from '../lang/ast.js';
import { check } from '../lang/check.js';
import { parse } from '../lang/parse.js';
import { resolve } from '../lang/resolve.js';
import { buildOutput, type OutputOptions } from './build-output.js';
import { eventNamesOf } from './event-types.js';
import { expandExceptions } from './exceptions.js';
import type { Collection, MacroInfo, RuleInfo } from './items.js';
import { checkHabits } from './habits.js';
import { type CompiledList, compileLists, MAX_CONDITION_LENGTH, substituteLists } from './lists.js';
import type { MappedText } from './mapped-text.js';
import { type ErrorCode, type Path, type Problems, step, type WarningCode } from './problems.js';
import type { AnyCatalogue, CompiledMacro, Rule, Ruleset } from './ruleset.js';
import { enabledInOrder, type RuleSelection } from './selection.js';

export interface BuildOptions extends OutputOptions {
  readonly catalogues: readonly AnyCatalogue[];
  readonly selection: readonly RuleSelection[];
  /** Rules of a lower priority are not enabled, whatever the selection says. */
  readonly minPriority: Priority;
}

/** A syscall rule that can match more event types than this slows everything down. */
const MANY_EVENT_TYPES = 100;

/**
 * The errors that `skip-if-unknown-filter` turns into warnings. The first one decides, and the output is looked at before the
 * condition: rules for a later release may have in them whatever that knows.
 */
const UNKNOWN_NAMES: ReadonlySet<string> = new Set(['COND_UNKNOWN_FIELD', 'COND_UNKNOWN_EVENT_TYPE']);
const VALIDATION_ERRORS: ReadonlySet<string> = new Set(['COND_UNKNOWN_MACRO', 'COND_MACRO_LOOP', 'COND_TOO_LARGE']);

/** Stands in for a macro that has an error of its own, so that its users are not blamed. */
const PLACEHOLDER: Expr = { kind: 'exists', left: { kind: 'field', name: 'evt.num', argument: null, start: 0, end: 0 }, start: 0, end: 0 };

type UnorderedRule = Omit<Rule, 'index' | 'enabled'>;

interface ParsedMacro {
  readonly info: MacroInfo;
  readonly text: MappedText;
  readonly ast: Expr;
}

/** What an offset of a condition (or of a macro in it) belongs to. */
interface Scope {
  readonly text: MappedText;
  readonly path: Path;
}

export function buildRuleset(collection: Collection, options: BuildOptions, problems: Problems): Ruleset {
  return new Builder(collection, options, problems).build();
}

class Builder {
  readonly #collection: Collection;
  readonly #options: BuildOptions;
  readonly #problems: Problems;
  readonly #usedLists = new Set<string>();
  readonly #usedMacros = new Set<string>();
  readonly #catalogues: ReadonlyMap<string, AnyCatalogue>;
  readonly #lists: readonly CompiledList[];
  readonly #macros = new Map<string, ParsedMacro>();

  constructor(collection: Collection, options: BuildOptions, problems: Problems) {
    this.#collection = collection;
    this.#options = options;
    this.#problems = problems;
    this.#catalogues = new Map(options.catalogues.map((catalogue) => [catalogue.source, catalogue]));
    this.#lists = compileLists(collection, this.#usedLists, problems);
  }

  build(): Ruleset {
    const macros = this.#buildMacros();
    const rules: UnorderedRule[] = [];
    for (const info of this.#collection.rules.values()) {
      if (info.unknownSource) continue;
      const rule = this.#buildRule(info, macros);
      if (rule !== null) rules.push(rule);
    }
    const compiled: CompiledMacro[] = [...this.#collection.macros].map(([name, info]) => ({
      name,
      text: this.#macros.get(name)?.text ?? info.condition,
      condition: macros.get(name) ?? PLACEHOLDER,
      used: this.#usedMacros.has(name),
    }));
    const lists = this.#lists.map((list) => ({ ...list, used: this.#usedLists.has(list.name) }));
    // With an error somewhere, what its item would have used is not known.
    if (!this.#problems.hasErrors) this.#warnUnused(compiled, lists);
    return { rules: this.#ordered(rules), macros: compiled, lists, collection: this.#collection };
  }

  /** Name → resolved tree. A macro sees those that were defined before it was last touched. */
  #buildMacros(): ReadonlyMap<string, Expr> {
    for (const info of this.#collection.macros.values()) {
      const text = this.#withLists(info.condition, info.conditionPath);
      const ast = text === null ? null : this.#parse(text, info.condition, info.conditionPath);
      this.#macros.set(info.name, { info, text: text ?? info.condition, ast: ast ?? PLACEHOLDER });
    }
    const resolved = new Map<string, Expr>();
    for (const macro of this.#macros.values()) {
      const visible = new Map<string, Expr>();
      for (const other of this.#macros.values()) {
        if (other.info.index < macro.info.visibility) visible.set(other.info.name, resolved.get(other.info.name) ?? other.ast);
      }
      for (const name of this.#collection.broken.macros) if (!visible.has(name)) visible.set(name, PLACEHOLDER);
      const scope = { text: macro.text, path: macro.info.conditionPath };
      const { ast, whole } = this.#resolve(macro.ast, visible, scope);
      resolved.set(macro.info.name, whole ? ast : PLACEHOLDER);
    }
    for (const name of this.#collection.broken.macros) if (!resolved.has(name)) resolved.set(name, PLACEHOLDER);
    return resolved;
  }

  #ordered(rules: readonly UnorderedRule[]): readonly Rule[] {
    const { selection, minPriority } = this.#options;
    const lowest = PRIORITIES.indexOf(minPriority);
    const candidates = rules.filter((rule) => PRIORITIES.indexOf(rule.priority) <= lowest);
    const enabled = new Set(enabledInOrder(candidates, (rule) => rule.info.enabled, selection));
    const others = rules.filter((rule) => !enabled.has(rule));
    return [...enabled, ...others].map((rule, index) => ({ ...rule, index, enabled: enabled.has(rule) }));
  }

  #buildRule(info: RuleInfo, macros: ReadonlyMap<string, Expr>): UnorderedRule | null {
    const catalogue = this.#catalogues.get(info.source);
    if (catalogue === undefined) return null;
    const output = buildOutput(info, catalogue, this.#options, this.#problems);
    if (output === 'skipped') return null;
    const condition = this.#buildCondition(info, catalogue, macros);
    if (output === null || condition === null) return null;
    return {
      name: info.name,
      desc: info.desc,
      source: info.source,
      priority: info.priority,
      tags: info.tags,
      ...condition,
      conditionText: info.condition.text,
      ...output,
      warnEvttypes: info.warnEvttypes,
      skipIfUnknownFilter: info.skipIfUnknownFilter,
      capture: info.capture,
      captureDuration: info.captureDuration,
      throttle: info.throttle,
      deduplicate: info.deduplicate,
      span: info.path[info.path.length - 1].span,
      info,
    };
  }

  #buildCondition(info: RuleInfo, catalogue: AnyCatalogue, macros: ReadonlyMap<string, Expr>): Pick<Rule, 'condition' | 'text' | 'exceptionFields'> | null {
    const expanded = expandExceptions(info.condition, info.exceptions, this.#problems);
    const text = this.#withLists(expanded.text, info.conditionPath);
    if (text === null) return null;
    const parsed = this.#parse(text, expanded.text, info.conditionPath);
    if (parsed === null) return null;
    const scope = { text, path: info.conditionPath };
    const { ast: condition, whole: resolved } = this.#resolve(parsed, macros, scope);
    checkHabits(condition, (code, message, hint, node, inMacros) => this.#report(code, message, hint, node, inMacros, scope, 'warning'));
    // Deprecation is told by the above; the catalogue marks fields that upstream does not warn about.
    const found = check(condition, catalogue).filter((error) => error.code !== 'COND_WARN_DEPRECATED');
    const errors = found.filter((error) => error.severity === 'error');
    const skip = info.skipIfUnknownFilter && errors.length > 0 && UNKNOWN_NAMES.has((errors[0] as LangError).code);
    for (const error of found) {
      if (error.severity === 'warning') this.#lang(error, 'LOAD_COMPILE_CONDITION', 'warning', scope);
      else if (skip && !UNKNOWN_NAMES.has(error.code)) continue;
      else if (skip) this.#lang({ ...error, hint: 'the rule is left out, as its skip-if-unknown-filter says' }, 'LOAD_UNKNOWN_FILTER', 'warning', scope);
      else this.#lang(error, 'LOAD_ERR_COMPILE_CONDITION', 'error', scope);
    }
    if (errors.length > 0 || !resolved) return null;
    if (info.source === 'syscall' && info.warnEvttypes && this.#countEventTypes(condition, catalogue) > MANY_EVENT_TYPES) {
      this.#problems.warn('LOAD_NO_EVTTYPE', info.path, 'the rule is tried on nearly every event, which costs time on each', 'begin the condition with the event types that matter, as in `evt.type in (execve, execveat) and ...`, or set `warn_evttypes: false`');
    }
    return { condition, text, exceptionFields: expanded.fields };
  }

  #countEventTypes(condition: Expr, catalogue: AnyCatalogue): number {
    const codes = new Set<number>();
    for (const name of eventNamesOf(condition, new Set(catalogue.eventTypes.keys()))) {
      for (const code of catalogue.eventTypes.get(name) ?? []) codes.add(code);
    }
    return codes.size;
  }

  #withLists(condition: MappedText, path: Path): MappedText | null {
    const text = substituteLists(condition, this.#lists, this.#usedLists);
    if (text === null) {
      this.#problems.error('LOAD_ERR_VALIDATE', path, `the condition is longer than ${MAX_CONDITION_LENGTH} characters with its lists in place`, 'look for lists that hold each other many times');
    }
    return text;
  }

  /** `written` is the condition before lists were put in: a mistake that is there already is reported as it stands there. */
  #parse(text: MappedText, written: MappedText, path: Path): Expr | null {
    const parsed = parse(text.text);
    if (parsed.ast !== null) return parsed.ast;
    const before = parse(written.text);
    let errors = before.errors;
    if (before.ast !== null) {
      const lists = new Map(this.#lists.map((list) => [list.name, list.items.map((item) => item.text)]));
      errors = resolve(before.ast, { macros: this.#trees(), lists }).errors;
    }
    const scope = errors.length > 0 ? { text: written, path } : { text, path };
    for (const error of errors.length > 0 ? errors : parsed.errors) {
      this.#lang(error, VALIDATION_ERRORS.has(error.code) ? 'LOAD_ERR_VALIDATE' : 'LOAD_ERR_COMPILE_CONDITION', 'error', scope);
    }
    return null;
  }

  #trees(): ReadonlyMap<string, Expr> {
    return new Map([...this.#macros].map(([name, macro]) => [name, macro.ast]));
  }

  /** `whole`: every macro was found. */
  #resolve(ast: Expr, macros: ReadonlyMap<string, Expr>, scope: Scope): { readonly ast: Expr; readonly whole: boolean } {
    const resolved = resolve(ast, { macros, lists: new Map() });
    for (const name of resolved.usedMacros) this.#usedMacros.add(name);
    for (const error of resolved.errors) {
      // A macro that exists but is out of sight is a matter of order.
      const later = error.code === 'COND_UNKNOWN_MACRO' ? this.#definedLater(error) : null;
      this.#lang(later ?? error, 'LOAD_ERR_VALIDATE', 'error', scope);
    }
    return { ast: resolved.ast, whole: resolved.errors.length === 0 };
  }

  #definedLater(error: LangError): LangError | null {
    const name = /'([^']*)'/.exec(error.message)?.[1];
    if (name === undefined || !this.#collection.macros.has(name)) return null;
    return { ...error, message: `the macro '${name}' is defined after the macro that uses it`, hint: `move the macro '${name}' up` };
  }

  #lang(error: LangError, code: ErrorCode | WarningCode, severity: 'error' | 'warning', scope: Scope): void {
    this.#report(code, error.message, error.hint, error, error.macros, scope, severity);
  }

  #report(
    code: ErrorCode | WarningCode,
    message: string,
    hint: string | undefined,
    at: { readonly start: number; readonly end: number },
    inMacros: readonly string[],
    scope: Scope,
    severity: 'error' | 'warning',
  ): void {
    let { text, path } = scope;
    for (const name of inMacros) {
      const macro = this.#macros.get(name);
      if (macro === undefined) continue;
      text = macro.text;
      path = step(path, 'macro', macro.info.path[macro.info.path.length - 1].span, name);
    }
    this.#problems.add(severity, code, path, message, hint, text.spanOf(at.start, at.end), { text, offset: at.start });
  }

  #warnUnused(macros: readonly CompiledMacro[], lists: Ruleset['lists']): void {
    for (const { name, used } of macros) {
      const info = this.#collection.macros.get(name);
      if (!used && info !== undefined) this.#problems.warn('LOAD_UNUSED_MACRO', info.path, `the macro '${name}' is not used by any rule or macro`, 'remove it, or use it in a condition');
    }
    for (const { name, used } of lists) {
      const info = this.#collection.lists.get(name);
      if (!used && info !== undefined) this.#problems.warn('LOAD_UNUSED_LIST', info.path, `the list '${name}' is not used by any rule, macro or list`, 'remove it, or use it in a condition');
    }
  }
}
