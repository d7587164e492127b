// SPDX-License-Identifier: Apache-2.0
// HOT PATH
/**
 * Goes over the bytes of one audit event once: is it JSON, where does it end, and where do its members stand. Their values
 * are parsed only when a rule asks for them, and most are never asked for: that is several times faster than parsing the
 * event. What was found is a record of numbers, so that one thread can scan and another read.
 */

/** Members that get a place of their own, with those of their members that do too; all others are found by parsing. */
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  kind: [],
  verb: [],
  user: ['username', 'groups'],
  stage: [],
  level: [],
  auditID: [],
  metadata: [],
  objectRef: ['resource', 'namespace', 'name', 'subresource', 'apiGroup', 'apiVersion'],
  userAgent: [],
  sourceIPs: [],
  requestURI: [],
  annotations: ['authorization.k8s.io/decision', 'authorization.k8s.io/reason'],
  requestObject: [],
  responseObject: [],
  responseStatus: ['code', 'reason'],
  stageTimestamp: [],
  impersonatedUser: ['username'],
  requestReceivedTimestamp: [],
};

/** By slot: the way to it from the event's root. An outer member comes before those within it. */
export const SLOTS: readonly (readonly string[])[] = Object.entries(MEMBERS).flatMap(([outer, inner]) => [
  [outer],
  ...inner.map((name) => [outer, name]),
]);

/** The slot that a path of keys leads to, or -1. */
export const slotOf = (...keys: readonly string[]): number =>
  SLOTS.findIndex((slot) => slot.length === keys.length && slot.every((key, n) => key === keys[n]));

/** A record of one event: offsets of `Int32Array` elements. Those of slots are relative to the event's first byte. */
export const RECORD = {
  /** Where the event begins and ends in its bytes. */
  start: 0,
  end: 1,
  /** White space between tokens. */
  spaces: 2,
  /** 0: every byte is one character. */
  wide: 3,
  /** Set by who reads the time: seconds in two halves (low, high), nanoseconds. */
  seconds: 4,
  nanos: 6,
  /** Two for each slot, where its value begins and ends; an end of 0: no such member. */
  slots: 7,
  length: 7 + SLOTS.length * 2,
} as const;

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

/** Characters that may follow a backslash, without `u`: 1; hexadecimal digits: 2 (both: 3). */
const ESCAPES = new Uint8Array(256);
for (const c of '"\\/bfnrt') ESCAPES[c.charCodeAt(0)] |= 1;
for (const c of '0123456789abcdefABCDEF') ESCAPES[c.charCodeAt(0)] |= 2;

/** Names of one object's members that have slots. */
class Names {
  readonly #names: readonly Buffer[];
  readonly #slots: readonly number[];
  /** Indexes of the names by their length. */
  readonly #byLength: readonly (readonly number[])[];

  constructor(outer: readonly string[]) {
    const inside = SLOTS.map((path, slot) => ({ path, slot })).filter(
      ({ path }) => path.length === outer.length + 1 && outer.every((key, n) => key === path[n]),
    );
    this.#slots = inside.map(({ slot }) => slot);
    this.#names = inside.map(({ path }) => Buffer.from(path[outer.length]));
    this.#byLength = Array.from({ length: 32 }, (_, length) => [...this.#names.keys()].filter((n) => this.#names[n].length === length));
  }

  /** The slot of the name that stands there, or -1. */
  slotAt(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (length < 32) {
      const candidates = this.#byLength[length];
      for (let n = 0; n < candidates.length; n++) {
        const name = this.#names[candidates[n]];
        let k = 0;
        while (k < length && bytes[start + k] === name[k]) k++;
        if (k === length) return this.#slots[candidates[n]];
      }
    }
    for (let k = start; k < end; k++) if (bytes[k] === BACKSLASH) return this.#escaped(bytes, start, end);
    return -1;
  }

  /** A name may be written with escapes. */
  #escaped(bytes: Uint8Array, start: number, end: number): number {
    const name = Buffer.from(JSON.parse(`"${Buffer.from(bytes.subarray(start, end)).toString()}"`) as string);
    const n = this.#names.findIndex((one) => one.equals(name));
    return n === -1 ? -1 : this.#slots[n];
  }
}

const OUTER_NAMES = new Names([]);
/** By the outer member's slot; null where none of its members has a slot. */
const INNER_NAMES: readonly (Names | null)[] = SLOTS.map((path) =>
  path.length === 1 && MEMBERS[path[0]].length > 0 ? new Names(path) : null,
);

export class AuditScan {
  /** White space of the object that is being scanned, and the bits of all its characters. */
  #spaces = 0;
  #bits = 0;
  #stack: Uint8Array = new Uint8Array(64);

  /** The object that begins at `start`: the offset behind it, or {@link INCOMPLETE} or {@link INVALID}. Fills the record. */
  scan(bytes: Uint8Array, start: number, limit: number, record: Int32Array): number {
    if (start >= limit) return INCOMPLETE;
    if (bytes[start] !== OPEN_BRACE) return INVALID;
    record.fill(0);
    this.#spaces = 0;
    this.#bits = 0;
    const end = this.#object(bytes, start, limit, record);
    if (end < 0) return end;
    record[RECORD.start] = start;
    record[RECORD.end] = end;
    record[RECORD.spaces] = this.#spaces;
    record[RECORD.wide] = this.#bits & 0x80;
    return end;
  }

  #object(bytes: Uint8Array, start: number, limit: number, record: Int32Array): number {
    let stack = this.#stack;
    stack[0] = 1;
    let depth = 1;
    let inObject = true;
    /** Of the member at hand: places of its slot in the record, 0 for none; at depth 1 and within one of depth 1. */
    let outer = 0;
    let inner = 0;
    let innerNames: Names | null = null;
    let i = start + 1;
    let c = 0;
    /** The object has just been opened: it may be empty. */
    let fresh = true;
    for (;;) {
      // A key and its colon.
      if (inObject) {
        if (i >= limit) return INCOMPLETE;
        c = bytes[i];
        if (c <= 0x20) {
          i = this.#skip(bytes, i, limit);
          if (i < 0) return i;
          c = bytes[i];
        }
        if (c === QUOTE) {
          const end = this.#string(bytes, i, limit);
          if (end < 0) return end;
          if (depth === 1) {
            const slot = OUTER_NAMES.slotAt(bytes, i + 1, end - 1);
            outer = slot === -1 ? 0 : RECORD.slots + slot * 2;
            innerNames = slot === -1 ? null : INNER_NAMES[slot];
          } else if (depth === 2 && innerNames !== null) {
            const slot = innerNames.slotAt(bytes, i + 1, end - 1);
            inner = slot === -1 ? 0 : RECORD.slots + slot * 2;
          }
          i = end;
          if (i >= limit) return INCOMPLETE;
          c = bytes[i];
          if (c <= 0x20) {
            i = this.#skip(bytes, i, limit);
            if (i < 0) return i;
            c = bytes[i];
          }
          if (c !== COLON) return INVALID;
          i++;
          fresh = false;
        } else if (c !== CLOSE_BRACE || !fresh) return INVALID;
      }
      // A value, unless an empty object or array ends here.
      if (i >= limit) return INCOMPLETE;
      c = bytes[i];
      if (c <= 0x20) {
        i = this.#skip(bytes, i, limit);
        if (i < 0) return i;
        c = bytes[i];
      }
      if (!fresh || (c !== CLOSE_BRACE && c !== CLOSE_BRACKET)) {
        fresh = false;
        if (depth === 1) {
          if (outer !== 0) {
            record[outer] = i - start;
            // Of two members with one name the last counts: what stood within the first does not.
            if (record[outer + 1] !== 0 && innerNames !== null) this.#forget(record, outer);
          }
        } else if (depth === 2 && inner !== 0) record[inner] = i - start;
        if (c === OPEN_BRACE || c === OPEN_BRACKET) {
          if (depth === stack.length) stack = this.#grow();
          inObject = c === OPEN_BRACE;
          stack[depth] = inObject ? 1 : 0;
          depth++;
          i++;
          fresh = true;
          if (depth === 2 && !inObject) innerNames = null;
          continue;
        }
        i = c === QUOTE ? this.#string(bytes, i, limit) : scanPrimitive(bytes, i, limit);
        if (i < 0) return i;
        if (depth === 1) {
          if (outer !== 0) record[outer + 1] = i - start;
        } else if (depth === 2 && inner !== 0) {
          record[inner + 1] = i - start;
          inner = 0;
        }
      }
      // A comma, or the ends of objects and arrays.
      for (;;) {
        if (i >= limit) return INCOMPLETE;
        c = bytes[i];
        if (c <= 0x20) {
          i = this.#skip(bytes, i, limit);
          if (i < 0) return i;
          c = bytes[i];
        }
        i++;
        if (c === COMMA && !fresh) break;
        if (c !== (inObject ? CLOSE_BRACE : CLOSE_BRACKET)) return INVALID;
        fresh = false;
        depth--;
        if (depth === 0) return i;
        inObject = stack[depth - 1] === 1;
        if (depth === 1) {
          if (outer !== 0) record[outer + 1] = i - start;
        } else if (depth === 2 && inner !== 0) {
          record[inner + 1] = i - start;
          inner = 0;
        }
      }
    }
  }

  /** Behind white space: the offset of what follows, or {@link INCOMPLETE} or {@link INVALID}. */
  #skip(bytes: Uint8Array, from: number, limit: number): number {
    let i = from;
    while (i < limit) {
      const c = bytes[i];
      if (c > 0x20) {
        this.#spaces += i - from;
        return i;
      }
      if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return INVALID;
      i++;
    }
    return INCOMPLETE;
  }

  /** `start` is the opening quote. */
  #string(bytes: Uint8Array, start: number, limit: number): number {
    let i = start + 1;
    let bits = 0;
    while (i < limit) {
      const c = bytes[i];
      i++;
      bits |= c;
      if (c === QUOTE) {
        this.#bits |= bits;
        return i;
      }
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

  /** Empties the slots within an outer member. */
  #forget(record: Int32Array, outer: number): void {
    const slot = (outer - RECORD.slots) >> 1;
    for (let n = slot + 1; n < SLOTS.length && SLOTS[n].length > 1; n++) record[RECORD.slots + n * 2 + 1] = 0;
  }

  #grow(): Uint8Array {
    const grown = new Uint8Array(this.#stack.length * 4);
    grown.set(this.#stack);
    this.#stack = grown;
    return grown;
  }
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
