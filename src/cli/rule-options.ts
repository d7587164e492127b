// SPDX-License-Identifier: Apache-2.0
/** What `check`, `test` and `explain` have in common: a configuration, rules files, and no need for anything to run. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { type LoadedConfig, loadConfig } from '../app/config/load.js';
import { loadRules } from '../app/detection.js';
import { LoadFailed } from '../app/errors.js';
import { cataloguesOf, createMachine, loadedSources } from '../app/machine.js';
import { listRulesFiles, readRulesFiles } from '../app/rules.js';
import { formatDiagnostic, type SourceText } from '../lang/diagnostic.js';
import { StartError } from '../sources/source.js';
import type { BenchParts } from '../tester/bench.js';
import { collect, HELP } from './repeatable.js';

/** The program's exit codes for those who script it. */
export const enum Exit {
  Fine = 0,
  /** A test failed, a rule has an error: what was asked about is not in order. */
  Failed = 1,
  /** The question could not be answered: mistakes in test files, files that are not there. */
  Unusable = 2,
}

/** Rules can be worked on where nothing is installed: both sources are there then, and everything is as Falco has it by default. */
const FALLBACK: SourceText = { name: '<defaults>', text: 'plugins: [{name: k8saudit, library_path: libk8saudit.so}, {name: json, library_path: libjson.so}]\n' };

/** A command of its own with the options that all three have. */
export function ruleCommand(name: string, description: string): Command {
  return new Command(`falco-ts ${name}`)
    .description(description)
    .configureHelp(HELP)
    .helpOption('-h, --help', 'print this help and exit')
    .option('-c <path>', 'configuration file (default: as when running)')
    .option('-o, --option <opt=val>', 'set a configuration value; repeatable', collect, [])
    .exitOverride();
}

/** The parsed command, or the exit code when help was printed or a mistake explained. */
export function parseRuleCommand(command: Command, args: readonly string[]): Command | number {
  try {
    return command.parse([...args], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? Exit.Fine : Exit.Unusable;
    throw error;
  }
}

/** Reads the configuration; its problems go to standard error. @throws LoadFailed */
export function configOf(command: Command): LoadedConfig {
  const options = command.opts<{ c?: string; option: string[] }>();
  const { value, diagnostics } = loadConfig({ path: options.c ?? null, options: options.option, fallback: FALLBACK });
  for (const d of diagnostics) process.stderr.write(`${formatDiagnostic(d)}\n`);
  if (value === null) throw new LoadFailed('the configuration has errors');
  return value;
}

/** The rules files that are named, or the configuration's. @throws StartError */
export function rulesFilesOf(named: readonly string[], loaded: LoadedConfig): readonly SourceText[] {
  const files = listRulesFiles(named.length > 0 ? named : loaded.rulesPaths);
  if (files.length === 0) throw new StartError('RULES_FILE', 'no rules files', 'name some, or a configuration whose rules_files are there');
  return readRulesFiles(files);
}

/** @throws StartError */
export function readBytes(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new StartError('FILE', `${path} cannot be read: ${(error as Error).message}`, undefined, { cause: error });
  }
}

/** What opens rules files for a bench: with errors in them they are explained, and nothing can be tried. @throws LoadFailed */
export function opener(loaded: LoadedConfig): (rules: readonly string[]) => BenchParts {
  return (named) => {
    const machine = createMachine({ ...loaded.config, engine: { ...loaded.config.engine, kind: 'replay' } });
    const catalogues = cataloguesOf(loadedSources(loaded.plugins), machine.context, loaded);
    const { ruleset, files } = loadRules(rulesFilesOf(named, loaded), loaded, catalogues, null);
    if (ruleset === null) {
      for (const d of files.flatMap((file) => file.diagnostics)) if (d.severity === 'error') process.stderr.write(`${formatDiagnostic(d)}\n`);
      throw new LoadFailed('the rules have errors');
    }
    return { ruleset, catalogues, state: machine.state, clock: machine.clock, hostname: machine.hostname };
  };
}
