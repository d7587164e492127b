// SPDX-License-Identifier: Apache-2.0
/**
 * Captures as Debian's `sysdig -r` (0.29, four years older than the format that we write) reads them: an oracle that nobody
 * here wrote. What it does not know yet is left out of the comparison; everything else is equal.
 */
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventView } from '../../src/events/event-view.js';
import { emptyContext, syscallCatalogue } from '../../src/fields/catalogues.js';
import type { FieldReader } from '../../src/lang/catalogue.js';
import { ScapFile } from '../../src/sources/scap-file.js';
import { FD_KINDS, FD_LIST_V2 } from '../../src/sources/scap-format.js';
import { State } from '../../src/state/state.js';
import { UserTable } from '../../src/state/users.js';
import { aptInstall } from '../e2e/apt.js';
import { canWatch, LiveMonitor } from '../e2e/live-monitor.js';
import { RECORDINGS, replayInto } from './corpus.js';

const FIELDS = [
  'evt.rawtime', 'thread.tid', 'evt.dir', 'evt.type', 'evt.cpu', 'evt.res', 'proc.pid', 'proc.ppid', 'proc.name', 'proc.exe', 'proc.args', 'proc.pname', 'proc.cwd',
  'proc.tty', 'proc.sid', 'proc.vpid', 'thread.ismain', 'user.uid', 'fd.num', 'fd.type', 'fd.name', 'fd.cip', 'fd.cport', 'fd.sip', 'fd.sport', 'fd.l4proto',
] as const;
type Line = Readonly<Record<(typeof FIELDS)[number], string>>;
const SEPARATOR = '\x01';

async function asSysdig(path: string): Promise<Line[]> {
  const format = `*${FIELDS.map((field) => `%${field}`).join(SEPARATOR)}`;
  const { stdout } = await promisify(execFile)('sysdig', ['-r', path, '-p', format], { maxBuffer: 1 << 28 });
  return stdout.trimEnd().split('\n').map((line) => Object.fromEntries(line.split(SEPARATOR).map((value, i) => [FIELDS[i], value])) as Line);
}

async function asWe(path: string): Promise<Line[]> {
  const users = new UserTable();
  const state = new State({ users });
  const catalogue = syscallCatalogue({ ...emptyContext(), threads: state.threads, users, interfaces: state.interfaces });
  const readers = FIELDS.map((name) => [name, catalogue.find(name)?.field.bind(null) as FieldReader<EventView>] as const);
  const lines: Line[] = [];
  await replayInto(state, path, (view) => {
    lines.push(Object.fromEntries(readers.map(([name, read]) => [name, String(read(view) ?? '<NA>')])) as Line);
  });
  return lines;
}

/** Copies a capture by reading and writing it. */
async function rewritten(capture: string, path: string): Promise<void> {
  const state = new State({ users: new UserTable() });
  const file = new ScapFile(path);
  let begun = false;
  await replayInto(state, capture, (view) => {
    if (!begun) file.begin(state);
    begun = true;
    file.event(view);
  });
  await file.close();
}

const PROCESS_FIELDS: ReadonlySet<string> = new Set([
  'evt.cpu', 'evt.res', 'proc.pid', 'proc.ppid', 'proc.name', 'proc.exe', 'proc.args', 'proc.pname', 'proc.cwd', 'proc.sid', 'thread.ismain', 'user.uid',
]);

/** Where today's reading (of real Falco, too) is another than that of its time. */
function changedSince(field: string, ours: Line): boolean {
  // A thread of which nothing is known was taken for a process, and pids in namespaces were not shown.
  if (ours['proc.pid'] === '-1' || field === 'proc.vpid') return true;
  // The parent of a thread was its process; now it is its process's parent.
  if (field === 'proc.pname' && ours['thread.ismain'] === 'false') return true;
  if (!field.startsWith('fd.')) return false;
  // mmap was not about a descriptor; a socket kept its first peer, and its address where a unix connect failed.
  if (ours['evt.type'] === 'connect' && ours['evt.res'] !== 'SUCCESS') return true;
  return ours['evt.type'] === 'mmap' || (ours['fd.l4proto'] === 'udp' && ours['fd.type'] === 'ipv6');
}

function differences(ours: readonly Line[], theirs: readonly Line[], fields: (name: string) => boolean): string[] {
  const key = (line: Line) => `${line['evt.rawtime']} ${line['thread.tid']} ${line['evt.type']}`;
  const byKey = new Map(theirs.map((line) => [key(line), line]));
  const found: string[] = [];
  for (const line of ours) {
    const other = byKey.get(key(line));
    if (other === undefined) found.push(`${key(line)}: only here`);
    else for (const field of FIELDS) if (fields(field) && line[field] !== other[field] && !changedSince(field, line)) found.push(`${key(line)}: ${field} ${line[field]}, there ${other[field]}`);
  }
  return found;
}

const OLDER = RECORDINGS.filter(({ name }) => name.startsWith('older/'));
const exits = (lines: readonly Line[]): Line[] => lines.filter((line) => line['evt.dir'] === '<');

describe.skipIf(!canWatch || OLDER.length === 0)("Debian's sysdig", () => {
  const dir = mkdtempSync(join(tmpdir(), 'falco-ts-sysdig-'));
  beforeAll(() => {
    if (spawnSync('sysdig', ['--version']).status !== 0) aptInstall('sysdig');
  }, 180_000);
  afterAll(() => rmSync(dir, { recursive: true }));

  for (const { name, capture } of OLDER) {
    it(`reads ${name} as we do: every event, its process, its descriptor`, async () => {
      const [theirs, ours] = [exits(await asSysdig(capture)), exits(await asWe(capture))];
      expect(ours.length).toBe(theirs.length);
      expect(differences(ours, theirs, () => true)).toEqual([]);
    }, 60_000);

    it(`reads what we write of ${name}: every event and its process`, async () => {
      const path = join(dir, `${name.replace('/', '-')}.scap`);
      await rewritten(capture, path);
      const [theirs, ours] = [exits(await asSysdig(path)), exits(await asWe(capture))];
      expect(ours.length).toBe(theirs.length);
      // Its descriptors come from entries of calls, which are not written any more.
      expect(differences(ours, theirs, (field) => PROCESS_FIELDS.has(field))).toEqual([]);
    }, 60_000);
  }

  it('reads a capture of this machine as we do, but for kinds of descriptors that came after it', async () => {
    const captures = join(dir, 'live');
    mkdirSync(captures);
    const rules = join(dir, 'rules.yaml');
    const mark = join(dir, 'mark');
    writeFileSync(mark, 'x');
    const rule = (name: string, more: string) => `- rule: ${name}\n  desc: d\n  condition: evt.type in (open, openat) and fd.name = ${join(dir, name)}\n  output: o\n  priority: INFO\n${more}`;
    writeFileSync(rules, `${rule('ready', '')}${rule('mark', '  capture: true\n  capture_duration: 4000\n')}`);
    const monitor = new LiveMonitor({ rules: [rules], config: [`capture: { enabled: true, path_prefix: ${captures}/c, history_ms: 5000 }`] });
    try {
      await monitor.wait((alert) => alert.rule === 'ready', 30_000, () => spawnSync('cat', [join(dir, 'ready')]));
      spawnSync('sh', ['-c', `cd /; cat /etc/hostname ${mark}; ls -d /etc/passwd; cp ${mark} ${mark}-2; true < /dev/null; (exit 3)`], { env: { PATH: process.env.PATH } });
      // The rules change meanwhile: what follows is still in it.
      writeFileSync(rules, rule('ready', ''));
      await monitor.process.until(/Reloaded: 1 rules/, 20_000);
      spawnSync('sh', ['-c', `cat ${mark} ${mark}-2`]);
      await monitor.process.until(/Capture written: \S+/, 20_000);
    } finally {
      await monitor.stop();
    }
    const path = join(captures, readdirSync(captures)[0]);
    const older = join(dir, 'older.scap');
    writeFileSync(older, withoutNewKinds(gunzipSync(readFileSync(path))));
    const [theirs, ours] = [exits(await asSysdig(older)), exits(await asWe(path))];
    const known = new Set(theirs.map((line) => line['evt.type']));
    const children = new Set(ours.filter((line) => line['proc.args'].includes(mark) && line['evt.type'] === 'execve').map((line) => line['proc.pid']));
    expect(children.size).toBe(5); // sh, cat, cp; after the reload sh, cat
    const own = ours.filter((line) => children.has(line['proc.pid']) && known.has(line['evt.type']));
    expect(own.length).toBeGreaterThan(30);
    // What ended before the alert is seen as at the alert; a child's first event does not change that there.
    expect(differences(own.filter((line) => !line['evt.type'].includes('fork')), theirs, (field) => PROCESS_FIELDS.has(field))).toEqual([]);
    const opened = own.filter((line) => line['evt.type'] === 'openat' && line['evt.res'] === 'SUCCESS');
    expect(opened.some((line) => line['fd.name'] === mark)).toBe(true);
    expect(differences(opened, theirs, (field) => field === 'fd.num' || field === 'fd.name')).toEqual([]);
    expect(theirs.length).toBeGreaterThan(ours.filter((line) => known.has(line['evt.type'])).length * 0.9);
  }, 120_000);
});

/** Descriptors of kinds that sysdig 0.29 does not know, as ones that are not supported: the same but for the name of the kind. */
function withoutNewKinds(blocks: Buffer): Buffer {
  const first = FD_KINDS.indexOf('bpf');
  for (let at = 0; at < blocks.length; at += blocks.readUInt32LE(at + 4)) {
    if (blocks.readUInt32LE(at) !== FD_LIST_V2) continue;
    const end = at + blocks.readUInt32LE(at + 4) - 4;
    for (let entry = at + 16; entry + 21 <= end && blocks.readUInt32LE(entry) > 0; entry += blocks.readUInt32LE(entry)) {
      if (blocks[entry + 20] >= first) blocks[entry + 20] = FD_KINDS.indexOf('unsupported');
    }
  }
  return blocks;
}
