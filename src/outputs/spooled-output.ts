// SPDX-License-Identifier: Apache-2.0
/**
 * An output behind a spool on disk: "delivered" to it means written, and a pump of its own passes on what is there, oldest
 * first, for as long as that takes. A full disk quota refuses new messages and counts them, as a full queue does.
 */
import { Interval } from '../util/interval.js';
import type { Log } from '../util/log.js';
import { type BacklogStats, type Output, type OutputMessage, PartlyRefused } from './output.js';
import type { Spool, Stored } from './spool.js';
import type { SpoolLease } from './spool-set.js';

const BATCH = 512;

export class SpooledOutput implements Output {
  private lease: SpoolLease | null = null;
  private readonly counts = { recovered: 0, delivered: 0, failed: 0, dropped: 0 };
  private stopping = false;
  private wake: () => void = () => undefined;
  private pumping: Promise<void> = Promise.resolve();
  private idle = true;
  private whenIdle: () => void = () => undefined;
  /** Of the spool when this output took it over, and as last reported. */
  private damagedBefore = 0;
  private damagedSeen = 0;
  private readonly fullLog = new Interval(5000);
  private readonly failureLog = new Interval(5000);

  /** @param graceMs how long a stop waits for what can still be delivered */
  constructor(
    private readonly inner: Output,
    private readonly openSpool: () => SpoolLease,
    private readonly graceMs: number,
    private readonly log: Log,
  ) {}

  get name(): string {
    return this.inner.name;
  }

  async start(): Promise<void> {
    await this.inner.start();
    this.lease = this.openSpool();
    this.pumping = this.pump(this.lease);
  }

  deliver(message: OutputMessage): Promise<void> {
    return this.deliverAll([message]);
  }

  /** Rejects when the disk refuses. What finds no room in the spool is counted as dropped here. */
  async deliverAll(messages: readonly OutputMessage[]): Promise<void> {
    const spool = this.lease!.spool;
    const taken = await spool.append(messages);
    this.idle = false;
    this.wake();
    const refused = messages.length - taken;
    if (refused === 0) return;
    this.counts.dropped += refused;
    const held = this.fullLog.pass();
    if (held !== null) this.log.error(`Output ${this.name}: its spool is full (${spool.waiting} alerts waiting in ${spool.directory}) or the alerts are too large, ${refused} dropped`);
  }

  reopen(): Promise<void> {
    return this.inner.reopen();
  }

  /** Waits a little for what can be delivered; the rest stays on the disk for the next start. */
  async stop(): Promise<void> {
    if (!this.idle && this.lease !== null) {
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([
        new Promise<void>((resolve) => { this.whenIdle = resolve; }),
        new Promise<void>((resolve) => { timer = setTimeout(resolve, this.graceMs); }),
      ]);
      clearTimeout(timer);
    }
    this.stopping = true;
    this.wake();
    await this.inner.stop();
    await this.pumping;
    const last = await this.lease?.release();
    const { waiting, directory } = this.lease?.spool ?? { waiting: 0, directory: '' };
    if (last === true && waiting > 0) this.log.warning(`Output ${this.name}: ${waiting} alerts remain in ${directory} for the next start`);
  }

  backlog(): BacklogStats {
    const spool = this.lease?.spool;
    const { recovered, delivered, failed, dropped } = this.counts;
    return { recovered, delivered, failed, dropped: dropped + (spool?.damaged ?? 0) - this.damagedBefore, waiting: spool?.waiting ?? 0, bytes: spool?.bytes ?? 0 };
  }

  private async pump(lease: SpoolLease): Promise<void> {
    await lease.turn();
    const { spool } = lease;
    this.damagedBefore = this.damagedSeen = lease.first ? 0 : spool.damaged;
    this.counts.recovered = spool.waiting + spool.damaged - this.damagedBefore;
    if (spool.waiting > 0) this.log.info(`Output ${this.name}: ${spool.waiting} alerts from an earlier run are waiting in ${spool.directory}`);
    await spool.rewind();
    while (!this.stopping) {
      const woken = new Promise<void>((resolve) => { this.wake = resolve; });
      let batch: readonly Stored[] = [];
      try {
        batch = await spool.read(BATCH);
      } catch (error) {
        this.complain('read its spool', error);
        await Promise.race([woken, new Promise((resolve) => setTimeout(resolve, 1000))]);
        continue;
      }
      if (spool.damaged > this.damagedSeen) this.log.error(`Output ${this.name}: skipped ${spool.damaged - this.damagedSeen} damaged records in ${spool.directory}`);
      this.damagedSeen = spool.damaged;
      if (batch.length > 0) {
        this.idle = false;
        await this.passOn(spool, batch);
        continue;
      }
      this.idle = true;
      this.whenIdle();
      await woken;
    }
  }

  private async passOn(spool: Spool, batch: readonly Stored[]): Promise<void> {
    const all = this.inner.deliverAll;
    const parts = all === undefined ? batch.map((one) => [one]) : [batch];
    for (const part of parts) {
      if (this.stopping) return;
      let refused = 0;
      try {
        if (all === undefined || part.length === 1) await this.inner.deliver(part[0].message);
        else await all.call(this.inner, part.map(({ message }) => message));
      } catch (error) {
        // Given up because of the stop: it stays on the disk.
        if (this.stopping) return;
        refused = error instanceof PartlyRefused ? Math.min(error.refused, part.length) : part.length;
        this.complain('deliver', error);
      }
      this.counts.failed += refused;
      this.counts.delivered += part.length - refused;
      spool.acknowledge(part[part.length - 1].end, part.length);
    }
  }

  private complain(what: string, error: unknown): void {
    const held = this.failureLog.pass();
    if (held === null) return;
    this.log.error(`Output ${this.name}: cannot ${what}: ${(error as Error).message}${held > 0 ? ` (and ${held} times before)` : ''}`);
  }
}
