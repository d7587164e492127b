// SPDX-License-Identifier: Apache-2.0
/** `fd.*`: the file descriptor that the event is about. */
import type { EventView } from '../events/event-view.js';
import { isIpSocket, l4proto, typeChar, typeName } from '../events/fd-text.js';
import { Ev } from '../events/ids.js';
import { NA, textOf } from '../events/raw-param.js';
import { renderMeaning, type RenderContext } from '../events/render.js';
import type { FieldArgument, FieldClass, FieldDef, FieldReader } from '../lang/catalogue.js';
import { FdFlag } from '../state/fd-info.js';
import { concatenatePaths } from '../state/paths.js';
import { field, fieldWith } from './catalogue.js';
import type { FieldContext } from './context.js';
import { directoryOf } from './evt-args.js';
import { addressFields } from './fd-address.js';
import { isFdEvent, ofFd } from './of-fd.js';
import { fdsOf } from './of-thread.js';

type Reader = FieldReader<EventView>;

/**
 * The name out of the event's own parameters, for calls that failed and for descriptors that were never seen to be opened.
 * Null: the event cannot say.
 */
function nameFromEvent(e: EventView, context: RenderContext, raw: boolean): string | null {
  switch (e.type) {
    case Ev.SYSCALL_OPEN_X:
    case Ev.SOCKET_ACCEPT_5_X:
    case Ev.SOCKET_ACCEPT4_6_X:
    case Ev.SYSCALL_CREAT_X:
    case Ev.SOCKET_CONNECT_X:
      return renderMeaning(e, 1, context);
    case Ev.SYSCALL_OPENAT_2_X:
    case Ev.SYSCALL_OPENAT2_X: {
      const name = textOf(e, 2);
      if (name === NA) return null;
      if (raw) return name;
      if (name[0] === '/') return concatenatePaths('', name);
      return e.has(1) ? concatenatePaths(directoryOf(e, e.int(1)), name) : null;
    }
    case Ev.SYSCALL_OPEN_BY_HANDLE_AT_X:
      return textOf(e, 3);
    default:
      return (e.type & 1) === 1 ? '' : null;
  }
}

/** Where a file lies; the path itself when nothing stands behind its last slash. */
function directoryPart(path: string): string {
  const slash = path.lastIndexOf('/');
  if (slash <= 0) return '/';
  return slash < path.length - 1 ? path.slice(0, slash) : path;
}

function filePart(path: string): string {
  const slash = path.lastIndexOf('/');
  if (slash === -1) return '/';
  return slash < path.length - 1 ? path.slice(slash + 1) : path;
}

/** What kind of descriptor a call would have given, when it gave none. */
function typeCharFromEvent(type: number): string {
  switch (type | 1) {
    case Ev.SYSCALL_OPENAT_2_X:
    case Ev.SYSCALL_OPENAT2_X:
    case Ev.SYSCALL_CREAT_X:
      return 'f';
    case Ev.SOCKET_SOCKET_X:
    case Ev.SOCKET_ACCEPT_5_X:
    case Ev.SOCKET_ACCEPT4_6_X:
      return '4';
    case Ev.SYSCALL_PIPE_X:
    case Ev.SYSCALL_PIPE2_X:
      return 'p';
    case Ev.SYSCALL_EVENTFD_X:
    case Ev.SYSCALL_EVENTFD2_X:
      return 'e';
    case Ev.SYSCALL_SIGNALFD_X:
    case Ev.SYSCALL_SIGNALFD4_X:
      return 's';
    case Ev.SYSCALL_TIMERFD_CREATE_X:
      return 't';
    case Ev.SYSCALL_INOTIFY_INIT_X:
    case Ev.SYSCALL_INOTIFY_INIT1_X:
      return 'i';
    default:
      return 'o';
  }
}

const hasFlag = (flag: FdFlag): Reader => ofFd((fd) => (fd.flags & flag) !== 0);

/** As new_encode_dev() packs them. */
const major = (dev: number): number => (dev & 0xfff00) >>> 8;
const minor = (dev: number): number => (dev & 0xff) | ((dev >>> 12) & 0xfff00);

/** Null: the event is not about descriptors. */
function openTypes(e: EventView): string[] | null {
  if (!isFdEvent(e) || e.thread === null) return null;
  const types = new Set<string>();
  for (const [, fd] of fdsOf(e.thread)) types.add(typeName(fd));
  return [...types];
}

function typesField(): FieldDef<EventView> {
  return fieldWith(
    'fd.types', 'CHARBUF', 'Kinds of all descriptors that the process has open; `[n]` is the kind of descriptor n.',
    { required: false, index: true, key: false },
    (argument: FieldArgument | null): Reader | string => {
      if (argument === null) {
        return (e) => {
          const types = openTypes(e);
          return types === null || types.length === 0 ? null : types;
        };
      }
      if (argument.index === null) return `the number of a descriptor is needed, not '${argument.text}'`;
      const index = argument.index;
      return (e) => {
        const fd = isFdEvent(e) && e.thread !== null ? fdsOf(e.thread).get(index) : undefined;
        return fd === undefined ? null : [typeName(fd)];
      };
    },
    // A process without descriptors has an empty list, which prints as nothing.
    { list: true, constantsOnly: true, inCondition: { notEqual: 'one', bind: (argument) => (argument === null ? openTypes : null) } },
  );
}

export function fdClass(context: FieldContext): FieldClass<EventView> {
  const name: Reader = (e) => (isFdEvent(e) ? (e.fd === null ? nameFromEvent(e, context, false) : e.fd.name) : null);
  const rawName: Reader = (e) => {
    if (!isFdEvent(e)) return null;
    const raw = e.fd === null ? nameFromEvent(e, context, true) : e.fd.nameRaw;
    return raw?.includes('//') ? raw.replace(/\/{2,}/g, '/') : raw;
  };
  const directory: Reader = (e) => {
    if (!isFdEvent(e)) return null;
    const fd = e.fd;
    if (fd === null) {
      const path = nameFromEvent(e, context, false);
      return path === null ? null : directoryPart(path);
    }
    if (fd.type === 'directory') return fd.name;
    return fd.type === 'file' ? directoryPart(fd.name) : null;
  };
  const inContainer = (read: Reader): Reader => (e) => {
    const value = read(e);
    return value === null || e.thread === null ? null : `${e.thread.containerId}:${String(value)}`;
  };
  // biome-ignore format: one line a field
  const fields: readonly FieldDef<EventView>[] = [
    field('fd.num', 'INT64', 'Number of the descriptor.', (e) => (isFdEvent(e) ? e.fdNum : null)),
    field('fd.type', 'CHARBUF', 'Kind of the descriptor: file, directory, ipv4, ipv6, unix, pipe, event, signalfd, eventpoll, inotify, timerfd, memfd, ….', ofFd(typeName)),
    field('fd.typechar', 'CHARBUF', 'Kind of the descriptor as one letter: f, d, 4, 6, u, p, e, s, l, i, t, m, ….', (e) => (isFdEvent(e) ? (e.fd === null ? typeCharFromEvent(e.type) : typeChar(e.fd)) : null)),
    field('fd.name', 'CHARBUF', 'Path of a file, or the addresses and ports of a connection.', name),
    field('fd.directory', 'CHARBUF', 'Directory that the file lies in.', directory),
    field('fd.filename', 'CHARBUF', 'Name of the file without its directory.', ofFd((fd) => (fd.type === 'file' ? filePart(fd.name) : null))),
    ...addressFields('ips', context),
    ...addressFields('ports', context),
    field('fd.l4proto', 'CHARBUF', 'Protocol of a connection: tcp, udp, icmp or raw.', ofFd((fd) => l4proto(fd) ?? NA)),
    field('fd.sockfamily', 'CHARBUF', '`ip` or `unix` for sockets.', ofFd((fd) => (isIpSocket(fd) ? 'ip' : fd.type === 'unix' ? 'unix' : null))),
    ...addressFields('server', context),
    field('fd.uid', 'CHARBUF', 'Names a descriptor uniquely for a while: thread id and number in one text.', (e) => (isFdEvent(e) ? `${e.thread?.tid}${e.fdNum}` : null)),
    field('fd.containername', 'CHARBUF', 'Container id, a colon, and fd.name.', inContainer(name)),
    field('fd.containerdirectory', 'CHARBUF', 'Container id, a colon, and fd.directory.', inContainer(directory)),
    ...addressFields('services', context),
    ...addressFields('nets', context),
    field('fd.connected', 'BOOL', 'True for a socket that is connected.', hasFlag(FdFlag.Connected)),
    field('fd.name_changed', 'BOOL', 'True when the event gave the descriptor another name, as a connect does.', ofFd((fd) => fd.name !== fd.oldName)),
    ...addressFields('names', context),
    field('fd.dev', 'INT32', 'Device that the file lies on.', ofFd((fd) => fd.dev), { format: 'HEX' }),
    field('fd.dev.major', 'INT32', 'Major number of that device.', ofFd((fd) => major(fd.dev))),
    field('fd.dev.minor', 'INT32', 'Minor number of that device.', ofFd((fd) => minor(fd.dev))),
    field('fd.ino', 'INT64', 'Inode of the file.', ofFd((fd) => fd.ino)),
    field('fd.nameraw', 'CHARBUF', 'Path as the program gave it.', rawName),
    typesField(),
    field('fd.is_upper_layer', 'BOOL', 'True for a file in the upper layer of an overlay.', hasFlag(FdFlag.OverlayUpper)),
    field('fd.is_lower_layer', 'BOOL', 'True for a file in a lower layer of an overlay.', hasFlag(FdFlag.OverlayLower)),
  ];
  return { name: 'fd', desc: 'The file descriptor that the event is about: a file, a socket, a pipe, ….', fields };
}

