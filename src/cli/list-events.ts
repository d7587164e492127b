// SPDX-License-Identifier: Apache-2.0
/** `--list-events`: every event type with its parameters; and `-i`: the system calls that are ignored by default. */
import { EVENT_SCHEMA_VERSION } from '../app/versions.js';
import { type NamedValues, FLAG_SETS } from '../events/flags.js';
import { SYSCALLS } from '../events/syscalls.js';
import { EVENTS, type EventKind, type EventRow, OLD, type ParamRow, STATE, UNUSED } from '../events/table.js';
import type { CliOptions, ListFormat } from './options.js';
import { print } from './print.js';

const CATEGORIES: readonly (readonly [title: string, kind: EventKind])[] = [
  ['Syscall events', 'syscall'],
  ['Tracepoint events', 'tracepoint'],
  ['Plugin events', 'plugin'],
  ['Metaevents', 'meta'],
];

/** Codes without a number here whose calls arrive as another call's event, and tracepoints: no events by these names. */
const NO_EVENT = new Set([
  'sendfile64', 'ugetrlimit', 'stat64', 'lstat64', 'fstat64', 'fcntl64', 'mmap2', 'umount', '_llseek', 'setuid32', 'getuid32', 'setgid32',
  'geteuid32', 'getgid32', 'setresuid32', 'setresgid32', 'getresuid32', 'getresgid32', 'getegid32', 'na_1', 'recv', 'send',
  'sched_process_exit', 'sched_switch', 'page_fault_user', 'page_fault_kernel', 'signal_deliver',
]);

export const printEvents = (options: CliOptions): number => print(listEvents(options.format));

export const printIgnored = (): number => print(`Ignored syscall(s):\n${ignoredSyscalls().map((name) => `- ${name}\n`).join('')}\n`);

interface Listed {
  readonly name: string;
  readonly dir: '>' | '<';
  /** Not among those that are ignored by default. */
  readonly available: boolean;
  readonly params: readonly ParamRow[];
}

export function listEvents(format: ListFormat): string {
  const head = `The events below are valid for Falco *Schema Version*: ${EVENT_SCHEMA_VERSION}\n`;
  const categories = CATEGORIES.map(([title, kind]) => [title, eventsOf(kind)] as const);
  switch (format) {
    case 'text':
      return (
        head + categories.map(([title, events]) => `## ${title}\n\n${events.map((e) => `${e.dir} ${e.name}(${params(e, '')})\n`).join('')}\n`).join('')
      );
    case 'markdown':
      return (
        head +
        categories
          .map(([title, events]) => {
            const rows = events.map((e) => `${e.available ? 'Yes' : 'No'} | \`${e.dir}\` | \`${e.name}\` | ${params(e, '*')}\n`);
            return `## ${title}\n\nDefault | Dir | Name | Params \n:-------|:----|:-----|:-----\n${rows.join('')}\n`;
          })
          .join('')
      );
    case 'json':
      return `${JSON.stringify({ schema_version: EVENT_SCHEMA_VERSION, ...Object.fromEntries(categories.map(([title, events]) => [title, events.map(json)])) }, null, 2)}\n`;
    default:
      return format satisfies never;
  }
}

/** I/O system calls that no state depends on: watched only when a rule names them. */
export function ignoredSyscalls(): string[] {
  return [...new Set(EVENTS.filter((row) => row.kind === 'syscall' && (row.flags & OLD) === 0 && ignored(row)).map((row) => row.name))];
}

function ignored(row: EventRow): boolean {
  return (row.category === 'io_read' || row.category === 'io_write') && (row.flags & STATE) === 0;
}

function eventsOf(kind: EventKind): Listed[] {
  const listed: Listed[] = EVENTS.filter(
    (row) => row.kind === kind && (row.flags & (OLD | UNUSED)) === 0 && !row.key.startsWith('GENERIC'),
  ).map((row) => ({ name: row.name, dir: (row.type & 1) === 0 ? '>' : '<', available: !ignored(row), params: row.params }));
  if (kind !== 'syscall') return listed;
  // System calls without an event of their own arrive as the generic one.
  const generic = SYSCALLS.filter(({ exit, name }) => exit === 1 && !NO_EVENT.has(name)).flatMap(({ name }) =>
    (['>', '<'] as const).map((dir) => ({ name, dir, available: true, params: EVENTS[dir === '>' ? 0 : 1].params })),
  );
  return [...listed, ...generic];
}

const flagNames = (param: ParamRow): string[] | null =>
  param.flagSet === undefined || !/^(ENUM)?FLAGS/.test(param.type)
    ? null
    : (FLAG_SETS[param.flagSet] as NamedValues).map(([name]) => name);

function params(event: Listed, emphasis: string): string {
  return event.params
    .map((param) => {
      const flags = flagNames(param);
      const values = flags === null ? '' : `: ${flags.map((flag) => emphasis + flag + emphasis).join(', ')}`;
      return `${param.type} **${param.name}**${values}`;
    })
    .join(', ');
}

function json(event: Listed): unknown {
  return {
    available: event.available,
    dir: event.dir,
    name: event.name,
    params: event.params.map((param) => {
      const flags = flagNames(param);
      return { ...(flags !== null && { flags }), name: param.name, type: param.type };
    }),
  };
}
