// SPDX-License-Identifier: Apache-2.0
// HOT PATH
import { AuditScan, INCOMPLETE, INVALID, RECORD, SLOTS, slotOf } from './audit-scan.js';
import type { EngineEvent } from './event.js';
import { PLUGIN_EVENT } from './event.js';
import { compact, locate } from './json-text.js';
import { knownText } from './known-text.js';
import { parseRfc3339 } from './rfc3339.js';
import { decodeBytes, encodeText } from '../util/byte-text.js';

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue | undefined;
}

/** Keys and indexes from the event's root. */
export type JsonPath = readonly (string | number)[];

const NO_BYTES = Buffer.alloc(0);
const AUDIT_ID = slotOf('auditID');
const STAGE = slotOf('stage');
const STAGE_TIMESTAMP = slotOf('stageTimestamp');
const LOW = 2 ** 32;
const QUOTE = 0x22;

/**
 * One Kubernetes audit event, over the bytes that it was sent in and the record of where its members stand in them. One
 * object is used for event after event: what is read from it must be read while the event is being delivered.
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
  readonly #own = new Int32Array(RECORD.length);
  #bytes: Buffer = NO_BYTES;
  #record: Int32Array = this.#own;
  /** Where in the record's array its slots begin. */
  #slots: number = RECORD.slots;
  #start = 0;
  #end = 0;
  #wide = false;
  /** By slot, what has been parsed already: `undefined` is a value too, so a second array says which. */
  readonly #values: (JsonValue | undefined)[] = SLOTS.map(() => undefined);
  readonly #parsed = new Uint8Array(SLOTS.length);
  #object: JsonObject | null = null;
  #text: string | null = null;
  #texts: Map<string, string> | null = null;

  /**
   * Makes this the event that begins at `start`. Answers the offset behind it, `INCOMPLETE` when the bytes end before it
   * does, or `INVALID` when it is no JSON object; it is no event then, nor when {@link readTime} says so.
   */
  read(bytes: Buffer, start: number, limit: number): number {
    const end = this.#scan.scan(bytes, start, limit, this.#own);
    if (end >= 0) this.#view(bytes, this.#own, 0);
    return end;
  }

  /** Makes this an event that was read elsewhere: its record is in `records` from `at` on, its time has been read. */
  view(bytes: Buffer, records: Int32Array, at: number): void {
    this.#view(bytes, records, at);
    this.seconds = (records[at + RECORD.seconds] >>> 0) + records[at + RECORD.seconds + 1] * LOW;
    this.nanos = records[at + RECORD.nanos];
  }

  /** Writes its record, its time included, for somebody who has its bytes from `start` on. */
  writeRecord(records: Int32Array, at: number, start: number): void {
    const own = this.#own;
    own[RECORD.end] = start + own[RECORD.end] - own[RECORD.start];
    own[RECORD.start] = start;
    own[RECORD.seconds] = this.seconds | 0;
    own[RECORD.seconds + 1] = Math.floor(this.seconds / LOW);
    own[RECORD.nanos] = this.nanos;
    records.set(own, at);
  }

  #view(bytes: Buffer, records: Int32Array, at: number): void {
    this.#bytes = bytes;
    this.#record = records;
    this.#slots = at + RECORD.slots;
    this.#start = records[at + RECORD.start];
    this.#end = records[at + RECORD.end];
    this.#wide = records[at + RECORD.wide] !== 0;
    this.#parsed.fill(0);
    this.#object = null;
    this.#text = null;
    this.#texts = null;
    this.hasAuditId = this.#has(AUDIT_ID);
  }

  #has(slot: number): boolean {
    return this.#record[this.#slots + slot * 2 + 1] !== 0;
  }

  /** Bytes of the event, white space between tokens not counted. */
  get size(): number {
    return this.#end - this.#start - this.#record[this.#slots - RECORD.slots + RECORD.spaces];
  }

  /** It says who sent what at which stage, so that the same bytes again are the same event again. */
  get isIdentified(): boolean {
    return this.hasAuditId && this.#has(STAGE);
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

  /** A member of the event, or of one of its members, by its slot. */
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
    this.#text ??= this.#decode(0, this.#end - this.#start);
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
    const at = this.#slots + slot * 2;
    const end = this.#record[at + 1];
    if (end === 0) return undefined;
    const start = this.#record[at];
    // Most are short plain strings, which come again and again and need no parser.
    if (this.#bytes[this.#start + start] === QUOTE) {
      const known = knownText(this.#bytes, this.#start + start + 1, this.#start + end - 1);
      if (known !== null) return known;
    }
    return JSON.parse(this.#slice(start, end)) as JsonValue;
  }

  /** Text between offsets from the event's first byte. */
  #slice(start: number, end: number): string {
    return this.#text !== null && !this.#wide ? this.#text.slice(start, end) : this.#decode(start, end);
  }

  #decode(start: number, end: number): string {
    const from = this.#start + start;
    const to = this.#start + end;
    return this.#wide ? decodeBytes(this.#bytes, from, to) : this.#bytes.toString('latin1', from, to);
  }

  #locateText(path: JsonPath): string {
    const slot = path.length === 0 ? -1 : slotOf(String(path[0]));
    if (slot === -1) return textOf(this.text, path);
    if (!this.#has(slot)) return '';
    const at = this.#slots + slot * 2;
    return textOf(this.#slice(this.#record[at], this.#record[at + 1]), path.slice(1));
  }
}

function textOf(text: string, path: JsonPath): string {
  const span = locate(text, path);
  return span === null ? '' : compact(text.slice(span.start, span.end));
}

/** Why a text is no event that rules can see. */
export type AuditEventProblem = 'malformed' | 'no_time';

/** Reads one event out of its text. */
export function parseAuditEvent(text: string): AuditEvent | AuditEventProblem {
  const bytes = encodeText(text.trim());
  const event = new AuditEvent();
  const end = event.read(bytes, 0, bytes.length);
  if (end === INCOMPLETE || end === INVALID || end !== bytes.length) return 'malformed';
  return event.readTime() ? event : 'no_time';
}
