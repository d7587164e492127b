// SPDX-License-Identifier: Apache-2.0
/** `fd.*` of connections: addresses and ports of client and server, of the local and the remote end. */
import type { EventView } from '../events/event-view.js';
import { hasRole, isIpSocket } from '../events/fd-text.js';
import type { FieldDef, FieldReader } from '../lang/catalogue.js';
import type { FieldType, Value } from '../lang/value.js';
import type { FdInfo } from '../state/fd-info.js';
import { field } from './catalogue.js';
import type { FieldContext } from './context.js';
import { fdOf, ofFd } from './of-fd.js';

type Reader = FieldReader<EventView>;
type Field = FieldDef<EventView>;
type End = 'client' | 'server' | 'local' | 'remote';

/** A socket with two ends. */
const isConnection = (fd: FdInfo): boolean => isIpSocket(fd) && !fd.isServerSocket;

/** Does the address belong to this machine, or, for a process in a container, to a container on it? */
function isLocal(context: FieldContext, e: EventView, fd: FdInfo, address: string | null): boolean {
  if (address === null) return false;
  const container = e.thread?.containerId ?? '';
  // Addresses of containers are known for IPv4 only.
  if (fd.type === 'ipv6') return container === '' && context.interfaces.hasSubnetOf(address);
  if (container !== '') {
    const ip = context.containers.get(container)?.ip ?? '';
    if (ip === '') return context.containers.hasIp(address);
    if (ip === address) return true;
  }
  return context.interfaces.has(address);
}

/** Is that end of a connection the one that is called the source? */
function isSourceEnd(context: FieldContext, e: EventView, fd: FdInfo, end: End): boolean {
  switch (end) {
    case 'client':
      return true;
    case 'server':
      return false;
    case 'local':
      return isLocal(context, e, fd, fd.sourceIp);
    case 'remote':
      return !isLocal(context, e, fd, fd.sourceIp);
    default: {
      const never: never = end;
      return never;
    }
  }
}

function ip(context: FieldContext, end: End): Reader {
  return ofFd((fd, e) => {
    if (!isIpSocket(fd) || !hasRole(fd)) return null;
    if (fd.isServerSocket) return end === 'server' ? fd.sourceIp : null;
    return isSourceEnd(context, e, fd, end) ? fd.sourceIp : fd.destIp;
  });
}

function portOf(context: FieldContext, e: EventView, fd: FdInfo, end: End): number | null {
  if (!isIpSocket(fd)) return null;
  if (fd.isServerSocket) return end === 'server' ? fd.sourcePort : null;
  if (!hasRole(fd)) return null;
  return isSourceEnd(context, e, fd, end) ? fd.sourcePort : fd.destPort;
}

const port = (context: FieldContext, end: End): Reader => ofFd((fd, e) => portOf(context, e, fd, end));

/** The port as text; a socket that only listens has an empty one. */
function service(context: FieldContext, end: End): Reader {
  return ofFd((fd, e) => {
    if (isConnection(fd)) {
      const number = portOf(context, e, fd, end);
      return number === null ? null : String(number);
    }
    if (end === 'server') return isIpSocket(fd) ? '' : null;
    return end === 'client' && hasRole(fd) ? '' : null;
  });
}

/** Networks print as a placeholder: a network is something to compare with. */
const NET_TEXT = '<IPNET>';

function net(context: FieldContext, name: string, end: End, desc: string): Field {
  const address = ip(context, end);
  return field(name, 'IPNET', desc, (e) => (address(e) === null ? null : NET_TEXT), {
    noTransformer: true,
    constantsOnly: true,
    inCondition: { notEqual: 'all', bind: () => address },
  });
}

/**
 * Both ends of a connection, or the one address of a socket that listens. For conditions only: prints nothing. An address
 * that is not known compares as the unspecified one: `fd.ip != "10.0.0.1"` holds for a socket without a peer.
 */
function eitherEnd(name: string, type: FieldType, desc: string, read: (fd: FdInfo) => readonly [Value, Value]): Field {
  const ends: Reader = (e) => {
    const fd = fdOf(e);
    if (fd === null || !isIpSocket(fd)) return null;
    const unspecified = fd.type === 'ipv6' ? '::' : '0.0.0.0';
    const [source, destination] = read(fd);
    const first = (source ?? unspecified) as string | number;
    return fd.isServerSocket ? [first] : [first, (destination ?? unspecified) as string | number];
  };
  return field(name, type, desc, () => null, {
    noTransformer: true,
    constantsOnly: true,
    inCondition: { notEqual: 'all', bind: () => ends },
  });
}

function dnsName(context: FieldContext, name: string, end: End, desc: string): Field {
  const address = ip(context, end);
  const names = (e: EventView): readonly string[] | null => {
    const text = address(e);
    return typeof text === 'string' ? context.dnsNames.namesOf(text) : null;
  };
  return field(name, 'CHARBUF', desc, (e) => names(e)?.[0] ?? null, {
    noTransformer: true,
    constantsOnly: true,
    inCondition: { notEqual: 'all', bind: () => names },
  });
}

function isServer(context: FieldContext): Reader {
  return ofFd((fd, e) => {
    if (!isIpSocket(fd)) return false;
    return fd.isServerSocket || isLocal(context, e, fd, fd.destIp);
  });
}

export type AddressGroup = 'ips' | 'ports' | 'server' | 'services' | 'nets' | 'names';

/** In groups, because other fields stand between them in the list. */
// biome-ignore format: one line a field
export function addressFields(group: AddressGroup, context: FieldContext): readonly Field[] {
  switch (group) {
    case 'ips':
      return [
        eitherEnd('fd.ip', 'IPADDR', 'Either address of a connection; for conditions.', (fd) => [fd.sourceIp, fd.destIp]),
        field('fd.cip', 'IPADDR', 'Address of the client.', ip(context, 'client')),
        field('fd.sip', 'IPADDR', 'Address of the server.', ip(context, 'server')),
        field('fd.lip', 'IPADDR', 'Address of the local end.', ip(context, 'local')),
        field('fd.rip', 'IPADDR', 'Address of the remote end.', ip(context, 'remote')),
      ];
    case 'ports':
      return [
        eitherEnd('fd.port', 'PORT', 'Either port of a connection; for conditions.', (fd) => [fd.sourcePort, fd.destPort]),
        field('fd.cport', 'PORT', 'Port of the client.', port(context, 'client')),
        field('fd.sport', 'PORT', 'Port of the server.', port(context, 'server')),
        field('fd.lport', 'PORT', 'Port of the local end.', port(context, 'local')),
        field('fd.rport', 'PORT', 'Port of the remote end.', port(context, 'remote')),
      ];
    case 'server':
      return [field('fd.is_server', 'BOOL', 'True when the process is the server of the connection.', isServer(context))];
    case 'services':
      return [
        eitherEnd('fd.proto', 'PORT', 'Either port of a connection; for conditions.', (fd) => [fd.sourcePort, fd.destPort]),
        field('fd.cproto', 'CHARBUF', 'Port of the client, as text.', service(context, 'client')),
        field('fd.sproto', 'CHARBUF', 'Port of the server, as text.', service(context, 'server')),
        field('fd.lproto', 'CHARBUF', 'Port of the local end, as text.', service(context, 'local')),
        field('fd.rproto', 'CHARBUF', 'Port of the remote end, as text.', service(context, 'remote')),
      ];
    case 'nets':
      return [
        eitherEnd('fd.net', 'IPNET', 'Either address of a connection, to compare with a network.', (fd) => [fd.sourceIp, fd.destIp]),
        net(context, 'fd.cnet', 'client', 'Address of the client, to compare with a network.'),
        net(context, 'fd.snet', 'server', 'Address of the server, to compare with a network.'),
        net(context, 'fd.lnet', 'local', 'Address of the local end, to compare with a network.'),
        net(context, 'fd.rnet', 'remote', 'Address of the remote end, to compare with a network.'),
      ];
    case 'names':
      return [
        dnsName(context, 'fd.cip.name', 'client', 'Host name of the client, out of those that rules name.'),
        dnsName(context, 'fd.sip.name', 'server', 'Host name of the server, out of those that rules name.'),
        dnsName(context, 'fd.lip.name', 'local', 'Host name of the local end, out of those that rules name.'),
        dnsName(context, 'fd.rip.name', 'remote', 'Host name of the remote end, out of those that rules name.'),
      ];
    default: {
      const never: never = group;
      return never;
    }
  }
}
