// SPDX-License-Identifier: Apache-2.0
/** Rules files and rules in tests, on a bench of their own. */
import { readFileSync } from 'node:fs';
import { auditCatalogue } from '../../src/fields/audit-catalogue.js';
import { emptyContext, syscallCatalogue } from '../../src/fields/catalogues.js';
import type { SourceText } from '../../src/lang/diagnostic.js';
import { formatDiagnostic } from '../../src/lang/diagnostic.js';
import { loadRuleset } from '../../src/ruleset/load.js';
import { ContainerTable } from '../../src/state/containers.js';
import { State } from '../../src/state/state.js';
import { UserTable } from '../../src/state/users.js';
import type { BenchParts } from '../../src/tester/bench.js';
import { Tester, type TestReport } from '../../src/tester/run.js';

export function openTexts(files: readonly SourceText[]): BenchParts {
  const users = new UserTable();
  const containers = new ContainerTable();
  const state = new State({ users, containers });
  const clock = { firstEvent: 0n };
  const context = { ...emptyContext(), hostname: 'node1', clock, threads: state.threads, users, containers, interfaces: state.interfaces };
  const catalogues = [syscallCatalogue(context), auditCatalogue(context)];
  const { value, diagnostics } = loadRuleset(files, { catalogues });
  if (value === null) throw new Error(diagnostics.map(formatDiagnostic).join('\n'));
  return { ruleset: value, catalogues, state, clock, hostname: 'node1' };
}

export const opener = (names: readonly string[]): BenchParts => openTexts(names.map((name) => ({ name, text: readFileSync(name, 'utf8') })));

/** Runs a test file's text against rules' text. */
export function runTests(rules: string, tests: string, matching: 'first' | 'all' = 'first', files: Readonly<Record<string, string>> = {}): Promise<TestReport> {
  const tester = new Tester({
    rules: [],
    matching,
    open: () => openTexts([{ name: 'rules.yaml', text: rules }]),
    read: (path) => {
      const text = files[path];
      if (text === undefined) throw new Error(`${path} is not there`);
      return Buffer.from(text);
    },
  });
  return tester.run([{ name: 'tests.yaml', text: tests }]);
}
