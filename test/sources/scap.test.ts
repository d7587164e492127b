// SPDX-License-Identifier: Apache-2.0
/** Capture files: what is written is read again, other writers' files are understood, damage is named. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import type { EventView } from '../../src/events/event-view.js';
import { EVENTS } from '../../src/events/table.js';
import { ByteWriter } from '../../src/sources/byte-writer.js';
import { ReplaySource } from '../../src/sources/replay.js';
import type { MachineInfo } from '../../src/sources/scap-format.js';
import { ScapDecoder, ScapError, type ScapReceiver } from '../../src/sources/scap-reader.js';
import { ScapFile } from '../../src/sources/scap-file.js';
import { FdFlag, FdInfo } from '../../src/state/fd-info.js';
import { FdTable } from '../../src/state/fd-table.js';
import { State } from '../../src/state/state.js';
import { ThreadInfo } from '../../src/state/thread-info.js';
import { UserTable } from '../../src/state/users.js';
import { RECORDINGS } from '../conformance/corpus.js';
import { aptInstall } from '../e2e/apt.js';
import { buildEvent, viewOf } from '../helpers/event-builder.js';
import { machine } from '../helpers/processes.js';

const directory = mkdtempSync(join(tmpdir(), 'falco-ts-scap-'));
afterAll(() => rmSync(directory, { recursive: true }));

const ABOUT: MachineInfo = { cpus: 2, memoryBytes: 1024n, maxPid: 4194304n, hostname: 'node1', bootTs: 1_600_000_000_000_000_000n };

interface Replayed {
  readonly state: State;
  readonly events: string[];
  readonly machines: MachineInfo[];
  readonly source: ReplaySource;
}

async function replay(path: string): Promise<Replayed> {
  const state = new State({ users: new UserTable() });
  const events: string[] = [];
  const machines: MachineInfo[] = [];
  const source = new ReplaySource({ path, state, onMachine: (info) => machines.push(info) });
  await new Promise<void>((resolve, reject) => {
    source
      .start(
        (view) => {
          events.push(`${view.num} ${EVENTS[view.type].name} ${view.tid} ${view.cpu} ${view.block().length}`);
          state.apply(view);
          state.after(view);
        },
        (error) => (error === undefined ? resolve() : reject(error)),
      )
      .catch(reject);
  });
  return { state, events, machines, source };
}

/** A state with a bit of everything, and the file that it is written to. */
function recorded(name: string, compress: boolean): { path: string; state: State } {
  const users = new UserTable();
  users.addUser('', { uid: 1000, gid: 1000, name: 'maria', homedir: '/home/maria', shell: '/bin/zsh' });
  users.addGroup('', { gid: 1000, name: 'staff' });
  const state = machine({ users });
  state.interfaces.set([
    { name: 'eth0', address: '10.0.0.5', netmask: '255.255.255.0', broadcast: '10.0.0.255' },
    { name: 'eth0', address: 'fe80::1', netmask: 'ffff:ffff:ffff:ffff::', broadcast: '::' },
  ]);
  const bash = state.threads.get(1000)!;
  bash.args = ['-l', 'a b'];
  state.setCgroups(bash, 'cpuset=/\0memory=/user.slice');
  Object.assign(bash, { loginuid: 1000, tty: 34816, exeWritable: true, capEffective: 2 ** 41 - 1, exeIno: 99, exeInoCtime: 12345678901234567890n, fdLimit: -1 });
  const file = new FdInfo('file', '/etc/hosts');
  Object.assign(file, { openFlags: 0x1001, dev: 0x801, ino: 7 });
  const client = new FdInfo('ipv4', '10.0.0.5:40000->1.1.1.1:53');
  Object.assign(client, { sourceIp: '10.0.0.5', sourcePort: 40000, destIp: '1.1.1.1', destPort: 53, l4proto: 'tcp', flags: FdFlag.RoleClient });
  const listener = new FdInfo('ipv6', ':::22');
  Object.assign(listener, { sourceIp: '::', sourcePort: 22, l4proto: 'tcp', isServerSocket: true, flags: FdFlag.RoleServer });
  const accepted = new FdInfo('ipv4', '10.0.0.9:50000->10.0.0.5:22');
  Object.assign(accepted, { sourceIp: '10.0.0.9', sourcePort: 50000, destIp: '10.0.0.5', destPort: 22, l4proto: 'tcp', flags: FdFlag.RoleServer });
  const unix = new FdInfo('unix', '/run/x.sock');
  unix.unixSource = 0xffff_8888_1234_5678n;
  [file, client, listener, accepted, unix, new FdInfo('pipe', 'pipe:[5]'), new FdInfo('memfd', 'm'), new FdInfo('fanotify', '')].forEach((info, fd) => {
    bash.fds.set(fd, info);
  });
  const path = join(directory, name);
  const out = new ScapFile(path, { compress });
  out.begin(state, ABOUT);
  out.event(viewOf(buildEvent('SYSCALL_CHDIR_X', { res: 0, path: '/tmp' })));
  out.event(viewOf(buildEvent('CONTAINER_JSON_2_E', { json: 'x'.repeat(100_000) }, { tid: -1 })));
  void out.close();
  return { path, state };
}

describe('a capture of ours', () => {
  for (const compress of [true, false]) {
    it(`${compress ? 'compressed' : 'uncompressed'}: everything that was known is known again`, async () => {
      const { path, state } = recorded(`own-${compress}.scap`, compress);
      const again = await replay(path);
      expect(again.events).toEqual(['1 chdir 1000 0 43', '2 container -1 0 100031']);
      expect(again.machines).toEqual([ABOUT]);
      expect(again.state.bootTs).toBe(ABOUT.bootTs);
      expect(again.state.interfaces.list()).toEqual(state.interfaces.list());
      expect([...again.state.users!.usersOf('')]).toEqual([...state.users!.usersOf('')]);
      expect([...again.state.users!.groupsOf('')]).toEqual([...state.users!.groupsOf('')]);
      const before = state.threads.get(1000)!;
      const after = again.state.threads.get(1000)!;
      for (const key of ['pid', 'ptid', 'vtid', 'sid', 'pgid', 'vpgid', 'comm', 'exe', 'exepath', 'args', 'env', 'uid', 'loginuid', 'tty', 'cgroups', 'exeWritable',
        'capEffective', 'exeIno', 'exeInoCtime', 'fdLimit', 'root'] as const) {
        expect([key, after[key]]).toEqual([key, before[key]]);
      }
      expect([before.cwd, after.cwd]).toEqual(['/root/', '/tmp/']);
      const fds = (s: State) => [...s.threads.get(1000)!.fds].map(([fd, i]) => [fd, i.type, i.name, i.openFlags, i.dev, i.ino, i.sourceIp, i.destPort, i.isServerSocket, i.unixSource]);
      const expected = fds(state);
      expected[7][1] = 'unsupported';
      expect(fds(again.state)).toEqual(expected);
      expect([...after.fds].map(([, i]) => i.flags & (FdFlag.RoleClient | FdFlag.RoleServer)).slice(1, 4)).toEqual([FdFlag.RoleClient, 0, FdFlag.RoleServer]);
      expect(again.source.stats()).toMatchObject({ produced: 2, delivered: 2 });
    });
  }

  it('thousands of processes are known again', async () => {
    const state = machine();
    for (let pid = 2000; pid < 5000; pid++) {
      const thread = new ThreadInfo(pid, pid, new FdTable().set(0, new FdInfo('file', `/proc-${pid}`)));
      Object.assign(thread, { ptid: 1000, comm: `p${pid}` });
      state.seedThread(thread);
    }
    state.seeded();
    const path = join(directory, 'many.scap');
    const file = new ScapFile(path);
    file.begin(state, ABOUT);
    file.event(viewOf(buildEvent('SYSCALL_CHDIR_X', { res: 0, path: '/' })));
    await file.close();
    const again = (await replay(path)).state;
    expect([again.threads.size, again.threads.get(4999)!.comm, again.threads.get(4999)!.fds.get(0)!.name]).toEqual([3002, 'p4999', '/proc-4999']);
    expect(again.threads.get(1000)!.children!.size).toBe(3000);
  });

  it('two captures in one file are replayed one after the other, each with its own state', async () => {
    const { path } = recorded('one.scap', false);
    const twice = join(directory, 'two.scap');
    writeFileSync(twice, Buffer.concat([readFileSync(path), readFileSync(path)]));
    const again = await replay(twice);
    expect(again.events.map((e) => e.split(' ')[1])).toEqual(['chdir', 'container', 'chdir', 'container']);
    expect(again.state.threads.size).toBe(2);
  });
});

describe.skipIf(RECORDINGS.length === 0)('captures of others', () => {
  for (const recording of RECORDINGS.slice(1, 2)) {
    it(`${recording.name}: written again, the same events come out`, async () => {
      const first = await replay(recording.capture);
      const path = join(directory, 'again.scap');
      const file = new ScapFile(path);
      const state = new State({ users: new UserTable() });
      let begun = false;
      const source = new ReplaySource({ path: recording.capture, state });
      await new Promise<void>((resolve, reject) => {
        const deliver = (view: EventView) => {
          if (!begun) file.begin(state);
          begun = true;
          file.event(view);
          state.apply(view);
          state.after(view);
        };
        source.start(deliver, (error) => (error === undefined ? resolve() : reject(error))).catch(reject);
      });
      await file.close();
      const second = await replay(path);
      expect(second.events).toEqual(first.events);
      const names = (r: Replayed) => [...r.state.threads.values()].map((t) => [t.tid, t.comm, t.cwd, [...t.fds].map(([fd, i]) => [fd, i.name])]);
      expect(names(second)).toEqual(names(first));
    });
  }
});

describe('blocks', () => {
  const quiet = (events: (view: EventView) => void): ScapReceiver => ({
    section: () => {}, machine: () => {}, cgroups: () => {}, thread: () => {}, fd: () => {}, interfaces: () => {}, user: () => {}, group: () => {}, ready: () => {},
    event: events,
  });
  const block = (type: number, body: Uint8Array): Buffer => {
    const w = new ByteWriter();
    w.u32(type);
    const length = 12 + Math.ceil(body.length / 4) * 4;
    w.u32(length);
    w.bytes(body);
    while (w.length % 4 !== 0) w.u8(0);
    w.u32(length);
    return Buffer.from(w.take());
  };
  const section = (): Buffer => {
    const w = new ByteWriter();
    w.u32(0x1a2b3c4d);
    w.u16(1);
    w.u16(2);
    w.u64(0xffff_ffff_ffff_ffffn);
    return block(0x0a0d0d0a, Buffer.from(w.take()));
  };
  const eventBlock = (type: number, flags: boolean, event: Uint8Array) => block(type, Buffer.concat([Buffer.alloc(flags ? 6 : 2), event]));
  const decode = (...parts: readonly Uint8Array[]): string[] => {
    const seen: string[] = [];
    const decoder = new ScapDecoder(quiet((view) => seen.push(`${EVENTS[view.type].key} ${view.paramCount} ${view.str(1)}`)));
    decoder.push(Buffer.concat(parts));
    decoder.end();
    return seen;
  };
  const chdir = buildEvent('SYSCALL_CHDIR_X', { res: 0, path: '/tmp' });

  it('of unknown types are skipped, before and among events', () => {
    const unknown = block(0x7777, Buffer.alloc(13));
    expect(decode(section(), unknown, eventBlock(0x217, true, chdir), unknown, eventBlock(0x216, false, chdir))).toEqual([
      'SYSCALL_CHDIR_X 2 /tmp', 'SYSCALL_CHDIR_X 2 /tmp',
    ]);
  });

  it('with events of unknown types are skipped', () => {
    const unknown = Buffer.from(chdir);
    unknown.writeUInt16LE(5000, 20);
    expect(decode(section(), eventBlock(0x217, true, unknown), eventBlock(0x217, true, chdir))).toHaveLength(1);
  });

  it('of pcapng around them, options and comments in them, and padding do not disturb', () => {
    const header = (() => {
      const options = Buffer.from('0200080058385f363400000000000000', 'hex');
      const w = new ByteWriter();
      for (const value of [0x1a2b3c4d, 0x0000_0001]) w.u32(value);
      w.u64(0xffff_ffff_ffff_ffffn);
      w.bytes(options);
      return block(0x0a0d0d0a, Buffer.from(w.take()));
    })();
    const commented = Buffer.concat([chdir, Buffer.alloc(2), Buffer.from('01000400' + '74657374' + '00000000', 'hex')]);
    const [interfaceDescription, nameResolution, statistics, secrets, custom] = [1, 4, 5, 0x0a, 0xbad].map((type) => block(type, Buffer.alloc(20)));
    expect(decode(header, interfaceDescription, secrets, eventBlock(0x217, true, commented), nameResolution, custom, eventBlock(0x217, true, chdir), statistics))
      .toEqual(['SYSCALL_CHDIR_X 2 /tmp', 'SYSCALL_CHDIR_X 2 /tmp']);
  });

  it('of the first version have no parameter count, and it is found', () => {
    const old = Buffer.concat([chdir.subarray(0, 22), chdir.subarray(26)]);
    old.writeUInt32LE(old.length, 16);
    for (const [type, flags] of [[0x204, false], [0x208, true], [0x8010abcd, false]] as const) {
      expect(decode(section(), eventBlock(type, flags, old))).toEqual(['SYSCALL_CHDIR_X 2 /tmp']);
    }
  });

  it('may be cut anywhere between two reads', () => {
    const whole = Buffer.concat([section(), eventBlock(0x217, true, chdir), eventBlock(0x217, true, chdir)]);
    for (const step of [1, 3, 7, 64]) {
      let count = 0;
      const decoder = new ScapDecoder(quiet(() => count++));
      for (let at = 0; at < whole.length; at += step) decoder.push(whole.subarray(at, at + step));
      decoder.end();
      expect([step, count]).toEqual([step, 2]);
    }
  });

  const failure = (...parts: readonly Uint8Array[]): unknown => {
    try {
      decode(...parts);
    } catch (error) {
      return error instanceof ScapError ? [error.code, error.offset] : error;
    }
    return null;
  };
  it('damage is named with its offset', () => {
    const good = eventBlock(0x217, true, chdir);
    expect(failure(Buffer.from('hello, world'))).toEqual(['SCAP_NO_CAPTURE', 0]);
    expect(failure(section())).toEqual(['SCAP_NO_EVENTS', 28]);
    expect(failure(section(), good, good.subarray(0, 20))).toEqual(['SCAP_TRUNCATED', 28 + good.length]);
    const short = Buffer.from(good);
    short.writeUInt32LE(4, 4);
    expect(failure(section(), good, short)).toEqual(['SCAP_BLOCK_LENGTH', 28 + good.length]);
    const huge = Buffer.from(good);
    huge.writeUInt32LE(0xffff_fff0, 4);
    expect(failure(section(), huge)).toEqual(['SCAP_BLOCK_LENGTH', 28]);
    const lengths = Buffer.from(good);
    lengths.writeUInt16LE(60_000, 8 + 6 + 26);
    expect(failure(section(), lengths)).toEqual(['SCAP_EVENT', 28 + 8 + 6 + 26]);
    const version = section();
    version.writeUInt16LE(9, 12);
    expect(failure(version, good)).toEqual(['SCAP_VERSION', 12]);
    const swapped = Buffer.from(section().swap32());
    expect(failure(swapped, good)).toEqual(['SCAP_BIG_ENDIAN', 0]);
    expect(failure(section(), good, swapped)).toEqual(['SCAP_BIG_ENDIAN', 28 + good.length]);
    const users = block(0x220, Buffer.from([40, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 255, 255]));
    expect((failure(section(), users, good) as [string])[0]).toBe('SCAP_LIST');
  });
});

describe('damaged files', () => {
  /** Reproducible pseudo-random numbers. */
  function random(seed: number): () => number {
    let x = seed;
    return () => {
      x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
      return x / 2 ** 32;
    };
  }

  it('end in an error that names the offset, or in fewer or other events: never in a crash or a hang', async () => {
    const captures = [readFileSync(recorded('fuzz.scap', false).path), ...RECORDINGS.slice(3).map((r) => gunzipSync(readFileSync(r.capture)))];
    const next = random(20261123);
    const path = join(directory, 'damaged.scap');
    const codes = new Map<string, number>();
    for (let round = 0; round < 150; round++) {
      const damaged = Buffer.from(captures[round % captures.length]);
      const places = 1 + Math.floor(next() * 20);
      // The lists at the beginning are where most of the structure is.
      for (let i = 0; i < places; i++) {
        const at = Math.floor((next() < 0.5 ? next() * 0.05 : next()) * damaged.length);
        damaged[at] = next() < 0.3 ? 0xff : Math.floor(next() * 256);
      }
      const cut = next() < 0.2 ? damaged.subarray(0, Math.floor(next() * damaged.length)) : damaged;
      writeFileSync(path, next() < 0.3 ? gzipSync(cut) : cut);
      let outcome = 'read';
      try {
        await replay(path);
      } catch (error) {
        const { code, message } = error as { code?: string; message: string };
        outcome = code ?? `unexpected: ${message}`;
        if (outcome.startsWith('SCAP_')) expect(message).toMatch(/at byte \d+/);
      }
      codes.set(outcome, (codes.get(outcome) ?? 0) + 1);
    }
    expect([...codes.keys()].filter((code) => code !== 'read' && code !== 'REPLAY_FORMAT' && !code.startsWith('SCAP_'))).toEqual([]);
    expect(codes.size).toBeGreaterThan(2);
  }, 120_000);

  it('zstd is undone, and damage in it is named', async () => {
    if (spawnSync('zstd', ['--version']).status !== 0) aptInstall('zstd');
    const { path } = recorded('plain.scap', false);
    execFileSync('zstd', ['-q', '-f', path, '-o', `${path}.zst`]);
    expect((await replay(`${path}.zst`)).events).toEqual((await replay(path)).events);
    const zipped = readFileSync(`${path}.zst`);
    // Two frames one after the other are one stream.
    writeFileSync(`${path}.two.zst`, Buffer.concat([zipped, zipped]));
    expect((await replay(`${path}.two.zst`)).events).toHaveLength(4);
    writeFileSync(`${path}.cut.zst`, zipped.subarray(0, zipped.length >> 1));
    await expect(replay(`${path}.cut.zst`)).rejects.toMatchObject({ code: 'SCAP_COMPRESSION', message: expect.stringMatching(/at byte \d+/) });
    const next = random(7);
    for (let round = 0; round < 60; round++) {
      const damaged = Buffer.from(zipped);
      for (let i = 0; i <= round % 5; i++) damaged[4 + Math.floor(next() * (damaged.length - 4))] = Math.floor(next() * 256);
      writeFileSync(`${path}.damaged.zst`, damaged);
      const code = await replay(`${path}.damaged.zst`).then(() => 'read', (error: { code?: string; message: string }) => error.code ?? error.message);
      expect(code).toMatch(/^(read|SCAP_[A-Z_]+)$/);
    }
  }, 120_000);

  it('other compression is named, and what to do', async () => {
    const path = join(directory, 'other.scap');
    writeFileSync(path, Buffer.from('fd377a585a000000', 'hex'));
    await expect(replay(path)).rejects.toMatchObject({ code: 'REPLAY_FORMAT', message: expect.stringContaining('xz'), hint: expect.stringContaining('Decompress it first') });
  });

  it('compressed data that is cut off is named', async () => {
    const path = join(directory, 'broken.scap');
    const zipped = readFileSync(recorded('whole.scap', true).path);
    writeFileSync(path, zipped.subarray(0, Math.floor(zipped.length / 2)));
    await expect(replay(path)).rejects.toMatchObject({ code: 'SCAP_COMPRESSION' });
  });

  it('what is no capture, or not there, is refused at once', async () => {
    const path = join(directory, 'text.scap');
    writeFileSync(path, 'no capture');
    await expect(replay(path)).rejects.toMatchObject({ code: 'REPLAY_FORMAT' });
    await expect(replay(join(directory, 'missing.scap'))).rejects.toMatchObject({ code: 'REPLAY_OPEN' });
    await expect(replay(directory)).rejects.toMatchObject({ code: 'REPLAY_OPEN' });
  });
});
