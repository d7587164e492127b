// SPDX-License-Identifier: Apache-2.0
/** `fd.*`: the file descriptor that the event is about. */
import type { EventView } from '../events/event-view.js';
import type { FieldClass, FieldDef } from '../lang/catalogue.js';
import { plain } from './catalogue.js';
import type { FieldContext } from './context.js';

export function fdClass(_context: FieldContext): FieldClass<EventView> {
  const fields: readonly FieldDef<EventView>[] = [
    plain<EventView>({
      name: 'fd.name',
      type: 'CHARBUF',
      desc: 'Path of a file, or addresses and ports of a connection.',
      read: (e) => e.fd?.name ?? null,
    }),
  ];
  return { name: 'fd', desc: 'The file descriptor that the event is about.', fields };
}
