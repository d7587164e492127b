// SPDX-License-Identifier: Apache-2.0
/** `evt.*`: the fields that every source has. */
import type { EngineEvent } from '../events/event.js';
import type { FieldClass, FieldDef } from '../lang/catalogue.js';
import { canonicalInt } from '../lang/value.js';
import { dateTimeText, isoTimeText, timeText } from '../util/time.js';
import { plain } from './catalogue.js';
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
  const sinceStart = (event: E): bigint => {
    const now = event.timestamp();
    if (clock.firstEvent === 0n) clock.firstEvent = now;
    return now - clock.firstEvent;
  };
  const fields: readonly FieldDef<E>[] = [
    plain<E>({
      name: 'evt.num',
      type: 'UINT64',
      desc: 'Number of the event within the run, from 1.',
      read: (e) => e.num,
    }),
    plain<E>({
      name: 'evt.time',
      type: 'CHARBUF',
      desc: 'Local time of day of the event, with nanoseconds.',
      read: (e) => timeText(e.timestamp(), true),
    }),
    plain<E>({
      name: 'evt.time.s',
      type: 'CHARBUF',
      desc: 'Local time of day of the event, to the second.',
      read: (e) => timeText(e.timestamp(), false),
    }),
    plain<E>({
      name: 'evt.time.iso8601',
      type: 'CHARBUF',
      desc: 'Time of the event in ISO 8601, UTC, with nanoseconds.',
      read: (e) => isoTimeText(e.timestamp()),
    }),
    plain<E>({
      name: 'evt.datetime',
      type: 'CHARBUF',
      desc: 'Local date and time of the event, with nanoseconds.',
      read: (e) => dateTimeText(e.timestamp(), true),
    }),
    plain<E>({
      name: 'evt.datetime.s',
      type: 'CHARBUF',
      desc: 'Local date and time of the event, to the second.',
      read: (e) => dateTimeText(e.timestamp(), false),
    }),
    plain<E>({
      name: 'evt.rawtime',
      type: 'ABSTIME',
      desc: 'Nanoseconds since the epoch.',
      read: (e) => canonicalInt(e.timestamp()),
    }),
    plain<E>({
      name: 'evt.rawtime.s',
      type: 'ABSTIME',
      desc: 'Whole seconds since the epoch.',
      read: (e) => canonicalInt(e.timestamp() / SECOND),
    }),
    plain<E>({
      name: 'evt.rawtime.ns',
      type: 'ABSTIME',
      format: 'PADDED10',
      desc: 'Nanoseconds within the second of the event.',
      read: (e) => canonicalInt(e.timestamp() % SECOND),
    }),
    plain<E>({
      name: 'evt.reltime',
      type: 'RELTIME',
      format: 'PADDED10',
      desc: 'Nanoseconds since the first event of the run.',
      read: (e) => canonicalInt(sinceStart(e)),
    }),
    plain<E>({
      name: 'evt.reltime.s',
      type: 'RELTIME',
      desc: 'Whole seconds since the first event of the run.',
      read: (e) => canonicalInt(sinceStart(e) / SECOND),
    }),
    plain<E>({
      name: 'evt.reltime.ns',
      type: 'RELTIME',
      format: 'PADDED10',
      desc: 'Nanoseconds beyond the whole seconds since the first event of the run.',
      read: (e) => canonicalInt(sinceStart(e) % SECOND),
    }),
    plain<E>({
      name: 'evt.pluginname',
      type: 'CHARBUF',
      desc: 'Name of the plugin that the event comes from.',
      read: () => plugin?.name ?? null,
    }),
    plain<E>({
      name: 'evt.plugininfo',
      type: 'CHARBUF',
      desc: "One line about the event, from its source's plugin.",
      read: (e) => plugin?.info(e) ?? null,
    }),
    plain<E>({
      name: 'evt.source',
      type: 'CHARBUF',
      desc: 'Source of the event: `syscall`, `k8s_audit`.',
      read: () => source,
    }),
    plain<E>({
      name: 'evt.is_async',
      type: 'BOOL',
      desc: 'True for events that no system call or tracepoint caused, such as a container that was looked up.',
      read: (e) => asyncType(e) !== null,
    }),
    plain<E>({
      name: 'evt.asynctype',
      type: 'CHARBUF',
      desc: 'Kind of an asynchronous event.',
      read: (e) => asyncType(e),
    }),
    plain<E>({
      name: 'evt.hostname',
      type: 'CHARBUF',
      desc: 'Name of this machine, or what FALCO_HOSTNAME says.',
      read: () => hostname,
    }),
  ];
  return { name: 'evt', shortDesc: 'All event types', desc: 'Fields of every event, whatever its source.', fields };
}
