// SPDX-License-Identifier: Apache-2.0
/** A channel that alerts leave by. */
export interface OutputMessage {
  /** The line as text or JSON, as configured, without a newline. */
  readonly line: string;
  readonly priority: string;
  readonly rule: string;
  /** Nanoseconds since the epoch. */
  readonly time: bigint;
}

/** Rejection of a `deliverAll` of which a part has arrived. */
export class PartlyRefused extends Error {
  constructor(
    message: string,
    readonly refused: number,
  ) {
    super(message);
    this.name = 'PartlyRefused';
  }
}

/** What became of messages that an output keeps on disk. `appended + recovered = delivered + failed + dropped + waiting`. */
export interface BacklogStats {
  /** Left by an earlier run. */
  readonly recovered: number;
  readonly delivered: number;
  readonly failed: number;
  /** No room on the disk, or unreadable. */
  readonly dropped: number;
  readonly waiting: number;
  readonly bytes: number;
}

export interface Output {
  /** Its name in configuration and counters: `stdout`, `file`, `syslog`, `program`, `http`, `otlp`, `kafka`, `nats`. */
  readonly name: string;
  /** Acquires what it needs. Rejects with a `StartError` when it cannot run. */
  start(): Promise<void>;
  /** Delivers one message. Called again only when the promise has settled; a rejection is counted and logged. */
  deliver(message: OutputMessage): Promise<void>;
  /** Delivers several at once, where that is cheaper than one by one; a rejection counts for all of them, unless it is {@link PartlyRefused}. */
  deliverAll?(messages: readonly OutputMessage[]): Promise<void>;
  /** Closes and opens again (SIGUSR1). Called during a delivery only where a spool stands before it, and that delivery goes on. */
  reopen(): Promise<void>;
  /** Releases everything. A delivery that is still under way is given up: its promise settles soon. */
  stop(): Promise<void>;
  /** Only of an output for which "delivered" means "on disk": what has become of it since. */
  backlog?(): BacklogStats;
}
