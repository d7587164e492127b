// SPDX-License-Identifier: Apache-2.0
/**
 * The capture file format (`.scap`), little endian throughout, usually gzip-compressed:
 *
 *     block:  | type u32 | length u32 | body … | length u32 |      length counts all of it and is a multiple of 4
 *
 * A section header comes first, then what was known at the start (machine, processes, descriptors, interfaces, users),
 * then events. Lists that carry a length per entry may grow at the end of an entry; older ones are told by block type.
 */
export const SECTION_HEADER = 0x0a0d0d0a;
export const SECTION_MAGIC = 0x1a2b3c4d;
export const MAJOR_VERSION = 1;
export const MINOR_VERSION = 2;

export const MACHINE_INFO = 0x201;
export const MACHINE_INFO_BYTES = 4 + 8 + 8 + 128 + 4 * 8;
/** Since this version entries have their own lengths. */
export const PROCESS_LIST_V9 = 0x215;
const FD_LIST_V1 = 0x203;
export const FD_LIST_V2 = 0x218;
const INTERFACE_LIST_V1 = 0x205;
export const INTERFACE_LIST_V2 = 0x219;
const USER_LIST_V1 = 0x206;
export const USER_LIST_V2 = 0x220;
export const EVENT_V2_FLAGS = 0x217;
export const EVENT_V2_FLAGS_LARGE = 0x222;

/** Process list block types and their versions, the numbers of the time before the first release among them. */
export const PROCESS_LISTS: ReadonlyMap<number, number> = new Map([
  [0x202, 1], [0x8000abcd, 1], [0x207, 2], [0x8013abcd, 2], [0x209, 3], [0x8014abcd, 3], [0x210, 4], [0x211, 5], [0x212, 6],
  [0x213, 7], [0x214, 8], [PROCESS_LIST_V9, 9],
]);
export const MACHINE_INFOS: ReadonlySet<number> = new Set([MACHINE_INFO, 0x8002abcd]);
/** Values: entries have their own lengths. */
export const FD_LISTS: ReadonlyMap<number, boolean> = new Map([[FD_LIST_V1, false], [0x8001abcd, false], [FD_LIST_V2, true]]);
export const INTERFACE_LISTS: ReadonlyMap<number, boolean> = new Map([[INTERFACE_LIST_V1, false], [0x8011abcd, false], [INTERFACE_LIST_V2, true]]);
export const USER_LISTS: ReadonlyMap<number, boolean> = new Map([[USER_LIST_V1, false], [0x8012abcd, false], [USER_LIST_V2, true]]);

export interface EventBlock {
  /** The body has flags (u32) after the CPU number (u16). */
  readonly flags: boolean;
  /** The event header has a parameter count. */
  readonly counted: boolean;
  /** Most bytes of body and length at its end. */
  readonly longest: number;
}
/** More is no capture but damage: what one block may make us keep. */
export const MAX_BLOCK = 64 << 20;
const block = (flags: boolean, counted: boolean, large: boolean): EventBlock => ({ flags, counted, longest: large ? MAX_BLOCK : 1 << 16 });
export const EVENT_BLOCKS: ReadonlyMap<number, EventBlock> = new Map([
  [0x204, block(false, false, false)],
  [0x8010abcd, block(false, false, false)],
  [0x208, block(true, false, false)],
  [0x216, block(false, true, false)],
  [EVENT_V2_FLAGS, block(true, true, false)],
  [0x221, block(false, true, true)],
  [EVENT_V2_FLAGS_LARGE, block(true, true, true)],
]);

/** Kinds of descriptors by their wire number. */
export const FD_KINDS = [
  'unknown', 'file', 'directory', 'ipv4', 'ipv6', 'ipv4-server', 'ipv6-server', 'pipe', 'unix', 'event', 'unsupported', 'signalfd',
  'eventpoll', 'inotify', 'timerfd', 'netlink', 'file-v2', 'bpf', 'userfaultfd', 'io_uring', 'memfd', 'pidfd',
] as const;
export type FdKind = (typeof FD_KINDS)[number];

export const L4_PROTOCOLS = [null, null, 'tcp', 'udp', 'icmp', 'raw'] as const;

export const enum InterfaceKind {
  V4 = 1,
  V6 = 2,
  V4NoSpeed = 3,
  V6NoSpeed = 4,
}

export interface MachineInfo {
  readonly cpus: number;
  readonly memoryBytes: bigint;
  readonly maxPid: bigint;
  readonly hostname: string;
  /** Nanoseconds since the epoch. */
  readonly bootTs: bigint;
}
