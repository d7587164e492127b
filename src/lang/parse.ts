// SPDX-License-Identifier: Apache-2.0
/**
 * The parser: recursive descent, one method per production, its grammar above it. The language is the ecosystem's to the
 * letter, oddities included, because rules that load there have to mean the same here.
 */
import {
  type AndExpr, type CallArgument, type CallList, COMPARE_OPERATORS, type CompareOperator, type Expr, type FieldRef,
  type LangError, type Literal, type LiteralList, MODIFIERS, type Modifier, type Operand, type OrExpr, TRANSFORMER_NAMES,
  type TransformerCall, type TransformerName,
} from './ast.js';
import type { LangCode } from './codes.js';
import { closest } from './suggest.js';
import { BARE_ARGUMENT, BARE_STRING, FIELD_NAME, HEX_NUMBER, IDENTIFIER, Lexer, NOT, NUMBER, unquote } from './lex.js';

/** Productions entered at once; the ecosystem's limit for rules. About 200 nested parentheses. */
const DEFAULT_MAX_DEPTH = 1000;

/** After so many, what follows is more likely to be our confusion than the writer's. */
const MAX_ERRORS = 20;

const NUMBER_OPERATORS = ['<=', '<', '>=', '>'] as const;
const STRING_OPERATORS = [
  '==', '=', '!=', 'glob', 'iglob', 'contains', 'icontains', 'bcontains', 'startswith', 'bstartswith', 'endswith', 'regex',
] as const;
const LIST_OPERATORS = ['intersects', 'in', 'pmatch'] as const;
const TRANSFORMER_STARTS = TRANSFORMER_NAMES.map((name) => `${name}(` as const);

export interface Parsed<T> {
  /** Null when there is an error. */
  readonly ast: T | null;
  readonly errors: readonly LangError[];
}

/** Parses a condition. Never throws; nesting beyond `maxDepth` is an error. */
export function parse(text: string, options: { readonly maxDepth?: number } = {}): Parsed<Expr> {
  const parser = new Parser(text, options.maxDepth ?? DEFAULT_MAX_DEPTH);
  const ast = parser.condition();
  return { ast: parser.errors.length === 0 ? ast : null, errors: parser.errors };
}

/**
 * Parses one field or transformer that starts at `offset` and may be followed by anything (output templates).
 * `end` is where it ended.
 */
export function parseOperand(text: string, offset = 0): Parsed<Operand> & { readonly end: number } {
  const parser = new Parser(text, DEFAULT_MAX_DEPTH);
  const ast = parser.operandAt(offset);
  return { ast, errors: parser.errors, end: parser.position };
}

/** For who writes a list as YAML does. */
const LIST_HINT = 'in conditions, lists stand in parentheses: (a, b)';

/** Unwinds to where parsing can go on. `fatal`: nowhere. */
class Failure extends Error {
  constructor(readonly error: LangError, readonly fatal: boolean) {
    super(error.message);
  }
}

class Parser {
  readonly errors: LangError[] = [];
  private readonly lexer: Lexer;
  private depth = 0;

  constructor(private readonly text: string, private readonly maxDepth: number) {
    this.lexer = new Lexer(text);
  }

  get position(): number {
    return this.lexer.position;
  }

  /** Condition ::= Expr END */
  condition(): Expr | null {
    if (this.text.trim() === '') {
      this.errors.push(this.error('COND_EMPTY', 'the condition is empty', 0, this.text.length));
      return null;
    }
    try {
      const ast = this.or();
      if (!this.lexer.atEnd) this.trailing();
      return ast;
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure;
      this.errors.push(failure.error);
      return null;
    }
  }

  /** Operand ::= Field | FieldTransformer */
  operandAt(offset: number): Operand | null {
    this.lexer.position = offset;
    try {
      const name = this.lexer.match(FIELD_NAME);
      if (name !== null) return this.fieldRemainder(name, offset);
      const transformer = this.lexer.oneOf(TRANSFORMER_STARTS);
      if (transformer !== null) return this.transformerTail(transformer.slice(0, -1) as TransformerName, offset);
      const word = /^\w*/.exec(this.text.slice(offset))?.[0] ?? '';
      throw this.failure('COND_EXPECTED_FIELD', word === '' ? 'expected a field or a transformer' : `there is no field '${word}'`);
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure;
      this.errors.push(failure.error);
      return null;
    }
  }

  /**
   * Expr       ::= OrExpr
   * OrExpr     ::= AndExpr ('or' OrExprTail)*
   * OrExprTail ::= ' ' AndExpr | '(' Expr ')'
   */
  private or(): Expr {
    this.enter();
    this.lexer.blank();
    const start = this.position;
    const children = [this.and()];
    this.lexer.blank();
    while (this.lexer.word('or')) {
      children.push(this.afterKeyword('or', () => this.and()));
      this.lexer.blank();
    }
    this.depth--;
    if (children.length === 1) return children[0] as Expr;
    return { kind: 'or', children, start, end: endOf(children) } satisfies OrExpr;
  }

  /**
   * AndExpr     ::= NotExpr ('and' AndExprTail)*
   * AndExprTail ::= ' ' NotExpr | '(' Expr ')'
   */
  private and(): Expr {
    this.enter();
    this.lexer.blank();
    const start = this.position;
    const children = [this.not()];
    this.lexer.blank();
    while (this.lexer.word('and')) {
      children.push(this.afterKeyword('and', () => this.not()));
      this.lexer.blank();
    }
    this.depth--;
    if (children.length === 1) return children[0] as Expr;
    return { kind: 'and', children, start, end: endOf(children) } satisfies AndExpr;
  }

  private afterKeyword(keyword: 'and' | 'or', operand: () => Expr): Expr {
    if (this.lexer.blank()) return operand();
    if (this.lexer.word('(')) return this.embeddedRemainder(this.position - 1);
    const what = this.position >= this.text.length ? `nothing follows '${keyword}'` : `expected a blank or '(' after '${keyword}'`;
    throw this.failure('COND_KEYWORD_SPACING', what);
  }

  /**
   * NotExpr     ::= ('not ')* NotExprTail
   * NotExprTail ::= 'not(' Expr ')' | Check
   */
  private not(): Expr {
    this.enter();
    this.lexer.blank();
    const start = this.position;
    let negated = false;
    while (this.lexer.match(NOT) !== null) negated = !negated;
    let child: Expr;
    if (this.lexer.word('not(')) {
      negated = !negated;
      child = this.embeddedRemainder(this.position - 1);
    } else {
      child = this.checkOrRecover();
    }
    this.depth--;
    return negated ? { kind: 'not', child, start, end: child.end } : child;
  }

  /** '(' has been read: Expr ')' */
  private embeddedRemainder(open: number): Expr {
    this.enter();
    this.lexer.blank();
    const child = this.or();
    this.lexer.blank();
    if (!this.lexer.word(')')) {
      throw this.atEndOr(
        () => this.failure('COND_UNCLOSED_PAREN', "this '(' is not closed", open, open + 1),
        () => this.failure('COND_UNCLOSED_PAREN', `expected 'and', 'or' or ')'${this.found()}`),
      );
    }
    this.depth--;
    return child;
  }

  /** A check that does not parse is reported and skipped, so that the next one's problems are reported as well. */
  private checkOrRecover(): Expr {
    const { depth, position } = this;
    try {
      return this.check();
    } catch (failure) {
      if (!(failure instanceof Failure) || failure.fatal || this.errors.length >= MAX_ERRORS) throw failure;
      this.errors.push(failure.error);
      this.depth = depth;
      this.skipCheck(position);
      return { kind: 'macro', name: '', body: null, start: position, end: this.position };
    }
  }

  /** Goes to the next `and`, `or` or `)` that belongs to the expression which the check at `from` is part of. */
  private skipCheck(from: number): void {
    this.lexer.position = from;
    let open = 0;
    while (!this.lexer.atEnd) {
      if (this.lexer.atQuote) {
        const end = this.lexer.endOfQuoted();
        this.lexer.position = end === -1 ? this.text.length : end;
        continue;
      }
      const c = this.text[this.position];
      if (c === ')' && open-- === 0) return;
      if (c === '(') open++;
      const before = this.text[this.position - 1];
      if (open === 0 && this.position > from && before !== undefined && /[\s)]/.test(before)) {
        if (/^(?:and|or)[\s(]/.test(this.text.slice(this.position, this.position + 4))) return;
      }
      this.lexer.position++;
    }
  }

  /**
   * Check ::= Field Condition
   *         | FieldTransformer Condition
   *         | Identifier
   *         | '(' Expr ')'
   */
  private check(): Expr {
    this.enter();
    this.lexer.blank();
    const start = this.position;
    let result: Expr;
    const name = this.lexer.word('(') ? null : this.lexer.match(FIELD_NAME);
    if (name !== null) {
      result = this.comparison(this.fieldRemainder(name, start), start);
    } else if (this.position > start) {
      result = this.embeddedRemainder(start);
    } else {
      const transformer = this.lexer.oneOf(TRANSFORMER_STARTS);
      if (transformer !== null) {
        const call = this.transformerTail(transformer.slice(0, -1) as TransformerName, start);
        result = this.comparison(call, start);
      } else {
        const macro = this.lexer.match(IDENTIFIER);
        if (macro === null) throw this.failure('COND_EXPECTED_CHECK', `expected a field, a macro or '('${this.found()}`);
        result = { kind: 'macro', name: macro, body: null, start, end: this.position };
      }
    }
    this.depth--;
    return result;
  }

  /** Field ::= FieldName ('[' FieldArg ']')? */
  private fieldRemainder(name: string, start: number): FieldRef {
    this.enter();
    const argument = this.optionalArgument();
    this.depth--;
    return { kind: 'field', name, argument, start, end: this.position };
  }

  /** FieldArg ::= QuotedStr | FieldArgBareStr */
  private optionalArgument(): string | null {
    const open = this.position;
    if (!this.lexer.word('[')) return null;
    const argument = this.lexer.atQuote ? this.quoted().text : this.lexer.match(BARE_ARGUMENT);
    if (argument === null) {
      throw this.failure('COND_EXPECTED_ARGUMENT', `expected an argument between '[' and ']'${this.found()}`);
    }
    if (!this.lexer.word(']')) {
      throw this.atEndOr(
        () => this.failure('COND_UNCLOSED_BRACKET', "this '[' is not closed", open, open + 1),
        () => this.failure('COND_UNCLOSED_BRACKET', `expected ']'${this.found()}`, undefined, undefined,
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
    this.enter();
    const open = this.position - 1;
    const args: CallArgument[] = [];
    do {
      args.push(this.transformerArgument());
      this.lexer.blank();
    } while (this.lexer.word(','));
    this.closeCall(open);
    const argument = this.optionalArgument();
    this.depth--;
    return { kind: 'call', name, arguments: args, argument, start, end: this.position };
  }

  private closeCall(open: number): void {
    if (this.lexer.word(')')) return;
    throw this.atEndOr(
      () => this.failure('COND_UNCLOSED_PAREN', "this '(' is not closed", open, open + 1),
      () => this.failure('COND_UNCLOSED_PAREN', `expected ',' or ')'${this.found()}`),
    );
  }

  /** FieldTransformerArg ::= FieldTransformer | Field | QuotedStr | NumValue | TransformerList */
  private transformerArgument(): CallArgument {
    this.enter();
    this.lexer.blank();
    const start = this.position;
    const argument = this.lexer.word('(') ? this.transformerList(start) : this.transformerListArgument();
    this.depth--;
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
    return { kind: 'list', items, start, end: this.position };
  }

  /** TransformerListArg ::= Field | FieldTransformer | QuotedStr | NumValue */
  private transformerListArgument(): Operand | Literal {
    const start = this.position;
    const number = this.lexer.match(HEX_NUMBER) ?? this.lexer.match(NUMBER);
    if (number !== null) return literal(number, start, this.position);
    if (this.lexer.atQuote) return this.quoted();
    const transformer = this.lexer.oneOf(TRANSFORMER_STARTS);
    if (transformer !== null) return this.transformerTail(transformer.slice(0, -1) as TransformerName, start);
    const name = this.lexer.match(FIELD_NAME);
    if (name !== null) return this.fieldRemainder(name, start);
    const hint = this.text.startsWith('val(', start) ? 'a field stands here without val()' : undefined;
    throw this.failure('COND_EXPECTED_CALL_ARGUMENT',
      `expected a field, a transformer, a quoted string or a number${this.found()}`, undefined, undefined, hint);
  }

  /**
   * Condition ::= UnaryOperator
   *             | NumOperator (NumValue | FieldTransformerOrVal)
   *             | StrOperator (StrValue | FieldTransformerOrVal)
   *             | StrOperator StrOperatorModifier ListValue
   *             | ListOperator (ListValue | FieldTransformerOrVal)
   *
   * `exists`, `in`, `intersects` and `pmatch` need no blank after them; the other operators of letters do.
   */
  private comparison(left: Operand, start: number): Expr {
    this.enter();
    this.lexer.blank();
    const operatorStart = this.position;
    if (this.lexer.word('exists')) {
      this.depth--;
      return { kind: 'exists', left, start, end: this.position };
    }
    let operator: CompareOperator | null = this.lexer.oneOf(NUMBER_OPERATORS);
    let modifier: Modifier | null = null;
    let right: Literal | LiteralList | Operand;
    if (operator !== null) {
      right = this.numberOrTransformer();
    } else {
      operator = this.lexer.blankTerminated(STRING_OPERATORS);
      if (operator !== null) {
        modifier = this.modifier(/^[a-z]/.test(operator));
        right = modifier === null ? this.stringOrTransformer() : this.listValue(false);
      } else {
        operator = this.lexer.oneOf(LIST_OPERATORS);
        if (operator === null) throw this.missingOperator(left);
        right = this.listValue(true);
      }
    }
    this.depth--;
    return { kind: 'compare', left, operator, operatorStart, modifier, right, start, end: right.end };
  }

  private missingOperator(left: Operand): Failure {
    const word = /^[a-z!=<>~]+/i.exec(this.text.slice(this.position, this.position + 20))?.[0];
    const known = word !== undefined && (COMPARE_OPERATORS as readonly string[]).includes(word);
    const spelt = /^[a-z_]{4,}/.exec(this.text.slice(this.position, this.position + 20))?.[0];
    const near = spelt === undefined ? null : closest(spelt, COMPARE_OPERATORS);
    const hint = known ? `'${word}' needs a blank after it` : near !== null ? `did you mean '${near}'?` : `operators are ${COMPARE_OPERATORS.join(' ')} exists`;
    const what = left.kind === 'field' ? `field '${left.name}'` : `'${left.name}(…)'`;
    return this.failure('COND_EXPECTED_OPERATOR', `expected an operator after ${what}${this.found()}`, undefined, undefined, hint);
  }

  /**
   * StrOperatorModifier ::= 'oneof ' | 'anyof ' | 'allof '
   *
   * Only with blanks on both sides and a list after it; otherwise the word is the value: `proc.name = anyof and …`.
   */
  private modifier(blankRead: boolean): Modifier | null {
    const before = this.position;
    if (blankRead || this.lexer.blank()) {
      const modifier = this.lexer.blankTerminated(MODIFIERS);
      if (modifier !== null) {
        const rest = this.text.slice(this.position, this.position + 4);
        if (/^(?:\(|[a-zA-Z])/.test(rest) && !/^(?:and|or|not)(?![a-zA-Z0-9])/.test(rest)) return modifier;
      }
    }
    this.lexer.position = before;
    return null;
  }

  /** NumValue ::= HexNumber | Number */
  private numberOrTransformer(): Literal | Operand {
    this.enter();
    this.lexer.blank();
    const operand = this.transformerOrVal();
    const start = this.position;
    const number = operand === null ? (this.lexer.match(HEX_NUMBER) ?? this.lexer.match(NUMBER)) : null;
    this.depth--;
    if (operand !== null) return operand;
    if (number !== null) return literal(number, start, this.position);
    throw this.failure('COND_EXPECTED_NUMBER', `expected a number, val(field) or a transformer${this.found()}`);
  }

  /** StrValue ::= QuotedStr | BareStr */
  private stringOrTransformer(): Literal | Operand {
    this.enter();
    this.lexer.blank();
    const operand = this.transformerOrVal();
    this.depth--;
    if (operand !== null) return operand;
    const value = this.string();
    if (value === null) {
      throw this.failure('COND_EXPECTED_VALUE', `expected a value, val(field) or a transformer${this.found()}`);
    }
    return value;
  }

  private string(): Literal | null {
    if (this.lexer.atQuote) return this.quoted();
    const start = this.position;
    const text = this.lexer.match(BARE_STRING);
    return text === null ? null : literal(text, start, this.position);
  }

  private quoted(): Literal {
    const start = this.position;
    const end = this.lexer.endOfQuoted();
    if (end === -1) {
      const escaped = /\\["']/.test(this.text.slice(start));
      throw this.failure('COND_UNCLOSED_QUOTE', 'this quoted string is not closed', start, start + 1,
        escaped ? 'a quote after a backslash does not close a string: write \\x5c for a backslash at the end' : `end it with another ${this.text[start]}`);
    }
    const value = unquote(this.text, start, end);
    if (typeof value !== 'string') throw this.failure('COND_BAD_ESCAPE', value.message, value.start, value.end);
    this.lexer.position = end;
    return { kind: 'literal', text: value, quoted: true, start, end };
  }

  /** ListValue ::= '(' (StrValue (',' StrValue)*)? ')' | Identifier */
  private listValue(transformers: boolean): Literal | LiteralList | Operand {
    this.enter();
    this.lexer.blank();
    const start = this.position;
    let result: Literal | LiteralList | Operand | null = null;
    if (this.lexer.word('(')) result = this.listRemainder(start);
    else if (transformers) result = this.transformerOrVal();
    if (result === null) {
      const name = this.lexer.match(IDENTIFIER);
      if (name === null) {
        throw this.failure('COND_EXPECTED_LIST', `expected a list in parentheses or the name of one${this.found()}`, undefined, undefined, this.text[this.position] === '[' ? LIST_HINT : undefined);
      }
      result = literal(name, start, this.position);
    }
    this.depth--;
    return result;
  }

  private listRemainder(open: number): LiteralList {
    const values: Literal[] = [];
    this.lexer.blank();
    if (!this.lexer.word(')')) {
      do {
        this.lexer.blank();
        const value = this.string();
        if (value === null) throw this.failure('COND_EXPECTED_VALUE', `expected a value of the list${this.found()}`);
        values.push(value);
        this.lexer.blank();
      } while (this.lexer.word(','));
      this.closeCall(open);
    }
    return { kind: 'literals', values, start: open, end: this.position };
  }

  /** FieldTransformerOrVal ::= FieldTransformer | 'val(' Field ')' ('[' FieldArg ']')? */
  private transformerOrVal(): Operand | null {
    const start = this.position;
    if (this.lexer.word('val(')) {
      const open = this.position - 1;
      this.lexer.blank();
      const at = this.position;
      const name = this.lexer.match(FIELD_NAME);
      if (name === null) throw this.failure('COND_EXPECTED_FIELD', `expected a field within val()${this.found()}`);
      const field = this.fieldRemainder(name, at);
      this.lexer.blank();
      this.closeCall(open);
      const argument = this.optionalArgument();
      return { kind: 'call', name: 'val', arguments: [field], argument, start, end: this.position };
    }
    const transformer = this.lexer.oneOf(TRANSFORMER_STARTS);
    return transformer === null ? null : this.transformerTail(transformer.slice(0, -1) as TransformerName, start);
  }

  private enter(): void {
    if (++this.depth >= this.maxDepth) {
      const error = this.error('COND_TOO_DEEP', `the condition is nested more than ${this.maxDepth} levels deep`, this.position, this.position + 1);
      throw new Failure({ ...error, hint: 'move inner parts into macros' }, true);
    }
  }

  private trailing(): void {
    if (this.errors.length > 0) return;
    const rest = this.text.slice(this.position);
    if (rest.startsWith(')')) {
      this.errors.push(this.error('COND_TRAILING', "this ')' closes nothing", this.position, this.position + 1));
      return;
    }
    const length = Math.max(1, /^[^\s()]*/.exec(rest)?.[0].length ?? 1);
    const before = this.text.slice(0, this.position);
    const hint =
      rest.startsWith('&') ? "write 'and'"
      : rest.startsWith('|') ? "write 'or'"
      : rest.startsWith(',') && before.lastIndexOf('[') > before.lastIndexOf(']') ? LIST_HINT
      : rest.startsWith('(') && /[a-z.]$/.test(before) ? 'a value with a parenthesis in it has to be quoted'
      : 'quote a value that has blanks in it';
    this.errors.push({
      ...this.error('COND_TRAILING', `expected 'and', 'or' or the end${this.found()}`, this.position, this.position + length),
      hint,
    });
  }

  /** What stands here instead, to end a message with. */
  private found(): string {
    if (this.lexer.atEnd) return ', but the condition ends here';
    const rest = this.text.slice(this.position, this.position + 30);
    const word = /^(?:[^\s()[\],=]+|.)/su.exec(rest)?.[0] ?? rest;
    return `, not ${JSON.stringify(word)}`;
  }

  private atEndOr(atEnd: () => Failure, otherwise: () => Failure): Failure {
    return this.lexer.atEnd ? atEnd() : otherwise();
  }

  private failure(code: LangCode, message: string, start?: number, end?: number, hint?: string): Failure {
    const from = start ?? this.position;
    const error = this.error(code, message, from, end ?? Math.min(from + 1, this.text.length));
    return new Failure(hint === undefined ? error : { ...error, hint }, false);
  }

  private error(code: LangCode, message: string, start: number, end: number): LangError {
    return { severity: 'error', code, message, start, end, macros: [] };
  }
}

function literal(text: string, start: number, end: number): Literal {
  return { kind: 'literal', text, quoted: false, start, end };
}

function endOf(nodes: readonly Expr[]): number {
  return (nodes[nodes.length - 1] as Expr).end;
}
