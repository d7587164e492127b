// SPDX-License-Identifier: Apache-2.0
/** The processes of a test: put into the state as if they had been found in /proc. */
import { createHash } from 'node:crypto';
import { canonicalInt } from '../lang/value.js';
import { get, type RawMap, type RawNode } from '../ruleset/read.js';
import { bareContainer, type ContainerInfo, type ContainerType } from '../state/containers.js';
import { FdFlag, FdInfo, type FdType } from '../state/fd-info.js';
import type { State } from '../state/state.js';
import { ThreadInfo } from '../state/thread-info.js';
import { HOST_CONTAINER } from '../state/users.js';
import { type Nodes, plain } from './nodes.js';
import { capabilitiesOf, connectionOf } from './numbers.js';

const PROCESS_KEYS = [
  'name', 'exepath', 'exe', 'args', 'cmdline', 'pid', 'user', 'uid', 'group', 'gid', 'loginuser', 'loginuid', 'cwd', 'env', 'tty', 'sid',
  'container', 'caps', 'exe_writable', 'exe_upper_layer', 'exe_lower_layer', 'exe_from_memfd', 'parent', 'pname', 'ancestors', 'fds',
] as const;
const CONTAINER_KEYS = ['id', 'name', 'image', 'type', 'privileged', 'labels', 'pod', 'namespace'] as const;
const CONTAINER_TYPES: readonly ContainerType[] = ['docker', 'podman', 'cri-o', 'containerd', 'cri', 'lxc', 'libvirt-lxc', 'bpm', 'mesos', 'rkt'];
const FD_KEYS = ['num', 'name', 'type', 'l4proto', 'role'] as const;
const FD_TYPES: readonly FdType[] = [
  'file', 'directory', 'ipv4', 'ipv6', 'unix', 'pipe', 'event', 'signalfd', 'eventpoll', 'inotify', 'timerfd', 'netlink', 'bpf', 'userfaultfd',
  'io_uring', 'memfd', 'pidfd', 'mqueue', 'fanotify', 'unsupported',
];
const WELL_KNOWN: Readonly<Record<string, number>> = { root: 0, daemon: 1, bin: 2, sys: 3, 'www-data': 33, nobody: 65534 };
const A_TERMINAL = 34816;
const NOBODY_LOGGED_IN = 0xffff_ffff;
const FIRST_PID = 1000;

/** All processes of one test. The same description is the same process, which goes on from event to event. */
export class Processes {
  private readonly known = new Map<string, ThreadInfo>();
  private readonly ids = new Map<string, number>();
  private readonly containers: string[] = [];
  private nextPid = FIRST_PID;
  private nextId = FIRST_PID;

  constructor(private readonly state: State, private readonly nodes: Nodes, private readonly now: bigint) {
    const init = new ThreadInfo(1, 1);
    init.ptid = 0;
    Object.assign(init, { comm: 'systemd', exe: '/sbin/init', exepath: '/usr/lib/systemd/systemd', vtid: 1, vpid: 1, sid: 1, pgid: 1, vpgid: 1, uid: 0, gid: 0 });
    this.user(HOST_CONTAINER, 'root', undefined);
    this.group(HOST_CONTAINER, 'root', undefined);
    state.addThread(init);
  }

  /** The process of a description; one that has its number already is changed by it. */
  get(node: RawNode): ThreadInfo | null {
    const key = JSON.stringify(plain(node));
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const map = this.nodes.map(node, 'proc', PROCESS_KEYS);
    if (map === null) return null;
    const pid = this.nodes.integer(get(map, 'pid'), 'pid') ?? this.nextPid++;
    let thread = this.state.threads.get(pid);
    if (thread === undefined) {
      thread = new ThreadInfo(pid, pid);
      thread.ptid = this.parent(map);
      Object.assign(thread, { vtid: pid, vpid: pid, sid: pid, pgid: pid, vpgid: pid, uid: 0, gid: 0, loginuid: NOBODY_LOGGED_IN, fdLimit: 1024 });
      thread.cloneTs = this.now - 10_000_000_000n;
      thread.startTs = this.now - 9_000_000_000n;
      this.describe(thread, map, true);
      this.state.addThread(thread);
      // What its main thread has of the process is set once it is one.
      thread.cwd = `${this.nodes.text(get(map, 'cwd'), 'cwd') ?? ''}/`.replace(/\/+$/, '/');
    } else {
      this.describe(thread, map, false);
    }
    this.known.set(key, thread);
    return thread;
  }

  /** A process that is described nowhere. */
  some(at: RawNode): ThreadInfo | null {
    return this.get({ kind: 'map', entries: [], span: at.span });
  }

  /** The descriptor of a description. */
  fd(node: RawNode): { readonly num: number | undefined; readonly info: FdInfo } | null {
    const { nodes } = this;
    const map: RawMap | null = node.kind === 'scalar' ? null : nodes.map(node, 'fd', FD_KEYS);
    if (map === null && node.kind !== 'scalar') return null;
    const name = node.kind === 'scalar' ? node.text : (nodes.text(get(map as RawMap, 'name'), 'fd.name') ?? '');
    const said = map === null ? undefined : nodes.oneOf(get(map, 'type'), 'fd.type', FD_TYPES);
    const connection = connectionOf(name);
    const type = said ?? (connection !== null ? (connection[0].ip.includes(':') ? 'ipv6' : 'ipv4') : name.endsWith('/') && name.length > 1 ? 'directory' : name.startsWith('/') || name === '' ? 'file' : undefined);
    if (type === undefined) {
      nodes.error('TEST_VALUE', node.span, `'${name}' is neither a path nor a connection`, 'write ip:port->ip:port, or say what it is: fd: {name: …, type: pipe}');
      return null;
    }
    const info = new FdInfo(type, type === 'directory' && name.length > 1 ? name.replace(/\/$/, '') : name);
    if (connection !== null) {
      const [client, server] = connection;
      Object.assign(info, { sourceIp: client.ip, sourcePort: client.port, destIp: server.ip, destPort: server.port });
      info.l4proto = (map === null ? undefined : nodes.oneOf(get(map, 'l4proto'), 'fd.l4proto', ['tcp', 'udp', 'icmp', 'raw'])) ?? 'tcp';
      const role = map === null ? undefined : nodes.oneOf(get(map, 'role'), 'fd.role', ['client', 'server']);
      info.flags |= FdFlag.Connected | (role === 'server' ? FdFlag.RoleServer : FdFlag.RoleClient);
    }
    return { num: map === null ? undefined : nodes.integer(get(map, 'num'), 'fd.num'), info };
  }

  /** Takes out of the shared tables what this test has put there. */
  close(): void {
    for (const id of this.containers) {
      this.state.containers?.delete(id);
      this.state.users?.forget(id);
    }
  }

  private parent(map: RawMap): number {
    const { nodes } = this;
    const parent = get(map, 'parent');
    const pname = nodes.text(get(map, 'pname'), 'pname');
    const ancestors = [...(pname === undefined ? [] : [pname]), ...(nodes.texts(get(map, 'ancestors'), 'ancestors') ?? [])];
    if (parent !== undefined) return (parent.kind === 'scalar' ? this.chain([parent.text], map) : this.get(parent)?.pid) ?? 1;
    return this.chain(ancestors, map);
  }

  /** Processes of these names, the nearest first; they are where the process is that they lead to. */
  private chain(names: readonly string[], map: RawMap): number {
    let pid = 1;
    const container = get(map, 'container');
    for (const name of [...names].reverse()) {
      const thread = new ThreadInfo(this.nextPid, this.nextPid);
      this.nextPid++;
      thread.ptid = pid;
      pid = thread.pid;
      Object.assign(thread, { comm: name, exe: name, exepath: `/usr/bin/${name}`, vtid: pid, vpid: pid, sid: pid, pgid: pid, vpgid: pid, uid: 0, gid: 0 });
      thread.containerId = container === undefined ? '' : this.container(container);
      this.state.addThread(thread);
    }
    return pid;
  }

  private describe(thread: ThreadInfo, map: RawMap, fresh: boolean): void {
    const { nodes } = this;
    const text = (key: string): string | undefined => nodes.text(get(map, key), key);
    const line = text('cmdline')?.split(/\s+/).filter((word) => word !== '');
    const argument = get(map, 'args');
    const args = argument?.kind === 'scalar' ? argument.text.split(/\s+/).filter((word) => word !== '') : nodes.texts(argument, 'args');
    const name = text('name') ?? line?.[0].replace(/^.*\//, '');
    if (name !== undefined || fresh) thread.comm = (name ?? 'program').slice(0, 15);
    const exe = text('exe') ?? line?.[0] ?? (name === undefined && !fresh ? undefined : (name ?? 'program'));
    if (exe !== undefined) thread.exe = exe;
    if (args !== undefined || line !== undefined) thread.args = args ?? line?.slice(1) ?? [];
    const exepath = text('exepath') ?? (exe?.startsWith('/') ? exe : fresh ? `/usr/bin/${name ?? 'program'}` : undefined);
    if (exepath !== undefined) thread.exepath = exepath;
    const container = get(map, 'container');
    if (container !== undefined) thread.containerId = this.container(container);
    this.identity(thread, map, fresh);
    const tty = get(map, 'tty');
    if (tty !== undefined) thread.tty = tty.kind === 'scalar' && (tty.text === 'true' || tty.text === 'false') ? (tty.text === 'true' ? A_TERMINAL : 0) : (nodes.integer(tty, 'tty') ?? 0);
    const sid = nodes.integer(get(map, 'sid'), 'sid');
    if (sid !== undefined) thread.sid = sid;
    const env = get(map, 'env');
    if (env !== undefined) thread.env = env.kind === 'map' ? env.entries.map(({ key, value }) => `${key.text}=${nodes.text(value, key.text) ?? ''}`) : (nodes.texts(env, 'env') ?? []);
    this.capabilities(thread, get(map, 'caps'));
    thread.exeWritable = nodes.flag(get(map, 'exe_writable'), 'exe_writable') ?? thread.exeWritable;
    thread.exeUpperLayer = nodes.flag(get(map, 'exe_upper_layer'), 'exe_upper_layer') ?? thread.exeUpperLayer;
    thread.exeLowerLayer = nodes.flag(get(map, 'exe_lower_layer'), 'exe_lower_layer') ?? thread.exeLowerLayer;
    thread.exeFromMemfd = nodes.flag(get(map, 'exe_from_memfd'), 'exe_from_memfd') ?? thread.exeFromMemfd;
    const fds = get(map, 'fds');
    if (fds === undefined) return;
    if (fds.kind !== 'map') {
      nodes.error('TEST_VALUE', fds.span, 'fds must be a mapping of numbers to descriptors', 'fds: {0: /dev/null, 5: {name: …}}');
      return;
    }
    for (const { key, value } of fds.entries) {
      const num = nodes.integer(key, 'the number of a descriptor');
      const fd = this.fd(value);
      if (num !== undefined && fd !== null) thread.fds.set(num, fd.info);
    }
  }

  private identity(thread: ThreadInfo, map: RawMap, fresh: boolean): void {
    const { nodes } = this;
    const where = thread.containerId;
    const uid = nodes.integer(get(map, 'uid'), 'uid');
    const user = nodes.text(get(map, 'user'), 'user');
    if (user !== undefined || uid !== undefined || fresh) thread.uid = this.user(where, user ?? (uid === undefined ? 'root' : undefined), uid);
    const gid = nodes.integer(get(map, 'gid'), 'gid');
    const group = nodes.text(get(map, 'group'), 'group');
    if (group !== undefined || gid !== undefined || fresh) thread.gid = this.group(where, group ?? (gid === undefined ? 'root' : undefined), gid);
    const loginuid = nodes.integer(get(map, 'loginuid'), 'loginuid');
    const loginuser = nodes.text(get(map, 'loginuser'), 'loginuser');
    if (loginuid !== undefined || loginuser !== undefined) thread.loginuid = loginuid === -1 ? NOBODY_LOGGED_IN : this.user(where, loginuser, loginuid);
  }

  private user(container: string, name: string | undefined, uid: number | undefined): number {
    const id = uid ?? this.idOf(name ?? '');
    if (name !== undefined) this.state.users?.addUser(container, { uid: id, gid: id, name, homedir: id === 0 ? '/root' : `/home/${name}`, shell: '/bin/sh' });
    return id;
  }

  private group(container: string, name: string | undefined, gid: number | undefined): number {
    const id = gid ?? this.idOf(name ?? '');
    if (name !== undefined) this.state.users?.addGroup(container, { gid: id, name });
    return id;
  }

  private idOf(name: string): number {
    const known = WELL_KNOWN[name] ?? this.ids.get(name);
    if (known !== undefined) return known;
    this.ids.set(name, this.nextId);
    return this.nextId++;
  }

  private capabilities(thread: ThreadInfo, node: RawNode | undefined): void {
    const names = this.nodes.texts(node, 'caps');
    if (node === undefined || names === undefined) return;
    const bits = capabilitiesOf(names);
    if (typeof bits === 'string') {
      this.nodes.error('TEST_VALUE', node.span, `there is no capability '${bits}'`, 'they are called CAP_SYS_ADMIN and the like');
      return;
    }
    thread.capEffective = canonicalInt(bits);
    thread.capPermitted = thread.capEffective;
  }

  /** The short id of a container, which is known from then on. A name alone gets an id that is always the same. */
  private container(node: RawNode): string {
    const { nodes } = this;
    const idOf = (name: string): string => createHash('sha256').update(name).digest('hex');
    if (node.kind === 'scalar') {
      if (node.text === 'host') return '';
      const isId = /^[0-9a-f]{12,64}$/.test(node.text);
      return this.addContainer(isId ? { ...bareContainer(node.text.slice(0, 12), 'docker'), fullId: node.text } : { ...bareContainer(idOf(node.text).slice(0, 12), 'docker'), fullId: idOf(node.text), name: node.text });
    }
    const map = nodes.map(node, 'container', CONTAINER_KEYS);
    if (map === null) return '';
    const name = nodes.text(get(map, 'name'), 'container.name') ?? '';
    const fullId = nodes.text(get(map, 'id'), 'container.id') ?? idOf(name);
    const image = nodes.text(get(map, 'image'), 'container.image') ?? '';
    const [, repository = '', tag = ''] = /^(.*?)(?::([^/:]+))?$/.exec(image.replace(/@.*$/, '')) ?? [];
    const labels = new Map<string, string>();
    const written = get(map, 'labels');
    if (written?.kind === 'map') for (const { key, value } of written.entries) labels.set(key.text, nodes.text(value, key.text) ?? '');
    const pod = nodes.text(get(map, 'pod'), 'container.pod');
    const namespace = nodes.text(get(map, 'namespace'), 'container.namespace');
    if (pod !== undefined) labels.set('io.kubernetes.pod.name', pod);
    if (namespace !== undefined) labels.set('io.kubernetes.pod.namespace', namespace);
    const type = nodes.oneOf(get(map, 'type'), 'container.type', CONTAINER_TYPES) ?? 'docker';
    return this.addContainer({
      ...bareContainer(fullId.slice(0, 12), type), fullId, name, image, imageRepository: repository, imageTag: tag, labels,
      privileged: nodes.flag(get(map, 'privileged'), 'container.privileged') ?? false,
    });
  }

  private addContainer(info: ContainerInfo): string {
    this.state.containers?.set(info);
    this.containers.push(info.id);
    return info.id;
  }
}
