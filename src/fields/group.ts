// SPDX-License-Identifier: Apache-2.0
/** `group.*`: the group that the process runs as. */
import type { EventView } from '../events/event-view.js';
import { NA } from '../events/raw-param.js';
import type { FieldClass } from '../lang/catalogue.js';
import { field } from './catalogue.js';
import type { FieldContext } from './context.js';
import { ofThread } from './of-thread.js';

export function groupClass(context: FieldContext): FieldClass<EventView> {
  return {
    name: 'group',
    desc: 'The group that the process runs as.',
    // biome-ignore format: one line a field
    fields: [
      field('group.gid', 'UINT32', 'Group id.', ofThread((thread) => thread.gid)),
      field('group.name', 'CHARBUF', 'Name of the group.', ofThread((thread) => context.users.group(thread.containerId, thread.gid)?.name ?? (thread.gid === 0 ? 'root' : NA))),
    ],
  };
}
