// SPDX-License-Identifier: Apache-2.0
/** `user.*`: the user that the process runs as, by the names of its container or of the host. */
import type { EventView } from '../events/event-view.js';
import { Ev } from '../events/ids.js';
import { NA } from '../events/raw-param.js';
import type { FieldClass } from '../lang/catalogue.js';
import type { ThreadInfo } from '../state/thread-info.js';
import type { User } from '../state/users.js';
import { field } from './catalogue.js';
import type { FieldContext } from './context.js';
import { ofThread } from './of-thread.js';

const NO_LOGIN = 0xffff_ffff;

/** An event that tells of a container, whose thread is not a process in it. */
function isContainerEvent(e: EventView): boolean {
  return e.type === Ev.CONTAINER_JSON_2_E || (e.type === Ev.ASYNCEVENT_E && e.str(1) === 'container');
}

export function userClass(context: FieldContext): FieldClass<EventView> {
  const find = (thread: ThreadInfo, uid: number): User | null => context.users.user(thread.containerId, uid);
  /** Root has its name and home even where no passwd file says so. */
  const nameOf = (thread: ThreadInfo, uid: number): string => find(thread, uid)?.name ?? (uid === 0 ? 'root' : NA);
  const name = (thread: ThreadInfo, e: EventView): string => {
    const user = isContainerEvent(e) ? (context.containers.get(thread.containerId)?.user ?? '') : '';
    return user === '' ? nameOf(thread, thread.uid) : user;
  };
  return {
    name: 'user',
    desc: 'The user that the process runs as.',
    // biome-ignore format: one line a field
    fields: [
      field('user.uid', 'UINT32', 'User id.', ofThread((thread) => thread.uid)),
      field('user.name', 'CHARBUF', 'Name of the user.', ofThread(name)),
      field('user.homedir', 'CHARBUF', 'Home directory of the user.', ofThread((thread) => find(thread, thread.uid)?.homedir ?? (thread.uid === 0 ? '/root' : NA))),
      field('user.shell', 'CHARBUF', 'Login shell of the user.', ofThread((thread) => find(thread, thread.uid)?.shell ?? NA)),
      field('user.loginuid', 'INT64', 'Id of the user that logged in (auid); -1: nobody did.', ofThread((thread) => (thread.loginuid === NO_LOGIN ? -1 : thread.loginuid))),
      field('user.loginname', 'CHARBUF', 'Name of the user that logged in.', ofThread((thread) => (thread.loginuid === NO_LOGIN ? NA : nameOf(thread, thread.loginuid)))),
    ],
  };
}
