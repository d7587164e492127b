// SPDX-License-Identifier: Apache-2.0
/**
 * A bounded queue on disk: what is appended survives the end of the program, however it ends, and comes out in order.
 *
 *     <directory>/lock                   who has it open
 *     <directory>/0000000000000042.log   segments; only the last one grows, those that have been read are removed
 *     <directory>/position               segment and offset up to which everything has been delivered
 *
 *     record   u32 LE length of the payload │ u32 LE CRC-32 of the payload │ payload (JSON, UTF-8)
 *
 * The position is written after a delivery, so a program that is killed in between delivers some messages twice (at least
 * once, in order). What is written outlives the program at once, and a power cut after {@link SYNC_MS}.
 */
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { StartError } from '../sources/source.js';
import { crc32 } from '../util/crc32.js';
import type { OutputMessage } from './output.js';

const HEADER_BYTES = 8;
const SEGMENT_NAME = /^(\d{16})\.log$/;
/** Larger alerts are refused: a length beyond it in a file is not one. */
const LARGEST_RECORD = 16 * 1024 * 1024;
const LARGEST_SEGMENT = 8 * 1024 * 1024;
/** Read at once; a record that is larger is read with all that follows it. */
const READ_BYTES = 1024 * 1024;
const SYNC_MS = 1000;
const POSITION_EVERY_MS = 200;

export interface Position {
  readonly segment: number;
  readonly offset: number;
}

export interface Stored {
  readonly message: OutputMessage;
  /** Where the next one begins: what {@link Spool.acknowledge} takes. */
  readonly end: Position;
}

interface Segment {
  readonly number: number;
  /** Complete records end here. */
  size: number;
  /** Of messages that are not acknowledged. */
  messages: number;
}

export class Spool {
  private readonly segments: Segment[] = [];
  private position: Position = { segment: 0, offset: 0 };
  private readAt: Position = { segment: 0, offset: 0 };
  private writer: FileHandle | null = null;
  private reader: { readonly number: number; readonly file: FileHandle } | null = null;
  private writing: Promise<unknown> = Promise.resolve();
  private reading: Promise<unknown> = Promise.resolve();
  private syncTimer: NodeJS.Timeout | null = null;
  private positionAt = 0;
  private damagedRecords = 0;

  private constructor(
    readonly directory: string,
    public maxBytes: number,
  ) {}

  /** Opens or makes the directory and takes stock of what an earlier run left. @throws StartError */
  static open(directory: string, maxBytes: number): Spool {
    const spool = new Spool(directory, maxBytes);
    try {
      makeDirectories(directory);
      lock(directory);
      spool.recover();
    } catch (error) {
      if (error instanceof StartError) throw error;
      throw new StartError('OUTPUT_SPOOL', `spool.directory: ${(error as Error).message}`, 'name a directory that falco-ts may write, on a disk that outlives it', { cause: error });
    }
    return spool;
  }

  /** Messages that are not acknowledged. */
  get waiting(): number {
    return this.segments.reduce((sum, segment) => sum + segment.messages, 0);
  }

  /** On disk, what is acknowledged in a segment that is still needed included. */
  get bytes(): number {
    return this.segments.reduce((sum, segment) => sum + segment.size, 0);
  }

  /** Records that could not be read back: a disk that forgot, or a hand that wrote. */
  get damaged(): number {
    return this.damagedRecords;
  }

  /**
   * Appends those there is room for. Rejects when the disk refuses; then none of them is in.
   * @returns how many were taken
   */
  append(messages: readonly OutputMessage[]): Promise<number> {
    const done = this.writing.then(() => this.write(messages));
    this.writing = done.catch(() => undefined);
    return done;
  }

  /** The next messages that have not been read, at most `most`. Each is handed out once in a run. */
  read(most: number): Promise<readonly Stored[]> {
    const done = this.reading.then(() => this.take(most));
    this.reading = done.catch(() => undefined);
    return done;
  }

  /** Everything before `end` has been delivered or given up. */
  acknowledge(end: Position, messages: number): void {
    this.position = end;
    const segment = this.segments.find(({ number }) => number === end.segment);
    if (segment !== undefined) segment.messages = Math.max(0, segment.messages - messages);
    this.removeBefore(end.segment);
    if (Date.now() - this.positionAt >= POSITION_EVERY_MS) this.writePosition();
  }

  /** What has been read and not acknowledged will be read again. */
  rewind(): Promise<void> {
    const done = this.reading.then(() => {
      this.readAt = this.position;
    });
    this.reading = done;
    return done;
  }

  async close(): Promise<void> {
    if (this.syncTimer !== null) clearTimeout(this.syncTimer);
    await this.writing;
    await this.reading;
    await this.writer?.datasync().catch(() => undefined);
    await this.writer?.close();
    await this.reader?.file.close();
    this.writePosition();
    for (const { number, size, messages } of this.segments) if (size === 0 || messages === 0) rmSync(this.path(number), { force: true });
    rmSync(join(this.directory, 'lock'), { force: true });
  }

  private path(segment: number): string {
    return join(this.directory, `${String(segment).padStart(16, '0')}.log`);
  }

  private get segmentBytes(): number {
    return Math.min(LARGEST_SEGMENT, Math.max(65_536, Math.floor(this.maxBytes / 16)));
  }

  private recover(): void {
    const numbers = readdirSync(this.directory).flatMap((name) => SEGMENT_NAME.exec(name)?.[1] ?? []).map(Number).sort((a, b) => a - b);
    const first = this.readPosition();
    for (const number of numbers) {
      if (number < first.segment) {
        rmSync(this.path(number), { force: true });
        continue;
      }
      const bytes = readFileSync(this.path(number));
      const from = number === first.segment ? first.offset : 0;
      const segment: Segment = { number, size: bytes.length, messages: 0 };
      let end = from;
      for (const record of recordsIn(bytes, from)) {
        segment.messages++;
        end = record.end;
      }
      // A write that was cut short, or a length that is none.
      if (end < bytes.length) this.damagedRecords++;
      segment.size = Math.max(end, from);
      this.segments.push(segment);
    }
    this.position = this.segments[0]?.number === first.segment ? first : { segment: this.segments[0]?.number ?? Math.max(1, first.segment), offset: 0 };
    this.readAt = this.position;
  }

  private async write(messages: readonly OutputMessage[]): Promise<number> {
    const records: Buffer[] = [];
    let size = 0;
    let room = this.maxBytes - this.bytes;
    for (const message of messages) {
      const record = encode(message);
      if (record.length > room || record.length > HEADER_BYTES + LARGEST_RECORD) continue;
      room -= record.length;
      size += record.length;
      records.push(record);
    }
    if (records.length === 0) return 0;
    const segment = await this.writable();
    const bytes = Buffer.concat(records, size);
    try {
      for (let written = 0; written < size; ) written += (await this.writer!.write(bytes, written, size - written, segment.size + written)).bytesWritten;
    } catch (error) {
      // Half a batch must not stay: whoever asked is told that none of it is in. If even that fails, the segment ends here.
      await this.writer!.truncate(segment.size).catch(() => this.endSegment());
      throw error;
    }
    segment.size += size;
    segment.messages += records.length;
    this.syncTimer ??= setTimeout(() => {
      this.syncTimer = null;
      this.writer?.datasync().catch(() => undefined);
    }, SYNC_MS).unref();
    return records.length;
  }

  /** The segment to append to. Never one of an earlier run, whose end may be torn. */
  private async writable(): Promise<Segment> {
    const last = this.segments.at(-1);
    if (this.writer !== null && last !== undefined && last.size < this.segmentBytes) return last;
    await this.endSegment();
    const number = Math.max(last?.number ?? 0, this.position.segment) + 1;
    this.writer = await open(this.path(number), 'wx', 0o600);
    const segment: Segment = { number, size: 0, messages: 0 };
    this.segments.push(segment);
    return segment;
  }

  private async endSegment(): Promise<void> {
    const { writer } = this;
    this.writer = null;
    if (writer === null) return;
    await writer.datasync().catch(() => undefined);
    await writer.close();
  }

  private async take(most: number): Promise<readonly Stored[]> {
    for (;;) {
      const segment = this.segments.find(({ number }) => number >= this.readAt.segment);
      if (segment === undefined) return [];
      const from = segment.number === this.readAt.segment ? this.readAt.offset : 0;
      if (from >= segment.size) {
        if (segment === this.segments.at(-1)) return [];
        this.readAt = { segment: segment.number + 1, offset: 0 };
        continue;
      }
      const found = await this.readFrom(segment, from, most);
      if (found.length > 0) return found;
    }
  }

  private async readFrom(segment: Segment, from: number, most: number): Promise<Stored[]> {
    if (this.reader?.number !== segment.number) {
      await this.reader?.file.close();
      this.reader = null;
      try {
        this.reader = { number: segment.number, file: await open(this.path(segment.number), 'r') };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
        this.giveUp(segment);
        return [];
      }
    }
    const rest = segment.size - from;
    for (const length of rest > READ_BYTES ? [READ_BYTES, rest] : [rest]) {
      const bytes = Buffer.alloc(length);
      const { bytesRead } = await this.reader.file.read(bytes, 0, length, from);
      const found: Stored[] = [];
      let end = from;
      for (const record of recordsIn(bytes.subarray(0, bytesRead), 0)) {
        end = from + record.end;
        const message = record.payload === null ? null : decode(record.payload);
        if (message !== null) found.push({ message, end: { segment: segment.number, offset: end } });
        else {
          this.damagedRecords++;
          segment.messages--;
        }
        if (found.length === most) break;
      }
      if (end === from && length < rest) continue;
      if (end === from) this.giveUp(segment);
      else this.readAt = { segment: segment.number, offset: end };
      return found;
    }
    return [];
  }

  /** Nothing more can be read of it, the disk holds less than was written: what it had is lost, and that is counted. */
  private giveUp(segment: Segment): void {
    this.damagedRecords += segment.messages;
    segment.messages = 0;
    this.readAt = { segment: segment.number, offset: segment.size };
  }

  private removeBefore(number: number): void {
    while (this.segments.length > 0 && this.segments[0].number < number) rmSync(this.path(this.segments.shift()!.number), { force: true });
  }

  private readPosition(): Position {
    let text: string;
    try {
      text = readFileSync(join(this.directory, 'position'), 'utf8');
    } catch {
      return { segment: 0, offset: 0 };
    }
    const match = /^(\d+) (\d+) (\d+)\n$/.exec(text);
    if (match === null || crc32(Buffer.from(`${match[1]} ${match[2]}`)) !== Number(match[3])) return { segment: 0, offset: 0 };
    return { segment: Number(match[1]), offset: Number(match[2]) };
  }

  private writePosition(): void {
    this.positionAt = Date.now();
    const path = join(this.directory, 'position');
    const text = `${this.position.segment} ${this.position.offset}`;
    try {
      writeFileSync(`${path}.new`, `${text} ${crc32(Buffer.from(text))}\n`, { mode: 0o600 });
      renameSync(`${path}.new`, path);
    } catch {
      // A full disk: the old position stays, and after a restart some messages are delivered twice.
    }
  }
}

interface RecordAt {
  /** Null: it is damaged. */
  readonly payload: Buffer | null;
  readonly end: number;
}

/** Walks the records; stops at an end that is torn. One with a wrong checksum is passed over by its length. */
function* recordsIn(bytes: Buffer, from: number): Generator<RecordAt> {
  for (let at = from; at + HEADER_BYTES <= bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    const end = at + HEADER_BYTES + length;
    if (length === 0 || length > LARGEST_RECORD || end > bytes.length) return;
    const payload = bytes.subarray(at + HEADER_BYTES, end);
    yield { payload: crc32(payload) === bytes.readUInt32LE(at + 4) ? payload : null, end };
    at = end;
  }
}

function encode({ line, priority, rule, time }: OutputMessage): Buffer {
  const payload = Buffer.from(JSON.stringify({ time: String(time), priority, rule, line }));
  const record = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  record.writeUInt32LE(payload.length, 0);
  record.writeUInt32LE(crc32(payload), 4);
  payload.copy(record, HEADER_BYTES);
  return record;
}

function decode(payload: Buffer): OutputMessage | null {
  try {
    const { time, priority, rule, line } = JSON.parse(payload.toString()) as { time: string; priority: string; rule: string; line: string };
    return { line, priority, rule, time: BigInt(time) };
  } catch {
    return null;
  }
}

/** One level after another: Node's own recursive mkdir never comes back from below /proc. */
function makeDirectories(directory: string): void {
  if (existsSync(directory)) return;
  makeDirectories(dirname(directory));
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    // Another falco-ts has been quicker.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Two programs that read the same spool would deliver everything twice and tear it apart. */
function lock(directory: string): void {
  const path = join(directory, 'lock');
  for (let attempt = 0; ; attempt++) {
    try {
      const fd = openSync(path, 'wx', 0o600);
      writeSync(fd, identity(process.pid));
      closeSync(fd);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const owner = readFileSync(path, 'utf8');
    const pid = Number(owner.split(' ')[0]);
    // Process ids come again, after a boot or in the next container: the start time tells them apart.
    if (attempt > 0 || (pid > 0 && identity(pid) === owner)) {
      throw new StartError('OUTPUT_SPOOL', `spool.directory: ${directory} is in use by process ${pid}`, 'give each falco-ts a spool.directory of its own');
    }
    rmSync(path, { force: true });
  }
}

/** `pid start-time boot`, or just the pid for a process that is not there. */
function identity(pid: number): string {
  try {
    // The 22nd field of stat; the second one, in brackets, may hold blanks.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');
    return `${pid} ${fields[19]} ${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}`;
  } catch {
    return String(pid);
  }
}
