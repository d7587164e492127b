// SPDX-License-Identifier: Apache-2.0
/**
 * Fewer alerts where many say the same: `throttle` (a token bucket for each rule) and `deduplicate` (like alerts within a
 * window leave as one, and at its end as a second one that says how many there were). Both are off unless asked for, and
 * what is held back is counted: matches = alerts that left at once + throttled + duplicates.
 */
import type { Alert } from '../alert/alert.js';
import { isoTime } from '../alert/time.js';
import { TokenBucket } from '../alert/token-bucket.js';
import type { Rule } from '../ruleset/ruleset.js';
import { parseDuration, parseRate, type Rate } from '../util/duration.js';
import type { Config } from './config/schema.js';
import type { Part } from './lifecycle.js';
import type { RuleCount } from './rule-stats.js';

/** What holds for one rule. */
export interface Limits {
  readonly bucket: TokenBucket | null;
  /** Milliseconds; 0: every alert is one of its own. */
  readonly window: number;
  readonly count: RuleCount;
  /** Alerts that the bucket has refused since one passed. */
  suppressed: number;
}

interface Group {
  readonly limits: Limits;
  readonly first: bigint;
  /** When its window ends, milliseconds of the machine's clock. */
  readonly until: number;
  last: Alert;
  repeats: number;
}

export type NoiseOptions = Pick<Config, 'throttle' | 'deduplication'>;

const TICK_MS = 500;
const MILLISECOND = 1_000_000n;

export class Noise implements Part {
  readonly name = 'throttle and deduplication';
  private limits = new Map<Rule, Limits>();
  private byName = new Map<string, Limits>();
  /** Oldest first. */
  private readonly groups = new Map<string, Group>();
  private ignored: ReadonlySet<string> = new Set();
  private maxGroups = 0;
  private timer: NodeJS.Timeout | null = null;

  constructor(private readonly send: (alert: Alert) => void) {}

  /** Takes over other rules and settings. Buckets whose rate is the same, and windows that are still wanted, go on. */
  configure(options: NoiseOptions, counters: ReadonlyMap<Rule, RuleCount>): void {
    const before = this.byName;
    const [rate, window] = [parseRate(options.throttle), parseDuration(options.deduplication.window) ?? 0];
    this.limits = new Map();
    this.byName = new Map();
    for (const [rule, count] of counters) {
      const limits = limitsOf(rule, count, rate, window, before.get(rule.name));
      if (limits === null) continue;
      this.limits.set(rule, limits);
      this.byName.set(rule.name, limits);
    }
    this.ignored = new Set(options.deduplication.ignore_fields);
    this.maxGroups = options.deduplication.max_entries;
    for (const [key, group] of this.groups) if ((this.byName.get(group.last.rule)?.window ?? 0) === 0) this.close(key, group);
  }

  async start(): Promise<void> {
    this.timer = setInterval(() => this.expire(Date.now()), TICK_MS);
    this.timer.unref();
  }

  async stop(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer);
    for (const [key, group] of this.groups) this.close(key, group);
  }

  /** Null: nothing is held back of this rule. */
  of(rule: Rule): Limits | null {
    return this.limits.get(rule) ?? null;
  }

  /** Whether the rule's rate, if it is all that limits it, lets an alert of this time pass: asked before it is written. */
  admits(limits: Limits, time: bigint): boolean {
    return limits.window > 0 || this.pass(limits, time);
  }

  /** Sends an alert that {@link admits} let pass, or counts it. */
  offer(limits: Limits, alert: Alert): void {
    if (limits.window > 0) {
      if (this.isRepeat(limits, alert)) return;
      if (!this.pass(limits, alert.time)) return;
    }
    this.send(limits.suppressed === 0 ? alert : withSuppressed(alert, limits.suppressed));
    limits.suppressed = 0;
  }

  /** Ends windows that are over. @param now milliseconds */
  expire(now: number): void {
    for (const [key, group] of this.groups) if (group.until <= now) this.close(key, group);
  }

  private pass(limits: Limits, time: bigint): boolean {
    if (limits.bucket === null || limits.bucket.take(Number(time / MILLISECOND))) return true;
    limits.suppressed++;
    limits.count.throttled++;
    return false;
  }

  private isRepeat(limits: Limits, alert: Alert): boolean {
    const key = this.keyOf(alert);
    const group = this.groups.get(key);
    // In a replay it is the events' clock that runs.
    if (group !== undefined && alert.time - group.first < BigInt(limits.window) * MILLISECOND) {
      group.last = alert;
      group.repeats++;
      limits.count.duplicates++;
      return true;
    }
    if (group !== undefined) this.close(key, group);
    if (this.groups.size >= this.maxGroups) {
      for (const [oldest, old] of this.groups) {
        this.close(oldest, old);
        break;
      }
    }
    this.groups.set(key, { limits, first: alert.time, until: Date.now() + limits.window, last: alert, repeats: 0 });
    return false;
  }

  /** Of the same rule with the same values, those fields apart that change with each event. */
  private keyOf(alert: Alert): string {
    let key = alert.rule;
    for (const [name, value] of alert.fields) if (!this.ignored.has(name)) key += `\0${name}\0${String(value)}`;
    return key;
  }

  private close(key: string, { first, last, repeats }: Group): void {
    this.groups.delete(key);
    if (repeats > 0) this.send(withRepeats(last, repeats, first));
  }
}

function limitsOf(rule: Rule, count: RuleCount, rate: Rate | null, window: number, before: Limits | undefined): Limits | null {
  const throttle = rule.throttle === 'off' ? null : (rule.throttle ?? rate);
  const duplicates = rule.deduplicate === 'off' ? 0 : (rule.deduplicate ?? window);
  if (throttle === null && duplicates === 0) return null;
  const same = throttle !== null && before?.bucket?.rate.count === throttle.count && before.bucket.rate.perMs === throttle.perMs;
  const bucket = throttle === null ? null : same ? before.bucket : new TokenBucket(throttle);
  return { bucket, window: duplicates, count, suppressed: before?.suppressed ?? 0 };
}

function withSuppressed(alert: Alert, suppressed: number): Alert {
  const fields = new Map(alert.fields).set('throttle.suppressed', suppressed);
  return { ...alert, fields, message: `${alert.message} (${suppressed} more of this rule were held back before)` };
}

function withRepeats(alert: Alert, repeats: number, first: bigint): Alert {
  const [from, to] = [isoTime(first), isoTime(alert.time)];
  const fields = new Map(alert.fields).set('duplicates.count', repeats).set('duplicates.first_seen', from).set('duplicates.last_seen', to);
  return { ...alert, fields, message: `${alert.message} (${repeats} more like this, first seen ${from}, last seen ${to})` };
}
