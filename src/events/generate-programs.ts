// SPDX-License-Identifier: Apache-2.0
/**
 * The C that needs no hand: a BPF program for each event whose parameters are plain arguments, and the table of system
 * calls for the addon. See `ParamSource` in the table.
 */
import { Ev } from './ids.js';
import type { ParamType } from './param-types.js';
import { SYSCALLS } from './syscalls.js';
import { IA32_SOCKETCALLS, IA32_SYSCALLS } from './syscalls-ia32.js';
import { EVENTS, type EventRow, OLD, type ParamRow } from './table.js';

/** ts u64, tid u64, len u32, type u16, nparams u32. */
const HEADER_BYTES = 26;

const NOT_FIXED = 0;
const BYTES: Readonly<Record<ParamType, number>> = {
  INT8: 1, UINT8: 1, FLAGS8: 1, ENUMFLAGS8: 1, SIGTYPE: 1, L4PROTO: 1, SOCKFAMILY: 1,
  INT16: 2, UINT16: 2, FLAGS16: 2, ENUMFLAGS16: 2, SYSCALLID: 2, PORT: 2,
  INT32: 4, UINT32: 4, FLAGS32: 4, ENUMFLAGS32: 4, UID: 4, GID: 4, MODE: 4, BOOL: 4, IPV4ADDR: 4, SIGSET: 4, FD32: 4,
  PID32: 4,
  INT64: 8, UINT64: 8, ERRNO: 8, FD: 8, PID: 8, RELTIME: 8, ABSTIME: 8, DOUBLE: 8,
  IPV6ADDR: 16,
  CHARBUF: NOT_FIXED, BYTEBUF: NOT_FIXED, SOCKADDR: NOT_FIXED, SOCKTUPLE: NOT_FIXED, FDLIST: NOT_FIXED,
  FSPATH: NOT_FIXED, FSRELPATH: NOT_FIXED, DYNAMIC: NOT_FIXED, CHARBUFARRAY: NOT_FIXED, CHARBUF_PAIR_ARRAY: NOT_FIXED,
  IPV4NET: NOT_FIXED, IPV6NET: NOT_FIXED, IPADDR: NOT_FIXED, IPNET: NOT_FIXED,
};

/** What the field's probe counts on its own. */
const LOSSES: readonly (readonly [name: string, keys: RegExp])[] = [
  ['CLONE_FORK', /^SYSCALL_(CLONE_20|CLONE3|FORK_20|VFORK_20)_X$/],
  ['EXECVE', /^SYSCALL_(EXECVE_19|EXECVEAT)_X$/],
  ['PROC_EXIT', /^PROCEXIT_1_E$/],
  ['INTEREST', /^SYSCALL_(BPF_2|SETPGID|PTRACE|SECCOMP|SETNS|SETRESGID|SETRESUID|SETSID|UNSHARE|CAPSET|KEYCTL)_X$/],
  ['CONNECT', /^SOCKET_CONNECT_X$/],
  ['OPEN', /^SYSCALL_(OPEN|CREAT|OPENAT_2|OPENAT2|OPEN_BY_HANDLE_AT)_X$/],
  [
    'DIR_FILE',
    /^SYSCALL_(CHMOD|FCHMOD|FCHMODAT|CHOWN|LCHOWN|FCHOWN|FCHOWNAT|LINK_2|LINKAT_2|MKDIR_2|MKDIRAT|MOUNT|UMOUNT_1|UMOUNT2|RENAME|RENAMEAT|RENAMEAT2|RMDIR_2|SYMLINK|SYMLINKAT|UNLINK_2|UNLINKAT_2)_X$/,
  ],
  ['CLOSE', /^SYSCALL_CLOSE_X$/],
];

/** By what a lost event is counted; the names are the C header's. */
export function lossCategory({ key, category }: EventRow): string {
  for (const [name, keys] of LOSSES) if (keys.test(key)) return name;
  switch (category) {
    case 'process': case 'user': case 'signal': return 'PROCESS';
    case 'net': return 'NETWORK';
    case 'file': case 'io_read': case 'io_write': case 'io_other': return 'FILE';
    default: return 'OTHER';
  }
}

const isPlain = (e: EventRow): boolean => e.kind === 'syscall' && e.key.endsWith('_X') && (e.flags & OLD) === 0 && e.params.every((p) => p.from !== undefined);
const readsText = (p: ParamRow): boolean => /^(out_)?str\(/.test(p.from ?? '');

/** Often called, and they change nothing; or the kernel can be kept waiting, by other arguments, before it reads the path. */
const NOT_KEPT = /^SYSCALL_(STAT|LSTAT|NEWFSTATAT|ACCESS|MOUNT)_X$/;

/** Arguments with texts that are kept when the call begins (`native/bpf/entry.h`), at most two: of calls that take a path. */
function keptTexts(e: EventRow): readonly number[] {
  const isPath = (p: ParamRow): boolean => p.type === 'FSPATH' || p.type === 'FSRELPATH' || p.name === 'path';
  if (!isPlain(e) || NOT_KEPT.test(e.key)) return [];
  const texts = e.params.filter((p) => /^str\(/.test(p.from ?? ''));
  return texts.some(isPath) ? texts.slice(0, 2).map((p) => Number(/\d/.exec(p.from ?? '')?.[0])) : [];
}

function value(p: ParamRow): string {
  const from = p.from as string;
  const call = /^(\w+)\((\d)\)$/.exec(from);
  if (call === null) return `from_${from}(ret)`;
  // What a failed call left in a buffer is not its answer.
  if (call[1] === 'out_str') return `ret < 0 ? 0 : argument(regs, ${call[2]})`;
  return `from_${call[1]}(argument(regs, ${call[2]}))`;
}

/** Every parameter has a fixed size: written straight into the ring buffer. */
function fixedProgram(e: EventRow): string[] {
  const size = HEADER_BYTES + e.params.reduce((sum, p) => sum + 2 + BYTES[p.type], 0);
  const out = [`PROGRAM(${e.key})`, '{', `\tu8 *event = reserve(EVENT(${e.key}), ${size});`, '\tif (!event)', '\t\treturn 0;'];
  let at = HEADER_BYTES + 2 * e.params.length;
  e.params.forEach((p, i) => {
    const bytes = BYTES[p.type];
    out.push(`\tput_fixed(event, ${i}, ${at}, ${bytes}, ${value(p)}); /* ${p.name} */`);
    at += bytes;
  });
  out.push('\tsubmit(event);', '\treturn 0;', '}', '');
  return out;
}

/** Some parameter is a text: put together in this CPU's scratch buffer. */
function textProgram(e: EventRow): string[] {
  const out = [`PROGRAM(${e.key})`, '{', `\tstruct writer w = begin(EVENT(${e.key}));`, '\tif (!w.data)', '\t\treturn 0;'];
  const kept = keptTexts(e).map((argument) => `str(${argument})`);
  e.params.forEach((p, i) => {
    const place = kept.indexOf(p.from ?? '');
    if (place !== -1) out.push(`\tput_${place === 0 ? '' : 'second_'}entry_text(&w, ${i}, ${value(p)}); /* ${p.name} */`);
    else if (readsText(p)) out.push(`\tput_user_text(&w, ${i}, ${value(p)}, MAX_PATH); /* ${p.name} */`);
    else out.push(`\tput(&w, ${i}, ${BYTES[p.type]}, ${value(p)}); /* ${p.name} */`);
  });
  out.push('\tfinish(&w);', '\treturn 0;', '}', '');
  return out;
}

export function programsSource(): string {
  const out = ['/* SPDX-License-Identifier: MIT OR GPL-2.0-only */'];
  out.push('/* Generated from src/events/table.ts by `npm run generate`. Do not edit. */', '');
  for (const e of EVENTS) {
    if (isPlain(e)) out.push(...(e.params.some(readsText) ? textProgram(e) : fixedProgram(e)));
  }
  return out.join('\n');
}

/** Where `native/shared.h` puts the sub-calls. */
const COMPAT_SOCKETCALLS = 512;

/** 32-bit calls with an event of their own: send and recv have no native number. */
const COMPAT_EVENTS: ReadonlyMap<number, number> = new Map([
  [COMPAT_SOCKETCALLS + 9, Ev.SOCKET_SEND_X], [COMPAT_SOCKETCALLS + 10, Ev.SOCKET_RECV_X],
]);

function compatRow(number: number, name: string): string {
  const row = SYSCALLS.find((s) => s.name === name);
  if (row === undefined) throw new Error(`no system call ${name}`);
  const event = COMPAT_EVENTS.get(number) ?? row.exit;
  return `    {${number}, ${row.x86_64}, ${event}},`;
}

/** For the addon: what each native system call number reports, and the BPF program of each event type. */
export function syscallsSource(schemaHash: string): string {
  const out = ['// SPDX-License-Identifier: Apache-2.0'];
  out.push('// Generated from src/events/{table,syscalls}.ts by `npm run generate`. Do not edit.', '#pragma once');
  out.push('#include <cstdint>', '', `#define FT_SCHEMA_HASH "${schemaHash}"`, '');
  out.push('struct SyscallRow {', '  int16_t number;', '  uint16_t code;', '  uint16_t event;', '};', '');
  out.push('inline constexpr SyscallRow kSyscalls[] = {');
  for (const [condition, column] of [['#if defined(__x86_64__)', 'x86_64'], ['#elif defined(__aarch64__)', 'aarch64']] as const) {
    out.push(condition);
    for (const s of SYSCALLS) if (s[column] >= 0) out.push(`    {${s[column]}, ${s.code}, ${s.exit}},`);
  }
  out.push('#endif', '};', '');
  out.push('/* Calls of 32-bit programs: number there (socketcall\'s sub-calls from 512 on), native number, event. */');
  out.push('struct CompatRow {', '  int16_t number;', '  int16_t native;', '  uint16_t event;', '};');
  out.push('inline constexpr CompatRow kCompatSyscalls[] = {', '#if defined(__x86_64__)');
  for (const [number, name] of IA32_SYSCALLS) out.push(compatRow(number, name));
  for (const [call, name] of IA32_SOCKETCALLS) out.push(compatRow(COMPAT_SOCKETCALLS + call, name));
  out.push('#else', '    {-1, -1, 0},', '#endif', '};', '', '/* Name of the program that writes an event type; the object may lack it. */');
  out.push('inline constexpr const char* kPrograms[] = {');
  for (const e of EVENTS) out.push(e.kind === 'syscall' ? `    "ev_${e.key}",` : '    nullptr,');
  out.push('};', '', '/* Events of calls whose paths are kept when they begin: in the first and the second of these arguments (the same: in one). */');
  out.push('struct PathRow {', '  uint16_t event;', '  uint8_t first, second;', '};', 'inline constexpr PathRow kPaths[] = {');
  for (const e of EVENTS) {
    const [first, second = first] = keptTexts(e);
    if (first !== undefined) out.push(`    {${e.type}, ${first}, ${second}}, // ${e.name}`);
  }
  out.push('};', '');
  return out.join('\n');
}
