// SPDX-License-Identifier: Apache-2.0
// HOT PATH
import type { AuditEvent } from '../../events/audit-event.js';
import { RECORD } from '../../events/audit-scan.js';
import type { Slab } from './messages.js';
import type { Outlet } from './outlet.js';

/** Bytes and events of one slab; a larger event gets one of its own size. */
const SLAB_BYTES = 256 * 1024;
const SLAB_EVENTS = 256;
/** Bytes on their way at once: what bounds memory, and how long the other sources wait for their turn. */
const MAX_ON_THE_WAY = 4 * 1024 * 1024;
const MAX_POOLED = MAX_ON_THE_WAY / SLAB_BYTES;

interface Waiting {
  readonly slab: number;
  readonly resolve: () => void;
}

/**
 * Hands events over to another thread in slabs: what comes in one turn of the event loop goes together. A slab's memory
 * changes hands and comes back when its events have been evaluated, which says too that they have.
 */
export class SlabOutlet implements Outlet {
  #bytes: Buffer | null = null;
  #records = new Int32Array(0);
  #used = 0;
  #count = 0;
  #scheduled = false;
  readonly #pool: Slab[] = [];
  #onTheWay = 0;
  #sent = 0;
  #evaluated = 0;
  readonly #forRoom: (() => void)[] = [];
  readonly #forSettled: Waiting[] = [];
  readonly #flush = (): void => this.flush();

  constructor(private readonly send: (slab: Slab, count: number) => void) {}

  put(event: AuditEvent, bytes: Buffer, start: number, end: number, own: boolean): boolean {
    const size = end - start;
    if (own && size > SLAB_BYTES) {
      // Fresh memory for a copy of tens of megabytes takes longer than all else that is done with them here.
      this.flush();
      this.#bytes = bytes;
      this.#records = new Int32Array(RECORD.length);
      event.writeRecord(this.#records, 0, start);
      this.#count = 1;
      this.flush();
      return true;
    }
    if (this.#bytes !== null && (this.#used + size > this.#bytes.length || this.#count === SLAB_EVENTS)) this.flush();
    this.#bytes ??= this.#open(size);
    bytes.copy(this.#bytes, this.#used, start, end);
    event.writeRecord(this.#records, this.#count * RECORD.length, this.#used);
    this.#used += size;
    this.#count++;
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(this.#flush);
    }
    return false;
  }

  get full(): boolean {
    return this.#onTheWay >= MAX_ON_THE_WAY;
  }

  room(): Promise<void> {
    if (!this.full) return Promise.resolve();
    return new Promise((resolve) => this.#forRoom.push(resolve));
  }

  settled(): Promise<void> {
    const slab = this.#sent + (this.#count > 0 ? 1 : 0);
    if (this.#evaluated >= slab) return Promise.resolve();
    return new Promise((resolve) => this.#forSettled.push({ slab, resolve }));
  }

  flush(): void {
    this.#scheduled = false;
    const bytes = this.#bytes;
    if (bytes === null) return;
    const count = this.#count;
    this.#bytes = null;
    this.#used = 0;
    this.#count = 0;
    this.#sent++;
    this.#onTheWay += bytes.length;
    this.send({ bytes: bytes.buffer as ArrayBuffer, records: this.#records.buffer as ArrayBuffer }, count);
  }

  /** The slab that was sent first of those on their way has been evaluated and comes back. */
  evaluated(slab: Slab): void {
    const size = slab.bytes.byteLength;
    this.#onTheWay -= size;
    this.#evaluated++;
    if (size === SLAB_BYTES && this.#pool.length < MAX_POOLED) this.#pool.push(slab);
    while (this.#forSettled.length > 0 && this.#forSettled[0].slab <= this.#evaluated) this.#forSettled.shift()?.resolve();
    if (this.full) return;
    for (const resolve of this.#forRoom.splice(0)) resolve();
  }

  /** Memory for at least one event of that size. */
  #open(size: number): Buffer {
    const pooled = size <= SLAB_BYTES ? this.#pool.pop() : undefined;
    this.#records = new Int32Array(pooled?.records ?? new ArrayBuffer(SLAB_EVENTS * RECORD.length * 4));
    return Buffer.from(pooled?.bytes ?? new ArrayBuffer(Math.max(size, SLAB_BYTES)));
  }
}
