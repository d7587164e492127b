// SPDX-License-Identifier: Apache-2.0
/** Parameters of events as text, as the ecosystem prints them (`evt.args`, `evt.arg`). */
import { addressText, tupleText } from '../state/addresses.js';
import { concatenatePaths } from '../state/paths.js';
import type { ThreadInfo } from '../state/thread-info.js';
import { decodeBytes } from '../util/byte-text.js';
import { dateTimeText } from '../util/time.js';
import type { EventView } from './event-view.js';
import { fdText, typeChar } from './fd-text.js';
import { enumNames, flagNames, modeNames } from './flag-text.js';
import type { FlagSet } from './flags.js';
import { errorName, signalName } from './names.js';
import { signed, unsigned } from './param-bytes.js';
import type { ParamType } from './param-types.js';
import { NA, paramRow, textOf } from './raw-param.js';
import { SYSCALLS } from './syscalls.js';
import { DYNAMIC_SETS, type ParamRow, type PrintFormat } from './table.js';

/** The wire's AT_FDCWD. */
export const AT_FDCWD = -100;
const NO_ID = 0xffff_ffff;

export interface RenderContext {
  /** The thread of an id, to name it. */
  readonly threads: { get(tid: number): ThreadInfo | undefined };
  readonly users: {
    user(container: string, uid: number): { readonly name: string } | null;
    group(container: string, gid: number): { readonly name: string } | null;
  };
  /** Data parameters in base64 instead of text with dots. */
  readonly base64: boolean;
}

/** `text` is the number or the text itself, `resolved` what it stands for: `-2` and `ENOENT`. Empty: nothing more to say. */
export interface Rendered {
  text: string;
  resolved: string;
}

/** One result for all calls: read it before the next one. */
const out: Rendered = { text: '', resolved: '' };

function set(text: string, resolved = ''): Rendered {
  out.text = text;
  out.resolved = resolved;
  return out;
}

/** Null: the event has no such parameter. */
export function renderParam(event: EventView, i: number, context: RenderContext): Rendered | null {
  const row = paramRow(event, i);
  if (row === undefined || i >= event.paramCount) return null;
  if (row.type === 'CHARBUF') return set(textOf(event, i));
  if (row.type === 'FSPATH' || row.type === 'FSRELPATH') return renderPath(event, i, row);
  const bytes = event.raw(i);
  if (bytes.length === 0) return set(emptyText(row.type));
  if (row.type !== 'DYNAMIC') return render(event, bytes, row.type, row.format, row.flagSet, context);
  const choice = row.dynamic === undefined ? undefined : DYNAMIC_SETS[row.dynamic][bytes[0]];
  if (choice === undefined) return set('INVALID DYNAMIC PARAMETER');
  return render(event, bytes.subarray(1), choice[0], row.format, undefined, context);
}

/** `evt.args`: every parameter with its name. */
export function renderAll(event: EventView, context: RenderContext): string {
  let text = '';
  for (let i = 0; ; i++) {
    const shown = renderParam(event, i, context);
    if (shown === null) return text;
    const name = paramRow(event, i)?.name ?? '';
    text += `${i === 0 ? '' : ' '}${name}=${shown.text}`;
    if (shown.resolved !== '') text += `(${shown.resolved})`;
  }
}

/** HOT PATH. What a parameter says: the resolved text if there is one, otherwise the plain one. */
export function renderMeaning(event: EventView, i: number, context: RenderContext): string | null {
  const row = paramRow(event, i);
  const name = row !== undefined ? nameOf(event, i, row) : '';
  if (name !== '') return name;
  const shown = renderParam(event, i, context);
  if (shown === null) return null;
  return shown.resolved === '' ? shown.text : shown.resolved;
}

/** What rules ask for most, flags and errors, without the number's own text. Empty: not one of these, or without a name. */
function nameOf(event: EventView, i: number, row: ParamRow): string {
  const size = event.size(i);
  if (row.type === 'ERRNO') return size === 8 && event.int(i) < 0 ? errorName(event.int(i)) : '';
  const flags = row.flagSet;
  if (flags === undefined) return '';
  switch (row.type) {
    case 'FLAGS8':
      return size === 1 ? flagNames(flags, event.u8(i)) : '';
    case 'FLAGS16':
      return size === 2 ? flagNames(flags, event.u16(i)) : '';
    case 'FLAGS32':
      return size === 4 ? flagNames(flags, event.u32(i)) : '';
    case 'ENUMFLAGS8':
      return size === 1 ? enumNames(flags, event.u8(i)) : '';
    case 'ENUMFLAGS16':
      return size === 2 ? enumNames(flags, event.u16(i)) : '';
    case 'ENUMFLAGS32':
      return size === 4 ? enumNames(flags, event.u32(i)) : '';
    default:
      return '';
  }
}

/** Only types that writers could always leave empty say NULL. */
function emptyText(type: ParamType): string {
  switch (type) {
    case 'BYTEBUF':
    case 'SOCKTUPLE':
    case 'FDLIST':
    case 'CHARBUFARRAY':
    case 'CHARBUF_PAIR_ARRAY':
    case 'DYNAMIC':
      return 'NULL';
    default:
      return NA;
  }
}

function renderPath(event: EventView, i: number, row: ParamRow): Rendered {
  const path = textOf(event, i);
  const thread = event.thread;
  if (thread === null || path === NA || path === '' || path[0] === '/') return set(path);
  return set(path, concatenatePaths(baseDirectory(event, thread, row), path));
}

/** Where a relative path begins: the directory of its descriptor, or the working directory. */
function baseDirectory(event: EventView, thread: ThreadInfo, row: ParamRow): string {
  if (row.type !== 'FSRELPATH' || row.dirfd === undefined) return thread.cwd;
  const dirfd = event.int(row.dirfd);
  if (dirfd === AT_FDCWD) return thread.cwd;
  const name = thread.fds.get(dirfd)?.name ?? '';
  return name === '' || name.endsWith('/') ? name : `${name}/`;
}

function render(
  event: EventView, bytes: Uint8Array, type: ParamType, format: PrintFormat, flags: FlagSet | undefined, context: RenderContext,
): Rendered {
  switch (type) {
    case 'INT8':
    case 'INT16':
    case 'INT32':
    case 'INT64':
    case 'UINT8':
    case 'UINT16':
    case 'UINT32':
    case 'UINT64':
      return set(integerText(bytes, type, format));
    case 'FD':
      return renderFd(event, Number(signed(bytes)));
    case 'PID': {
      const pid = Number(signed(bytes));
      return set(String(pid), context.threads.get(pid)?.comm ?? '');
    }
    case 'ERRNO': {
      const value = signed(bytes);
      return set(String(value), value < 0n ? errorName(Number(value)) : '');
    }
    case 'CHARBUF':
    case 'FSPATH':
    case 'FSRELPATH':
      return set(bytes.length === 0 ? '(null)' : zeroClosed(bytes));
    case 'BYTEBUF':
      return set(bufferText(bytes, context.base64));
    case 'SOCKADDR':
      return set(addressText(bytes) ?? invalidAddress(bytes, 'SOCKADDR'));
    case 'SOCKTUPLE':
      return set(tupleText(bytes) ?? invalidAddress(bytes, 'SOCKTUPLE'));
    case 'FDLIST':
      return set(fdListText(event, bytes));
    case 'SYSCALLID': {
      const code = Number(unsigned(bytes));
      return set(String(code), SYSCALL_NAMES.get(code) ?? 'unknown');
    }
    case 'SIGTYPE':
      return set(String(bytes[0]), signalName(bytes[0]));
    case 'RELTIME': {
      const value = unsigned(bytes);
      return value === 0xffff_ffff_ffff_ffffn ? set('none') : set(String(value), `${generalText(Number(value) / 1e9)}s`);
    }
    case 'ABSTIME':
      return set(dateTimeText(unsigned(bytes), true));
    case 'FLAGS8':
    case 'FLAGS16':
    case 'FLAGS32': {
      const value = Number(unsigned(bytes));
      return set(String(value), flags === undefined ? '' : flagNames(flags, value));
    }
    case 'ENUMFLAGS8':
    case 'ENUMFLAGS16':
    case 'ENUMFLAGS32': {
      const value = Number(unsigned(bytes));
      return set(String(value), flags === undefined ? '' : enumNames(flags, value));
    }
    case 'MODE': {
      const value = Number(unsigned(bytes));
      return set(integerText(bytes, type, format), flags === undefined ? '' : modeNames(flags, value));
    }
    case 'UID':
    case 'GID':
      return renderId(event, Number(unsigned(bytes)), type, context);
    case 'CHARBUFARRAY':
    case 'CHARBUF_PAIR_ARRAY':
      return set(zeroClosed(bytes).replaceAll('\0', '.'));
    case 'SIGSET':
      return set(signalSetText(Number(unsigned(bytes) & 0xffff_ffffn)));
    case 'PORT':
    case 'L4PROTO':
    case 'SOCKFAMILY':
    case 'BOOL':
    case 'IPV4ADDR':
    case 'IPV6ADDR':
    case 'IPADDR':
    case 'IPV4NET':
    case 'IPV6NET':
    case 'IPNET':
    case 'DOUBLE':
    case 'DYNAMIC':
    case 'FD32':
    case 'PID32':
      return set('(n.a.)');
    default: {
      const never: never = type;
      return set(String(never));
    }
  }
}

function renderFd(event: EventView, fd: number): Rendered {
  const text = String(fd);
  const thread = event.thread;
  if (thread === null) return set(text);
  if (fd >= 0) {
    const info = thread.fds.get(fd);
    return set(text, info === undefined ? '' : fdText(info));
  }
  return set(text, fd === AT_FDCWD ? 'AT_FDCWD' : errorName(fd));
}

function renderId(event: EventView, id: number, type: 'UID' | 'GID', context: RenderContext): Rendered {
  if (id === NO_ID) return set('-1', '<NONE>');
  const thread = event.thread;
  const container = thread?.containerId ?? '';
  const known =
    thread === null ? null : type === 'UID' ? context.users.user(container, id) : context.users.group(container, id);
  return set(String(id | 0), known === null || known.name === '' ? NA : known.name);
}

/** As printf does: decimal 32 and 64 bit numbers come out signed, octal has a leading zero. */
function integerText(bytes: Uint8Array, type: ParamType, format: PrintFormat): string {
  const value = unsigned(bytes);
  switch (format) {
    case 'HEX': {
      // Smaller signed types are widened to int before they are printed.
      const widened = type === 'INT8' || type === 'INT16' ? BigInt.asUintN(32, signed(bytes)) : value;
      return widened.toString(16).toUpperCase();
    }
    case 'OCT':
      return value === 0n ? '0' : `0${value.toString(8)}`;
    case 'PADDED10': {
      const text = decimal(bytes, type);
      return text[0] === '-' ? `-${text.slice(1).padStart(8, '0')}` : text.padStart(9, '0');
    }
    case 'DEC':
    case 'NA':
    case 'ID':
    case 'DIR':
      return decimal(bytes, type);
    default: {
      const never: never = format;
      return never;
    }
  }
}

function decimal(bytes: Uint8Array, type: ParamType): string {
  return String(type === 'UINT8' || type === 'UINT16' ? unsigned(bytes) : signed(bytes));
}

function zeroClosed(bytes: Uint8Array): string {
  const end = bytes.length > 0 && bytes[bytes.length - 1] === 0 ? bytes.length - 1 : bytes.length;
  return decodeBytes(Buffer.from(bytes.buffer, bytes.byteOffset, end));
}

const DOT = 46;

/** Printable ASCII as it is, a dot for any other byte. */
function bufferText(bytes: Uint8Array, base64: boolean): string {
  if (base64) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
  const shown = Buffer.from(bytes);
  for (let i = 0; i < shown.length; i++) if (shown[i] < 0x20 || shown[i] > 0x7e) shown[i] = DOT;
  return shown.toString('latin1');
}

function invalidAddress(bytes: Uint8Array, what: string): string {
  switch (bytes[0]) {
    case 1:
      return 'INVALID PATH';
    case 2:
      return 'INVALID IPv4';
    case 10:
      return 'INVALID IPv6';
    default:
      return `INVALID ${what}`;
  }
}

/** `5:f1 7:p40`: descriptor, kind, and the flags that were asked for or came back. */
function fdListText(event: EventView, bytes: Uint8Array): string {
  const fds = event.thread?.fds;
  if (fds === undefined) return '';
  let text = '';
  for (const { fd, raw, flags } of fdList(bytes)) {
    const info = fds.get(fd);
    text += `${text === '' ? '' : ' '}${raw}:${info === undefined ? '?' : typeChar(info)}${flags.toString(16)}`;
  }
  return text;
}

export interface ListedFd {
  readonly fd: number;
  /** As the wire has it, unsigned. */
  readonly raw: bigint;
  readonly flags: number;
}

/** A count u16, then for each a descriptor i64 and flags i16. */
export function fdList(bytes: Uint8Array): ListedFd[] {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const list: ListedFd[] = [];
  if (bytes.length < 2) return list;
  const count = data.getUint16(0, true);
  for (let i = 0, at = 2; i < count && at + 10 <= bytes.length; i++, at += 10) {
    const raw = data.getBigUint64(at, true);
    list.push({ fd: Number(BigInt.asIntN(64, raw)), raw, flags: data.getInt16(at + 8, true) >>> 0 });
  }
  return list;
}

function signalSetText(bits: number): string {
  let text = '';
  for (let i = 0; i < 32; i++) {
    if ((bits & (1 << i)) === 0) continue;
    const name = signalName(i + 1);
    if (name !== '') text += text === '' ? name : ` ${name}`;
  }
  return text;
}

const SYSCALL_NAMES: ReadonlyMap<number, string> = new Map(SYSCALLS.map((row) => [row.code, row.name]));

/** A number as printf's `%g` has it: six significant digits, an exponent below 1e-4 and from 1e6 on. */
export function generalText(value: number): string {
  if (value === 0) return '0';
  const [mantissa, exponentText] = value.toExponential(5).split('e');
  const exponent = Number(exponentText);
  if (exponent >= -4 && exponent < 6) return stripZeros(value.toFixed(5 - exponent));
  const digits = String(Math.abs(exponent)).padStart(2, '0');
  return `${stripZeros(mantissa)}e${exponent < 0 ? '-' : '+'}${digits}`;
}

function stripZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}
