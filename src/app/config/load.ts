// SPDX-License-Identifier: Apache-2.0
/** Finds, reads and merges the configuration files and `-o` options, and checks what only makes sense as a whole. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { PRIORITIES, type Priority } from '../../alert/alert.js';
import type { Diagnostic, SourceText, Span } from '../../lang/diagnostic.js';
import { BUILT_IN_PLUGINS } from '../../ruleset/versions.js';
import { parseDuration, parseRate } from '../../util/duration.js';
import { PACKAGE_ROOT } from '../../util/package.js';
import { readTextFile } from '../../util/text-file.js';
import { decodeTree } from './decode.js';
import type { Config } from './schema.js';
import {
  type ConfigNode, type Environment, KeyPathError, type MapNode, type MergeStrategy, mergeTree, nodeAt, readTree, setNode, spanAt,
} from './tree.js';

/** Where the configuration is looked for when `-c` does not say. */
const CONFIG_SEARCH = ['/etc/falco-ts/falco.yaml', '/etc/falco/falco.yaml', join(PACKAGE_ROOT, 'src/app/config/falco.yaml')] as const;

export interface LoadedFile {
  readonly path: string;
  readonly text: string;
  /** Whether the file fits the schema; if not, diagnostics say where. */
  readonly valid: boolean;
}

export interface LoadedConfig {
  readonly config: Config;
  readonly minPriority: Priority;
  /** Configured and existing rules files and directories, before directories are listed. */
  readonly rulesPaths: readonly string[];
  /** The `plugins` to use, in order: all of them, or those that `load_plugins` names. */
  readonly plugins: Config['plugins'];
  readonly files: readonly LoadedFile[];
  /** Directories of `config_files`, to watch. */
  readonly directories: readonly string[];
  /** Whether a key was written, by its JSON pointer. */
  readonly isSet: (pointer: string) => boolean;
  /** Values that came from environment variables, each with the variable's name. */
  readonly expanded: ReadonlyMap<string, string>;
}

export interface ConfigRequest {
  /** `-c`; null: search. */
  readonly path: string | null;
  /** `-o` options, as given. */
  readonly options: readonly string[];
  readonly env?: Environment;
  /** What to take when none is named and none is found; without it, that is an error. */
  readonly fallback?: SourceText;
}

/**
 * Loads the configuration. `value` is null when there were errors; warnings (unknown and mistyped keys, unserved ones) are
 * not errors, as a user's falco.yaml of another version must start.
 */
export function loadConfig(request: ConfigRequest): { value: LoadedConfig | null; diagnostics: readonly Diagnostic[] } {
  const diagnostics: Diagnostic[] = [];
  const files: LoadedFile[] = [];
  const directories: string[] = [];
  // The bundled configuration names the bundled rules by where they are installed.
  const expanded = new Map<string, string>();
  const env: Environment = (name) => {
    const value = request.env ? request.env(name) : process.env[name];
    if (value !== undefined) expanded.set(value, name);
    return value ?? (name === 'FALCO_TS_HOME' ? PACKAGE_ROOT : undefined);
  };

  const read = (path: string): MapNode | null => {
    let text: string;
    try {
      text = path === request.fallback?.name ? request.fallback.text : readTextFile(path);
    } catch (error) {
      diagnostics.push(fatal('CONFIG_FILE', `the configuration file ${path} cannot be read: ${(error as Error).message}`));
      return null;
    }
    const result = readTree({ name: path, text }, env);
    const warnings = result.root === null ? [] : decodeTree(result.root).diagnostics;
    // What is an error is only one if no later file or option replaces it: see the check of the whole below.
    diagnostics.push(...result.diagnostics, ...warnings.filter((d) => d.severity === 'warning'));
    files.push({ path, text, valid: result.root !== null && warnings.length === 0 });
    return result.root;
  };

  const path = request.path ?? CONFIG_SEARCH.find((candidate) => existsSync(candidate)) ?? request.fallback?.name;
  if (path === undefined) {
    return { value: null, diagnostics: [fatal('CONFIG_FILE', `no configuration file: looked for ${CONFIG_SEARCH.join(', ')}`)] };
  }
  const root = read(path);
  if (root === null) return { value: null, diagnostics };

  const set = (option: string) => {
    const problem = applyOption(root, option);
    if (problem !== null) diagnostics.push(problem);
  };
  // Included files come before the other options, which override them all.
  const isInclude = (option: string) => option.startsWith('config_files');
  request.options.filter(isInclude).forEach(set);
  for (const include of decodeTree(root).config.config_files) {
    const entry = typeof include === 'string' ? { path: include, strategy: undefined } : include;
    if (entry.path === path) {
      diagnostics.push(fatal('CONFIG_NESTED_INCLUDE', `'config_files' includes the main configuration file ${path} itself`));
      continue;
    }
    // A missing one is no error: the default names a directory that few have.
    if (!existsSync(entry.path)) continue;
    const isDirectory = statSync(entry.path).isDirectory();
    if (isDirectory) directories.push(entry.path);
    for (const file of isDirectory ? filesIn(entry.path) : [entry.path]) {
      const tree = read(file);
      if (tree !== null) diagnostics.push(...mergeTree(root, tree, (entry.strategy ?? 'append') satisfies MergeStrategy));
    }
  }
  const overrides = request.options.filter((option) => !isInclude(option));
  overrides.forEach(set);
  const decoded = decodeTree(root);
  diagnostics.push(...decoded.diagnostics.filter((d) => d.severity === 'error' || d.span?.source.name === '<-o>'));
  if (diagnostics.some((d) => d.severity === 'error')) return { value: null, diagnostics };

  const { config } = decoded;
  diagnostics.push(...checkWhole(config, root));
  const plugins = selectPlugins(config, root, diagnostics);
  const minPriority = parsePriority(config.priority);
  if (minPriority === null) {
    diagnostics.push(
      fatal('CONFIG_PRIORITY', `unknown priority '${config.priority}'`, at(root, '/priority'), `use one of ${PRIORITIES.join(', ').toLowerCase()}`),
    );
  }
  if (diagnostics.some((d) => d.severity === 'error') || minPriority === null) return { value: null, diagnostics };
  const rulesPaths = [...config.rules_files, ...config.rules_file].filter((file) => existsSync(file));
  return { value: { config, minPriority, rulesPaths, plugins, files, directories, isSet: (pointer) => nodeAt(root, pointer) !== undefined, expanded }, diagnostics };
}

/** Case-insensitive; `info` is accepted for `informational`, as in rules. */
export function parsePriority(text: string): Priority | null {
  const wanted = text.toLowerCase();
  return PRIORITIES.find((one) => one.toLowerCase() === wanted || (wanted === 'info' && one === 'Informational')) ?? null;
}

/** Regular files of a directory in the order of their names, as whole paths. */
export function filesIn(directory: string): string[] {
  return readdirSync(directory)
    .map((name) => join(directory, name))
    .filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile() === true)
    .sort();
}

/**
 * Sets one `-o key=value`. A value in braces or brackets is YAML (Falco: braces only), any other is a text. Options are
 * typed into a shell, which expands variables itself: here they are left alone.
 */
function applyOption(root: MapNode, option: string): Diagnostic | null {
  const equals = option.indexOf('=');
  const source: SourceText = { name: '<-o>', text: option };
  if (equals <= 0) {
    return fatal('CONFIG_OPTION', `the option '${option}' is not of the form key=value or key.subkey=value`);
  }
  const span: Span = { source, start: equals + 1, end: Math.max(option.length, equals + 2) };
  const text = option.slice(equals + 1);
  let value: ConfigNode = { kind: 'scalar', text, plain: true, span };
  if ((text.startsWith('{') && text.endsWith('}')) || (text.startsWith('[') && text.endsWith(']'))) {
    // Read as the value of a key, so that a list is a document too; its parts all point at the option.
    const wrapped = readTree({ name: '<-o>', text: `value: ${text}` }, null);
    const inner = wrapped.root?.entries.get('value')?.node;
    if (inner === undefined) {
      return fatal('CONFIG_OPTION', `the value of the option '${option}' is not valid YAML: ${wrapped.diagnostics[0]?.message ?? 'empty'}`);
    }
    value = respan(inner, span);
  }
  try {
    setNode(root, option.slice(0, equals), value, { source, start: 0, end: equals });
    return null;
  } catch (error) {
    if (!(error instanceof KeyPathError)) throw error;
    return fatal('CONFIG_OPTION', `${error.message} in '${option.slice(0, equals)}'`, { source, start: 0, end: equals });
  }
}

function respan(node: ConfigNode, span: Span): ConfigNode {
  switch (node.kind) {
    case 'scalar':
      return { ...node, span };
    case 'seq':
      return { kind: 'seq', items: node.items.map((item) => respan(item, span)), span };
    case 'map': {
      const entries = [...node.entries].map(([key, entry]) => [key, { key: span, node: respan(entry.node, span) }] as const);
      return { kind: 'map', entries: new Map(entries), span };
    }
    default:
      return node satisfies never;
  }
}

/** What the schema cannot say: keys that need one another. All of these stop the program, as in Falco. */
function checkWhole(config: Config, root: MapNode): Diagnostic[] {
  const found: Diagnostic[] = [];
  const need = (ok: boolean, code: string, message: string, pointer: string, hint?: string) => {
    if (!ok) found.push(fatal(code, message, at(root, pointer), hint));
  };
  const { file_output: file, program_output: program, http_output: http, engine, webserver, metrics } = config;
  need(!file.enabled || file.filename !== '', 'CONFIG_OUTPUT', 'the file output is enabled without a filename', '/file_output');
  need(!program.enabled || program.program !== '', 'CONFIG_OUTPUT', 'the program output is enabled without a program', '/program_output');
  need(!http.enabled || http.url !== '', 'CONFIG_OUTPUT', 'the http output is enabled without a url', '/http_output');
  need(
    engine.kind !== 'replay' || engine.replay.capture_file !== '',
    'CONFIG_ENGINE', "engine.kind is 'replay' without an engine.replay.capture_file", '/engine',
  );
  need(
    !webserver.enabled || isIP(webserver.listen_address) !== 0,
    'CONFIG_WEBSERVER', `webserver.listen_address '${webserver.listen_address}' is not a valid IP address`, '/webserver/listen_address',
  );
  const actions = config.syscall_event_drops.actions;
  need(
    !actions.includes('ignore') || actions.length === 1 || !actions.some((a) => a === 'log' || a === 'alert'),
    'CONFIG_DROPS', "the drop actions 'log' and 'alert' make no sense with 'ignore'", '/syscall_event_drops/actions',
  );
  if (metrics.enabled) {
    const interval = /^\d+$/.test(metrics.interval) ? null : parseDuration(metrics.interval);
    need(
      interval !== null && interval >= 100,
      'CONFIG_METRICS', `metrics.interval '${metrics.interval}' is not a duration with a unit of at least 100ms`, '/metrics/interval',
      'write it as Prometheus does: 15m, 1h30m',
    );
    need(
      metrics.output_rule || metrics.output_file !== '' || webserver.prometheus_metrics_enabled,
      'CONFIG_METRICS', 'metrics are enabled without a place to go to', '/metrics',
      "enable one of 'metrics.output_rule', 'metrics.output_file' and 'webserver.prometheus_metrics_enabled'",
    );
  }
  need(config.throttle === '' || parseRate(config.throttle) !== null, 'CONFIG_THROTTLE', `throttle '${config.throttle}' is not a rate`, '/throttle', 'write it as in 10/1m: ten at once, and ten more in each minute');
  const { window } = config.deduplication;
  need(window === '' || (parseDuration(window) ?? 0) > 0, 'CONFIG_DEDUPLICATION', `deduplication.window '${window}' is not a duration`, '/deduplication/window', 'write it as in 5m');
  need(
    config.rules_files.length === 0 || config.rules_file.length === 0,
    'CONFIG_RULES_FILES', "both 'rules_files' and 'rules_file' are set", '/rules_file', "'rules_file' is the old name: move its entries",
  );
  return found;
}

function selectPlugins(config: Config, root: MapNode, diagnostics: Diagnostic[]): Config['plugins'] {
  if (config.load_plugins === undefined) return config.plugins;
  const chosen: Config['plugins'][number][] = [];
  config.load_plugins.forEach((name, i) => {
    const plugin = config.plugins.find((one) => one.name === name);
    if (plugin !== undefined) chosen.push(plugin);
    else if (BUILT_IN_PLUGINS.has(name)) chosen.push({ name });
    else diagnostics.push(fatal('CONFIG_PLUGIN', `cannot load plugin '${name}': it has no entry under 'plugins'`, at(root, `/load_plugins/${i}`), `without an entry go: ${[...BUILT_IN_PLUGINS.keys()].join(', ')}`));
  });
  return chosen;
}

const at = (root: MapNode, pointer: string): Span => spanAt(root, pointer);

function fatal(code: string, message: string, span?: Span, hint?: string): Diagnostic {
  return { severity: 'error', code, message, ...(span && { span }), ...(hint !== undefined && { hint }) };
}
