// SPDX-License-Identifier: Apache-2.0
// HOT PATH
/**
 * fnmatch(3) without flags in the C locale, what `glob` means: `*` and `?` match slashes and leading dots too, `?` and a
 * bracket match one byte, a backslash takes away the meaning of what follows. With `fold`, ASCII case does not count.
 *
 * Not a RegExp: one with several `*` backtracks through all their combinations on a text that an attacker chooses. Stars
 * cut the pattern into pieces; the first and the last piece have fixed places, and each other piece may be put at the
 * first place that fits, because a later one leaves less room for the rest. Nothing is ever retried: time grows at most
 * with pattern times text.
 */
import { byteString } from '../util/byte-text.js';
import { asciiLower } from './text.js';

/** One byte: a set of the bytes that match. Null: any. */
type ByteSet = Uint8Array | null;

interface Piece {
  readonly length: number;
  /** The whole piece, if it is literal. */
  readonly literal: string | null;
  readonly sets: readonly ByteSet[];
}

export class GlobPattern {
  private readonly first: Piece;
  private readonly middle: readonly Piece[];
  /** Null: there is no star. */
  private readonly last: Piece | null;
  private readonly least: number;
  private readonly impossible: boolean;

  constructor(pattern: string, private readonly fold: boolean) {
    const pieces = compile(byteString(pattern), fold);
    this.impossible = pieces === null;
    const all = pieces ?? [{ length: 0, literal: '', sets: [] }];
    this.first = all[0] as Piece;
    this.last = all.length > 1 ? (all[all.length - 1] as Piece) : null;
    this.middle = all.slice(1, -1).filter((piece) => piece.length > 0);
    this.least = all.reduce((sum, piece) => sum + piece.length, 0);
  }

  test(value: string): boolean {
    const bytes = byteString(value);
    const text = this.fold ? asciiLower(bytes) : bytes;
    if (this.impossible || text.length < this.least) return false;
    if (!matchesAt(this.first, text, bytes, 0)) return false;
    if (this.last === null) return text.length === this.first.length;
    const end = text.length - this.last.length;
    if (!matchesAt(this.last, text, bytes, end)) return false;
    let at = this.first.length;
    for (let i = 0; i < this.middle.length; i++) {
      const piece = this.middle[i] as Piece;
      at = find(piece, text, bytes, at, end);
      if (at === -1) return false;
      at += piece.length;
    }
    return true;
  }
}

/** `text` is folded where case does not count; sets are of the bytes as they are. */
function matchesAt(piece: Piece, text: string, bytes: string, at: number): boolean {
  if (piece.literal !== null) return text.startsWith(piece.literal, at);
  for (let i = 0; i < piece.length; i++) {
    const set = piece.sets[i] as ByteSet;
    if (set !== null && set[bytes.charCodeAt(at + i)] === 0) return false;
  }
  return true;
}

function find(piece: Piece, text: string, bytes: string, from: number, end: number): number {
  if (piece.literal !== null) {
    const at = text.indexOf(piece.literal, from);
    return at !== -1 && at + piece.length <= end ? at : -1;
  }
  for (let at = from; at + piece.length <= end; at++) if (matchesAt(piece, text, bytes, at)) return at;
  return -1;
}

/** The pieces between the stars; null: nothing matches. */
function compile(pattern: string, fold: boolean): Piece[] | null {
  const pieces: Piece[] = [];
  let sets: ByteSet[] = [];
  let literal: string | null = '';
  const byte = (c: string): void => {
    const set = new Uint8Array(256);
    const code = foldByte(c.charCodeAt(0), fold);
    addRange(set, code, code, fold);
    sets.push(set);
    if (literal !== null) literal += String.fromCharCode(code);
  };
  const flush = (): void => {
    pieces.push({ length: sets.length, literal, sets });
    sets = [];
    literal = '';
  };
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i] as string;
    if (c === '*') {
      flush();
    } else if (c === '?') {
      sets.push(null);
      literal = null;
    } else if (c === '\\') {
      // A backslash at the end escapes nothing, and glibc matches nothing then.
      if (++i === pattern.length) return null;
      byte(pattern[i] as string);
    } else if (c === '[') {
      const bracket = parseBracket(pattern, i, fold);
      if (bracket === 'never') return null;
      if (bracket === null) {
        byte('[');
      } else {
        sets.push(bracket.set);
        literal = null;
        i = bracket.end;
      }
    } else {
      byte(c);
    }
  }
  flush();
  return pieces;
}

const CLASSES: Readonly<Record<string, RegExp>> = {
  alnum: /[0-9A-Za-z]/, alpha: /[A-Za-z]/, blank: /[ \t]/, cntrl: /[\0-\x1f\x7f]/, digit: /[0-9]/, graph: /[!-~]/,
  lower: /[a-z]/, print: /[ -~]/, punct: /[!-/:-@[-`{-~]/, space: /[ \t\n\v\f\r]/, upper: /[A-Z]/, xdigit: /[0-9A-Fa-f]/,
};

function foldByte(byte: number, fold: boolean): number {
  return fold && byte >= 65 && byte <= 90 ? byte + 32 : byte;
}

/** Adds the bytes that are, folded, from `low` to `high`. */
function addRange(set: Uint8Array, low: number, high: number, fold: boolean): void {
  for (let b = 0; b < 256; b++) {
    const folded = foldByte(b, fold);
    if (folded >= low && folded <= high) set[b] = 1;
  }
}

/**
 * Case folding, as glibc has it, goes for single bytes and ranges, but neither for `[:class:]` nor for `[=x=]`.
 *
 * A bracket expression at `open`: its bytes and the place of its `]`. Null: it is not closed, and the `[` stands for
 * itself. `never`: it cannot match.
 */
function parseBracket(pattern: string, open: number, fold: boolean): { set: Uint8Array; end: number } | 'never' | null {
  const set = new Uint8Array(256);
  let i = open + 1;
  const negated = pattern[i] === '!' || pattern[i] === '^';
  if (negated) i++;
  for (let first = true; ; first = false) {
    const c = pattern[i];
    if (c === undefined) return null;
    if (c === ']' && !first) break;
    const named = c === '[' ? /^\[:([a-z]*):\]/.exec(pattern.slice(i)) : null;
    if (named !== null) {
      const bytes = CLASSES[named[1] as string];
      if (bytes === undefined) return 'never';
      for (let b = 0; b < 128; b++) {
        if (bytes.test(String.fromCharCode(b))) set[b] = 1;
      }
      i += named[0].length;
      continue;
    }
    const equivalence = c === '[' ? /^\[=([\s\S])=\]/.exec(pattern.slice(i, i + 5)) : null;
    if (equivalence !== null) {
      set[(equivalence[1] as string).charCodeAt(0)] = 1;
      i += 5;
      continue;
    }
    const from = readByte(pattern, i);
    if (from === null) return null;
    i = from.end;
    let to = from;
    if (pattern[i] === '-' && pattern[i + 1] !== ']' && pattern[i + 1] !== undefined) {
      const upper = readByte(pattern, i + 1);
      if (upper === null) return null;
      to = upper;
      i = to.end;
    }
    addRange(set, foldByte(from.byte, fold), foldByte(to.byte, fold), fold);
  }
  if (negated) for (let b = 0; b < 256; b++) set[b] = set[b] === 1 ? 0 : 1;
  return { set, end: i };
}

/** One end of a range: a byte, an escaped byte or `[.x.]`. */
function readByte(pattern: string, at: number): { byte: number; end: number } | null {
  const collating = /^\[\.([\s\S])\.\]/.exec(pattern.slice(at, at + 5));
  if (collating !== null) return { byte: (collating[1] as string).charCodeAt(0), end: at + 5 };
  if (pattern[at] === '\\') {
    return at + 1 < pattern.length ? { byte: pattern.charCodeAt(at + 1), end: at + 2 } : null;
  }
  return { byte: pattern.charCodeAt(at), end: at + 1 };
}
