// SPDX-License-Identifier: Apache-2.0
/** `/readyz`: whether the monitor does its work now. Per source: is it running, do events arrive, are losses within bounds. */
import type { SourceStats } from '../sources/source.js';
import { sumLosses } from './losses.js';

/** What is looked back on. */
const WINDOW_MS = 30_000;

export interface SourceReadiness {
  readonly ready: boolean;
  /** `running`, or why it is not ready. */
  readonly state: 'running' | 'not open' | 'ended' | 'no events' | 'losing events';
  /** Within the window. */
  readonly events: number;
  readonly lost: number;
}

export interface ReadinessView {
  readonly ready: boolean;
  readonly sources: Readonly<Record<string, SourceReadiness>>;
}

export interface WatchedSource {
  readonly name: string;
  /** It is quiet only when it does not work: a machine makes system calls all the time, a cluster may be idle. */
  readonly neverQuiet: boolean;
  /** Null: it is not open yet. */
  readonly stats: SourceStats | null;
  readonly running: boolean;
}

interface Sample {
  readonly at: number;
  readonly produced: number;
  readonly lost: number;
}

export class Readiness {
  private readonly samples = new Map<string, Sample[]>();

  /** @param lossBound share of a source's events that may be lost (`syscall_event_drops.threshold`) */
  constructor(
    private readonly sources: () => readonly WatchedSource[],
    private readonly lossBound: () => number,
  ) {}

  /** Called about once a second. @param now milliseconds */
  sample(now: number): void {
    for (const { name, stats } of this.sources()) {
      if (stats === null) continue;
      // A source begins with nothing lost: what is lost before the first look counts.
      const list = this.samples.get(name) ?? [{ at: now, produced: 0, lost: 0 }];
      this.samples.set(name, list);
      list.push({ at: now, produced: stats.produced, lost: sumLosses(stats.losses) });
      while (list.length > 1 && list[1].at <= now - WINDOW_MS) list.shift();
    }
  }

  view(now: number): ReadinessView {
    const sources: Record<string, SourceReadiness> = {};
    for (const source of this.sources()) sources[source.name] = this.judge(source, now);
    return { ready: Object.values(sources).every((one) => one.ready), sources };
  }

  private judge({ name, neverQuiet, stats, running }: WatchedSource, now: number): SourceReadiness {
    if (stats === null) return { ready: false, state: 'not open', events: 0, lost: 0 };
    const first = this.samples.get(name)?.[0] ?? { at: now, produced: 0, lost: 0 };
    const events = stats.produced - first.produced;
    const lost = sumLosses(stats.losses) - first.lost;
    const long = now - first.at >= WINDOW_MS;
    const state = !running ? 'ended' : neverQuiet && long && events === 0 ? 'no events' : events > 0 && lost / events > this.lossBound() ? 'losing events' : 'running';
    return { ready: state === 'running', state, events, lost };
  }
}
