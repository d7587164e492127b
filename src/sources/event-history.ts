// SPDX-License-Identifier: Apache-2.0
/** HOT PATH. The last events, as the blocks of a capture file, in a ring that is allocated once. */
import type { EventView } from '../events/event-view.js';
import { EVENT_IN_BLOCK, eventBlockBytes, writeEventBlock } from './event-block.js';

export class EventHistory {
  private readonly bytes: Buffer;
  private readonly data: DataView;
  /** Where the next block goes. */
  private head = 0;
  /** The oldest block. */
  private tail = 0;
  /** When `wrapped`, blocks lie in [tail, end) and then in [0, head); otherwise in [tail, head). */
  private end = 0;
  private wrapped = false;
  /** Events that are longer than all of the ring and were not kept. */
  tooLong = 0;

  /** @param capacity bytes */
  constructor(readonly capacity: number) {
    this.bytes = Buffer.alloc(capacity);
    this.data = new DataView(this.bytes.buffer, this.bytes.byteOffset, capacity);
  }

  /** Copies the event in; the oldest make room. */
  push(view: EventView): void {
    const size = eventBlockBytes(view);
    if (size > this.capacity) {
      this.tooLong++;
      return;
    }
    this.makeRoom(size);
    writeEventBlock(this.data, this.bytes, this.head, view);
    this.head += size;
  }

  /**
   * The blocks of all events since a time (nanoseconds since the epoch), oldest first, in one or two pieces that are valid
   * until the next {@link push}.
   */
  since(time: bigint): readonly { readonly blocks: Uint8Array; readonly events: number }[] {
    const upper = this.wrapped ? this.piece(this.tail, this.end, time) : null;
    const lower = this.piece(this.wrapped ? 0 : this.tail, this.head, time);
    return upper === null ? [lower] : [upper, lower];
  }

  private makeRoom(size: number): void {
    if (!this.wrapped) {
      if (this.tail === this.head) {
        this.tail = 0;
        this.head = 0;
      }
      if (this.head + size <= this.capacity) return;
      this.wrap();
    }
    while (this.wrapped && this.tail - this.head < size) this.evict();
    // All of the upper part is gone, and what is now the rest of the ring may still be too short.
    if (!this.wrapped && this.head + size > this.capacity) {
      this.wrap();
      while (this.wrapped && this.tail - this.head < size) this.evict();
    }
  }

  private wrap(): void {
    this.end = this.head;
    this.head = 0;
    this.wrapped = true;
  }

  private evict(): void {
    this.tail += this.data.getUint32(this.tail + 4, true);
    if (this.tail === this.end) {
      this.tail = 0;
      this.wrapped = false;
    }
  }

  private piece(from: number, to: number, time: bigint): { blocks: Uint8Array; events: number } {
    let start = from;
    while (start < to && this.data.getBigUint64(start + EVENT_IN_BLOCK, true) < time) start += this.data.getUint32(start + 4, true);
    let events = 0;
    for (let at = start; at < to; at += this.data.getUint32(at + 4, true)) events++;
    return { blocks: this.bytes.subarray(start, to), events };
  }
}
