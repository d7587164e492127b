// SPDX-License-Identifier: Apache-2.0
/** What the files of one process in /proc say, put into its thread. */
import { readlinkSync, statSync } from 'node:fs';
import type { ThreadInfo } from '../state/thread-info.js';
import { decodeBytes, firstBytes } from '../util/byte-text.js';

/** Bytes of arguments and of environment that are kept, with a closing zero: as many as a capture has room for. */
const MAX_TEXT = 4096;
export const NS_PER_TICK = 10_000_000n;
/** Controllers that events tell of; in a unified hierarchy they all have its one path. */
const CONTROLLERS = ['cpuset', 'cpu', 'cpuacct', 'io', 'memory'];

/** Path, exe, arguments and what stat(2) says of the executable. False: no program runs there. */
export function readCommand(thread: ThreadInfo, directory: string, cmdline: string | null): boolean {
  const path = link(`${directory}exe`);
  if (cmdline === null || (cmdline === '' && path === null)) return false;
  const words = zeroSeparated(cmdline);
  if (words !== null) {
    const first = words.indexOf('\0');
    thread.exe = first === -1 ? words : words.slice(0, first);
    thread.setArgsText(first === -1 ? null : words.slice(first + 1));
  }
  if (path === null) return true;
  thread.exepath = path.endsWith(' (deleted)') ? path.slice(0, -10) : path;
  thread.exeFromMemfd = path.startsWith('/memfd:');
  try {
    const stat = statSync(`${directory}exe`, { bigint: true });
    thread.exeIno = Number(stat.ino);
    thread.exeInoCtime = stat.ctimeNs;
    thread.exeInoMtime = stat.mtimeNs;
    const mode = Number(stat.mode);
    const owned = Number(stat.uid) === thread.uid;
    thread.exeWritable = thread.uid === 0 || owned || (mode & 0o002) !== 0 || (Number(stat.gid) === thread.gid && (mode & 0o020) !== 0);
  } catch {
    // It has been replaced, or is on a file system that we cannot reach.
  }
  return true;
}

/** Ids, capabilities and memory; of nested ids the second one, as events have it. */
export function readStatus(thread: ThreadInfo, status: string): void {
  for (const line of status.split('\n')) {
    const colon = line.indexOf(':');
    const values = line.slice(colon + 1).trim().split(/\s+/);
    switch (line.slice(0, colon)) {
      case 'Name':
        thread.comm = unescapeName(line.slice(colon + 1).trim());
        break;
      case 'PPid':
        thread.ptid = Number(values[0]);
        break;
      case 'Uid':
        thread.uid = Number(values[1]);
        break;
      case 'Gid':
        thread.gid = Number(values[1]);
        break;
      case 'NStgid':
        thread.vpid = Number(values[1] ?? values[0]);
        break;
      case 'NSpid':
        thread.vtid = Number(values[1] ?? values[0]);
        break;
      case 'NSpgid':
        thread.pgid = Number(values[0]);
        thread.vpgid = Number(values[1] ?? values[0]);
        break;
      case 'CapInh':
        thread.capInheritable = Number.parseInt(values[0], 16);
        break;
      case 'CapPrm':
        thread.capPermitted = Number.parseInt(values[0], 16);
        break;
      case 'CapEff':
        thread.capEffective = Number.parseInt(values[0], 16);
        break;
      case 'VmSize':
        thread.vmSizeKb = Number(values[0]);
        break;
      case 'VmRSS':
        thread.vmRssKb = Number(values[0]);
        break;
      case 'VmSwap':
        thread.vmSwapKb = Number(values[0]);
        break;
      default:
        break;
    }
  }
}

/** The kernel escapes newlines and backslashes in the name. */
function unescapeName(name: string): string {
  return name.includes('\\') ? name.replace(/\\n/g, '\n').replace(/\\\\/g, '\\') : name;
}

/** What stands after the name, which may hold anything. */
export function readStat(thread: ThreadInfo, stat: string, bootTs: bigint): void {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  thread.sid = Number(fields[3]);
  thread.tty = Number(fields[4]) >>> 0;
  thread.pgftMinor = Number(fields[7]);
  thread.pgftMajor = Number(fields[9]);
  thread.cloneTs = bootTs + BigInt(fields[19]) * NS_PER_TICK;
}

export function shareProcess(thread: ThreadInfo, main: ThreadInfo): void {
  thread.ptid = main.ptid;
  thread.vtid = thread.tid;
  thread.vpid = main.vpid;
  thread.pgid = main.pgid;
  thread.vpgid = main.vpgid;
  thread.uid = main.uid;
  thread.gid = main.gid;
  thread.capInheritable = main.capInheritable;
  thread.capPermitted = main.capPermitted;
  thread.capEffective = main.capEffective;
  thread.vmSizeKb = main.vmSizeKb;
  thread.vmRssKb = main.vmRssKb;
  thread.vmSwapKb = main.vmSwapKb;
  thread.exe = main.exe;
  thread.exepath = main.exepath;
  thread.args = main.args;
  thread.root = main.root;
  thread.sid = main.sid;
  thread.tty = main.tty;
  thread.loginuid = main.loginuid;
  thread.cgroups = main.cgroups;
  thread.containerId = main.containerId;
  thread.cloneTs = main.cloneTs;
  thread.pidnsInitStartTs = main.pidnsInitStartTs;
  thread.exeWritable = main.exeWritable;
  thread.exeUpperLayer = main.exeUpperLayer;
  thread.exeLowerLayer = main.exeLowerLayer;
  thread.exeFromMemfd = main.exeFromMemfd;
  thread.exeIno = main.exeIno;
  thread.exeInoCtime = main.exeInoCtime;
  thread.exeInoMtime = main.exeInoMtime;
}

/** `hierarchy:controllers:path` lines as zero-separated `controller=path`. */
export function wireCgroups(text: string): string {
  const paths = new Map<string, string>();
  let unified: string | null = null;
  for (const line of text.split('\n')) {
    const first = line.indexOf(':');
    const second = line.indexOf(':', first + 1);
    if (second === -1) continue;
    const path = line.slice(second + 1);
    const controllers = line.slice(first + 1, second);
    if (controllers === '') unified = path;
    else for (const controller of controllers.split(',')) paths.set(controller, path);
  }
  if (unified !== null) {
    for (const controller of CONTROLLERS) {
      if (!paths.has(controller) && !(controller === 'io' && paths.has('blkio'))) paths.set(controller, unified);
    }
  }
  return [...paths].map(([controller, path]) => `${controller}=${path}`).join('\0');
}

/** Drops the closing zero and what exceeds the limit; null: nothing there. */
export function zeroSeparated(text: string | null): string | null {
  if (text === null || text === '') return null;
  const cut = firstBytes(text, MAX_TEXT - 1);
  return cut.endsWith('\0') ? cut.slice(0, -1) : cut;
}

/** Where a symbolic link points; null: it is gone, or not ours to read. */
export function link(path: string): string | null {
  try {
    return decodeBytes(readlinkSync(path, 'buffer'));
  } catch {
    return null;
  }
}
