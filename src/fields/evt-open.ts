// SPDX-License-Identifier: Apache-2.0
/** HOT PATH. `evt.is_open_*`: what a file was opened for. */
import type { EventView } from '../events/event-view.js';
import { Ev } from '../events/ids.js';
import type { FieldDef, FieldReader } from '../lang/catalogue.js';
import { field } from './catalogue.js';
import { hasResult, result } from './evt-result.js';

/** Wire open flags; O_RDWR is both of the first two. */
const O_RDONLY = 1;
const O_WRONLY = 2;
const O_CREAT = 4;
const O_TMPFILE = 0x2000;
/** Set by the kernel side when the call made the file. */
const O_F_CREATED = 0x4000;
const ANY_EXEC = 0o111;

/** Index of the flags parameter; the mode stands behind it. -1: the event opens nothing. */
function flagsIndex(type: number): number {
  switch (type) {
    case Ev.SYSCALL_OPEN_X:
    case Ev.SYSCALL_OPEN_BY_HANDLE_AT_X:
      return 2;
    case Ev.SYSCALL_OPENAT_2_X:
    case Ev.SYSCALL_OPENAT2_X:
      return 3;
    default:
      return -1;
  }
}

const openFlags = (e: EventView): number => {
  const index = flagsIndex(e.type);
  return index === -1 ? 0 : e.u32(index);
};

const isRead: FieldReader<EventView> = (e) => (openFlags(e) & O_RDONLY) !== 0;
const isWrite: FieldReader<EventView> = (e) => (openFlags(e) & O_WRONLY) !== 0;

const isCreate: FieldReader<EventView> = (e) => {
  const flags = openFlags(e);
  return (flags & O_F_CREATED) !== 0 || ((flags & O_TMPFILE) !== 0 && hasResult(e) && result(e) >= 0);
};

const isExec: FieldReader<EventView> = (e) => {
  if (e.type === Ev.SYSCALL_CREAT_X) return (e.u32(2) & ANY_EXEC) !== 0;
  // open_by_handle_at has no mode.
  if (e.type === Ev.SYSCALL_OPEN_BY_HANDLE_AT_X) return false;
  const index = flagsIndex(e.type);
  return index !== -1 && (e.u32(index) & (O_TMPFILE | O_CREAT)) !== 0 && (e.u32(index + 1) & ANY_EXEC) !== 0;
};

export function openClassFields(): readonly FieldDef<EventView>[] {
  return [
    field('evt.is_open_read', 'BOOL', 'True when open, openat, openat2 or open_by_handle_at opened for reading.', isRead),
    field('evt.is_open_write', 'BOOL', 'True when open, openat, openat2 or open_by_handle_at opened for writing.', isWrite),
    field('evt.is_open_exec', 'BOOL', 'True when a file was created with a permission to execute it.', isExec),
    field('evt.is_open_create', 'BOOL', 'True when the call created the file.', isCreate),
  ];
}
