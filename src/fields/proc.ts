// SPDX-License-Identifier: Apache-2.0
/** `proc.*` and `thread.*`: the process and the thread that the event happened in, and their ancestors. */
import type { EventView } from '../events/event-view.js';
import type { FieldClass, FieldDef } from '../lang/catalogue.js';
import { plain } from './catalogue.js';
import type { FieldContext } from './context.js';

export function processClass(_context: FieldContext): FieldClass<EventView> {
  const fields: readonly FieldDef<EventView>[] = [
    plain<EventView>({
      name: 'proc.name',
      type: 'CHARBUF',
      desc: 'Name of the process (comm), at most 15 characters.',
      read: (e) => e.thread?.comm ?? null,
    }),
  ];
  return { name: 'process', desc: 'The process and thread of the event, and their ancestors.', fields };
}
