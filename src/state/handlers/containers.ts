// SPDX-License-Identifier: Apache-2.0
/** What captures tell of containers: the metadata that were looked up while they were made. */
import { Ev } from '../../events/ids.js';
import { CONTAINER_APPEARED, parseContainerJson } from '../container-json.js';
import type { Handler, HandlerEntry } from './handler.js';

/** So do asynchronous events by this name. */
const GONE = 'container_removed';

const onAsync: Handler = (state, view) => {
  const name = view.str(1);
  if (state.containers === undefined || (name !== CONTAINER_APPEARED && name !== GONE)) return;
  const info = parseContainerJson(view.str(2) ?? '');
  if (info !== null) state.containers.tell(view.num, info, name === GONE);
};

const onContainerJson: Handler = (state, view) => {
  const info = parseContainerJson(view.str(0) ?? '');
  if (info !== null) state.containers?.tell(view.num, info, false);
};

export const CONTAINER_HANDLERS: readonly HandlerEntry[] = [
  [Ev.ASYNCEVENT_E, onAsync],
  [Ev.CONTAINER_JSON_2_E, onContainerJson],
];
