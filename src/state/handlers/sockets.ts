// SPDX-License-Identifier: Apache-2.0
/** Sockets: who is connected with whom, and which side we are. HOT PATH. */
import type { EventView } from '../../events/event-view.js';
import { Ev } from '../../events/ids.js';
import {
  addressFamily, addressText, Family, hex64, ipv4Text, ipv6Text, isMapped, pathText, port, tupleFamily, tupleText, u64,
} from '../addresses.js';
import { hasEnter } from '../call.js';
import { FdFlag, FdInfo } from '../fd-info.js';
import { addFd, O_CLOEXEC } from '../fd-table.js';
import { CONNECTION, ROLES, setEnds, setMappedEnds, swapEnds, takeTuple, tupleName } from '../socket-ends.js';
import type { State } from '../state.js';
import type { ThreadInfo } from '../thread-info.js';
import { type Handler, type HandlerEntry, NO_TEXT, openFd } from './handler.js';

const EINPROGRESS = -115;
const SOL_SOCKET = 1;
const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
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

export function addSocket(
  state: State, view: EventView, thread: ThreadInfo, fd: number, domain: number, type: number, protocol: number, flags: number,
): void {
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
  const entered = hasEnter(view, thread) && thread.enterAddress !== null && addressFamily(thread.enterAddress) !== -1 ? thread.enterAddress : null;
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
    info.isServerSocket = false;
    info.destIp = ipv4Text(address, 1);
    info.destPort = port(address, 5);
  } else if (address[0] === Family.Inet6) {
    const mapped = isMapped(address, 1);
    info.type = mapped ? 'ipv4' : 'ipv6';
    info.isServerSocket = false;
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

/** @param trusted the address from before the call, which counts in the place of the tuple's destination */
function connectInet(info: FdInfo, tuple: Uint8Array, trusted: Uint8Array | null, family: number): void {
  let changed: boolean;
  if (trusted === null) changed = takeTuple(info, tuple);
  else if (family === Family.Inet) {
    changed = setEnds(info, 'ipv4', ipv4Text(tuple, 1), port(tuple, 5), ipv4Text(trusted, 1), port(trusted, 5));
  } else if (isMapped(tuple, 1) && isMapped(trusted, 1)) {
    changed = setMappedEnds(info, ipv4Text(tuple, 13), port(tuple, 17), ipv4Text(trusted, 13), port(trusted, 17));
  } else {
    changed = setEnds(info, 'ipv6', ipv6Text(tuple, 1), port(tuple, 17), ipv6Text(trusted, 1), port(trusted, 17));
  }
  if (changed && info.type === 'ipv4' && (info.flags & FdFlag.RoleServer) !== 0 && info.l4proto === 'udp') swapEnds(info);
  info.name = tupleName(info);
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
    case Family.Inet6:
      takeTuple(info, tuple);
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
];
