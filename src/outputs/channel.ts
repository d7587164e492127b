// SPDX-License-Identifier: Apache-2.0
/**
 * One output behind its own bounded queue. Pushing never waits, so that a slow or dead output delays neither the engine nor
 * another output. A full queue refuses the new message, as Falco's does: what waits longest is the oldest evidence.
 * At any time `pushed = delivered + failed + dropped + waiting`.
 */
import { Interval } from '../util/interval.js';
import type { Log } from '../util/log.js';
import { type Output, type OutputMessage, PartlyRefused } from './output.js';

/**
 * Characters that may wait whatever the capacity, and the only bound for `outputs_queue.capacity: 0`. (Falco's 0 is
 * "without bound", which only moves the loss to memory.) Some 200,000 usual alerts; outputs share them.
 */
const MAX_WAITING_CHARACTERS = 64 * 1024 * 1024;
const LARGEST_BATCH = 512;

export interface ChannelOptions {
  /** Messages; 0: as many as {@link MAX_WAITING_CHARACTERS} holds. */
  readonly capacity: number;
  /** A delivery that takes longer is reported, once until it ends. */
  readonly timeoutMs: number;
  /** Let messages gather for so long, up to a full batch (`buffered_outputs`); 0: send each at once. */
  readonly gatherMs: number;
  readonly log: Log;
}

export interface ChannelStats {
  /** What a spool has left from an earlier run is among them. */
  readonly pushed: number;
  readonly delivered: number;
  /** The output said no. */
  readonly failed: number;
  /** Refused by the full queue, or still waiting when the program had to end. */
  readonly dropped: number;
  readonly waiting: number;
  /** Disk space of the output's spool, if it has one. */
  readonly spoolBytes?: number;
}

export class Channel {
  /** Waiting messages begin at `head`: taking one out must not move the others. */
  private queue: OutputMessage[] = [];
  private head = 0;
  private waitingCharacters = 0;
  private inFlight = 0;
  private pushed = 0;
  private delivered = 0;
  private failed = 0;
  private dropped = 0;
  private running = false;
  private closed = false;
  private givenUp = false;
  private reopenWanted = false;
  private hurry: (() => void) | null = null;
  private readonly whenIdle: (() => void)[] = [];
  private readonly failureLog = new Interval(5000);
  /** Refused since the log last said that this output works; 0: it has not said otherwise. */
  private complained = 0;
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
    if (this.closed || this.isFull()) {
      this.dropped++;
      const held = this.closed ? null : this.fullLog.pass();
      if (held !== null) {
        this.options.log.error(`Output ${this.name}: its queue is full (${this.length} alerts waiting), ${held + 1} dropped`);
      }
      return;
    }
    this.queue.push(message);
    this.waitingCharacters += message.line.length;
    if (!this.running) void this.run();
    else if (this.length >= LARGEST_BATCH) this.hurry?.();
  }

  private get length(): number {
    return this.queue.length - this.head;
  }

  private take(most: number): OutputMessage[] {
    const batch = this.queue.slice(this.head, this.head + most);
    this.head += batch.length;
    for (const message of batch) this.waitingCharacters -= message.line.length;
    if (this.head * 2 > this.queue.length) {
      this.queue = this.queue.slice(this.head);
      this.head = 0;
    }
    return batch;
  }

  private isFull(): boolean {
    const { capacity } = this.options;
    return (capacity > 0 && this.length + this.inFlight >= capacity) || this.waitingCharacters >= MAX_WAITING_CHARACTERS;
  }

  /** Reopens the output between two deliveries. */
  reopen(): void {
    this.reopenWanted = true;
    if (!this.running) void this.run();
    else this.hurry?.();
  }

  stats(): ChannelStats {
    const { pushed, delivered, failed, dropped } = this;
    const waiting = this.length + this.inFlight;
    const backlog = this.output.backlog?.();
    if (backlog === undefined) return { pushed, delivered, failed, dropped, waiting };
    return {
      pushed: pushed + backlog.recovered,
      delivered: backlog.delivered,
      failed: failed + backlog.failed,
      dropped: dropped + backlog.dropped,
      waiting: waiting + backlog.waiting,
      spoolBytes: backlog.bytes,
    };
  }

  /** Takes no more messages, gives those that wait `graceMs` to get out, counts the rest as dropped, and stops the output. */
  async stop(graceMs: number): Promise<void> {
    this.closed = true;
    this.hurry?.();
    if (this.running) await within(graceMs, new Promise<void>((resolve) => this.whenIdle.push(resolve)));
    this.dropped += this.length;
    this.queue = [];
    this.head = 0;
    this.givenUp = true;
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
    while (this.length > 0 || this.reopenWanted) {
      if (this.reopenWanted) {
        this.reopenWanted = false;
        await this.attempt(() => this.output.reopen(), 0, 'reopen');
        continue;
      }
      if (this.options.gatherMs > 0 && this.length < LARGEST_BATCH && !this.closed) await this.gather();
      const { output } = this;
      const all = output.deliverAll;
      const batch = this.take(all === undefined ? 1 : LARGEST_BATCH);
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
      if (this.complained > 0 && messages > 0) {
        log.info(`Output ${this.name}: is working again, ${this.complained} alerts were refused`);
        this.complained = 0;
      }
    } catch (error) {
      if (this.givenUp) {
        this.dropped += this.inFlight;
        return;
      }
      const refused = error instanceof PartlyRefused ? Math.min(error.refused, this.inFlight) : this.inFlight;
      this.failed += refused;
      this.delivered += this.inFlight - refused;
      if (this.complained > 0) this.complained += refused;
      const held = this.closed ? 0 : this.failureLog.pass();
      if (held !== null) {
        const more = held > 0 ? ` (and ${held} times before)` : '';
        log.error(`Output ${this.name}: cannot ${what}: ${(error as Error).message}${more}`);
        if (this.complained === 0) this.complained = refused;
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
