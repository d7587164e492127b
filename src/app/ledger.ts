// SPDX-License-Identifier: Apache-2.0
/**
 * What became of every event: produced = evaluated + filtered + lost, for each source. This is the one place that says
 * which counters make up the three; metrics and the closing lines are made of it.
 */
import type { SourceStats } from '../sources/source.js';

export type Fate = 'evaluated' | 'filtered' | 'lost';

export interface LedgerLine {
  readonly fate: Fate;
  /** Why it was filtered, how it was lost; empty for what was evaluated. */
  readonly kind: string;
  readonly events: number;
}

/** What the pipeline did with a source's events. */
export interface PipelineCounts {
  /** Given to the rules. */
  readonly evaluated: number;
  /** Of a type that no rule can be about. */
  readonly setAside: number;
}

export function ledgerOf(stats: SourceStats, counts: PipelineCounts): readonly LedgerLine[] {
  const lines: LedgerLine[] = [
    { fate: 'evaluated', kind: '', events: counts.evaluated },
    // In the kernel; of a capture, the enter halves of old pairs.
    { fate: 'filtered', kind: 'by_source', events: stats.filtered ?? 0 },
    { fate: 'filtered', kind: 'not_for_rules', events: counts.setAside },
    // What came out of the source and did not get to the rules: a mistake of ours, which must not be a silent one.
    { fate: 'lost', kind: 'not_evaluated', events: stats.delivered - counts.evaluated - counts.setAside },
  ];
  for (const [kind, events] of Object.entries(stats.losses)) lines.push({ fate: 'lost', kind, events });
  return lines;
}

export function totalOf(lines: readonly LedgerLine[], fate: Fate): number {
  return lines.reduce((sum, line) => sum + (line.fate === fate ? line.events : 0), 0);
}
