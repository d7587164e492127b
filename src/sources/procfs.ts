// SPDX-License-Identifier: Apache-2.0
/**
 * Threads and descriptors as /proc shows them: the state at the start of a live capture, and single processes later.
 * Processes come and go meanwhile; what has vanished is left out.
 */
import { closeSync, existsSync, openSync, readdirSync, readlinkSync, readSync, statSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import type { FdInfo } from '../state/fd-info.js';
import type { State } from '../state/state.js';
import { ThreadInfo } from '../state/thread-info.js';
import { readFd, readFdTable } from './procfs-fds.js';
import { readSockets, type SocketTable } from './procfs-sockets.js';

/** Bytes of arguments and of environment that are kept. */
const MAX_TEXT = 4096;
/** Wire flags of a thread that is not the main one: CLONE_THREAD | CLONE_FILES. */
const THREAD_FLAGS = 0x2001;
const NS_PER_TICK = 10_000_000n;
/** Controllers that events tell of; in a unified hierarchy they all have its one path. */
const CONTROLLERS = ['cpuset', 'cpu', 'cpuacct', 'io', 'memory'];

export interface ProcfsStats {
  readonly processes: number;
  readonly threads: number;
  readonly fds: number;
  readonly milliseconds: number;
}

export class Procfs {
  private readonly root: string;
  private readonly buffer = Buffer.alloc(64 * 1024);
  private readonly sockets = new Map<string, SocketTable>();
  private bootTs = 0n;

  /** @param hostRoot where the host's file system is (HOST_ROOT); /proc is below it. */
  constructor(hostRoot: string = process.env.HOST_ROOT ?? '') {
    this.root = `${hostRoot}/proc/`;
  }

  /** Fills an empty state: boot time, interfaces, every thread and descriptor. */
  seed(state: State): ProcfsStats {
    const began = performance.now();
    this.sockets.clear();
    this.bootTs = this.readBootTime();
    state.bootTs = this.bootTs;
    state.interfaces.set(ownAddresses());
    let processes = 0;
    let threads = 0;
    let fds = 0;
    for (const name of readdirSync(this.root)) {
      const pid = Number(name);
      if (!Number.isInteger(pid) || pid <= 0) continue;
      const found = this.process(pid, state);
      if (found.length === 0) continue;
      processes++;
      threads += found.length;
      fds += found[0].fds.size;
      for (const thread of found) state.seedThread(thread);
    }
    state.seeded();
    this.sockets.clear();
    return { processes, threads, fds, milliseconds: performance.now() - began };
  }

  /** Looks up threads that the state does not know, with their processes and its parents. */
  lookUp(state: State, tids: readonly number[]): void {
    if (this.bootTs === 0n) this.bootTs = this.readBootTime();
    this.sockets.clear();
    for (const tid of tids) {
      let pid = this.pidOf(tid);
      // Parents first, so that children find them.
      const chain: number[] = [];
      while (pid > 0 && chain.length < 64 && (state.threads.get(pid)?.inferred ?? true)) {
        chain.unshift(pid);
        pid = this.parentOf(pid);
      }
      for (const process of chain) state.learn(this.process(process, state));
    }
    this.sockets.clear();
  }

  /** Forgets what it remembers of sockets from one look to the next. */
  refresh(): void {
    this.sockets.clear();
  }

  /** A process as it is now: its threads, the main one first; empty: it is gone; null: there is no telling. */
  look(pid: number, state: State): readonly ThreadInfo[] | null {
    if (this.bootTs === 0n) this.bootTs = this.readBootTime();
    const threads = this.process(pid, state);
    if (threads.length !== 0) return threads;
    const stat = this.text(`${this.root}${pid}/stat`);
    return stat === null || stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z') ? [] : null;
  }

  isAlive(tid: number): boolean {
    return existsSync(`${this.root}${tid}`);
  }

  /** One descriptor of a process as it is now; null: it is gone. */
  fd(pid: number, fd: number): FdInfo | null {
    const directory = `${this.root}${pid}/`;
    this.sockets.clear();
    return readFd(directory, String(fd), (path) => this.text(directory + path), () => this.socketsOf(directory));
  }

  /** A process's threads, the main one first; empty: it is gone, or a kernel thread or zombie. */
  process(pid: number, state: State): ThreadInfo[] {
    const directory = `${this.root}${pid}/`;
    const read = (path: string) => this.text(directory + path);
    const status = read('status');
    const stat = read('stat');
    if (status === null || stat === null) return [];
    const main = new ThreadInfo(pid, pid, new Map());
    readStatus(main, status);
    if (!readCommand(main, directory, read('cmdline'))) return [];
    readStat(main, stat, this.bootTs);
    main.setEnvText(zeroSeparated(read('environ')));
    main.cwd = withSlash(link(`${directory}cwd`) ?? '/');
    main.root = link(`${directory}root`) ?? '/';
    const loginuid = read('loginuid');
    if (loginuid !== null) main.loginuid = Number(loginuid) >>> 0;
    const limit = /^Max open files\s+(\d+|unlimited)/m.exec(read('limits') ?? '')?.[1];
    if (limit !== undefined) main.fdLimit = limit === 'unlimited' ? -1 : Number(limit);
    const cgroups = read('cgroup');
    if (cgroups !== null) state.setCgroups(main, wireCgroups(cgroups));
    main.pidnsInitStartTs = main.inPidNamespace ? startOfNamespace(directory) : this.bootTs;
    main.fds = readFdTable(directory, read, () => this.socketsOf(directory));
    return [main, ...this.otherThreads(main, directory)];
  }

  private otherThreads(main: ThreadInfo, directory: string): ThreadInfo[] {
    let names: string[];
    try {
      names = readdirSync(`${directory}task`);
    } catch {
      return [];
    }
    const threads: ThreadInfo[] = [];
    for (const name of names) {
      const tid = Number(name);
      if (tid === main.tid || !Number.isInteger(tid)) continue;
      const thread = new ThreadInfo(tid, main.pid, main.fds);
      shareProcess(thread, main);
      // The name is the thread's own; its ids are not read where they follow, status is slow to read.
      const file = this.text(`${directory}task/${name}/${main.inPidNamespace ? 'status' : 'comm'}`);
      if (file === null) continue;
      if (main.inPidNamespace) readStatus(thread, file);
      else thread.comm = file.endsWith('\n') ? file.slice(0, -1) : file;
      thread.cloneFlags = THREAD_FLAGS;
      threads.push(thread);
    }
    return threads;
  }

  private socketsOf(directory: string): SocketTable {
    const namespace = link(`${directory}ns/net`) ?? directory;
    let table = this.sockets.get(namespace);
    if (table === undefined) {
      table = readSockets((file) => this.text(`${directory}net/${file}`));
      this.sockets.set(namespace, table);
    }
    return table;
  }

  private pidOf(tid: number): number {
    return Number(/^Tgid:\s+(\d+)/m.exec(this.text(`${this.root}${tid}/status`) ?? '')?.[1] ?? 0);
  }

  private parentOf(pid: number): number {
    return Number(/^PPid:\s+(\d+)/m.exec(this.text(`${this.root}${pid}/status`) ?? '')?.[1] ?? 0);
  }

  private readBootTime(): bigint {
    const uptime = Number((this.text(`${this.root}uptime`) ?? '0').split(' ')[0]);
    return BigInt(Date.now()) * 1_000_000n - BigInt(Math.round(uptime * 100)) * NS_PER_TICK;
  }

  /** A whole file of /proc; null: it is not there or not ours to read. */
  private text(path: string): string | null {
    let fd: number;
    try {
      fd = openSync(path, 'r');
    } catch {
      return null;
    }
    try {
      let text = '';
      for (;;) {
        const length = readSync(fd, this.buffer, 0, this.buffer.length, null);
        text += this.buffer.toString('utf8', 0, length);
        // Longer files come in pieces of about a page or more.
        if (length < 3000) return text;
      }
    } catch {
      return null;
    } finally {
      closeSync(fd);
    }
  }
}

/** Path, exe, arguments and what stat(2) says of the executable. False: no program runs there. */
function readCommand(thread: ThreadInfo, directory: string, cmdline: string | null): boolean {
  const path = link(`${directory}exe`);
  if (cmdline === null || (cmdline === '' && path === null)) return false;
  const words = zeroSeparated(cmdline);
  if (words !== null) {
    const first = words.indexOf('\0');
    thread.exe = first === -1 ? words : words.slice(0, first);
    thread.setArgsText(first === -1 ? null : words.slice(first + 1));
  }
  if (path === null) return true;
  thread.exepath = path.endsWith(' (deleted)') ? path.slice(0, -10) : path;
  thread.exeFromMemfd = path.startsWith('/memfd:');
  try {
    const stat = statSync(`${directory}exe`, { bigint: true });
    thread.exeIno = Number(stat.ino);
    thread.exeInoCtime = stat.ctimeNs;
    thread.exeInoMtime = stat.mtimeNs;
    const mode = Number(stat.mode);
    const owned = Number(stat.uid) === thread.uid;
    thread.exeWritable = thread.uid === 0 || owned || (mode & 0o002) !== 0 || (Number(stat.gid) === thread.gid && (mode & 0o020) !== 0);
  } catch {
    // It has been replaced, or is on a file system that we cannot reach.
  }
  return true;
}

/** Ids, capabilities and memory; of nested ids the second one, as events have it. */
function readStatus(thread: ThreadInfo, status: string): void {
  for (const line of status.split('\n')) {
    const colon = line.indexOf(':');
    const values = line.slice(colon + 1).trim().split(/\s+/);
    switch (line.slice(0, colon)) {
      case 'Name':
        thread.comm = unescapeName(line.slice(colon + 1).trim());
        break;
      case 'PPid':
        thread.ptid = Number(values[0]);
        break;
      case 'Uid':
        thread.uid = Number(values[1]);
        break;
      case 'Gid':
        thread.gid = Number(values[1]);
        break;
      case 'NStgid':
        thread.vpid = Number(values[1] ?? values[0]);
        break;
      case 'NSpid':
        thread.vtid = Number(values[1] ?? values[0]);
        break;
      case 'NSpgid':
        thread.pgid = Number(values[0]);
        thread.vpgid = Number(values[1] ?? values[0]);
        break;
      case 'CapInh':
        thread.capInheritable = Number.parseInt(values[0], 16);
        break;
      case 'CapPrm':
        thread.capPermitted = Number.parseInt(values[0], 16);
        break;
      case 'CapEff':
        thread.capEffective = Number.parseInt(values[0], 16);
        break;
      case 'VmSize':
        thread.vmSizeKb = Number(values[0]);
        break;
      case 'VmRSS':
        thread.vmRssKb = Number(values[0]);
        break;
      case 'VmSwap':
        thread.vmSwapKb = Number(values[0]);
        break;
      default:
        break;
    }
  }
}

/** The kernel escapes newlines and backslashes in the name. */
function unescapeName(name: string): string {
  return name.includes('\\') ? name.replace(/\\n/g, '\n').replace(/\\\\/g, '\\') : name;
}

/** What stands after the name, which may hold anything. */
function readStat(thread: ThreadInfo, stat: string, bootTs: bigint): void {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  thread.sid = Number(fields[3]);
  thread.tty = Number(fields[4]) >>> 0;
  thread.pgftMinor = Number(fields[7]);
  thread.pgftMajor = Number(fields[9]);
  thread.cloneTs = bootTs + BigInt(fields[19]) * NS_PER_TICK;
}

function shareProcess(thread: ThreadInfo, main: ThreadInfo): void {
  thread.ptid = main.ptid;
  thread.vtid = thread.tid;
  thread.vpid = main.vpid;
  thread.pgid = main.pgid;
  thread.vpgid = main.vpgid;
  thread.uid = main.uid;
  thread.gid = main.gid;
  thread.capInheritable = main.capInheritable;
  thread.capPermitted = main.capPermitted;
  thread.capEffective = main.capEffective;
  thread.vmSizeKb = main.vmSizeKb;
  thread.vmRssKb = main.vmRssKb;
  thread.vmSwapKb = main.vmSwapKb;
  thread.exe = main.exe;
  thread.exepath = main.exepath;
  thread.args = main.args;
  thread.root = main.root;
  thread.sid = main.sid;
  thread.tty = main.tty;
  thread.loginuid = main.loginuid;
  thread.cgroups = main.cgroups;
  thread.containerId = main.containerId;
  thread.cloneTs = main.cloneTs;
  thread.pidnsInitStartTs = main.pidnsInitStartTs;
  thread.exeWritable = main.exeWritable;
  thread.exeFromMemfd = main.exeFromMemfd;
  thread.exeIno = main.exeIno;
  thread.exeInoCtime = main.exeInoCtime;
  thread.exeInoMtime = main.exeInoMtime;
}

/** `hierarchy:controllers:path` lines as zero-separated `controller=path`. */
export function wireCgroups(text: string): string {
  const paths = new Map<string, string>();
  let unified: string | null = null;
  for (const line of text.split('\n')) {
    const first = line.indexOf(':');
    const second = line.indexOf(':', first + 1);
    if (second === -1) continue;
    const path = line.slice(second + 1);
    const controllers = line.slice(first + 1, second);
    if (controllers === '') unified = path;
    else for (const controller of controllers.split(',')) paths.set(controller, path);
  }
  if (unified !== null) {
    for (const controller of CONTROLLERS) {
      if (!paths.has(controller) && !(controller === 'io' && paths.has('blkio'))) paths.set(controller, unified);
    }
  }
  return [...paths].map(([controller, path]) => `${controller}=${path}`).join('\0');
}

/** Drops the closing zero and what exceeds the limit; null: nothing there. */
function zeroSeparated(text: string | null): string | null {
  if (text === null || text === '') return null;
  const cut = text.length > MAX_TEXT ? text.slice(0, MAX_TEXT) : text;
  return cut.endsWith('\0') ? cut.slice(0, -1) : cut;
}

function withSlash(path: string): string {
  return path.endsWith('/') ? path : `${path}/`;
}

function link(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}

/** When the first process of a pid namespace was started; 0n: not to be found. */
function startOfNamespace(directory: string): bigint {
  try {
    return statSync(`${directory}root/proc/1/cmdline`, { bigint: true }).ctimeNs;
  } catch {
    return 0n;
  }
}

function ownAddresses() {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? []).map(({ address, netmask }) => ({ name, address, netmask })),
  );
}
