// SPDX-License-Identifier: Apache-2.0
/** What conditions and outputs see of events that are incomplete, repeated or hostile. */
import { describe, expect, it } from 'vitest';
import { createEngine } from '../../src/engine/engine.js';
import { parse } from '../../src/lang/parse.js';
import { resolve } from '../../src/lang/resolve.js';
import { feed, type ParamValue, sockaddr, socktuple } from '../helpers/event-builder.js';
import { type Happening, Scene } from '../helpers/scene.js';

/** Whether a condition holds for an event in a machine. */
function holds(scene: Scene, condition: string, { key, values = {}, options = {} }: Happening): boolean {
  let matched = false;
  const { ast, errors } = parse(condition);
  expect(errors).toEqual([]);
  const rule = { name: 'r', source: 'syscall', condition: resolve(ast!, { macros: new Map(), lists: new Map() }).ast, enabled: true };
  const engine = createEngine([rule], [scene.catalogue], { matching: 'first', onMatch: () => { matched = true; } });
  feed(scene.state, key, values, options, (view) => engine.process(0, view));
  return matched;
}

const CLIENT = ['172.40.111.222', 54321] as const;
const SERVER = ['142.251.111.147', 443] as const;
const SECOND = ['152.40.111.222', 25632] as const;
const pair = socktuple([...CLIENT], [...SERVER]);
const NAME = '172.40.111.222:54321->142.251.111.147:443';
const connect = (to: typeof SERVER | typeof SECOND, more: Readonly<Record<string, ParamValue>> = {}): Happening => ({
  key: 'SOCKET_CONNECT_X', values: { res: 0, tuple: socktuple([...CLIENT], [...to]), fd: 7, addr: sockaddr([...to]), ...more },
});
/** A machine with a socket as descriptor 7. */
const withSocket = (type = 1): Scene => new Scene().first('SOCKET_SOCKET_X', { fd: 7, domain: 2, type, proto: 0, flags: 0 });

describe('a connection', () => {
  it('keeps its name when another connect of the same socket fails', () => {
    const scene = withSocket();
    expect(scene.prints('fd.name', connect(SERVER))).toBe(NAME);
    const failed = connect(SECOND, { res: -2 });
    for (const [use, value] of [['fd.name', NAME], ['fd.connected', true], ['fd.sip', SERVER[0]], ['fd.cip', CLIENT[0]], ['fd.sport', 443], ['fd.cport', 54321]] as const) {
      expect([use, scene.prints(use, failed)]).toEqual([use, value]);
    }
  });

  it('keeps its name when a failed connect says nothing of addresses', () => {
    const scene = withSocket(2);
    scene.prints('fd.name', connect(SERVER));
    expect(scene.prints('fd.name', connect(SECOND, { res: -2, tuple: null, addr: null }))).toBe(NAME);
  });

  it('is known although another call of the thread came between its two halves', () => {
    const scene = withSocket();
    scene.first('SOCKET_CONNECT_E', { fd: 7, addr: sockaddr([...SERVER]) });
    scene.first('SOCKET_SENDTO_X', { res: 0, data: null, fd: 7, size: 102, tuple: pair });
    expect(scene.prints('fd.name', connect(SERVER))).toBe(NAME);
    expect(scene.prints('fd.connected', connect(SERVER))).toBe(true);
  });

  it('says that its name changed when a datagram socket connects anew, and an empty message does not change it', () => {
    const scene = withSocket(2);
    scene.prints('fd.name', connect(SERVER));
    expect(scene.prints('fd.name_changed', connect(SECOND))).toBe(true);
    const name = '172.40.111.222:54321->152.40.111.222:25632';
    expect(scene.prints('fd.name', { key: 'SOCKET_SENDTO_X', values: { res: 0, data: null, fd: 7, size: 6, tuple: null } })).toBe(name);
  });

  it('is compared with networks and lists of addresses, of either version', () => {
    const scene = withSocket();
    const yes = [
      'fd.net = 142.0.0.0/4', 'fd.net != 2001:db8:abcd:0012::0/64', 'fd.sip = anyof (10.0.0.1, 142.251.111.147)', 'fd.sip = oneof (10.0.0.1, 142.251.111.147)',
      'fd.sip = allof (142.251.111.147)', 'fd.sip != allof (10.0.0.1, 192.168.0.1)', 'fd.sip != 0:0:0:0:0:0:0:1', 'fd.lip = 142.251.111.147', 'fd.rip = 172.40.111.222',
    ];
    const no = ['fd.net = 10.0.0.0/8', 'fd.ip != 142.251.111.147', 'fd.sip = allof (142.251.111.147, 10.0.0.1)', 'fd.sip != anyof (142.251.111.147)', "fd.sip = '0:0:0:0:0:0:0:1'"];
    expect(yes.filter((condition) => !holds(scene, condition, connect(SERVER)))).toEqual([]);
    expect(no.filter((condition) => holds(scene, condition, connect(SERVER)))).toEqual([]);
  });
});

describe('an open of a capture of old', () => {
  const entered: Readonly<Record<string, ParamValue>> = { flags: 0, mode: 0 };
  it.each(['<NA>', '(NULL)', null])('has the name from its end when its beginning says %j', (name) => {
    const end = { fd: 9, name: '/tmp/the_file', flags: 0, mode: 0, dev: 0, ino: 0 };
    const creat = { fd: 9, name: '/tmp/the_file', mode: 0, dev: 0, ino: 0, creat_flags: 0 };
    const scene = new Scene();
    const seen = (begin: string, more: Readonly<Record<string, ParamValue>>, key: string, values: Readonly<Record<string, ParamValue>>) =>
      scene.first(begin, { ...more, name }).prints('fd.name', { key, values });
    expect(seen('SYSCALL_OPEN_E', entered, 'SYSCALL_OPEN_X', end)).toBe('/tmp/the_file');
    expect(seen('SYSCALL_OPENAT_2_E', { ...entered, dirfd: 3 }, 'SYSCALL_OPENAT_2_X', { ...end, dirfd: 3 })).toBe('/tmp/the_file');
    expect(seen('SYSCALL_OPENAT2_E', { ...entered, dirfd: 3, resolve: 0 }, 'SYSCALL_OPENAT2_X', { ...end, dirfd: 3, resolve: 0 })).toBe('/tmp/the_file');
    expect(seen('SYSCALL_CREAT_E', { mode: 0 }, 'SYSCALL_CREAT_X', creat)).toBe('/tmp/the_file');
  });
});

describe('a file', () => {
  const open = (name: string | Buffer, more: Readonly<Record<string, ParamValue>> = {}): Happening => ({
    key: 'SYSCALL_OPEN_X', values: { fd: 9, name, flags: 3, mode: 0, dev: 5, ino: 123, ...more },
  });

  it('whose path is too long has a name that says so', () => {
    const long = open(`/${'A'.repeat(1000)}/${'B'.repeat(1000)}/${'C'.repeat(1000)}`);
    const scene = new Scene();
    expect(['fd.name', 'fd.directory', 'fd.filename'].map((use) => scene.prints(use, long))).toEqual(['/DIR_TOO_LONG/FILENAME_TOO_LONG', '/DIR_TOO_LONG', 'FILENAME_TOO_LONG']);
  });

  it('opened by a handle that could not be resolved is <NA>', () => {
    expect(new Scene().prints('fd.name', { key: 'SYSCALL_OPEN_BY_HANDLE_AT_X', values: { fd: 6, mountfd: 7, flags: 3, path: '<NA>', dev: 0, ino: 0 } })).toBe('<NA>');
  });

  it('duplicated onto its own number stays what it is', () => {
    const scene = new Scene();
    scene.prints('fd.name', open('/tmp/test'));
    expect(scene.prints('fd.name', { key: 'SYSCALL_DUP2_X', values: { res: 9, oldfd: 9, newfd: 9 } })).toBe('/tmp/test');
    expect(scene.prints('fd.name', { key: 'SYSCALL_DUP3_X', values: { res: 12, oldfd: 9, newfd: 12, flags: 0 } })).toBe('/tmp/test');
    expect(scene.prints('fd.num', { key: 'SYSCALL_DUP_1_X', values: { res: 13, oldfd: 9 } })).toBe(13);
  });

  it('is matched by folders, with wildcards', () => {
    const scene = new Scene();
    const event = open('/opt/dir/subdir/file.txt');
    const yes = ['/opt/dir', '/opt/dir, /opt/dir2', '/opt/*', '/opt/*/subdir', '/opt/di?/subdir', '/opt/di[r]/subdir', '/opt/*/*'];
    const no = ['/opt/dir2', '/opt/dir3, /opt/dir2', '/opt/dii?/subdir', '/opt/di[!r]/subdir', '/opt/di[t]/subdir', '/opt/di/subdir', '/opt/*/*/subsubdir'];
    expect(yes.filter((list) => !holds(scene, `fd.name pmatch (${list})`, event))).toEqual([]);
    expect(no.filter((list) => holds(scene, `fd.name pmatch (${list})`, event))).toEqual([]);
  });
});

describe('a pipe', () => {
  it('has an inode and a kind, and nothing of a file or a connection', () => {
    const scene = new Scene();
    const pipe: Happening = { key: 'SYSCALL_PIPE2_X', values: { res: 0, fd1: 5, fd2: 6, ino: 7_479_253_124, flags: 17 } };
    const uses = ['fd.num', 'fd.type', 'fd.typechar', 'fd.uid', 'fd.ino', 'fd.name', 'fd.nameraw', 'fd.l4proto', 'fd.is_server', 'fd.containername', 'fd.connected', 'fd.name_changed', 'fd.dev', 'fd.dev.major', 'fd.dev.minor'];
    expect(uses.map((use) => scene.prints(use, pipe))).toEqual([6, 'pipe', 'p', '10006', 7_479_253_124, '', '', '<NA>', false, ':', false, false, 0, 0, 0]);
  });
});

describe('a parameter', () => {
  it.each([
    ['of a text that is absent', 'evt.arg.path', { key: 'SYSCALL_CHDIR_X', values: { res: 0, path: null } }, '<NA>'],
    ['of a text that is empty', 'evt.arg.path', { key: 'SYSCALL_CHDIR_X', values: { res: 0, path: '' } }, ''],
    ['of a text that could not be read', 'evt.arg.path', { key: 'SYSCALL_CHDIR_X', values: { res: 0, path: '(NULL)' } }, '<NA>'],
    ['of a path that is absent', 'evt.arg.name', { key: 'SYSCALL_CREAT_X', values: { fd: 0, name: null, mode: 0, dev: 0, ino: 0, creat_flags: 0 } }, '<NA>'],
    ['of a relative path that is absent', 'evt.arg.name', { key: 'SYSCALL_UNLINKAT_2_X', values: { res: 0, dirfd: 0, name: null, flags: 0 } }, '<NA>'],
    ['of data that are empty', 'evt.arg.data', { key: 'SYSCALL_PWRITE_X', values: { res: 0, data: null, fd: 0, size: 0, pos: 0 } }, 'NULL'],
    ['of an enumeration with two names', 'evt.arg.domain', { key: 'SOCKET_SOCKET_X', values: { fd: 9, domain: 1, type: 2, proto: 0, flags: 0 } }, 'AF_LOCAL|AF_UNIX'],
    ['of a command', 'evt.arg.cmd', { key: 'SYSCALL_FCNTL_X', values: { res: 0, fd: 0, cmd: 1, arg: 0 } }, 'F_DUPFD'],
  ] as const)('%s is printed as the ecosystem prints it', (_, use, event, value) => {
    expect(new Scene().prints(use, event)).toBe(value);
  });

  it.each([
    ['a\0b', ['evt.buffer = "a\\x00b"', 'evt.buffer bcontains 610062', 'evt.buffer bstartswith 6100'], ['evt.buffer = ab', 'evt.buffer bcontains 610162', 'evt.buffer bstartswith 6101']],
    ['hello', ['evt.buffer bcontains 656c6C', 'evt.buffer bstartswith 68656c6c6f', 'len(evt.arg.data) = 5'], ['evt.buffer bcontains 656c6cAA', 'evt.buffer bstartswith 65']],
  ])('of the data %j is compared byte by byte', (data, yes, no) => {
    const read: Happening = { key: 'SYSCALL_READ_X', values: { res: data.length, data: Buffer.from(data), fd: 0, size: 9 } };
    const scene = new Scene();
    expect(yes.filter((condition) => !holds(scene, condition, read))).toEqual([]);
    expect(no.filter((condition) => holds(scene, condition, read))).toEqual([]);
  });

  it('that is negative is less than nothing, however large the number it is compared with', () => {
    const scene = new Scene();
    const failed: Happening = { key: 'SYSCALL_EPOLL_CREATE_X', values: { res: -22, size: 0 } };
    const yes = ['evt.rawarg.res < 0', 'evt.rawarg.res < -1', 'evt.rawarg.res > -65535', 'evt.cpu > -500', 'evt.cpu <= 1025', 'evt.res = EINVAL', 'evt.count.error = 1'];
    const no = ['evt.rawarg.res > 0', 'evt.rawarg.res > 4294967295', 'evt.cpu >= 1025'];
    expect(yes.filter((condition) => !holds(scene, condition, failed))).toEqual([]);
    expect(no.filter((condition) => holds(scene, condition, failed))).toEqual([]);
  });
});

describe('ids', () => {
  it('do not change when the call that sets them fails', () => {
    const scene = new Scene();
    expect(scene.prints('user.uid', { key: 'SYSCALL_SETUID_X', values: { res: 0, uid: 500 } })).toBe(500);
    expect(scene.prints('group.gid', { key: 'SYSCALL_SETGID_X', values: { res: 0, gid: 600 } })).toBe(600);
    expect(scene.prints('user.uid', { key: 'SYSCALL_SETUID_X', values: { res: -1, uid: 0 } })).toBe(500);
    expect(scene.prints('group.gid', { key: 'SYSCALL_SETGID_X', values: { res: -1, gid: 0 } })).toBe(600);
    expect(scene.prints('user.uid', { key: 'SYSCALL_SETRESUID_X', values: { res: -1, ruid: 0, euid: 0, suid: 0 } })).toBe(500);
  });
});

describe('a comparison', () => {
  it.each([
    ['a number with a text of the same name', { key: 'SYSCALL_MOUNT_X', values: { res: 0, dev: '/dev/sda', dir: '/mnt', type: 'ext4', flags: 0 } },
      ['evt.rawarg.type exists', 'evt.rawarg.dir = /mnt'], ['evt.rawarg.type > 0', 'evt.rawarg.type = 0', 'evt.rawarg.dev in (1, 2)']],
    ['the data of a read that got none', { key: 'SYSCALL_READ_X', values: { res: 0, data: null, fd: 3, size: 1 } },
      ['evt.buffer exists', 'evt.buffer != x'], ['evt.buffer contains x']],
    ['the kinds of no descriptors', { key: 'SYSCALL_READ_X', values: { res: 0, data: null, fd: 3, size: 1 }, options: { tid: 100 } },
      ['fd.types exists', 'fd.types in (file)'], ['fd.types intersects (file)']],
    ['an address with a list', { key: 'SYSCALL_READ_X', values: { res: 1, data: Buffer.from('x'), fd: 7, size: 1 } },
      ['fd.ip in (10.0.0.9, 142.251.111.147)', 'proc.apid in (100, 7)', 'evt.rawarg.size in (1, 2)'], ['fd.ip in (10.0.0.9)']],
  ] as const)('of %s', (_, event, yes, no) => {
    const scene = withSocket();
    scene.prints('fd.name', connect(SERVER));
    for (const condition of yes) expect([condition, holds(scene, condition, event)]).toEqual([condition, true]);
    for (const condition of no) expect([condition, holds(scene, condition, event)]).toEqual([condition, false]);
  });
});
