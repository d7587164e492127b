// SPDX-License-Identifier: Apache-2.0
/**
 * The whole contract with the native addon. `native/addon` implements it and nothing else crosses the border.
 *
 * A slab holds records one after another, from offset 0 to `bytes`. A record is a prefix and one scap event:
 *
 *     0       4        6        8                                 8 + length, padded to 8
 *     | length | cpu    | kind   | ts u64 | tid u64 | len u32 | type u16 | nparams u32 | lengths u16… | values … |
 *       u32      u16      u16      `- the scap event: `len` (= length) counts from ts to the last value
 *
 * Kind 0 is an event. Kind 1 is none: it says which file a descriptor refers to that the next event of the thread uses, in
 * the form of an openat that was held back by the sieve.
 *
 * All little endian. `ts` is nanoseconds since the epoch. Records are in time order, within a slab and across slabs.
 */

/** How the BPF programs are attached, see native/README.md. */
export type ProbeHook = 'tracepoint' | 'tp_btf' | 'raw_tp';

export interface CaptureOptions {
  /** Buffers that JavaScript owns; at least two, all of the same size. */
  readonly slabs: readonly ArrayBuffer[];
  /** CPUs that share one ring buffer; 0: one buffer for all (`engine.modern_ebpf.cpus_for_each_buffer`). */
  readonly cpusPerBuffer: number;
  /** Bytes of each ring buffer, a power of two of at least a page (`buf_size_preset`). */
  readonly bufferBytes: number;
  /** Native system call numbers to report, and tracepoints by event type number. */
  readonly syscalls: readonly number[];
  readonly tracepoints: readonly number[];
  /** Bytes of data parameters kept (`falco_libs.snaplen`). */
  readonly snaplen: number;
  /** A partly filled slab is handed over after this many milliseconds. */
  readonly flushMs: number;
  /** Do not report system calls that failed. */
  readonly dropFailed: boolean;
  /** The directory with the BPF objects. */
  readonly objectDir: string;
  /** Which kind of programs is tried first; by default what suits the kernel. */
  readonly hook?: ProbeHook;
}

/** Bits of {@link SievedCall.what}, as in native/shared.h. */
export const enum Held {
  /** Calls that failed are held back. */
  Failed = 1,
  /** Calls that worked are held back. */
  Succeeded = 2,
  /** Opens, by path and class: the path is the first argument, … */
  Open = 4,
  /** … or the second. */
  OpenAt = 8,
  /** With the above: the flags are behind a pointer. */
  OpenHow = 16,
  /** Closing a file whose opening was held back. */
  Close = 32,
  /** Commands of fcntl that make or mark no descriptor. */
  Fcntl = 64,
  /** Nothing is held back by it: the result is a descriptor. */
  GivesFd = 128,
  /** Nothing is held back by it: a range of descriptors is closed. */
  CloseRange = 256,
  /** Sent or received on the socket of the first argument, … */
  Message = 512,
  /** … received, … */
  Incoming = 1024,
  /** … with a `struct msghdr` as the second argument, */
  Header = 2048,
  /** and held back where it tells no more of the socket than the last one did. */
  Repeated = 4096,
  /** Nothing is held back by it: what is known of the first argument's socket may change. */
  Socket = 8192,
}

export interface SievedCall {
  /** Native number. */
  readonly number: number;
  readonly what: number;
  /** Which arguments are descriptors, a bit each. */
  readonly usesFds: number;
}

/** Numbers of the tests of a path, as in native/shared.h. */
export const enum PathTest {
  Whole = 0,
  Prefix = 1,
  Name = 2,
  Directory = 3,
  /** Of at least four bytes; four are looked at. */
  Tail = 4,
}

/**
 * What is held back in the kernel. Opens fall into 16 classes by their arguments and result: bits 0 and 1 access mode (as in
 * O_ACCMODE), bit 2 may create a file, bit 3 failed.
 */
export interface Sieve {
  readonly calls: readonly SievedCall[];
  /** Bit per class: opens of it pass whatever their path. */
  readonly anyPath: number;
  /** Bit per class: opens of it pass when a test says so for the class. Others are held back. */
  readonly somePaths: number;
  readonly paths: readonly { readonly test: PathTest; readonly text: Buffer; readonly classes: number }[];
}

/** Growing counters since the capture was opened. */
export interface CaptureCounters {
  /** Events that a BPF program began to write. */
  readonly produced: number;
  /** Lost because the ring buffer had no room, by category. */
  readonly ringFull: number;
  readonly ringFullProcess: number;
  readonly ringFullNetwork: number;
  readonly ringFullFile: number;
  /** Parts of these. */
  readonly ringFullCloneFork: number;
  readonly ringFullExecve: number;
  readonly ringFullProcExit: number;
  readonly ringFullInterest: number;
  readonly ringFullConnect: number;
  readonly ringFullOpen: number;
  readonly ringFullDirFile: number;
  readonly ringFullClose: number;
  /** Lost in the BPF program: an event larger than the scratch buffer, or a failed tail call. */
  readonly bpfDropped: number;
  /** System calls of 32-bit programs where they cannot be reported (arm64); not part of `produced`. */
  readonly foreignCalls: number;
  /** Times that the kernel did not run a program because it was running on that CPU already; not part of `produced`. */
  readonly missed: number;
  /** Held back in the kernel by the sieve; part of `produced`. */
  readonly filtered: number;
  /** Lost in the drain thread: a record that makes no sense, or one larger than a slab. */
  readonly decodeErrors: number;
  /** Times that the drain thread waited because JavaScript held every slab. Nothing is lost by it; the ring then fills. */
  readonly slabWaits: number;
  /** Records handed over. */
  readonly delivered: number;
  /** Of these, how many came so late that they are out of order. */
  readonly late: number;
}

/** What {@link CaptureCounters} are made of in part, for whoever looks closer. Empty lists once the capture is closed. */
export interface CaptureDetails {
  /** By number, for each CPU that the machine may have. Events that came into being there, and those of them that were lost. */
  readonly cpus: readonly { readonly produced: number; readonly lost: number }[];
  /**
   * BPF programs that the kernel calls itself, with what they call in turn: how often, and how long in all. Zero while
   * `kernel.bpf_stats_enabled` is 0.
   */
  readonly programs: readonly { readonly name: string; readonly runs: number; readonly nanoseconds: number }[];
}

export interface Capture {
  /** Which kind of programs was attached. */
  readonly hook: ProbeHook;
  /** What this kernel lacks, one line each; empty when all is there. */
  readonly missing: readonly string[];
  /** Begins to hand over slabs: `onSlab(index, bytes)`, one call per slab. Give it back with `release(index)`. */
  start(onSlab: (index: number, bytes: number) => void): void;
  release(index: number): void;
  /** Swaps the set of reported system calls; takes effect at once. */
  setSyscalls(syscalls: readonly number[], tracepoints: readonly number[]): void;
  /** Swaps what is held back in the kernel; takes effect at once, as a whole. Without it, nothing is. */
  setSieve(sieve: Sieve): void;
  counters(): CaptureCounters;
  details(): CaptureDetails;
  /** Detaches the programs, hands over what the rings still hold, then calls `done`. Idempotent. */
  close(done: () => void): void;
}

/**
 * Undoes gzip, of any number of members, into one buffer. node:zlib takes fresh memory for each piece, whose pages cost as much
 * again as undoing it (test/bench/replay-bench.mjs).
 */
export interface Gunzip {
  /** The next piece of the file. It must stay as it is until {@link next} has returned 0. */
  push(input: Uint8Array): void;
  /**
   * Fills the output anew: how many bytes are in it; 0: all of the input is used.
   * @throws Error with `code` Z_DATA_ERROR or Z_MEM_ERROR and zlib's own words
   */
  next(): number;
  /** What has come so far ends within a member. */
  readonly unfinished: boolean;
}

export interface NativeBinding {
  /** Hash of the event table that the addon was built with; must equal `events/ids.ts`. */
  readonly schemaHash: string;
  /** Throws an Error with `code` (`EPERM`, `ENOSYS`, `NO_BTF`, `VERIFIER`, …) and a message with libbpf's own words. */
  openCapture(options: CaptureOptions): Capture;
  readonly Gunzip: new (output: Uint8Array) => Gunzip;
  /** Writes to the local syslog (syslog(3)). */
  syslog(priority: number, ident: string, message: string): void;
}
