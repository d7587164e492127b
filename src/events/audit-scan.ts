// SPDX-License-Identifier: Apache-2.0
// HOT PATH
/**
 * Goes over the bytes of one audit event once: is it JSON, where does it end, and where do its own members stand. Their
 * values are parsed only when a rule asks for them, and most are never asked for: that is several times faster than parsing
 * the event.
 */

/** Members that get a place of their own; all others are found by parsing the whole event. */
export const SLOTS = [
  'kind', 'verb', 'user', 'stage', 'level', 'auditID', 'metadata', 'objectRef', 'userAgent', 'sourceIPs', 'requestURI',
  'annotations', 'requestObject', 'responseObject', 'responseStatus', 'stageTimestamp', 'impersonatedUser',
  'requestReceivedTimestamp',
] as const;

/** Its place, or -1. */
export const slotOf = (member: string): number => (SLOTS as readonly string[]).indexOf(member);

const NAMES = SLOTS.map((name) => Buffer.from(name));
/** Slots by the length of their names. */
const BY_LENGTH: readonly (readonly number[])[] = Array.from({ length: 32 }, (_, length) =>
  NAMES.flatMap((name, slot) => (name.length === length ? [slot] : [])),
);

/** The bytes end before the event does. */
export const INCOMPLETE = -1;
/** The event is no JSON object. */
export const INVALID = -2;

const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const LITERALS: readonly Buffer[] = ['true', 'false', 'null'].map((literal) => Buffer.from(literal));

const enum Expect {
  Key,
  KeyOrEnd,
  Colon,
  Value,
  ValueOrEnd,
  CommaOrEnd,
}

/** Characters that may follow a backslash, without `u`: 1; hexadecimal digits: 2 (both: 3). */
const ESCAPES = new Uint8Array(256);
for (const c of '"\\/bfnrt') ESCAPES[c.charCodeAt(0)] |= 1;
for (const c of '0123456789abcdefABCDEF') ESCAPES[c.charCodeAt(0)] |= 2;

export class AuditScan {
  /** By slot, offsets of the value in the bytes; an end of 0: no such member. Of two with one name the last counts. */
  readonly starts = new Int32Array(SLOTS.length);
  readonly ends = new Int32Array(SLOTS.length);
  /** White space between tokens. */
  spaces = 0;
  /** A name of a member is written with an escape: the slots cannot be relied on. */
  oddNames = false;
  #stack: Uint8Array = new Uint8Array(64);

  /** The object that begins at `start`: the offset behind it, or {@link INCOMPLETE} or {@link INVALID}. */
  scan(bytes: Uint8Array, start: number, limit: number): number {
    this.ends.fill(0);
    this.spaces = 0;
    this.oddNames = false;
    if (start >= limit) return INCOMPLETE;
    if (bytes[start] !== OPEN_BRACE) return INVALID;
    let stack = this.#stack;
    stack[0] = 1;
    let depth = 1;
    let inObject = true;
    let expect: Expect = Expect.KeyOrEnd;
    let slot = -1;
    let i = start + 1;
    while (i < limit) {
      const c = bytes[i];
      if (c <= 0x20) {
        if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return INVALID;
        this.spaces++;
        i++;
        continue;
      }
      switch (expect) {
        case Expect.Key:
        case Expect.KeyOrEnd:
          if (c === QUOTE) {
            const end = scanString(bytes, i, limit);
            if (end < 0) return end;
            if (depth === 1) slot = this.#slotAt(bytes, i + 1, end - 1);
            i = end;
            expect = Expect.Colon;
            continue;
          }
          if (c !== CLOSE_BRACE || expect === Expect.Key) return INVALID;
          break;
        case Expect.Colon:
          if (c !== COLON) return INVALID;
          i++;
          expect = Expect.Value;
          continue;
        case Expect.Value:
        case Expect.ValueOrEnd: {
          if (c === CLOSE_BRACKET && expect === Expect.ValueOrEnd) break;
          if (depth === 1 && slot >= 0) this.starts[slot] = i;
          if (c === OPEN_BRACE || c === OPEN_BRACKET) {
            if (depth === stack.length) stack = this.#grow();
            inObject = c === OPEN_BRACE;
            stack[depth] = inObject ? 1 : 0;
            depth++;
            i++;
            expect = inObject ? Expect.KeyOrEnd : Expect.ValueOrEnd;
            continue;
          }
          const end = c === QUOTE ? scanString(bytes, i, limit) : scanPrimitive(bytes, i, limit);
          if (end < 0) return end;
          i = end;
          if (depth === 1 && slot >= 0) this.ends[slot] = end;
          expect = Expect.CommaOrEnd;
          continue;
        }
        case Expect.CommaOrEnd:
          if (c === COMMA) {
            i++;
            expect = inObject ? Expect.Key : Expect.Value;
            continue;
          }
          if (c !== (inObject ? CLOSE_BRACE : CLOSE_BRACKET)) return INVALID;
          break;
      }
      // The end of an object or array.
      i++;
      depth--;
      if (depth === 0) return i;
      inObject = stack[depth - 1] === 1;
      if (depth === 1 && slot >= 0) this.ends[slot] = i;
      expect = Expect.CommaOrEnd;
    }
    return INCOMPLETE;
  }

  #slotAt(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (length < BY_LENGTH.length) {
      const slots = BY_LENGTH[length];
      for (let s = 0; s < slots.length; s++) {
        const name = NAMES[slots[s]];
        let k = 0;
        while (k < length && bytes[start + k] === name[k]) k++;
        if (k === length) return slots[s];
      }
    }
    for (let k = start; k < end; k++) if (bytes[k] === BACKSLASH) this.oddNames = true;
    return -1;
  }

  #grow(): Uint8Array {
    const grown = new Uint8Array(this.#stack.length * 4);
    grown.set(this.#stack);
    this.#stack = grown;
    return grown;
  }
}

/** `start` is the opening quote. */
function scanString(bytes: Uint8Array, start: number, limit: number): number {
  let i = start + 1;
  while (i < limit) {
    const c = bytes[i];
    i++;
    if (c === QUOTE) return i;
    if (c < 0x20) return INVALID;
    if (c === BACKSLASH) {
      if (i >= limit) return INCOMPLETE;
      const e = bytes[i];
      i++;
      if ((ESCAPES[e] & 1) !== 0) continue;
      if (e !== 0x75) return INVALID;
      for (let k = 0; k < 4; k++, i++) {
        if (i >= limit) return INCOMPLETE;
        if ((ESCAPES[bytes[i]] & 2) === 0) return INVALID;
      }
    }
  }
  return INCOMPLETE;
}

/** A number, true, false or null. */
function scanPrimitive(bytes: Uint8Array, start: number, limit: number): number {
  const first = bytes[start];
  if (first === MINUS || (first >= ZERO && first <= NINE)) return scanNumber(bytes, start, limit);
  for (let n = 0; n < LITERALS.length; n++) {
    const literal = LITERALS[n];
    if (literal[0] !== first) continue;
    for (let k = 1; k < literal.length; k++) {
      if (start + k >= limit) return INCOMPLETE;
      if (bytes[start + k] !== literal[k]) return INVALID;
    }
    return start + literal.length;
  }
  return INVALID;
}

function scanNumber(bytes: Uint8Array, start: number, limit: number): number {
  let i = bytes[start] === MINUS ? start + 1 : start;
  if (i < limit && bytes[i] === ZERO) i++;
  else {
    const digits = i;
    i = skipDigits(bytes, i, limit);
    if (i < limit && i === digits) return INVALID;
  }
  if (i < limit && bytes[i] === DOT) {
    const digits = i + 1;
    i = skipDigits(bytes, digits, limit);
    if (i < limit && i === digits) return INVALID;
  }
  if (i < limit && (bytes[i] | 0x20) === 0x65) {
    i++;
    if (i < limit && (bytes[i] === PLUS || bytes[i] === MINUS)) i++;
    const digits = i;
    i = skipDigits(bytes, digits, limit);
    if (i < limit && i === digits) return INVALID;
  }
  // A number cannot be the last of an object: its brace must follow.
  return i < limit ? i : INCOMPLETE;
}

function skipDigits(bytes: Uint8Array, from: number, limit: number): number {
  let i = from;
  while (i < limit && bytes[i] >= ZERO && bytes[i] <= NINE) i++;
  return i;
}
