// SPDX-License-Identifier: Apache-2.0
/** `fs.path.*`: the paths that a call works on, whether or not it opens them. Only for calls that worked. */
import type { EventView } from '../events/event-view.js';
import { Ev } from '../events/ids.js';
import { textOf } from '../events/raw-param.js';
import { EVENTS } from '../events/table.js';
import type { FieldClass, FieldReader } from '../lang/catalogue.js';
import { concatenatePaths } from '../state/paths.js';
import { field } from './catalogue.js';
import { directoryOf } from './evt-args.js';

/** Which of the paths of a call. */
type Role = 'name' | 'source' | 'target';

/** Where one path is, and where a relative one begins. */
interface PathParam {
  /** Index of the parameter; -1: the descriptor's name. */
  readonly param: number;
  /**
   * Index of the directory's descriptor, `cwd`, or `opened`: the descriptor that the call gave knows the whole path;
   * `unknown`: the text of a symbolic link, which nobody resolves here.
   */
  readonly base: number | 'cwd' | 'opened' | 'unknown';
}

interface Call {
  /** `fd`: the result is a descriptor, and -1 alone counts as failed, as the ecosystem has it. */
  readonly success: 'zero' | 'fd';
  readonly name?: PathParam;
  readonly source?: PathParam;
  readonly target?: PathParam;
}

function at(type: number, param: string, base: string | 'cwd' | 'opened' | 'unknown' = 'cwd'): PathParam {
  const params = EVENTS[type].params;
  const index = (name: string): number => {
    const found = params.findIndex((row) => row.name === name);
    if (found === -1) throw new Error(`${EVENTS[type].key} has no parameter ${name}`);
    return found;
  };
  return {
    param: param === 'fd.name' ? -1 : index(param),
    base: base === 'cwd' || base === 'opened' || base === 'unknown' ? base : index(base),
  };
}

const one = (type: number, param: string, base?: string): [number, Call] => [type, { success: 'zero', name: at(type, param, base) }];
const opens = (type: number, base: 'cwd' | 'opened'): [number, Call] => [type, { success: 'fd', name: at(type, 'name', base) }];
const two = (type: number, source: string, target: string, sourceBase?: string, targetBase?: string): [number, Call] => [
  type,
  { success: 'zero', source: at(type, source, sourceBase), target: at(type, target, targetBase) },
];

// biome-ignore format: one line a call
const CALLS: ReadonlyMap<number, Call> = new Map([
  one(Ev.SYSCALL_MKDIR_2_X, 'path'),
  one(Ev.SYSCALL_MKDIRAT_X, 'path', 'dirfd'),
  one(Ev.SYSCALL_RMDIR_2_X, 'path'),
  one(Ev.SYSCALL_UNLINK_2_X, 'path'),
  one(Ev.SYSCALL_UNLINKAT_2_X, 'name', 'dirfd'),
  opens(Ev.SYSCALL_OPEN_X, 'cwd'),
  opens(Ev.SYSCALL_OPENAT_2_X, 'opened'),
  opens(Ev.SYSCALL_OPENAT2_X, 'opened'),
  one(Ev.SYSCALL_FCHMODAT_X, 'filename', 'dirfd'),
  one(Ev.SYSCALL_CHMOD_X, 'filename'),
  one(Ev.SYSCALL_FCHMOD_X, 'fd.name'),
  one(Ev.SYSCALL_CHOWN_X, 'path'),
  one(Ev.SYSCALL_LCHOWN_X, 'path'),
  one(Ev.SYSCALL_FCHOWN_X, 'fd.name'),
  one(Ev.SYSCALL_FCHOWNAT_X, 'pathname', 'dirfd'),
  one(Ev.SYSCALL_QUOTACTL_X, 'special'),
  one(Ev.SYSCALL_UMOUNT_1_X, 'name'),
  one(Ev.SYSCALL_UMOUNT2_X, 'name'),
  two(Ev.SYSCALL_RENAME_X, 'oldpath', 'newpath'),
  two(Ev.SYSCALL_RENAMEAT_X, 'oldpath', 'newpath', 'olddirfd', 'newdirfd'),
  two(Ev.SYSCALL_RENAMEAT2_X, 'oldpath', 'newpath', 'olddirfd', 'newdirfd'),
  // What a link is called is its source, what it leads to its target.
  two(Ev.SYSCALL_LINK_2_X, 'newpath', 'oldpath'),
  two(Ev.SYSCALL_LINKAT_2_X, 'newpath', 'oldpath', 'newdir', 'olddir'),
  two(Ev.SYSCALL_SYMLINK_X, 'linkpath', 'target'),
  two(Ev.SYSCALL_SYMLINKAT_X, 'linkpath', 'target', 'linkdirfd', 'unknown'),
  two(Ev.SYSCALL_MOUNT_X, 'dev', 'dir'),
]);

const BY_TYPE: readonly (Call | undefined)[] = EVENTS.map((row) => CALLS.get(row.type));

function worked(e: EventView, call: Call): boolean {
  if (!e.has(0)) return false;
  return call.success === 'zero' ? e.int(0) === 0 : e.int(0) !== -1;
}

function pathOf(e: EventView, role: Role, whole: boolean): string | null {
  const call = BY_TYPE[e.type];
  if (call === undefined) return null;
  const place = call[role];
  if (place === undefined || !worked(e, call)) return null;
  const path = place.param === -1 ? (e.thread === null ? null : (e.fd?.name ?? '')) : textOf(e, place.param);
  if (path === null || !whole) return path;
  if (e.thread === null) return null;
  if (path[0] === '/') return concatenatePaths('', path);
  switch (place.base) {
    case 'cwd':
      return concatenatePaths(e.thread.cwd, path);
    case 'opened':
      // A call that failed opened nothing, whatever its thread was about before.
      return concatenatePaths('', (e.int(0) < 0 ? undefined : e.fd?.name) ?? '<UNKNOWN>');
    case 'unknown':
      return concatenatePaths('<UNKNOWN>', path);
    default:
      return concatenatePaths(directoryOf(e, e.int(place.base)), path);
  }
}

const reader = (role: Role, whole: boolean): FieldReader<EventView> => (e) => pathOf(e, role, whole);

export function fsPathClass(): FieldClass<EventView> {
  return {
    name: 'fs.path',
    desc: 'Paths that calls work on, also those that open nothing: unlink, rename, chmod, mount and so on.',
    // biome-ignore format: one line a field
    fields: [
      field('fs.path.name', 'CHARBUF', 'The path, made absolute.', reader('name', true)),
      field('fs.path.nameraw', 'CHARBUF', 'The path as the program gave it.', reader('name', false)),
      field('fs.path.source', 'CHARBUF', 'For calls with two paths, the first one, or the name of a link, made absolute.', reader('source', true)),
      field('fs.path.sourceraw', 'CHARBUF', 'The same as the program gave it.', reader('source', false)),
      field('fs.path.target', 'CHARBUF', 'For calls with two paths, the second one, or what a link leads to, made absolute.', reader('target', true)),
      field('fs.path.targetraw', 'CHARBUF', 'The same as the program gave it.', reader('target', false)),
    ],
  };
}
