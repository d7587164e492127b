// SPDX-License-Identifier: Apache-2.0
/** `evt.arg`, `evt.rawarg` and `evt.abspath`: single parameters of an event. */
import type { EventView } from '../events/event-view.js';
import { Ev } from '../events/ids.js';
import { NA, rawParam, textOf } from '../events/raw-param.js';
import { AT_FDCWD, renderMeaning, type RenderContext } from '../events/render.js';
import { EVENTS, type ParamRow } from '../events/table.js';
import { kindOf } from '../lang/kinds.js';
import type { FieldArgument, FieldDef, FieldReader } from '../lang/catalogue.js';
import { concatenatePaths } from '../state/paths.js';
import { fieldWith } from './catalogue.js';

type Reader = FieldReader<EventView>;

const INDEXES = new Map<string, Int8Array>();

/** For each event type, where the parameter of this name is; -1: it has none. Rules name the same few again and again. */
function indexes(name: string): Int8Array {
  let found = INDEXES.get(name);
  if (found === undefined) {
    found = Int8Array.from(EVENTS, (row) => row.params.findIndex((param) => param.name === name));
    INDEXES.set(name, found);
  }
  return found;
}

/** The first event that has a parameter of this name decides on its type. */
function firstParam(name: string): ParamRow | undefined {
  for (const row of EVENTS) {
    const param = row.params.find((candidate) => candidate.name === name);
    if (param !== undefined) return param;
  }
  return undefined;
}

const either = { required: true, index: true, key: true };

export function argumentField(context: RenderContext): FieldDef<EventView> {
  return fieldWith(
    'evt.arg', 'CHARBUF', 'One parameter as text, by number or by name: `evt.arg[0]`, `evt.arg.flags`. Descriptors, errors and flags by name.', either,
    (argument): Reader | string => {
      if (argument === null) return 'a parameter is needed: evt.arg.name or evt.arg[0]';
      if (argument.index !== null) {
        const index = argument.index;
        return (e) => renderMeaning(e, index, context);
      }
      if (firstParam(argument.text) === undefined) return `no event has a parameter '${argument.text}'`;
      const at = indexes(argument.text);
      return (e) => {
        const index = at[e.type];
        return index < 0 || index === undefined ? null : renderMeaning(e, index, context);
      };
    },
  );
}

export function rawArgumentField(): FieldDef<EventView> {
  return fieldWith(
    'evt.rawarg', 'DYNAMIC', 'One parameter as it is, by name: `evt.rawarg.flags`. Numbers stay numbers.', either,
    (argument): Reader | string => {
      if (argument === null || argument.index !== null) return 'the name of a parameter is needed: evt.rawarg.name';
      if (firstParam(argument.text) === undefined) return `no event has a parameter '${argument.text}'`;
      const at = indexes(argument.text);
      return (e) => {
        const index = at[e.type];
        return index < 0 || index === undefined ? null : rawParam(e, index);
      };
    },
    { constantsOnly: true, noTransformer: true },
  );
}

/**
 * `evt.rawarg.size` is a number, `evt.rawarg.name` a text. Mount's `type` is a text though that of sockets is a number: where a number is
 * compared, it is none. Numbers print as their event has them: the mode of open is octal, that of mkdir hexadecimal.
 */
export function refineRawArgument(field: FieldDef<EventView>, argument: FieldArgument): FieldDef<EventView> {
  const param = firstParam(argument.text);
  if (param === undefined) return field;
  const at = indexes(argument.text);
  const params = EVENTS.map((row) => (at[row.type] === -1 ? undefined : row.params[at[row.type]]));
  const isText = params.map((found) => found !== undefined && kindOf(found.type) === 'text');
  const radix = params.map((found) => (found?.format === 'HEX' ? 16 : found?.format === 'OCT' ? 8 : 10));
  const value: Reader = (e) => {
    const index = at[e.type];
    return index < 0 || index === undefined ? null : rawParam(e, index);
  };
  const compared: Reader = kindOf(param.type) === 'text' ? value : (e) => (isText[e.type] ? Number.NaN : value(e));
  const printed: Reader = (e) => {
    const found = value(e);
    const base = radix[e.type];
    if (base === 10 || (typeof found !== 'number' && typeof found !== 'bigint')) return found;
    return BigInt.asUintN(64, BigInt(found)).toString(base).toUpperCase();
  };
  return { ...field, type: param.type, bind: () => printed, inCondition: { notEqual: 'one', bind: () => compared } };
}

interface PathParams {
  readonly dirfd: string;
  readonly path: string;
}

/** Directory descriptor and path of the first (or only) and of the second path. */
function pathParams(type: number, second: boolean): PathParams | null {
  switch (type) {
    case Ev.SYSCALL_RENAMEAT_X:
    case Ev.SYSCALL_RENAMEAT2_X:
      return second ? { dirfd: 'newdirfd', path: 'newpath' } : { dirfd: 'olddirfd', path: 'oldpath' };
    case Ev.SYSCALL_LINKAT_2_X:
      return second ? { dirfd: 'newdir', path: 'newpath' } : { dirfd: 'olddir', path: 'oldpath' };
    case Ev.SYSCALL_SYMLINKAT_X:
      return { dirfd: 'linkdirfd', path: 'linkpath' };
    case Ev.SYSCALL_OPENAT_2_X:
    case Ev.SYSCALL_OPENAT2_X:
    case Ev.SYSCALL_UNLINKAT_2_X:
      return { dirfd: 'dirfd', path: 'name' };
    case Ev.SYSCALL_MKDIRAT_X:
      return { dirfd: 'dirfd', path: 'path' };
    case Ev.SYSCALL_FCHMODAT_X:
      return { dirfd: 'dirfd', path: 'filename' };
    case Ev.SYSCALL_FCHOWNAT_X:
      return { dirfd: 'dirfd', path: 'pathname' };
    default:
      return null;
  }
}

/** For each event type, the two parameters' numbers; null: the event has no such pair. */
function pathIndexes(second: boolean): readonly (readonly [dirfd: number, path: number] | null)[] {
  return EVENTS.map((row) => {
    const names = pathParams(row.type, second);
    if (names === null) return null;
    const dirfd = row.params.findIndex((param) => param.name === names.dirfd);
    const path = row.params.findIndex((param) => param.name === names.path);
    return dirfd < 0 || path < 0 ? null : [dirfd, path];
  });
}

/** Where a path relative to a descriptor begins, with a slash at its end; `<UNKNOWN>` when that is not known. */
export function directoryOf(e: EventView, dirfd: number): string {
  const thread = e.thread;
  if (thread === null) return '<UNKNOWN>';
  if (dirfd === AT_FDCWD) return thread.cwd;
  const name = thread.fds.get(dirfd)?.name;
  if (name === undefined) return '<UNKNOWN>';
  return name === '' || name.endsWith('/') ? name : `${name}/`;
}

export function absolutePathReader(argument: FieldArgument | null): Reader | string {
  const which = argument?.text ?? '';
  if (which !== '' && which !== 'src' && which !== 'dst') return `evt.abspath has .src and .dst, not .${which}`;
  const at = pathIndexes(which === 'dst');
  return (e) => {
    const thread = e.thread;
    if (thread === null) return null;
    if (e.type === Ev.SYSCALL_OPEN_BY_HANDLE_AT_X) return e.int(0) > 0 ? concatenatePaths('', textOf(e, 3)) : null;
    const pair = at[e.type];
    if (pair == null) return null;
    const path = textOf(e, pair[1]);
    if (!e.has(pair[0]) || path === NA) return null;
    if (path[0] === '/') return concatenatePaths('', path);
    const directory = directoryOf(e, e.int(pair[0]));
    return concatenatePaths(directory === '<UNKNOWN>' ? '<UNKNOWN>/' : directory, path);
  };
}
