// SPDX-License-Identifier: Apache-2.0
/** Captures replayed under the field's rules: the alerts beside those that real Falco gave, as lines of JSON. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { captureAlert } from '../../src/alert/capture.js';
import { DEFAULT_FORMAT, formatJson } from '../../src/alert/format.js';
import { createEngine } from '../../src/engine/engine.js';
import { emptyContext, syscallCatalogue } from '../../src/fields/catalogues.js';
import { loadRuleset } from '../../src/ruleset/load.js';
import { ContainerTable } from '../../src/state/containers.js';
import { State } from '../../src/state/state.js';
import { UserTable } from '../../src/state/users.js';
import { RECORDINGS, replayInto } from './corpus.js';

const RULES = new URL('../../../shared/reference/rules/', import.meta.url).pathname;
const FILES = ['falco_rules.yaml', 'falco-incubating_rules.yaml', 'falco-sandbox_rules.yaml'];

interface Alerts {
  readonly lines: readonly string[];
  /** Rules that only the configuration enables. */
  readonly selected: ReadonlySet<string>;
}

async function alertsOf(capture: string, matching: 'first' | 'all'): Promise<Alerts> {
  const users = new UserTable();
  const containers = new ContainerTable();
  const state = new State({ users, containers });
  const catalogue = syscallCatalogue({ ...emptyContext(), users, containers, threads: state.threads, interfaces: state.interfaces });
  const files = FILES.map((name) => ({ name, text: readFileSync(join(RULES, name), 'utf8') }));
  const { value } = loadRuleset(files, { catalogues: [catalogue], selection: [{ enable: { rule: '*' } }], appendOutput: [{ suggested_output: true }] });
  if (value === null) throw new Error('the rules do not load');
  const { rules } = value;
  const lines: string[] = [];
  const engine = createEngine(rules, [catalogue], {
    matching,
    onMatch: (index, event) => {
      lines.push(formatJson(captureAlert(rules[index], event, 'node1'), { ...DEFAULT_FORMAT, time_format_iso_8601: true }));
    },
  });
  await replayInto(state, capture, (event) => engine.process(0, event));
  return { lines, selected: new Set(rules.filter((rule) => !rule.info.enabled).map((rule) => rule.name)) };
}

function recorded(capture: string, matching: 'first' | 'all'): readonly string[] {
  const file = join(dirname(capture), `alerts.${matching}.jsonl.gz`);
  return gunzipSync(readFileSync(file)).toString().split('\n').filter((line) => line !== '');
}

/** Real Falco forgets when the recorded machine was started, so its start times of containers begin in 1970. */
const comparable = (line: string) => line.replace(/container_start_ts=(\d+|<NA>)/, '').replace(/"container\.start_ts":(\d+|null)/, '');
const ruleOf = (line: string) => (JSON.parse(line) as { rule: string }).rule;
const timeOf = (line: string) => line.slice(-'"2026-11-23T09:29:51.028390515Z"}'.length);

const withAlerts = RECORDINGS.filter((recording) => existsSync(join(dirname(recording.capture), 'alerts.all.jsonl.gz')));

describe.skipIf(withAlerts.length === 0 || !existsSync(RULES))('alerts on replayed captures are those that real Falco gave', () => {
  for (const { name, capture } of withAlerts) {
    it(`${name}, rule_matching: all`, { timeout: 120_000 }, async () => {
      const { lines, selected } = await alertsOf(capture, 'all');
      const want = recorded(capture, 'all');
      // It tries the rules that the configuration enables in the order of their addresses in memory.
      const order = (line: string) => `${timeOf(line)} ${selected.has(ruleOf(line)) ? ruleOf(line) : ''}`;
      const sorted = (list: readonly string[]) => [...list].sort((a, b) => (order(a) < order(b) ? -1 : order(a) > order(b) ? 1 : 0)).map(comparable);
      expect(sorted(lines)).toEqual(sorted(want));
    });

    it(`${name}, rule_matching: first`, { timeout: 120_000 }, async () => {
      const { lines, selected } = await alertsOf(capture, 'first');
      const want = recorded(capture, 'first');
      const also = new Set((await alertsOf(capture, 'all')).lines.map(comparable));
      expect(lines.length).toBe(want.length);
      want.forEach((line, i) => {
        if (comparable(line) === comparable(lines[i])) return;
        // As above: another one of several that match.
        expect([selected.has(ruleOf(lines[i])), selected.has(ruleOf(line)), also.has(comparable(line)), timeOf(lines[i])]).toEqual([true, true, true, timeOf(line)]);
      });
    });
  }
});
