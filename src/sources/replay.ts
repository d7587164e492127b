// SPDX-License-Identifier: Apache-2.0
/** Events out of a capture file: `engine.kind: replay`. What the capture knew at its start goes into the state. */
import { type FileHandle, open, stat } from 'node:fs/promises';
import type { EventView } from '../events/event-view.js';
import { HOST_CONTAINER } from '../state/users.js';
import type { State } from '../state/state.js';
import { type Compression, compressionOf, decompressed } from './scap-compression.js';
import type { MachineInfo } from './scap-format.js';
import { ScapDecoder, ScapError, type ScapReceiver } from './scap-reader.js';
import { type Source, type SourceStats, StartError } from './source.js';

/** What is read of a file at once. */
const PIECE = 512 * 1024;

export interface ReplayOptions {
  /** `engine.replay.capture_file`. */
  readonly path: string;
  readonly state: State;
  /** Called with what the capture says of the machine it was made on, before the first event. */
  readonly onMachine?: (info: MachineInfo) => void;
}

export class ReplaySource implements Source<EventView> {
  readonly name = 'syscall';
  readonly description: string;
  private decoder: ScapDecoder | null = null;
  private num = 0;
  private failed = 0;
  private stopped = false;
  private done: Promise<void> = Promise.resolve();

  constructor(private readonly options: ReplayOptions) {
    this.description = `"syscall" from the capture file ${options.path}`;
  }

  async start(deliver: (event: EventView) => void, end: (error?: Error) => void): Promise<void> {
    const { path } = this.options;
    const compression = await detect(path);
    this.decoder = new ScapDecoder(this.receiver(deliver));
    const file = await open(path);
    const pieces = compression === null ? piecesOf(file) : decompressed(compression, piecesOf(file));
    this.done = this.run(pieces).then(
      () => end(),
      (error) => end(error instanceof Error ? error : new Error(String(error))),
    );
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.done;
  }

  stats(): SourceStats {
    const skipped = this.decoder?.skipped ?? 0;
    return { produced: this.num + skipped + this.failed, delivered: this.num, filtered: skipped, losses: { decodeErrors: this.failed } };
  }

  private async run(pieces: AsyncIterable<Buffer>): Promise<void> {
    const decoder = this.decoder!;
    let bytes = 0;
    try {
      for await (const piece of pieces) {
        if (this.stopped) return;
        bytes += piece.length;
        decoder.push(piece);
      }
      if (!this.stopped) decoder.end();
    } catch (error) {
      if (this.stopped) return;
      if (error instanceof ScapError) {
        this.failed++;
        throw error;
      }
      const code = (error as NodeJS.ErrnoException).code ?? '';
      if (!code.startsWith('Z_')) throw error;
      this.failed++;
      throw new ScapError('SCAP_COMPRESSION', bytes, `the compressed data is damaged: ${(error as Error).message}`);
    }
  }

  private receiver(deliver: (event: EventView) => void): ScapReceiver {
    const { state, onMachine } = this.options;
    let sections = 0;
    return {
      section: () => {
        if (sections++ > 0) state.reset();
      },
      machine: (info) => {
        state.bootTs = info.bootTs;
        onMachine?.(info);
      },
      cgroups: (thread, wire) => state.setCgroups(thread, wire),
      thread: (thread) => void state.seedThread(thread),
      fd: (tid, fd, info) => void state.threads.get(tid)?.fds.set(fd, info),
      interfaces: (list) => state.interfaces.set(list),
      user: (user) => state.users?.addUser(HOST_CONTAINER, user),
      group: (group) => state.users?.addGroup(HOST_CONTAINER, group),
      ready: () => state.seeded(),
      event: (view) => {
        view.num = ++this.num;
        deliver(view);
      },
    };
  }
}

/** The file, piece by piece in one buffer: each is good until the next is asked for. */
async function* piecesOf(file: FileHandle): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(PIECE);
  try {
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, PIECE, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** @throws StartError when the file cannot be read or cannot be a capture. */
async function detect(path: string): Promise<Compression> {
  let head: Buffer;
  try {
    if (!(await stat(path)).isFile()) throw new StartError('REPLAY_OPEN', `${path} is not a file`);
    const file = await open(path);
    try {
      head = Buffer.alloc(4);
      const { bytesRead } = await file.read(head, 0, 4, 0);
      head = head.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof StartError) throw cause;
    throw new StartError('REPLAY_OPEN', `cannot read the capture file ${path}: ${(cause as Error).message}`, undefined, { cause });
  }
  const found = compressionOf(head);
  if (found === null || found === 'gzip' || found === 'zstd') return found;
  if (found !== 'unknown') throw new StartError('REPLAY_FORMAT', `${path} is compressed with ${found}`, 'Decompress it first; gzip and zstd are read as they are.');
  throw new StartError('REPLAY_FORMAT', `${path} is not a capture file`, 'It must be a .scap file, compressed with gzip, with zstd or not at all.');
}
