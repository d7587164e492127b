// SPDX-License-Identifier: Apache-2.0
/**
 * What the kernel side may hold back, from the loaded rules: calls and opens that no rule can match and that change nothing
 * that the state keeps. A file whose opening is held back is told of when something reported uses its descriptor, so that
 * the state lacks nothing that an event can show.
 */
import type { PlanNode } from '../engine/plan.js';
import { Ev } from '../events/ids.js';
import { SYSCALLS, type SyscallRow } from '../events/syscalls.js';
import { CREATES_FD, EVENTS, type ParamRow } from '../events/table.js';
import { Held, type PathTest, type Sieve, type SievedCall } from '../sources/native-contract.js';
import { changesState } from '../sources/interest.js';
import { isTakenIn } from '../state/state.js';
import { type Facts, mayHold } from './necessary.js';
import { FAILED, OPEN_CLASSES, openFacts, resultFacts } from './open-classes.js';
import { either, isNone, NONE, type Paths } from './path-tests.js';
import { encodeText } from '../util/byte-text.js';

/** What rules come to for some event types: `compile` in the engine hands it over. */
export interface TypedConditions<E> {
  readonly types: readonly number[];
  readonly roots: readonly PlanNode<E>[];
}

export interface SieveInput<E> {
  readonly conditions: readonly TypedConditions<E>[];
  /** Names of all fields that conditions read. */
  readonly conditionFields: ReadonlySet<string>;
  /** Names of all fields that outputs print, as templates list them. */
  readonly printedFields: Iterable<string>;
  readonly arch?: string;
}

/** Fields whose values depend on which events are delivered: with one of them in a condition, nothing is held back. */
const SEES_ALL_EVENTS = /^evt\.(num|deltatime|around|latency|reltime|outputtime)\b/;
/** Fields that look at descriptors which the event does not name. */
const SEES_ALL_FDS = /\b(proc\.fdopencount|proc\.fdusage|thread\.fdopencount|fd\.types|fdlist\.|proc\.std(in|out|err)\.)/;

const OPENS: ReadonlyMap<number, number> = new Map<number, number>([
  [Ev.SYSCALL_OPEN_X, Held.Open],
  [Ev.SYSCALL_OPENAT_2_X, Held.OpenAt],
  [Ev.SYSCALL_OPENAT2_X, Held.OpenAt | Held.OpenHow],
]);

/** The state takes nothing from these when they fail: see their handlers in `state/handlers/`. */
const NOTHING_WHEN_FAILED: ReadonlySet<number> = new Set<number>([
  Ev.SYSCALL_CREAT_X, Ev.SYSCALL_OPEN_BY_HANDLE_AT_X, Ev.SYSCALL_CLOSE_X, Ev.SYSCALL_CLOSE_RANGE_X, Ev.SYSCALL_DUP_1_X,
  Ev.SYSCALL_DUP2_X, Ev.SYSCALL_DUP3_X, Ev.SYSCALL_FCNTL_X, Ev.SYSCALL_PIPE_X, Ev.SYSCALL_PIPE2_X, Ev.SYSCALL_MEMFD_CREATE_X,
  Ev.SYSCALL_PIDFD_OPEN_X, Ev.SYSCALL_PIDFD_GETFD_X, Ev.SYSCALL_EVENTFD_X, Ev.SYSCALL_EVENTFD2_X, Ev.SYSCALL_SIGNALFD_X,
  Ev.SYSCALL_SIGNALFD4_X, Ev.SYSCALL_TIMERFD_CREATE_X, Ev.SYSCALL_INOTIFY_INIT_X, Ev.SYSCALL_INOTIFY_INIT1_X,
  Ev.SYSCALL_USERFAULTFD_X, Ev.SYSCALL_IO_URING_SETUP_X, Ev.SYSCALL_EPOLL_CREATE_X, Ev.SYSCALL_EPOLL_CREATE1_X,
  Ev.SYSCALL_CHDIR_X, Ev.SYSCALL_FCHDIR_X, Ev.SYSCALL_GETCWD_X, Ev.SYSCALL_GETRLIMIT_X, Ev.SOCKET_SOCKET_X, Ev.SOCKET_BIND_X, Ev.SOCKET_SOCKETPAIR_X,
  Ev.SOCKET_ACCEPT_5_X, Ev.SOCKET_ACCEPT4_6_X, Ev.SOCKET_SENDTO_X, Ev.SOCKET_SENDMSG_X, Ev.SOCKET_SENDMMSG_X, Ev.SOCKET_RECVFROM_X,
  Ev.SOCKET_RECVMSG_X, Ev.SOCKET_RECVMMSG_X,
]);

/** Of what is sent and received, the state takes what it tells of the socket: see `native/bpf/told.h`. */
const MESSAGES: ReadonlyMap<number, number> = new Map<number, number>([
  [Ev.SOCKET_SENDTO_X, Held.Message],
  [Ev.SOCKET_SENDMSG_X, Held.Message],
  [Ev.SOCKET_RECVFROM_X, Held.Message | Held.Incoming],
  [Ev.SOCKET_RECVMSG_X, Held.Message | Held.Incoming | Held.Header],
]);

/** One that tells nothing new. Null: nothing is known of its descriptor. */
const REPEATED_MESSAGE: Facts = new Map([...resultFacts(false), ['fd.name_changed', { kind: 'values', values: [false, null] }]]);

/** Others after which the state may know something else of the socket. */
const SOCKETS: ReadonlySet<number> = new Set<number>([Ev.SOCKET_CONNECT_X, Ev.SOCKET_BIND_X, Ev.SOCKET_SENDMMSG_X, Ev.SOCKET_RECVMMSG_X]);

/** What succeeds is reported from elsewhere, or returns twice. */
const NOT_BY_RESULT: ReadonlySet<number> = new Set<number>([
  Ev.GENERIC_X, Ev.SYSCALL_EXECVE_19_X, Ev.SYSCALL_EXECVEAT_X, Ev.SYSCALL_CLONE_20_X, Ev.SYSCALL_CLONE3_X, Ev.SYSCALL_FORK_20_X,
  Ev.SYSCALL_VFORK_20_X,
]);

/** Arguments with descriptors of events that are written by hand, where it is not the first one alone. */
const BY_HAND: ReadonlyMap<number, number> = new Map<number, number>([
  [Ev.SYSCALL_OPEN_X, 0], [Ev.SYSCALL_CREAT_X, 0], [Ev.SYSCALL_PIPE_X, 0], [Ev.SYSCALL_PIPE2_X, 0], [Ev.SOCKET_SOCKETPAIR_X, 0],
  [Ev.SYSCALL_SENDFILE_X, 0b11], [Ev.SYSCALL_COPY_FILE_RANGE_X, 0b101], [Ev.SYSCALL_MMAP_X, 0b1_0000], [Ev.SYSCALL_MMAP2_X, 0b1_0000],
  [Ev.SYSCALL_LINKAT_2_X, 0b101], [Ev.SYSCALL_RENAMEAT2_X, 0b101],
]);

/** Null: nothing can be held back. */
export function deriveSieve<E>(input: SieveInput<E>): Sieve | null {
  if (seesAllEvents(input)) return null;
  const byType = new Map<number, readonly PlanNode<E>[]>();
  for (const { types, roots } of input.conditions) for (const type of types) byType.set(type, roots);
  const open = openSieve(byType, seesAllFds(input, byType));
  const column = (input.arch ?? process.arch) === 'arm64' ? 'aarch64' : 'x86_64';
  const failed = mayHappen(byType, resultFacts(true));
  const worked = mayHappen(byType, resultFacts(false));
  const repeated = mayHappen(byType, REPEATED_MESSAGE);
  const calls: SievedCall[] = [];
  for (const row of SYSCALLS) {
    if (row[column] < 0) continue;
    const call = { number: row[column], what: whatOf(row, byType, { failed, worked, repeated }), usesFds: descriptorsOf(row.exit) };
    if (call.what !== 0 || call.usesFds !== 0) calls.push(call);
  }
  return { calls, ...open };
}

/** Can a rule match an event of the type that …? */
interface Possible {
  readonly failed: (type: number) => boolean;
  readonly worked: (type: number) => boolean;
  /** … is a message and tells nothing new of its socket? */
  readonly repeated: (type: number) => boolean;
}

function whatOf<E>(row: SyscallRow, byType: ReadonlyMap<number, readonly PlanNode<E>[]>, { failed, worked, repeated }: Possible): number {
  const type = row.exit;
  let what = (EVENTS[type].flags & CREATES_FD) !== 0 ? Held.GivesFd : 0;
  if (type === Ev.SYSCALL_CLOSE_RANGE_X) what |= Held.CloseRange;
  if (SOCKETS.has(type)) what |= Held.Socket;
  const message = MESSAGES.get(type);
  if (message !== undefined) what |= message | (repeated(type) ? 0 : Held.Repeated);
  const opens = OPENS.get(type);
  if (opens !== undefined) return what | opens;
  if (byType.get(type) === undefined && byType.get(row.enter) === undefined) {
    if (type === Ev.SYSCALL_CLOSE_X) what |= Held.Close;
    if (type === Ev.SYSCALL_FCNTL_X) what |= Held.Fcntl;
  }
  if (NOT_BY_RESULT.has(type)) return what;
  // What is reported for the rules alone may tell the state something nevertheless: sizes of memory, a working directory.
  const tells = changesState(row) || isTakenIn(type);
  if (!failed(type) && (!tells || NOTHING_WHEN_FAILED.has(type))) what |= Held.Failed;
  if (!worked(type) && !tells) what |= Held.Succeeded;
  return what;
}

/** Can a rule match an event of the type, these facts given? */
function mayHappen<E>(byType: ReadonlyMap<number, readonly PlanNode<E>[]>, facts: Facts): (type: number) => boolean {
  const known = new Map<readonly PlanNode<E>[], boolean>();
  return (type) => {
    const roots = byType.get(type);
    if (roots === undefined) return false;
    let result = known.get(roots);
    if (result === undefined) {
      result = roots.some((root) => !isNone(mayHold(root, facts)));
      known.set(roots, result);
    }
    return result;
  };
}

function seesAllEvents<E>({ conditionFields, conditions }: SieveInput<E>): boolean {
  if (![...conditionFields].some((name) => SEES_ALL_EVENTS.test(name))) return false;
  const seen = new Set<PlanNode<E>>();
  const visit = (node: PlanNode<E>): boolean => {
    if (seen.has(node)) return false;
    seen.add(node);
    if (node.kind === 'not') return visit(node.child);
    if (node.kind === 'and' || node.kind === 'or') return node.children.some(visit);
    if (node.kind !== 'check') return false;
    if (![...node.left.fields, ...(node.right?.fields ?? [])].some((name) => SEES_ALL_EVENTS.test(name))) return false;
    // `evt.num = 0` is how rules say never.
    return !(node.left.key === 'evt.num' && node.right === null && node.constants.length > 0 && node.constants.every((constant) => constant === 0));
  };
  return conditions.some(({ roots }) => roots.some(visit));
}

/** Where rules or outputs look at other descriptors than the event's, files that are open must be known. */
function seesAllFds<E>({ conditionFields, printedFields }: SieveInput<E>, byType: ReadonlyMap<number, unknown>): boolean {
  for (const name of conditionFields) if (SEES_ALL_FDS.test(name)) return true;
  for (const name of printedFields) if (SEES_ALL_FDS.test(name)) return true;
  return [...byType.keys()].some((type) => EVENTS[type].params.some((param) => param.type === 'FDLIST'));
}

function openSieve<E>(byType: ReadonlyMap<number, readonly PlanNode<E>[]>, allFds: boolean): Pick<Sieve, 'anyPath' | 'somePaths' | 'paths'> {
  const roots = new Set<PlanNode<E>>();
  for (const type of OPENS.keys()) for (const root of byType.get(type) ?? []) roots.add(root);
  let anyPath = 0;
  let somePaths = 0;
  const paths = new Map<string, { readonly test: PathTest; readonly text: string; classes: number }>();
  for (let openClass = 0; openClass < OPEN_CLASSES; openClass++) {
    const found = allFds && (openClass & FAILED) === 0 ? 'any' : pathsThatMatter(roots, openClass);
    const bit = 1 << openClass;
    if (found === 'any') anyPath |= bit;
    else if (found.size > 0) somePaths |= bit;
    if (found === 'any') continue;
    for (const [key, { test, text }] of found) {
      const path = paths.get(key) ?? { test, text, classes: 0 };
      path.classes |= bit;
      paths.set(key, path);
    }
  }
  return { anyPath, somePaths, paths: [...paths.values()].map(({ test, text, classes }) => ({ test, text: encodeText(text), classes })) };
}

function pathsThatMatter<E>(roots: Iterable<PlanNode<E>>, openClass: number): Paths {
  const facts = openFacts(openClass);
  let found: Paths = NONE;
  for (const root of roots) {
    found = either(found, mayHold(root, facts));
    if (found === 'any') break;
  }
  return found;
}

const ARGUMENT = /^[su]32\((\d)\)$/;

/** Which arguments of the call an event shows as descriptors. */
function descriptorsOf(type: number): number {
  const { params } = EVENTS[type];
  const isFd = (param: ParamRow): boolean => param.type === 'FD';
  if (!params.some(isFd)) return 0;
  let bits = 0;
  for (const param of params) {
    const argument = isFd(param) ? ARGUMENT.exec(param.from ?? '') : null;
    if (argument !== null) bits |= 1 << Number(argument[1]);
  }
  // With a source for each parameter, the event is made from the table.
  if (params.every((param) => param.from !== undefined)) return bits;
  return BY_HAND.get(type) ?? 1;
}

