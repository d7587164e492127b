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

  /**
   * 53 bits (of MurmurHash3's construction with two lanes) that tell the bytes from others; seeded, so that nobody can
   * prepare two events that collide. Never 0.
   */
  fingerprint(view: DataView, start: number, end: number): number {
    let a = this.#seed1;
    let b = this.#seed2;
    for (let i = start; i < end; i += 8) {
      const whole = i + 8 <= end;
      let k = whole ? view.getUint32(i, true) : remainder(view, i, end);
      k = Math.imul(k, 0x239b961b);
      k = Math.imul((k << 15) | (k >>> 17), 0xab0e9789);
      a ^= k;
      a = (Math.imul((((a << 19) | (a >>> 13)) + b) | 0, 5) + 0x561ccd1b) | 0;
      k = whole ? view.getUint32(i + 4, true) : remainder(view, i + 4, end);
      k = Math.imul(k, 0xab0e9789);
      k = Math.imul((k << 16) | (k >>> 16), 0x38b34ae5);
      b ^= k;
      b = (Math.imul((((b << 17) | (b >>> 15)) + a) | 0, 5) + 0x0bcaa747) | 0;
    }
    a ^= end - start;
    b ^= end - start;
    a = (a + b) | 0;
    b = (b + a) | 0;
    a = mix(a);
    b = mix(b);
    a = (a + b) | 0;
    b = (b + a) | 0;
    return (a >>> 0) * 0x200000 + (b & 0x1fffff) + 1;
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

/** The up to four bytes from `at` on, as a word. */
function remainder(view: DataView, at: number, end: number): number {
  let word = 0;
  for (let i = Math.min(at + 4, end) - 1; i >= at; i--) word = (word << 8) | view.getUint8(i);
  return word;
}

/** Lets every bit of a word change every other (the finalizer of MurmurHash3). */
function mix(word: number): number {
  let w = word;
  w = Math.imul(w ^ (w >>> 16), 0x85ebca6b);
  w = Math.imul(w ^ (w >>> 13), 0xc2b2ae35);
  return w ^ (w >>> 16);
}
