// SPDX-License-Identifier: Apache-2.0
/** What is said at the end: what was found, what came in, what got lost. */
import { describeSource } from './losses.js';
import type { Machine } from './machine.js';
import type { OpenSources } from './open-sources.js';
import type { Outputs } from './outputs.js';
import type { Recorder } from './recorder.js';
import type { RuleStats } from './rule-stats.js';
import { stateLosses, type Watchdogs } from './watchdogs.js';

export interface Run {
  readonly stats: RuleStats;
  readonly sources: OpenSources;
  readonly outputs: Outputs;
  readonly recorder: Recorder;
  readonly machine: Machine;
  readonly watchdogs: Watchdogs;
}

export function closingLines({ stats, sources, outputs, recorder, machine, watchdogs }: Run): string {
  const lines = [stats.format().trimEnd(), 'Events by source:'];
  for (const source of sources.all) lines.push(describeSource(source.name, source.stats()));
  lines.push('Alerts by output:');
  for (const { name, stats: { pushed, delivered, failed, dropped, waiting, spoolBytes } } of outputs.stats()) {
    const kept = spoolBytes === undefined ? '' : `, ${waiting} kept on disk for the next start`;
    lines.push(`   ${name}: ${pushed} alerts, ${delivered} delivered, ${failed} failed, ${dropped} dropped${kept}`);
  }
  if (recorder.used) lines.push(recorder.format());
  const evictions = Object.entries(stateLosses(machine)).filter(([, count]) => count > 0);
  if (evictions.length > 0) lines.push(`State tables: ${evictions.map(([kind, count]) => `${kind} ${count}`).join(', ')}`);
  const { doubted, repaired, vanished } = machine.state.stats();
  if (doubted > 0) lines.push(`State after losses: ${doubted} processes looked at, ${repaired} set right, ${vanished} threads found to have ended`);
  for (const source of sources.all) {
    const asked = source.containers?.();
    if (asked !== undefined) lines.push(`Containers: ${asked.found} described by their runtimes, ${asked.late} of them late, ${asked.unknown} unknown to all, ${asked.failed} questions failed, ${asked.refused} not asked`);
  }
  if (sources.all.some((source) => source.engine === 'modern_bpf' || source.engine === 'savefile')) lines.push(watchdogs.drops.format().trimEnd());
  return `${lines.join('\n')}\n`;
}
