// SPDX-License-Identifier: Apache-2.0
/** HOT PATH. System calls of this machine, through the BPF probe: from filled slabs to one event at a time. */
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { EventDecodeError, EventView } from '../events/event-view.js';
import type { Interest } from './interest.js';
import { loadNative, objectDir } from './native-binding.js';
import type { Capture, CaptureCounters, CaptureDetails, CaptureOptions, ProbeHook, Sieve } from './native-contract.js';
import { type LossCounters, type Source, type SourceStats, StartError } from './source.js';

const SLABS = 4;
const SLAB_BYTES = 1 << 20;
const FLUSH_MS = 10;
const PREFIX_BYTES = 8;

export interface SyscallSourceOptions {
  readonly interest: Interest;
  /** What the kernel side may hold back; nothing without it. */
  readonly sieve?: Sieve | null;
  /** Is shown the opening of a descriptor that was held back and is needed now; it is no event. */
  readonly describe?: (opening: EventView) => void;
  /** CPUs that share a ring buffer, 0: all (`engine.modern_ebpf.cpus_for_each_buffer`). */
  readonly cpusPerBuffer?: number;
  /** Bytes of each ring buffer (`engine.modern_ebpf.buf_size_preset`), a power of two. */
  readonly bufferBytes?: number;
  /** Bytes of data parameters kept (`falco_libs.snaplen`). */
  readonly snaplen?: number;
  /** `engine.modern_ebpf.drop_failed_exit`. */
  readonly dropFailed?: boolean;
  /** Which kind of BPF programs is tried first; by default what suits the kernel. */
  readonly hook?: ProbeHook;
  /** Told of each event at which the rules, or what follows them, failed; those after it are delivered. Absent: the first one is thrown. */
  readonly failed?: (error: unknown, event: EventView) => void;
  /** Fills the tables of threads and descriptors; runs once the probe records, before its first event is delivered. */
  readonly seed?: () => void | Promise<void>;
}

/** `buf_size_preset` as bytes: 1 is 1 MiB, each further one doubles. 4, the default, is 8 MiB. */
export function bufferPreset(preset: number): number {
  return 2 ** (19 + preset);
}

export class SyscallSource implements Source<EventView> {
  readonly name = 'syscall';
  readonly description = '"syscall" with the BPF probe';
  private readonly view = new EventView();
  /** For records that are no events: `view` remembers the event before. */
  private readonly aside = new EventView();
  private readonly slabs: readonly ArrayBuffer[];
  private readonly headers: readonly DataView[];
  private capture: Capture | null = null;
  private deliver: (event: EventView) => void = ignore;
  private count = 0;
  private undecodable = 0;
  /** Events at which the rules, or what follows them, failed. */
  private failed = 0;
  private offset = 0;
  private slab: ArrayBuffer | null = null;
  private closed = false;
  /** Closed, and all that was in rings and slabs has been delivered. */
  private drained = false;

  constructor(private readonly options: SyscallSourceOptions) {
    this.slabs = Array.from({ length: SLABS }, () => new ArrayBuffer(SLAB_BYTES));
    this.headers = this.slabs.map((slab) => new DataView(slab));
  }

  /** How the BPF programs are attached; null: they are not. */
  get hook(): ProbeHook | null {
    return this.capture?.hook ?? null;
  }

  /** What this kernel lacks, one line each. */
  get missing(): readonly string[] {
    return this.capture?.missing ?? [];
  }

  /** @throws StartError when the addon or the probe cannot be loaded */
  async start(deliver: (event: EventView) => void): Promise<void> {
    const { interest, cpusPerBuffer, bufferBytes, snaplen, dropFailed, hook, seed } = this.options;
    const native = loadNative();
    const options: CaptureOptions = {
      slabs: this.slabs,
      cpusPerBuffer: cpusPerBuffer ?? 2,
      bufferBytes: bufferBytes ?? bufferPreset(4),
      syscalls: interest.syscalls,
      tracepoints: interest.tracepoints,
      snaplen: snaplen ?? 80,
      flushMs: FLUSH_MS,
      dropFailed: dropFailed ?? false,
      objectDir: objectDir(),
      ...(hook !== undefined && { hook }),
    };
    try {
      this.capture = native.openCapture(options);
    } catch (error) {
      throw startError(error);
    }
    this.deliver = deliver;
    const { sieve } = this.options;
    if (sieve) this.capture.setSieve(sieve);
    try {
      await seed?.();
    } catch (error) {
      await this.stop();
      throw error;
    }
    // After the sockets that have something to read by now: a runtime's word that it makes a container has come before the
    // container's first event, however busy the machine is, and so it is taken before.
    if (!this.closed) this.capture.start((index, bytes) => void setImmediate(() => this.onSlab(index, bytes)));
  }

  async stop(): Promise<void> {
    const capture = this.capture;
    this.closed = true;
    if (capture !== null) await new Promise<void>((done) => capture.close(done));
    // The last slabs wait for their turn.
    await new Promise((done) => setImmediate(done));
    this.drained = true;
  }

  /** Swaps what is reported, as at a reload. */
  setInterest(interest: Interest, sieve: Sieve | null = null): void {
    this.capture?.setSieve(sieve ?? NO_SIEVE);
    this.capture?.setSyscalls(interest.syscalls, interest.tracepoints);
  }

  counters(): CaptureCounters | null {
    return this.capture?.counters() ?? null;
  }

  /** By CPU and by program; null: not started. */
  details(): CaptureDetails | null {
    return this.capture?.details() ?? null;
  }

  /** Events handed over so far. */
  get delivered(): number {
    return this.count - this.failed;
  }

  /** Events so far that the state should have heard of and did not. */
  lost(): number {
    const c = this.counters();
    return c === null ? 0 : c.ringFull + c.bpfDropped + c.missed + c.decodeErrors + this.undecodable;
  }

  stats(): SourceStats {
    const c = this.counters();
    const other = c === null ? 0 : c.ringFull - c.ringFullProcess - c.ringFullNetwork - c.ringFullFile;
    const losses = {
      ringFullProcess: c?.ringFullProcess ?? 0,
      ringFullNetwork: c?.ringFullNetwork ?? 0,
      ringFullFile: c?.ringFullFile ?? 0,
      ringFullOther: other,
      bpfDropped: c?.bpfDropped ?? 0,
      foreignCalls: c?.foreignCalls ?? 0,
      missed: c?.missed ?? 0,
      decodeErrors: (c?.decodeErrors ?? 0) + this.undecodable,
      evaluation_failed: this.failed,
      unaccounted: 0,
    };
    const filtered = c?.filtered ?? 0;
    let known = this.delivered + filtered;
    for (const n of Object.values(losses)) known += n;
    // While running, what lies in rings and slabs has not come into being yet; at the end nothing may be left there.
    const produced = this.drained && c !== null ? Math.max(known, c.produced + c.foreignCalls + c.missed) : known;
    losses.unaccounted = produced - known;
    return { produced, delivered: this.delivered, filtered, losses, drops: dropsOf(c, losses), strain: { slabFull: c?.slabWaits ?? 0, outOfOrder: c?.late ?? 0 } };
  }

  private onSlab(index: number, bytes: number): void {
    this.view.attach(this.slabs[index]);
    this.slab = this.slabs[index];
    this.offset = 0;
    try {
      while (this.offset < bytes) this.walkCounting(this.headers[index], bytes);
    } finally {
      this.capture?.release(index);
    }
  }

  private walkCounting(header: DataView, bytes: number): void {
    try {
      this.walk(header, bytes);
    } catch (error) {
      if (error instanceof EventDecodeError) {
        this.undecodable++;
        return;
      }
      if (this.options.failed === undefined) throw error;
      // One event that was made for it must not end the watch, nor hide those that come after it.
      this.failed++;
      this.options.failed(error, this.view);
    }
  }

  private describe(at: number, length: number): void {
    if (this.slab === null || this.options.describe === undefined) return;
    this.aside.attach(this.slab);
    this.aside.bind(at, length);
    this.options.describe(this.aside);
  }

  /** From `offset` on; the offset is past a record before it is decoded, so that a broken one is skipped. */
  private walk(header: DataView, bytes: number): void {
    const view = this.view;
    const deliver = this.deliver;
    while (this.offset < bytes) {
      const at = this.offset;
      const length = header.getUint32(at, true);
      this.offset = (at + PREFIX_BYTES + length + 7) & ~7;
      if (header.getUint16(at + 6, true) !== 0) {
        this.describe(at + PREFIX_BYTES, length);
        continue;
      }
      view.bind(at + PREFIX_BYTES, length);
      view.cpu = header.getUint16(at + 4, true);
      view.num = ++this.count;
      deliver(view);
    }
  }
}

const NO_SIEVE: Sieve = { calls: [], anyPath: 0xffff, somePaths: 0, paths: [] };

/** Falco's names and divisions. */
function dropsOf(c: CaptureCounters | null, { bpfDropped }: LossCounters): LossCounters {
  return {
    n_drops_buffer_total: c?.ringFull ?? 0,
    n_drops_buffer_clone_fork_exit: c?.ringFullCloneFork ?? 0,
    n_drops_buffer_execve_exit: c?.ringFullExecve ?? 0,
    n_drops_buffer_connect_exit: c?.ringFullConnect ?? 0,
    n_drops_buffer_open_exit: c?.ringFullOpen ?? 0,
    n_drops_buffer_dir_file_exit: c?.ringFullDirFile ?? 0,
    n_drops_buffer_other_interest_exit: c?.ringFullInterest ?? 0,
    n_drops_buffer_close_exit: c?.ringFullClose ?? 0,
    n_drops_buffer_proc_exit: c?.ringFullProcExit ?? 0,
    n_drops_scratch_map: bpfDropped,
  };
}

function ignore(): void {}

function startError(error: unknown): StartError {
  const message = error instanceof Error ? error.message : String(error);
  const code = (error as { code?: unknown }).code;
  const cause = { cause: error };
  switch (code) {
    case 'EPERM':
      return new StartError('PROBE_EPERM', `not allowed to load the BPF probe: ${message}`, permissionHint(), cause);
    case 'NO_BTF':
      return new StartError('PROBE_NO_BTF', `the BPF probe needs the kernel's type information: ${message}`,
        'use a kernel built with CONFIG_DEBUG_INFO_BTF (Debian 11, Ubuntu 20.10 and later have it)', cause);
    case 'LOCKDOWN':
      return new StartError('PROBE_LOCKDOWN', `the kernel is locked down (confidentiality): ${message}`,
        'BPF programs may not read kernel memory in this mode; use lockdown=integrity or none', cause);
    case 'VERIFIER':
    case 'E2BIG':
      return new StartError('PROBE_VERIFIER', `the kernel's verifier refuses the BPF probe: ${message}`,
        `this is Linux ${release()}; 5.10 or later is supported`, cause);
    case 'ENOSYS':
    case 'EINVAL':
      return new StartError('PROBE_OLD_KERNEL', `the kernel lacks something that the BPF probe needs: ${message}`,
        `this is Linux ${release()}; 5.10 or later with CONFIG_BPF_SYSCALL is supported`, cause);
    case 'ENOMEM':
      return new StartError('PROBE_ENOMEM', `no memory for the ring buffers: ${message}`,
        'choose a smaller engine.modern_ebpf.buf_size_preset, or more CPUs for each buffer', cause);
    case 'SCHEMA':
    case 'ENOENT':
      return new StartError('PROBE_NOT_BUILT', `the BPF objects do not fit: ${message}`, 'build again with `npm run setup`', cause);
    default:
      return new StartError('PROBE_FAILED', `the BPF probe cannot be loaded: ${message}`, undefined, cause);
  }
}

const CAPABILITIES: readonly (readonly [name: string, bit: number])[] = [['CAP_BPF', 39], ['CAP_PERFMON', 38], ['CAP_SYS_PTRACE', 19]];
const CAP_SYS_ADMIN = 21;
const CAP_SYS_RESOURCE = 24;

/** Before 5.11 BPF maps and programs counted against RLIMIT_MEMLOCK. */
function countsLockedMemory(version: string): boolean {
  const [major, minor] = version.split('.').map(Number);
  return major < 5 || (major === 5 && minor < 11);
}

function permissionHint(): string {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '0'}`);
  const has = (bit: number): boolean => ((effective >> BigInt(bit)) & 1n) === 1n;
  const lacking = CAPABILITIES.filter(([, bit]) => !has(bit)).map(([name]) => name);
  if (lacking.length === 0 && !has(CAP_SYS_RESOURCE) && countsLockedMemory(release())) {
    return `Linux ${release()} counts BPF memory as locked: raise the limit (ulimit -l unlimited), or add CAP_SYS_RESOURCE`;
  }
  if (lacking.length === 0 || has(CAP_SYS_ADMIN)) {
    return 'the capabilities are there: a container or sandbox (seccomp, kernel.unprivileged_bpf_disabled, LSM) may forbid bpf(2)';
  }
  return `run as root, or with the capabilities that are missing: ${lacking.join(', ')}`;
}
