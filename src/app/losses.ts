// SPDX-License-Identifier: Apache-2.0
/** Looks after what got lost: says so when it grows, and acts on system call drops as `syscall_event_drops` says. */
import type { SourceStats } from '../sources/source.js';
import type { Log } from '../util/log.js';
import type { Config } from './config/schema.js';

/** Something that loses things and counts them: a source, the state's tables, an output's queue. */
export interface Lossy {
  readonly name: string;
  /** How the log's line begins; `Lost in` unless said. */
  readonly word?: string;
  losses(): Readonly<Record<string, number>>;
}

const LOG_EVERY_MS = 5000;

export function sumLosses(losses: Readonly<Record<string, number>>): number {
  let sum = 0;
  for (const count of Object.values(losses)) sum += count;
  return sum;
}

/** `ring_full 3, decode_errors 1`: those that are not zero, or those that grew since `before`. */
function describeLosses(now: Readonly<Record<string, number>>, before: Readonly<Record<string, number>> = {}): string {
  return Object.entries(now)
    .filter(([kind, count]) => count > (before[kind] ?? 0))
    .map(([kind, count]) => `${kind} ${count - (before[kind] ?? 0)}`)
    .join(', ');
}

/** Logs growing losses, each at most every few seconds, so that a flood of losses is not followed by one of lines. */
export class LossWatch {
  private readonly seen = new Map<string, { losses: Readonly<Record<string, number>>; loggedAt: number }>();
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly log: Log,
    private readonly watched: () => readonly Lossy[],
  ) {}

  start(): void {
    this.timer = setInterval(() => this.check(Date.now()), 1000);
    this.timer.unref();
  }

  check(now: number): void {
    for (const one of this.watched()) {
      const key = `${one.word ?? ''} ${one.name}`;
      const before = this.seen.get(key) ?? { losses: {}, loggedAt: Number.NEGATIVE_INFINITY };
      if (now - before.loggedAt < LOG_EVERY_MS) continue;
      const losses = { ...one.losses() };
      const grown = describeLosses(losses, before.losses);
      if (grown === '') continue;
      this.seen.set(key, { losses, loggedAt: now });
      this.log.warning(`${one.word ?? 'Lost in'} ${one.name}: ${grown} (${sumLosses(losses)} in all)`);
    }
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
  }
}

/** `syscall: 1200 events, 1190 evaluated, lost: ring_full 10`. */
export function describeSource(name: string, stats: SourceStats): string {
  const lost = describeLosses(stats.losses);
  const strain = describeLosses(stats.strain ?? {});
  return `   ${name}: ${stats.produced} events, ${stats.delivered} delivered, lost: ${lost === '' ? 'none' : lost}${strain === '' ? '' : `; fell behind: ${strain}`}${stats.filtered ? `; set aside: ${stats.filtered}` : ''}`;
}

export type DropOptions = Config['syscall_event_drops'];

/** What got lost within a second, and what to do about it. */
export interface Drops {
  /** Milliseconds, as the check was told. */
  readonly now: number;
  readonly actions: DropOptions['actions'];
  /** The lost ones included. */
  readonly events: number;
  readonly dropped: number;
  /** By Falco's names. */
  readonly parts: Readonly<Record<string, number>>;
}

/**
 * Falco's drop monitor: once a second, when more than `threshold` of the events were lost and the token bucket (`rate`
 * tokens a second, at most `max_burst`) allows, the configured actions.
 */
export class DropMonitor {
  /** A source begins with nothing lost: what is lost before the first look counts. */
  private last: SourceStats = { produced: 0, delivered: 0, losses: {} };
  private lastAt = 0;
  private tokens: number;
  private occurrences = 0;
  private actionsTaken = 0;

  constructor(
    private options: DropOptions,
    private readonly stats: () => SourceStats | null,
    private readonly log: Log,
    private readonly act: (drops: Drops) => void,
  ) {
    this.tokens = options.max_burst;
  }

  /** From the next check on. */
  configure(options: DropOptions): void {
    this.options = options;
    this.tokens = Math.min(this.tokens, options.max_burst);
  }

  /** @param now milliseconds; called about once a second */
  check(now: number): void {
    const stats = this.stats();
    if (stats === null) return;
    const { options } = this;
    const before = this.last;
    this.last = stats;
    const elapsed = (now - this.lastAt) / 1000;
    this.lastAt = now;
    this.tokens = Math.min(options.max_burst, this.tokens + elapsed * options.rate);
    const simulated = options.simulate_drops ? 1 : 0;
    const events = stats.produced - before.produced;
    const dropped = sumLosses(stats.losses) - sumLosses(before.losses) + simulated;
    // What is lost counts as an event: without events there is nothing to judge, and nothing to pretend.
    if (dropped <= 0 || events <= 0) return;
    if (simulated > 0) this.log.info('Simulating syscall event drop');
    if (dropped / events <= (simulated > 0 ? 0 : options.threshold)) return;
    this.occurrences++;
    if (this.tokens < 1) {
      this.log.debug('Syscall event drop but token bucket depleted, skipping actions');
      return;
    }
    this.tokens -= 1;
    this.actionsTaken++;
    const parts: Record<string, number> = {};
    for (const [kind, count] of Object.entries(stats.drops ?? {})) parts[kind] = count - (before.drops?.[kind] ?? 0);
    this.act({ now, actions: options.actions, events, dropped, parts });
  }

  format(): string {
    return (
      'Syscall event drop monitoring:\n' +
      `   - event drop detected: ${this.occurrences} occurrences\n` +
      `   - num times actions taken: ${this.actionsTaken}\n`
    );
  }
}
