// SPDX-License-Identifier: Apache-2.0
/** What the programs of a small machine do, and what libsinsp itself makes of each event (`libsinsp/README.md`). */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { EventView } from '../../src/events/event-view.js';
import { EVENTS } from '../../src/events/table.js';
import { argumentOf } from '../../src/fields/catalogue.js';
import { emptyContext, syscallCatalogue } from '../../src/fields/catalogues.js';
import type { Value } from '../../src/lang/value.js';
import { FdFlag, FdInfo } from '../../src/state/fd-info.js';
import { State } from '../../src/state/state.js';
import { ThreadInfo } from '../../src/state/thread-info.js';

type Facts = Record<string, unknown>;

interface Answer {
  readonly event: string;
  /** Of the threads that the event changed, what is new; descriptors are told all of them. */
  readonly threads?: Readonly<Record<string, Facts>>;
  readonly gone?: readonly number[];
  readonly fields?: Readonly<Facts>;
}

interface Sequence {
  readonly sequence: string;
  readonly boot: string;
  readonly threads: Readonly<Record<string, Facts>>;
  readonly answers: Answer[];
}

const folder = new URL('libsinsp/', import.meta.url);
const FIELDS = readFileSync(new URL('fields.txt', folder), 'utf8').split('\n').filter((line) => line !== '');

function sequences(): Sequence[] {
  const all: Sequence[] = [];
  for (const line of gunzipSync(readFileSync(new URL('answers.jsonl.gz', folder))).toString().split('\n')) {
    if (line === '') continue;
    const told = JSON.parse(line) as Answer & Omit<Sequence, 'answers'>;
    if (told.sequence !== undefined) all.push({ ...told, answers: [] });
    else all.at(-1)!.answers.push(told);
  }
  return all;
}

const unsigned = (value: number | bigint): string => String(BigInt.asUintN(64, BigInt(value)));

function descriptor(fd: FdInfo): Facts {
  const facts: Facts = {
    type: fd.type === 'unknown' ? '<NA>' : fd.type, name: fd.name, nameRaw: fd.nameRaw, openFlags: fd.openFlags >>> 0, dev: fd.dev, ino: String(fd.ino),
    role: (fd.flags & FdFlag.RoleServer) !== 0 ? 'server' : (fd.flags & FdFlag.RoleClient) !== 0 ? 'client' : '', connected: (fd.flags & FdFlag.Connected) !== 0,
    layer: (fd.flags & FdFlag.OverlayUpper) !== 0 ? 'upper' : (fd.flags & FdFlag.OverlayLower) !== 0 ? 'lower' : '',
  };
  if (fd.type === 'unix') facts.ends = [String(fd.unixSource), String(fd.unixDest)];
  if (fd.type === 'ipv4' || fd.type === 'ipv6') {
    const any = fd.type === 'ipv4' ? '0.0.0.0' : '::';
    const source = [fd.sourceIp ?? any, String(fd.sourcePort)];
    facts.ends = [...source, ...(fd.isServerSocket ? [] : [fd.destIp ?? any, String(fd.destPort)]), fd.l4proto ?? ''];
  }
  return facts;
}

function thread(t: ThreadInfo): Facts {
  const fds: Facts = {};
  for (const [number, fd] of t.fds) fds[number] = descriptor(fd);
  return {
    pid: unsigned(t.pid), ptid: unsigned(t.ptid), vtid: unsigned(t.vtid), vpid: unsigned(t.vpid), sid: unsigned(t.sid), pgid: unsigned(t.pgid), vpgid: unsigned(t.vpgid),
    comm: t.comm, exe: t.exe, exepath: t.exepath, cwd: t.cwd, root: t.root, args: t.args, env: t.env, uid: t.uid, gid: t.gid, loginuid: t.loginuid, tty: t.tty,
    fdLimit: unsigned(t.fdLimit), capabilities: [t.capInheritable, t.capPermitted, t.capEffective].map(unsigned),
    exeFlags: (t.exeWritable ? 1 : 0) | (t.exeUpperLayer ? 2 : 0) | (t.exeFromMemfd ? 4 : 0) | (t.exeLowerLayer ? 8 : 0),
    inode: [t.exeIno, t.exeInoCtime, t.exeInoMtime, t.exeInoCtimeDurationCloneTs].map(unsigned), memory: [t.vmSizeKb, t.vmRssKb, t.vmSwapKb, t.pgftMajor, t.pgftMinor].map(unsigned),
    started: [t.cloneTs, t.startTs, t.pidnsInitStartTs].map(unsigned), dead: t.dead, threads: String(t.group?.alive ?? 0), main: unsigned(t.leader?.tid ?? -1),
    cgroups: t.cgroups, children: [...(t.children ?? [])].map((child) => child.tid).sort((a, b) => a - b), fds,
  };
}

/** Puts in what libsinsp says of a thread before the first event. */
function seed(tid: number, facts: Facts): ThreadInfo {
  const { args, env, cgroups, capabilities, memory, started, inode, fds } = facts as Record<string, string[]> & { fds: Record<string, Record<string, string>> };
  const t = new ThreadInfo(tid, Number(facts.pid));
  for (const key of ['ptid', 'vtid', 'vpid', 'sid', 'pgid', 'vpgid', 'fdLimit'] as const) t[key] = Number(BigInt.asIntN(64, BigInt(facts[key] as string)));
  for (const key of ['comm', 'exe', 'exepath', 'cwd', 'root'] as const) t[key] = facts[key] as string;
  for (const key of ['uid', 'gid', 'loginuid', 'tty'] as const) t[key] = facts[key] as number;
  Object.assign(t, { args, env, cgroups });
  [t.capInheritable, t.capPermitted, t.capEffective] = capabilities.map(Number);
  [t.exeIno, t.exeInoCtime, t.exeInoMtime] = inode.map(Number);
  [t.vmSizeKb, t.vmRssKb, t.vmSwapKb, t.pgftMajor, t.pgftMinor] = memory.map(Number);
  [t.cloneTs, t.startTs, t.pidnsInitStartTs] = started.map(BigInt);
  t.exeWritable = ((facts.exeFlags as number) & 1) !== 0;
  for (const [number, fd] of Object.entries(fds)) t.fds.set(Number(number), Object.assign(new FdInfo('file', fd.name), { ino: Number(fd.ino), openFlags: fd.openFlags, dev: fd.dev }));
  return t;
}

function asJson(value: Value, hex: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => asJson(item, hex));
  if (hex && (typeof value === 'number' || typeof value === 'bigint')) return value.toString(16).toUpperCase();
  return typeof value === 'bigint' ? Number(value) : value;
}

function differences({ boot, threads, answers }: Sequence): string[] {
  const state = new State();
  state.bootTs = BigInt(boot);
  const catalogue = syscallCatalogue({ ...emptyContext(), threads: state.threads, interfaces: state.interfaces });
  const readers = FIELDS.map((use) => {
    const bracket = use.indexOf('[');
    const { field, argument } = catalogue.find(bracket === -1 ? use : use.slice(0, bracket))!;
    const read = field.bind(bracket === -1 ? argument : argumentOf(use.slice(bracket + 1, -1)));
    if (typeof read === 'string') throw new Error(read);
    return { use, read: field.json ?? read, hex: field.format === 'HEX' };
  });
  const known = new Map<number, Facts>();
  for (const [tid, facts] of Object.entries(threads)) {
    known.set(Number(tid), { ...facts });
    state.seedThread(seed(Number(tid), facts));
  }
  state.seeded();
  const found: string[] = [];
  const view = new EventView();
  answers.forEach(({ event, threads: changed = {}, gone = [], fields = {} }, i) => {
    for (const [tid, facts] of Object.entries(changed)) known.set(Number(tid), { ...known.get(Number(tid)), ...facts });
    for (const tid of gone) known.delete(tid);
    const bytes = Buffer.from(event, 'hex');
    view.attach(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    view.bind(0, bytes.byteLength);
    view.num = i + 1;
    state.apply(view);
    const compare = (what: string, ours: unknown, theirs: unknown) => {
      const [a, b] = [JSON.stringify(ours), JSON.stringify(theirs)];
      if (a !== b) found.push(`#${i + 1} ${EVENTS[view.type].key} of ${view.tid}: ${what} is ${a}, theirs ${b}`);
    };
    // Nobody looks at an enter event.
    if ((view.type & 1) === 1 || Object.keys(fields).length !== 0) for (const { use, read, hex } of readers) compare(use, asJson(read(view), hex), fields[use] ?? null);
    compare('the threads', [...state.threads.values()].map((t) => t.tid).sort((a, b) => a - b), [...known.keys()].sort((a, b) => a - b));
    for (const [tid, theirs] of known) {
      const t = state.threads.get(tid);
      const ours = t === undefined ? {} : thread(t);
      for (const key in theirs) {
        if (key !== 'fds') compare(`${key} of ${tid}`, ours[key], theirs[key]);
        else expect(ours.fds, `#${i + 1} ${EVENTS[view.type].key} of ${view.tid}: descriptors of ${tid}`).toEqual(theirs.fds);
      }
    }
    state.after(view);
  });
  return found;
}

describe('as libsinsp itself, the state and the fields follow', () => {
  const all = sequences();
  it('twenty sequences of forks, execs, exits, files and sockets', () => {
    expect(all.length).toBe(20);
    expect(all.reduce((sum, { answers }) => sum + answers.length, 0)).toBeGreaterThan(1000);
  });
  it.each(all.map((sequence) => [sequence.sequence, sequence] as const))('sequence %s', (_, sequence) => expect(differences(sequence).slice(0, 20)).toEqual([]));
});
