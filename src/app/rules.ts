// SPDX-License-Identifier: Apache-2.0
/** Rules files from disk, in the order in which they are loaded. */
import { existsSync, statSync } from 'node:fs';
import type { SourceText } from '../lang/diagnostic.js';
import { StartError } from '../sources/source.js';
import { readTextFile } from '../util/text-file.js';
import { filesIn } from './config/load.js';

const isYaml = (path: string): boolean => /\.ya?ml$/.test(path);

/** Files stay as they are, directories become their YAML files by name; what is no YAML by name is passed over. */
export function listRulesFiles(paths: readonly string[]): string[] {
  return paths.flatMap((path) => (existsSync(path) && statSync(path).isDirectory() ? filesIn(path) : [path])).filter(isYaml);
}

/** @throws StartError naming the first file that cannot be read */
export function readRulesFiles(files: readonly string[]): SourceText[] {
  return files.map((name) => {
    try {
      return { name, text: readTextFile(name) };
    } catch (error) {
      throw new StartError('RULES_FILE', `the rules file ${name} cannot be read: ${(error as Error).message}`, undefined, { cause: error });
    }
  });
}
