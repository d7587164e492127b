// SPDX-License-Identifier: Apache-2.0
/** What comes before anything runs: configuration and rules, loaded, checked and reported. */
import { machine, release, type as systemType, version as systemVersion } from 'node:os';
import type { AnyCatalogue } from '../engine/engine.js';
import { type Diagnostic, formatDiagnostic, type SourceText } from '../lang/diagnostic.js';
import type { Ruleset } from '../ruleset/ruleset.js';
import { ENGINE_VERSION, formatVersion } from '../ruleset/versions.js';
import { loadNative } from '../sources/native-binding.js';
import { StartError } from '../sources/source.js';
import type { ConfigurableLog, Log } from '../util/log.js';
import { VERSION } from '../util/package.js';
import { type ConfigRequest, type LoadedConfig, loadConfig } from './config/load.js';
import type { Config } from './config/schema.js';
import { loadRules } from './detection.js';
import { LoadFailed } from './errors.js';
import { cataloguesOf, createMachine, loadedSources, type Machine } from './machine.js';
import { listRulesFiles, readRulesFiles } from './rules.js';
import { selectSources, type SourceSelection } from './selection.js';
import { BUILT_IN, unservedKeys } from './unserved.js';

export interface MonitorRequest {
  readonly config: ConfigRequest;
  /** `-r`; empty: what the configuration says. */
  readonly rules: readonly string[];
  readonly sources: SourceSelection;
  /** `-p`: appended to every output. */
  readonly appended: string | null;
  readonly unbuffered: boolean;
  readonly pidfile: string | null;
  /** A capture to replay when system calls cannot be captured. */
  readonly fallbackCapture: string | null;
}

/** Configuration and rules, loaded and checked: all that a dry run needs. */
export interface Prepared {
  readonly loaded: LoadedConfig;
  readonly rulesFiles: readonly SourceText[];
  readonly ruleset: Ruleset;
  readonly sources: readonly string[];
  readonly enabled: readonly string[];
  readonly machine: Machine;
  readonly catalogues: readonly AnyCatalogue[];
}

/** Loads the configuration and sets the log up by it. @throws LoadFailed */
export function prepareConfig(request: Pick<MonitorRequest, 'config' | 'unbuffered'>, log: ConfigurableLog): LoadedConfig {
  const { value, diagnostics } = loadConfig(request.config);
  // Wherever the log goes, standard error has what is wrong with the file that says so: it may be why nothing else is seen.
  if (value !== null) configureLog(log, diagnostics.length === 0 ? value.config : { ...value.config, log_stderr: true });
  const errors = logDiagnostics(diagnostics, log.log);
  if (value !== null) configureLog(log, value.config);
  if (value === null) throw new LoadFailed('the configuration has errors', errors);
  return request.unbuffered ? { ...value, config: { ...value.config, buffered_outputs: false } } : value;
}

/** @returns the errors among them, as they were logged */
function logDiagnostics(diagnostics: readonly Diagnostic[], log: Log): string[] {
  const errors: string[] = [];
  for (const d of diagnostics) {
    const text = formatDiagnostic(d);
    if (d.severity === 'error') {
      errors.push(text);
      log.error(text);
    } else log.warning(text);
  }
  return errors;
}

export function configureLog(log: ConfigurableLog, config: Config): void {
  let syslog: ((severity: number, message: string) => void) | null = null;
  if (config.log_syslog) {
    // The log is not an output: without the addon it goes to standard error only.
    try {
      const native = loadNative();
      syslog = (severity, message) => native.syslog(severity, 'falco-ts', message);
    } catch {
      syslog = null;
    }
  }
  log.configure({ level: config.log_level, stderr: config.log_stderr, syslog, iso8601: config.time_format_iso_8601 });
}

/** Loads rules for a configuration. `machine`: that of a run that goes on. @throws LoadFailed, StartError */
export function prepare(request: MonitorRequest, loaded: LoadedConfig, log: Log, machine: Machine = createMachine(loaded.config)): Prepared {
  const sources = loadedSources(loaded.plugins);
  const enabled = loaded.config.engine.kind === 'replay' ? ['syscall'] : selectSources(sources, request.sources);
  const paths = request.rules.length > 0 ? request.rules : loaded.rulesPaths;
  const files = listRulesFiles(paths);
  if (files.length === 0) {
    const { rules_files: named, rules_file: old } = loaded.config;
    const hint = paths.length > 0 ? `no *.yaml in: ${paths.join(', ')}` : named.length + old.length > 0 ? `not there: ${[...named, ...old].join(', ')}` : undefined;
    throw new StartError('RULES_FILE', 'You must specify at least one rules file/directory via -r or a rules_files entry in falco.yaml', hint);
  }
  const rulesFiles = readRulesFiles(files);
  const catalogues = cataloguesOf(sources, machine.context, loaded);
  const rules = loadRules(rulesFiles, loaded, catalogues, request.appended);
  log.info('Loading rules from:');
  const errors: string[] = [];
  for (const file of rules.files) {
    // What is no YAML cannot be held against the schema.
    const unreadable = file.diagnostics.some((d) => d.severity === 'error' && d.code === 'LOAD_ERR_YAML_PARSE');
    const verdict = unreadable ? 'none' : file.schemaWarnings.length === 0 ? 'ok' : 'failed';
    const line = `   ${file.source.name} | schema validation: ${verdict}`;
    if (file.schemaWarnings.length === 0) log.info(line);
    else log.warning([line, ...file.schemaWarnings.map((warning) => `      ${warning}`)].join('\n'));
    errors.push(...logDiagnostics(file.diagnostics, log));
  }
  if (rules.ruleset === null) throw new LoadFailed('the rules have errors', errors);
  return { loaded, rulesFiles, ruleset: rules.ruleset, sources, enabled, machine, catalogues };
}

export function logStart(loaded: LoadedConfig, log: Log): void {
  log.info(`Falco version: ${VERSION} (${machine()}), falco-ts, rules engine ${formatVersion(ENGINE_VERSION)}`);
  log.info(`System info: ${systemType()} version ${release()} ${systemVersion()}`);
  log.info('Falco initialized with configuration files:');
  for (const file of loaded.files) {
    const line = `   ${file.path} | schema validation: ${file.valid ? 'ok' : 'failed'}`;
    if (file.valid) log.info(line);
    else log.warning(line);
  }
  if (loaded.config.rules_file.length > 0) log.warning("The configuration key 'rules_file' is deprecated: its name is 'rules_files' now");
  for (const line of unservedKeys(loaded)) log.warning(line);
  for (const plugin of loaded.plugins) {
    if ((BUILT_IN as readonly string[]).includes(plugin.name)) log.info(`Loaded plugin '${plugin.name}', which is built in`);
    else log.warning(`Plugin '${plugin.name}' is not available: falco-ts loads no plugin libraries`);
  }
  if (process.env.FALCO_HOSTNAME) log.info(`Hostname value has been overridden via environment variable to: ${process.env.FALCO_HOSTNAME}`);
}
