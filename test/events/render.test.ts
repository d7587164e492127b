// SPDX-License-Identifier: Apache-2.0
/** How single parameters print. */
import { describe, expect, it } from 'vitest';
import { flagNames } from '../../src/events/flag-text.js';
import { rawParam } from '../../src/events/raw-param.js';
import { generalText, renderAll, renderMeaning, renderParam, type RenderContext } from '../../src/events/render.js';
import { EVENTS } from '../../src/events/table.js';
import { buildEvent, type EventOptions, type ParamValue, sockaddr, socktuple, unixTuple, viewOf } from '../helpers/event-builder.js';

const CONTEXT: RenderContext = { threads: { get: () => undefined }, users: { user: () => null, group: () => null }, base64: false };

/** `text` or `text(resolved)` of one parameter. */
function shown(key: string, name: string, value: ParamValue, context = CONTEXT, options: EventOptions = {}): string | null {
  const view = viewOf(buildEvent(key, { [name]: value }, options));
  const index = EVENTS[view.type].params.findIndex((param) => param.name === name);
  const rendered = renderParam(view, index, context);
  if (rendered === null) return null;
  return rendered.resolved === '' ? rendered.text : `${rendered.text}(${rendered.resolved})`;
}

const dynamic = (index: number, bytes: readonly number[]) => Uint8Array.from([index, ...bytes]);

// biome-ignore format: one line a value
const PRINTED: readonly (readonly [key: string, name: string, value: ParamValue, text: string, says: string])[] = [
  ['SYSCALL_SETUID_X', 'res', -1, '-1(EPERM)', 'an error'],
  ['SYSCALL_SETUID_X', 'res', 0, '0', 'success'],
  ['SYSCALL_SETUID_X', 'res', -4000, '-4000', 'an error that has no name'],
  ['SYSCALL_SETUID_X', 'uid', 0xffff_ffff, '-1(<NONE>)', 'nobody'],
  ['SYSCALL_SETUID_X', 'uid', 12, '12(<NA>)', 'a user that has no name'],
  ['SYSCALL_SETGID_X', 'gid', 0xffff_ffff, '-1(<NONE>)', 'no group'],
  ['SYSCALL_FCHOWN_X', 'uid', 0xffff_ffff, '-1', 'an id as a signed number'],
  ['SYSCALL_OPENAT_2_X', 'fd', -2, '-2', 'an error without a thread'],
  ['SYSCALL_OPENAT_2_X', 'name', '/x', '/x', 'a path'],
  ['SYSCALL_OPENAT_2_X', 'name', null, '<NA>', 'a path that could not be read'],
  ['SYSCALL_OPENAT_2_X', 'name', '(NULL)', '<NA>', 'a path that could not be read, by an old writer'],
  ['SYSCALL_OPENAT_2_X', 'flags', 0, '0(O_NONE)', 'no flags'],
  ['SYSCALL_OPENAT_2_X', 'flags', 0x100 | 3 | 4, '263(O_TRUNC|O_CREAT|O_RDWR)', 'flags: O_RDWR without O_RDONLY and O_WRONLY'],
  ['SYSCALL_OPENAT_2_X', 'flags', null, '<NA>', 'a missing number'],
  ['SYSCALL_OPENAT_2_X', 'mode', 0o644, '0644', 'an octal number'],
  ['SYSCALL_OPENAT_2_X', 'mode', 0, '0', 'an octal zero'],
  ['SYSCALL_OPENAT_2_X', 'dev', 0x1a, '1A', 'a hexadecimal number'],
  ['SYSCALL_CHMOD_X', 'mode', 0o4755, '04755(S_IXOTH|S_IROTH|S_IXGRP|S_IRGRP|S_IXUSR|S_IWUSR|S_IRUSR|S_ISUID)', 'a mode bit by bit'],
  ['SYSCALL_CHMOD_X', 'mode', 0o400, '0400(S_IRUSR)', 'a mode of one bit'],
  ['SOCKET_SOCKET_X', 'domain', 1, '1(AF_LOCAL|AF_UNIX)', 'all names of one number'],
  ['SOCKET_SOCKET_X', 'domain', 77, '77', 'a number without a name'],
  ['SYSCALL_READ_X', 'data', Buffer.from('ab\u0000\n~\u007f'), 'ab..~.', 'data with dots'],
  ['SYSCALL_READ_X', 'data', null, 'NULL', 'no data'],
  ['SOCKET_BIND_X', 'addr', sockaddr(['10.0.0.1', 80]), '10.0.0.1:80', 'an IPv4 address'],
  ['SOCKET_BIND_X', 'addr', sockaddr(['2001:db8::1', 80]), '2001:db8::1:80', 'an IPv6 address'],
  ['SOCKET_BIND_X', 'addr', sockaddr('/run/x.sock'), '/run/x.sock', 'the path of a unix socket'],
  ['SOCKET_BIND_X', 'addr', Uint8Array.from([17, 0, 0]), 'family 17', 'an address of another family'],
  ['SOCKET_BIND_X', 'addr', Uint8Array.from([2, 0]), 'INVALID IPv4', 'an address that is cut off'],
  ['SOCKET_BIND_X', 'addr', null, '<NA>', 'no address'],
  ['SOCKET_CONNECT_X', 'tuple', socktuple(['10.0.0.1', 1], ['10.0.0.2', 2]), '10.0.0.1:1->10.0.0.2:2', 'both ends'],
  ['SOCKET_CONNECT_X', 'tuple', socktuple(['::ffff:10.0.0.1', 1], ['::ffff:10.0.0.2', 2]), '10.0.0.1:1->10.0.0.2:2', 'mapped addresses as IPv4'],
  ['SOCKET_CONNECT_X', 'tuple', socktuple(['2001:db8::1', 1], ['::1', 2]), '2001:db8::1:1->::1:2', 'both IPv6 ends'],
  ['SOCKET_CONNECT_X', 'tuple', unixTuple(0n, 0xff01n, '/run/x'), '0->ff01 /run/x', 'both ends of a unix socket'],
  ['SOCKET_CONNECT_X', 'tuple', Uint8Array.from([10, 1]), 'INVALID IPv6', 'ends that are cut off'],
  ['SOCKET_CONNECT_X', 'tuple', null, 'NULL', 'no ends'],
  ['SYSCALL_KILL_X', 'sig', 9, '9(SIGKILL)', 'a signal'],
  ['SYSCALL_KILL_X', 'sig', 99, '99', 'a signal without a name'],
  ['SYSCALL_KILL_X', 'pid', -1, '-1', 'all processes'],
  ['SYSCALL_NANOSLEEP_X', 'interval', 20_000, '20000(2e-05s)', 'a duration in seconds'],
  ['SYSCALL_NANOSLEEP_X', 'interval', 1_500_000_000, '1500000000(1.5s)', 'a duration in seconds'],
  ['SYSCALL_NANOSLEEP_X', 'interval', -1n, 'none', 'no limit of time'],
  ['SYSCALL_PPOLL_X', 'sigmask', 0b101, 'SIGHUP SIGQUIT', 'a set of signals'],
  ['GENERIC_X', 'ID', 16, '16(getpid)', 'a system call'],
  ['SOCKET_SETSOCKOPT_X', 'val', dynamic(2, [1, 0, 0, 0]), '1', 'an option that is a number'],
  ['SOCKET_SETSOCKOPT_X', 'val', dynamic(0, [65, 0]), 'A.', 'an option that is data'],
  ['SOCKET_SETSOCKOPT_X', 'val', dynamic(1, [0xfe, 255, 255, 255, 255, 255, 255, 255]), '-2(ENOENT)', 'an option that is an error'],
  ['SOCKET_SETSOCKOPT_X', 'val', dynamic(9, [1]), 'INVALID DYNAMIC PARAMETER', 'an option of no kind'],
  ['SOCKET_SETSOCKOPT_X', 'val', null, 'NULL', 'no option'],
  ['SYSCALL_KEYCTL_X', 'arg2', dynamic(1, [107, 0]), 'k', 'an argument that is a text'],
  ['SYSCALL_LSEEK_X', 'offset', -60, '-60', 'a negative number'],
  ['SYSCALL_PRLIMIT_X', 'oldmax', -1n, '-1', 'no limit'],
  ['SYSCALL_BRK_4_X', 'res', 0x5653_0bdb_1000n, '56530BDB1000', 'an address'],
  ['SYSCALL_CAPSET_X', 'cap_permitted', 0x1ff_ffff_ffffn, '1FFFFFFFFFF', 'a set of capabilities in hexadecimal'],
  ['SYSCALL_EXECVE_19_X', 'args', Buffer.from('-c\0id\0'), '-c.id.', 'arguments with dots between them'],
];

describe('a parameter prints as', () => {
  for (const [key, name, value, text, says] of PRINTED) it(`${text}: ${says} (${key} ${name})`, () => expect(shown(key, name, value)).toBe(text));

  it('the name of a process that is known', () => {
    const context = { ...CONTEXT, threads: { get: (tid: number) => (tid === 7 ? ({ comm: 'sh' } as never) : undefined) } };
    expect(shown('SYSCALL_KILL_X', 'pid', 7, context)).toBe('7(sh)');
    expect(shown('SYSCALL_KILL_X', 'pid', 8, context)).toBe('8');
  });
  it('the time of day for points in time', () => {
    const date = new Date(1_700_000_000_000);
    const text = shown('SYSCALL_EXECVE_19_X', 'exe_ino_ctime', 1_700_000_000_000_000_007n);
    expect(text).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.000000007$/);
    expect(text).toContain(`${String(date.getHours()).padStart(2, '0')}:${String(date.getMinutes()).padStart(2, '0')}:${String(date.getSeconds()).padStart(2, '0')}.`);
  });
  it('base64 for data where that is wanted', () => {
    expect(shown('SYSCALL_READ_X', 'data', Buffer.from([0, 255, 16]), { ...CONTEXT, base64: true })).toBe('AP8Q');
  });
});

describe('all parameters of an event', () => {
  it('print with their names, and those that an older writer left out do not', () => {
    const view = viewOf(buildEvent('SYSCALL_OPENAT_2_X', { fd: 3, dirfd: -100, name: '/x', flags: 1 }, { count: 4 }));
    expect(renderAll(view, CONTEXT)).toBe('fd=3 dirfd=-100 name=/x flags=1(O_RDONLY)');
    expect(renderMeaning(view, 3, CONTEXT)).toBe('O_RDONLY');
    expect(renderMeaning(view, 4, CONTEXT)).toBe(null);
  });
});

describe('a raw parameter', () => {
  const raw = (key: string, name: string, value: ParamValue) => {
    const view = viewOf(buildEvent(key, { [name]: value }));
    return rawParam(view, EVENTS[view.type].params.findIndex((param) => param.name === name));
  };
  it('is a number for numbers, by its sign and width', () => {
    expect(raw('SYSCALL_SETUID_X', 'res', -1)).toBe(-1);
    expect(raw('SYSCALL_SETUID_X', 'uid', 0xffff_ffff)).toBe(0xffff_ffff);
    expect(raw('SYSCALL_KILL_X', 'sig', 9)).toBe(9);
    expect(raw('SYSCALL_PRLIMIT_X', 'oldmax', -(2n ** 60n))).toBe(-(2n ** 60n));
    expect(raw('SYSCALL_CAPSET_X', 'cap_permitted', 2n ** 64n - 1n)).toBe(2n ** 64n - 1n);
    expect(raw('SOCKET_LISTEN_X', 'backlog', -5)).toBe(-5);
  });
  it('is a text for texts and bytes for data', () => {
    expect(raw('SYSCALL_CHDIR_X', 'path', '/x')).toBe('/x');
    expect(raw('SYSCALL_READ_X', 'data', Buffer.from('ab'))).toEqual(Buffer.from('ab'));
  });
  it('is nothing when it is absent', () => {
    expect(raw('SYSCALL_READ_X', 'data', null)).toBe(null);
    expect(raw('SYSCALL_SETUID_X', 'uid', null)).toBe(null);
  });
});

describe('numbers with six digits', () => {
  it.each([
    [0, '0'], [1, '1'], [0.1, '0.1'], [123456, '123456'], [1234567, '1.23457e+06'], [0.0001, '0.0001'], [0.00001234, '1.234e-05'], [99999.96, '100000'], [999999.5, '1e+06'],
  ])('%d is %s', (value, text) => expect(generalText(value)).toBe(text));
});

describe('flag names', () => {
  it('leave unknown bits out', () => expect(flagNames('umount_flags', 0x40 | 2)).toBe('DETACH'));
  it('are the same when asked again', () => expect([flagNames('file_flags', 7), flagNames('file_flags', 7)]).toEqual(['O_CREAT|O_RDWR', 'O_CREAT|O_RDWR']));
});
