// SPDX-License-Identifier: Apache-2.0
/**
 * A text that was put together from pieces of files, and knows for each character where it was written. Conditions are
 * unfolded from YAML scalars, appended to by other files, and get exceptions and list items spliced in: an error anywhere
 * in the result still points at the place to correct.
 */
import type { SourceText, Span } from '../lang/diagnostic.js';

/** From `start` on (until the next piece), characters stand at `offset` and following, or all at the one place. */
interface Piece {
  readonly start: number;
  readonly source: SourceText;
  readonly offset: number;
  /** Length in the source of the one place that all characters come from; -1: they stand one after another. */
  readonly fixed: number;
}

export class MappedText {
  readonly text: string;
  readonly #pieces: readonly Piece[];

  private constructor(text: string, pieces: readonly Piece[]) {
    this.text = text;
    this.#pieces = pieces;
  }

  /** `text` as it stands in `source` at `offset`. */
  static verbatim(source: SourceText, offset: number, text: string): MappedText {
    return new MappedText(text, [{ start: 0, source, offset, fixed: -1 }]);
  }

  /** `text` that nobody wrote like this: every character points at `span`. */
  static at(span: Span, text: string): MappedText {
    return new MappedText(text, [{ start: 0, source: span.source, offset: span.start, fixed: span.end - span.start }]);
  }

  /** `offsets[i]` is where the character `text[i]` stands in `source`. */
  static fromOffsets(source: SourceText, text: string, offsets: readonly number[]): MappedText {
    const pieces: Piece[] = [];
    for (let i = 0; i < offsets.length; i++) {
      if (i === 0 || offsets[i] !== offsets[i - 1] + 1) pieces.push({ start: i, source, offset: offsets[i], fixed: -1 });
    }
    if (pieces.length === 0) pieces.push({ start: 0, source, offset: 0, fixed: -1 });
    return new MappedText(text, pieces);
  }

  static concat(parts: readonly MappedText[]): MappedText {
    let text = '';
    const pieces: Piece[] = [];
    for (const part of parts) {
      if (part.text === '') continue;
      for (const { start, source, offset, fixed } of part.#pieces) pieces.push({ start: start + text.length, source, offset, fixed });
      text += part.text;
    }
    return pieces.length === 0 && parts.length > 0 ? parts[0] : new MappedText(text, pieces);
  }

  slice(start: number, end: number): MappedText {
    const first = this.#pieceAt(start);
    const pieces: Piece[] = [];
    for (let i = first; i < this.#pieces.length && (i === first || this.#pieces[i].start < end); i++) {
      const piece = this.#pieces[i];
      const skipped = Math.max(0, start - piece.start);
      pieces.push({
        ...piece,
        start: Math.max(0, piece.start - start),
        offset: piece.fixed === -1 ? piece.offset + skipped : piece.offset,
      });
    }
    return new MappedText(this.text.slice(start, end), pieces);
  }

  trim(): MappedText {
    const start = this.text.length - this.text.trimStart().length;
    const end = this.text.trimEnd().length;
    return start >= end ? this.slice(0, 0) : this.slice(start, end);
  }

  /** The place in a file of a range of this text; of its first part when the range comes from several files. */
  spanOf(start: number, end: number): Span {
    const from = this.#place(Math.min(start, Math.max(0, this.text.length - 1)));
    // A position behind the text (something is missing there) is shown behind its last character.
    const behind = start >= this.text.length && this.text.length > 0;
    if (behind) {
      const at = from.fixed === -1 ? from.offset + 1 : from.offset + from.fixed;
      return { source: from.source, start: at, end: at };
    }
    const to = this.#place(Math.max(start, Math.min(end, this.text.length) - 1));
    const last = to.fixed === -1 ? to.offset + 1 : to.offset + to.fixed;
    const first = from.offset;
    return to.source === from.source && last > first
      ? { source: from.source, start: first, end: last }
      : { source: from.source, start: first, end: from.fixed === -1 ? first + 1 : first + from.fixed };
  }

  #pieceAt(index: number): number {
    let low = 0;
    let high = this.#pieces.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#pieces[middle].start <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #place(index: number): { source: SourceText; offset: number; fixed: number } {
    const piece = this.#pieces[this.#pieceAt(index)];
    return {
      source: piece.source,
      offset: piece.fixed === -1 ? piece.offset + (index - piece.start) : piece.offset,
      fixed: piece.fixed,
    };
  }
}
