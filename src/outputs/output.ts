// SPDX-License-Identifier: Apache-2.0
/** A channel that alerts leave by. */
export interface OutputMessage {
  /** The line as text or JSON, as configured, without a newline. */
  readonly line: string;
  readonly priority: string;
  readonly rule: string;
}

export interface Output {
  /** Its name in configuration and counters: `stdout`, `file`, `syslog`, `program`, `http`. */
  readonly name: string;
  /** Acquires what it needs. Rejects with a `StartError` when it cannot run. */
  start(): Promise<void>;
  /** Delivers one message. Called again only when the promise has settled; a rejection is counted and logged. */
  deliver(message: OutputMessage): Promise<void>;
  /** Delivers several at once, where that is cheaper than one by one; a rejection counts for all of them. */
  deliverAll?(messages: readonly OutputMessage[]): Promise<void>;
  /** Closes and opens again (SIGUSR1). Never called during a delivery. */
  reopen(): Promise<void>;
  /** Releases everything. A delivery that is still under way is given up: its promise settles soon. */
  stop(): Promise<void>;
}
