// SPDX-License-Identifier: Apache-2.0
/** The fields of the syscall source, in the order in which they are listed. */
import type { EventView } from '../events/event-view.js';
import { Ev } from '../events/ids.js';
import { EVENTS } from '../events/table.js';
import type { FieldClass, SourceCatalogue } from '../lang/catalogue.js';
import { ContainerTable } from '../state/containers.js';
import { ThreadTable } from '../state/thread-table.js';
import { UserTable } from '../state/users.js';
import { DnsNames } from '../state/dns-names.js';
import { Interfaces } from '../state/interfaces.js';
import { type DottedField, makeCatalogue } from './catalogue.js';
import type { FieldContext } from './context.js';
import { commonEventClass } from './evt.js';
import { refineRawArgument } from './evt-args.js';
import { syscallEventTypes } from './event-names.js';
import { syscallEventClass } from './evt-syscall.js';
import { fdClass } from './fd.js';
import { fdListClass } from './fdlist.js';
import { fsPathClass } from './fs-path.js';
import { groupClass } from './group.js';
import { absentJsonClass } from './jevt.js';
import { containerClass } from './k8s.js';
import { processClass } from './proc.js';
import { userClass } from './user.js';

export const SYSCALL_SOURCE = 'syscall';

const DOTTED: readonly DottedField<EventView>[] = [
  { name: 'evt.arg' },
  { name: 'evt.rawarg', refine: refineRawArgument },
  { name: 'evt.type.is' },
  { name: 'evt.abspath', optional: true },
  { name: 'thread.cgroup' },
];

/** `json`: the json plugin is loaded, whose fields all sources then have. */
export function syscallCatalogue(context: FieldContext = emptyContext(), { json = false }: { readonly json?: boolean } = {}): SourceCatalogue<EventView> {
  const classes: readonly FieldClass<EventView>[] = [
    commonEventClass<EventView>({
      source: SYSCALL_SOURCE,
      hostname: context.hostname,
      clock: context.clock,
      asyncType,
    }),
    syscallEventClass(context),
    processClass(context),
    userClass(context),
    groupClass(context),
    fdClass(context),
    fsPathClass(),
    fdListClass(),
    containerClass(context),
    ...(json ? [absentJsonClass<EventView>()] : []),
  ];
  return makeCatalogue<EventView>({
    source: SYSCALL_SOURCE,
    classes,
    dotted: DOTTED,
    eventTypes: syscallEventTypes(),
    eventTypeCount: EVENTS.length,
  });
}

/** Enough to check and list rules without any event. */
export function emptyContext(): FieldContext {
  return {
    hostname: '',
    clock: { firstEvent: 0n },
    threads: new ThreadTable(0),
    users: new UserTable(),
    containers: new ContainerTable(),
    interfaces: new Interfaces(),
    dnsNames: new DnsNames(),
    base64: false,
  };
}

const META = EVENTS.map((row) => row.kind === 'meta');

function asyncType(event: EventView): string | null {
  if (!META[event.type]) return null;
  return event.type === Ev.ASYNCEVENT_E ? event.str(1) : EVENTS[event.type].name;
}
