// SPDX-License-Identifier: Apache-2.0
/** The tests beside our rules, as `falco-ts test rules/tests` runs them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatDiagnostic } from '../../src/lang/diagnostic.js';
import { placeOf } from '../../src/ruleset/written.js';
import { Tester, type TestReport } from '../../src/tester/run.js';
import { opener } from '../tester/bench.js';

const directory = resolve(import.meta.dirname, '../../rules/tests');
const files = readdirSync(directory).filter((name) => name.endsWith('.yaml')).map((name) => join(directory, name));

async function run(name: string): Promise<TestReport> {
  const tester = new Tester({ rules: [], matching: 'first', open: opener, read: readFileSync });
  return tester.run([{ name, text: readFileSync(name, 'utf8') }]);
}

const reports = new Map(await Promise.all(files.map(async (name) => [name, await run(name)] as const)));

describe.each([...reports])('%s', (name, { results, diagnostics, coverage }) => {
  it('has no mistakes', () => {
    expect(diagnostics.map(formatDiagnostic)).toEqual([]);
    expect(results.length).toBeGreaterThan(100);
  });

  it.each(results.map((result) => [result.name, result] as const))('%s', (_, { failures }) => {
    expect(failures.map(({ span, message, details }) => [`${placeOf(span)}: ${message}`, ...details].join('\n'))).toEqual([]);
  });

  it('lets every rule fire, and be silent', () => {
    const rules = [...readFileSync(name.replace('/tests/', '/'), 'utf8').matchAll(/^- rule: (.+)$/gm)].map((match) => match[1]);
    expect(coverage.perRule.map(({ rule }) => rule).toSorted()).toEqual(rules.toSorted());
    expect(coverage.perRule.filter(({ fired, silent }) => fired === 0 || silent === 0)).toEqual([]);
  });
});

it('every sub-condition of the rules for system calls has been seen to hold and to fail', () => {
  const report = reports.get(join(directory, 'falco_rules.yaml')) as TestReport;
  expect(report.coverage.gaps.map(({ span, text }) => `${placeOf(span)}: ${text}`)).toEqual([]);
});
