// SPDX-License-Identifier: Apache-2.0
/** The fields of the syscall source, in the order in which they are listed. */
import type { EventView } from '../events/event-view.js';
import { Ev } from '../events/ids.js';
import { EVENTS } from '../events/table.js';
import type { FieldClass, SourceCatalogue } from '../lang/catalogue.js';
import { ContainerTable } from '../state/containers.js';
import { UserTable } from '../state/users.js';
import { makeCatalogue } from './catalogue.js';
import type { FieldContext } from './context.js';
import { commonEventClass } from './evt.js';
import { syscallEvs } from './event-names.js';
import { syscallEventClass } from './evt-syscall.js';
import { fdClass } from './fd.js';
import { processClass } from './proc.js';

export const SYSCALL_SOURCE = 'syscall';

export function syscallCatalogue(context: FieldContext = emptyContext()): SourceCatalogue<EventView> {
  const classes: readonly FieldClass<EventView>[] = [
    commonEventClass<EventView>({
      source: SYSCALL_SOURCE,
      hostname: context.hostname,
      clock: context.clock,
      asyncType,
    }),
    syscallEventClass(context),
    processClass(context),
    fdClass(context),
  ];
  return makeCatalogue<EventView>({
    source: SYSCALL_SOURCE,
    classes,
    eventTypes: syscallEvs(),
    eventTypeCount: EVENTS.length,
  });
}

/** Enough to check and list rules without any event. */
export function emptyContext(): FieldContext {
  return {
    hostname: '',
    clock: { firstEvent: 0n },
    threads: { get: () => undefined, threadCount: () => 0 },
    users: new UserTable(),
    containers: new ContainerTable(),
    localAddresses: { has: () => false },
    bufferTextLimit: 0,
  };
}

const META = EVENTS.map((row) => row.kind === 'meta');

function asyncType(event: EventView): string | null {
  if (!META[event.type]) return null;
  return event.type === Ev.ASYNCEVENT_E ? event.str(1) : EVENTS[event.type].name;
}
