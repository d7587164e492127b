// SPDX-License-Identifier: Apache-2.0
// HOT PATH
import { randomBytes } from 'node:crypto';

const WAYS = 4;

/**
 * Remembers which events were taken, so that a batch that is sent again (its answer was lost, or was an error) alerts once.
 * An event is recognised by all its bytes: its audit ID and stage are among them, but would not do alone, because a client
 * may choose the audit ID of its requests, and could hide behind one that was used before.
 *
 * A table of fixed size, four places a bucket, the oldest of a bucket gives way.
 */
export class SeenEvents {
  readonly #places: Float64Array;
  readonly #next: Uint8Array;
  readonly #mask: number;
  readonly #seed1 = randomBytes(4).readUInt32LE();
  readonly #seed2 = randomBytes(4).readUInt32LE();
  /** Events that were forgotten to make room. */
  evictions = 0;

  /** `capacity`: events remembered, a power of two. */
  constructor(capacity = 1 << 19) {
    this.#places = new Float64Array(capacity);
    this.#next = new Uint8Array(capacity / WAYS);
    this.#mask = capacity / WAYS - 1;
  }

  /** 53 bits that tell the bytes from others; seeded, so that nobody can prepare two events that collide. Never 0. */
  fingerprint(view: DataView, start: number, end: number): number {
    let a = this.#seed1 ^ (end - start);
    let b = this.#seed2;
    let i = start;
    for (; i + 8 <= end; i += 8) {
      a = Math.imul(a ^ view.getUint32(i, true), 0x85ebca6b);
      a ^= a >>> 15;
      b = Math.imul(b + view.getUint32(i + 4, true), 0xc2b2ae35);
      b = (b << 13) | (b >>> 19);
    }
    for (; i < end; i++) {
      const byte = view.getUint8(i);
      a = Math.imul(a ^ byte, 0x85ebca6b);
      b = Math.imul(b + byte, 0xc2b2ae35);
    }
    a ^= b >>> 16;
    a = Math.imul(a ^ (a >>> 13), 0x27d4eb2f);
    b = Math.imul(b ^ (b >>> 16) ^ a, 0x165667b1);
    return (a >>> 0) * 0x200000 + ((b ^ (b >>> 15)) & 0x1fffff) + 1;
  }

  has(fingerprint: number): boolean {
    const bucket = (fingerprint & this.#mask) * WAYS;
    const places = this.#places;
    return (
      places[bucket] === fingerprint ||
      places[bucket + 1] === fingerprint ||
      places[bucket + 2] === fingerprint ||
      places[bucket + 3] === fingerprint
    );
  }

  add(fingerprint: number): void {
    const bucket = fingerprint & this.#mask;
    const way = this.#next[bucket];
    const place = bucket * WAYS + way;
    if (this.#places[place] !== 0) this.evictions++;
    this.#places[place] = fingerprint;
    this.#next[bucket] = (way + 1) & (WAYS - 1);
  }
}
