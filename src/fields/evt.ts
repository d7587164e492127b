// SPDX-License-Identifier: Apache-2.0
/** `evt.*`: the fields that every source has. */
import type { EngineEvent } from '../events/event.js';
import type { FieldClass, FieldDef, FieldReader } from '../lang/catalogue.js';
import { canonicalInt } from '../lang/value.js';
import { dateTimeText, isoTimeText, timeText } from '../util/time.js';
import { field } from './catalogue.js';
import type { RunClock } from './context.js';

const SECOND = 1_000_000_000n;

export interface CommonFieldOptions<E> {
  readonly source: string;
  readonly hostname: string;
  readonly clock: RunClock;
  /** Plugin sources: the plugin's name and its one-line text of an event. */
  readonly plugin?: { readonly name: string; readonly info: (event: E) => string | null };
  /** Name of an asynchronous event; null for any other event. */
  readonly asyncType?: (event: E) => string | null;
}

export function commonEventClass<E extends EngineEvent>(options: CommonFieldOptions<E>): FieldClass<E> {
  const { clock, hostname, source, plugin } = options;
  const asyncType = options.asyncType ?? (() => null);
  const nanoseconds: FieldReader<E> = (e) => canonicalInt(e.timestamp());
  /** Times are text in messages and nanoseconds since the epoch in JSON. */
  const json = { json: nanoseconds };
  const sinceStart = (event: E): bigint => {
    const now = event.timestamp();
    if (clock.firstEvent === 0n && asyncType(event) === null) clock.firstEvent = now;
    return clock.firstEvent === 0n ? 0n : now - clock.firstEvent;
  };
  const padded = { format: 'PADDED10' } as const;
  // biome-ignore format: one line a field
  const fields: readonly FieldDef<E>[] = [
    field('evt.num', 'UINT64', 'Number of the event within the run, from 1.', (e) => e.num),
    field('evt.time', 'CHARBUF', 'Local time of day, with nanoseconds.', (e) => timeText(e.timestamp(), true), json),
    field('evt.time.s', 'CHARBUF', 'Local time of day, to the second.', (e) => timeText(e.timestamp(), false), json),
    field('evt.time.iso8601', 'CHARBUF', 'ISO 8601 time, UTC, with nanoseconds.', (e) => isoTimeText(e.timestamp()), json),
    field('evt.datetime', 'CHARBUF', 'Local date and time, with nanoseconds.', (e) => dateTimeText(e.timestamp(), true), json),
    field('evt.datetime.s', 'CHARBUF', 'Local date and time, to the second.', (e) => dateTimeText(e.timestamp(), false), json),
    field('evt.rawtime', 'ABSTIME', 'Nanoseconds since the epoch.', nanoseconds),
    field('evt.rawtime.s', 'ABSTIME', 'Whole seconds since the epoch.', (e) => canonicalInt(e.timestamp() / SECOND)),
    field('evt.rawtime.ns', 'ABSTIME', 'Nanoseconds within the second.', (e) => canonicalInt(e.timestamp() % SECOND), padded),
    field('evt.reltime', 'RELTIME', 'Nanoseconds since the first event of the run.', (e) => canonicalInt(sinceStart(e)), padded),
    field('evt.reltime.s', 'RELTIME', 'Whole seconds since the first event of the run.', (e) => canonicalInt(sinceStart(e) / SECOND)),
    field('evt.reltime.ns', 'RELTIME', 'Nanoseconds beyond those whole seconds.', (e) => canonicalInt(sinceStart(e) % SECOND), padded),
    field('evt.pluginname', 'CHARBUF', 'Name of the plugin that the event comes from.', () => plugin?.name ?? null),
    field('evt.plugininfo', 'CHARBUF', "One line about the event, from its source's plugin.", (e) => plugin?.info(e) ?? null),
    field('evt.source', 'CHARBUF', 'Source of the event: `syscall`, `k8s_audit`.', () => source),
    field('evt.is_async', 'BOOL', 'True when no system call or tracepoint caused the event.', (e) => asyncType(e) !== null),
    field('evt.asynctype', 'CHARBUF', 'Kind of an asynchronous event: `container`.', (e) => asyncType(e)),
    field('evt.hostname', 'CHARBUF', 'Name of this machine, or what FALCO_HOSTNAME says.', () => hostname),
  ];
  return { name: 'evt', shortDesc: 'All event types', desc: 'Fields of every event, whatever its source.', fields };
}
