// SPDX-License-Identifier: Apache-2.0
/** `proc.*`: the process that the event happened in, and its ancestors. `process` is the class of these and `thread.*`. */
import type { EventView } from '../events/event-view.js';
import type { FieldArgument, FieldClass, FieldDef, FieldReader } from '../lang/catalogue.js';
import { canonicalInt, type FieldType, type Scalar, type Value } from '../lang/value.js';
import type { ThreadInfo } from '../state/thread-info.js';
import { ancestorValues, parentOf } from './ancestors.js';
import { field, fieldWith } from './catalogue.js';
import type { FieldContext, ThreadLookup } from './context.js';
import { ofThread } from './of-thread.js';
import {
  argsLength, argsText, commandLine, environmentText, environmentValue, exeLine,
} from './process-text.js';
import { standardStreamFields, threadFields } from './thread.js';

type Reader = FieldReader<EventView>;
type Field = FieldDef<EventView>;

const timeOrNull = (time: bigint): Value => (time === 0n ? null : canonicalInt(time));
const orNull = (value: number | bigint): Value => (value === 0 || value === 0n ? null : value);

const OPTIONAL_INDEX = { required: false, index: true, key: false };
const OPTIONAL_KEY = { required: false, index: true, key: true };

interface AncestorOptions {
  /** What an output without an index prints; all ancestors in one text unless said. */
  readonly printed?: 'self';
  /** A condition without an index looks at the one text instead of at each ancestor. */
  readonly joinedInCondition?: boolean;
}

/**
 * A field about one of the ancestors, `[0]` being the process itself. Without an index, an output prints all of them in one
 * text and a condition holds when one of them fits.
 */
function ancestorField(
  threads: ThreadLookup, name: string, type: FieldType, desc: string, read: (thread: ThreadInfo) => Scalar,
  options: AncestorOptions = {},
): Field {
  const one = (argument: FieldArgument | null): Reader | null => {
    if (argument?.index == null) return null;
    const generation = argument.index;
    return ofThread((thread) => {
      const found = threads.ancestor(thread, generation);
      return found === null ? null : read(found);
    });
  };
  const joined = ofThread((thread) => {
    if (options.printed === 'self') return thread.leader === null ? null : read(thread.leader);
    // Empty ones at the beginning leave no space behind.
    let text = '';
    for (const value of ancestorValues(threads, thread, read) ?? []) text = text === '' ? String(value) : `${text} ${value}`;
    return text === '' ? null : text;
  });
  const bind = (argument: FieldArgument | null): Reader | string => indexed(argument, one) ?? joined;
  if (options.joinedInCondition === true) return fieldWith(name, type, desc, OPTIONAL_INDEX, bind);
  return fieldWith(name, type, desc, OPTIONAL_INDEX, bind, {
    noTransformer: true,
    constantsOnly: true,
    inCondition: {
      notEqual: 'one',
      bind: (argument) =>
        argument === null ? (e) => (e.thread === null ? null : ancestorValues(threads, e.thread, read)) : null,
    },
  });
}

function indexed(argument: FieldArgument | null, bind: (argument: FieldArgument | null) => Reader | null): Reader | string | null {
  if (argument === null) return null;
  return bind(argument) ?? `the number of a generation is needed, not '${argument.text}'`;
}

function parentField(
  threads: ThreadLookup, name: string, type: FieldType, desc: string, read: (thread: ThreadInfo, event: EventView) => Value,
): Field {
  return field(name, type, desc, ofThread((thread, event) => {
    const parent = threads.ancestor(thread, 1);
    return parent === null ? null : read(parent, event);
  }));
}

/** Fields about who leads the session or group; empty when it is not known. */
function leaderFields(
  threads: ThreadLookup, prefix: string, names: readonly [comm: string, exe: string, exepath: string], what: string,
  key: 'sid' | 'vpgid' | 'pgid',
): readonly Field[] {
  const about = (name: string, desc: string, read: (thread: ThreadInfo) => string): Field =>
    field(name, 'CHARBUF', desc, ofThread((thread) => {
      const leader = threads.leaderOf(thread, key);
      return leader === null ? '' : read(leader);
    }));
  return [
    field(prefix, 'INT64', `Id of the ${what}.`, ofThread((thread) => thread[key])),
    about(names[0], `Name of the leader of the ${what}.`, (thread) => thread.comm),
    about(names[1], `First argument (argv[0]) of the leader of the ${what}.`, (thread) => thread.exe),
    about(names[2], `Path of the executable of the leader of the ${what}.`, (thread) => thread.exepath),
  ];
}

function argsField(): Field {
  return fieldWith('proc.args', 'CHARBUF', 'Arguments without argv[0]; `[n]` is one of them.', OPTIONAL_INDEX, (argument) => {
    if (argument === null) return ofThread(argsText);
    if (argument.index === null) return `the number of an argument is needed, not '${argument.text}'`;
    const index = argument.index;
    return ofThread((thread) => thread.args[index] ?? '');
  });
}

function environmentField(): Field {
  return fieldWith('proc.env', 'CHARBUF', 'Environment; `[NAME]` is the value of one variable.', OPTIONAL_KEY, (argument) => {
    if (argument === null || argument.index !== null) return ofThread(environmentText);
    return ofThread((thread) => environmentValue(thread, argument.text));
  });
}

/** How far up `proc.aenv[NAME]` looks. */
const MAX_ENV_GENERATIONS = 20;

function ancestorEnvironmentField(threads: ThreadLookup): Field {
  const all = ofThread(environmentText);
  const bind = (argument: FieldArgument | null): Reader => {
    if (argument === null || argument.index === 0) return all;
    if (argument.index !== null) {
      const generation = argument.index;
      return ofThread((thread) => {
        let at = thread.leader;
        if (at === null) return '';
        for (let i = 0; at !== null && i < generation; i++) at = threads.get(at.ptid) ?? null;
        return at === null ? null : environmentText(at);
      });
    }
    return ofThread((thread) => {
      let at = thread.leader;
      for (let steps = 1; at !== null && steps <= MAX_ENV_GENERATIONS; steps++) {
        at = parentOf(threads, at, steps);
        const value = at === null ? '' : environmentValue(at, argument.text);
        if (value !== '') return value;
      }
      return '';
    });
  };
  return fieldWith(
    'proc.aenv', 'CHARBUF',
    'Environment of an ancestor, `[n]`; `[NAME]` is the nearest ancestor\'s value of a variable. A condition without either looks at all ancestors.',
    OPTIONAL_KEY, bind,
    {
      noTransformer: true,
      constantsOnly: true,
      inCondition: {
        notEqual: 'one',
        bind: (argument) =>
          argument === null ? (e) => (e.thread === null ? null : ancestorValues(threads, e.thread, environmentText)) : null,
      },
    },
  );
}

/** The farthest ancestor in an unbroken look upwards whose name ends like a shell's. */
function loginShell(threads: ThreadLookup, thread: ThreadInfo): number | null {
  let found: number | null = null;
  let steps = 0;
  for (let at = thread.leader; at !== null; at = parentOf(threads, at, ++steps)) if (at.comm.endsWith('sh')) found = at.pid;
  return found;
}

function openDescriptors(thread: ThreadInfo): number {
  return thread.leader?.fds.size ?? 0;
}

function descriptorUsage(thread: ThreadInfo): number {
  const limit = Number(thread.leader?.fdLimit ?? 0);
  if (limit <= 0) return 0;
  return Math.min(100, (openDescriptors(thread) * 100) / limit);
}

/** `leader` counts only while it lives. */
function otherThreads(threads: ThreadLookup, thread: ThreadInfo): number {
  const count = threads.threadCount(thread.pid);
  return thread.leader !== null && !thread.leader.dead ? Math.max(0, count - 1) : count;
}

export function processClass(context: FieldContext): FieldClass<EventView> {
  const { threads } = context;
  const comm = (thread: ThreadInfo): string => thread.comm;
  const exe = (thread: ThreadInfo): string => thread.exe;
  const exepath = (thread: ThreadInfo): string => thread.exepath;
  const [sidField, sidName, sidExe, sidExepath] = leaderFields(threads, 'proc.sid', ['proc.sname', 'proc.sid.exe', 'proc.sid.exepath'], 'session', 'sid');
  // biome-ignore format: one line a field
  const fields: readonly Field[] = [
    field('proc.exe', 'CHARBUF', 'First argument of the command line (argv[0]).', ofThread(exe)),
    parentField(threads, 'proc.pexe', 'CHARBUF', 'proc.exe of the parent.', exe),
    ancestorField(threads, 'proc.aexe', 'CHARBUF', 'proc.exe of an ancestor: [1] is the parent. A condition without a number looks at all of them.', exe),
    field('proc.exepath', 'CHARBUF', 'Path of the executable, as the kernel resolved it.', ofThread(exepath)),
    parentField(threads, 'proc.pexepath', 'CHARBUF', 'proc.exepath of the parent.', exepath),
    ancestorField(threads, 'proc.aexepath', 'CHARBUF', 'proc.exepath of an ancestor: [1] is the parent. A condition without a number looks at all of them.', exepath),
    field('proc.name', 'CHARBUF', 'Name of the process (comm), at most 15 characters.', ofThread(comm)),
    parentField(threads, 'proc.pname', 'CHARBUF', 'proc.name of the parent.', comm),
    ancestorField(threads, 'proc.aname', 'CHARBUF', 'proc.name of an ancestor: [1] is the parent. A condition without a number looks at all of them.', comm),
    argsField(),
    ancestorField(threads, 'proc.aargs', 'CHARBUF', 'proc.args of an ancestor: [1] is the parent.', argsText, { joinedInCondition: true }),
    field('proc.cmdline', 'CHARBUF', 'Name and arguments: proc.name, then proc.args.', ofThread(commandLine)),
    parentField(threads, 'proc.pcmdline', 'CHARBUF', 'proc.cmdline of the parent.', commandLine),
    ancestorField(threads, 'proc.acmdline', 'CHARBUF', 'proc.cmdline of an ancestor: [1] is the parent. A condition without a number looks at all of them.', commandLine),
    field('proc.cmdnargs', 'UINT64', 'Number of arguments, argv[0] not counted.', ofThread((thread) => thread.args.length)),
    field('proc.cmdlenargs', 'UINT64', 'Bytes of all arguments together, without the spaces between them.', ofThread(argsLength)),
    field('proc.exeline', 'CHARBUF', 'proc.exe, then proc.args.', ofThread(exeLine)),
    environmentField(),
    ancestorEnvironmentField(threads),
    field('proc.cwd', 'CHARBUF', 'Working directory, with a slash at its end.', ofThread((thread) => thread.cwd)),
    field('proc.loginshellid', 'INT64', 'Process id of the oldest shell among the process and its ancestors.', ofThread((thread) => loginShell(threads, thread))),
    field('proc.tty', 'UINT32', 'Controlling terminal as a device number; 0: none.', ofThread((thread) => thread.tty)),
    field('proc.pid', 'INT64', 'Process id.', ofThread((thread) => thread.pid)),
    parentField(threads, 'proc.ppid', 'INT64', 'Process id of the parent.', (thread) => thread.pid),
    ancestorField(threads, 'proc.apid', 'INT64', 'Process id of an ancestor: [1] is the parent. A condition without a number looks at all of them.', (thread) => thread.pid, { printed: 'self' }),
    field('proc.vpid', 'INT64', 'Process id in its own pid namespace.', ofThread((thread) => (thread.vpid === -1 ? null : thread.vpid))),
    field('proc.pvpid', 'INT64', 'proc.vpid of the parent.', ofThread((thread) => threads.get(thread.ptid)?.vpid ?? null)),
    sidField, sidName, sidExe, sidExepath,
    ...leaderFields(threads, 'proc.vpgid', ['proc.vpgid.name', 'proc.vpgid.exe', 'proc.vpgid.exepath'], 'process group, in its own pid namespace', 'vpgid'),
    ...leaderFields(threads, 'proc.pgid', ['proc.pgid.name', 'proc.pgid.exe', 'proc.pgid.exepath'], 'process group, as the host sees it', 'pgid'),
    field('proc.duration', 'RELTIME', 'Nanoseconds since the process began.', ofThread((thread, e) => (thread.cloneTs === 0n ? null : canonicalInt(e.timestamp() - thread.cloneTs)))),
    parentField(threads, 'proc.ppid.duration', 'RELTIME', 'Nanoseconds since the parent began.', (thread, e) => (thread.cloneTs === 0n ? null : canonicalInt(e.timestamp() - thread.cloneTs))),
    field('proc.pid.ts', 'RELTIME', 'When the process began, nanoseconds since the epoch.', ofThread((thread) => timeOrNull(thread.cloneTs))),
    field('proc.ppid.ts', 'RELTIME', 'When the parent began, nanoseconds since the epoch.', ofThread((thread) => {
      const parent = threads.get(thread.ptid);
      return parent === undefined ? null : canonicalInt(parent.cloneTs);
    })),
    field('proc.is_exe_writable', 'BOOL', 'True when the user that runs it may write the executable.', ofThread((thread) => thread.exeWritable)),
    field('proc.is_exe_upper_layer', 'BOOL', 'True when the executable lies in the upper layer of an overlay: it is not part of the image.', ofThread((thread) => thread.exeUpperLayer)),
    field('proc.is_exe_lower_layer', 'BOOL', 'True when the executable lies in a lower layer of an overlay.', ofThread((thread) => thread.exeLowerLayer)),
    field('proc.is_exe_from_memfd', 'BOOL', 'True when the executable is a memfd, so that there is no file of it.', ofThread((thread) => thread.exeFromMemfd)),
    field('proc.is_sid_leader', 'BOOL', 'True for the leader of a session.', ofThread((thread) => thread.sid === thread.vpid)),
    field('proc.is_vpgid_leader', 'BOOL', 'True for the leader of a process group, in its own pid namespace.', ofThread((thread) => thread.vpgid === thread.vpid)),
    field('proc.is_pgid_leader', 'BOOL', 'True for the leader of a process group, as the host sees it.', ofThread((thread) => thread.pgid === thread.pid)),
    field('proc.exe_ino', 'INT64', 'Inode of the executable.', ofThread((thread) => orNull(thread.exeIno))),
    field('proc.exe_ino.ctime', 'ABSTIME', 'When the inode of the executable was changed last.', ofThread((thread) => orNull(thread.exeInoCtime))),
    field('proc.exe_ino.mtime', 'ABSTIME', 'When the content of the executable was changed last.', ofThread((thread) => orNull(thread.exeInoMtime))),
    field('proc.exe_ino.ctime_duration_proc_start', 'ABSTIME', 'Nanoseconds from the last change of the executable to the start of the process.', ofThread((thread) => orNull(thread.exeInoCtimeDurationCloneTs))),
    field('proc.exe_ino.ctime_duration_pidns_start', 'ABSTIME', 'Nanoseconds from the start of the pid namespace to the last change of the executable.', ofThread((thread) => orNull(thread.exeInoCtimeDurationPidnsStart))),
    field('proc.pidns_init_start_ts', 'UINT64', 'When the init of the pid namespace began.', ofThread((thread) => timeOrNull(thread.pidnsInitStartTs))),
    ...threadFields('capabilities', context),
    field('proc.fdopencount', 'UINT64', 'Open descriptors of the process.', ofThread(openDescriptors)),
    field('proc.fdlimit', 'INT64', 'How many descriptors the process may open.', ofThread((thread) => thread.leader?.fdLimit ?? 0)),
    field('proc.fdusage', 'DOUBLE', 'Open descriptors in per cent of what is allowed.', ofThread(descriptorUsage)),
    field('proc.vmsize', 'UINT64', 'Virtual memory in kB.', ofThread((thread) => thread.vmSizeKb)),
    field('proc.vmrss', 'UINT64', 'Resident memory in kB.', ofThread((thread) => thread.vmRssKb)),
    field('proc.vmswap', 'UINT64', 'Swapped memory in kB.', ofThread((thread) => thread.vmSwapKb)),
    ...threadFields('identity', context),
    field('proc.nthreads', 'UINT64', 'Live threads of the process.', ofThread((thread) => threads.threadCount(thread.pid))),
    field('proc.nchilds', 'UINT64', 'Live threads of the process beside the main one.', ofThread((thread) => otherThreads(threads, thread))),
    ...threadFields('usage', context),
    ...standardStreamFields(),
  ];
  return { name: 'process', desc: 'The process and thread of the event, and their ancestors.', fields };
}
