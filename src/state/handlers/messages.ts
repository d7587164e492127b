// SPDX-License-Identifier: Apache-2.0
/** What reading and writing tells of a socket: the ends of one that is not connected, descriptors that are sent. HOT PATH. */
import type { EventView } from '../../events/event-view.js';
import { Ev } from '../../events/ids.js';
import { Family, tupleFamily, tupleText, u64 } from '../addresses.js';
import { FdFlag, type FdInfo } from '../fd-info.js';
import { CONNECTION, fillUnspecified, ROLES, swapEnds, takeTuple, tupleName } from '../socket-ends.js';
import type { State } from '../state.js';
import type { ThreadInfo } from '../thread-info.js';
import { type Handler, type HandlerEntry, NO_TEXT } from './handler.js';
import { addSocket, SOCK_DGRAM } from './sockets.js';

/** What a message tells of the two ends of a socket that is not connected. False: nothing new. */
function learnEnds(state: State, info: FdInfo, tuple: Uint8Array): boolean {
  switch (tupleFamily(tuple)) {
    case Family.Inet:
    case Family.Inet6:
      if (!takeTuple(info, tuple)) return false;
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
  fillUnspecified(info, state.interfaces);
  return true;
}

/** Brings name, role and ends up to date after data went through a socket. */
function exchanged(state: State, view: EventView, tupleParam: number, incoming: boolean): void {
  const info = view.fd!;
  // As Falco has it: the ends of an IPv4 connection stay what they are, those of an IPv6 one follow its messages.
  if (info.name.length !== 0 && info.l4proto === 'tcp' && info.type === 'ipv4' && !info.isServerSocket) return;
  const tuple = view.raw(tupleParam);
  const served = info.isServerSocket;
  if (!learnEnds(state, info, tuple)) return;
  if (info.type !== 'ipv4' && info.type !== 'ipv6') {
    info.name = tupleText(tuple) ?? NO_TEXT;
    return;
  }
  if ((info.flags & ROLES) === 0) guessRole(info, view.thread!, incoming, served);
  if ((info.flags & (incoming ? FdFlag.RoleClient : FdFlag.RoleServer)) !== 0) swapEnds(info);
  info.name = tupleName(info);
}

/**
 * A process that serves the destination port is the server, unless it uses the source port as a client, too; then a server receives
 * first and a client sends first. For IPv6 it is the server only if its socket was one (`served`) and receives.
 */
function guessRole(info: FdInfo, thread: ThreadInfo, incoming: boolean, served: boolean): void {
  if (info.type === 'ipv6') {
    info.flags |= served && incoming ? FdFlag.RoleServer : FdFlag.RoleClient;
    return;
  }
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

/**
 * Notes the descriptors in a message's control data: records of length u64 (padded to 8), level i32, type i32, data; of a 32-bit
 * program, length u32 (padded to 4), level, type, data. A length has no upper half, and the level of unix sockets is not 0.
 */
function takeRights(state: State, thread: ThreadInfo, control: Uint8Array): void {
  const data = new DataView(control.buffer, control.byteOffset, control.byteLength);
  const header = control.length >= 8 && data.getUint32(4, true) !== 0 ? 12 : 16;
  for (let at = 0; at + header <= control.length; ) {
    const length = data.getUint32(at, true);
    if (length < header || at + length > control.length) return;
    if (data.getInt32(at + header - 8, true) === SOL_SOCKET && data.getInt32(at + header - 4, true) === SCM_RIGHTS) {
      const count = Math.min((length - header) >> 2, MAX_SENT_FDS);
      for (let i = 0; i < count; i++) state.receivedFd(thread.tid, data.getInt32(at + header + 4 * i, true));
    }
    at += header === 12 ? (length + 3) & ~3 : (length + 7) & ~7;
  }
}

/** What each transfer tells of its socket. False: it failed. */
function transferred(state: State, view: EventView, info: FdInfo, tupleParam: number, incoming: boolean): boolean {
  if (!view.has(0)) return false;
  const connection = (info.type === 'ipv4' || info.type === 'ipv6') && !info.isServerSocket;
  if (view.int(0) < 0) {
    if (connection && state.trackConnections) info.flags = (info.flags & ~CONNECTION) | FdFlag.ConnectFailed;
    return false;
  }
  if (connection) info.flags = (info.flags & ~CONNECTION) | FdFlag.Connected;
  if (tupleParam !== -1) exchanged(state, view, tupleParam, incoming);
  return true;
}

/** @param tupleParam where the tuple is; -1: the event has none. @param controlParam likewise. */
function received(tupleParam: number, controlParam = -1): Handler {
  return (state, view) => {
    const info = view.fd;
    if (info === null || !transferred(state, view, info, tupleParam, true)) return;
    if (controlParam !== -1 && info.type === 'unix' && view.size(controlParam) >= 16) takeRights(state, view.thread!, view.raw(controlParam));
  };
}

function sent(tupleParam: number, infers: boolean): Handler {
  return (state, view) => {
    if (infers && view.fd === null && view.thread !== null) inferSocket(state, view);
    if (view.fd !== null) transferred(state, view, view.fd, tupleParam, false);
  };
}

/** The socket call was not seen: what sends to an address without a connection is UDP. */
function inferSocket(state: State, view: EventView): void {
  if (view.int(0) < 0) return;
  const tuple = view.raw(4);
  if (tuple.length === 0 || (tuple[0] !== Family.Inet && tuple[0] !== Family.Inet6)) return;
  addSocket(state, view, view.thread!, view.int(2), tuple[0], SOCK_DGRAM, 17, 0);
}

export const MESSAGE_HANDLERS: readonly HandlerEntry[] = [
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
