// SPDX-License-Identifier: Apache-2.0
/** `thread.*`, and what the first three descriptors of a process are. Part of the class `process`. */
import type { EventView } from '../events/event-view.js';
import { typeName } from '../events/fd-text.js';
import { Ev } from '../events/ids.js';
import { capabilityNames } from '../events/names.js';
import type { FieldArgument, FieldDef, FieldReader } from '../lang/catalogue.js';
import { canonicalInt } from '../lang/value.js';
import type { FdInfo } from '../state/fd-info.js';
import type { ThreadInfo } from '../state/thread-info.js';
import { field, fieldWith } from './catalogue.js';
import type { FieldContext } from './context.js';
import { fdsOf, ofThread } from './of-thread.js';
import { cgroupOf } from './process-text.js';

type Reader = FieldReader<EventView>;
type Field = FieldDef<EventView>;

/**
 * Nanoseconds that the thread that gives up a processor has had it: since the last switch there that this use of the field
 * has seen. 0 for events other than a switch.
 */
function execTime(): (e: EventView) => bigint {
  const lastSwitch: bigint[] = [];
  let lastNum = -1;
  let lastTime = 0n;
  return (e) => {
    if (e.type !== Ev.SCHEDSWITCH_6_E) return 0n;
    if (e.num !== lastNum) {
      const now = e.timestamp();
      lastTime = now - (lastSwitch[e.cpu] ?? now);
      lastSwitch[e.cpu] = now;
      lastNum = e.num;
    }
    return lastTime;
  };
}

function totalExecTime(): Reader {
  const own = execTime();
  const totals = new WeakMap<ThreadInfo, bigint>();
  let lastNum = -1;
  return (e) => {
    if (e.thread === null) return null;
    const before = totals.get(e.thread) ?? 0n;
    if (e.num === lastNum || e.type !== Ev.SCHEDSWITCH_6_E) return canonicalInt(before);
    lastNum = e.num;
    const total = before + own(e);
    totals.set(e.thread, total);
    return canonicalInt(total);
  };
}

/** Processor use out of `procinfo` events, which only old captures have: at most 100. */
function cpuUse(user: boolean, system: boolean): Reader {
  const last = new WeakMap<ThreadInfo, number>();
  return (e) => {
    if (e.type !== Ev.PROCINFO_E || e.thread === null) return null;
    const now = (user ? Number(e.u64(0)) : 0) + (system ? Number(e.u64(1)) : 0);
    const before = last.get(e.thread) ?? 0;
    last.set(e.thread, now);
    return before === 0 ? 0 : Math.min(100, now - before);
  };
}

function cgroupReader(argument: FieldArgument | null): Reader | string {
  if (argument === null || !/^[A-Za-z_]+$/.test(argument.text)) return 'the name of a controller is needed: thread.cgroup.memory';
  return ofThread((thread) => cgroupOf(thread, argument.text));
}

const ofMain = (read: (thread: ThreadInfo) => number): Reader => ofThread((thread) => (thread.isMain ? read(thread) : 0));

export type ThreadFieldGroup = 'capabilities' | 'identity' | 'usage';

/** In three groups, because they stand between those of the process in the list. */
export function threadFields(group: ThreadFieldGroup, _context: FieldContext): readonly Field[] {
  const unlisted = { unlisted: true };
  switch (group) {
    case 'capabilities':
      return [
        field('thread.cap_permitted', 'CHARBUF', 'Permitted capabilities by name.', ofThread((thread) => capabilityNames(thread.capPermitted))),
        field('thread.cap_inheritable', 'CHARBUF', 'Inheritable capabilities by name.', ofThread((thread) => capabilityNames(thread.capInheritable))),
        field('thread.cap_effective', 'CHARBUF', 'Effective capabilities by name.', ofThread((thread) => capabilityNames(thread.capEffective))),
      ];
    // biome-ignore format: one line a field
    case 'identity': {
      const exec = execTime();
      return [
        field('thread.pfmajor', 'UINT64', 'Major page faults since the thread began.', ofThread((thread) => thread.pgftMajor)),
        field('thread.pfminor', 'UINT64', 'Minor page faults since the thread began.', ofThread((thread) => thread.pgftMinor)),
        field('thread.tid', 'INT64', 'Thread id.', (e) => e.tid),
        field('thread.ismain', 'BOOL', 'True for the main thread of a process.', ofThread((thread) => thread.isMain)),
        field('thread.vtid', 'INT64', 'Thread id in its own pid namespace.', ofThread((thread) => (thread.vtid === -1 ? null : thread.vtid))),
        field('thread.nametid', 'CHARBUF', 'Name and thread id in one text.', (e) => (e.thread === null ? null : `${e.thread.comm}${e.tid}`), unlisted),
        field('thread.exectime', 'RELTIME', 'For a switch: nanoseconds that the thread has had the processor; otherwise 0.', (e) => canonicalInt(exec(e))),
        field('thread.totexectime', 'RELTIME', 'Sum of thread.exectime over the switches seen.', totalExecTime()),
        field('thread.cgroups', 'CHARBUF', 'All cgroups of the thread: `controller=path`, separated by spaces.', ofThread((thread) => (thread.cgroups.length === 0 ? null : thread.cgroups.join(' ')))),
        fieldWith('thread.cgroup', 'CHARBUF', 'Cgroup of one controller: `thread.cgroup.memory`.', { required: true, index: true, key: true }, cgroupReader),
      ];
    }
    case 'usage':
      return [
        field('thread.cpu', 'DOUBLE', 'Processor use in per cent; only old captures have it.', cpuUse(true, true)),
        field('thread.cpu.user', 'DOUBLE', 'The same, in user mode.', cpuUse(true, false)),
        field('thread.cpu.system', 'DOUBLE', 'The same, in the kernel.', cpuUse(false, true)),
        field('thread.vmsize', 'UINT64', 'Virtual memory in kB, for main threads; 0 for others.', ofMain((thread) => thread.vmSizeKb)),
        field('thread.vmrss', 'UINT64', 'Resident memory in kB, for main threads; 0 for others.', ofMain((thread) => thread.vmRssKb)),
        field('thread.vmsize.b', 'UINT64', 'thread.vmsize in bytes.', ofMain((thread) => thread.vmSizeKb * 1024), unlisted),
        field('thread.vmrss.b', 'UINT64', 'thread.vmrss in bytes.', ofMain((thread) => thread.vmRssKb * 1024), unlisted),
      ];
    default: {
      const never: never = group;
      return never;
    }
  }
}

const STREAMS = ['stdin', 'stdout', 'stderr'] as const;

export function standardStreamFields(): readonly Field[] {
  const of = (fd: number, read: (info: FdInfo) => string): Reader => ofThread((thread) => {
    const info = fdsOf(thread).get(fd);
    return info === undefined ? null : read(info);
  });
  return [
    ...STREAMS.map((name, fd) => field<EventView>(`proc.${name}.type`, 'CHARBUF', `Kind of descriptor ${fd} (${name}): fd.type of it.`, of(fd, typeName))),
    ...STREAMS.map((name, fd) => field<EventView>(`proc.${name}.name`, 'CHARBUF', `Name of descriptor ${fd} (${name}): fd.name of it.`, of(fd, (info) => info.name))),
  ];
}
