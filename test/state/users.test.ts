// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { HOST_CONTAINER, parseGroup, parsePasswd, UserTable } from '../../src/state/users.js';

describe('passwd and group files', () => {
  it('give users and groups, and lines that are none are skipped', () => {
    expect(parsePasswd('# comment\nroot:x:0:0:root:/root:/bin/sh\n+::::::\nbad:x:one:1::/:\nshort:x:1\nminus:x:-1:-1::/:\nlast:x:7:8::/srv:')).toEqual([
      { uid: 0, gid: 0, name: 'root', homedir: '/root', shell: '/bin/sh' },
      { uid: 7, gid: 8, name: 'last', homedir: '/srv', shell: '' },
    ]);
    expect(parseGroup('root:x:0:\n+\nstaff:x:50:alice,bob\nbad:x:y:')).toEqual([{ gid: 0, name: 'root' }, { gid: 50, name: 'staff' }]);
  });
  it('name an id that two lines have by the first', () => {
    const table = new UserTable();
    table.load(HOST_CONTAINER, 'root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/root:/bin/csh\n', '');
    expect(table.user(HOST_CONTAINER, 0)?.name).toBe('root');
  });
  it('replace what was known before', () => {
    const table = new UserTable();
    table.load(HOST_CONTAINER, 'old:x:5:5::/:\n', 'old:x:5:\n');
    table.load(HOST_CONTAINER, 'new:x:6:6::/:\n', 'new:x:6:\n');
    expect([table.user(HOST_CONTAINER, 5), table.group(HOST_CONTAINER, 5)]).toEqual([null, null]);
    expect([table.user(HOST_CONTAINER, 6)?.name, table.group(HOST_CONTAINER, 6)?.name]).toEqual(['new', 'new']);
  });
});

describe('the table of users', () => {
  it('keeps containers apart, and forgets one', () => {
    const table = new UserTable();
    table.load('a', 'x:x:1:1::/:\n', '');
    expect([table.user('a', 1)?.name, table.user('b', 1), table.user(HOST_CONTAINER, 1)]).toEqual(['x', null, null]);
    table.forget('a');
    expect([table.knows('a'), table.user('a', 1)]).toEqual([false, null]);
  });
  it('takes single changes, but not for the id that means nobody', () => {
    const table = new UserTable();
    table.addUser('', { uid: 9, gid: 9, name: 'n', homedir: '', shell: '' });
    table.addUser('', { uid: 0xffff_ffff, gid: 0, name: 'nobody', homedir: '', shell: '' });
    table.addGroup('', { gid: 9, name: 'g' });
    expect([table.user('', 9)?.name, table.user('', 0xffff_ffff), table.group('', 9)?.name]).toEqual(['n', null, 'g']);
    table.removeUser('', 9);
    table.removeGroup('', 9);
    expect([table.user('', 9), table.group('', 9)]).toEqual([null, null]);
  });
  it('is bounded: the oldest container gives way and is counted, the host stays', () => {
    const table = new UserTable();
    table.load(HOST_CONTAINER, 'root:x:0:0::/:\n', '');
    for (let i = 0; i < 2000; i++) table.addUser(`c${i}`, { uid: 1, gid: 1, name: 'x', homedir: '', shell: '' });
    expect(table.evictions).toBe(2000 - 1023);
    expect([table.user(HOST_CONTAINER, 0)?.name, table.knows('c0'), table.knows('c1999')]).toEqual(['root', false, true]);
  });
});
