// SPDX-License-Identifier: Apache-2.0
/**
 * A capture file that is being written: `begin` with the state as it is, then `event` for every event. Events gather in
 * pieces; each compressed piece is a gzip member of its own, so that what is in the file is readable at any time.
 */
import { closeSync, constants as fsConstants, ftruncateSync, openSync, write, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { constants, gzip, gzipSync } from 'node:zlib';
import type { EventView } from '../events/event-view.js';
import type { State } from '../state/state.js';
import type { EventHistory } from './event-history.js';
import type { MachineInfo } from './scap-format.js';
import { ScapEncoder } from './scap-writer.js';

const { O_CREAT, O_NOFOLLOW, O_TRUNC, O_WRONLY } = fsConstants;
const writeFd = promisify(write);
const zip = promisify(gzip);
/** Beside a live machine, time counts more than the last tenth of size. */
const LEVEL = { level: constants.Z_BEST_SPEED };
/** Bytes that are gathered before they are compressed and written. */
const PIECE = 1 << 20;
/** Bytes of events that may wait for the disk; the lists and the history wait beside them. */
const MAX_WAITING = 32 << 20;

export interface ScapFileOptions {
  /** On unless said. */
  readonly compress?: boolean;
  /**
   * Compress and write beside the caller, who never waits: events that find too much waiting are dropped and counted.
   * Otherwise every full piece is written before the call returns.
   */
  readonly background?: boolean;
}

interface Piece {
  readonly bytes: Buffer;
  readonly events: number;
}

export class ScapFile {
  private readonly encoder = new ScapEncoder();
  private readonly fd: number;
  private readonly compress: boolean;
  private readonly background: boolean;
  /** Events in the encoder. */
  private gathered = 0;
  private readonly waiting: Piece[] = [];
  private waitingBytes = 0;
  private maxWaiting = MAX_WAITING;
  private writing: Promise<void> | null = null;
  /** Events in the file. */
  events = 0;
  /** Events that are not in the file: found no room, or could not be written. */
  dropped = 0;
  /** Bytes in the file. */
  bytes = 0;
  /** Why it cannot be written any more; nothing is, from then on. */
  error: Error | null = null;

  /** Creates or overwrites it, but no symbolic link's target. @throws when it cannot be opened */
  constructor(
    readonly path: string,
    options: ScapFileOptions = {},
  ) {
    this.compress = options.compress ?? true;
    this.background = options.background ?? false;
    this.fd = openSync(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
  }

  /** What is known now: the lists, and containers as events, which count as none. `time`: when the capture begins. */
  begin(state: State, machine?: MachineInfo, time = 0n): void {
    this.encoder.state(state, machine);
    this.encoder.containers(state, time);
    this.maxWaiting += this.encoder.out.length;
    this.flush();
  }

  /** Events before the first {@link event}, since a time in nanoseconds since the epoch. */
  history(history: EventHistory, since: bigint): void {
    this.flush();
    for (const { blocks, events } of history.since(since)) {
      if (events === 0) continue;
      this.maxWaiting += blocks.length;
      this.put(Buffer.from(blocks), events);
    }
  }

  /** Copies the event; call it before or after the state has taken it in. */
  event(view: EventView): void {
    if (this.error !== null || this.waitingBytes > this.maxWaiting) {
      this.dropped++;
      return;
    }
    this.encoder.event(view);
    this.gathered++;
    if (this.encoder.out.length >= PIECE) this.flush();
  }

  /** Sends what has been gathered on its way. */
  flush(): void {
    const piece = this.encoder.out.take();
    const events = this.gathered;
    this.gathered = 0;
    // The encoder will write over its buffer.
    if (piece.length > 0) this.put(this.background ? Buffer.from(piece) : piece, events);
  }

  /** Resolves when everything is in the file, or cannot be: see {@link error}. */
  async close(): Promise<void> {
    this.flush();
    if (this.writing !== null) await this.writing;
    closeSync(this.fd);
  }

  private put(bytes: Buffer, events: number): void {
    if (this.background) {
      this.waiting.push({ bytes, events });
      this.waitingBytes += bytes.length;
      this.writing ??= this.writeWaiting();
      return;
    }
    if (this.error !== null) {
      this.dropped += events;
      return;
    }
    try {
      const data = this.compress ? gzipSync(bytes) : bytes;
      for (let at = 0; at < data.length; ) at += writeSync(this.fd, data, at);
      this.written(data.length, events);
    } catch (error) {
      this.failed(error as Error, events);
    }
  }

  private async writeWaiting(): Promise<void> {
    for (let piece = this.waiting.shift(); piece !== undefined; piece = this.waiting.shift()) {
      if (this.error === null) await this.writeOne(piece);
      else this.dropped += piece.events;
      this.waitingBytes -= piece.bytes.length;
    }
    this.writing = null;
  }

  private async writeOne({ bytes, events }: Piece): Promise<void> {
    try {
      const data = this.compress ? await zip(bytes, LEVEL) : bytes;
      for (let at = 0; at < data.length; ) at += (await writeFd(this.fd, data, at, data.length - at, null)).bytesWritten;
      this.written(data.length, events);
    } catch (error) {
      this.failed(error as Error, events);
    }
  }

  private written(bytes: number, events: number): void {
    this.bytes += bytes;
    this.events += events;
  }

  private failed(error: Error, events: number): void {
    this.error = error;
    this.dropped += events;
    try {
      // Half a piece would make the file a damaged one.
      ftruncateSync(this.fd, this.bytes);
    } catch {
      // The first error says it.
    }
  }
}
