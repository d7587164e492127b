// SPDX-License-Identifier: Apache-2.0
/** What a user sees of connections. */
import { describe, expect, it } from 'vitest';
import { FdFlag, FdInfo } from '../../src/state/fd-info.js';
import { State } from '../../src/state/state.js';
import { feed, type ParamValue, sockaddr, socktuple, unixTuple } from '../helpers/event-builder.js';
import { machine } from '../helpers/processes.js';

const INET = 2;
const INET6 = 10;
const STREAM = 1;
const DGRAM = 2;

function fdOf(state: State, fd: number): FdInfo {
  return state.threads.get(1000)!.fds.get(fd)!;
}
function socket(state: State, fd: number, domain: number, type: number, proto = 0): void {
  feed(state, 'SOCKET_SOCKET_X', { fd, domain, type, proto, flags: 0 });
}
function connect(state: State, fd: number, more: Readonly<Record<string, ParamValue>>): void {
  feed(state, 'SOCKET_CONNECT_X', { res: 0, fd, ...more });
}

describe('connections', () => {
  it('a client knows both ends', () => {
    const state = machine();
    socket(state, 3, INET, STREAM);
    connect(state, 3, { tuple: socktuple(['10.0.0.1', 40000], ['10.0.0.2', 443]), addr: sockaddr(['10.0.0.2', 443]) });
    expect(fdOf(state, 3)).toMatchObject({
      type: 'ipv4', name: '10.0.0.1:40000->10.0.0.2:443', sourceIp: '10.0.0.1', sourcePort: 40000, destIp: '10.0.0.2', destPort: 443, l4proto: 'tcp',
      flags: FdFlag.RoleClient | FdFlag.Connected,
    });
  });

  it('a connect that is still under way counts, a refused one does not', () => {
    const state = machine();
    socket(state, 3, INET, STREAM);
    connect(state, 3, { res: -111, tuple: socktuple(['10.0.0.1', 1], ['10.0.0.2', 2]) });
    expect(fdOf(state, 3).name).toBe('');
    connect(state, 3, { res: -115, tuple: socktuple(['10.0.0.1', 1], ['10.0.0.2', 2]) });
    expect(fdOf(state, 3).name).toBe('10.0.0.1:1->10.0.0.2:2');
  });

  it('with connection tracking, pending and failed connections are told apart', () => {
    const state = machine({ trackConnections: true });
    socket(state, 3, INET, STREAM);
    connect(state, 3, { res: -115, tuple: socktuple(['10.0.0.1', 1], ['10.0.0.2', 2]) });
    expect(fdOf(state, 3).flags & FdFlag.ConnectPending).not.toBe(0);
    const soError = Buffer.alloc(9);
    soError[0] = 1;
    soError.writeBigInt64LE(-111n, 1);
    feed(state, 'SOCKET_GETSOCKOPT_X', { res: 0, fd: 3, level: 1, optname: 4, val: soError, optlen: 4 });
    expect(fdOf(state, 3).flags & (FdFlag.ConnectPending | FdFlag.ConnectFailed)).toBe(FdFlag.ConnectFailed);
  });

  it('the destination that counts is the one from before the call', () => {
    const state = machine();
    socket(state, 3, INET, STREAM);
    feed(state, 'SOCKET_CONNECT_E', { fd: 3, addr: sockaddr(['6.6.6.6', 66]) });
    connect(state, 3, { tuple: socktuple(['10.0.0.1', 1], ['1.1.1.1', 2]), addr: sockaddr(['1.1.1.1', 2]) });
    expect(fdOf(state, 3).name).toBe('10.0.0.1:1->6.6.6.6:66');
  });

  it('a bound socket of whose connect only the address is known is no server any more', () => {
    const state = machine();
    socket(state, 3, INET, STREAM);
    feed(state, 'SOCKET_BIND_X', { res: 0, addr: sockaddr(['10.0.0.1', 5000]), fd: 3 });
    feed(state, 'SOCKET_CONNECT_E', { fd: 3, addr: sockaddr(['10.0.0.2', 443]) });
    connect(state, 3, { tuple: null });
    expect(fdOf(state, 3)).toMatchObject({ isServerSocket: false, sourceIp: '10.0.0.1', destIp: '10.0.0.2', destPort: 443 });
  });

  it('an IPv4 peer of an IPv6 socket is shown as IPv4', () => {
    const state = machine();
    socket(state, 3, INET6, STREAM);
    connect(state, 3, { tuple: socktuple(['::ffff:10.0.0.1', 1], ['::ffff:10.0.0.2', 2]) });
    expect(fdOf(state, 3)).toMatchObject({ type: 'ipv4', sourceIp: '10.0.0.1', destIp: '10.0.0.2' });
  });

  it('IPv6 and unix', () => {
    const state = machine();
    socket(state, 3, INET6, STREAM);
    connect(state, 3, { tuple: socktuple(['::1', 1], ['2001:db8::2', 2]) });
    expect(fdOf(state, 3)).toMatchObject({ type: 'ipv6', name: '::1:1->2001:db8::2:2' });
    socket(state, 4, 1, STREAM);
    connect(state, 4, { tuple: unixTuple(0xabcn, 0xdefn, '/run/docker.sock') });
    expect(fdOf(state, 4)).toMatchObject({ type: 'unix', name: 'abc->def /run/docker.sock', unixSource: 0xabc, unixDest: 0xdef });
  });
});

describe('servers', () => {
  it('a bound socket is a server with one address', () => {
    const state = machine();
    socket(state, 3, INET, STREAM);
    feed(state, 'SOCKET_BIND_X', { res: 0, addr: sockaddr(['0.0.0.0', 8080]), fd: 3 });
    expect(fdOf(state, 3)).toMatchObject({ isServerSocket: true, name: '0.0.0.0:8080', sourceIp: '0.0.0.0', sourcePort: 8080 });
    expect(fdOf(state, 3).l4proto).toBe('tcp');
  });

  it('an accepted connection has the client first', () => {
    const state = machine();
    feed(state, 'SOCKET_ACCEPT4_6_X', { fd: 5, tuple: socktuple(['10.0.0.9', 50000], ['10.0.0.1', 8080]), queuepct: 0, queuelen: 0, queuemax: 5, flags: 0x1000 });
    expect(fdOf(state, 5)).toMatchObject({
      name: '10.0.0.9:50000->10.0.0.1:8080', flags: FdFlag.RoleServer | FdFlag.Connected, l4proto: 'tcp', openFlags: 0x1000,
    });
  });
});

describe('sockets without a connection', () => {
  it('UDP learns its ends from messages, and follows a change of the peer', () => {
    const state = machine();
    socket(state, 3, INET, DGRAM);
    feed(state, 'SOCKET_SENDTO_X', { res: 4, data: Buffer.from('x'), fd: 3, size: 4, tuple: socktuple(['10.0.0.1', 5000], ['8.8.8.8', 53]) });
    expect(fdOf(state, 3).name).toBe('10.0.0.1:5000->8.8.8.8:53');
    expect(fdOf(state, 3).l4proto).toBe('udp');
    feed(state, 'SOCKET_SENDTO_X', { res: 4, data: Buffer.from('x'), fd: 3, size: 4, tuple: socktuple(['10.0.0.1', 5000], ['9.9.9.9', 53]) });
    expect(fdOf(state, 3).name).toBe('10.0.0.1:5000->9.9.9.9:53');
  });

  it('an answer does not turn the ends around', () => {
    const state = machine();
    socket(state, 3, INET, DGRAM);
    feed(state, 'SOCKET_SENDTO_X', { res: 4, data: Buffer.from('x'), fd: 3, size: 4, tuple: socktuple(['10.0.0.1', 5000], ['8.8.8.8', 53]) });
    feed(state, 'SOCKET_RECVFROM_X', { res: 4, data: Buffer.from('x'), tuple: socktuple(['8.8.8.8', 53], ['10.0.0.1', 5000]), fd: 3, size: 4 });
    expect(fdOf(state, 3).name).toBe('10.0.0.1:5000->8.8.8.8:53');
  });

  it('a socket whose creation was not seen is known once it sends', () => {
    const state = machine();
    feed(state, 'SOCKET_SENDTO_X', { res: 4, data: Buffer.from('x'), fd: 9, size: 4, tuple: socktuple(['10.0.0.1', 5000], ['8.8.8.8', 53]) });
    expect(fdOf(state, 9).name).toBe('10.0.0.1:5000->8.8.8.8:53');
  });

  it('an unspecified own address is replaced by the one towards the peer', () => {
    const state = machine();
    state.interfaces.set([{ name: 'eth0', address: '10.0.0.1', netmask: '255.255.255.0' }]);
    socket(state, 3, INET, DGRAM);
    feed(state, 'SOCKET_SENDTO_X', { res: 4, data: Buffer.from('x'), fd: 3, size: 4, tuple: socktuple(['0.0.0.0', 5000], ['10.0.0.7', 53]) });
    expect(fdOf(state, 3).name).toBe('10.0.0.1:5000->10.0.0.7:53');
  });

  it('over IPv6, who sends first is the client, whatever else the process is connected to', () => {
    const state = machine();
    socket(state, 3, INET, DGRAM);
    connect(state, 3, { tuple: socktuple(['10.0.0.1', 1], ['8.8.8.8', 53]) });
    socket(state, 4, INET6, DGRAM);
    feed(state, 'SOCKET_SENDTO_X', { res: 4, data: Buffer.from('x'), fd: 4, size: 4, tuple: socktuple(['2001:db8::1', 5000], ['2001:db8::2', 53]) });
    expect(fdOf(state, 4)).toMatchObject({ name: '2001:db8::1:5000->2001:db8::2:53', flags: FdFlag.RoleClient | FdFlag.Connected, destPort: 53 });
  });

  it('a server that was found listening at the start stays the server when it is asked over IPv6', () => {
    const state = machine();
    const found = new FdInfo('ipv6', ':::53');
    found.isServerSocket = true;
    found.sourceIp = '::';
    found.sourcePort = 53;
    found.l4proto = 'udp';
    state.threads.get(1000)!.fds.set(3, found);
    feed(state, 'SOCKET_RECVFROM_X', { res: 4, data: Buffer.from('x'), tuple: socktuple(['2001:db8::2', 5000], ['2001:db8::1', 53]), fd: 3, size: 4 });
    expect(found).toMatchObject({ name: '2001:db8::2:5000->2001:db8::1:53', flags: FdFlag.RoleServer, destPort: 53 });
  });

  it('a server that connects to its client is shown as its server over IPv4, and as it is over IPv6', () => {
    const state = machine();
    const bound = (fd: number, domain: number, own: string, peer: string): string => {
      socket(state, fd, domain, DGRAM);
      feed(state, 'SOCKET_BIND_X', { res: 0, addr: sockaddr([own, 53]), fd });
      connect(state, fd, { tuple: socktuple([own, 53], [peer, 5000]) });
      return fdOf(state, fd).name;
    };
    expect(bound(3, INET, '10.0.0.1', '10.0.0.2')).toBe('10.0.0.2:5000->10.0.0.1:53');
    expect(bound(4, INET6, '2001:db8::1', '2001:db8::2')).toBe('2001:db8::1:53->2001:db8::2:5000');
  });

  it('a failed message leaves a listening socket as it is, and marks a connection as failed', () => {
    const state = machine({ trackConnections: true });
    socket(state, 3, INET, STREAM);
    feed(state, 'SOCKET_BIND_X', { res: 0, addr: sockaddr(['0.0.0.0', 8080]), fd: 3 });
    feed(state, 'SOCKET_SEND_X', { res: -32, data: null, fd: 3, size: 4, tuple: null });
    expect(fdOf(state, 3).flags & FdFlag.ConnectFailed).toBe(0);
    socket(state, 4, INET, STREAM);
    connect(state, 4, { tuple: socktuple(['10.0.0.1', 1], ['10.0.0.2', 2]) });
    feed(state, 'SOCKET_SEND_X', { res: -32, data: null, fd: 4, size: 4, tuple: null });
    expect(fdOf(state, 4).flags & FdFlag.ConnectFailed).not.toBe(0);
  });

  it('a connection whose descriptor was closed unseen shows its new ends with the next IPv6 message', () => {
    const state = machine();
    feed(state, 'SOCKET_ACCEPT4_6_X', { fd: 5, tuple: socktuple(['2001:db8::9', 50000], ['2001:db8::1', 80]), queuepct: 0, queuelen: 0, queuemax: 5, flags: 0 });
    feed(state, 'SOCKET_RECVFROM_X', { res: 4, data: Buffer.from('x'), tuple: socktuple(['2001:db8::7', 40000], ['2001:db8::1', 80]), fd: 5, size: 4 });
    expect(fdOf(state, 5).name).toBe('2001:db8::7:40000->2001:db8::1:80');
  });

  it('both ends of a socketpair are known', () => {
    const state = machine();
    feed(state, 'SOCKET_SOCKETPAIR_X', { res: 0, fd1: 3, fd2: 4, source: 0xa, peer: 0xb, domain: 1, type: 1, proto: 0 });
    expect([fdOf(state, 3).type, fdOf(state, 4).unixDest]).toEqual(['unix', 0xb]);
  });

  it('descriptors sent over a unix socket are asked for', () => {
    const state = machine({ wantUnknown: true });
    socket(state, 3, 1, STREAM);
    const control = Buffer.alloc(24);
    control.writeBigUInt64LE(24n, 0);
    control.writeInt32LE(1, 8);
    control.writeInt32LE(1, 12);
    control.writeInt32LE(7, 16);
    control.writeInt32LE(8, 20);
    feed(state, 'SOCKET_RECVMSG_X', { res: 1, size: 1, data: Buffer.from('x'), tuple: null, msgcontrol: control, fd: 3 });
    expect(state.takeReceivedFds()).toEqual([{ tid: 1000, fd: 7 }, { tid: 1000, fd: 8 }]);
    expect(state.takeReceivedFds()).toEqual([]);
  });

  it('descriptors sent over a unix socket to a 32-bit program are asked for', () => {
    const state = machine({ wantUnknown: true });
    socket(state, 3, 1, STREAM);
    const rights = (...fds: readonly number[]) => Buffer.from(Uint32Array.from([12 + 4 * fds.length, 1, 1, ...fds]).buffer);
    const credentials = Buffer.from(Uint32Array.from([24, 1, 2, 1, 1, 1]).buffer);
    feed(state, 'SOCKET_RECVMSG_X', { res: 1, size: 1, data: Buffer.from('x'), tuple: null, msgcontrol: Buffer.concat([credentials, rights(7, 8)]), fd: 3 });
    expect(state.takeReceivedFds()).toEqual([{ tid: 1000, fd: 7 }, { tid: 1000, fd: 8 }]);
  });

  it('descriptors that come faster than they can be looked up are counted', () => {
    const state = new State({ wantUnknown: true });
    for (let fd = 0; fd < 1030; fd++) state.receivedFd(1000, fd);
    expect([state.takeReceivedFds().length, state.stats().fdsRefused]).toEqual([1024, 6]);
  });
});
