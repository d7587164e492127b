// SPDX-License-Identifier: Apache-2.0
/** `evt.*`: the fields of events of the syscall source. */
import type { EventView } from '../events/event-view.js';
import type { FieldClass, FieldDef } from '../lang/catalogue.js';
import { plain } from './catalogue.js';
import type { FieldContext } from './context.js';
import { eventName } from './event-names.js';

export function syscallEventClass(_context: FieldContext): FieldClass<EventView> {
  const fields: readonly FieldDef<EventView>[] = [
    plain<EventView>({ name: 'evt.type', type: 'CHARBUF', desc: 'Name of the event: `openat`.', read: eventName }),
  ];
  return { name: 'evt', shortDesc: 'Syscall events only', desc: 'Fields of system calls and kernel events.', fields };
}
