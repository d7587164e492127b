// SPDX-License-Identifier: Apache-2.0
/** Which system calls and tracepoints the kernel side has to report, from what the rules and the state need. */
import { Ev } from '../events/ids.js';
import { SYSCALLS, type SyscallRow } from '../events/syscalls.js';
import { CREATES_FD, DESTROYS_FD, EVENTS, STATE } from '../events/table.js';

export interface Interest {
  /** Native numbers, ascending. */
  readonly syscalls: readonly number[];
  /** Event types, ascending. */
  readonly tracepoints: readonly number[];
  /** Calls that rules match but that are left out unless all events are asked for (`-A`). */
  readonly ignored: readonly string[];
  /** Calls that rules match and this architecture does not have, where no relative of theirs is there. */
  readonly unavailable: readonly string[];
}

export interface InterestOptions {
  /** Report the frequent input and output calls too (`-A`). */
  readonly allEvents?: boolean;
  /** Of the calls that have only the generic event: those wanted, by portable code. Without it, all of them. */
  readonly genericCodes?: ReadonlySet<number>;
  /** Node's name of the architecture. */
  readonly arch?: string;
}

/** As in the field: reported only when asked for, whatever the rules say. */
export const IGNORED_CALLS: ReadonlySet<string> = new Set([
  'read', 'write', 'pread', 'pread64', 'pwrite', 'pwrite64', 'readv', 'writev', 'preadv', 'pwritev', 'sendfile', 'send', 'recv',
]);

/** Flagged as changing the state in the table, but nothing that we keep depends on them. */
const NOT_NEEDED: ReadonlySet<number> = new Set<number>([
  Ev.SOCKET_SENDTO_X, Ev.SOCKET_SENDMSG_X, Ev.SOCKET_SENDMMSG_X, Ev.SOCKET_RECVFROM_X, Ev.SOCKET_RECVMSG_X,
  Ev.SOCKET_RECVMMSG_X, Ev.SOCKET_GETSOCKOPT_X,
]);

/** Tracepoints that the probe can report. */
const TRACEPOINTS: readonly number[] = [Ev.PROCEXIT_1_E];

function keepsState(type: number): boolean {
  return (EVENTS[type].flags & (STATE | CREATES_FD | DESTROYS_FD)) !== 0 && !NOT_NEEDED.has(type);
}

/** @param types event types that the rules can match, `Engine.eventTypesOf('syscall')` */
export function interestOf(types: ReadonlySet<number> | 'all', options: InterestOptions = {}): Interest {
  const column = (options.arch ?? process.arch) === 'arm64' ? 'aarch64' : 'x86_64';
  const syscalls = new Set<number>();
  const ignored = new Set<string>();
  const unavailable: string[] = [];
  for (const row of SYSCALLS) {
    const forRules = matchesRules(row, types, options.genericCodes);
    const forState = row.exit !== Ev.GENERIC_X && keepsState(row.exit);
    if (!forRules && !forState) continue;
    if (options.allEvents !== true && IGNORED_CALLS.has(row.name)) {
      if (forRules && types !== 'all') ignored.add(row.name);
    } else if (row[column] >= 0) {
      syscalls.add(row[column]);
    } else if (forRules && types !== 'all' && row.exit !== Ev.GENERIC_X && !hasRelative(row, column)) {
      unavailable.push(row.name);
    }
  }
  const tracepoints = TRACEPOINTS.filter((type) => types === 'all' || types.has(type) || keepsState(type));
  // A successful exec is reported by a tracepoint of its own.
  if (wantsExec(syscalls, column)) tracepoints.push(Ev.SYSCALL_EXECVE_19_X);
  return {
    syscalls: [...syscalls].sort((a, b) => a - b),
    tracepoints: tracepoints.sort((a, b) => a - b),
    ignored: [...ignored].sort(),
    unavailable,
  };
}

function matchesRules(row: SyscallRow, types: ReadonlySet<number> | 'all', codes?: ReadonlySet<number>): boolean {
  if (row.exit === Ev.GENERIC_X && codes !== undefined) return codes.has(row.code);
  return types === 'all' || types.has(row.exit) || (row.enter !== Ev.GENERIC_E && types.has(row.enter));
}

/** Another call of the same event, as `umount` on an architecture that has only `umount2`. */
function hasRelative(row: SyscallRow, column: 'x86_64' | 'aarch64'): boolean {
  return SYSCALLS.some((other) => other.exit === row.exit && other[column] >= 0);
}

function wantsExec(syscalls: ReadonlySet<number>, column: 'x86_64' | 'aarch64'): boolean {
  return SYSCALLS.some((row) => (row.exit === Ev.SYSCALL_EXECVE_19_X || row.exit === Ev.SYSCALL_EXECVEAT_X) && syscalls.has(row[column]));
}
