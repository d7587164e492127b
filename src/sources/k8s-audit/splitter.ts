// SPDX-License-Identifier: Apache-2.0
// HOT PATH
/**
 * Cuts a stream of bytes into audit events without parsing them: an Event, an EventList, arrays of both, or several of
 * these one after another (JSON lines). Events come out while the stream is still arriving, so that neither a body nor
 * a line of any length is ever held whole, and none holds up the event loop for longer than a chunk.
 *
 * It counts brackets and skips strings; whether what it cut is JSON, JSON.parse says. Inside, "the value" is the object
 * at the outermost level (arrays around it only count), and "the item" is what will come out: an element of the value's
 * `items`, or the value itself.
 */

/** What comes out. */
export interface SplitterSink {
  /**
   * The fast way, for elements of `items`: takes the event that begins at `start` if it is whole, right and not too large,
   * and answers the offset behind it; otherwise 0, and it will come out by one of the others.
   */
  tryEvent(bytes: Buffer, start: number, limit: number): number;
  /**
   * One event, JSON or not: bytes from `start` up to `end`. They are valid during the call only, unless they are `own`, an
   * `ArrayBuffer` that nobody else uses, and the answer is true: then they belong to who was told.
   */
  event(bytes: Buffer, start: number, end: number, own: boolean): boolean;
  /** An event of so many bytes (without white space) that exceeds the limit: it was skipped, not held. */
  tooLarge(size: number): void;
  /** Something that is no event: text between values, an element that is no object, a value cut off by the next line. */
  malformed(): void;
  /** A whole value that is JSON, perhaps, but neither an Event nor an EventList. */
  notAnEvent(): void;
  /** An EventList came to its end, empty or not. */
  list(): void;
}

export interface SplitterOptions {
  /** Bytes of one event, white space between tokens not counted. */
  readonly maxEventSize: number;
  /** Values are one a line: a newline within a string, or one before a brace in the first column, ends a broken value. */
  readonly lines: boolean;
}

const NEWLINE = 0x0a;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** How much white space an event may carry beyond its size before it counts as too large all the same. */
const SPACE_ALLOWANCE = 1 << 20;
/**
 * An event that has grown so large gets room for the largest at once, though not for more than so much: what is reserved and
 * not used costs nothing, while each growth copies all that there is, which takes a tenth of a second for tens of megabytes.
 */
const LARGE = 1 << 20;
const MAX_RESERVED = 1 << 26;

const enum Word {
  None,
  Kind,
  Items,
  Event,
  EventList,
}

/** By {@link Word}. */
const WORDS: readonly Buffer[] = ['', 'kind', 'items', 'Event', 'EventList'].map((word) => Buffer.from(word));
/** No word, with its quotes, is longer. */
const LONGEST_WORD = 16;

const NO_BYTES = Buffer.alloc(0);

export class AuditSplitter {
  /** What is held from one chunk to the next: an unfinished item from its beginning. */
  #held: Buffer = NO_BYTES;
  #heldLength = 0;
  /** What was held now belongs to who took the event in it. */
  #given = false;
  /** Offset in the stream of the first byte at hand; all other offsets that are kept are in the stream too. */
  #base = 0;
  /** Bytes of the next chunk that an escape at the end of the last one has used up. */
  #carry = 0;

  /** Brackets open within the value; 0: between values. */
  #depth = 0;
  #valueStart = 0;
  /** Arrays open around the values. */
  #arrays = 0;
  /** Depth of an item's own members: 1 when the value itself is the item, 3 within its `items`, 0 behind these. */
  #itemDepth = 1;
  #inItem = false;
  #itemStart = 0;
  /** White space in the item so far, which does not count for its size. */
  #spaces = 0;
  /** The item is too large and no longer held. */
  #skipping = false;
  #inString = false;
  #stringStart = 0;
  /** In something between items that is none: counted once. */
  #inRubbish = false;
  #firstColumn = true;
  /** Of the value's members: the last string, the key before the last colon, and what `kind` says. */
  #lastString: Word = Word.None;
  #key: Word = Word.None;
  #kind: Word | null = null;
  #isList = false;

  constructor(
    private readonly sink: SplitterSink,
    private readonly options: SplitterOptions,
  ) {}

  push(chunk: Buffer): void {
    if (this.#heldLength === 0) this.#scan(chunk, 0, chunk.length);
    else {
      const from = this.#heldLength;
      this.#append(chunk, 0);
      const behind = this.#scan(this.#held, from, this.#heldLength);
      if (!this.#given) return;
      // The rest of the chunk is still there.
      this.#given = false;
      this.#base += from;
      this.#scan(chunk, behind - from, chunk.length);
    }
  }

  /** No more bytes follow. True when nothing was left unfinished. */
  end(): boolean {
    return this.#depth === 0 && this.#arrays === 0;
  }

  /** Offset in the stream that all before it has come out of: where to go on after a restart. */
  get settled(): number {
    return this.#depth === 0 ? this.#base : this.#valueStart;
  }

  /** Answers the offset that it got to: `length`, unless the bytes were given away. */
  #scan(bytes: Buffer, from: number, length: number): number {
    let i = from + this.#carry;
    this.#carry = 0;
    if (this.#inString) i = this.#string(bytes, i, length);
    while (i < length) {
      const c = bytes[i];
      if (c === QUOTE) {
        if (this.#isBetween()) this.#rubbish();
        this.#firstColumn = false;
        this.#inString = true;
        this.#stringStart = this.#base + i;
        i = this.#string(bytes, i + 1, length);
        continue;
      }
      if (c === OPEN_BRACE && this.#depth === 2 && this.#itemDepth === 3) {
        const behind = this.sink.tryEvent(bytes, i, length);
        if (behind > 0) {
          this.#inRubbish = false;
          this.#firstColumn = false;
          i = behind;
          continue;
        }
      }
      i++;
      if (c <= 0x20) {
        this.#spaces++;
        this.#firstColumn = c === NEWLINE;
        continue;
      }
      if (c === OPEN_BRACE || c === OPEN_BRACKET) this.#open(this.#base + i - 1, c);
      else if (c === CLOSE_BRACE || c === CLOSE_BRACKET) {
        this.#close(bytes, i, c);
        if (this.#given) {
          this.#firstColumn = false;
          return i;
        }
      } else if (this.#depth === 1) {
        if (c === COLON) this.#key = this.#lastString;
        else if (c === COMMA) this.#key = Word.None;
      } else if (this.#isBetween()) {
        if (c === COMMA) this.#inRubbish = false;
        else this.#rubbish();
      }
      this.#firstColumn = false;
    }
    this.#carry = i - length;
    this.#keep(bytes, length);
    return length;
  }

  /** Scans on within a string; answers the offset behind it, or one beyond `length` when it goes on in the next chunk. */
  #string(bytes: Buffer, from: number, length: number): number {
    const lines = this.options.lines;
    let i = from;
    while (i < length) {
      const c = bytes[i];
      i++;
      if (c === QUOTE) {
        this.#inString = false;
        if (this.#depth === 1) this.#memberString(bytes, i - 1);
        return i;
      }
      if (c === BACKSLASH) i++;
      else if (c === NEWLINE && lines) {
        this.#inString = false;
        this.#breakOff();
        this.#firstColumn = true;
        return i;
      }
    }
    return i;
  }

  /** Between values, or between the elements of `items`. */
  #isBetween(): boolean {
    return this.#depth === 0 || (this.#depth === 2 && this.#itemDepth === 3);
  }

  /** A string among the value's own members has ended; `end` is where its closing quote is. */
  #memberString(bytes: Buffer, end: number): void {
    const start = this.#stringStart - this.#base + 1;
    let word = Word.None;
    for (let w = 1; start > 0 && w < WORDS.length; w++) {
      if (WORDS[w].length === end - start && bytes.compare(WORDS[w], 0, WORDS[w].length, start, end) === 0) word = w;
    }
    if (this.#key === Word.Kind) this.#kind = word;
    this.#lastString = word;
  }

  #open(at: number, c: number): void {
    if (this.#depth === 0) {
      this.#inRubbish = false;
      if (c === OPEN_BRACKET) this.#arrays++;
      else this.#beginValue(at);
      return;
    }
    if (this.options.lines && this.#firstColumn && c === OPEN_BRACE && this.#inItem) {
      // The line before was cut off: no writer of JSON puts a nested brace into the first column.
      this.#breakOff();
      this.#beginValue(at);
      return;
    }
    if (this.#isBetween()) {
      if (c === OPEN_BRACE) this.#beginItem(at);
      else this.#rubbish();
    } else if (this.#depth === 1 && c === OPEN_BRACKET && this.#key === Word.Items && !this.#isList) {
      // `kind` may follow later: that is asked again at the end.
      if (this.#kind === null || this.#kind === Word.EventList) {
        this.#isList = true;
        this.#inItem = false;
        this.#itemDepth = 3;
        this.#inRubbish = false;
      }
    }
    this.#depth++;
  }

  #beginValue(at: number): void {
    this.#valueStart = at;
    this.#depth = 1;
    this.#itemDepth = 1;
    this.#isList = false;
    this.#kind = null;
    this.#key = Word.None;
    this.#lastString = Word.None;
    this.#beginItem(at);
  }

  #beginItem(at: number): void {
    this.#inRubbish = false;
    this.#inItem = true;
    this.#itemStart = at;
    this.#spaces = 0;
    this.#skipping = false;
  }

  /** `behind`: the offset in `bytes` behind the bracket. */
  #close(bytes: Buffer, behind: number, c: number): void {
    if (this.#depth === 0) {
      if (c === CLOSE_BRACKET && this.#arrays > 0) this.#arrays--;
      else this.#rubbish();
      return;
    }
    this.#depth--;
    if (this.#depth === 0) this.#endValue(bytes, behind);
    else if (this.#depth === 2 && this.#itemDepth === 3 && this.#inItem) this.#endItem(bytes, behind);
    else if (this.#depth === 1 && this.#itemDepth === 3) {
      // Behind `items` only `kind` can still matter.
      this.#itemDepth = 0;
      this.#key = Word.None;
    }
  }

  #endValue(bytes: Buffer, behind: number): void {
    if (this.#isList && this.#kind === Word.EventList) this.sink.list();
    else if (!this.#isList && this.#kind === Word.Event) this.#endItem(bytes, behind);
    else this.sink.notAnEvent();
    this.#inItem = false;
  }

  #endItem(bytes: Buffer, behind: number): void {
    this.#inItem = false;
    const size = this.#base + behind - this.#itemStart - this.#spaces;
    if (this.#skipping || size > this.options.maxEventSize) this.sink.tooLarge(size);
    else if (this.sink.event(bytes, this.#itemStart - this.#base, behind, bytes === this.#held)) {
      this.#held = NO_BYTES;
      this.#heldLength = 0;
      this.#given = true;
    }
  }

  #rubbish(): void {
    if (!this.#inRubbish) this.sink.malformed();
    this.#inRubbish = true;
  }

  /** Gives up the value that is being read. */
  #breakOff(): void {
    this.sink.malformed();
    this.#depth = 0;
    this.#arrays = 0;
    this.#inItem = false;
    this.#inRubbish = false;
  }

  /** Keeps what the next chunk needs: the item from its beginning, or else the short string that may be a key of the value. */
  #keep(bytes: Buffer, length: number): void {
    const end = this.#base + length;
    if (this.#inItem && !this.#skipping) {
      const size = end - this.#itemStart;
      if (size - this.#spaces > this.options.maxEventSize || size > this.options.maxEventSize + SPACE_ALLOWANCE) {
        this.#skipping = true;
      }
    }
    let from = end;
    if (this.#inItem && !this.#skipping) from = this.#itemStart;
    else if (this.#inString && this.#depth === 1 && end - this.#stringStart < LONGEST_WORD) from = this.#stringStart;
    const at = from - this.#base;
    this.#base = from;
    if (bytes === this.#held) {
      if (at > 0) this.#held.copyWithin(0, at, length);
      this.#heldLength = length - at;
    } else if (from < end) this.#append(bytes.subarray(0, length), at);
  }

  #append(bytes: Buffer, start: number): void {
    const needed = this.#heldLength + bytes.length - start;
    if (needed > this.#held.length) {
      const largest = Math.min(this.options.maxEventSize + 2 * SPACE_ALLOWANCE, MAX_RESERVED);
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#held.length * 2, needed > LARGE ? largest : 0));
      this.#held.copy(grown, 0, 0, this.#heldLength);
      this.#held = grown;
    }
    bytes.copy(this.#held, this.#heldLength, start);
    this.#heldLength = needed;
  }
}
