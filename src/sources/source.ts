// SPDX-License-Identifier: Apache-2.0
/** An event source: the one interface between where events come from and the pipeline. */
import type { EngineEvent } from '../events/event.js';

/** Every way in which a source lost or set aside events, by name, growing only. Zero counters are listed too. */
export type LossCounters = Readonly<Record<string, number>>;

export interface SourceStats {
  /** Events that came into being, seen or lost. */
  readonly produced: number;
  /** Events handed to the pipeline. */
  readonly delivered: number;
  /** Set aside before they were made, because no rule can match them and no state depends on them. Absent: none. */
  readonly filtered?: number;
  /** produced = delivered + filtered + the sum of these. */
  readonly losses: LossCounters;
  /** Parts of the losses by Falco's names for them (`n_drops_buffer_open_exit`). */
  readonly drops?: LossCounters;
  /** Signs that the source falls behind, which lose nothing by themselves: waits for a free slab, events out of order. */
  readonly strain?: LossCounters;
}

export interface Source<E extends EngineEvent = EngineEvent> {
  /** The rules' `source`: `syscall` or `k8s_audit`. */
  readonly name: string;
  /** One line for the start-up log: `"syscall" with the modern eBPF probe`, `http://127.0.0.1:9765/k8s-audit`. */
  readonly description: string;
  /**
   * Acquires everything and starts delivering: `deliver` is called synchronously, one event at a time, and the event is
   * invalid once it returns. Rejects with a `StartError` when the source cannot run.
   * `end` is called once if the source runs out by itself (a file), with the error if that is why.
   */
  start(deliver: (event: E) => void, end: (error?: Error) => void): Promise<void>;
  /** Stops taking new events, delivers what has been taken, and releases everything. */
  stop(): Promise<void>;
  stats(): SourceStats;
}

/** A configured part cannot start. Fatal at start, refused at reload. Says what and what to do. */
export class StartError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly hint?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'StartError';
  }
}
