// SPDX-License-Identifier: Apache-2.0
/** Loaded rules, ready to run: what a reload compiles aside and the pipeline swaps between two events. */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { type AnyCatalogue, createEngine, type Engine } from '../engine/engine.js';
import { SYSCALL_SOURCE } from '../fields/catalogues.js';
import { deriveSieve, type TypedConditions } from '../sieve/derive.js';
import type { Sieve } from '../sources/native-contract.js';
import type { EngineEvent } from '../events/event.js';
import type { SourceText } from '../lang/diagnostic.js';
import { type FileResult, loadRuleset } from '../ruleset/load.js';
import type { Rule, Ruleset } from '../ruleset/ruleset.js';
import type { LoadedConfig } from './config/load.js';

export interface LoadedRules {
  /** Null when a file has an error. */
  readonly ruleset: Ruleset | null;
  /** What is to be said about each file. */
  readonly files: readonly FileResult[];
}

export function loadRules(files: readonly SourceText[], loaded: LoadedConfig, catalogues: readonly AnyCatalogue[], appended: string | null): LoadedRules {
  const { config, minPriority } = loaded;
  const result = loadRuleset(files, {
    catalogues,
    selection: config.rules,
    minPriority,
    // `-p` adds to every output; its presets (`-pc`, `-pk`) mean what suggested_output does anyway.
    appendOutput: appended === null ? config.append_output : [...config.append_output, { extra_output: appended }],
    bufferFormatBase64: config.buffer_format_base64,
  });
  return { ruleset: result.value, files: result.files };
}

export interface Detection {
  readonly rules: readonly Rule[];
  readonly engine: Engine;
  /** What the kernel may hold back of system calls; null: nothing. */
  readonly sieve: Sieve | null;
}

export function createDetection(
  ruleset: Ruleset,
  catalogues: readonly AnyCatalogue[],
  matching: 'first' | 'all',
  onMatch: (rule: Rule, event: EngineEvent) => void,
  sieved = false,
): Detection {
  const { rules } = ruleset;
  const conditions: TypedConditions<never>[] = [];
  const engine = createEngine(rules, catalogues, {
    matching,
    onMatch: (index, event) => onMatch(rules[index], event),
    observe: (source, types, roots) => {
      if (sieved && source === SYSCALL_SOURCE) conditions.push({ types, roots });
    },
  });
  if (!sieved) return { rules, engine, sieve: null };
  const printedFields = new Set<string>();
  for (const rule of rules) {
    if (rule.source !== SYSCALL_SOURCE || !rule.enabled) continue;
    for (const { names } of [rule.template, ...rule.extraFields.map((extra) => extra.template)]) for (const name of names) printedFields.add(name);
  }
  return { rules, engine, sieve: deriveSieve({ conditions, conditionFields: engine.fieldsOf(SYSCALL_SOURCE), printedFields }) };
}

/** Base name to SHA-256, as metrics show them. */
export function hashes(files: readonly { readonly name: string; readonly text: string }[]): ReadonlyMap<string, string> {
  return new Map(files.map(({ name, text }) => [basename(name), createHash('sha256').update(text).digest('hex')]));
}
