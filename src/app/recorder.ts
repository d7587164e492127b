// SPDX-License-Identifier: Apache-2.0
/**
 * HOT PATH (`event`). The `capture:` section: when a rule asks for it, the state as it is and every event until the deadline
 * go into a file of their own, with the last events before the alert where `history_ms` says so. Alerts meanwhile move the
 * deadline, whether or not their rules ask for a capture. A disk that fails costs captures, never events.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, openSync, unlinkSync } from 'node:fs';
import type { EngineEvent } from '../events/event.js';
import type { EventView } from '../events/event-view.js';
import { SYSCALL_SOURCE } from '../fields/catalogues.js';
import type { Rule } from '../ruleset/ruleset.js';
import { EventHistory } from '../sources/event-history.js';
import { ScapFile } from '../sources/scap-file.js';
import { StartError } from '../sources/source.js';
import type { Log } from '../util/log.js';
import type { Config } from './config/schema.js';
import type { InternalMessage } from './internal-message.js';
import type { Part } from './lifecycle.js';
import type { Machine } from './machine.js';

export type CaptureConfig = Config['capture'];

export interface RecorderTools {
  readonly machine: Pick<Machine, 'origin' | 'state'>;
  readonly log: Log;
  /** Takes what the monitor itself has to say by its outputs. */
  readonly notify: (message: InternalMessage) => void;
  /** Connects the recorder to events and alerts, or null: takes it off. */
  readonly record: (recorder: Recorder | null) => void;
}

export interface RecorderStats {
  /** Captures that are complete. */
  readonly written: number;
  /** Captures that could not be begun or not be written to their end. */
  readonly failed: number;
  readonly events: number;
  /** Events that were to be in a capture and are not. */
  readonly dropped: number;
  readonly bytes: number;
}

const MEGABYTE = 1024 * 1024;
const TICK_MS = 1000;
const CLOSE_MS = 5000;
/** After a failure, the disk is left alone for so long (nanoseconds of event time). */
const RETRY_NS = 5_000_000_000n;

export class Recorder implements Part {
  readonly name = 'captures';
  /** Captures are configured, or were. */
  used = false;
  private history: EventHistory | null = null;
  private file: ScapFile | null = null;
  /** An alert about the present event asks for a capture. */
  private wanted = false;
  private deadline = 0n;
  private deadlineFloat = 0;
  private maxBytes = 0;
  private retryAt = 0n;
  private timer: NodeJS.Timeout | null = null;
  /** Files that are being finished. */
  private readonly closing = new Map<ScapFile, Promise<void>>();
  private written = 0;
  private failed = 0;
  private events = 0;
  private dropped = 0;
  private bytes = 0;

  constructor(
    private config: CaptureConfig,
    private readonly tools: RecorderTools,
  ) {}

  async start(): Promise<void> {
    this.check(this.config);
    this.configure(this.config);
    this.timer = setInterval(() => this.tick(), TICK_MS);
    this.timer.unref();
  }

  /** @throws StartError when captures could not be written with this configuration */
  check({ enabled, path_prefix: prefix }: CaptureConfig): void {
    if (!enabled) return;
    // Its directory may be everybody's: a name that nobody can guess, and no file that is there already.
    const path = `${prefix}_check-${randomUUID()}`;
    try {
      closeSync(openSync(path, 'wx', 0o600));
      unlinkSync(path);
    } catch (cause) {
      throw new StartError(
        'CAPTURE', `captures cannot be written to ${prefix}_*.scap: ${(cause as Error).message}`,
        'create its directory, or set another one in capture.path_prefix', { cause },
      );
    }
  }

  /** From the next event on. A capture that is being written goes on to its deadline, unless there are to be none. */
  configure(config: CaptureConfig): void {
    const { enabled, path_prefix: prefix, mode, max_file_size_mb, history_ms, history_bytes } = config;
    const first = this.timer === null;
    const changed = first || JSON.stringify(config) !== JSON.stringify(this.config);
    this.config = config;
    this.used ||= enabled;
    this.maxBytes = max_file_size_mb * MEGABYTE;
    const remember = enabled && history_ms > 0;
    if (!remember) this.history = null;
    else if (this.history?.capacity !== history_bytes) this.history = new EventHistory(history_bytes);
    if (!enabled && this.file !== null) this.finish(this.file);
    this.tools.record(enabled ? this : null);
    if (!enabled || !changed) return;
    const before = remember ? `, up to ${history_ms} ms before the alert among them` : '';
    this.tools.log.info(`Capture is enabled in mode '${mode}'. Capturing events to ${prefix}${before}`);
  }

  /** Says which of these rules ask for a capture in vain. */
  follow(rules: readonly Rule[]): void {
    if (!this.config.enabled) return;
    const vain = rules.filter((rule) => rule.enabled && rule.capture && rule.source !== SYSCALL_SOURCE);
    if (vain.length > 0) this.tools.log.warning(`Captures contain system calls only; these rules of other sources start none: ${vain.map((rule) => rule.name).join(', ')}`);
  }

  /** A rule has matched; the event itself follows by {@link event}. */
  alerted(rule: Rule, event: EngineEvent): void {
    if (rule.source !== SYSCALL_SOURCE) return;
    const { mode, default_duration } = this.config;
    const duration = rule.captureDuration > 0 ? rule.captureDuration : default_duration;
    const until = event.timestamp() + BigInt(duration) * 1_000_000n;
    if (until > this.deadline) this.setDeadline(until);
    if (mode === 'all_rules' || rule.capture) this.wanted = true;
  }

  /** Every event, after its evaluation and before the state lets go of what it ended. */
  event(view: EventView): void {
    if (this.wanted) this.begin(view);
    if (this.file !== null) this.take(this.file, view);
    if (this.history !== null) this.history.push(view);
  }

  async stop(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer);
    this.tools.record(null);
    if (this.file !== null) this.finish(this.file);
    let timeout: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timeout = setTimeout(resolve, CLOSE_MS);
    });
    await Promise.race([Promise.all(this.closing.values()), late]);
    clearTimeout(timeout);
    for (const file of this.closing.keys()) this.tools.log.error(`Capture ${file.path} is not complete: its disk does not answer`);
  }

  stats(): RecorderStats {
    let { written, failed, events, dropped, bytes } = this;
    for (const file of [...this.closing.keys(), ...(this.file === null ? [] : [this.file])]) {
      events += file.events;
      dropped += file.dropped;
      bytes += file.bytes;
    }
    return { written, failed, events, dropped, bytes };
  }

  losses(): Readonly<Record<string, number>> {
    const { failed, dropped } = this.stats();
    return { failed, dropped, tooLong: this.history?.tooLong ?? 0 };
  }

  /** The closing line. */
  format(): string {
    const { written, failed, events, dropped, bytes } = this.stats();
    return `Captures: ${written} written, ${failed} failed; ${events} events, ${bytes} bytes, ${dropped} events dropped`;
  }

  private begin(view: EventView): void {
    this.wanted = false;
    if (this.file !== null) return;
    const time = view.timestamp();
    const { path_prefix: prefix, history_ms } = this.config;
    const { origin, state } = this.tools.machine;
    if (time < this.retryAt) {
      this.failed++;
      return;
    }
    const path = capturePath(prefix, time, view.num);
    try {
      // A replay waits for its captures; a live machine does not.
      const file = new ScapFile(path, { background: origin.live });
      const from = this.history === null ? time : time - BigInt(history_ms) * 1_000_000n;
      file.begin(state, origin.machine ?? undefined, from);
      if (this.history !== null) file.history(this.history, from);
      this.file = file;
    } catch (error) {
      this.failed++;
      this.retryAt = time + RETRY_NS;
      this.tools.log.error(`Capture ${path} cannot be written: ${(error as Error).message}`);
    }
  }

  private take(file: ScapFile, view: EventView): void {
    file.event(view);
    if (file.error !== null) {
      this.retryAt = view.timestamp() + RETRY_NS;
      this.finish(file);
    } else if (view.timestampFloat() >= this.deadlineFloat) {
      this.finish(file);
    } else if (this.maxBytes > 0 && file.bytes >= this.maxBytes) {
      this.finish(file);
      this.sayLimit(file);
    }
  }

  private finish(file: ScapFile): void {
    this.file = null;
    this.setDeadline(0n);
    const closed = file.close().catch((error: Error) => {
      file.error ??= error;
    });
    this.closing.set(file, closed.then(() => this.settle(file)));
  }

  private settle(file: ScapFile): void {
    this.closing.delete(file);
    this.events += file.events;
    this.dropped += file.dropped;
    this.bytes += file.bytes;
    const { path, events, bytes, dropped, error } = file;
    if (error !== null) {
      this.failed++;
      this.tools.log.error(`Capture ${path} ends early, after ${events} events: ${error.message}`);
      if (events === 0) removeUseless(path);
    } else {
      this.written++;
      this.tools.log.info(`Capture written: ${path} (${events} events, ${bytes} bytes${dropped > 0 ? `, ${dropped} events dropped` : ''})`);
    }
  }

  /** On a live machine: events reach the disk soon, and no further event is needed for a capture to end. */
  private tick(): void {
    if (this.file === null || !this.tools.machine.origin.live) return;
    if (BigInt(Date.now() - TICK_MS) * 1_000_000n > this.deadline) this.finish(this.file);
    else this.file.flush();
  }

  private setDeadline(time: bigint): void {
    this.deadline = time;
    this.deadlineFloat = Number(time);
  }

  private sayLimit({ bytes }: ScapFile): void {
    const rule = 'Falco internal: capture size limit reached';
    const limit = this.config.max_file_size_mb;
    this.tools.notify({
      time: BigInt(Date.now()) * 1_000_000n, rule, priority: 'Informational',
      message: `${rule}. Configured limit: ${limit} MB.`, fields: { max_file_size_mb: limit, written_bytes: bytes },
    });
  }
}

/** A capture without events is none, and its disk may be full. */
function removeUseless(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // What is wrong with the disk has been said.
  }
}

/** `<prefix>_<time>_<number>.scap`, both with 20 digits: names in the order of the alerts. */
function capturePath(prefix: string, time: bigint, num: number): string {
  return `${prefix}_${String(time).padStart(20, '0')}_${String(num).padStart(20, '0')}.scap`;
}
