// SPDX-License-Identifier: Apache-2.0
// HOT PATH
import { AuditScan, INCOMPLETE, INVALID, SLOTS, slotOf } from './audit-scan.js';
import type { EngineEvent } from './event.js';
import { PLUGIN_EVENT } from './event.js';
import { compact, locate } from './json-text.js';
import { parseRfc3339 } from './rfc3339.js';

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue | undefined;
}

/** Keys and indexes from the event's root. */
export type JsonPath = readonly (string | number)[];

/** Of events of more bytes than this, only what is asked for is decoded. */
const LARGE = 64 * 1024;
const NO_BYTES = Buffer.alloc(0);
const AUDIT_ID = slotOf('auditID');
const STAGE = slotOf('stage');
const STAGE_TIMESTAMP = slotOf('stageTimestamp');

/**
 * One Kubernetes audit event, over the bytes that it was sent in. One object is used for event after event: what is read
 * from it must be read while the event is being delivered.
 */
export class AuditEvent implements EngineEvent {
  readonly type = PLUGIN_EVENT;
  /** 1-based; set when it is delivered. */
  num = 0;
  /** Time of the event, since the epoch. */
  seconds = 0;
  nanos = 0;
  /** Without one it is some other JSON that carries a time: the `ka.*` fields are then absent. */
  hasAuditId = false;

  readonly #scan = new AuditScan();
  #bytes: Buffer = NO_BYTES;
  #start = 0;
  #end = 0;
  /** By slot, what has been parsed already: `undefined` is a value too, so a second array says which. */
  readonly #values: (JsonValue | undefined)[] = SLOTS.map(() => undefined);
  readonly #parsed = new Uint8Array(SLOTS.length);
  #object: JsonObject | null = null;
  #text: string | null = null;
  /** Every byte is one character of the text, so that offsets in one are offsets in the other. */
  #aligned = false;
  #texts: Map<string, string> | null = null;

  /**
   * Makes this the event that begins at `start`. Answers the offset behind it, `INCOMPLETE` when the bytes end before it
   * does, or `INVALID` when it is no JSON object; it is no event then, nor when {@link readTime} says so.
   */
  read(bytes: Buffer, start: number, limit: number): number {
    const end = this.#scan.scan(bytes, start, limit);
    if (end < 0) return end;
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.#parsed.fill(0);
    this.#object = null;
    this.#text = null;
    this.#texts = null;
    this.hasAuditId = this.slot(AUDIT_ID) !== undefined;
    return end;
  }

  /** Bytes of the event, white space between tokens not counted. */
  get size(): number {
    return this.#end - this.#start - this.#scan.spaces;
  }

  /** It says who sent what at which stage, so that the same bytes again are the same event again. */
  get isIdentified(): boolean {
    return this.hasAuditId && this.slot(STAGE) !== undefined;
  }

  /**
   * Reads the event's time, its `stageTimestamp`; false when it has none. A time before the epoch (Go's zero time, which
   * means "not set") is taken for now.
   */
  readTime(): boolean {
    const text = this.slot(STAGE_TIMESTAMP);
    const time = typeof text === 'string' ? parseRfc3339(text) : null;
    if (time === null) return false;
    if (time.seconds >= 0) {
      this.seconds = time.seconds;
      this.nanos = time.nanos;
    } else {
      const now = Date.now();
      this.seconds = Math.floor(now / 1000);
      this.nanos = (now % 1000) * 1_000_000;
    }
    return true;
  }

  timestamp(): bigint {
    return BigInt(this.seconds) * 1_000_000_000n + BigInt(this.nanos);
  }

  /** A member of the event, by its slot. */
  slot(slot: number): JsonValue | undefined {
    if (this.#parsed[slot] === 0) {
      this.#parsed[slot] = 1;
      this.#values[slot] = this.#parseSlot(slot);
    }
    return this.#values[slot];
  }

  /** A member of the event, by name. */
  member(name: string): JsonValue | undefined {
    const slot = slotOf(name);
    if (slot >= 0) return this.slot(slot);
    return Object.hasOwn(this.object, name) ? this.object[name] : undefined;
  }

  /** The whole event, parsed. */
  get object(): JsonObject {
    this.#object ??= JSON.parse(this.text) as JsonObject;
    return this.#object;
  }

  /** The whole event, as it was sent. */
  get text(): string {
    if (this.#text === null) {
      this.#text = this.#bytes.toString('utf8', this.#start, this.#end);
      this.#aligned = this.#text.length === this.#end - this.#start;
    }
    return this.#text;
  }

  /** The compacted text of the value at a path, as it was sent; `key` is that path's name. Kept for the event's life. */
  textAt(path: JsonPath, key: string): string {
    this.#texts ??= new Map();
    let found = this.#texts.get(key);
    if (found === undefined) {
      found = this.#locateText(path);
      this.#texts.set(key, found);
    }
    return found;
  }

  #parseSlot(slot: number): JsonValue | undefined {
    if (this.#scan.oddNames) {
      const object = this.object;
      return Object.hasOwn(object, SLOTS[slot]) ? object[SLOTS[slot]] : undefined;
    }
    const text = this.#slotText(slot);
    if (text === null) return undefined;
    // Most are plain strings, which need no parser.
    if (text.charCodeAt(0) === 0x22 && !text.includes('\\')) return text.slice(1, -1);
    return JSON.parse(text) as JsonValue;
  }

  #slotText(slot: number): string | null {
    const start = this.#scan.starts[slot];
    const end = this.#scan.ends[slot];
    if (end === 0) return null;
    if (this.#text === null && this.#end - this.#start > LARGE) return this.#bytes.toString('utf8', start, end);
    // One decoding of the whole and cuts from it cost less than a decoding of each part.
    const text = this.text;
    return this.#aligned ? text.slice(start - this.#start, end - this.#start) : this.#bytes.toString('utf8', start, end);
  }

  #locateText(path: JsonPath): string {
    const slot = path.length === 0 || this.#scan.oddNames ? -1 : slotOf(String(path[0]));
    const text = slot === -1 ? this.text : (this.#slotText(slot) ?? 'null');
    const span = locate(text, slot === -1 ? path : path.slice(1));
    return span === null ? '' : compact(text.slice(span.start, span.end));
  }
}

/** Why a text is no event that rules can see. */
export type AuditEventProblem = 'malformed' | 'no_time';

/** Reads one event out of its text. */
export function parseAuditEvent(text: string): AuditEvent | AuditEventProblem {
  const bytes = Buffer.from(text.trim());
  const event = new AuditEvent();
  const end = event.read(bytes, 0, bytes.length);
  if (end === INCOMPLETE || end === INVALID || end !== bytes.length) return 'malformed';
  return event.readTime() ? event : 'no_time';
}
