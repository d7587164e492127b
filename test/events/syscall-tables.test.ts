// SPDX-License-Identifier: Apache-2.0
/** The numbers of system calls, against the kernel's own headers as Debian packages them. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SYSCALLS } from '../../src/events/syscalls.js';
import { IA32_SOCKETCALLS, IA32_SYSCALLS } from '../../src/events/syscalls-ia32.js';

const X86 = '/usr/include/x86_64-linux-gnu/asm';
const known = new Set(SYSCALLS.map((row) => row.name));

/** Names and numbers that a header defines with these macros set, through the C preprocessor. */
function numbersIn(header: string, ...defines: string[]): ReadonlyMap<string, number> {
  const { stdout, status } = spawnSync('cc', ['-E', '-dM', ...defines.map((d) => `-D${d}`), '-include', header, '-x', 'c', '/dev/null'], { encoding: 'utf8' });
  expect(status).toBe(0);
  const defined = new Map<string, string>();
  for (const [, name, value] of stdout.matchAll(/^#define (__NR(?:3264)?_\w+) (.+)$/gm)) defined.set(name, value.trim());
  const out = new Map<string, number>();
  for (const [name, value] of defined) {
    const number = Number(defined.get(value) ?? value);
    if (name.startsWith('__NR_') && Number.isInteger(number)) out.set(name.slice('__NR_'.length), number);
  }
  return out;
}

function differences(header: ReadonlyMap<string, number>, ours: ReadonlyMap<string, number>, others: ReadonlySet<string>): string[] {
  const out: string[] = [];
  for (const [name, number] of header) {
    if (others.has(name)) continue;
    if (!ours.has(name)) out.push(`${name} (${number}) is missing`);
    else if (ours.get(name) !== number) out.push(`${name} is ${number}, not ${ours.get(name)}`);
  }
  return out;
}

const column = (arch: 'x86_64' | 'aarch64'): Map<string, number> => new Map(SYSCALLS.filter((row) => row[arch] >= 0).map((row) => [row.name, row[arch]]));

describe('the tables of system calls', () => {
  it.runIf(existsSync(`${X86}/unistd_64.h`))("have the kernel's numbers on x86_64", () => {
    const header = numbersIn('asm/unistd_64.h');
    expect(header.size).toBeGreaterThan(350);
    expect(differences(header, column('x86_64'), NEVER_MADE_64)).toEqual([]);
  });

  it("have the kernel's numbers on arm64", () => {
    const header = numbersIn('asm-generic/unistd.h', '__ARCH_WANT_RENAMEAT', '__ARCH_WANT_NEW_STAT', '__ARCH_WANT_SET_GET_RLIMIT', '__ARCH_WANT_SYS_CLONE3',
      '__ARCH_WANT_MEMFD_SECRET', '__BITS_PER_LONG=64');
    expect(header.size).toBeGreaterThan(300);
    expect(differences(header, column('aarch64'), new Set(['syscalls', 'arch_specific_syscall', 'nfsservctl']))).toEqual([]);
  });

  it.runIf(existsSync(`${X86}/unistd_32.h`))('have 32-bit numbers of x86_64, by the 64-bit name of the call', () => {
    const header = numbersIn('asm/unistd_32.h');
    const names = new Map([...header].map(([name, number]) => [number, name]));
    const wrong: string[] = [];
    for (const [number, name] of IA32_SYSCALLS) {
      const there = names.get(number);
      expect(known.has(name), name).toBe(true);
      // The newest ones came after these headers; a call that was widened has a name of its own.
      if (there !== undefined && there !== name && (SAME_CALL.get(there) ?? there.replace(/(_time64|64|32)$/, '')) !== name) wrong.push(`${number}: ${there}, here ${name}`);
    }
    expect(wrong).toEqual([]);
    const ours = new Set(IA32_SYSCALLS.map(([number]) => number));
    expect([...header].filter(([name, number]) => !ours.has(number) && !NOT_REPORTED_32.has(name)).map(([name]) => name)).toEqual([]);
    for (const [, name] of IA32_SOCKETCALLS) expect(known.has(name), name).toBe(true);
  });
});

/** Numbers that no kernel of today serves. */
const NEVER_MADE_64: ReadonlySet<string> = new Set([
  'get_kernel_syms', 'nfsservctl', 'tuxcall', 'vserver', 'afs_syscall', 'security', 'putpmsg', 'create_module', 'getpmsg', 'uselib', '_sysctl', 'query_module',
]);
/** 32-bit calls that are reported as another one; where only a width is appended, the name without it is meant. */
const SAME_CALL: ReadonlyMap<string, string> = new Map([
  ['umount', 'umount2'], ['_llseek', 'lseek'], ['_newselect', 'select'], ['ugetrlimit', 'getrlimit'], ['mmap2', 'mmap'], ['fstatat64', 'newfstatat'],
  ['fadvise64_64', 'fadvise64'],
]);
/** 32-bit calls without a 64-bit counterpart, and those that multiplex. */
const NOT_REPORTED_32: ReadonlySet<string> = new Set([
  '_sysctl', 'afs_syscall', 'bdflush', 'break', 'create_module', 'ftime', 'get_kernel_syms', 'getpmsg', 'gtty', 'idle', 'ipc', 'lock', 'mpx',
  'nfsservctl', 'nice', 'oldfstat', 'oldlstat', 'oldolduname', 'oldstat', 'olduname', 'prof', 'profil', 'putpmsg', 'query_module', 'readdir',
  'sgetmask', 'sigaction', 'signal', 'sigpending', 'sigprocmask', 'sigreturn', 'sigsuspend', 'socketcall', 'ssetmask', 'stime', 'stty', 'ulimit',
  'uselib', 'vm86', 'vm86old', 'vserver', 'waitpid',
]);
