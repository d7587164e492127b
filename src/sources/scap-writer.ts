// SPDX-License-Identifier: Apache-2.0
/** Captures in the newest format, as blocks: first the state as it is, then every event. `scap-file.ts` puts them into files. */
import { readFileSync } from 'node:fs';
import { cpus, hostname, totalmem } from 'node:os';
import { buildEvent, viewOf } from '../events/event-builder.js';
import type { EventView } from '../events/event-view.js';
import { CONTAINER_APPEARED, formatContainerJson } from '../state/container-json.js';
import { FdFlag, type FdInfo } from '../state/fd-info.js';
import type { InterfaceAddress } from '../state/interfaces.js';
import type { State } from '../state/state.js';
import type { ThreadInfo } from '../state/thread-info.js';
import { type Group, HOST_CONTAINER, type User } from '../state/users.js';
import { ByteWriter, ipBytes } from './byte-writer.js';
import { eventBlockBytes, writeEventBlock } from './event-block.js';
import {
  FD_KINDS, FD_LIST_V2, type FdKind, INTERFACE_LIST_V2, InterfaceKind, L4_PROTOCOLS,
  MACHINE_INFO, type MachineInfo, MAJOR_VERSION, MINOR_VERSION, PROCESS_LIST_V9, SECTION_HEADER, SECTION_MAGIC, USER_LIST_V2,
} from './scap-format.js';
import { byteLength, encodeText } from '../util/byte-text.js';

/** Texts of one thread are cut to this, as readers expect. */
const MAX_TEXT = 4095;
const MAX_PATH = 1023;
const MAX_NAME = 255;
const THREADS_PER_BLOCK = 1000;

export class ScapEncoder {
  /** What has been encoded and not been taken. */
  readonly out = new ByteWriter();

  section(): void {
    this.block(SECTION_HEADER, (w) => {
      w.u32(SECTION_MAGIC);
      w.u16(MAJOR_VERSION);
      w.u16(MINOR_VERSION);
      w.u64(0xffff_ffff_ffff_ffffn);
    });
  }

  machine(info: MachineInfo): void {
    this.block(MACHINE_INFO, (w) => {
      w.u32(info.cpus);
      w.u64(info.memoryBytes);
      w.u64(info.maxPid);
      w.fixed(info.hostname, 128);
      w.u64(info.bootTs);
      for (let i = 0; i < 3; i++) w.u64(0);
    });
  }

  interfaces(list: readonly InterfaceAddress[]): void {
    this.block(INTERFACE_LIST_V2, (w) => {
      for (const { name, address, netmask, broadcast } of list) {
        const v6 = address.includes(':');
        w.sized(false, () => {
          w.u16(v6 ? InterfaceKind.V6 : InterfaceKind.V4);
          w.u16(byteLength(name));
          for (const ip of [address, netmask, broadcast ?? (v6 ? '::' : '0.0.0.0')]) w.bytes(ipBytes(ip));
          w.u64(0);
          w.bytes(encodeText(name));
        });
      }
    });
  }

  users(users: Iterable<User>, groups: Iterable<Group>): void {
    this.block(USER_LIST_V2, (w) => {
      for (const user of users) {
        w.sized(true, () => {
          w.u8(0);
          w.u32(user.uid);
          w.u32(user.gid);
          w.text(user.name, MAX_NAME);
          w.text(user.homedir, MAX_NAME);
          w.text(user.shell, MAX_NAME);
        });
      }
      for (const group of groups) {
        w.sized(true, () => {
          w.u8(1);
          w.u32(group.gid);
          w.text(group.name, MAX_NAME);
        });
      }
    });
  }

  threads(threads: Iterable<ThreadInfo>): void {
    this.block(PROCESS_LIST_V9, (w) => {
      for (const t of threads) if (!t.inferred) w.sized(true, () => writeThread(w, t));
    });
  }

  fds(thread: ThreadInfo): void {
    if (thread.fds.size === 0) return;
    this.block(FD_LIST_V2, (w) => {
      w.i64(thread.tid);
      for (const [fd, info] of thread.fds) {
        w.sized(true, () => {
          w.i64(fd);
          w.u64(info.ino);
          writeFd(w, info);
        });
      }
    });
  }

  event(view: EventView): void {
    const w = this.out;
    const at = w.claim(eventBlockBytes(view));
    writeEventBlock(w.dataIn, w.bytesIn, at, view);
  }

  /** All that is known now: what a capture begins with. */
  state(state: State, machine: MachineInfo = ownMachine(state)): void {
    this.section();
    this.machine(machine);
    this.interfaces(state.interfaces.list());
    if (state.users !== undefined) this.users(state.users.usersOf(HOST_CONTAINER), state.users.groupsOf(HOST_CONTAINER));
    const threads = [...state.threads.values()];
    // A reader has to keep a block whole.
    for (let i = 0; i < threads.length; i += THREADS_PER_BLOCK) this.threads(threads.slice(i, i + THREADS_PER_BLOCK));
    for (const thread of threads) if (thread.isMain && !thread.inferred) this.fds(thread);
  }

  /** The containers that threads are in, as the events that told of them; `time` is what they say. After the lists. */
  containers({ threads, containers }: State, time: bigint): void {
    if (containers === undefined) return;
    const ids = new Set<string>();
    for (const { containerId } of threads.values()) if (containerId !== '') ids.add(containerId);
    for (const id of ids) {
      const info = containers.get(id);
      if (info === null) continue;
      const data = Buffer.from(`${formatContainerJson(info)}\0`);
      this.event(viewOf(buildEvent('ASYNCEVENT_E', { plugin_id: 0, name: CONTAINER_APPEARED, data }, { ts: time, tid: 0 })));
    }
  }

  private block(type: number, body: (w: ByteWriter) => void): void {
    const w = this.out;
    const start = w.length;
    w.u32(type);
    w.u32(0);
    body(w);
    while ((w.length - start) % 4 !== 0) w.u8(0);
    const length = w.length - start + 4;
    w.u32(length);
    w.setU32(start + 4, length);
  }
}

function writeThread(w: ByteWriter, t: ThreadInfo): void {
  w.i64(t.tid);
  w.i64(t.pid);
  w.i64(t.ptid);
  w.i64(t.sid);
  w.i64(t.vpgid);
  w.text(t.comm, MAX_PATH);
  w.text(t.exe, MAX_PATH);
  w.text(t.exepath, MAX_PATH);
  w.zeros(t.args, MAX_TEXT);
  w.text(t.cwd, MAX_PATH);
  w.u64(BigInt.asUintN(64, BigInt(t.fdLimit)));
  w.u32(t.cloneFlags);
  w.u32(t.uid);
  w.u32(t.gid);
  w.u32(t.vmSizeKb);
  w.u32(t.vmRssKb);
  w.u32(t.vmSwapKb);
  w.u64(t.pgftMajor);
  w.u64(t.pgftMinor);
  w.zeros(t.isMain ? t.env : [], MAX_TEXT);
  w.i64(t.vtid);
  w.i64(t.vpid);
  w.zeros(t.cgroups, MAX_TEXT);
  w.text(t.root, MAX_PATH);
  w.u64(t.pidnsInitStartTs);
  w.u32(t.tty);
  w.u32(t.loginuid);
  w.u8(t.exeWritable ? 1 : 0);
  w.u64(t.capInheritable);
  w.u64(t.capPermitted);
  w.u64(t.capEffective);
  w.u8(t.exeUpperLayer ? 1 : 0);
  w.u64(t.exeIno);
  w.u64(t.exeInoCtime);
  w.u64(t.exeInoMtime);
  w.u8(t.exeFromMemfd ? 1 : 0);
  w.u8(t.exeLowerLayer ? 1 : 0);
  w.i64(t.pgid);
}

function kindOf(info: FdInfo): FdKind {
  switch (info.type) {
    case 'file':
      return 'file-v2';
    case 'ipv4':
      return info.isServerSocket ? 'ipv4-server' : 'ipv4';
    case 'ipv6':
      return info.isServerSocket ? 'ipv6-server' : 'ipv6';
    case 'mqueue':
    case 'fanotify':
      return 'unsupported';
    default:
      return info.type;
  }
}

function writeFd(w: ByteWriter, info: FdInfo): void {
  const kind = kindOf(info);
  w.u8(FD_KINDS.indexOf(kind));
  switch (kind) {
    case 'ipv4':
    case 'ipv6': {
      // A reader finds out anew who is the server, from the ends as the kernel has them: local first.
      const swap = (info.flags & FdFlag.RoleServer) !== 0;
      const any = kind === 'ipv4' ? '0.0.0.0' : '::';
      w.bytes(ipBytes((swap ? info.destIp : info.sourceIp) ?? any));
      w.bytes(ipBytes((swap ? info.sourceIp : info.destIp) ?? any));
      w.u16(swap ? info.destPort : info.sourcePort);
      w.u16(swap ? info.sourcePort : info.destPort);
      w.u8(protocol(info));
      break;
    }
    case 'ipv4-server':
    case 'ipv6-server':
      w.bytes(ipBytes(info.sourceIp ?? (kind === 'ipv4-server' ? '0.0.0.0' : '::')));
      w.u16(info.sourcePort);
      w.u8(protocol(info));
      break;
    case 'unix':
      w.u64(info.unixSource);
      w.u64(info.unixDest);
      w.text(info.name, MAX_PATH);
      break;
    case 'file-v2':
      w.u32(info.openFlags);
      w.text(info.name, MAX_PATH);
      w.u32(info.dev);
      break;
    case 'unknown':
      break;
    default:
      w.text(info.name, MAX_PATH);
      break;
  }
}

function protocol(info: FdInfo): number {
  return info.l4proto === null ? 0 : Math.max(0, (L4_PROTOCOLS as readonly (string | null)[]).indexOf(info.l4proto));
}

/** What a capture says of the machine it is made on. */
function ownMachine(state: State): MachineInfo {
  let maxPid = 32_768n;
  try {
    maxPid = BigInt(readFileSync(`${state.hostRoot}/proc/sys/kernel/pid_max`, 'utf8').trim());
  } catch {
    // Only shown by tools.
  }
  return { cpus: cpus().length, memoryBytes: BigInt(totalmem()), maxPid, hostname: hostname(), bootTs: state.bootTs };
}
