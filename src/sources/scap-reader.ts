// SPDX-License-Identifier: Apache-2.0
/**
 * HOT PATH (events). Decodes a capture, piece by piece as it is read: {@link ScapDecoder.push} takes bytes and calls
 * the receiver for every block that is complete. At most one block is kept between two calls.
 */
import { EVENT_HEADER_BYTES, EventDecodeError, EventView } from '../events/event-view.js';
import { EVENTS } from '../events/table.js';
import type { FdInfo } from '../state/fd-info.js';
import type { InterfaceAddress } from '../state/interfaces.js';
import type { ThreadInfo } from '../state/thread-info.js';
import type { Group, User } from '../state/users.js';
import { ScapConverter } from './scap-convert.js';
import {
  EVENT_BLOCKS, type EventBlock, FD_LISTS, INTERFACE_LISTS, MACHINE_INFOS, type MachineInfo, MAJOR_VERSION, MAX_BLOCK, PROCESS_LISTS,
  SECTION_HEADER, SECTION_MAGIC, USER_LISTS,
} from './scap-format.js';
import { Cursor, ListError, readFds, readInterfaces, readMachine, readProcesses, readUsers } from './scap-lists.js';

/** The file is damaged or no capture. `offset` counts decompressed bytes from the beginning. */
export class ScapError extends Error {
  constructor(
    readonly code: string,
    readonly offset: number,
    message: string,
  ) {
    super(`${message} (at byte ${offset})`);
    this.name = 'ScapError';
  }
}

export interface ScapReceiver {
  /** A capture begins; again for each one that was appended to the file. */
  readonly section: () => void;
  readonly machine: (info: MachineInfo) => void;
  /** Zero-separated cgroups of a thread that is being read. */
  readonly cgroups: (thread: ThreadInfo, wire: string) => void;
  readonly thread: (thread: ThreadInfo) => void;
  readonly fd: (tid: number, fd: number, info: FdInfo) => void;
  readonly interfaces: (list: readonly InterfaceAddress[]) => void;
  readonly user: (user: User) => void;
  readonly group: (group: Group) => void;
  /** The lists are over: the first event follows. */
  readonly ready: () => void;
  /** The view is valid during the call. */
  readonly event: (view: EventView) => void;
}

const BLOCK_HEADER = 8;
const BLOCK_OVERHEAD = 12;
const EMPTY = Buffer.alloc(0);
const TYPES = EVENTS.length;

export class ScapDecoder {
  readonly view = new EventView();
  private readonly converter = new ScapConverter();
  /** Of a block that is not complete: its beginning, and what came after that. */
  private rest: Buffer = EMPTY;
  private readonly more: Buffer[] = [];
  private moreBytes = 0;
  /** File offset of the first byte of `rest`. */
  private base = 0;
  private begun = false;
  private inEvents = false;
  private lastType = -1;
  private lastKind: EventBlock | undefined = undefined;
  private eventAt = 0;
  /** Events that the capture has and that are nobody's any more: enter halves of old pairs, unused and unknown types. */
  skipped = 0;
  /** Blocks of a type that we do not know. */
  unknownBlocks = 0;

  constructor(private readonly receiver: ScapReceiver) {}

  /** @throws ScapError at damage; the decoder is of no use after it. */
  push(chunk: Buffer): void {
    let next = 0;
    // The block that the last chunk ended in is put together on its own; nothing else is copied.
    while (this.rest.length !== 0 && next < chunk.length) {
      // A length that is there has been found to be sound.
      const whole = this.rest.length < BLOCK_OVERHEAD ? BLOCK_OVERHEAD : this.rest.readUInt32LE(4);
      const missing = Math.max(whole - this.rest.length - this.moreBytes, 1);
      if (missing > chunk.length - next) {
        this.more.push(Buffer.from(chunk.subarray(next)));
        this.moreBytes += chunk.length - next;
        return;
      }
      const bytes = Buffer.concat([this.rest, ...this.more, chunk.subarray(next, next + missing)]);
      this.more.length = 0;
      this.moreBytes = 0;
      this.decode(bytes);
      next += missing;
    }
    if (next < chunk.length) this.decode(next === 0 ? chunk : chunk.subarray(next));
  }

  private decode(buffer: Buffer): void {
    const data = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    this.view.attach(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    let at = 0;
    try {
      at = this.blocks(buffer, data);
    } catch (e) {
      if (e instanceof EventDecodeError) throw this.error('SCAP_EVENT', this.eventAt + e.offset, e.message);
      if (e instanceof ListError) throw this.error('SCAP_LIST', e.offset, e.message);
      throw e;
    }
    this.base += at;
    // A copy, so that the chunk can go.
    this.rest = at === buffer.length ? EMPTY : Buffer.from(buffer.subarray(at));
  }

  /** The file is over. @throws ScapError when it ends within a block or has no events. */
  end(): void {
    if (this.rest.length !== 0) throw this.error('SCAP_TRUNCATED', 0, 'the file ends within a block');
    if (!this.begun) throw this.error('SCAP_NO_CAPTURE', 0, 'this is no capture file');
    if (!this.inEvents) throw this.error('SCAP_NO_EVENTS', 0, 'the file has no events');
  }

  /** Handles all complete blocks; returns where the first incomplete one begins. */
  private blocks(buffer: Buffer, data: DataView): number {
    let at = 0;
    while (buffer.length - at >= BLOCK_HEADER) {
      const type = data.getUint32(at, true);
      const length = data.getUint32(at + 4, true);
      if (!this.begun && type !== SECTION_HEADER) throw this.error('SCAP_NO_CAPTURE', at, 'this is no capture file');
      if (type === SECTION_HEADER && buffer.length - at < BLOCK_OVERHEAD) break;
      if (type === SECTION_HEADER && data.getUint32(at + BLOCK_HEADER, false) === SECTION_MAGIC) {
        throw this.error('SCAP_BIG_ENDIAN', at, 'the capture was made on a big-endian machine, and such captures are not read');
      }
      if (length < BLOCK_OVERHEAD) throw this.error('SCAP_BLOCK_LENGTH', at, `block length ${length} is too small`);
      if (length > MAX_BLOCK) throw this.error('SCAP_BLOCK_LENGTH', at, `block length ${length} is too large`);
      if (length > buffer.length - at) break;
      // Nearly all blocks are events of one kind.
      const kind = type === this.lastType ? this.lastKind : EVENT_BLOCKS.get(type);
      if (kind !== undefined) {
        this.lastType = type;
        this.lastKind = kind;
        this.event(buffer, data, at, length, kind);
      } else {
        this.list(new Cursor(buffer, at + BLOCK_HEADER, at + length - 4), data, at, length, type);
      }
      at += length;
    }
    return at;
  }

  private event(buffer: Buffer, data: DataView, at: number, length: number, kind: EventBlock): void {
    if (length - BLOCK_HEADER > kind.longest) throw this.error('SCAP_BLOCK_LENGTH', at, `event block of ${length} bytes`);
    if (!this.inEvents) {
      this.inEvents = true;
      this.receiver.ready();
    }
    const start = at + BLOCK_HEADER + (kind.flags ? 6 : 2);
    const end = at + length - 4;
    this.eventAt = start;
    if (end - start < (kind.counted ? EVENT_HEADER_BYTES : EVENT_HEADER_BYTES - 4)) throw new EventDecodeError('event too short', 0);
    const view = this.view;
    if (data.getUint16(start + 20, true) >= TYPES) {
      this.skipped++;
      return;
    }
    let elsewhere = false;
    if (kind.counted) view.bind(start, end - start);
    else {
      this.converter.uncounted(view, buffer, start, end);
      elsewhere = true;
    }
    let wanted = true;
    if (this.converter.needs(view)) {
      wanted = this.converter.convert(view);
      elsewhere = true;
    }
    view.cpu = data.getUint16(at + BLOCK_HEADER, true);
    if (wanted) this.receiver.event(view);
    else this.skipped++;
    if (elsewhere) view.attach(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  }

  private list(c: Cursor, data: DataView, at: number, length: number, type: number): void {
    const after = data.getUint32(at + length - 4, true);
    if (after !== length) throw this.error('SCAP_BLOCK_LENGTH', at + length - 4, `block length is ${length} before and ${after} after the block`);
    const receiver = this.receiver;
    const version = PROCESS_LISTS.get(type);
    if (type === SECTION_HEADER) this.section(c);
    else if (MACHINE_INFOS.has(type)) receiver.machine(readMachine(c));
    else if (version !== undefined) readProcesses(c, version, receiver.cgroups, receiver.thread);
    else if (FD_LISTS.has(type)) readFds(c, FD_LISTS.get(type)!, receiver.fd);
    else if (INTERFACE_LISTS.has(type)) receiver.interfaces(readInterfaces(c, INTERFACE_LISTS.get(type)!));
    else if (USER_LISTS.has(type)) readUsers(c, USER_LISTS.get(type)!, receiver.user, receiver.group);
    else this.unknownBlocks++;
  }

  private section(c: Cursor): void {
    const start = c.at;
    const magic = c.u32();
    if (magic !== SECTION_MAGIC) throw this.error('SCAP_NO_CAPTURE', start, `section magic is 0x${magic.toString(16)}`);
    const major = c.u16();
    if (major > MAJOR_VERSION) throw this.error('SCAP_VERSION', start + 4, `format version ${major} is newer than ${MAJOR_VERSION}`);
    this.begun = true;
    this.inEvents = false;
    this.converter.clear();
    this.receiver.section();
  }

  private error(code: string, at: number, message: string): ScapError {
    return new ScapError(code, this.base + at, message);
  }
}
