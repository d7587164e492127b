// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { createEngine } from '../../src/engine/engine.js';
import { Ev } from '../../src/events/ids.js';
import { SYSCALLS } from '../../src/events/syscalls.js';
import { type BaseSyscalls, IGNORED_CALLS, interestOf, type Selection } from '../../src/sources/interest.js';
import { catalogues, loaded } from '../ruleset/helpers.js';

const names = (numbers: readonly number[], column: 'x86_64' | 'aarch64' = 'x86_64'): string[] =>
  SYSCALLS.filter((row) => row[column] >= 0 && numbers.includes(row[column])).map((row) => row.name);

it('without rules, reports what threads and descriptors are kept from, and no frequent input and output', () => {
  const { syscalls, tracepoints, ignored } = interestOf(new Set(), { arch: 'x64' });
  const found = names(syscalls);
  for (const name of ['open', 'openat', 'openat2', 'creat', 'close', 'dup', 'dup2', 'dup3', 'fcntl', 'pipe', 'pipe2', 'socket', 'socketpair', 'bind',
    'connect', 'accept', 'accept4', 'sendto', 'recvmsg', 'setrlimit', 'prlimit64', 'unshare', 'clone', 'clone3', 'fork', 'vfork', 'execve', 'execveat', 'chdir', 'fchdir', 'setuid', 'setresuid', 'memfd_create']) {
    expect(found).toContain(name);
  }
  for (const name of ['read', 'write', 'getsockopt', 'mount', 'getpid', 'futex', 'unlink']) expect(found).not.toContain(name);
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
  const all = interestOf(types, { arch: 'x64', base: { all: true } });
  expect(all.ignored).toEqual([]);
  expect(names(all.syscalls)).toEqual(expect.arrayContaining(['write', 'pread64']));
});

it('reports a call that has no event of its own only when it is named', () => {
  const { syscalls } = interestOf(new Set([Ev.GENERIC_X]), { arch: 'x64', genericNames: new Set(['umask']) });
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

/** What would be watched with rules of these conditions. */
function selection(conditions: readonly string[], base: Partial<BaseSyscalls> = {}): Selection & { readonly names: readonly string[] } {
  const rules = conditions.map((condition, i) => `- { rule: r${i}, desc: d, condition: ${JSON.stringify(condition)}, output: o, priority: INFO }\n`).join('');
  const engine = createEngine(loaded(rules).rules, catalogues, { matching: 'all', onMatch: () => {} });
  const found = interestOf(engine.eventTypesOf('syscall'), { arch: 'x64', base, genericNames: engine.namesOf('syscall', Ev.GENERIC_X) });
  const traced = found.tracepoints.includes(Ev.PROCEXIT_1_E) ? ['procexit'] : [];
  return { ...found, names: [...names(found.syscalls), ...traced].sort() };
}

describe('base_syscalls, with rules on a few calls', () => {
  const RULES = [
    'evt.type=connect or evt.type=accept or evt.type=accept4 or evt.type=umount2',
    'evt.type in (open, ptrace, mmap, execve, read, container)',
    'evt.type in (open, execve, mprotect) and not evt.type=mprotect',
  ];
  const OF_RULES = ['accept', 'accept4', 'connect', 'execve', 'mmap', 'open', 'ptrace', 'read', 'umount2'];
  const without = (...taken: string[]): string[] => OF_RULES.filter((name) => !taken.includes(name));
  const REPAIRED = ['clone', 'clone3', 'close', 'setuid', 'socket', 'bind', 'getsockopt', 'chdir', 'fork', 'vfork', 'capset', 'prctl', 'procexit'];

  it('by default: those calls and what the state needs, without the frequent ones', () => {
    const found = selection(RULES);
    expect(found.names).toEqual(expect.arrayContaining([...without('read'), 'clone', 'clone3', 'fork', 'vfork', 'socket', 'bind', 'close', 'procexit']));
    expect(found.names.filter((name) => IGNORED_CALLS.has(name))).toEqual([]);
    expect(found.ignored).toEqual(['read']);
    expect(found.forState).toContain('close');
    expect(found.forState).not.toContain('open');
    expect(names(interestOf(new Set(), { arch: 'x64' }).syscalls).filter((name) => !found.names.includes(name))).toEqual([]);
  });

  // biome-ignore format: one line a case
  it.each<[says: string, base: Partial<BaseSyscalls>, expected: readonly string[]]>([
    ['a custom set takes the place of what the state needs; what it negates goes, whatever rules say', { all: true, custom_set: ['syncfs', '!accept'] }, [...without('accept', 'accept4'), 'syncfs', 'procexit']],
    ['what is named and negated goes', { all: true, custom_set: ['syncfs', 'accept', '!accept'] }, [...without('accept', 'accept4'), 'syncfs', 'procexit']],
    ['a custom set takes the place of what the state needs', { all: true, custom_set: ['syncfs'] }, [...OF_RULES, 'syncfs', 'procexit']],
    ['frequent calls are left out of a custom set too', { custom_set: ['read'] }, [...without('read'), 'procexit']],
    ['an empty name counts for nothing', { custom_set: ['', 'read'] }, [...without('read'), 'procexit']],
    ['the end of processes cannot be taken away', { custom_set: ['read', '!procexit'] }, [...without('read'), 'procexit']],
  ])('%s', (_says, base, expected) => expect(selection(RULES, base).names).toEqual([...expected].sort()));

  it('a negated name alone is taken from the rest', () => {
    const found = selection(RULES, { all: true, custom_set: ['!accept'] });
    expect(found.names).toEqual(selection(RULES, { all: true }).names.filter((name) => name !== 'accept' && name !== 'accept4'));
    expect(found.removed).toEqual(['accept', 'accept4']);
    expect(found.ignored).toEqual([]);
  });

  it('repair brings back what a custom set lacks to make sense, also what it negates, and not the frequent calls', () => {
    const found = selection(RULES, { custom_set: ['openat', '!bind'], repair: true });
    expect(found.names).toEqual([...new Set([...without('read'), 'openat', ...REPAIRED, 'execveat', 'fchdir', 'chroot', 'setgid', 'setpgid', 'setresgid', 'setresuid', 'setsid'])].sort());
  });

  it('repair without a custom set keeps the least: rules, processes, and what their descriptors need', () => {
    const found = selection(RULES, { all: true, repair: true });
    expect(found.names).toEqual(expect.arrayContaining([...OF_RULES, ...REPAIRED]));
    expect(found.names).not.toContain('dup');
    expect(found.names).not.toContain('openat');
  });

  it('repair adds for the network only where it is watched, and close only where descriptors are', () => {
    const found = selection(['evt.type=kill'], { repair: true }).names;
    expect(found).toEqual(expect.arrayContaining(['kill', 'clone', 'execve', 'procexit']));
    for (const name of ['socket', 'bind', 'close', 'getsockopt']) expect(found).not.toContain(name);
    expect(selection(['evt.type=connect'], { repair: true }).names).toEqual(expect.arrayContaining(['socket', 'getsockopt', 'close']));
    expect(selection(['evt.type=connect'], { repair: true }).names).not.toContain('bind');
    expect(selection(['evt.type=openat'], { repair: true }).names).toContain('close');
  });

  it('a name that no event has is said, and others count', () => {
    const found = selection(RULES, { all: true, custom_set: ['nosuch', '!neither', 'syncfs'] });
    expect(found.invalid).toEqual(['nosuch', 'neither']);
    expect(found.names).toContain('syncfs');
    expect(selection(RULES, { custom_set: ['nosuch'] }).names).toEqual(selection(RULES).names);
  });

  it('calls without an event of their own are reported by name, no more of them', () => {
    const found = selection([...RULES, 'evt.type=syncfs or evt.type=fanotify_init']).names;
    expect(found).toEqual(expect.arrayContaining(['syncfs', 'fanotify_init']));
    for (const name of ['umask', 'getpid', 'gettimeofday']) expect(found).not.toContain(name);
  });

  it('a rule on everything but one such call asks for all others', () => {
    const found = selection(['evt.type != umask and proc.name=x']).names;
    expect(found).toContain('getpid');
    expect(found).not.toContain('umask');
  });
});

describe('on arm64', () => {
  it("children are reported by a tracepoint, since their return from clone is not traced, and calls by arm64's numbers", () => {
    const clones = new Set([Ev.SYSCALL_CLONE_20_X]);
    const there = interestOf(clones, { arch: 'arm64', genericNames: new Set() });
    expect(there.tracepoints).toContain(Ev.SYSCALL_CLONE_20_X);
    expect(there.syscalls).toContain(220); // clone
    expect(interestOf(clones, { arch: 'x64', genericNames: new Set() }).tracepoints).not.toContain(Ev.SYSCALL_CLONE_20_X);
  });

  it("has the kernel's numbers: those of asm-generic/unistd.h", () => {
    const number = (name: string): number | undefined => SYSCALLS.find((row) => row.name === name)?.aarch64;
    expect({ openat: number('openat'), execve: number('execve'), connect: number('connect'), ptrace: number('ptrace'), openat2: number('openat2'), open: number('open') })
      .toEqual({ openat: 56, execve: 221, connect: 203, ptrace: 117, openat2: 437, open: -1 });
  });
});
