// SPDX-License-Identifier: Apache-2.0
/**
 * One output behind its own bounded queue. Pushing never waits, so that a slow or dead output delays neither the engine nor
 * another output. A full queue refuses the new message, as the peer's does: what waits longest is the oldest evidence.
 * At any time `pushed = delivered + failed + dropped + waiting`.
 */
import { Interval } from '../util/interval.js';
import type { Log } from '../util/log.js';
import type { Output, OutputMessage } from './output.js';

/** Queue length for `outputs_queue.capacity: 0`. The peer's 0 is "without bound", which only moves the loss to memory. */
export const DEFAULT_CAPACITY = 16_384;
const LARGEST_BATCH = 512;

export interface ChannelOptions {
  readonly capacity: number;
  /** A delivery that takes longer is reported, once until it ends. */
  readonly timeoutMs: number;
  /** Let messages gather for so long, up to a full batch (`buffered_outputs`); 0: send each at once. */
  readonly gatherMs: number;
  readonly log: Log;
}

export interface ChannelStats {
  readonly pushed: number;
  readonly delivered: number;
  /** The output said no. */
  readonly failed: number;
  /** Refused by the full queue, or still waiting when the program had to end. */
  readonly dropped: number;
  readonly waiting: number;
}

export class Channel {
  private queue: OutputMessage[] = [];
  private inFlight = 0;
  private pushed = 0;
  private delivered = 0;
  private failed = 0;
  private dropped = 0;
  private running = false;
  private closed = false;
  private reopenWanted = false;
  private hurry: (() => void) | null = null;
  private readonly whenIdle: (() => void)[] = [];
  private readonly failureLog = new Interval(5000);
  private readonly fullLog = new Interval(5000);

  constructor(
    readonly output: Output,
    private options: ChannelOptions,
  ) {}

  get name(): string {
    return this.output.name;
  }

  configure(options: ChannelOptions): void {
    this.options = options;
  }

  push(message: OutputMessage): void {
    this.pushed++;
    if (this.closed || this.queue.length + this.inFlight >= this.options.capacity) {
      this.dropped++;
      const held = this.closed ? null : this.fullLog.pass();
      if (held !== null) {
        this.options.log.error(`Output ${this.name}: queue of ${this.options.capacity} is full, ${held + 1} alerts dropped`);
      }
      return;
    }
    this.queue.push(message);
    if (!this.running) void this.run();
    else if (this.queue.length >= LARGEST_BATCH) this.hurry?.();
  }

  /** Reopens the output between two deliveries. */
  reopen(): void {
    this.reopenWanted = true;
    if (!this.running) void this.run();
    else this.hurry?.();
  }

  stats(): ChannelStats {
    const { pushed, delivered, failed, dropped } = this;
    return { pushed, delivered, failed, dropped, waiting: this.queue.length + this.inFlight };
  }

  /** Takes no more messages, gives those that wait `graceMs` to get out, counts the rest as dropped, and stops the output. */
  async stop(graceMs: number): Promise<void> {
    this.closed = true;
    this.hurry?.();
    if (this.running) await within(graceMs, new Promise<void>((resolve) => this.whenIdle.push(resolve)));
    this.dropped += this.queue.length;
    this.queue = [];
    await this.output.stop();
    // A delivery that was under way settles now, or is taken for lost.
    if (this.running) await within(1000, new Promise<void>((resolve) => this.whenIdle.push(resolve)));
    this.dropped += this.inFlight;
    this.inFlight = 0;
  }

  private async run(): Promise<void> {
    this.running = true;
    // Let the event that raised the alert be finished first.
    await Promise.resolve();
    while (this.queue.length > 0 || this.reopenWanted) {
      if (this.reopenWanted) {
        this.reopenWanted = false;
        await this.attempt(() => this.output.reopen(), 0, 'reopen');
        continue;
      }
      if (this.options.gatherMs > 0 && this.queue.length < LARGEST_BATCH && !this.closed) await this.gather();
      const { output } = this;
      const all = output.deliverAll;
      const batch = this.queue.splice(0, all === undefined ? 1 : LARGEST_BATCH);
      if (batch.length === 0) continue;
      await this.attempt(() => (all === undefined || batch.length === 1 ? output.deliver(batch[0]) : all.call(output, batch)), batch.length, 'deliver');
    }
    this.running = false;
    for (const resolve of this.whenIdle.splice(0)) resolve();
  }

  private async attempt(action: () => Promise<void>, messages: number, what: string): Promise<void> {
    const { log, timeoutMs } = this.options;
    const stalled =
      timeoutMs > 0 && setTimeout(() => log.critical(`Output ${this.name}: timeout, blocked for more than ${timeoutMs} ms`), timeoutMs);
    this.inFlight = messages;
    try {
      await action();
      this.delivered += this.inFlight;
    } catch (error) {
      this.failed += this.inFlight;
      const held = this.closed ? 0 : this.failureLog.pass();
      if (held !== null) {
        const more = held > 0 ? ` (and ${held} times before)` : '';
        log.error(`Output ${this.name}: cannot ${what}: ${(error as Error).message}${more}`);
      }
    } finally {
      this.inFlight = 0;
      if (stalled) clearTimeout(stalled);
    }
  }

  private gather(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.hurry = null;
        resolve();
      };
      const timer = setTimeout(done, this.options.gatherMs);
      this.hurry = done;
    });
  }
}

async function within(ms: number, done: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([done, new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  })]);
  clearTimeout(timer);
}
