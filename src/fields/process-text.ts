// SPDX-License-Identifier: Apache-2.0
/** Texts about a process that are put together from several of its properties. */
import type { ThreadInfo } from '../state/thread-info.js';
import { byteLength } from '../util/byte-text.js';

/** `proc.cmdline`: name and arguments; computed once per exec. */
export function commandLine(thread: ThreadInfo): string {
  let line = thread.cmdlineCache;
  if (line === null) {
    const args = thread.args;
    line = args.length === 0 ? thread.comm : `${thread.comm} ${args.join(' ')}`;
    thread.cmdlineCache = line;
  }
  return line;
}

export function argsText(thread: ThreadInfo): string {
  return thread.args.join(' ');
}

/** `proc.exeline`: argv[0] and arguments. */
export function exeLine(thread: ThreadInfo): string {
  return `${thread.exe} ${thread.args.join(' ')}`;
}

/** Bytes of all arguments, without separators. */
export function argsLength(thread: ThreadInfo): number {
  let bytes = 0;
  for (const arg of thread.args) bytes += byteLength(arg);
  return bytes;
}

export function environmentText(thread: ThreadInfo): string {
  return thread.env.join(' ');
}

/** Value of a variable without the spaces around it; empty when it is not set. */
export function environmentValue(thread: ThreadInfo, name: string): string {
  for (const entry of thread.env) {
    if (entry.length > name.length + 1 && entry[name.length] === '=' && entry.startsWith(name)) {
      return entry.slice(name.length + 1).replace(/^ +| +$/g, '');
    }
  }
  return '';
}

export function cgroupOf(thread: ThreadInfo, subsystem: string): string | null {
  for (const entry of thread.cgroups) {
    if (entry[subsystem.length] === '=' && entry.startsWith(subsystem)) return entry.slice(subsystem.length + 1);
  }
  return null;
}
