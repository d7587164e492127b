// SPDX-License-Identifier: Apache-2.0
/** Names of user and group ids, per container: parsed from passwd and group texts, kept up to date by events. */
export interface User {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
  readonly homedir: string;
  readonly shell: string;
}

export interface Group {
  readonly gid: number;
  readonly name: string;
}

/** Key of the machine itself among the containers. */
export const HOST_CONTAINER = '';
const MAX_CONTAINERS = 1024;
/** An id that stands for nobody. */
const NO_ID = 0xffff_ffff;

interface Names {
  /** Of the files that it was loaded from. */
  version: string;
  readonly users: Map<number, User>;
  readonly groups: Map<number, Group>;
}

/**
 * Bounded: the container that was filled longest ago gives way, which is counted; the host stays. The table does no
 * input: whoever reads `/etc/passwd` (below HOST_ROOT, or below a container's root) hands the text in.
 */
export class UserTable {
  private readonly byContainer = new Map<string, Names>([[HOST_CONTAINER, { version: '', users: new Map(), groups: new Map() }]]);
  evictions = 0;

  user(container: string, uid: number): User | null {
    return this.byContainer.get(container)?.users.get(uid) ?? null;
  }

  group(container: string, gid: number): Group | null {
    return this.byContainer.get(container)?.groups.get(gid) ?? null;
  }

  /** All that is known of a container, for a capture file. */
  usersOf(container: string): Iterable<User> {
    return this.byContainer.get(container)?.users.values() ?? [];
  }

  groupsOf(container: string): Iterable<Group> {
    return this.byContainer.get(container)?.groups.values() ?? [];
  }

  knows(container: string): boolean {
    return this.byContainer.has(container);
  }

  addUser(container: string, user: User): void {
    if (user.uid !== NO_ID) this.names(container).users.set(user.uid, user);
  }

  addGroup(container: string, group: Group): void {
    if (group.gid !== NO_ID) this.names(container).groups.set(group.gid, group);
  }

  removeUser(container: string, uid: number): void {
    this.byContainer.get(container)?.users.delete(uid);
  }

  removeGroup(container: string, gid: number): void {
    this.byContainer.get(container)?.groups.delete(gid);
  }

  /** Of the files that a container was loaded from; empty: it was not. */
  version(container: string): string {
    return this.byContainer.get(container)?.version ?? '';
  }

  /** Replaces what is known of a container by what its files say; `version` tells these files from others. */
  load(container: string, passwd: string, group: string, version = ''): void {
    const names = this.names(container);
    names.version = version;
    names.users.clear();
    names.groups.clear();
    for (const user of parsePasswd(passwd)) if (!names.users.has(user.uid)) names.users.set(user.uid, user);
    for (const entry of parseGroup(group)) if (!names.groups.has(entry.gid)) names.groups.set(entry.gid, entry);
  }

  forget(container: string): void {
    if (container !== HOST_CONTAINER) this.byContainer.delete(container);
  }

  private names(container: string): Names {
    let names = this.byContainer.get(container);
    if (names === undefined) {
      if (this.byContainer.size >= MAX_CONTAINERS) {
        for (const oldest of this.byContainer.keys()) {
          if (oldest === HOST_CONTAINER) continue;
          this.byContainer.delete(oldest);
          this.evictions++;
          break;
        }
      }
      names = { version: '', users: new Map(), groups: new Map() };
      this.byContainer.set(container, names);
    }
    return names;
  }
}

/** Lines that are no entry (comments, NIS markers, too few columns, ids that are no numbers) are skipped. */
export function parsePasswd(text: string): User[] {
  const users: User[] = [];
  for (const line of text.split('\n')) {
    const [name, , uid, gid, , homedir, shell] = line.split(':');
    if (gid === undefined || !isId(uid) || !isId(gid) || name === '') continue;
    users.push({ uid: Number(uid), gid: Number(gid), name, homedir: homedir ?? '', shell: shell ?? '' });
  }
  return users;
}

export function parseGroup(text: string): Group[] {
  const groups: Group[] = [];
  for (const line of text.split('\n')) {
    const [name, , gid] = line.split(':');
    if (gid === undefined || !isId(gid) || name === '') continue;
    groups.push({ gid: Number(gid), name });
  }
  return groups;
}

function isId(text: string): boolean {
  return /^\d{1,10}$/.test(text) && Number(text) < NO_ID;
}
