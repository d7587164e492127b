// SPDX-License-Identifier: Apache-2.0
/** `fd.*`, `fdlist.*` and `fs.path.*`: files and connections. */
import { describe, expect, it } from 'vitest';
import type { Value } from '../../src/lang/value.js';
import { FdFlag, FdInfo } from '../../src/state/fd-info.js';
import { type ParamValue, socktuple } from '../helpers/event-builder.js';
import { type Happening, Scene } from '../helpers/scene.js';

const AT_FDCWD = -100;
const open = (values: Readonly<Record<string, ParamValue>> = {}): Happening => ({
  key: 'SYSCALL_OPENAT_2_X', values: { fd: 5, dirfd: AT_FDCWD, name: '../bob//notes', flags: 0x8001, mode: 0, dev: 0x0080_0801, ino: 7, ...values },
});
const on = (fd: number): Happening => ({ key: 'SYSCALL_FSTAT_X', values: { res: 0, fd } });

/** Descriptors 10 and up: a client's and a server's connection, a listener, a unix socket. */
function scene(): Scene {
  return new Scene().with((t) => {
    const connection = (type: 'ipv4' | 'ipv6', flag: FdFlag, ends: readonly [string, number, string, number]): FdInfo => {
      const fd = new FdInfo(type, `${ends[0]}:${ends[1]}->${ends[2]}:${ends[3]}`);
      fd.flags = flag | FdFlag.Connected;
      [fd.sourceIp, fd.sourcePort, fd.destIp, fd.destPort] = ends;
      fd.l4proto = 'tcp';
      return fd;
    };
    t.fds.set(10, connection('ipv4', FdFlag.RoleClient, ['10.0.0.5', 40000, '93.184.216.34', 443]));
    t.fds.set(11, connection('ipv4', FdFlag.RoleServer, ['203.0.113.9', 50000, '10.0.0.5', 22]));
    const listener = new FdInfo('ipv6', ':::80');
    listener.isServerSocket = true;
    listener.sourceIp = '::';
    listener.sourcePort = 80;
    listener.l4proto = 'tcp';
    listener.flags = FdFlag.RoleServer;
    t.fds.set(12, listener);
    t.fds.set(13, new FdInfo('unix', '0->ff01 /run/app.sock'));
    t.fds.set(14, new FdInfo('ipv4', ''));
    const file = new FdInfo('file', '/var/log/app.log');
    file.dev = 0x0080_0801;
    file.ino = 99;
    file.nameRaw = 'log//app.log';
    file.flags = FdFlag.OverlayLower;
    t.fds.set(15, file);
  });
}

// biome-ignore format: one line a value
const PRINTED: readonly (readonly [use: string, event: Happening, value: Value, says: string])[] = [
  ['fd.num', open(), 5, 'the number of what was opened'],
  ['fd.num', open({ fd: -2 }), -1, '-1 for what was not opened'],
  ['fd.num', { key: 'SYSCALL_GETUID_X' }, null, 'nothing for calls without a descriptor'],
  ['fd.name', open(), '/home/bob/notes', 'the whole path, tidied'],
  ['fd.name', open({ fd: -2 }), '/home/bob/notes', 'the path also of an open that failed'],
  ['fd.name', on(77), '', 'an empty name for a descriptor that is not known'],
  ['fd.nameraw', open(), '../bob/notes', 'the path as it was given, without doubled slashes'],
  ['fd.nameraw', open({ fd: -2 }), '../bob/notes', 'the same for an open that failed'],
  ['fd.directory', open(), '/home/bob', 'where it lies'],
  ['fd.directory', open({ fd: -2 }), '/home/bob', 'where it would lie'],
  ['fd.directory', on(4), '/etc', 'a directory itself'],
  ['fd.directory', open({ name: '/vmlinuz' }), '/', 'the root'],
  ['fd.directory', on(10), null, 'nothing for a socket'],
  ['fd.filename', open(), 'notes', 'the name in its directory'],
  ['fd.filename', open({ fd: -2 }), null, 'nothing for what was not opened'],
  ['fd.filename', on(4), null, 'nothing for a directory'],
  ['fd.type', open(), 'file', 'file'],
  ['fd.type', on(4), 'directory', 'directory'],
  ['fd.type', on(12), 'ipv6', 'the version of the protocol'],
  ['fd.type', on(77), null, 'nothing for what is not known'],
  ['fd.typechar', on(4), 'd', 'one letter'],
  ['fd.typechar', open({ fd: -2 }), 'f', 'what it would have been'],
  ['fd.typechar', { key: 'SOCKET_ACCEPT_5_X', values: { fd: -11 } }, '4', 'a socket for a failed accept'],
  ['fd.containername', open(), ':/home/bob/notes', 'no container before the colon'],
  ['fd.containerdirectory', open(), ':/home/bob', 'no container before the colon'],
  ['fd.uid', open(), '10005', 'thread and number'],
  ['fd.dev', on(15), 0x0080_0801, 'the device'],
  ['fd.dev.major', on(15), 8, 'its major number'],
  ['fd.dev.minor', on(15), 0x801, 'its minor number'],
  ['fd.ino', on(15), 99, 'the inode'],
  ['fd.is_lower_layer', on(15), true, 'that it lies in a lower layer'],
  ['fd.is_upper_layer', on(15), false, 'that it does not lie in the upper layer'],
  ['fd.types[4]', on(3), ['directory'], 'the kind of one descriptor'],
  ['fd.types[99]', on(3), null, 'nothing for a closed one'],
  ['fd.name_changed', on(3), false, 'that the name is as it was'],
  ['fd.connected', on(10), true, 'that it is connected'],
  ['fd.connected', on(3), false, 'that a file is not'],
  ['fd.cip', on(10), '10.0.0.5', 'the client'],
  ['fd.sip', on(10), '93.184.216.34', 'the server'],
  ['fd.lip', on(10), '10.0.0.5', 'our end'],
  ['fd.rip', on(10), '93.184.216.34', 'the other end'],
  ['fd.lip', on(11), '10.0.0.5', 'our end as a server'],
  ['fd.rip', on(11), '203.0.113.9', 'the other end as a server'],
  ['fd.cip', on(12), null, 'no client of a listener'],
  ['fd.sip', on(12), '::', "a listener's address"],
  ['fd.sip', on(14), null, 'nothing for a socket without addresses'],
  ['fd.sip', on(3), null, 'nothing for a file'],
  ['fd.cport', on(10), 40000, "the client's port"],
  ['fd.sport', on(10), 443, "the server's port"],
  ['fd.lport', on(11), 22, 'the port of our end'],
  ['fd.rport', on(11), 50000, 'the port of the other end'],
  ['fd.sport', on(12), 80, "a listener's port"],
  ['fd.lport', on(12), null, 'no ends of a listener'],
  ['fd.cproto', on(10), '40000', "the client's port as text"],
  ['fd.sproto', on(10), '443', "the server's port as text"],
  ['fd.lproto', on(11), '22', 'the port of our end as text'],
  ['fd.rproto', on(11), '50000', 'the port of the other end as text'],
  ['fd.sproto', on(12), '', 'an empty text for a listener'],
  ['fd.l4proto', on(10), 'tcp', 'the protocol'],
  ['fd.l4proto', on(3), '<NA>', 'none for a file'],
  ['fd.sockfamily', on(10), 'ip', 'ip'],
  ['fd.sockfamily', on(13), 'unix', 'unix'],
  ['fd.sockfamily', on(3), null, 'nothing for a file'],
  ['fd.is_server', on(10), false, 'that it is the client'],
  ['fd.is_server', on(11), true, 'that it is the server'],
  ['fd.is_server', on(12), true, 'that a listener is a server'],
  ['fd.is_server', on(3), false, 'that a file is none'],
  ['fd.cnet', on(10), '<IPNET>', 'a placeholder: networks are for comparing'],
  ['fd.snet', on(10), '<IPNET>', 'a placeholder'],
  ['fd.lnet', on(10), '<IPNET>', 'a placeholder'],
  ['fd.rnet', on(10), '<IPNET>', 'a placeholder'],
  ['fd.ip', on(10), null, 'nothing: it is for conditions'],
  ['fd.port', on(10), null, 'nothing: it is for conditions'],
  ['fd.proto', on(10), null, 'nothing: it is for conditions'],
  ['fd.net', on(10), null, 'nothing: it is for conditions'],
  ['fd.sip.name', on(10), null, 'nothing for an address that no rule names'],
];

describe('a relative path that could not be opened', () => {
  it('is not shown as what the thread opened before', () => {
    const open = (values: Readonly<Record<string, ParamValue>>) => ({ dirfd: 4, flags: 1, mode: 0, dev: 1, ino: 2, ...values });
    const made = scene().first('SYSCALL_OPENAT_2_E', { dirfd: 4, name: 'hosts', flags: 1, mode: 0 }).first('SYSCALL_OPENAT_2_X', open({ fd: 9, name: 'hosts' }));
    expect(made.prints('fs.path.name', { key: 'SYSCALL_OPENAT_2_X', values: open({ fd: -2, name: 'no' }) })).toBe('<UNKNOWN>');
  });
});

describe('a descriptor prints', () => {
  for (const [use, event, value, says] of PRINTED) {
    it(`${use} of ${event.key}: ${says}`, () => expect(scene().prints(use, event)).toEqual(value));
  }
  it('fd.types: every kind that is open, once', () => {
    expect(scene().prints('fd.types', on(3))).toEqual(['file', 'pipe', 'directory', 'ipv4', 'ipv6', 'unix']);
  });
  it('fd.name_changed: that a connect named it', () => {
    const tuple = socktuple(['10.0.0.5', 1234], ['192.0.2.1', 80]);
    const made = new Scene().first('SOCKET_SOCKET_X', { fd: 6, domain: 2, type: 1, proto: 0, flags: 0 });
    expect(made.prints('fd.name_changed', { key: 'SOCKET_CONNECT_X', values: { res: 0, tuple, fd: 6 } })).toBe(true);
    expect(made.prints('fd.name', on(6))).toBe('10.0.0.5:1234->192.0.2.1:80');
    expect(made.prints('fd.name_changed', on(6))).toBe(false);
  });
});

describe('a condition looks', () => {
  // biome-ignore format: one line a value
  it.each([
    ['fd.ip', on(10), ['10.0.0.5', '93.184.216.34']], ['fd.ip', on(12), ['::']], ['fd.ip', on(3), null],
    ['fd.port', on(10), [40000, 443]], ['fd.proto', on(11), [50000, 22]], ['fd.net', on(11), ['203.0.113.9', '10.0.0.5']],
    ['fd.cnet', on(10), '10.0.0.5'], ['fd.snet', on(10), '93.184.216.34'], ['fd.lnet', on(11), '10.0.0.5'], ['fd.rnet', on(11), '203.0.113.9'],
  ] as const)('at %s of %o as %o', (use, event, value) => expect(scene().compares(use, event)).toEqual(value));

  it('fd.ip != x must hold for both ends', () => expect(scene().field('fd.ip')?.inCondition?.notEqual).toBe('all'));

  it.each([
    ['fd.ip in (93.184.216.34, 1.1.1.1)', 10, true], ['fd.ip in (1.1.1.1)', 10, false], ['fd.ip = anyof (1.1.1.1, 10.0.0.5)', 10, true],
    ['fd.ip != allof (1.1.1.1, 93.184.216.34)', 10, false], ['fd.ip != "::1"', 10, true], ['fd.ip exists', 10, true], ['fd.ip exists', 3, false], ['fd.ip != 1.1.1.1', 3, false],
    ['fd.port in (22, 443)', 10, true], ['fd.port != 443', 10, false], ['fd.port < 80', 11, true], ['fd.port > 443', 12, false], ['fd.port exists', 3, false],
    ['fd.net in (192.168.0.0/16, 10.0.0.0/8)', 10, true], ['fd.net != 10.0.0.0/8', 10, false], ['fd.net != "fe80::/10"', 10, true], ['fd.net != 10.0.0.0/8', 3, false],
    ['fd.snet = 93.0.0.0/8', 10, true], ['fd.snet != 93.0.0.0/8', 3, false], ['proc.aname = anyof (nobody, bash)', 3, true], ['proc.aname = allof (bash, sh)', 3, false], ['proc.apid in (100, 5)', 3, true],
  ] as const)('through %s at descriptor %d: %s', (condition, fd, wanted) => expect(scene().matches(condition, on(fd))).toBe(wanted));

  it('at the host names that rules name and that stand for the address', () => {
    const s = scene();
    expect(s.compares('fd.sip.name', on(10))).toEqual([]);
    s.context.dnsNames.set('example.org', ['93.184.216.34', '192.0.2.7']);
    expect(s.compares('fd.sip.name', on(10))).toEqual(['example.org']);
    expect(s.prints('fd.rip.name', on(10))).toBe('example.org');
    expect(s.compares('fd.cip.name', on(10))).toEqual([]);
    expect(s.compares('fd.lip.name', on(11))).toEqual([]);
    s.context.dnsNames.set('client.example', ['10.0.0.5']);
    expect(s.compares('fd.cip.name', on(10))).toEqual(['client.example']);
    expect(s.compares('fd.lip.name', on(11))).toEqual(['client.example']);
    s.context.dnsNames.set('example.org', ['192.0.2.7']);
    expect(s.compares('fd.sip.name', on(10))).toEqual([]);
  });
});

describe('in a container, what is local', () => {
  const id = '0123456789ab';
  const inContainer = () => {
    const s = scene();
    s.thread(1000).containerId = id;
    return s;
  };
  it('is not what the host has for an address', () => {
    expect(inContainer().prints('fd.lip', on(10))).toBe('93.184.216.34');
    expect(inContainer().prints('fd.containername', on(3))).toBe(`${id}:/etc/passwd`);
  });
  it("is the container's address", () => {
    const s = inContainer();
    s.containers.appear(id, 'docker');
    s.containers.set({ ...s.containers.get(id)!, ip: '203.0.113.9' });
    expect(s.prints('fd.lip', on(11))).toBe('203.0.113.9');
    expect(s.containers.hasIp('203.0.113.9')).toBe(true);
    s.containers.delete(id);
    expect(s.containers.hasIp('203.0.113.9')).toBe(false);
  });
});

describe('poll prints', () => {
  const list = Buffer.alloc(2 + 6 * 10);
  list.writeUInt16LE(6, 0);
  [3, 10, 12, 14, 99, -1].forEach((fd, i) => {
    list.writeBigInt64LE(BigInt(fd), 2 + i * 10);
    list.writeInt16LE(0x41, 10 + i * 10);
  });
  const poll: Happening = { key: 'SYSCALL_POLL_X', values: { res: 1, fds: list } };
  // biome-ignore format: one line a value
  it.each([
    ['fdlist.nums', '3,10,12,14,99,-1'],
    ['fdlist.names', '/etc/passwd,10.0.0.5:40000->93.184.216.34:443,:::80,<NA>,<NA>,<NA>'],
    ['fdlist.cips', '10.0.0.5,0.0.0.0'], ['fdlist.sips', '93.184.216.34,::,0.0.0.0'], ['fdlist.cports', '40000,0'], ['fdlist.sports', '443,0'],
    ['evt.arg.fds', '3:f41 10:441 12:641 14:441 99:?41 18446744073709551615:?41'],
  ])('%s', (use, value) => expect(scene().prints(use, poll)).toBe(value));
  it('nothing for other calls', () => expect(scene().prints('fdlist.nums', on(3))).toBe(null));
});

describe('a call on paths prints', () => {
  const rename: Happening = { key: 'SYSCALL_RENAMEAT2_X', values: { res: 0, olddirfd: 4, oldpath: 'a', newdirfd: AT_FDCWD, newpath: './b/', flags: 0 } };
  const link: Happening = { key: 'SYSCALL_LINKAT_2_X', values: { res: 0, olddir: AT_FDCWD, oldpath: '/bin/sh', newdir: 4, newpath: 'sh', flags: 0 } };
  // biome-ignore format: one line a value
  const rows: readonly (readonly [use: string, event: Happening, value: Value, says: string])[] = [
    ['fs.path.name', { key: 'SYSCALL_UNLINK_2_X', values: { res: 0, path: 'x' } }, '/home/alice/x', 'the whole path'],
    ['fs.path.nameraw', { key: 'SYSCALL_UNLINK_2_X', values: { res: 0, path: 'x' } }, 'x', 'the path as given'],
    ['fs.path.name', { key: 'SYSCALL_UNLINK_2_X', values: { res: -2, path: 'x' } }, null, 'nothing when it failed'],
    ['fs.path.name', { key: 'SYSCALL_UNLINKAT_2_X', values: { res: 0, dirfd: 4, name: 'x', flags: 0 } }, '/etc/x', 'the path below the directory'],
    ['fs.path.name', { key: 'SYSCALL_FCHMOD_X', values: { res: 0, fd: 3, mode: 0o600 } }, '/etc/passwd', "the descriptor's path"],
    ['fs.path.name', open(), '/home/bob/notes', 'what was opened'],
    ['fs.path.nameraw', open(), '../bob//notes', 'what was opened, as given'],
    ['fs.path.source', rename, '/etc/a', 'the old name'],
    ['fs.path.sourceraw', rename, 'a', 'the old name as given'],
    ['fs.path.target', rename, '/home/alice/b', 'the new name'],
    ['fs.path.targetraw', rename, './b/', 'the new name as given'],
    ['fs.path.source', link, '/etc/sh', 'the name of the link'],
    ['fs.path.target', link, '/bin/sh', 'what it leads to'],
    ['fs.path.name', rename, null, 'no single path of a call with two'],
    ['fs.path.source', on(3), null, 'nothing for other calls'],
  ];
  for (const [use, event, value, says] of rows) it(`${use} of ${event.key}: ${says}`, () => expect(scene().prints(use, event)).toBe(value));
});
