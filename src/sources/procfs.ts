// SPDX-License-Identifier: Apache-2.0
/**
 * Threads and descriptors as /proc shows them: the state at the start of a live capture, and single processes later.
 * Processes come and go meanwhile; what has vanished is left out.
 */
import { closeSync, existsSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import type { FdInfo } from '../state/fd-info.js';
import type { State } from '../state/state.js';
import { ThreadInfo } from '../state/thread-info.js';
import { readFd, readFdTable } from './procfs-fds.js';
import { layerOf, type Mount, readMounts } from './procfs-layers.js';
import { link, NS_PER_TICK, readCommand, readStat, readStatus, shareProcess, wireCgroups, zeroSeparated } from './procfs-process.js';
import { readSockets, type SocketTable } from './procfs-sockets.js';
import { decodeBytes, joined } from '../util/byte-text.js';

/** Wire flags of a thread that is not the main one: CLONE_THREAD | CLONE_FILES. */
const THREAD_FLAGS = 0x2001;

export interface ProcfsStats {
  readonly processes: number;
  readonly threads: number;
  readonly fds: number;
  readonly milliseconds: number;
}

export class Procfs {
  private readonly root: string;
  /** Root directories in which container runtimes may have mounted: ours, and that of the first process. */
  private readonly mounters: readonly string[];
  private readonly buffer = Buffer.alloc(64 * 1024);
  private readonly sockets = new Map<string, SocketTable>();
  /** By mount namespace, as long as `sockets`. */
  private readonly mounts = new Map<string, readonly Mount[]>();
  private bootTs = 0n;

  /** @param hostRoot where the host's file system is (HOST_ROOT); /proc is below it. */
  constructor(hostRoot: string = process.env.HOST_ROOT ?? '') {
    this.root = `${hostRoot}/proc/`;
    this.mounters = [hostRoot, `${this.root}1/root`];
  }

  /** Fills an empty state: boot time, interfaces, every thread and descriptor. */
  seed(state: State): ProcfsStats {
    const began = performance.now();
    this.refresh();
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
    this.refresh();
    return { processes, threads, fds, milliseconds: performance.now() - began };
  }

  /** Looks up threads that the state does not know, with their processes and its parents. */
  lookUp(state: State, tids: readonly number[]): void {
    if (this.bootTs === 0n) this.bootTs = this.readBootTime();
    this.refresh();
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
    this.refresh();
  }

  /** Forgets what it remembers of sockets and mounts from one look to the next. */
  refresh(): void {
    this.sockets.clear();
    this.mounts.clear();
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

  /** One descriptor of a process as it is now, a socket as of the last {@link refresh} at the earliest; null: it is gone. */
  fd(pid: number, fd: number): FdInfo | null {
    const directory = `${this.root}${pid}/`;
    return readFd(directory, String(fd), (path) => this.text(directory + path), () => this.socketsOf(directory));
  }

  /** A process's threads, the main one first; empty: it is gone, or a kernel thread or zombie. */
  process(pid: number, state: State): ThreadInfo[] {
    const directory = `${this.root}${pid}/`;
    const read = (path: string) => this.text(directory + path);
    const status = read('status');
    const stat = read('stat');
    if (status === null || stat === null) return [];
    const main = new ThreadInfo(pid, pid);
    readStatus(main, status);
    if (!readCommand(main, directory, read('cmdline'))) return [];
    readStat(main, stat, this.bootTs);
    main.setEnvText(zeroSeparated(read('environ')));
    main.cwd = withSlash(link(`${directory}cwd`) ?? '/');
    main.root = link(`${directory}root`) ?? '/';
    this.readLayer(main, directory);
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

  /** Not of an executable that was removed, or that is none. */
  private readLayer(main: ThreadInfo, directory: string): void {
    const path = link(`${directory}exe`);
    if (path === null || !path.startsWith('/') || path.endsWith(' (deleted)')) return;
    const namespace = link(`${directory}ns/mnt`) ?? directory;
    const key = `${namespace} ${main.root}`;
    let mounts = this.mounts.get(key);
    if (mounts === undefined) {
      mounts = readMounts(this.text(`${directory}mountinfo`) ?? '');
      this.mounts.set(key, mounts);
    }
    const seen = main.root !== '/' && path.startsWith(`${main.root}/`) ? path.slice(main.root.length) : path;
    const layer = layerOf(seen, `${directory}exe`, mounts, this.mounters);
    main.exeUpperLayer = layer === 'upper';
    main.exeLowerLayer = layer === 'lower';
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
        text += decodeBytes(this.buffer, 0, length);
        // Longer files come in pieces of about a page or more.
        if (length < 3000) return joined(text);
      }
    } catch {
      return null;
    } finally {
      closeSync(fd);
    }
  }
}

function withSlash(path: string): string {
  return path.endsWith('/') ? path : `${path}/`;
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
