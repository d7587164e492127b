// SPDX-License-Identifier: Apache-2.0
/**
 * `{type: openat, proc: {name: cat}, fd: {name: /etc/shadow}}` → the event that the probe would have reported. What is not
 * said is what an ordinary call that succeeds would have.
 */
import { buildEvent, type ParamValue, sockaddr, socktuple, unixTuple } from '../events/event-builder.js';
import { Ev } from '../events/ids.js';
import { SYSCALLS } from '../events/syscalls.js';
import { CREATES_FD, DYNAMIC_SETS, EVENTS, type EventRow, OLD, type ParamRow, UNUSED, USES_FD } from '../events/table.js';
import type { Span } from '../lang/diagnostic.js';
import { closest } from '../lang/suggest.js';
import { get, type RawMap, type RawNode, type RawScalar } from '../ruleset/read.js';
import type { FdInfo } from '../state/fd-info.js';
import type { ThreadInfo } from '../state/thread-info.js';
import type { Nodes } from './nodes.js';
import { connectionOf, endpointOf, namesOf, resultOf, signalOf } from './numbers.js';
import type { Processes } from './process.js';
import { encodeText } from '../util/byte-text.js';

export const EVENT_KEYS = ['type', 'proc', 'fd', 'args', 'res'] as const;

const AT_FDCWD = -100;
const NEW_FD = 3;
const A_CHILD = 4000;
/** Directories that relative paths start from. */
const DIRECTORIES: ReadonlySet<string> = new Set(['dirfd', 'olddirfd', 'newdirfd', 'olddir', 'newdir', 'linkdirfd']);
const EXECS: ReadonlySet<number> = new Set([Ev.SYSCALL_EXECVE_19_X, Ev.SYSCALL_EXECVEAT_X]);
const CLONES: ReadonlySet<number> = new Set([Ev.SYSCALL_CLONE_20_X, Ev.SYSCALL_CLONE3_X, Ev.SYSCALL_FORK_20_X, Ev.SYSCALL_VFORK_20_X]);
const RELATIVE_NAMES: ReadonlySet<string> = new Set(['open', 'openat', 'openat2', 'creat']);

export interface WrittenEvent {
  readonly bytes: Uint8Array;
  readonly type: number;
}

/** The event that a name stands for now: what the probe reports, not what old captures hold. */
function rowOfType(name: string): { readonly row: EventRow; readonly code: number | null } | null {
  const rows = EVENTS.filter((row) => row.name === name && (row.flags & UNUSED) === 0);
  const found = rows.findLast((row) => (row.type & 1) === 1 && (row.flags & OLD) === 0) ?? rows.findLast((row) => (row.flags & OLD) === 0);
  if (found !== undefined) return { row: found, code: null };
  const call = SYSCALLS.find((row) => row.name === name);
  return call === undefined ? null : { row: EVENTS[call.exit], code: call.exit === 1 ? call.code : null };
}

/** Null: something is wrong with the description, and has been reported. */
export function writeEvent(map: RawMap, type: RawScalar, processes: Processes, nodes: Nodes, ts: bigint): WrittenEvent | null {
  const found = rowOfType(type.text);
  if (found === null) {
    const near = closest(type.text, [...EVENTS.map((row) => row.name), ...SYSCALLS.map((row) => row.name)]);
    nodes.error('TEST_UNKNOWN_EVENT', type.span, `there is no event '${type.text}'`, near === null ? 'falco-ts --list-events lists them' : `did you mean '${near}'?`);
    return null;
  }
  const before = nodes.diagnostics.length;
  const proc = get(map, 'proc');
  const thread = proc === undefined ? processes.some(map) : processes.get(proc);
  if (thread === null) return null;
  const writer = new Writer(found.row, thread, nodes);
  if (found.code !== null) writer.set('ID', found.code);
  const fd = get(map, 'fd');
  const described = fd === undefined ? null : processes.fd(fd);
  writer.defaults();
  if (fd !== undefined && described !== null) writer.descriptor(described.num, described.info, fd.span);
  const res = get(map, 'res');
  if (res !== undefined) writer.result(res);
  const args = get(map, 'args');
  if (args !== undefined) writer.args(args);
  writer.addresses();
  if (nodes.diagnostics.length > before) return null;
  return { bytes: buildEvent(found.row.key, writer.values, { ts, tid: thread.tid }), type: found.row.type };
}

class Writer {
  readonly values: Record<string, ParamValue> = {};

  constructor(private readonly row: EventRow, private readonly thread: ThreadInfo, private readonly nodes: Nodes) {}

  set(name: string, value: ParamValue): void {
    this.values[name] = value;
  }

  defaults(): void {
    const { row, thread } = this;
    if (EXECS.has(row.type) || CLONES.has(row.type)) this.process();
    row.params.forEach((param, i) => {
      if (param.name in this.values) return;
      if (i === 0 && (row.type & 1) === 1) {
        this.set(param.name, param.type === 'FD' && (row.flags & CREATES_FD) !== 0 ? ((row.flags & USES_FD) !== 0 ? NEW_FD + 1 : NEW_FD) : CLONES.has(row.type) ? A_CHILD : 0);
      } else if (DIRECTORIES.has(param.name)) this.set(param.name, AT_FDCWD);
      else if (param.type === 'FD' && i > 0) this.set(param.name, NEW_FD);
      else if (param.flagSet === 'file_flags') this.set(param.name, RELATIVE_NAMES.has(row.name) ? 1 : 0);
      else if (param.type === 'PID') this.set(param.name, thread.pid);
      else if (param.type === 'UID') this.set(param.name, thread.uid);
      else if (param.type === 'GID') this.set(param.name, thread.gid);
      else if (isNumber(param)) this.set(param.name, 0);
    });
  }

  /** The descriptor that the call is about: an open one, or the one that it opens. */
  descriptor(num: number | undefined, info: FdInfo, span: Span): void {
    const { row, thread, nodes } = this;
    const name = row.params.find((param) => param.name === 'name' && (param.type === 'FSPATH' || param.type === 'FSRELPATH'));
    const [first] = row.params;
    if ((row.flags & USES_FD) === 0 && (row.flags & CREATES_FD) !== 0) {
      this.set(first.name, num ?? NEW_FD);
      if (name !== undefined) this.set(name.name, info.name);
      else if (row.params.some((param) => param.name === 'tuple')) this.connection(info.name, info.type);
      return;
    }
    const param = row.params.find((one, i) => one.type === 'FD' && i >= (row.type & 1) && !DIRECTORIES.has(one.name));
    if ((row.flags & USES_FD) === 0 || param === undefined) {
      nodes.error('TEST_UNKNOWN_EVENT', span, `the event ${row.name} is about no descriptor`, `its arguments are ${row.params.map((one) => one.name).join(', ')}`);
      return;
    }
    const at = num ?? NEW_FD;
    this.set(param.name, at);
    if (row.type === Ev.SOCKET_CONNECT_X) {
      // Before the call it is not connected.
      this.connection(info.name, info.type);
      Object.assign(info, { name: '', sourceIp: null, destIp: null, sourcePort: 0, destPort: 0, flags: 0 });
    }
    thread.fds.set(at, info);
  }

  result(node: RawNode): void {
    const [first] = this.row.params;
    const text = this.nodes.text(node, 'res');
    if (text === undefined) return;
    const value = resultOf(text);
    if (value === null) this.nodes.error('TEST_VALUE', node.span, `'${text}' is no result`, 'it is a number, SUCCESS, or an error such as ENOENT');
    else if (first === undefined || (this.row.type & 1) === 0) this.nodes.error('TEST_UNKNOWN_EVENT', node.span, `the event ${this.row.name} has no result`);
    else this.set(first.name, value);
  }

  args(node: RawNode): void {
    const { row, nodes } = this;
    if (node.kind !== 'map') {
      nodes.error('TEST_VALUE', node.span, 'args must be a mapping', `the arguments of ${row.name} are ${row.params.map((param) => param.name).join(', ')}`);
      return;
    }
    for (const { key, value } of node.entries) {
      const param = row.params.find((one) => one.name === key.text);
      if (param === undefined) {
        const near = closest(key.text, row.params.map((one) => one.name));
        nodes.error('TEST_UNKNOWN_EVENT', key.span, `the event ${row.name} has no argument '${key.text}'`, near === null ? `its arguments are ${row.params.map((one) => one.name).join(', ')}` : `did you mean '${near}'?`);
        continue;
      }
      const encoded = this.encode(param, value);
      if (encoded !== undefined) this.set(param.name, encoded);
    }
  }

  /** Of a connection, the address that was asked for follows from the tuple. */
  addresses(): void {
    if (this.row.type !== Ev.SOCKET_CONNECT_X || this.values.addr !== undefined || !(this.values.tuple instanceof Uint8Array)) return;
    const tuple = this.values.tuple;
    const family = tuple[0];
    const start = family === 2 ? 7 : family === 10 ? 19 : 17;
    this.set('addr', Buffer.concat([tuple.subarray(0, 1), tuple.subarray(start)]));
  }

  private connection(name: string, type: string): void {
    const ends = connectionOf(name);
    if (ends !== null) this.set('tuple', socktuple([ends[0].ip, ends[0].port], [ends[1].ip, ends[1].port]));
    else if (type === 'unix') this.set('tuple', unixTuple(0n, 0n, name));
  }

  /** What exec and clone report of the process itself. */
  private process(): void {
    const { row, thread } = this;
    const exec = EXECS.has(row.type);
    const all: Readonly<Record<string, ParamValue>> = {
      exe: thread.exe, args: thread.args, tid: thread.tid, pid: thread.pid, ptid: thread.ptid, cwd: '', fdlimit: thread.fdLimit, comm: thread.comm,
      env: thread.env, tty: thread.tty, vpgid: thread.vpgid, loginuid: thread.loginuid === 0xffff_ffff ? -1 : thread.loginuid,
      uid: thread.uid, gid: thread.gid, vtid: thread.vtid, vpid: thread.vpid, pgid: thread.pgid,
      cap_inheritable: thread.capInheritable, cap_permitted: thread.capPermitted, cap_effective: thread.capEffective,
      trusted_exepath: thread.exepath, filename: thread.exepath,
      flags: exec ? (thread.exeWritable ? 1 : 0) | (thread.exeUpperLayer ? 2 : 0) | (thread.exeFromMemfd ? 4 : 0) | (thread.exeLowerLayer ? 8 : 0) : 0,
    };
    for (const param of row.params) if (param.name in all) this.set(param.name, all[param.name]);
  }

  private encode(param: ParamRow, node: RawNode): ParamValue | undefined {
    const { nodes } = this;
    const what = `the argument ${param.name} of ${this.row.name}`;
    if (node.kind === 'null') return null;
    const names = namesOf(param);
    if (names !== null) return this.flags(param, names, node, what);
    switch (param.type) {
      case 'CHARBUF':
      case 'FSPATH':
      case 'FSRELPATH':
        return nodes.text(node, what);
      case 'BYTEBUF': {
        if (node.kind === 'sequence') return nodes.texts(node, what);
        const text = nodes.text(node, what);
        return text === undefined ? undefined : encodeText(text);
      }
      case 'CHARBUFARRAY':
      case 'CHARBUF_PAIR_ARRAY':
        return nodes.texts(node, what);
      case 'SOCKADDR': {
        const text = nodes.text(node, what);
        if (text === undefined) return undefined;
        const end = endpointOf(text);
        if (end === null && !text.startsWith('/')) return this.refuse(node, `${what} must be ip:port or the path of a unix socket`);
        return sockaddr(end === null ? text : [end.ip, end.port]);
      }
      case 'SOCKTUPLE': {
        const text = nodes.text(node, what);
        if (text === undefined) return undefined;
        const ends = connectionOf(text);
        if (ends === null && !text.startsWith('/')) return this.refuse(node, `${what} must be ip:port->ip:port or the path of a unix socket`);
        return ends === null ? unixTuple(0n, 0n, text) : socktuple([ends[0].ip, ends[0].port], [ends[1].ip, ends[1].port]);
      }
      case 'SIGTYPE':
        return (node.kind === 'scalar' ? signalOf(node.text) : null) ?? nodes.integer(node, what);
      case 'ERRNO':
      case 'FD':
      case 'PID': {
        const text = nodes.text(node, what);
        return text === undefined ? undefined : (resultOf(text) ?? this.refuse(node, `${what} must be a number or the name of an error`));
      }
      case 'DYNAMIC':
        return this.dynamic(param, node, what);
      case 'BOOL':
        return nodes.flag(node, what) === true ? 1 : 0;
      default:
        return isNumber(param) ? nodes.integer(node, what) : this.refuse(node, `${what} is a ${param.type}, which cannot be written`);
    }
  }

  /** `O_WRONLY|O_CREAT`, a list of names, or a number. */
  private flags(param: ParamRow, names: NonNullable<ReturnType<typeof namesOf>>, node: RawNode, what: string): number | undefined {
    if (node.kind === 'scalar' && /^(0x[0-9a-fA-F]+|\d+)$/.test(node.text)) {
      return param.type === 'MODE' && /^[0-7]+$/.test(node.text) ? Number.parseInt(node.text, 8) : this.nodes.integer(node, what);
    }
    let value = 0;
    for (const item of this.nodes.list(node)) {
      for (const name of (this.nodes.text(item, what) ?? '').split(/[|,\s]+/)) {
        const found = names.find(([one]) => one === name);
        if (found === undefined) {
          const near = closest(name, names.map(([one]) => one));
          this.nodes.error('TEST_VALUE', item.span, `${what} has no flag '${name}'`, near === null ? `its flags are ${names.map(([one]) => one).join(', ')}` : `did you mean '${near}'?`);
          return undefined;
        }
        value |= found[1];
      }
    }
    return value >>> 0;
  }

  private dynamic(param: ParamRow, node: RawNode, what: string): Uint8Array | undefined {
    const value = this.nodes.integer(node, what);
    if (value === undefined || param.dynamic === undefined) return undefined;
    const alternatives = DYNAMIC_SETS[param.dynamic];
    const index = Math.max(0, alternatives.findIndex(([type]) => type === 'UINT64' || type === 'INT64' || type === 'FD'));
    const bytes = Buffer.alloc(9);
    bytes[0] = index;
    bytes.writeBigInt64LE(BigInt(value), 1);
    return bytes;
  }

  private refuse(node: RawNode, message: string): undefined {
    this.nodes.error('TEST_VALUE', node.span, message);
    return undefined;
  }
}

const isNumber = (param: ParamRow): boolean => /^(U?INT(8|16|32|64)|ENUMFLAGS\d+|FLAGS\d+|MODE|RELTIME|ABSTIME|UID|GID|PORT|L4PROTO|ERRNO|FD|PID|SYSCALLID|SIGTYPE)$/.test(param.type);
