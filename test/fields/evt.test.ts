// SPDX-License-Identifier: Apache-2.0
/** `evt.*`: what is said of events themselves. */
import { describe, expect, it } from 'vitest';
import { EventView } from '../../src/events/event-view.js';
import type { Value } from '../../src/lang/value.js';
import { buildEvent, type ParamValue, viewOf } from '../helpers/event-builder.js';
import { type Happening, Scene } from '../helpers/scene.js';

const AT_FDCWD = -100;
const ts = 1_700_000_000_123_456_789n;
const open = (values: Readonly<Record<string, ParamValue>>): Happening => ({ key: 'SYSCALL_OPENAT_2_X', values: { fd: 5, dirfd: AT_FDCWD, name: 'notes', flags: 1, mode: 0, dev: 26, ino: 7, ...values } });
const read: Happening = { key: 'SYSCALL_READ_X', values: { res: 4, data: Buffer.from('a\n\0b'), fd: 3, size: 100 } };
const missing = open({ fd: -2 });
const getpid: Happening = { key: 'GENERIC_X', values: { ID: 16, nativeID: 39 } };

type Row = readonly [use: string, event: Happening, value: Value, says: string];

// biome-ignore format: one line a value
const PRINTED: readonly Row[] = [
  ['evt.type', missing, 'openat', 'the name of the event'],
  ['evt.type', getpid, 'getpid', 'the system call behind a generic event'],
  ['evt.type', { key: 'ASYNCEVENT_E', values: { plugin_id: 0, name: 'container', data: Buffer.from('{}') } }, 'container', 'the name that an asynchronous event carries'],
  ['syscall.type', missing, 'openat', 'the system call'],
  ['syscall.type', { key: 'SCHEDSWITCH_6_E', values: { next: 1 } }, null, 'nothing for what is no system call'],
  ['evt.type.is.openat', missing, 1, '1 for that type'],
  ['evt.type.is.open', missing, 0, '0 for any other type'],
  ['evt.dir', missing, '<', 'that it is an exit'],
  ['evt.category', missing, 'file', 'what it is about'],
  ['evt.category', read, 'file', 'for a read, what is read from'],
  ['evt.category', { key: 'SYSCALL_READ_X', values: { res: 1, data: Buffer.from('x'), fd: 1, size: 1 } }, 'ipc', 'ipc for a read from a pipe'],
  ['evt.category', { key: 'SYSCALL_READ_X', values: { res: 1, data: Buffer.from('x'), fd: 77, size: 1 } }, 'unknown', 'unknown for a descriptor that is not known'],
  ['evt.category', { key: 'SYSCALL_PIPE_X', values: { res: 0, fd1: 5, fd2: 6, ino: 1 } }, 'IPC', 'IPC for a pipe call'],
  ['evt.cpu', read, 0, 'the processor'],
  ['evt.args', open({}), 'fd=5(<f>/home/alice/notes) dirfd=-100(AT_FDCWD) name=notes(/home/alice/notes) flags=1(O_RDONLY) mode=0 dev=1A ino=7', 'all parameters with what they stand for'],
  ['evt.info', missing, 'fd=-2(ENOENT) dirfd=-100(AT_FDCWD) name=notes(/home/alice/notes) flags=1(O_RDONLY) mode=0 dev=1A ino=7', 'the same'],
  ['evt.args', getpid, '', 'nothing for generic events'],
  ['evt.arg.name', open({ name: '/x' }), '/x', 'a path as it is'],
  ['evt.arg.name', open({}), '/home/alice/notes', 'a relative path made absolute'],
  ['evt.arg.flags', open({ flags: 3 | 4 }), 'O_CREAT|O_RDWR', 'flags by name'],
  ['evt.arg.fd', missing, 'ENOENT', 'an error by name'],
  ['evt.arg[0]', open({}), '<f>/home/alice/notes', 'a descriptor by what it is'],
  ['evt.arg[1]', open({}), 'AT_FDCWD', 'the working directory by name'],
  ['evt.arg[9]', open({}), null, 'nothing for a parameter that is not there'],
  ['evt.arg.flags', read, null, 'nothing for a parameter that this event has not'],
  ['evt.rawarg.flags', open({ flags: 18 }), '12', 'flags as a number, hexadecimal'],
  ['evt.rawarg.fd', missing, -2, 'a result as a number'],
  ['evt.rawarg.mode', open({ mode: 0o755 }), '755', 'the mode of open in octal'],
  ['evt.rawarg.mode', { key: 'SYSCALL_MKDIR_2_X', values: { res: 0, path: 'd', mode: 0o755 } }, '1ED', 'the mode of mkdir in hexadecimal'],
  ['evt.rawarg.name', open({}), 'notes', 'a path as the program gave it'],
  ['evt.buffer', read, 'a..b', 'data with dots for what cannot be printed'],
  ['evt.buffer', missing, null, 'nothing for events without data'],
  ['evt.buffer', { key: 'SYSCALL_READ_X', values: { res: 0, data: null, fd: 3, size: 1 } }, 'NULL', 'NULL for no data'],
  ['evt.buflen', read, 4, 'how much was read'],
  ['evt.buflen', { key: 'SYSCALL_READ_X', values: { res: -5, data: null, fd: 3, size: 1 } }, null, 'nothing when the read failed'],
  ['evt.buflen.in', read, 4, 'how much came in'],
  ['evt.buflen.out', read, null, 'nothing that went out'],
  ['evt.buflen.file', read, 4, 'how much went through a file'],
  ['evt.buflen.file.in', read, 4, 'how much came out of a file'],
  ['evt.buflen.net', read, null, 'nothing over the network'],
  ['evt.res', open({}), 'SUCCESS', 'that it worked'],
  ['evt.res', missing, 'ENOENT', 'the error by name'],
  ['evt.res', getpid, null, 'nothing for generic events'],
  ['evt.rawres', missing, -2, 'the result as a number'],
  ['evt.failed', missing, true, 'that it failed'],
  ['evt.failed', open({}), false, 'that it did not fail'],
  ['evt.is_io', read, true, 'that it reads or writes'],
  ['evt.is_io_read', read, true, 'that it reads'],
  ['evt.is_io_write', read, false, 'that it does not write'],
  ['evt.io_dir', read, 'read', 'read'],
  ['evt.io_dir', { key: 'SYSCALL_WRITE_X', values: { res: 1, data: Buffer.from('x'), fd: 3, size: 1 } }, 'write', 'write'],
  ['evt.io_dir', missing, null, 'nothing for what does neither'],
  ['evt.is_wait', { key: 'SYSCALL_NANOSLEEP_X', values: { res: 0, interval: 1 } }, true, 'that it waits'],
  ['evt.is_wait', read, false, 'that it does not wait'],
  ['evt.is_syslog', { key: 'SYSCALL_WRITE_X', values: { res: 1, data: Buffer.from('x'), fd: 3, size: 1 } }, false, 'that it is no write to the log'],
  ['evt.count', read, 1, 'always 1'],
  ['evt.count.exit', read, 1, '1 for an exit'],
  ['evt.count.error', missing, 1, '1 for an error'],
  ['evt.count.error', read, 0, '0 for none'],
  ['evt.count.error.file', missing, 1, '1 for a failed open'],
  ['evt.count.error.net', { key: 'SOCKET_ACCEPT_5_X', values: { fd: -11 } }, 1, '1 for a failed accept'],
  ['evt.count.error.net', read, null, 'nothing for files'],
  ['evt.count.error.memory', { key: 'SYSCALL_MPROTECT_X', values: { res: -12, addr: 0, length: 1, prot: 1 } }, 1, '1 for a memory call that failed'],
  ['evt.count.error.memory', read, null, 'nothing for other calls'],
  ['evt.count.error.other', { key: 'SYSCALL_SETUID_X', values: { res: -1, uid: 0 } }, 1, '1 for any other call that failed'],
  ['evt.count.error.other', missing, null, 'nothing for files'],
  ['evt.abspath', open({ name: '../bob/x' }), '/home/bob/x', 'the path made absolute and tidied'],
  ['evt.abspath', open({ dirfd: 4, name: 'shadow' }), '/etc/shadow', 'the path below the directory'],
  ['evt.abspath.src', { key: 'SYSCALL_RENAMEAT2_X', values: { res: 0, olddirfd: 4, oldpath: 'a', newdirfd: AT_FDCWD, newpath: 'b', flags: 0 } }, '/etc/a', 'the first path'],
  ['evt.abspath.dst', { key: 'SYSCALL_RENAMEAT2_X', values: { res: 0, olddirfd: 4, oldpath: 'a', newdirfd: AT_FDCWD, newpath: 'b', flags: 0 } }, '/home/alice/b', 'the second path'],
  ['evt.abspath', read, null, 'nothing for calls without such a path'],
  ['evt.is_open_read', open({ flags: 1 }), true, 'that it was opened for reading'],
  ['evt.is_open_write', open({ flags: 1 }), false, 'that it was not opened for writing'],
  ['evt.is_open_write', open({ flags: 3 }), true, 'that O_RDWR is for writing'],
  ['evt.is_open_read', open({ flags: 3 }), true, 'that O_RDWR is for reading'],
  ['evt.is_open_read', read, false, 'that a read opens nothing'],
  ['evt.is_open_exec', open({ flags: 2 | 4, mode: 0o755 }), true, 'that it was made executable'],
  ['evt.is_open_exec', open({ flags: 2, mode: 0o755 }), false, 'that nothing was made without O_CREAT'],
  ['evt.is_open_exec', { key: 'SYSCALL_CREAT_X', values: { fd: 5, name: '/x', mode: 0o700 } }, true, 'that creat made it executable'],
  ['evt.is_open_create', open({ flags: 0x4002 }), true, 'that the call made the file'],
  ['evt.is_open_create', open({ flags: 0x2002 }), true, 'that a temporary file is made'],
  ['evt.is_open_create', open({ fd: -2, flags: 0x2002 }), false, 'that a temporary file is not made when the call failed'],
  ['evt.latency', read, 0, 'no latency without entries'],
  ['evt.latency.human', read, '0ns', 'no latency without entries'],
  ['evt.wait_latency', read, 0, 'no latency without entries'],
  ['evt.source', read, 'syscall', 'the source'],
  ['evt.hostname', read, 'node1', 'the name of the machine'],
  ['evt.is_async', read, false, 'that a system call caused it'],
  ['evt.asynctype', read, null, 'nothing for system calls'],
  ['evt.asynctype', { key: 'USER_ADDED_E', values: { uid: 7, gid: 7, name: 'x' } }, 'useradded', 'the kind of an asynchronous event'],
  ['evt.pluginname', read, null, 'nothing for system calls'],
  ['evt.plugininfo', read, null, 'nothing for system calls'],
  ['evt.around[1700000000000000000]', { ...read, options: { ts } }, 124, 'how far the time is away in milliseconds, rounded up'],
];

describe('an event prints', () => {
  for (const [use, event, value, says] of PRINTED) {
    it(`${use} of ${event.key}: ${says}`, () => expect(new Scene().prints(use, event)).toEqual(value));
  }
});

describe('the time of an event prints', () => {
  const date = new Date(Number(ts / 1_000_000n));
  const two = (n: number) => String(n).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  // biome-ignore format: one line a value
  const rows: readonly (readonly [string, Value])[] = [
    ['evt.time', `${time}.123456789`], ['evt.time.s', time],
    ['evt.datetime', `${day} ${time}.123456789`], ['evt.datetime.s', `${day} ${time}`],
    ['evt.time.iso8601', '2023-11-14T22:13:20.123456789+0000'],
    ['evt.rawtime', ts], ['evt.rawtime.s', 1_700_000_000], ['evt.rawtime.ns', 123_456_789],
  ];
  for (const [use, value] of rows) it(use, () => expect(new Scene().prints(use, { ...read, options: { ts } })).toEqual(value));

  it('as a number in JSON', () => {
    for (const use of ['evt.time', 'evt.time.s', 'evt.time.iso8601', 'evt.datetime', 'evt.datetime.s']) {
      expect(new Scene().field(use)?.json).toBeTypeOf('function');
    }
  });
  it('relative to the first event, and to the one before', () => {
    const scene = new Scene();
    const at = (more: bigint): Happening => ({ ...read, options: { ts: ts + more } });
    expect(scene.prints('evt.reltime', at(0n))).toBe(0);
    expect(scene.prints('evt.reltime', at(2_000_000_005n))).toBe(2_000_000_005);
    expect(scene.prints('evt.reltime.s', at(2_000_000_005n))).toBe(2);
    expect(scene.prints('evt.reltime.ns', at(2_000_000_005n))).toBe(5);
  });
  it('evt.num counts up', () => {
    const scene = new Scene();
    expect(Number(scene.prints('evt.num', read)) + 1).toBe(Number(scene.prints('evt.num', read)));
  });
});

describe('evt.deltatime', () => {
  it('is the time since the event before, 0 for the first', () => {
    const catalogue = new Scene().catalogue;
    const view = new EventView();
    const value = (use: string) => {
      const read = catalogue.find(use)?.field.bind(null);
      return typeof read === 'function' ? read(view) : read;
    };
    viewOf(buildEvent('SYSCALL_GETUID_X', { uid: 0 }, { ts }), view);
    expect(value('evt.deltatime')).toBe(0);
    viewOf(buildEvent('SYSCALL_GETUID_X', { uid: 0 }, { ts: ts + 3_000_000_007n }), view);
    expect(value('evt.deltatime')).toBe(3_000_000_007);
    expect(value('evt.deltatime.s')).toBe(3);
    expect(value('evt.deltatime.ns')).toBe(7);
  });
});

describe('evt.buffer', () => {
  it('is compared by its bytes', () => expect(new Scene().compares('evt.buffer', read)).toBe('a\n\0b'));
  it('prints as base64 where that is wanted', () => expect(new Scene({ base64: true }).prints('evt.buffer', read)).toBe('YQoAYg=='));
});

describe('evt.is_syslog', () => {
  it('is true for a write to the log socket', () => {
    const scene = new Scene();
    scene.thread(1000).fds.get(3)!.name = '0->ff01 /dev/log';
    expect(scene.prints('evt.is_syslog', { key: 'SYSCALL_WRITE_X', values: { res: 1, data: Buffer.from('x'), fd: 3, size: 1 } })).toBe(true);
  });
});

describe('evt.rawarg has the type of its parameter', () => {
  it.each([
    ['evt.rawarg.flags', 'FLAGS32'], ['evt.rawarg.res', 'ERRNO'], ['evt.rawarg.name', 'FSPATH'], ['evt.rawarg.size', 'UINT32'], ['evt.rawarg.uid', 'UINT32'],
  ])('%s is %s', (use, type) => expect(new Scene().field(use)?.type).toBe(type));
});

describe('wrong uses are refused with a reason', () => {
  it.each([
    ['evt.arg.nonsense', /no event has a parameter 'nonsense'/],
    ['evt.rawarg[0]', /name of a parameter is needed/],
    ['evt.rawarg.nonsense', /no event has a parameter/],
    ['evt.type.is.nonsense', /no event type 'nonsense'/],
    ['evt.abspath.up', /\.src and \.dst/],
    ['evt.around[soon]', /time in nanoseconds/],
    ['evt.nonsense', /no field/],
  ])('%s', (use, reason) => expect(new Scene().refuses(use)).toMatch(reason));
});

describe('event types can be named', () => {
  const { eventTypes } = new Scene().catalogue;
  it('by the name of the event, all its versions', () => expect(eventTypes.get('openat')?.length).toBeGreaterThan(2));
  it('by a system call that has no event of its own', () => expect(eventTypes.get('getpid')).toEqual([0, 1]));
  it('by a system call that shares the event of another, which matches nothing', () => expect(eventTypes.get('pread64')).toEqual([]));
  it('by an asynchronous event', () => expect(eventTypes.get('container_removed')).toEqual([402]));
  it('but not by a name that does not exist', () => expect(eventTypes.get('nonsense')).toBeUndefined());
});

