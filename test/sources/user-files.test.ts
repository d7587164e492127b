// SPDX-License-Identifier: Apache-2.0
/** Names of users on the host and in containers, with a file system made of a folder. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UserFiles } from '../../src/sources/user-files.js';
import { State } from '../../src/state/state.js';
import { ThreadInfo } from '../../src/state/thread-info.js';
import { UserTable } from '../../src/state/users.js';

const ID = 'ab'.repeat(32);
const SHORT = ID.slice(0, 12);
let root: string;
let users: UserTable;
let state: State;
let files: UserFiles;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'user-files-'));
  for (const directory of ['etc', 'proc/1', 'proc/50/root/etc']) mkdirSync(join(root, directory), { recursive: true });
  symlinkSync(root, join(root, 'proc/1/root'));
  write('etc/passwd', 'root:x:0:0::/root:/bin/sh\n');
  write('etc/group', 'root:x:0:\n');
  users = new UserTable();
  state = new State({ users, wantUnknown: true });
  files = new UserFiles(state, users, root);
});
afterEach(async () => {
  await files.stop();
  rmSync(root, { recursive: true });
});

const write = (path: string, text: string) => writeFileSync(join(root, path), text);
/** A process in the container is seen. */
const seen = (tid: number) => {
  const thread = new ThreadInfo(tid, tid);
  thread.uid = 1000;
  state.setCgroups(thread, `cpu=/docker/${ID}`);
  return thread;
};

describe('users of a container', () => {
  it('are known once a process in it was seen', async () => {
    write('proc/50/root/etc/passwd', 'app:x:1000:1000::/app:/bin/sh\n');
    write('proc/50/root/etc/group', 'app:x:1000:\n');
    seen(50);
    expect(users.user(SHORT, 1000)).toBe(null);
    await files.run();
    expect([users.user(SHORT, 1000)?.name, users.group(SHORT, 1000)?.name]).toEqual(['app', 'app']);
    seen(50);
    expect(state.takeNameless()).toEqual([]);
  });
  it("are not the host's while the runtime prepares it, and are found later", async () => {
    mkdirSync(join(root, 'proc/51'));
    symlinkSync(root, join(root, 'proc/51/root'));
    seen(51);
    await files.run();
    expect(users.knows(SHORT)).toBe(false);
    write('proc/50/root/etc/passwd', 'app:x:1000:1000::/app:/bin/sh\n');
    seen(50);
    await files.run();
    expect(users.user(SHORT, 1000)?.name).toBe('app');
  });
  it('are not those of the container that the runtime itself runs in', async () => {
    const outside = new ThreadInfo(40, 40);
    state.seedThread(outside);
    mkdirSync(join(root, 'outer/etc'), { recursive: true });
    write('outer/etc/passwd', 'other:x:1000:1000::/:/bin/sh\n');
    for (const pid of [40, 51]) {
      mkdirSync(join(root, `proc/${pid}`));
      symlinkSync(join(root, 'outer'), join(root, `proc/${pid}/root`));
    }
    const inside = seen(51);
    inside.ptid = 40;
    state.seedThread(inside);
    await files.run();
    expect(users.knows(SHORT)).toBe(false);
    // Now it has the container's files.
    rmSync(join(root, 'proc/51/root'));
    symlinkSync(join(root, 'proc/50/root'), join(root, 'proc/51/root'));
    write('proc/50/root/etc/passwd', 'app:x:1000:1000::/app:/bin/sh\n');
    seen(51);
    await files.run();
    expect(users.user(SHORT, 1000)?.name).toBe('app');
  });
  it('that are added while it runs are known when their first process begins', async () => {
    write('proc/50/root/etc/passwd', 'app:x:1:1::/app:/bin/sh\n');
    write('proc/50/root/etc/group', 'app:x:1:\n');
    seen(50);
    await files.run();
    expect(users.user(SHORT, 1000)).toBe(null);
    write('proc/50/root/etc/passwd', 'app:x:1:1::/app:/bin/sh\nlate:x:1000:1::/:/bin/sh\n');
    seen(50);
    await files.run();
    expect(users.user(SHORT, 1000)?.name).toBe('late');
  });
  it('are none when it has no such files', async () => {
    seen(50);
    await files.run();
    expect([users.knows(SHORT), users.user(SHORT, 0)]).toEqual([true, null]);
  });
  it('are asked for again when the process has ended meanwhile', async () => {
    seen(99);
    await files.run();
    expect(users.knows(SHORT)).toBe(false);
  });
  it('are asked of another process when the one that was seen has ended', async () => {
    write('proc/50/root/etc/passwd', 'app:x:1000:1000::/app:/bin/sh\n');
    state.seedThread(seen(50));
    seen(99);
    await files.run();
    expect(users.user(SHORT, 1000)?.name).toBe('app');
  });
  it('are not read through links out of it, from pipes or from huge files', async () => {
    write('secret', 'thief:x:1000:1000::/:/bin/sh\n');
    symlinkSync(join(root, 'secret'), join(root, 'proc/50/root/etc/passwd'));
    execFileSync('mkfifo', [join(root, 'proc/50/root/etc/group')]);
    seen(50);
    await files.run();
    expect([users.knows(SHORT), users.user(SHORT, 1000), files.refused]).toEqual([true, null, 1]);
    users.forget(SHORT);
    rmSync(join(root, 'proc/50/root/etc/passwd'));
    write('proc/50/root/etc/passwd', `app:x:1000:1000::/:/bin/sh\n${'#'.repeat(2 << 20)}`);
    seen(50);
    await files.run();
    expect([users.user(SHORT, 1000), files.refused]).toEqual([null, 3]);
  });
});

describe('users of the host', () => {
  it('follow its files', async () => {
    await files.start();
    write('etc/passwd', 'root:x:0:0::/root:/bin/sh\nnew:x:1001:1001::/home/new:/bin/sh\n');
    for (let i = 0; i < 100 && users.user('', 1001) === null; i++) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(users.user('', 1001)?.name).toBe('new');
  });
});
