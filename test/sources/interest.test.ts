// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { Ev } from '../../src/events/ids.js';
import { SYSCALLS } from '../../src/events/syscalls.js';
import { interestOf } from '../../src/sources/interest.js';

const names = (numbers: readonly number[], column: 'x86_64' | 'aarch64' = 'x86_64'): string[] =>
  SYSCALLS.filter((row) => row[column] >= 0 && numbers.includes(row[column])).map((row) => row.name);

it('without rules, reports what threads and descriptors are kept from, and no frequent input and output', () => {
  const { syscalls, tracepoints, ignored } = interestOf(new Set(), { arch: 'x64' });
  const found = names(syscalls);
  for (const name of ['open', 'openat', 'openat2', 'creat', 'close', 'dup', 'dup2', 'dup3', 'fcntl', 'pipe', 'pipe2', 'socket', 'socketpair', 'bind',
    'connect', 'accept', 'accept4', 'clone', 'clone3', 'fork', 'vfork', 'execve', 'execveat', 'chdir', 'fchdir', 'setuid', 'setresuid', 'memfd_create']) {
    expect(found).toContain(name);
  }
  for (const name of ['read', 'write', 'recvmsg', 'sendto', 'getpid', 'futex', 'unlink']) expect(found).not.toContain(name);
  expect(tracepoints).toEqual([Ev.PROCEXIT_1_E, Ev.SYSCALL_EXECVE_19_X]);
  expect(ignored).toEqual([]);
});

it('adds the calls of the rules\' event types, by their entry too', () => {
  const { syscalls } = interestOf(new Set([Ev.SYSCALL_UNLINK_2_X, Ev.SYSCALL_MOUNT_E]), { arch: 'x64' });
  expect(names(syscalls)).toEqual(expect.arrayContaining(['unlink', 'mount']));
  expect(names(syscalls)).not.toContain('rename');
});

it('leaves frequent input and output out unless all events are asked for, and says which', () => {
  const types = new Set([Ev.SYSCALL_WRITE_X, Ev.SYSCALL_PREAD_X]);
  expect(interestOf(types, { arch: 'x64' }).ignored).toEqual(['pread64', 'write']);
  expect(names(interestOf(types, { arch: 'x64' }).syscalls)).not.toContain('write');
  const all = interestOf(types, { arch: 'x64', allEvents: true });
  expect(all.ignored).toEqual([]);
  expect(names(all.syscalls)).toEqual(expect.arrayContaining(['write', 'pread64']));
});

it('reports a call that has no event of its own only when it is named', () => {
  const umask = SYSCALLS.find((row) => row.name === 'umask');
  const { syscalls } = interestOf(new Set([Ev.GENERIC_X]), { arch: 'x64', genericCodes: new Set([umask?.code ?? -1]) });
  expect(names(syscalls)).toContain('umask');
  expect(names(syscalls)).not.toContain('getpid');
  expect(names(interestOf(new Set([Ev.GENERIC_X]), { arch: 'x64' }).syscalls)).toContain('getpid');
});

it('uses each architecture\'s own numbers, and names the calls that it lacks', () => {
  const types = new Set([Ev.SYSCALL_OPEN_X, Ev.SYSCALL_UNLINKAT_2_X]);
  const arm = interestOf(types, { arch: 'arm64' });
  expect(names(arm.syscalls, 'aarch64')).toContain('unlinkat');
  expect(arm.unavailable).toEqual(['open']);
  expect(interestOf(types, { arch: 'x64' }).unavailable).toEqual([]);
});

it('takes every call for rules that match all events, but the ignored ones', () => {
  const { syscalls } = interestOf('all', { arch: 'x64' });
  expect(syscalls.length).toBeGreaterThan(300);
  expect(names(syscalls)).not.toContain('read');
});
