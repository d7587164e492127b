// SPDX-License-Identifier: Apache-2.0
/**
 * Names of users and groups while the monitor runs: the host's files when they change, and those of each container once a
 * process in it begins whose user is not known. All in the background and one file at a time: a container can put anything in the place of
 * its files, also what never answers.
 */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, stat } from 'node:fs/promises';
import type { State } from '../state/state.js';
import { HOST_CONTAINER, type UserTable } from '../state/users.js';
import { decodeBytes } from '../util/byte-text.js';

const EVERY_MS = 100;
/** Rounds from one look at the host's files to the next. */
const HOST_ROUNDS = 10;
const MAX_BYTES = 1 << 20;
/** Processes asked beside the first ones, a round. */
const MAX_OTHERS = 64;
/** On the way from a process in a container to the one outside that made it. */
const MAX_ANCESTORS = 64;

export class UserFiles {
  readonly name = 'users and groups';
  private timer: NodeJS.Timeout | null = null;
  private busy = false;
  private round = 0;
  /** Files that were refused: no regular file, or too large. */
  refused = 0;

  constructor(
    private readonly state: State,
    private readonly users: UserTable,
    private readonly hostRoot: string,
  ) {}

  async start(): Promise<void> {
    this.timer = setInterval(() => void this.run(), EVERY_MS);
    this.timer.unref();
  }

  async stop(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
  }

  /** One round; does nothing while the one before still waits for a file. */
  async run(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    try {
      await this.loadContainers();
      if (++this.round % HOST_ROUNDS === 0) await this.loadHost();
    } finally {
      this.busy = false;
    }
  }

  private async loadContainers(): Promise<void> {
    const failed = new Set<string>();
    for (const [container, tid] of this.state.takeNameless()) {
      if (!(await this.loadContainer(container, tid))) failed.add(container);
    }
    if (failed.size === 0) return;
    // Short-lived processes are gone by now: the container's others are asked.
    const others: (readonly [container: string, tid: number])[] = [];
    for (const thread of this.state.threads.values()) {
      if (thread.isMain && failed.has(thread.containerId) && others.length < MAX_OTHERS) others.push([thread.containerId, thread.tid]);
    }
    for (const [container, tid] of others) {
      if (failed.has(container) && (await this.loadContainer(container, tid))) failed.delete(container);
    }
  }

  /** False: that process cannot tell. */
  private async loadContainer(container: string, tid: number): Promise<boolean> {
    const root = `${this.hostRoot}/proc/${tid}/root/`;
    const own = await statOf(root);
    if (own === null || (await this.isOfRuntime(container, tid, own))) return false;
    const version = await versionOf(`${root}etc/`, lstat);
    if (version === this.users.version(container)) return true;
    const passwd = await this.read(`${root}etc/passwd`, constants.O_NOFOLLOW);
    const group = await this.read(`${root}etc/group`, constants.O_NOFOLLOW);
    // The process may have ended in between; the next one in the container is asked then.
    if ((passwd === null || group === null) && (await statOf(root)) === null) return false;
    this.users.load(container, passwd ?? '', group ?? '', version);
    return true;
  }

  /**
   * A runtime's own process is in the container's cgroup before it has the container's files. Its root is then that of the
   * process that made it, which is not the machine's when the runtime itself is in a container.
   */
  private async isOfRuntime(container: string, tid: number, root: Stats): Promise<boolean> {
    const { threads } = this.state;
    let maker = threads.get(tid);
    for (let i = 0; i < MAX_ANCESTORS && maker?.containerId === container; i++) maker = threads.get(maker.ptid);
    for (const pid of maker === undefined || maker.containerId === container ? [1] : [1, maker.pid]) {
      const other = await statOf(`${this.hostRoot}/proc/${pid}/root/`);
      if (other !== null && other.dev === root.dev && other.ino === root.ino) return true;
    }
    return false;
  }

  private async loadHost(): Promise<void> {
    const etc = `${this.hostRoot}/etc/`;
    const version = await versionOf(etc, stat);
    if (version === this.users.version(HOST_CONTAINER)) return;
    const passwd = await this.read(`${etc}passwd`, 0);
    const group = await this.read(`${etc}group`, 0);
    // In the middle of being replaced: the next round sees it whole.
    if (passwd === null || group === null) return;
    this.users.load(HOST_CONTAINER, passwd, group, version);
  }

  private async read(path: string, flags: number): Promise<string | null> {
    let file: FileHandle | null = null;
    try {
      file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | flags);
      const info = await file.stat();
      if (!info.isFile() || info.size > MAX_BYTES) {
        this.refused++;
        return null;
      }
      return decodeBytes(await file.readFile());
    } catch {
      return null;
    } finally {
      await file?.close();
    }
  }
}

async function statOf(path: string, look: typeof stat = stat): Promise<Stats | null> {
  try {
    return await look(path);
  } catch {
    return null;
  }
}

/** Tells the files of users and groups in a folder from those that were there before. */
async function versionOf(etc: string, look: typeof stat): Promise<string> {
  const files = [await statOf(`${etc}passwd`, look), await statOf(`${etc}group`, look)];
  return files.map((file) => (file === null ? '-' : `${file.dev}:${file.ino}:${file.size}:${file.mtimeMs}`)).join(' ');
}
