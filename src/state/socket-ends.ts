// SPDX-License-Identifier: Apache-2.0
/** The two ends of a connection, in a descriptor. HOT PATH. */
import { Family, ipv4Text, ipv6Text, isMapped, port } from './addresses.js';
import { FdFlag, type FdInfo } from './fd-info.js';
import { ANY_V4, ANY_V6, type Interfaces } from './interfaces.js';

export const ROLES = FdFlag.RoleClient | FdFlag.RoleServer;
/** How far a connection has come. */
export const CONNECTION = FdFlag.Connected | FdFlag.ConnectPending | FdFlag.ConnectFailed;

/** Takes both ends from an IP tuple that was found long enough. False: nothing is new. */
export function takeTuple(info: FdInfo, tuple: Uint8Array): boolean {
  if (tuple[0] === Family.Inet) return setEnds(info, 'ipv4', ipv4Text(tuple, 1), port(tuple, 5), ipv4Text(tuple, 7), port(tuple, 11));
  if (isMapped(tuple, 1) && isMapped(tuple, 19)) {
    return setMappedEnds(info, ipv4Text(tuple, 13), port(tuple, 17), ipv4Text(tuple, 31), port(tuple, 35));
  }
  return setEnds(info, 'ipv6', ipv6Text(tuple, 1), port(tuple, 17), ipv6Text(tuple, 19), port(tuple, 35));
}

/** The same for IPv4 addresses in IPv6 clothes. As Falco has it: a socket that turns out to speak IPv4 under them loses its protocol. */
export function setMappedEnds(info: FdInfo, sip: string, sport: number, dip: string, dport: number): boolean {
  if (info.type === 'ipv6' || info.isServerSocket) info.l4proto = null;
  return setEnds(info, 'ipv4', sip, sport, dip, dport);
}

/** Takes both ends over. False: nothing is new, maybe because they are known the other way round. */
export function setEnds(info: FdInfo, type: 'ipv4' | 'ipv6', sip: string, sport: number, dip: string, dport: number): boolean {
  const before = info.type;
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

/** Puts our own address in the place of an unspecified one. */
export function fillUnspecified(info: FdInfo, interfaces: Interfaces): void {
  if (info.sourceIp === null || info.destIp === null) return;
  const any = info.type === 'ipv4' ? ANY_V4 : ANY_V6;
  if (info.sourceIp === any) {
    const own = interfaces.towards(info.destIp);
    if (own !== info.destIp || info.sourcePort !== info.destPort) info.sourceIp = own;
  } else if (info.destIp === any) {
    const own = interfaces.towards(info.sourceIp);
    if (own !== info.sourceIp || info.sourcePort !== info.destPort) info.destIp = own;
  }
}

/** A connection found at the start: local and remote become server and client. */
export function orient(info: FdInfo, serverPorts: ReadonlySet<number>, interfaces: Interfaces): void {
  if (info.type !== 'ipv4' || info.isServerSocket) return;
  fillUnspecified(info, interfaces);
  if (serverPorts.has(info.sourcePort)) {
    swapEnds(info);
    info.flags |= FdFlag.RoleServer;
  } else {
    info.flags |= FdFlag.RoleClient;
  }
  info.name = `${info.sourceIp}:${info.sourcePort}->${info.destIp}:${info.destPort}`;
}

/** `ip:port->ip:port`, without ports where the protocol has none. */
export function tupleName(info: FdInfo): string {
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
