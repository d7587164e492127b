// SPDX-License-Identifier: Apache-2.0
/** What the ecosystem calls the kinds of file descriptors. */
import { FdFlag, type FdInfo, type FdType } from '../state/fd-info.js';

const TYPE_CHARS: Readonly<Record<FdType, string>> = {
  file: 'f',
  directory: 'd',
  ipv4: '4',
  ipv6: '6',
  unix: 'u',
  pipe: 'p',
  event: 'e',
  signalfd: 's',
  eventpoll: 'l',
  inotify: 'i',
  timerfd: 't',
  netlink: 'n',
  bpf: 'b',
  userfaultfd: 'u',
  io_uring: 'r',
  memfd: 'm',
  pidfd: 'P',
  mqueue: 'o',
  fanotify: 'o',
  unsupported: 'X',
  unknown: 'o',
};

/** `fd.typechar`. */
export function typeChar(fd: FdInfo): string {
  return TYPE_CHARS[fd.type];
}

/** `fd.type`; `<NA>` for descriptors whose kind is not known. */
export function typeName(fd: FdInfo): string {
  return fd.type === 'unknown' || fd.type === 'unsupported' ? '<NA>' : fd.type;
}

export function isIpSocket(fd: FdInfo): boolean {
  return fd.type === 'ipv4' || fd.type === 'ipv6';
}

/** An address pair of which it is known who is the client. */
export function hasRole(fd: FdInfo): boolean {
  return (fd.flags & (FdFlag.RoleClient | FdFlag.RoleServer)) !== 0;
}

/** `fd.l4proto`: a connection without a role has none, except a raw socket; null: none. */
export function l4proto(fd: FdInfo): string | null {
  if (!isIpSocket(fd)) return null;
  if (fd.isServerSocket || fd.l4proto === 'raw' || hasRole(fd)) return fd.l4proto;
  return null;
}

const PROTO_CHARS: Readonly<Record<string, string>> = { tcp: 't', udp: 'u', icmp: 'i', raw: 'r' };

/** `<4t>10.0.0.1:1->10.0.0.2:2`: kind, protocol and name. */
export function fdText(fd: FdInfo): string {
  const proto = l4proto(fd);
  return `<${typeChar(fd)}${proto === null ? '' : (PROTO_CHARS[proto] ?? '')}>${fd.name}`;
}
