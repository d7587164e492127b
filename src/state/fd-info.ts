// SPDX-License-Identifier: Apache-2.0
/** What is known of one open file descriptor. HOT PATH: one shape, every slot set in the constructor. */

/** Kinds of descriptors; the letter is `fd.typechar`, the name `fd.type`. */
export type FdType =
  | 'file' | 'directory' | 'ipv4' | 'ipv6' | 'unix' | 'pipe' | 'event' | 'signalfd' | 'eventpoll' | 'inotify'
  | 'timerfd' | 'netlink' | 'bpf' | 'userfaultfd' | 'io_uring' | 'memfd' | 'pidfd' | 'mqueue' | 'fanotify' | 'unsupported' | 'unknown';

export const enum FdFlag {
  /** We are the server side of the connection. */
  RoleServer = 1 << 0,
  RoleClient = 1 << 1,
  Cloned = 1 << 2,
  Connected = 1 << 3,
  ConnectPending = 1 << 4,
  ConnectFailed = 1 << 5,
  OverlayUpper = 1 << 6,
  OverlayLower = 1 << 7,
  /** Found in /proc, not seen to be opened. */
  FromProc = 1 << 9,
}

/** For {@link FdInfo} and ThreadInfo: stored once in a field that holds numbers of any size, it makes room for all of them. */
export const ANYTHING = 0n as unknown as number;

/** What only sockets have. */
class SocketInfo {
  sourceIp: string | null = null;
  destIp: string | null = null;
  sourcePort = 0;
  destPort = 0;
  l4proto: string | null = null;
  isServerSocket = false;
  unixSource: number | bigint = 0;
  unixDest: number | bigint = 0;

  clone(): SocketInfo {
    const copy = new SocketInfo();
    copy.sourceIp = this.sourceIp;
    copy.destIp = this.destIp;
    copy.sourcePort = this.sourcePort;
    copy.destPort = this.destPort;
    copy.l4proto = this.l4proto;
    copy.isServerSocket = this.isServerSocket;
    copy.unixSource = this.unixSource;
    copy.unixDest = this.unixDest;
    return copy;
  }
}

export class FdInfo {
  type: FdType;
  /** `fd.name`: path of a file, `ip:port->ip:port` of a socket, path of a unix socket. Empty: not known. */
  name: string;
  /** `fd.nameraw`: the path as the program gave it. */
  nameRaw = '';
  /** Wire open flags (`file_flags`; `memfd_create_flags` of a memfd). */
  openFlags = 0;
  flags = 0;
  dev = 0;
  ino: number | bigint = 0;
  /** pidfd: the process it stands for. */
  pid = 0;
  /** The name before the event that is being processed (`fd.name_changed`). */
  oldName = '';
  /** Null until one of its values is set: most descriptors are files. */
  private socket: SocketInfo | null = null;

  constructor(type: FdType, name: string) {
    this.type = type;
    this.name = name;
  }

  /**
   * Ends of a connection as client (source) and server (destination): `cip` and `sip`. Canonical text, null: not known.
   * A server socket without a peer (`isServerSocket`) has its own address in `sourceIp` and `sourcePort`.
   */
  get sourceIp(): string | null {
    return this.socket === null ? null : this.socket.sourceIp;
  }

  set sourceIp(ip: string | null) {
    this.asSocket().sourceIp = ip;
  }

  get destIp(): string | null {
    return this.socket === null ? null : this.socket.destIp;
  }

  set destIp(ip: string | null) {
    this.asSocket().destIp = ip;
  }

  get sourcePort(): number {
    return this.socket === null ? 0 : this.socket.sourcePort;
  }

  set sourcePort(port: number) {
    this.asSocket().sourcePort = port;
  }

  get destPort(): number {
    return this.socket === null ? 0 : this.socket.destPort;
  }

  set destPort(port: number) {
    this.asSocket().destPort = port;
  }

  /** 'tcp' | 'udp' | 'icmp' | 'raw'; null: not known or not a socket. */
  get l4proto(): string | null {
    return this.socket === null ? null : this.socket.l4proto;
  }

  set l4proto(protocol: string | null) {
    this.asSocket().l4proto = protocol;
  }

  /** A bound or listening socket without a peer. */
  get isServerSocket(): boolean {
    return this.socket === null ? false : this.socket.isServerSocket;
  }

  set isServerSocket(yes: boolean) {
    this.asSocket().isServerSocket = yes;
  }

  /** Unix sockets: kernel addresses of both ends. */
  get unixSource(): number | bigint {
    return this.socket === null ? 0 : this.socket.unixSource;
  }

  set unixSource(address: number | bigint) {
    this.asSocket().unixSource = address;
  }

  get unixDest(): number | bigint {
    return this.socket === null ? 0 : this.socket.unixDest;
  }

  set unixDest(address: number | bigint) {
    this.asSocket().unixDest = address;
  }

  /** For dup and for a new process. */
  clone(): FdInfo {
    const copy = new FdInfo(this.type, this.name);
    copy.nameRaw = this.nameRaw;
    copy.openFlags = this.openFlags;
    copy.flags = this.flags;
    copy.dev = this.dev;
    copy.ino = this.ino;
    copy.pid = this.pid;
    copy.oldName = this.oldName;
    if (this.socket !== null) copy.socket = this.socket.clone();
    return copy;
  }

  private asSocket(): SocketInfo {
    if (this.socket === null) this.socket = new SocketInfo();
    return this.socket;
  }
}

// As in thread-info.ts: no number that comes later changes the shape of descriptors.
const widest = new FdInfo('file', '');
widest.dev = widest.openFlags = widest.ino = widest.unixSource = widest.unixDest = ANYTHING;
