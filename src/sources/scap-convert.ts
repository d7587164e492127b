// SPDX-License-Identifier: Apache-2.0
/**
 * HOT PATH (needs). Brings events of older captures into their present form. Each system call was two events then: what
 * went in with the enter event is a parameter of the exit event now, found by its name. An event that got a new type
 * number keeps its parameters by name, too.
 */
import { EVENT_HEADER_BYTES, EventDecodeError, type EventView } from '../events/event-view.js';
import { Ev } from '../events/ids.js';
import { SUCCESSORS } from '../events/successors.js';
import { EVENTS, type EventRow, LARGE, OLD, type ParamRow, UNUSED } from '../events/table.js';

/** Enter events that are still events of their own: what they say was not yet changed by the program. */
const PASSED_ENTERS: ReadonlySet<number> = new Set<number>([
  Ev.SYSCALL_EXECVE_19_E, Ev.SYSCALL_EXECVEAT_E, Ev.SOCKET_CONNECT_E, Ev.SYSCALL_OPEN_E, Ev.SYSCALL_CREAT_E,
  Ev.SYSCALL_OPENAT_2_E, Ev.SYSCALL_OPENAT2_E,
]);

/** Parameters that are 0, not absent, where an old capture does not have them. */
const ZEROS: ReadonlyMap<number, readonly string[]> = new Map<number, readonly string[]>([
  [Ev.SYSCALL_FCNTL_X, ['arg']],
  [Ev.SOCKET_SOCKET_X, ['flags']],
  [Ev.SOCKET_ACCEPT_5_X, ['queuelen', 'queuemax']],
  [Ev.SOCKET_ACCEPT4_6_X, ['queuelen', 'queuemax']],
  [Ev.SOCKET_SENDMMSG_X, ['res']],
  [Ev.SOCKET_RECVMMSG_X, ['res']],
]);

/**
 * Exit events whose parameters from the enter event are absent, not 0, when the enter event was not captured; so are
 * those of events that got a new type number, but for accept4's flags.
 */
const ABSENT_WITHOUT_ENTER: ReadonlySet<number> = new Set<number>([
  Ev.GENERIC_X, Ev.SYSCALL_PRLIMIT_X, Ev.SYSCALL_BRK_4_X, Ev.SYSCALL_EXECVE_19_X, Ev.SYSCALL_SETRESUID_X, Ev.SYSCALL_SETUID_X,
  Ev.SYSCALL_MKDIR_2_X, Ev.SYSCALL_PTRACE_X, Ev.SYSCALL_FCHDIR_X, Ev.SYSCALL_SETNS_X, Ev.SYSCALL_SETGID_X, Ev.SYSCALL_SETPGID_X,
  Ev.SYSCALL_SETRESGID_X,
]);

/** Events that got parameters at their end without a new type number, and take none from elsewhere: those are absent, and shown so. */
const GREW: ReadonlySet<number> = new Set<number>([
  Ev.SYSCALL_CLONE_20_X, Ev.SYSCALL_FORK_20_X, Ev.SYSCALL_VFORK_20_X, Ev.SYSCALL_CLONE3_X, Ev.SYSCALL_EXECVEAT_X,
  Ev.SYSCALL_OPEN_E, Ev.SYSCALL_CREAT_E, Ev.SYSCALL_OPENAT_2_E, Ev.SYSCALL_OPENAT2_E,
]);

/** Parameters of enter events that have another name now. */
const FORMER_NAMES: ReadonlyMap<number, Readonly<Record<string, string>>> = new Map([
  [Ev.SYSCALL_DUP_X, { oldfd: 'fd' }],
  [Ev.SYSCALL_BRK_1_X, { vm_size: 'size' }],
]);

/** Bytes of types of a fixed size. */
const SIZES: Partial<Record<ParamRow['type'], number>> = {
  INT8: 1, INT16: 2, INT32: 4, INT64: 8, UINT8: 1, UINT16: 2, UINT32: 4, UINT64: 8, ERRNO: 8, FD: 8, PID: 8, SYSCALLID: 2,
  SIGTYPE: 1, RELTIME: 8, ABSTIME: 8, BOOL: 4, FLAGS8: 1, FLAGS16: 2, FLAGS32: 4, UID: 4, GID: 4, SIGSET: 4, MODE: 4,
  ENUMFLAGS8: 1, ENUMFLAGS16: 2, ENUMFLAGS32: 4,
};

/** Where a parameter comes from. */
const enum From {
  Old,
  Enter,
  Zero,
  Nowhere,
}

interface Source {
  readonly from: From;
  readonly index: number;
  /** 0: as long as it is; else at most so many bytes, and so many when it is made up. */
  readonly size: number;
  /** What a made-up byte is. */
  readonly fill: number;
  /** Made up rather than left out when the enter event is missing. */
  readonly needed: boolean;
}

/** How an event of one old type, or with too few parameters, is rewritten. */
export interface Plan {
  readonly target: number;
  readonly sources: readonly Source[];
  readonly usesEnter: boolean;
}

export function planOf(row: EventRow): Plan | null {
  const target = SUCCESSORS.get(row.type) ?? row.type;
  const renamed = target !== row.type;
  if ((row.type & 1) === 0 && !renamed && !GREW.has(row.type)) return null;
  // What execveat's enter event calls flags is something else than what its exit event does.
  const enter = (row.type & 1) === 1 && row.type !== Ev.SYSCALL_EXECVEAT_X ? EVENTS[row.type - 1].params : [];
  const zeros = ZEROS.get(target) ?? [];
  const absent = renamed ? target !== Ev.SOCKET_ACCEPT4_6_X : ABSENT_WITHOUT_ENTER.has(target);
  const sources = EVENTS[target].params.map((param, i): Source => {
    const size = SIZES[param.type] ?? 0;
    const fill = param.type === 'UID' || param.type === 'GID' ? 0xff : 0;
    const old = renamed ? row.params.findIndex((p) => p.name === param.name) : i;
    // The result comes first whatever it is called.
    if (renamed && old === -1 && i === 0 && row.params.length > 0) return { from: From.Old, index: 0, size, fill, needed: false };
    if (renamed && old !== -1) return { from: From.Old, index: old, size, fill, needed: false };
    const name = FORMER_NAMES.get(row.type)?.[param.name] ?? param.name;
    const entered = enter.findIndex((p) => p.name === name);
    if (entered !== -1) return { from: From.Enter, index: entered, size, fill, needed: !absent };
    return { from: zeros.includes(param.name) ? From.Zero : From.Nowhere, index: -1, size, fill, needed: true };
  });
  return { target, sources, usesEnter: sources.some((s) => s.from === From.Enter) };
}

const PLANS: readonly (Plan | null)[] = EVENTS.map((row) => (row.kind === 'none' ? null : planOf(row)));
const PARAMS = Uint8Array.from(EVENTS, (row) => row.params.length);
/** What {@link ScapConverter.needs} says by type alone. */
const enum Need {
  Never,
  /** When parameters are missing. */
  IfShort,
  Always,
}
const NEEDS = Uint8Array.from(EVENTS, (row): Need => {
  if ((row.flags & UNUSED) !== 0 || row.kind === 'none') return Need.Always;
  if (SUCCESSORS.has(row.type)) return Need.Always;
  if (row.type === Ev.SOCKET_CONNECT_E) return Need.Always;
  if ((row.flags & OLD) !== 0) return row.type === Ev.SYSCALL_EXECVEAT_E ? Need.Never : Need.Always;
  if (GREW.has(row.type)) return Need.IfShort;
  const plan = PLANS[row.type];
  return plan?.sources.some((s) => s.from === From.Enter || s.from === From.Zero) ? Need.IfShort : Need.Never;
});

/** Enter events that wait for their exit events, one a thread; more are given up. */
const MAX_WAITING = 65_536;
const MAX_EVENT = 1 << 17;

export class ScapConverter {
  private readonly enters = new Map<number, Uint8Array>();
  private scratch = Buffer.alloc(MAX_EVENT);

  /** Whether the event has to go through {@link convert}. */
  needs(view: EventView): boolean {
    const need = NEEDS[view.type];
    return need === Need.Always || (need === Need.IfShort && view.paramCount < PARAMS[view.type]);
  }

  /**
   * Makes the view show the event in its present form (in a buffer of ours when it is rewritten). False: there is no
   * such event any more.
   */
  convert(view: EventView): boolean {
    const type = view.type;
    const row = EVENTS[type];
    if (row.kind === 'none' || (row.flags & UNUSED) !== 0) return false;
    if ((type & 1) === 0 && !SUCCESSORS.has(type)) {
      if (PLANS[type + 1]?.usesEnter) this.remember(view);
      const plan = PLANS[type];
      if (plan !== null && view.paramCount < PARAMS[type]) this.rewrite(view, plan);
      return (row.flags & OLD) === 0 || PASSED_ENTERS.has(type);
    }
    const plan = PLANS[type];
    if (plan === null) return false;
    if (type === Ev.CONTAINER_E) this.containerJson(view, plan.target);
    else this.rewrite(view, plan);
    if (plan.target === Ev.SYSCALL_EXECVE_19_E) this.remember(view);
    return true;
  }

  /** An event of the time when the header had no parameter count: it follows from the lengths. */
  uncounted(view: EventView, bytes: Buffer, start: number, end: number): void {
    const type = bytes.readUInt16LE(start + 20);
    let length = bytes.readUInt32LE(start + 16) + 4;
    // These two were written with a length that is 3 too long.
    if (type === Ev.NOTIFICATION_E || type === Ev.INFRASTRUCTURE_EVENT_E) length -= 3;
    if (length < EVENT_HEADER_BYTES || start + length - 4 > end) throw new EventDecodeError(`event says it has ${length} bytes`, 16);
    const row = EVENTS[type];
    const lengthBytes = (row.flags & LARGE) !== 0 ? 4 : 2;
    const total = length - EVENT_HEADER_BYTES;
    const at = start + EVENT_HEADER_BYTES - 4;
    let count = row.params.length;
    for (; count >= 0; count--) {
      let sum = count * lengthBytes;
      if (sum > total) continue;
      for (let i = 0; i < count; i++) sum += lengthBytes === 2 ? bytes.readUInt16LE(at + 2 * i) : bytes.readUInt32LE(at + 4 * i);
      if (sum === total) break;
    }
    if (count < 0) throw new EventDecodeError('no parameter count fits the lengths', EVENT_HEADER_BYTES - 4);
    this.reserve(length);
    bytes.copy(this.scratch, 0, start, start + 22);
    this.scratch.writeUInt32LE(length, 16);
    this.scratch.writeUInt32LE(count, 22);
    bytes.copy(this.scratch, EVENT_HEADER_BYTES, at, at + total);
    this.show(view, length);
  }

  clear(): void {
    this.enters.clear();
  }

  private remember(view: EventView): void {
    if (this.enters.size >= MAX_WAITING && !this.enters.has(view.tid)) this.enters.clear();
    this.enters.set(view.tid, new Uint8Array(view.block()));
  }

  private rewrite(view: EventView, plan: Plan): void {
    const old = view.block();
    const count = plan.sources.length;
    const kept = view.type === plan.target ? Math.min(view.paramCount, count) : 0;
    let entered: Params | null = null;
    if (plan.usesEnter) {
      const bytes = this.enters.get(view.tid);
      // An enter event of an old type is remembered as what it has become.
      const expected = SUCCESSORS.get(view.type - 1) ?? view.type - 1;
      if (bytes !== undefined && bytes[20] + 256 * bytes[21] === expected) entered = params(bytes);
      this.enters.delete(view.tid);
    }
    const given = params(old);
    const lengthBytes = (EVENTS[plan.target].flags & LARGE) !== 0 ? 4 : 2;
    // The new event goes to another place than the old one, which may lie in the scratch buffer itself.
    const out = Buffer.alloc(old.length + (entered?.bytes.length ?? 0) + EVENT_HEADER_BYTES + 12 * count);
    out.set(old.subarray(0, 16), 0);
    let at = EVENT_HEADER_BYTES + count * lengthBytes;
    for (let i = 0; i < count; i++) {
      const source = plan.sources[i];
      let length = 0;
      if (i < kept) length = copyParam(given, i, out, at, 0);
      else if (source.from === From.Old) length = copyParam(given, source.index, out, at, source.size);
      else if (source.from === From.Enter && entered !== null) length = copyParam(entered, source.index, out, at, source.size);
      else if (source.from === From.Zero || (source.from === From.Enter && source.needed)) {
        length = source.size;
        out.fill(source.fill, at, at + length);
      }
      if (lengthBytes === 2) out.writeUInt16LE(length, EVENT_HEADER_BYTES + 2 * i);
      else out.writeUInt32LE(length, EVENT_HEADER_BYTES + 4 * i);
      at += length;
    }
    this.take(view, out, at, plan.target, count);
  }

  /** The first container events had a parameter for each property. */
  private containerJson(view: EventView, target: number): void {
    const json = JSON.stringify({ id: view.str(0) ?? '', type: view.u32(1), name: view.str(2) ?? '', image: view.str(3) ?? '' });
    const text = Buffer.from(`${json}\0`);
    const out = Buffer.alloc(EVENT_HEADER_BYTES + 4 + text.length);
    out.set(view.block().subarray(0, 16), 0);
    out.writeUInt32LE(text.length, EVENT_HEADER_BYTES);
    text.copy(out, EVENT_HEADER_BYTES + 4);
    this.take(view, out, out.length, target, 1);
  }

  private take(view: EventView, event: Buffer, length: number, type: number, count: number): void {
    event.writeUInt32LE(length, 16);
    event.writeUInt16LE(type, 20);
    event.writeUInt32LE(count, 22);
    this.reserve(length);
    event.copy(this.scratch, 0, 0, length);
    this.show(view, length);
  }

  private show(view: EventView, length: number): void {
    view.attach(this.scratch.buffer, this.scratch.byteOffset, this.scratch.byteLength);
    view.bind(0, length);
  }

  private reserve(length: number): void {
    if (length > this.scratch.length) this.scratch = Buffer.alloc(length);
  }
}

interface Params {
  readonly bytes: Uint8Array;
  /** Beginning of each parameter, and the end of the last. */
  readonly starts: readonly number[];
}

/** Parameters of an event that was checked before. */
function params(bytes: Uint8Array): Params {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = data.getUint32(22, true);
  const lengthBytes = (EVENTS[data.getUint16(20, true)].flags & LARGE) !== 0 ? 4 : 2;
  const starts: number[] = [EVENT_HEADER_BYTES + count * lengthBytes];
  for (let i = 0; i < count; i++) {
    const at = EVENT_HEADER_BYTES + i * lengthBytes;
    starts.push(starts[i] + (lengthBytes === 2 ? data.getUint16(at, true) : data.getUint32(at, true)));
  }
  return { bytes, starts };
}

function copyParam(from: Params, index: number, out: Buffer, at: number, limit: number): number {
  if (index + 1 >= from.starts.length) return 0;
  const start = from.starts[index];
  let length = from.starts[index + 1] - start;
  if (limit !== 0 && length > limit) length = limit;
  out.set(from.bytes.subarray(start, start + length), at);
  return length;
}
