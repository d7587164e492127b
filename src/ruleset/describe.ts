// SPDX-License-Identifier: Apache-2.0
/** `-L` and `-l RULE`: what rules, macros and lists consist of, as text and in the ecosystem's JSON. */
import type { JsonInput } from '../alert/json.js';
import type { CallArgument, CompareCheck, Expr, Operand } from '../lang/ast.js';
import { parse } from '../lang/parse.js';
import { print } from '../lang/print.js';
import { eventNamesOf } from './event-types.js';
import type { Entry, ExceptionInfo } from './items.js';
import type { AnyCatalogue, CompiledMacro, Rule, Ruleset } from './ruleset.js';
import { formatVersion } from './versions.js';

type Json = { readonly [key: string]: JsonInput };

/** Everything, or one rule; null: there is no such rule. Print it with `sortedJson`. */
export function describeRuleset(ruleset: Ruleset, catalogues: readonly AnyCatalogue[], ruleName?: string): Json | null {
  const describer = new Describer(ruleset, catalogues);
  if (ruleName !== undefined) {
    const rule = ruleset.rules.find((candidate) => candidate.name === ruleName);
    return rule === undefined ? null : { rules: [describer.rule(rule)] };
  }
  const { collection } = ruleset;
  return {
    required_engine_version: formatVersion(collection.requiredEngineVersion),
    required_plugin_versions: collection.requiredPluginVersions.map(([first, ...alternatives]) => ({
      name: first.name,
      version: first.version,
      alternatives: alternatives.map(({ name, version }) => ({ name, version })),
    })),
    rules: inOrderOfDefinition(ruleset).map((rule) => describer.rule(rule)),
    macros: ruleset.macros.map((macro) => describer.macro(macro)),
    lists: ruleset.lists.map((list) => describer.list(list)),
  };
}

/** Two columns: names and wrapped descriptions. Null: there is no rule of that name. */
export function describeAsText(ruleset: Ruleset, ruleName?: string): string | null {
  const rules = inOrderOfDefinition(ruleset).filter((rule) => ruleName === undefined || rule.name === ruleName);
  if (ruleName !== undefined && rules.length === 0) return null;
  const row = (left: string, right: string) => `${left.padEnd(50)} ${right}\n`;
  const head = row('Rule', 'Description') + row('----', '-----------');
  return head + rules.map((rule) => row(rule.name, `${wrap(rule.desc, 51, 110)}\n`)).join('');
}

function inOrderOfDefinition(ruleset: Ruleset): readonly Rule[] {
  return [...ruleset.rules].sort((a, b) => a.info.index - b.info.index);
}

function wrap(text: string, indent: number, width: number): string {
  let out = '';
  let length = 0;
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    const bytes = Buffer.byteLength(word) + 1;
    if (length + bytes <= width - indent) length += bytes;
    else {
      out += `\n${' '.repeat(indent)}`;
      length = bytes;
    }
    out += `${word} `;
  }
  return out;
}

/** Names that a condition mentions. */
interface Mentioned {
  readonly fields: Set<string>;
  readonly operators: Set<string>;
  readonly macros: Set<string>;
  readonly lists: Set<string>;
}

class Describer {
  readonly #ruleset: Ruleset;
  readonly #eventNames: ReadonlySet<string>;

  constructor(ruleset: Ruleset, catalogues: readonly AnyCatalogue[]) {
    this.#ruleset = ruleset;
    this.#eventNames = listedEvents(catalogues.find((catalogue) => catalogue.source === 'syscall'));
  }

  rule(rule: Rule): Json {
    const { info } = rule;
    const written = this.#written(rule.conditionText);
    const compiled = this.#mentioned(rule.condition);
    const outputFields = [...rule.extraFields.map((field) => field.format), ...rule.template.names];
    const formatted = rule.extraFields.filter((field) => !field.raw).map((field) => [field.key, field.format] as const);
    return {
      info: {
        name: rule.name,
        condition: rule.conditionText,
        priority: rule.priority,
        output: info.output.text,
        description: rule.desc,
        enabled: info.enabled,
        source: rule.source,
        capture: rule.capture,
        capture_duration: rule.captureDuration,
        tags: rule.tags,
      },
      details: {
        macros: sorted(written.macros),
        lists: sorted(written.lists),
        condition_operators: sorted(compiled.operators),
        condition_fields: sorted(compiled.fields),
        extra_output_formatted_fields: formatted.length === 0 ? undefined : Object.fromEntries(formatted),
        output_fields: outputFields,
        exception_fields: rule.exceptionFields,
        exception_names: sorted(new Set(info.exceptions.map((exception) => exception.name))),
        exception_operators: sorted(new Set(info.exceptions.flatMap(operatorsOf))),
        events: this.#events(rule.condition, rule.source),
        condition_compiled: print(rule.condition, { loose: true }),
        output_compiled: rule.output,
        plugins: pluginsOf(rule.source, [...compiled.fields, ...outputFields]),
      },
    };
  }

  macro(macro: CompiledMacro): Json {
    const condition = this.#ruleset.collection.macros.get(macro.name)?.condition.text ?? '';
    const written = this.#written(condition);
    const compiled = this.#mentioned(macro.condition);
    return {
      info: { name: macro.name, condition },
      details: {
        used: macro.used,
        macros: sorted(written.macros),
        lists: sorted(written.lists),
        condition_operators: sorted(compiled.operators),
        condition_fields: sorted(compiled.fields),
        events: this.#events(macro.condition, 'syscall'),
        condition_compiled: print(macro.condition, { loose: true }),
        plugins: [],
      },
    };
  }

  list(list: Ruleset['lists'][number]): Json {
    const compiled = list.items.map((item) => item.text);
    const written = this.#ruleset.collection.lists.get(list.name)?.items.map((item) => item.text) ?? [];
    // What is written but not compiled was the name of a list.
    return {
      info: { name: list.name, items: written.filter((item) => compiled.includes(item)) },
      details: {
        used: list.used,
        lists: sorted(new Set(written.filter((item) => !compiled.includes(item)))),
        items_compiled: compiled,
        plugins: [],
      },
    };
  }

  #written(condition: string): Mentioned {
    const { ast } = parse(condition);
    return ast === null ? empty() : this.#mentioned(ast);
  }

  #mentioned(condition: Expr): Mentioned {
    const found = empty();
    visit(condition, found, this.#ruleset.collection.lists);
    return found;
  }

  #events(condition: Expr, source: string): readonly string[] {
    if (source !== 'syscall') return ['asyncevent', 'pluginevent'];
    return sorted(new Set([...eventNamesOf(condition, this.#eventNames), 'asyncevent']));
  }
}

/** Names that conditions may use for an event which has another name of its own. */
const OTHER_NAMES: ReadonlySet<string> = new Set([
  'syscall', 'sendfile64', 'ugetrlimit', 'fcntl64', '_llseek', 'setuid32', 'getuid32', 'setgid32', 'geteuid32', 'getgid32',
  'setresuid32', 'setresgid32', 'getresuid32', 'getresgid32', 'getegid32', 'na_1', 'sched_process_exit', 'sched_switch',
  'page_fault_user', 'page_fault_kernel', 'signal_deliver', 'container_removed',
]);

/** The names that the ecosystem lists; `NA` is what it calls the unused numbers of its table. */
function listedEvents(catalogue: AnyCatalogue | undefined): ReadonlySet<string> {
  const names = [...(catalogue?.eventTypes ?? [])].filter(([name, codes]) => codes.length > 0 && !OTHER_NAMES.has(name));
  return new Set([...names.map(([name]) => name), 'NA']);
}

function empty(): Mentioned {
  return { fields: new Set(), operators: new Set(), macros: new Set(), lists: new Set() };
}

function visit(node: Expr, found: Mentioned, lists: { has(name: string): boolean }): void {
  switch (node.kind) {
    case 'and':
    case 'or':
      for (const child of node.children) visit(child, found, lists);
      return;
    case 'not':
      visit(node.child, found, lists);
      return;
    case 'macro':
      if (node.body === null) found.macros.add(node.name);
      else visit(node.body, found, lists);
      return;
    case 'exists':
      operandFields(node.left, found);
      found.operators.add('exists');
      return;
    case 'compare':
      visitCompare(node, found, lists);
      return;
    default:
      node satisfies never;
  }
}

function visitCompare(node: CompareCheck, found: Mentioned, lists: { has(name: string): boolean }): void {
  operandFields(node.left, found);
  found.operators.add(node.modifier === null ? node.operator : `${node.operator} ${node.modifier}`);
  const { right } = node;
  if (right.kind === 'literals') {
    for (const { text } of right.values) if (lists.has(text)) found.lists.add(text);
  } else if (right.kind !== 'literal') {
    operandFields(right, found);
  }
}

function operandFields(operand: Operand, found: Mentioned): void {
  const walk = (node: CallArgument): void => {
    if (node.kind === 'field') found.fields.add(node.argument === null || node.argument === '' ? node.name : `${node.name}[${node.argument}]`);
    else if (node.kind === 'call') node.arguments.forEach(walk);
    else if (node.kind === 'list') node.items.forEach(walk);
  };
  walk(operand);
}

function operatorsOf(exception: ExceptionInfo): readonly string[] {
  const texts = (entry: Entry): readonly string[] => (entry.kind === 'one' ? [entry.text] : entry.items.flatMap(texts));
  return exception.comps === null ? [] : texts(exception.comps);
}

/** The ecosystem's plugins that our fields and sources stand in for. */
function pluginsOf(source: string, fields: readonly string[]): readonly string[] {
  const plugins = new Set<string>(source === 'k8s_audit' ? ['k8saudit'] : []);
  for (const field of fields) {
    if (/^(container|k8s)\.|^proc\.is_container_/.test(field)) plugins.add('container');
    else if (/^ka\./.test(field)) plugins.add('k8saudit');
    else if (/^(jevt|json)\./.test(field)) plugins.add('json');
  }
  return sorted(plugins);
}

function sorted(names: ReadonlySet<string>): readonly string[] {
  return [...names].sort();
}
