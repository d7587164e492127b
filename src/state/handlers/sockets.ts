// SPDX-License-Identifier: Apache-2.0
/** Sockets: who is connected with whom, and which side we are. HOT PATH. */
import type { EventView } from '../../events/event-view.js';
import { Ev } from '../../events/ids.js';
import {
  addressFamily, addressText, Family, hex64, ipv4Text, ipv6Text, isMapped, pathText, port, tupleFamily, tupleText, u64,
} from '../addresses.js';
import { FdFlag, FdInfo } from '../fd-info.js';
import { addFd, O_CLOEXEC } from '../fd-table.js';
import { ANY_V4, ANY_V6 } from '../interfaces.js';
import type { State } from '../state.js';
import type { ThreadInfo } from '../thread-info.js';
import { type Handler, type HandlerEntry, NO_TEXT, openFd } from './handler.js';

const EINPROGRESS = -115;
const ROLES = FdFlag.RoleClient | FdFlag.RoleServer;
const CONNECTION = FdFlag.Connected | FdFlag.ConnectPending | FdFlag.ConnectFailed;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_RAW = 3;

function transport(type: number, protocol: number): string | null {
  const raw = type === SOCK_RAW;
  switch (protocol) {
    case 6:
      return raw ? 'raw' : 'tcp';
    case 17:
      return raw ? 'raw' : 'udp';
    case 1:
      return raw ? 'raw' : 'icmp';
    case 255:
      return 'raw';
    case 0:
      return (type & 0xff) === SOCK_STREAM ? 'tcp' : (type & 0xff) === SOCK_DGRAM ? 'udp' : null;
    default:
      return null;
  }
}

function addSocket(state: State, view: EventView, thread: ThreadInfo, fd: number, domain: number, type: number, protocol: number, flags: number): void {
  const info = new FdInfo('unknown', '');
  info.openFlags = flags;
  switch (domain) {
    case Family.Unix:
      info.type = 'unix';
      break;
    case Family.Inet:
    case Family.Inet6:
      info.type = domain === Family.Inet ? 'ipv4' : 'ipv6';
      info.l4proto = transport(type, protocol);
      break;
    case Family.Netlink:
      info.type = 'netlink';
      break;
    default:
      break;
  }
  openFd(state, view, thread, fd, info);
}

const onSocket: Handler = (state, view) => {
  const thread = view.thread;
  const fd = view.int(0);
  if (thread !== null && fd >= 0) addSocket(state, view, thread, fd, view.u32(1), view.u32(2), view.u32(3), view.u32(4));
};

const onBind: Handler = (_state, view) => {
  const info = view.fd;
  if (info === null || view.int(0) < 0) return;
  const address = view.raw(1);
  const family = addressFamily(address);
  if (family === -1) return;
  if (family === Family.Inet && port(address, 5) > 0) {
    serve(info, 'ipv4', ipv4Text(address, 1), port(address, 5));
  } else if (family === Family.Inet6 && port(address, 17) > 0) {
    if (isMapped(address, 1)) serve(info, 'ipv4', ipv4Text(address, 13), port(address, 17));
    else serve(info, 'ipv6', ipv6Text(address, 1), port(address, 17));
  }
  info.name = addressText(address) ?? NO_TEXT;
};

function serve(info: FdInfo, type: 'ipv4' | 'ipv6', ip: string, at: number): void {
  info.type = type;
  info.isServerSocket = true;
  info.sourceIp = ip;
  info.sourcePort = at;
  info.destIp = null;
  info.destPort = 0;
  info.flags |= FdFlag.RoleServer;
}

const onConnect: Handler = (state, view) => {
  const thread = view.thread;
  const info = view.fd;
  if (thread === null || info === null) return;
  const result = view.int(0);
  if (result < 0 && result !== EINPROGRESS) {
    if (!state.trackConnections) return;
    info.flags = (info.flags & ~CONNECTION) | FdFlag.ConnectFailed;
  } else if (result < 0 && state.trackConnections) {
    info.flags = (info.flags & ~CONNECTION) | FdFlag.ConnectPending;
  } else {
    info.flags = (info.flags & ~CONNECTION) | FdFlag.Connected;
  }
  // The address of the enter event cannot have been changed by the program while the kernel looked.
  const entered = state.hasEnter(view, thread) && thread.enterAddress !== null && addressFamily(thread.enterAddress) !== -1 ? thread.enterAddress : null;
  if (!view.has(1)) {
    if (entered !== null) connectedTo(info, view, entered);
    return;
  }
  const tuple = view.raw(1);
  const family = tupleFamily(tuple);
  if (family === -1) return;
  const exitAddress = view.raw(3);
  const trusted = entered !== null && addressFamily(exitAddress) !== -1 && sameDestination(tuple, exitAddress, family) ? entered : null;
  if (family === Family.Inet || family === Family.Inet6) connectInet(info, tuple, trusted, family);
  else if (info.type === 'unix' && family === Family.Unix) {
    info.unixSource = u64(tuple, 1);
    info.unixDest = u64(tuple, 9);
    info.name = `${hex64(tuple, 1)}->${hex64(tuple, 9)} ${trusted === null ? pathText(tuple, 17) : pathText(trusted, 1)}`;
  } else return;
  if ((info.flags & ROLES) === 0) info.flags |= FdFlag.RoleClient;
};

/** Only the address asked for is known. */
function connectedTo(info: FdInfo, view: EventView, address: Uint8Array): void {
  if (address[0] === Family.Inet) {
    info.type = 'ipv4';
    info.destIp = ipv4Text(address, 1);
    info.destPort = port(address, 5);
  } else if (address[0] === Family.Inet6) {
    const mapped = isMapped(address, 1);
    info.type = mapped ? 'ipv4' : 'ipv6';
    info.destIp = mapped ? ipv4Text(address, 13) : ipv6Text(address, 1);
    info.destPort = port(address, 17);
  } else info.name = view.has(1) ? (addressText(view.raw(1)) ?? NO_TEXT) : 'NULL';
}

/** Whether the tuple's destination is the address that was read from the program's memory at exit. */
function sameDestination(tuple: Uint8Array, address: Uint8Array, family: number): boolean {
  switch (family) {
    case Family.Inet:
      return address.length >= 7 && same(tuple, 7, address, 1, 6);
    case Family.Inet6:
      return address.length >= 19 && same(tuple, 19, address, 1, 18);
    default:
      return pathText(tuple, 17) === pathText(address, 1);
  }
}

function same(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (a[aAt + i] !== b[bAt + i]) return false;
  return true;
}

function connectInet(info: FdInfo, tuple: Uint8Array, trusted: Uint8Array | null, family: number): void {
  const dest = trusted ?? tuple;
  let changed: boolean;
  if (family === Family.Inet) {
    const at = trusted === null ? 7 : 1;
    changed = setEnds(info, 'ipv4', ipv4Text(tuple, 1), port(tuple, 5), ipv4Text(dest, at), port(dest, at + 4));
  } else {
    const at = trusted === null ? 19 : 1;
    const mapped = isMapped(tuple, 1) && isMapped(dest, at);
    changed = mapped
      ? setEnds(info, 'ipv4', ipv4Text(tuple, 13), port(tuple, 17), ipv4Text(dest, at + 12), port(dest, at + 16))
      : setEnds(info, 'ipv6', ipv6Text(tuple, 1), port(tuple, 17), ipv6Text(dest, at), port(dest, at + 16));
  }
  if (changed && (info.flags & FdFlag.RoleServer) !== 0 && info.l4proto === 'udp') swapEnds(info);
  info.name = tupleName(info);
}

/** Takes both ends over. False: nothing is new, maybe because they are known the other way round. */
function setEnds(info: FdInfo, type: 'ipv4' | 'ipv6', sip: string, sport: number, dip: string, dport: number): boolean {
  const before = info.type;
  // As the peer has it: a socket that turns out to speak IPv4 under an IPv6 address has lost its protocol.
  if (before === 'ipv6' && type === 'ipv4') info.l4proto = null;
  info.type = type;
  if (info.isServerSocket) {
    info.isServerSocket = false;
    info.destIp = null;
    info.destPort = 0;
  } else if (
    before === type &&
    ((info.sourceIp === sip && info.sourcePort === sport && info.destIp === dip && info.destPort === dport) ||
      (info.sourceIp === dip && info.sourcePort === dport && info.destIp === sip && info.destPort === sport))
  ) {
    return false;
  }
  if (info.sourceIp === sip && info.sourcePort === sport && info.destIp === dip && info.destPort === dport) return false;
  info.sourceIp = sip;
  info.sourcePort = sport;
  info.destIp = dip;
  info.destPort = dport;
  return true;
}

export function swapEnds(info: FdInfo): void {
  const ip = info.sourceIp;
  const at = info.sourcePort;
  info.sourceIp = info.destIp;
  info.sourcePort = info.destPort;
  info.destIp = ip;
  info.destPort = at;
}

/** `ip:port->ip:port`, without ports where the protocol has none. */
function tupleName(info: FdInfo): string {
  const any = info.type === 'ipv4' ? ANY_V4 : ANY_V6;
  const source = info.sourceIp ?? any;
  const dest = info.destIp ?? any;
  switch (info.l4proto) {
    case 'tcp':
    case 'udp':
      return `${source}:${info.sourcePort}->${dest}:${info.destPort}`;
    case 'icmp':
      return `${source}->${dest}`;
    case 'raw':
      return info.type === 'ipv4' ? `${source}->${dest}` : '<unknown>';
    default:
      return '<unknown>';
  }
}

const onAccept: Handler = (state, view) => {
  const thread = view.thread;
  const fd = view.int(0);
  if (thread === null || fd < 0) return;
  thread.lastFd = fd;
  const tuple = view.raw(1);
  const family = tupleFamily(tuple);
  const info = new FdInfo('unknown', '');
  switch (family) {
    case Family.Inet:
      setEnds(info, 'ipv4', ipv4Text(tuple, 1), port(tuple, 5), ipv4Text(tuple, 7), port(tuple, 11));
      info.l4proto = 'tcp';
      break;
    case Family.Inet6:
      if (isMapped(tuple, 1) && isMapped(tuple, 19)) {
        setEnds(info, 'ipv4', ipv4Text(tuple, 13), port(tuple, 17), ipv4Text(tuple, 31), port(tuple, 35));
      } else {
        setEnds(info, 'ipv6', ipv6Text(tuple, 1), port(tuple, 17), ipv6Text(tuple, 19), port(tuple, 35));
      }
      info.l4proto = 'tcp';
      break;
    case Family.Unix:
      info.type = 'unix';
      info.unixSource = u64(tuple, 1);
      info.unixDest = u64(tuple, 9);
      break;
    default:
      return;
  }
  info.name = tupleText(tuple) ?? NO_TEXT;
  if (view.type === Ev.SOCKET_ACCEPT4_6_X) info.openFlags = view.i32(5) & O_CLOEXEC;
  info.flags = FdFlag.RoleServer | FdFlag.Connected;
  openFd(state, view, thread, fd, info);
};

const onSocketpair: Handler = (state, view) => {
  const thread = view.thread;
  if (thread === null || view.int(0) < 0) return;
  const fd1 = view.int(1);
  const fd2 = view.int(2);
  if (fd1 === fd2) {
    view.fd = null;
    return;
  }
  const info = new FdInfo('unix', '');
  info.unixSource = view.u64(3);
  info.unixDest = view.u64(4);
  const twin = info.clone();
  openFd(state, view, thread, fd1, info);
  if (!addFd(thread, fd2, twin)) state.fdsRefused++;
};

/** What a message tells of the two ends of a socket that is not connected. False: nothing new. */
function learnEnds(state: State, info: FdInfo, tuple: Uint8Array): boolean {
  switch (tupleFamily(tuple)) {
    case Family.Inet:
      if (!setEnds(info, 'ipv4', ipv4Text(tuple, 1), port(tuple, 5), ipv4Text(tuple, 7), port(tuple, 11))) return false;
      break;
    case Family.Inet6:
      if (isMapped(tuple, 1) && isMapped(tuple, 19)) {
        if (!setEnds(info, 'ipv4', ipv4Text(tuple, 13), port(tuple, 17), ipv4Text(tuple, 31), port(tuple, 35))) return false;
      } else if (!setEnds(info, 'ipv6', ipv6Text(tuple, 1), port(tuple, 17), ipv6Text(tuple, 19), port(tuple, 35))) {
        return false;
      }
      break;
    case Family.Unix:
      info.type = 'unix';
      info.unixSource = u64(tuple, 1);
      info.unixDest = u64(tuple, 9);
      return true;
    case -1:
      return false;
    default:
      break;
  }
  if ((info.type === 'ipv4' || info.type === 'ipv6') && info.l4proto === null) info.l4proto = 'udp';
  state.fillUnspecified(info);
  return true;
}

/** Brings name, role and ends up to date after data went through a socket. */
function exchanged(state: State, view: EventView, tupleParam: number, incoming: boolean): void {
  const info = view.fd!;
  if (info.name.length !== 0 && info.l4proto === 'tcp') return;
  const tuple = view.raw(tupleParam);
  if (!learnEnds(state, info, tuple)) return;
  if (info.type !== 'ipv4' && info.type !== 'ipv6') {
    info.name = tupleText(tuple) ?? NO_TEXT;
    return;
  }
  if ((info.flags & ROLES) === 0) guessRole(info, view.thread!, incoming);
  if ((info.flags & (incoming ? FdFlag.RoleClient : FdFlag.RoleServer)) !== 0) swapEnds(info);
  info.name = tupleName(info);
}

/** A process that serves the destination port is the server, unless it uses the source port as a client. */
function guessRole(info: FdInfo, thread: ThreadInfo, incoming: boolean): void {
  let bound = false;
  let client = false;
  thread.fds.forEach((other) => {
    if (other.type !== 'ipv4') return;
    if (other.isServerSocket) bound ||= other.sourcePort === info.destPort;
    else {
      bound ||= other.destPort === info.destPort;
      client ||= other.sourcePort === info.sourcePort;
    }
  });
  if (!bound) info.flags |= FdFlag.RoleClient;
  else if (!client) info.flags |= FdFlag.RoleServer;
  else info.flags |= incoming ? FdFlag.RoleServer : FdFlag.RoleClient;
}

const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MAX_SENT_FDS = 253;

/** Notes the descriptors in a message's control data: records of length u64 (padded to 8), level i32, type i32, data. */
function takeRights(state: State, thread: ThreadInfo, control: Uint8Array): void {
  const data = new DataView(control.buffer, control.byteOffset, control.byteLength);
  for (let at = 0; at + 16 <= control.length; ) {
    const length = data.getUint32(at, true);
    if (length < 16 || data.getUint32(at + 4, true) !== 0 || at + length > control.length) return;
    if (data.getInt32(at + 8, true) === SOL_SOCKET && data.getInt32(at + 12, true) === SCM_RIGHTS) {
      const count = Math.min((length - 16) >> 2, MAX_SENT_FDS);
      for (let i = 0; i < count; i++) state.receivedFd(thread.tid, data.getInt32(at + 16 + 4 * i, true));
    }
    at += (length + 7) & ~7;
  }
}

/** @param tupleParam where the tuple is; -1: the event has none. @param controlParam likewise. */
function received(tupleParam: number, controlParam = -1): Handler {
  return (state, view) => {
    const info = view.fd;
    if (info === null || !view.has(0)) return;
    const inet = info.type === 'ipv4' || info.type === 'ipv6';
    if (view.int(0) < 0) {
      if (inet && state.trackConnections) info.flags = (info.flags & ~CONNECTION) | FdFlag.ConnectFailed;
      return;
    }
    if (inet && !info.isServerSocket) info.flags = (info.flags & ~CONNECTION) | FdFlag.Connected;
    if (tupleParam !== -1) exchanged(state, view, tupleParam, true);
    if (controlParam !== -1 && info.type === 'unix' && view.size(controlParam) >= 16) takeRights(state, view.thread!, view.raw(controlParam));
  };
}

function sent(tupleParam: number, infers: boolean): Handler {
  return (state, view) => {
    if (infers && view.fd === null && view.thread !== null) inferSocket(state, view);
    const info = view.fd;
    if (info === null || !view.has(0)) return;
    const inet = info.type === 'ipv4' || info.type === 'ipv6';
    if (view.int(0) < 0) {
      if (inet && state.trackConnections) info.flags = (info.flags & ~CONNECTION) | FdFlag.ConnectFailed;
      return;
    }
    if (inet && !info.isServerSocket) info.flags = (info.flags & ~CONNECTION) | FdFlag.Connected;
    if (tupleParam !== -1) exchanged(state, view, tupleParam, false);
  };
}

/** The socket call was not seen: what sends to an address without a connection is UDP. */
function inferSocket(state: State, view: EventView): void {
  if (view.int(0) < 0) return;
  const tuple = view.raw(4);
  if (tuple.length === 0 || (tuple[0] !== Family.Inet && tuple[0] !== Family.Inet6)) return;
  addSocket(state, view, view.thread!, view.int(2), tuple[0], SOCK_DGRAM, 17, 0);
}

const onGetsockopt: Handler = (state, view) => {
  const info = view.fd;
  if (info === null || !state.trackConnections || view.int(0) < 0) return;
  const SO_ERROR = 4;
  if (view.u8(2) !== SOL_SOCKET || view.u8(3) !== SO_ERROR) return;
  const value = view.raw(4);
  if (value.length < 9) return;
  const failed = (value[8] & 0x80) !== 0;
  info.flags = (info.flags & ~CONNECTION) | (failed ? FdFlag.ConnectFailed : FdFlag.Connected);
};

export const SOCKET_HANDLERS: readonly HandlerEntry[] = [
  [Ev.SOCKET_SOCKET_X, onSocket],
  [Ev.SOCKET_BIND_X, onBind],
  [Ev.SOCKET_CONNECT_X, onConnect],
  [Ev.SOCKET_ACCEPT_5_X, onAccept],
  [Ev.SOCKET_ACCEPT4_6_X, onAccept],
  [Ev.SOCKET_SOCKETPAIR_X, onSocketpair],
  [Ev.SOCKET_GETSOCKOPT_X, onGetsockopt],
  [Ev.SYSCALL_READ_X, received(-1)],
  [Ev.SYSCALL_READV_X, received(-1)],
  [Ev.SYSCALL_PREAD_X, received(-1)],
  [Ev.SYSCALL_PREADV_X, received(-1)],
  [Ev.SOCKET_RECV_X, received(4)],
  [Ev.SOCKET_RECVFROM_X, received(2)],
  [Ev.SOCKET_RECVMSG_X, received(3, 4)],
  [Ev.SOCKET_RECVMMSG_X, received(4, 5)],
  [Ev.SYSCALL_WRITE_X, sent(-1, false)],
  [Ev.SYSCALL_WRITEV_X, sent(-1, false)],
  [Ev.SYSCALL_PWRITE_X, sent(-1, false)],
  [Ev.SYSCALL_PWRITEV_X, sent(-1, false)],
  [Ev.SOCKET_SEND_X, sent(4, true)],
  [Ev.SOCKET_SENDTO_X, sent(4, true)],
  [Ev.SOCKET_SENDMSG_X, sent(4, true)],
  [Ev.SOCKET_SENDMMSG_X, sent(4, false)],
];
