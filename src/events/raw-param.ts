// SPDX-License-Identifier: Apache-2.0
/** Parameters of events as values (`evt.rawarg`). */
import { canonicalInt, type Value } from '../lang/value.js';
import type { EventView } from './event-view.js';
import { signed } from './param-bytes.js';
import { EVENTS, type ParamRow } from './table.js';

export const NA = '<NA>';
/** A text that the kernel side could not read, as old writers put it. */
const NULL_TEXT = '(NULL)';

export function paramRow(event: EventView, i: number): ParamRow | undefined {
  return EVENTS[event.type]?.params[i];
}

/** A text parameter; `<NA>` when it could not be read. */
export function textOf(event: EventView, i: number): string {
  const text = event.str(i);
  return text === null || text === NULL_TEXT ? NA : text;
}

/** The value itself, for `evt.rawarg`: numbers as numbers, texts as texts, anything else as its bytes. */
export function rawParam(event: EventView, i: number): Value {
  const row = paramRow(event, i);
  if (row === undefined || i >= event.paramCount) return null;
  const size = event.size(i);
  switch (row.type) {
    case 'CHARBUF':
    case 'FSPATH':
    case 'FSRELPATH':
      return textOf(event, i);
    case 'INT8':
    case 'INT16':
    case 'INT32':
    case 'INT64':
    case 'FD':
    case 'FD32':
    case 'PID':
    case 'PID32':
    case 'ERRNO':
      return size === 0 ? null : size === 8 ? event.i64(i) : canonicalInt(signed(event.raw(i)));
    case 'UINT8':
    case 'FLAGS8':
    case 'ENUMFLAGS8':
    case 'SIGTYPE':
    case 'L4PROTO':
    case 'SOCKFAMILY':
      return size === 0 ? null : event.u8(i);
    case 'UINT16':
    case 'FLAGS16':
    case 'ENUMFLAGS16':
    case 'PORT':
    case 'SYSCALLID':
      return size === 0 ? null : event.u16(i);
    case 'UINT32':
    case 'FLAGS32':
    case 'ENUMFLAGS32':
    case 'MODE':
    case 'UID':
    case 'GID':
    case 'SIGSET':
    case 'IPV4ADDR':
      return size === 0 ? null : event.u32(i);
    case 'UINT64':
    case 'RELTIME':
    case 'ABSTIME':
      return size === 0 ? null : event.u64(i);
    case 'BOOL':
      return size === 0 ? null : event.u8(i) !== 0;
    case 'BYTEBUF':
    case 'SOCKADDR':
    case 'SOCKTUPLE':
    case 'FDLIST':
    case 'DYNAMIC':
    case 'CHARBUFARRAY':
    case 'CHARBUF_PAIR_ARRAY':
    case 'IPV6ADDR':
    case 'IPADDR':
    case 'IPV4NET':
    case 'IPV6NET':
    case 'IPNET':
    case 'DOUBLE':
      return size === 0 ? null : event.raw(i);
    default: {
      const never: never = row.type;
      return never;
    }
  }
}
