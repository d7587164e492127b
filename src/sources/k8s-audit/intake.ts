// SPDX-License-Identifier: Apache-2.0
import { AuditEvent } from '../../events/audit-event.js';
import type { Outlet } from './outlet.js';
import { SeenEvents } from './seen.js';
import { AuditSplitter, type SplitterSink } from './splitter.js';

/** Why an event, or all that a request carried, was not taken. Each is a counter. */
export const REFUSALS = [
  // Single events. The rest of the body is kept.
  'event_too_large',
  'event_malformed',
  'event_no_time',
  'event_duplicate',
  // JSON that is no Event, EventList or array of these.
  'not_an_event',
  // Whole requests; how many events they carried nobody knows, so each counts as one.
  'body_empty',
  'body_truncated',
  'body_too_large',
  'body_bad_encoding',
  'bad_content_type',
  'bad_content_encoding',
  'bad_method',
  'bad_path',
  'unauthorized',
  'tls_failed',
  'overloaded',
  'bad_request',
] as const;
export type Refusal = (typeof REFUSALS)[number];

/** What the intake counts, in the order of its counters: refusals, and events that {@link SeenEvents} forgot. */
export const COUNTERS = [...REFUSALS, 'forgotten'] as const;
const INDEX = Object.fromEntries(COUNTERS.map((name, n) => [name, n])) as Record<(typeof COUNTERS)[number], number>;

/** What became of one body or file. */
export interface BatchReport {
  taken: number;
  /** Sent before and taken then. */
  duplicates: number;
  readonly refused: Partial<Record<Refusal, number>>;
  /** EventLists that were whole, empty ones too. */
  lists: number;
  /** Size of the largest event that was refused as too large, in bytes. */
  largest: number;
}

/** Takes in the bytes of one body or file. */
export interface Batch {
  readonly report: BatchReport;
  /** Bytes from the beginning whose events have all been put out. */
  readonly settled: number;
  push(chunk: Buffer): void;
  /** No more bytes. An unfinished value counts as `body_truncated`. */
  end(): void;
}

export interface IntakeOptions {
  readonly maxEventSize: number;
  /** By {@link COUNTERS}. */
  readonly counters: Float64Array;
}

/** Turns bytes into events, puts them out, and counts what was refused. One for the whole source. */
export class AuditIntake {
  readonly #counters: Float64Array;
  readonly #seen = new SeenEvents();
  readonly #event = new AuditEvent();
  /** A view of the bytes at hand. */
  #view: DataView = new DataView(new ArrayBuffer(0));
  #viewed: Buffer | null = null;

  constructor(
    private readonly options: IntakeOptions,
    readonly outlet: Outlet,
  ) {
    this.#counters = options.counters;
  }

  /** Counts a request that was turned away without a look at its events. */
  refuse(reason: Refusal): void {
    this.#counters[INDEX[reason]]++;
  }

  /** `retried`: events that were taken before are passed over, not put out again. `lines`: see the splitter. */
  batch(kind: { readonly retried: boolean; readonly lines: boolean }): Batch {
    const report: BatchReport = { taken: 0, duplicates: 0, refused: {}, lists: 0, largest: 0 };
    const refuse = (reason: Refusal): void => {
      report.refused[reason] = (report.refused[reason] ?? 0) + 1;
      this.refuse(reason);
    };
    const sink: SplitterSink = {
      tryEvent: (bytes, start, limit) => {
        const end = this.#event.read(bytes, start, limit);
        if (end < 0 || this.#event.size > this.options.maxEventSize) return 0;
        this.#take(report, refuse, kind.retried, bytes, start, end, false);
        return end;
      },
      event: (bytes, start, end, own) => {
        if (this.#event.read(bytes, start, end) === end) return this.#take(report, refuse, kind.retried, bytes, start, end, own);
        refuse('event_malformed');
        return false;
      },
      tooLarge: (size) => {
        report.largest = Math.max(report.largest, size);
        refuse('event_too_large');
      },
      malformed: () => refuse('event_malformed'),
      notAnEvent: () => refuse('not_an_event'),
      list: () => {
        report.lists++;
      },
    };
    const splitter = new AuditSplitter(sink, { maxEventSize: this.options.maxEventSize, lines: kind.lines });
    return {
      report,
      get settled() {
        return splitter.settled;
      },
      push: (chunk) => splitter.push(chunk),
      end: () => {
        if (!splitter.end()) refuse('body_truncated');
      },
    };
  }

  /** Takes the event that has just been read from these bytes; true when these were taken with it, which only own ones are. */
  #take(
    report: BatchReport,
    refuse: (reason: Refusal) => void,
    retried: boolean,
    bytes: Buffer,
    start: number,
    end: number,
    own: boolean,
  ): boolean {
    const event = this.#event;
    if (!event.readTime()) {
      refuse('event_no_time');
      return false;
    }
    // Only what an apiserver sends can be told from something that is sent twice on purpose.
    if (retried && event.isIdentified) {
      if (bytes !== this.#viewed) {
        this.#viewed = bytes;
        this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      }
      const fingerprint = this.#seen.fingerprint(this.#view, start, end);
      if (this.#seen.has(fingerprint)) {
        report.duplicates++;
        this.refuse('event_duplicate');
        return false;
      }
      this.#seen.add(fingerprint);
      this.#counters[INDEX.forgotten] = this.#seen.evictions;
    }
    report.taken++;
    return this.outlet.put(event, bytes, start, end, own);
  }
}
