// SPDX-License-Identifier: Apache-2.0
/** `fdlist.*`: the descriptors that poll and ppoll wait for, as comma-separated texts. */
import type { EventView } from '../events/event-view.js';
import { isIpSocket } from '../events/fd-text.js';
import { Ev } from '../events/ids.js';
import { NA } from '../events/raw-param.js';
import { fdList } from '../events/render.js';
import type { FieldClass, FieldReader } from '../lang/catalogue.js';
import type { FdInfo } from '../state/fd-info.js';
import { ANY_V4, ANY_V6 } from '../state/interfaces.js';
import { field } from './catalogue.js';
import { fdsOf } from './of-thread.js';

/** Joins what `read` says of each descriptor, leaving out those that it says null of. */
function joined(read: (fd: number, info: FdInfo | undefined) => string | null): FieldReader<EventView> {
  return (e) => {
    if ((e.type !== Ev.SYSCALL_POLL_X && e.type !== Ev.SYSCALL_PPOLL_X) || e.thread === null) return null;
    let text: string | null = null;
    for (const { fd } of fdList(e.raw(1))) {
      const item = read(fd, fdsOf(e.thread).get(fd));
      if (item !== null) text = text === null ? item : `${text},${item}`;
    }
    return text;
  };
}

/** Client, server, or the socket's own for one that listens; the unspecified address for what is not known. */
function end(info: FdInfo | undefined, which: 'client' | 'server'): { readonly ip: string; readonly port: number } | null {
  if (info === undefined || !isIpSocket(info)) return null;
  const any = info.type === 'ipv4' ? ANY_V4 : ANY_V6;
  const source = { ip: info.sourceIp ?? any, port: info.sourcePort };
  if (info.isServerSocket) return which === 'server' ? source : null;
  return which === 'client' ? source : { ip: info.destIp ?? any, port: info.destPort };
}

const ips = (which: 'client' | 'server'): FieldReader<EventView> => joined((_, info) => end(info, which)?.ip ?? null);

/** Ports of connections only: what listens is left out. */
const ports = (which: 'client' | 'server'): FieldReader<EventView> =>
  joined((_, info) => {
    const found = info?.isServerSocket === true ? null : end(info, which);
    return found === null ? null : String(found.port);
  });

export function fdListClass(): FieldClass<EventView> {
  return {
    name: 'fdlist',
    desc: 'The descriptors that poll and ppoll wait for.',
    // biome-ignore format: one line a field
    fields: [
      field('fdlist.nums', 'CHARBUF', 'Their numbers.', joined((fd) => String(fd))),
      field('fdlist.names', 'CHARBUF', 'Their names.', joined((_, info) => (info === undefined || info.name === '' ? NA : info.name))),
      field('fdlist.cips', 'CHARBUF', 'Addresses of the clients.', ips('client')),
      field('fdlist.sips', 'CHARBUF', 'Addresses of the servers.', ips('server')),
      field('fdlist.cports', 'CHARBUF', 'Ports of the clients.', ports('client')),
      field('fdlist.sports', 'CHARBUF', 'Ports of the servers.', ports('server')),
    ],
  };
}
