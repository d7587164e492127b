// SPDX-License-Identifier: Apache-2.0
/** Where parsing stands, how deep it is, and how it fails: what the parsers of operands and of conditions share. */
import type { LangError } from './ast.js';
import type { LangCode } from './codes.js';
import { Lexer } from './lex.js';

/** Unwinds to where parsing can go on. `fatal`: nowhere. */
export class Failure extends Error {
  constructor(readonly error: LangError, readonly fatal: boolean) {
    super(error.message);
  }
}

export class ParseState {
  readonly errors: LangError[] = [];
  readonly lexer: Lexer;
  /** Productions entered and not left. */
  depth = 0;

  constructor(private readonly text: string, private readonly maxDepth: number) {
    this.lexer = new Lexer(text);
  }

  enter(): void {
    if (++this.depth >= this.maxDepth) {
      const error = this.error('COND_TOO_DEEP', `the condition is nested more than ${this.maxDepth} levels deep`, this.lexer.position, this.lexer.position + 1);
      throw new Failure({ ...error, hint: 'move inner parts into macros' }, true);
    }
  }

  /** What stands here instead, to end a message with. */
  found(): string {
    if (this.lexer.atEnd) return ', but the condition ends here';
    const rest = this.text.slice(this.lexer.position, this.lexer.position + 30);
    const word = /^(?:[^\s()[\],=]+|.)/su.exec(rest)?.[0] ?? rest;
    return `, not ${JSON.stringify(word)}`;
  }

  atEndOr(atEnd: () => Failure, otherwise: () => Failure): Failure {
    return this.lexer.atEnd ? atEnd() : otherwise();
  }

  failure(code: LangCode, message: string, start?: number, end?: number, hint?: string): Failure {
    const from = start ?? this.lexer.position;
    const error = this.error(code, message, from, end ?? Math.min(from + 1, this.text.length));
    return new Failure(hint === undefined ? error : { ...error, hint }, false);
  }

  error(code: LangCode, message: string, start: number, end: number): LangError {
    return { severity: 'error', code, message, start, end, macros: [] };
  }
}
