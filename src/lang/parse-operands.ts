// SPDX-License-Identifier: Apache-2.0
/** The parser of what conditions compare: fields, transformers, constants and lists of them. */
import {
  type CallArgument, type CallList, type FieldRef, type Literal, type LiteralList, type Operand, TRANSFORMER_NAMES,
  type TransformerCall, type TransformerName,
} from './ast.js';
import { BARE_ARGUMENT, BARE_STRING, FIELD_NAME, HEX_NUMBER, IDENTIFIER, type Lexer, NUMBER, unquote } from './lex.js';
import type { ParseState } from './parse-state.js';

const TRANSFORMER_STARTS = TRANSFORMER_NAMES.map((name) => `${name}(` as const);

/** For who writes a list as YAML does. */
export const LIST_HINT = 'in conditions, lists stand in parentheses: (a, b)';

export class OperandParser {
  private readonly lexer: Lexer;

  constructor(private readonly state: ParseState) {
    this.lexer = state.lexer;
  }

  /** Field | FieldTransformer, or null if neither starts here. */
  operand(): Operand | null {
    return this.field() ?? this.transformer();
  }

  field(): FieldRef | null {
    const start = this.lexer.position;
    const name = this.lexer.match(FIELD_NAME);
    return name === null ? null : this.fieldRemainder(name, start);
  }

  transformer(): TransformerCall | null {
    const start = this.lexer.position;
    const name = this.lexer.oneOf(TRANSFORMER_STARTS);
    return name === null ? null : this.transformerTail(name.slice(0, -1) as TransformerName, start);
  }

  /** Field ::= FieldName ('[' FieldArg ']')? */
  private fieldRemainder(name: string, start: number): FieldRef {
    this.state.enter();
    const argument = this.optionalArgument();
    this.state.depth--;
    return { kind: 'field', name, argument, start, end: this.lexer.position };
  }

  /** FieldArg ::= QuotedStr | FieldArgBareStr */
  private optionalArgument(): string | null {
    const open = this.lexer.position;
    if (!this.lexer.word('[')) return null;
    const argument = this.lexer.atQuote ? this.quoted().text : this.lexer.match(BARE_ARGUMENT);
    if (argument === null) {
      throw this.state.failure('COND_EXPECTED_ARGUMENT', `expected an argument between '[' and ']'${this.state.found()}`);
    }
    if (!this.lexer.word(']')) {
      throw this.state.atEndOr(
        () => this.state.failure('COND_UNCLOSED_BRACKET', "this '[' is not closed", open, open + 1),
        () => this.state.failure('COND_UNCLOSED_BRACKET', `expected ']'${this.state.found()}`, undefined, undefined,
          'quote an argument that has blanks, brackets or quotes in it'),
      );
    }
    return argument;
  }

  /**
   * FieldTransformer     ::= FieldTransformerType FieldTransformerTail
   * FieldTransformerTail ::= FieldTransformerArg (',' FieldTransformerArg)* ')' ('[' FieldArg ']')?
   */
  private transformerTail(name: TransformerName, start: number): TransformerCall {
    this.state.enter();
    const open = this.lexer.position - 1;
    const args: CallArgument[] = [];
    do {
      args.push(this.transformerArgument());
      this.lexer.blank();
    } while (this.lexer.word(','));
    this.closeCall(open);
    const argument = this.optionalArgument();
    this.state.depth--;
    return { kind: 'call', name, arguments: args, argument, start, end: this.lexer.position };
  }

  private closeCall(open: number): void {
    if (this.lexer.word(')')) return;
    throw this.state.atEndOr(
      () => this.state.failure('COND_UNCLOSED_PAREN', "this '(' is not closed", open, open + 1),
      () => this.state.failure('COND_UNCLOSED_PAREN', `expected ',' or ')'${this.state.found()}`),
    );
  }

  /** FieldTransformerArg ::= FieldTransformer | Field | QuotedStr | NumValue | TransformerList */
  private transformerArgument(): CallArgument {
    this.state.enter();
    this.lexer.blank();
    const start = this.lexer.position;
    const argument = this.lexer.word('(') ? this.transformerList(start) : this.transformerListArgument();
    this.state.depth--;
    return argument;
  }

  /** '(' has been read. TransformerList ::= '(' (TransformerListArg (',' TransformerListArg)*)? ')' */
  private transformerList(start: number): CallList {
    const items: (Operand | Literal)[] = [];
    this.lexer.blank();
    if (!this.lexer.word(')')) {
      do {
        this.lexer.blank();
        items.push(this.transformerListArgument());
        this.lexer.blank();
      } while (this.lexer.word(','));
      this.closeCall(start);
    }
    return { kind: 'list', items, start, end: this.lexer.position };
  }

  /** TransformerListArg ::= Field | FieldTransformer | QuotedStr | NumValue */
  private transformerListArgument(): Operand | Literal {
    const start = this.lexer.position;
    const number = this.lexer.match(HEX_NUMBER) ?? this.lexer.match(NUMBER);
    if (number !== null) return literal(number, start, this.lexer.position);
    if (this.lexer.atQuote) return this.quoted();
    const operand = this.transformer() ?? this.field();
    if (operand !== null) return operand;
    const hint = this.lexer.text.startsWith('val(', start) ? 'a field stands here without val()' : undefined;
    throw this.state.failure('COND_EXPECTED_CALL_ARGUMENT',
      `expected a field, a transformer, a quoted string or a number${this.state.found()}`, undefined, undefined, hint);
  }

  /** NumValue ::= HexNumber | Number */
  numberOrTransformer(): Literal | Operand {
    this.state.enter();
    this.lexer.blank();
    const operand = this.transformerOrVal();
    const start = this.lexer.position;
    const number = operand === null ? (this.lexer.match(HEX_NUMBER) ?? this.lexer.match(NUMBER)) : null;
    this.state.depth--;
    if (operand !== null) return operand;
    if (number !== null) return literal(number, start, this.lexer.position);
    throw this.state.failure('COND_EXPECTED_NUMBER', `expected a number, val(field) or a transformer${this.state.found()}`);
  }

  /** StrValue ::= QuotedStr | BareStr */
  stringOrTransformer(): Literal | Operand {
    this.state.enter();
    this.lexer.blank();
    const operand = this.transformerOrVal();
    this.state.depth--;
    if (operand !== null) return operand;
    const value = this.string();
    if (value === null) {
      throw this.state.failure('COND_EXPECTED_VALUE', `expected a value, val(field) or a transformer${this.state.found()}`);
    }
    return value;
  }

  private string(): Literal | null {
    if (this.lexer.atQuote) return this.quoted();
    const start = this.lexer.position;
    const text = this.lexer.match(BARE_STRING);
    return text === null ? null : literal(text, start, this.lexer.position);
  }

  private quoted(): Literal {
    const start = this.lexer.position;
    const end = this.lexer.endOfQuoted();
    if (end === -1) {
      const escaped = /\\["']/.test(this.lexer.text.slice(start));
      throw this.state.failure('COND_UNCLOSED_QUOTE', 'this quoted string is not closed', start, start + 1,
        escaped ? 'a quote after a backslash does not close a string: write \\x5c for a backslash at the end' : `end it with another ${this.lexer.text[start]}`);
    }
    const value = unquote(this.lexer.text, start, end);
    if (typeof value !== 'string') throw this.state.failure('COND_BAD_ESCAPE', value.message, value.start, value.end);
    this.lexer.position = end;
    return { kind: 'literal', text: value, quoted: true, start, end };
  }

  /** ListValue ::= '(' (StrValue (',' StrValue)*)? ')' | Identifier */
  listValue(transformers: boolean): Literal | LiteralList | Operand {
    this.state.enter();
    this.lexer.blank();
    const start = this.lexer.position;
    let result: Literal | LiteralList | Operand | null = null;
    if (this.lexer.word('(')) result = this.listRemainder(start);
    else if (transformers) result = this.transformerOrVal();
    if (result === null) {
      const name = this.lexer.match(IDENTIFIER);
      if (name === null) {
        throw this.state.failure('COND_EXPECTED_LIST', `expected a list in parentheses or the name of one${this.state.found()}`, undefined, undefined, this.lexer.text[this.lexer.position] === '[' ? LIST_HINT : undefined);
      }
      result = literal(name, start, this.lexer.position);
    }
    this.state.depth--;
    return result;
  }

  private listRemainder(open: number): LiteralList {
    const values: Literal[] = [];
    this.lexer.blank();
    if (!this.lexer.word(')')) {
      do {
        this.lexer.blank();
        const value = this.string();
        if (value === null) throw this.state.failure('COND_EXPECTED_VALUE', `expected a value of the list${this.state.found()}`);
        values.push(value);
        this.lexer.blank();
      } while (this.lexer.word(','));
      this.closeCall(open);
    }
    return { kind: 'literals', values, start: open, end: this.lexer.position };
  }

  /** FieldTransformerOrVal ::= FieldTransformer | 'val(' Field ')' ('[' FieldArg ']')? */
  private transformerOrVal(): Operand | null {
    const start = this.lexer.position;
    if (this.lexer.word('val(')) {
      const open = this.lexer.position - 1;
      this.lexer.blank();
      const field = this.field();
      if (field === null) throw this.state.failure('COND_EXPECTED_FIELD', `expected a field within val()${this.state.found()}`);
      this.lexer.blank();
      this.closeCall(open);
      const argument = this.optionalArgument();
      return { kind: 'call', name: 'val', arguments: [field], argument, start, end: this.lexer.position };
    }
    return this.transformer();
  }
}

function literal(text: string, start: number, end: number): Literal {
  return { kind: 'literal', text, quoted: false, start, end };
}
