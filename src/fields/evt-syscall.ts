// SPDX-License-Identifier: Apache-2.0
/** `evt.*`: the fields of events of the syscall source. */
import type { EventView } from '../events/event-view.js';
import { isIpSocket } from '../events/fd-text.js';
import { Ev } from '../events/ids.js';
import { rawParam } from '../events/raw-param.js';
import { renderAll, renderParam } from '../events/render.js';
import { EVENTS, READS, WAITS, WRITES } from '../events/table.js';
import type { FieldArgument, FieldClass, FieldDef, FieldReader } from '../lang/catalogue.js';
import { canonicalInt } from '../lang/value.js';
import type { FdInfo } from '../state/fd-info.js';
import { field, fieldWith } from './catalogue.js';
import type { FieldContext } from './context.js';
import { eventName } from './event-names.js';
import { absolutePathReader, argumentField, rawArgumentField } from './evt-args.js';
import { hasResult, result, resultText } from './evt-result.js';
import { openClassFields } from './evt-open.js';

type Reader = FieldReader<EventView>;

const SECOND = 1_000_000_000n;
const KINDS = EVENTS.map((row) => row.kind);
const CATEGORIES = EVENTS.map((row) => row.category);
const FLAGS = EVENTS.map((row) => row.flags);

const isSyscall = (e: EventView): boolean => KINDS[e.type] === 'syscall';
const isExit = (e: EventView): boolean => (e.type & 1) === 1;
const hasFlag = (e: EventView, flag: number): boolean => (FLAGS[e.type] & flag) !== 0;

/** Reads, writes and waits are named after what their descriptor is. */
function category(e: EventView): string {
  const own = CATEGORIES[e.type] ?? 'unknown';
  switch (own) {
    case 'ipc':
      return 'IPC';
    case 'io_read':
    case 'io_write':
    case 'io_other':
      return e.fd === null ? 'unknown' : descriptorCategory(e.fd);
    default:
      return own;
  }
}

function descriptorCategory(fd: FdInfo): string {
  switch (fd.type) {
    case 'file':
    case 'directory':
      return 'file';
    case 'ipv4':
    case 'ipv6':
      return 'net';
    case 'pipe':
    case 'unix':
    case 'event':
    case 'signalfd':
    case 'inotify':
    case 'userfaultfd':
      return 'ipc';
    default:
      return 'unknown';
  }
}

const isIo = (e: EventView): boolean => {
  const own = CATEGORIES[e.type];
  return own === 'io_read' || own === 'io_write' || own === 'io_other';
};

const failed: Reader = (e) => (hasResult(e) ? result(e) < 0 : null);
const errorCount: Reader = (e) => (hasResult(e) ? (result(e) < 0 ? 1 : 0) : null);

const OPENS: ReadonlySet<number> = new Set([
  Ev.SYSCALL_OPEN_X, Ev.SYSCALL_CREAT_X, Ev.SYSCALL_OPENAT_2_X, Ev.SYSCALL_OPENAT2_X, Ev.SYSCALL_OPEN_BY_HANDLE_AT_X,
]);
const CONNECTS: ReadonlySet<number> = new Set([Ev.SOCKET_ACCEPT_5_X, Ev.SOCKET_ACCEPT4_6_X, Ev.SOCKET_CONNECT_X]);

const isFile = (fd: FdInfo): boolean => fd.type === 'file' || fd.type === 'directory';
const isNet = (fd: FdInfo): boolean => isIpSocket(fd) || fd.type === 'unix';
const fileError = (e: EventView): boolean => (e.fd === null ? OPENS.has(e.type) : isFile(e.fd));
const netError = (e: EventView): boolean => (e.fd === null ? CONNECTS.has(e.type) : isNet(e.fd));
const memoryError = (e: EventView): boolean => CATEGORIES[e.type] === 'memory';
const otherError = (e: EventView): boolean =>
  e.fd === null ? !(OPENS.has(e.type) || CONNECTS.has(e.type) || memoryError(e)) : !(isFile(e.fd) || isNet(e.fd));

const errorsOf = (isOne: (e: EventView) => boolean): Reader => (e) => (isOne(e) ? errorCount(e) : null);

/** Bytes that went through the descriptor. */
function bufferLength(e: EventView): number | null {
  if (e.fd === null || !isIo(e) || !isExit(e) || !hasResult(e)) return null;
  const bytes = result(e);
  return bytes >= 0 ? bytes : null;
}

const lengthIf = (isOne: (e: EventView, fd: FdInfo) => boolean): Reader => (e) =>
  e.fd !== null && isOne(e, e.fd) ? bufferLength(e) : null;
const reads = (e: EventView): boolean => CATEGORIES[e.type] === 'io_read';
const writes = (e: EventView): boolean => CATEGORIES[e.type] === 'io_write';

const DATA_PARAM = EVENTS.map((row) => row.params.findIndex((param) => param.name === 'data'));

const NO_BYTES = new Uint8Array(0);

function buffer(context: FieldContext): FieldDef<EventView> {
  const bytes: Reader = (e) => {
    const at = DATA_PARAM[e.type];
    if (at < 0) return null;
    // No data are data of no length, as Falco has it.
    return rawParam(e, at) ?? (at < e.paramCount ? NO_BYTES : null);
  };
  const text: Reader = (e) => (DATA_PARAM[e.type] < 0 ? null : (renderParam(e, DATA_PARAM[e.type], context)?.text ?? null));
  return field('evt.buffer', 'BYTEBUF', 'Data that was read, written, sent or received; compare it with `contains`.', text, {
    inCondition: { notEqual: 'one', bind: () => bytes },
  });
}

/** Nanoseconds since the event before this one. */
const delta = (e: EventView): bigint => {
  const previous = e.previousTimestamp();
  return previous === 0n ? 0n : e.timestamp() - previous;
};

function typeIs(argument: FieldArgument | null): Reader | string {
  const name = argument?.text ?? '';
  if (argument?.index != null) {
    const type = argument.index;
    return (e) => (e.type === type ? 1 : 0);
  }
  if (!EVENTS.some((row) => row.name === name)) return `there is no event type '${name}'`;
  return (e) => (eventName(e) === name ? 1 : 0);
}

function around(argument: FieldArgument | null): Reader | string {
  if (argument === null || !/^\d{1,20}$/.test(argument.text)) return 'a time in nanoseconds since the epoch is needed: evt.around[…]';
  const centre = BigInt(argument.text);
  return (e) => {
    const distance = e.timestamp() > centre ? e.timestamp() - centre : centre - e.timestamp();
    return canonicalInt((distance + 999_999n) / 1_000_000n);
  };
}

export function syscallEventClass(context: FieldContext): FieldClass<EventView> {
  const old = { deprecated: true, unlisted: true };
  const unlisted = { unlisted: true };
  const padded = { format: 'PADDED10' } as const;
  const dotted = { required: true, index: true, key: true };
  // biome-ignore format: one line a field
  const fields: readonly FieldDef<EventView>[] = [
    field('evt.latency', 'RELTIME', 'Always 0: entries of system calls are not captured any more.', () => 0, old),
    field('evt.latency.s', 'RELTIME', 'Always 0.', () => 0, old),
    field('evt.latency.ns', 'RELTIME', 'Always 0.', () => 0, { ...old, ...padded }),
    field('evt.latency.quantized', 'UINT64', 'Always 0.', () => 0, old),
    field('evt.latency.human', 'CHARBUF', 'Always `0ns`.', () => '0ns', old),
    field('evt.deltatime', 'RELTIME', 'Nanoseconds since the event before this one.', (e) => canonicalInt(delta(e))),
    field('evt.deltatime.s', 'RELTIME', 'Whole seconds since the event before this one.', (e) => canonicalInt(delta(e) / SECOND)),
    field('evt.deltatime.ns', 'RELTIME', 'Nanoseconds beyond those whole seconds.', (e) => canonicalInt(delta(e) % SECOND), padded),
    field('evt.dir', 'CHARBUF', '`>` for the entry of a call and `<` for its exit; all that is captured now are exits.', (e) => (isExit(e) ? '<' : '>'), old),
    field('evt.type', 'CHARBUF', 'Name of the event: `openat`.', eventName),
    fieldWith('evt.type.is', 'UINT32', '1 for events of the type after the dot, 0 for all others: `evt.type.is.openat`.', dotted, typeIs),
    field('syscall.type', 'CHARBUF', 'Name of the system call; not set for events that are none.', (e) => (isSyscall(e) ? eventName(e) : null)),
    field('evt.category', 'CHARBUF', 'What the event is about: file, net, memory, process, signal, …; for reads and writes, what the descriptor is.', category),
    field('evt.cpu', 'INT16', 'Number of the processor.', (e) => e.cpu),
    field('evt.args', 'CHARBUF', 'All parameters with their names, in one text.', (e) => argumentsText(e, context)),
    argumentField(context),
    rawArgumentField(),
    field('evt.info', 'CHARBUF', 'The same as evt.args.', (e) => argumentsText(e, context)),
    buffer(context),
    field('evt.buflen', 'UINT64', 'Bytes that were read, written, sent or received.', bufferLength),
    field('evt.res', 'CHARBUF', 'Result of the call: `SUCCESS`, or the error by name (`ENOENT`).', (e) => resultText(e, context)),
    field('evt.rawres', 'INT64', 'Result of the call as a number: `-2`.', (e) => (hasResult(e) ? resultValue(e) : null)),
    field('evt.failed', 'BOOL', 'True for calls that returned an error.', failed),
    field('evt.is_io', 'BOOL', 'True for calls that read or write a descriptor.', (e) => hasFlag(e, READS | WRITES)),
    field('evt.is_io_read', 'BOOL', 'True for calls that read a descriptor.', (e) => hasFlag(e, READS)),
    field('evt.is_io_write', 'BOOL', 'True for calls that write a descriptor.', (e) => hasFlag(e, WRITES)),
    field('evt.io_dir', 'CHARBUF', '`read` or `write` for calls that do so.', (e) => (hasFlag(e, WRITES) ? 'write' : hasFlag(e, READS) ? 'read' : null)),
    field('evt.is_wait', 'BOOL', 'True for calls that make the thread wait.', (e) => hasFlag(e, WAITS)),
    field('evt.wait_latency', 'RELTIME', 'Always 0: entries of system calls are not captured any more.', () => 0, old),
    field('evt.is_syslog', 'BOOL', 'True for writes to /dev/log.', (e) => hasFlag(e, WRITES) && e.fd?.name.includes('/dev/log') === true),
    field('evt.count', 'UINT32', 'Always 1, to be added up.', () => 1),
    field('evt.count.error', 'UINT32', '1 for calls that returned an error.', errorCount),
    field('evt.count.error.file', 'UINT32', '1 for calls on files that returned an error.', errorsOf(fileError)),
    field('evt.count.error.net', 'UINT32', '1 for calls on the network that returned an error.', errorsOf(netError)),
    field('evt.count.error.memory', 'UINT32', '1 for memory calls that returned an error.', errorsOf(memoryError)),
    field('evt.count.error.other', 'UINT32', '1 for any other call that returned an error.', errorsOf(otherError)),
    field('evt.count.exit', 'UINT32', '1 for exits of calls.', (e) => (isExit(e) ? 1 : null)),
    fieldWith('evt.around', 'UINT64', '`evt.around[T]=D`: the event is at most D milliseconds away from the time T (nanoseconds since the epoch).', dotted, around, { equalsMeansAtMost: true, constantsOnly: true, noTransformer: true }),
    fieldWith('evt.abspath', 'CHARBUF', 'Absolute path of a call with a directory descriptor; `.src` and `.dst` for calls with two paths.', dotted, absolutePathReader),
    field('evt.buflen.in', 'UINT64', 'evt.buflen of reads.', lengthIf(reads), unlisted),
    field('evt.buflen.out', 'UINT64', 'evt.buflen of writes.', lengthIf(writes), unlisted),
    field('evt.buflen.file', 'UINT64', 'evt.buflen on files.', lengthIf((_, fd) => fd.type === 'file'), unlisted),
    field('evt.buflen.file.in', 'UINT64', 'evt.buflen of reads from files.', lengthIf((e, fd) => fd.type === 'file' && reads(e)), unlisted),
    field('evt.buflen.file.out', 'UINT64', 'evt.buflen of writes to files.', lengthIf((e, fd) => fd.type === 'file' && writes(e)), unlisted),
    field('evt.buflen.net', 'UINT64', 'evt.buflen on the network.', lengthIf((_, fd) => isIpSocket(fd)), unlisted),
    field('evt.buflen.net.in', 'UINT64', 'evt.buflen of what was received.', lengthIf((e, fd) => isIpSocket(fd) && reads(e)), unlisted),
    field('evt.buflen.net.out', 'UINT64', 'evt.buflen of what was sent.', lengthIf((e, fd) => isIpSocket(fd) && writes(e)), unlisted),
    ...openClassFields(),
  ];
  return { name: 'evt', shortDesc: 'Syscall events only', desc: 'Fields of system calls and other events of the kernel.', fields };
}

/** Parameters of generic events are for internal use. */
function argumentsText(e: EventView, context: FieldContext): string {
  return e.type === Ev.GENERIC_X ? '' : renderAll(e, context);
}

/** Results beyond 2^53 (addresses never are) keep their exact value. */
function resultValue(e: EventView): number | bigint {
  return e.size(0) >= 8 ? e.i64(0) : e.i32(0);
}
