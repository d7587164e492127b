// SPDX-License-Identifier: Apache-2.0
/** The least that every source's events have in common, and all that the engine knows of them. */
export interface EngineEvent {
  /** Wire event type (`events/table.ts`); what the rule index is keyed by. */
  readonly type: number;
  /** 1-based number of the event within the run (`evt.num`). */
  readonly num: number;
  /** Nanoseconds since the epoch. Formats only; never called for an event that matches nothing. */
  timestamp(): bigint;
}

/** `type` of every event of a source other than `syscall`. */
export const PLUGIN_EVENT = 322;
