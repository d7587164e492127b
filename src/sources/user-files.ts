// SPDX-License-Identifier: Apache-2.0
/**
 * Names of users and groups while the monitor runs: the host's files when they change, and those of each container once a
 * process in it has been seen. All in the background and one file at a time: a container can put anything in the place of
 * its files, also what never answers.
 */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import type { State } from '../state/state.js';
import { HOST_CONTAINER, type UserTable } from '../state/users.js';

const EVERY_MS = 100;
/** Rounds from one look at the host's files to the next. */
const HOST_ROUNDS = 10;
const MAX_BYTES = 1 << 20;
/** Processes asked beside the first ones, a round. */
const MAX_OTHERS = 64;

export class UserFiles {
  readonly name = 'users and groups';
  private timer: NodeJS.Timeout | null = null;
  private busy = false;
  private round = 0;
  private hostVersion = '';
  /** Files that were refused: no regular file, or too large. */
  refused = 0;

  constructor(
    private readonly state: State,
    private readonly users: UserTable,
    private readonly hostRoot: string,
  ) {}

  async start(): Promise<void> {
    this.hostVersion = await this.versionOfHost();
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
      if (!this.users.knows(container)) await this.loadContainer(container, tid);
    }
  }

  /** False: that process cannot tell. */
  private async loadContainer(container: string, tid: number): Promise<boolean> {
    const root = `${this.hostRoot}/proc/${tid}/root/`;
    // A runtime's own process is in the container's cgroup before it has the container's files.
    const [own, host] = [await statOf(root), await statOf(`${this.hostRoot}/proc/1/root/`)];
    if (own === null || (host !== null && own.dev === host.dev && own.ino === host.ino)) return false;
    const follow = constants.O_NOFOLLOW;
    const passwd = await this.read(`${root}etc/passwd`, follow);
    const group = await this.read(`${root}etc/group`, follow);
    // The process may have ended in between; the next one in the container is asked then.
    if ((passwd === null || group === null) && (await statOf(root)) === null) return false;
    this.users.load(container, passwd ?? '', group ?? '');
    return true;
  }

  private async loadHost(): Promise<void> {
    const version = await this.versionOfHost();
    if (version === this.hostVersion) return;
    const passwd = await this.read(`${this.hostRoot}/etc/passwd`, 0);
    const group = await this.read(`${this.hostRoot}/etc/group`, 0);
    // In the middle of being replaced: the next round sees it whole.
    if (passwd === null || group === null) return;
    this.hostVersion = version;
    this.users.load(HOST_CONTAINER, passwd, group);
  }

  private async versionOfHost(): Promise<string> {
    const files = [await statOf(`${this.hostRoot}/etc/passwd`), await statOf(`${this.hostRoot}/etc/group`)];
    return files.map((file) => (file === null ? '-' : `${file.ino}:${file.size}:${file.mtimeMs}`)).join(' ');
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
      return await file.readFile('utf8');
    } catch {
      return null;
    } finally {
      await file?.close();
    }
  }
}

async function statOf(path: string): Promise<Stats | null> {
  try {
    return await stat(path);
  } catch {
    return null;
  }
}
