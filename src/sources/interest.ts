// SPDX-License-Identifier: Apache-2.0
/**
 * Which system calls and tracepoints the kernel side has to report: what the rules match, what the state is kept from, and
 * what `base_syscalls` says instead.
 */
import { Ev } from '../events/ids.js';
import { SUCCESSORS } from '../events/successors.js';
import { SYSCALLS, type SyscallRow } from '../events/syscalls.js';
import { CREATES_FD, DESTROYS_FD, EVENTS, STATE, UNUSED } from '../events/table.js';

/** What the probe is told to report. */
export interface Interest {
  /** Native numbers, ascending. */
  readonly syscalls: readonly number[];
  /** Event types, ascending. */
  readonly tracepoints: readonly number[];
}

/** The same, with what is to be said about it. */
export interface Selection extends Interest {
  /** Calls that rules match but that are left out unless all events are asked for (`-A`). */
  readonly ignored: readonly string[];
  /** Calls that rules match and `base_syscalls.custom_set` takes away. */
  readonly removed: readonly string[];
  /** Calls that rules match and this architecture does not have, where no relative of theirs is there. */
  readonly unavailable: readonly string[];
  /** Calls that are reported for the sake of the state alone. */
  readonly forState: readonly string[];
  /** Names in `base_syscalls.custom_set` that no event has. */
  readonly invalid: readonly string[];
}

/** `base_syscalls` of falco.yaml. */
export interface BaseSyscalls {
  /** Names of calls, kept in the place of what the state needs; `!name`: taken away whoever wants it. */
  readonly custom_set: readonly string[];
  /** Keep what processes and the calls that are watched need, no more. */
  readonly repair: boolean;
  /** Report the frequent input and output calls too (`-A`). */
  readonly all: boolean;
}

export interface InterestOptions {
  readonly base?: Partial<BaseSyscalls>;
  /** Of the calls that have only the generic event: the names of those wanted. Without it, all of them. */
  readonly genericNames?: ReadonlySet<string>;
  /** Node's name of the architecture. */
  readonly arch?: string;
}

type Column = 'x86_64' | 'aarch64';

/** What can be reported: a system call, or a tracepoint by its event type. */
type Reported = SyscallRow | number;

/** As in the field: reported only when asked for, whatever the rules say. */
export const IGNORED_CALLS: ReadonlySet<string> = new Set([
  'read', 'write', 'pread', 'pread64', 'pwrite', 'pwrite64', 'readv', 'writev', 'preadv', 'pwritev', 'sendfile', 'send', 'recv',
]);

/** Flagged as changing the state in the table, but nothing that we keep depends on them. */
const NOT_NEEDED: ReadonlySet<string> = new Set(['mount', 'umount2', 'shutdown', 'getsockopt']);
/** Not flagged so, and they change the limit of descriptors or the capabilities. */
const NEEDED_TOO: ReadonlySet<string> = new Set(['setrlimit', 'prlimit64', 'unshare', 'setns']);

/** Tracepoints that the probe can report. */
const TRACEPOINTS: readonly number[] = [Ev.PROCEXIT_1_E, Ev.SCHEDSWITCH_6_E, Ev.SIGNALDELIVER_E, Ev.PAGE_FAULT_E];

/** What `base_syscalls.repair` keeps whatever is watched: who a process is, and what it runs. */
const REPAIR_PROCESS: ReadonlySet<string> = new Set([
  'clone', 'clone3', 'fork', 'vfork', 'execve', 'execveat', 'fchdir', 'chdir', 'chroot', 'capset', 'setgid', 'setpgid', 'setresgid', 'setresuid',
  'setsid', 'setuid', 'prctl',
]);
/** Where the network is watched; where connections are taken; where descriptors are used. */
const REPAIR_NETWORK: ReadonlySet<string> = new Set(['socket', 'getsockopt']);
const REPAIR_SERVER: ReadonlySet<string> = new Set(['bind']);
const REPAIR_DESCRIPTORS: ReadonlySet<string> = new Set(['close']);
const TAKES_CONNECTIONS: ReadonlySet<string> = new Set(['accept', 'accept4', 'listen']);
const USES_DESCRIPTORS: ReadonlySet<string> = new Set(['file', 'io_read', 'io_write', 'io_other']);

const isGeneric = (row: SyscallRow): boolean => row.exit === Ev.GENERIC_X;

/** Names by which events of a call, also its old ones, are known; a call without an event of its own has its own name. */
const EVENT_NAMES: ReadonlyMap<Reported, ReadonlySet<string>> = eventNames();

function eventNames(): Map<Reported, Set<string>> {
  const names = new Map<Reported, Set<string>>();
  for (const row of SYSCALLS) {
    const own = new Set<string>([row.name]);
    if (!isGeneric(row)) {
      for (const event of EVENTS) {
        if (event.kind === 'syscall' && event.type > Ev.GENERIC_X && (SUCCESSORS.get(event.type | 1) ?? event.type | 1) === row.exit) own.add(event.name);
      }
    }
    names.set(row, own);
  }
  for (const type of TRACEPOINTS) names.set(type, new Set([EVENTS[type].name]));
  return names;
}

function named(names: ReadonlySet<string>): Set<Reported> {
  const found = new Set<Reported>();
  for (const [one, own] of EVENT_NAMES) for (const name of own) if (names.has(name)) found.add(one);
  return found;
}

function stateSet(): Set<Reported> {
  const set = new Set<Reported>(TRACEPOINTS.filter(keepsState));
  for (const row of SYSCALLS) {
    if (NEEDED_TOO.has(row.name) || (!isGeneric(row) && keepsState(row.exit) && !NOT_NEEDED.has(row.name))) set.add(row);
  }
  return set;
}

/** Does the state depend on the call, as far as the table says? */
export function changesState(row: SyscallRow): boolean {
  return keepsState(row.exit) || NEEDED_TOO.has(row.name);
}

function keepsState(type: number): boolean {
  return (EVENTS[type].flags & (STATE | CREATES_FD | DESTROYS_FD)) !== 0;
}

/** The set with what makes sense of it added. */
function repaired(set: ReadonlySet<Reported>): Set<Reported> {
  const wanted = new Set(REPAIR_PROCESS);
  const add = (names: ReadonlySet<string>): void => {
    for (const name of names) wanted.add(name);
  };
  for (const one of set) {
    if (typeof one === 'number') continue;
    const category = EVENTS[one.exit].category;
    if (category === 'net') add(REPAIR_NETWORK);
    if (TAKES_CONNECTIONS.has(one.name)) add(REPAIR_SERVER);
    if (category === 'net' || USES_DESCRIPTORS.has(category)) add(REPAIR_DESCRIPTORS);
  }
  const result = new Set(set);
  for (const row of SYSCALLS) if (wanted.has(row.name)) result.add(row);
  return result;
}

function minus(set: ReadonlySet<Reported>, other: { has(one: Reported): boolean }): Set<Reported> {
  return new Set([...set].filter((one) => !other.has(one)));
}

const IGNORED = { has: (one: Reported): boolean => typeof one !== 'number' && IGNORED_CALLS.has(one.name) };

const NO_BASE: BaseSyscalls = { custom_set: [], repair: false, all: false };

/**
 * Falco's order: the rules' calls and the base set (the custom one, else what the state needs, else, with `repair`, the
 * least that makes sense); without what is negated and what is ignored; with `repair`, what a custom set lacks then. The end
 * of processes is always reported, or the state would grow for ever.
 */
function select(rules: ReadonlySet<Reported>, base: BaseSyscalls): Set<Reported> {
  const custom = base.custom_set.filter((name) => name !== '');
  const positive = named(new Set(custom.filter((name) => !name.startsWith('!'))));
  const negative = named(new Set(custom.filter((name) => name.startsWith('!')).map((name) => name.slice(1))));
  let selected = new Set([...rules, ...(positive.size > 0 ? positive : stateSet())]);
  if (base.repair && positive.size === 0) selected = repaired(rules);
  selected = minus(selected, negative);
  if (!base.all) selected = minus(selected, IGNORED);
  if (base.repair && custom.length > 0) selected = repaired(selected);
  return selected.add(Ev.PROCEXIT_1_E);
}

/** @param types event types that the rules can match, `Engine.eventTypesOf('syscall')` */
export function interestOf(types: ReadonlySet<number> | 'all', options: InterestOptions = {}): Selection {
  const column: Column = (options.arch ?? process.arch) === 'arm64' ? 'aarch64' : 'x86_64';
  const base = { ...NO_BASE, ...options.base };
  const rules = matchedByRules(types, options.genericNames);
  const selected = select(rules, base);
  const syscalls = new Set<number>();
  const tracepoints: number[] = [];
  for (const one of selected) {
    if (typeof one === 'number') tracepoints.push(one);
    else if (one[column] >= 0) syscalls.add(one[column]);
  }
  // A successful exec is reported by a tracepoint of its own.
  if (wantsExec(selected)) tracepoints.push(Ev.SYSCALL_EXECVE_19_X);
  // There a new child's return is not traced: a tracepoint writes its event.
  if (column === 'aarch64' && wantsChildren(selected)) tracepoints.push(Ev.SYSCALL_CLONE_20_X);
  const ignored = base.all ? [] : namesOf(rules, (one) => IGNORED.has(one) && !selected.has(one));
  return {
    syscalls: [...syscalls].sort((a, b) => a - b),
    tracepoints: tracepoints.sort((a, b) => a - b),
    ignored: types === 'all' ? [] : ignored,
    removed: types === 'all' ? [] : namesOf(rules, (one) => !selected.has(one) && !ignored.includes(nameOf(one))),
    unavailable: types === 'all' ? [] : namesOf(rules, (one) => selected.has(one) && lacks(one, column)),
    forState: namesOf(selected, (one) => !rules.has(one) && !lacks(one, column)),
    invalid: base.custom_set.map((name) => name.replace(/^!/, '')).filter((name) => name !== '' && named(new Set([name])).size === 0),
  };
}

const nameOf = (one: Reported): string => (typeof one === 'number' ? EVENTS[one].name : one.name);

function namesOf(set: ReadonlySet<Reported>, choose: (one: Reported) => boolean): string[] {
  return [...new Set([...set].filter(choose).map(nameOf))].sort();
}

function matchedByRules(types: ReadonlySet<number> | 'all', generic: ReadonlySet<string> | undefined): Set<Reported> {
  const has = (type: number): boolean => types === 'all' || types.has(type);
  const rules = new Set<Reported>(TRACEPOINTS.filter(has));
  for (const row of SYSCALLS) {
    if (isGeneric(row)) {
      if (generic === undefined ? has(row.exit) : generic.has(row.name)) rules.add(row);
    } else if (has(row.exit) || (has(row.enter) && isProduced(row.enter))) rules.add(row);
  }
  // A name may be that of a call's old event as well: rules on `accept` get accept4, too.
  if (types !== 'all') for (const type of types) if (SUCCESSORS.has(type)) addByExit(rules, SUCCESSORS.get(type)!);
  return rules;
}

/** Entries of new calls were never produced; nobody knows what a rule says of them. */
function isProduced(enter: number): boolean {
  return enter !== Ev.GENERIC_E && EVENTS[enter].kind !== 'none' && (EVENTS[enter].flags & UNUSED) === 0;
}

function addByExit(rules: Set<Reported>, exit: number): void {
  for (const row of SYSCALLS) if (row.exit === exit) rules.add(row);
}

/** Not there on this architecture, nor another call of the same event, as `umount` where there is only `umount2`. */
function lacks(one: Reported, column: Column): boolean {
  if (typeof one === 'number' || one[column] >= 0) return false;
  return isGeneric(one) || !SYSCALLS.some((other) => other.exit === one.exit && other[column] >= 0);
}

const MAKES_CHILDREN: ReadonlySet<number> = new Set([Ev.SYSCALL_CLONE_20_X, Ev.SYSCALL_FORK_20_X, Ev.SYSCALL_VFORK_20_X, Ev.SYSCALL_CLONE3_X]);

function wantsChildren(selected: ReadonlySet<Reported>): boolean {
  for (const one of selected) if (typeof one !== 'number' && MAKES_CHILDREN.has(one.exit)) return true;
  return false;
}

function wantsExec(selected: ReadonlySet<Reported>): boolean {
  for (const one of selected) {
    if (typeof one !== 'number' && (one.exit === Ev.SYSCALL_EXECVE_19_X || one.exit === Ev.SYSCALL_EXECVEAT_X)) return true;
  }
  return false;
}
