// SPDX-License-Identifier: Apache-2.0
/** What the state knows while a capture is replayed, beside what real Falco said of the same events. */
import { describe, expect, it } from 'vitest';
import type { EventView } from '../../src/events/event-view.js';
import { CREATES_FD, DESTROYS_FD, EVENTS, USES_FD } from '../../src/events/table.js';
import { FdFlag, type FdInfo } from '../../src/state/fd-info.js';
import type { State } from '../../src/state/state.js';
import type { ThreadInfo } from '../../src/state/thread-info.js';
import { expectedFields, RECORDINGS, replay } from './corpus.js';

type Reader = (view: EventView, state: State) => unknown;

/** Whether there is a descriptor to tell of (a failed open names a file, too) is for the fields to say. */
const NOT_OURS = Symbol('not told by the state');
const ofThread = (read: (thread: ThreadInfo, state: State) => unknown): Reader => (view, state) =>
  view.thread === null ? null : read(view.thread, state);
const isFdEvent = (view: EventView) => (EVENTS[view.type].flags & (CREATES_FD | USES_FD | DESTROYS_FD)) !== 0;
const ofFd = (read: (fd: FdInfo, state: State) => unknown): Reader => (view, state) =>
  view.thread !== null && isFdEvent(view) && view.fd !== null ? read(view.fd, state) : NOT_OURS;
const ancestor = (n: number, read: (thread: ThreadInfo) => unknown): Reader =>
  ofThread((t, state) => {
    const a = state.threads.ancestor(t, n);
    return a === null ? null : read(a);
  });
const leader = (key: 'sid' | 'pgid' | 'vpgid', read: (thread: ThreadInfo) => unknown): Reader =>
  ofThread((t, state) => {
    const found = state.threads.leaderOf(t, key);
    return found === null ? '' : read(found);
  });
const num = (value: number | bigint) => Number(value);
const cmdline = (t: ThreadInfo) => [t.comm, ...t.args].join(' ');

const READERS: Readonly<Record<string, Reader>> = {
  'thread.tid': (view) => view.tid,
  'thread.vtid': ofThread((t) => (t.vtid === -1 ? null : t.vtid)),
  'proc.pid': ofThread((t) => t.pid),
  'proc.vpid': ofThread((t) => (t.vpid === -1 ? null : t.vpid)),
  'proc.name': ofThread((t) => t.comm),
  'proc.exe': ofThread((t) => t.exe),
  'proc.exepath': ofThread((t) => t.exepath),
  'proc.args': ofThread((t) => t.args.join(' ')),
  'proc.cmdline': ofThread(cmdline),
  'proc.env': ofThread((t) => t.env.join(' ')),
  'proc.cwd': ofThread((t) => t.cwd),
  'proc.sid': ofThread((t) => t.sid),
  'proc.pgid': ofThread((t) => t.pgid),
  'proc.vpgid': ofThread((t) => t.vpgid),
  'proc.tty': ofThread((t) => t.tty),
  'proc.exe_ino': ofThread((t) => (t.exeIno === 0 ? null : num(t.exeIno))),
  'proc.is_exe_writable': ofThread((t) => t.exeWritable),
  'proc.is_exe_upper_layer': ofThread((t) => t.exeUpperLayer),
  'proc.is_exe_lower_layer': ofThread((t) => t.exeLowerLayer),
  'proc.is_exe_from_memfd': ofThread((t) => t.exeFromMemfd),
  'proc.vmsize': ofThread((t) => t.vmSizeKb),
  'proc.vmrss': ofThread((t) => t.vmRssKb),
  'proc.fdopencount': ofThread((t) => t.leader?.fds.size ?? 0),
  'proc.nthreads': ofThread((t) => t.group?.alive ?? 0),
  'proc.nchilds': ofThread((t) => t.group === null ? 0 : Math.max(0, t.group.alive - (t.leader !== null && !t.leader.dead ? 1 : 0))),
  'proc.pname': ancestor(1, (t) => t.comm),
  'proc.aname[2]': ancestor(2, (t) => t.comm),
  'proc.apid[1]': ancestor(1, (t) => t.pid),
  'proc.apid[2]': ancestor(2, (t) => t.pid),
  'proc.pexepath': ancestor(1, (t) => t.exepath),
  'proc.sname': leader('sid', (t) => t.comm),
  'proc.sid.exepath': leader('sid', (t) => t.exepath),
  'proc.pgid.name': leader('pgid', (t) => t.comm),
  'proc.vpgid.name': leader('vpgid', (t) => t.comm),
  'user.uid': ofThread((t) => t.uid),
  'group.gid': ofThread((t) => t.gid),
  'user.loginuid': ofThread((t) => (t.loginuid === 0xffff_ffff ? -1 : t.loginuid)),
  'fd.num': (view) => (view.thread !== null && isFdEvent(view) ? view.fdNum : null),
  'fd.name': ofFd((fd) => fd.name),
  'fd.nameraw': ofFd((fd) => fd.nameRaw),
  'fd.type': ofFd((fd) => (fd.type === 'unknown' ? '<NA>' : fd.type)),
  'fd.ino': ofFd((fd) => num(fd.ino)),
  'fd.dev': ofFd((fd) => fd.dev.toString(16).toUpperCase()),
  'fd.is_upper_layer': ofFd((fd) => (fd.flags & FdFlag.OverlayUpper) !== 0),
  'fd.is_lower_layer': ofFd((fd) => (fd.flags & FdFlag.OverlayLower) !== 0),
};

describe.skipIf(RECORDINGS.length === 0)('replayed captures say what real Falco said', () => {
  for (const recording of RECORDINGS) {
    it(`${recording.name}: threads, working directories, executables and descriptors`, { timeout: 120_000 }, async () => {
      const expected = await expectedFields(recording);
      const wrong = new Map<string, string[]>();
      let compared = 0;
      await replay(recording.capture, (view, state) => {
        const fields = expected.get(view.num);
        if (fields === undefined) return;
        for (const name in READERS) {
          if (!(name in fields)) continue;
          const want = fields[name];
          const got = READERS[name](view, state);
          if (got === NOT_OURS) continue;
          compared++;
          if (got === want || JSON.stringify(got) === JSON.stringify(want)) continue;
          const list = wrong.get(name) ?? [];
          list.push(`#${view.num} ${EVENTS[view.type].key}: ${JSON.stringify(got)} is not ${JSON.stringify(want)}`);
          wrong.set(name, list);
        }
      });
      expect(compared).toBeGreaterThan(1000);
      const summary = [...wrong].map(([name, list]) => `${name} (${list.length}):\n    ${list.slice(0, 5).join('\n    ')}`);
      expect(summary.join('\n')).toBe('');
    });
  }
});
