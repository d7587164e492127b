// SPDX-License-Identifier: Apache-2.0
/**
 * What `regex` means: RE2 in its POSIX syntax, matched against the whole text. `\d \w \s \b (?i) \pL` are errors, `^` and
 * `$` also match at line ends, `.` matches no newline but `[^a]` does. Linear in the text whatever the pattern, which
 * JavaScript's own RegExp is not.
 *
 * Bytes that are no UTF-8 are seen as U+FFFD, one for each broken sequence, as in Falco.
 *
 * The library offers only Perl syntax by its front door; the engine behind it takes RE2's own flags. A test pins what we
 * rely on.
 */
import { shown } from '../util/byte-text.js';
import { RE2JS, RE2JSException } from 're2js';

/** RE2's `ClassNL`, the one flag it sets when `posix_syntax` is on. */
const CLASS_NL = 4;

/** Beyond it RE2, with the 8 MB that it has in Falco, calls a pattern too large. A text costs time for each. */
const MOST_INSTRUCTIONS = 87_000;

type Compiled = ReturnType<RE2JS['re2']> & { readonly prog: { numInst(): number } };
const engine = RE2JS.compile('').re2().constructor as unknown as {
  compileImpl(expression: string, flags: number, longest: boolean): Compiled;
};

export class PosixRegex {
  private constructor(private readonly compiled: RE2JS) {}

  /** The compiled expression, or what is wrong with it. */
  static compile(expression: string): PosixRegex | { readonly problem: string } {
    if (!expression.isWellFormed()) return { problem: 'it is no valid UTF-8' };
    const compiled = new RE2JS(expression, 0);
    try {
      compiled.re2Input = engine.compileImpl(expression, CLASS_NL, true);
    } catch (error) {
      if (!(error instanceof RE2JSException)) throw error;
      return { problem: error.message.replace(/^error parsing regexp: /, '') };
    }
    if ((compiled.re2Input as Compiled).prog.numInst() > MOST_INSTRUCTIONS) return { problem: 'it is too large with its repetitions written out' };
    return new PosixRegex(compiled);
  }

  test(text: string): boolean {
    return this.compiled.testExact(shown(text));
  }
}
