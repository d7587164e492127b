// SPDX-License-Identifier: Apache-2.0
/**
 * The parser: recursive descent, one method per production, its grammar above it. The language is the ecosystem's to the
 * letter, oddities included, because rules that load there have to mean the same here. This file has what conditions are
 * made of; what they compare is in `parse-operands.ts`.
 */
import {
  type AndExpr, COMPARE_OPERATORS, type CompareOperator, type Expr, type LangError, type Literal, type LiteralList, MODIFIERS,
  type Modifier, type Operand, type OrExpr,
} from './ast.js';
import { IDENTIFIER, type Lexer, NOT } from './lex.js';
import { LIST_HINT, OperandParser } from './parse-operands.js';
import { Failure, ParseState } from './parse-state.js';
import { closest } from './suggest.js';

/** Productions entered at once; the ecosystem's limit for rules. About 200 nested parentheses. */
const DEFAULT_MAX_DEPTH = 1000;

/** After so many, what follows is more likely to be our confusion than the writer's. */
const MAX_ERRORS = 20;

const NUMBER_OPERATORS = ['<=', '<', '>=', '>'] as const;
const STRING_OPERATORS = [
  '==', '=', '!=', 'glob', 'iglob', 'contains', 'icontains', 'bcontains', 'startswith', 'bstartswith', 'endswith', 'regex',
] as const;
const LIST_OPERATORS = ['intersects', 'in', 'pmatch'] as const;

export interface Parsed<T> {
  /** Null when there is an error. */
  readonly ast: T | null;
  readonly errors: readonly LangError[];
}

/** Parses a condition. Never throws; nesting beyond `maxDepth` is an error. */
export function parse(text: string, options: { readonly maxDepth?: number } = {}): Parsed<Expr> {
  const state = new ParseState(text, options.maxDepth ?? DEFAULT_MAX_DEPTH);
  const ast = new ConditionParser(state).condition();
  return { ast: state.errors.length === 0 ? ast : null, errors: state.errors };
}

/**
 * Parses one field or transformer that starts at `offset` and may be followed by anything (output templates).
 * `end` is where it ended.
 */
export function parseOperand(text: string, offset = 0): Parsed<Operand> & { readonly end: number } {
  const state = new ParseState(text, DEFAULT_MAX_DEPTH);
  state.lexer.position = offset;
  let ast: Operand | null = null;
  try {
    ast = new OperandParser(state).operand();
    if (ast === null) {
      const word = /^\w*/.exec(text.slice(offset))?.[0] ?? '';
      throw state.failure('COND_EXPECTED_FIELD', word === '' ? 'expected a field or a transformer' : `there is no field '${word}'`);
    }
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure;
    state.errors.push(failure.error);
  }
  return { ast, errors: state.errors, end: state.lexer.position };
}

class ConditionParser {
  private readonly lexer: Lexer;
  private readonly operands: OperandParser;

  constructor(private readonly state: ParseState) {
    this.lexer = state.lexer;
    this.operands = new OperandParser(state);
  }

  /** Condition ::= Expr END */
  condition(): Expr | null {
    if (this.lexer.text.trim() === '') {
      this.state.errors.push(this.state.error('COND_EMPTY', 'the condition is empty', 0, this.lexer.text.length));
      return null;
    }
    try {
      const ast = this.or();
      if (!this.lexer.atEnd) this.trailing();
      return ast;
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure;
      this.state.errors.push(failure.error);
      return null;
    }
  }

  /**
   * Expr       ::= OrExpr
   * OrExpr     ::= AndExpr ('or' OrExprTail)*
   * OrExprTail ::= ' ' AndExpr | '(' Expr ')'
   */
  private or(): Expr {
    this.state.enter();
    this.lexer.blank();
    const start = this.lexer.position;
    const children = [this.and()];
    this.lexer.blank();
    while (this.lexer.word('or')) {
      children.push(this.afterKeyword('or', () => this.and()));
      this.lexer.blank();
    }
    this.state.depth--;
    if (children.length === 1) return children[0] as Expr;
    return { kind: 'or', children, start, end: endOf(children) } satisfies OrExpr;
  }

  /**
   * AndExpr     ::= NotExpr ('and' AndExprTail)*
   * AndExprTail ::= ' ' NotExpr | '(' Expr ')'
   */
  private and(): Expr {
    this.state.enter();
    this.lexer.blank();
    const start = this.lexer.position;
    const children = [this.not()];
    this.lexer.blank();
    while (this.lexer.word('and')) {
      children.push(this.afterKeyword('and', () => this.not()));
      this.lexer.blank();
    }
    this.state.depth--;
    if (children.length === 1) return children[0] as Expr;
    return { kind: 'and', children, start, end: endOf(children) } satisfies AndExpr;
  }

  private afterKeyword(keyword: 'and' | 'or', operand: () => Expr): Expr {
    if (this.lexer.blank()) return operand();
    if (this.lexer.word('(')) return this.embeddedRemainder(this.lexer.position - 1);
    const what = this.lexer.position >= this.lexer.text.length ? `nothing follows '${keyword}'` : `expected a blank or '(' after '${keyword}'`;
    throw this.state.failure('COND_KEYWORD_SPACING', what);
  }

  /**
   * NotExpr     ::= ('not ')* NotExprTail
   * NotExprTail ::= 'not(' Expr ')' | Check
   */
  private not(): Expr {
    this.state.enter();
    this.lexer.blank();
    const start = this.lexer.position;
    let negated = false;
    while (this.lexer.match(NOT) !== null) negated = !negated;
    let child: Expr;
    if (this.lexer.word('not(')) {
      negated = !negated;
      child = this.embeddedRemainder(this.lexer.position - 1);
    } else {
      child = this.checkOrRecover();
    }
    this.state.depth--;
    return negated ? { kind: 'not', child, start, end: child.end } : child;
  }

  /** '(' has been read: Expr ')' */
  private embeddedRemainder(open: number): Expr {
    this.state.enter();
    this.lexer.blank();
    const child = this.or();
    this.lexer.blank();
    if (!this.lexer.word(')')) {
      throw this.state.atEndOr(
        () => this.state.failure('COND_UNCLOSED_PAREN', "this '(' is not closed", open, open + 1),
        () => this.state.failure('COND_UNCLOSED_PAREN', `expected 'and', 'or' or ')'${this.state.found()}`),
      );
    }
    this.state.depth--;
    return child;
  }

  /** A check that does not parse is reported and skipped, so that the next one's problems are reported as well. */
  private checkOrRecover(): Expr {
    const { depth } = this.state;
    const { position } = this.lexer;
    try {
      return this.check();
    } catch (failure) {
      if (!(failure instanceof Failure) || failure.fatal || this.state.errors.length >= MAX_ERRORS) throw failure;
      this.state.errors.push(failure.error);
      this.state.depth = depth;
      this.skipCheck(position);
      return { kind: 'macro', name: '', body: null, start: position, end: this.lexer.position };
    }
  }

  /** Goes to the next `and`, `or` or `)` that belongs to the expression which the check at `from` is part of. */
  private skipCheck(from: number): void {
    this.lexer.position = from;
    let open = 0;
    while (!this.lexer.atEnd) {
      if (this.lexer.atQuote) {
        const end = this.lexer.endOfQuoted();
        this.lexer.position = end === -1 ? this.lexer.text.length : end;
        continue;
      }
      const c = this.lexer.text[this.lexer.position];
      if (c === ')' && open-- === 0) return;
      if (c === '(') open++;
      const before = this.lexer.text[this.lexer.position - 1];
      if (open === 0 && this.lexer.position > from && before !== undefined && /[\s)]/.test(before)) {
        if (/^(?:and|or)[\s(]/.test(this.lexer.text.slice(this.lexer.position, this.lexer.position + 4))) return;
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
    this.state.enter();
    this.lexer.blank();
    const start = this.lexer.position;
    let result: Expr;
    if (this.lexer.word('(')) {
      result = this.embeddedRemainder(start);
    } else {
      const left = this.operands.operand();
      if (left !== null) {
        result = this.comparison(left, start);
      } else {
        const macro = this.lexer.match(IDENTIFIER);
        if (macro === null) throw this.state.failure('COND_EXPECTED_CHECK', `expected a field, a macro or '('${this.state.found()}`);
        result = { kind: 'macro', name: macro, body: null, start, end: this.lexer.position };
      }
    }
    this.state.depth--;
    return result;
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
    this.state.enter();
    this.lexer.blank();
    const operatorStart = this.lexer.position;
    if (this.lexer.word('exists')) {
      this.state.depth--;
      return { kind: 'exists', left, start, end: this.lexer.position };
    }
    let operator: CompareOperator | null = this.lexer.oneOf(NUMBER_OPERATORS);
    let modifier: Modifier | null = null;
    let right: Literal | LiteralList | Operand;
    if (operator !== null) {
      right = this.operands.numberOrTransformer();
    } else {
      operator = this.lexer.blankTerminated(STRING_OPERATORS);
      if (operator !== null) {
        modifier = this.modifier(/^[a-z]/.test(operator));
        right = modifier === null ? this.operands.stringOrTransformer() : this.operands.listValue(false);
      } else {
        operator = this.lexer.oneOf(LIST_OPERATORS);
        if (operator === null) throw this.missingOperator(left);
        right = this.operands.listValue(true);
      }
    }
    this.state.depth--;
    return { kind: 'compare', left, operator, operatorStart, modifier, right, start, end: right.end };
  }

  private missingOperator(left: Operand): Failure {
    const word = /^[a-z!=<>~]+/i.exec(this.lexer.text.slice(this.lexer.position, this.lexer.position + 20))?.[0];
    const known = word !== undefined && (COMPARE_OPERATORS as readonly string[]).includes(word);
    const spelt = /^[a-z_]{4,}/.exec(this.lexer.text.slice(this.lexer.position, this.lexer.position + 20))?.[0];
    const near = spelt === undefined ? null : closest(spelt, COMPARE_OPERATORS);
    const hint = known ? `'${word}' needs a blank after it` : near !== null ? `did you mean '${near}'?` : `operators are ${COMPARE_OPERATORS.join(' ')} exists`;
    const what = left.kind === 'field' ? `field '${left.name}'` : `'${left.name}(…)'`;
    return this.state.failure('COND_EXPECTED_OPERATOR', `expected an operator after ${what}${this.state.found()}`, undefined, undefined, hint);
  }

  /**
   * StrOperatorModifier ::= 'oneof ' | 'anyof ' | 'allof '
   *
   * Only with blanks on both sides and a list after it; otherwise the word is the value: `proc.name = anyof and …`.
   */
  private modifier(blankRead: boolean): Modifier | null {
    const before = this.lexer.position;
    if (blankRead || this.lexer.blank()) {
      const modifier = this.lexer.blankTerminated(MODIFIERS);
      if (modifier !== null) {
        const rest = this.lexer.text.slice(this.lexer.position, this.lexer.position + 4);
        if (/^(?:\(|[a-zA-Z])/.test(rest) && !/^(?:and|or|not)(?![a-zA-Z0-9])/.test(rest)) return modifier;
      }
    }
    this.lexer.position = before;
    return null;
  }

  private trailing(): void {
    if (this.state.errors.length > 0) return;
    const rest = this.lexer.text.slice(this.lexer.position);
    if (rest.startsWith(')')) {
      this.state.errors.push(this.state.error('COND_TRAILING', "this ')' closes nothing", this.lexer.position, this.lexer.position + 1));
      return;
    }
    const length = Math.max(1, /^[^\s()]*/.exec(rest)?.[0].length ?? 1);
    const before = this.lexer.text.slice(0, this.lexer.position);
    const hint =
      rest.startsWith('&') ? "write 'and'"
      : rest.startsWith('|') ? "write 'or'"
      : rest.startsWith(',') && before.lastIndexOf('[') > before.lastIndexOf(']') ? LIST_HINT
      : rest.startsWith('(') && /[a-z.]$/.test(before) ? 'a value with a parenthesis in it has to be quoted'
      : 'quote a value that has blanks in it';
    this.state.errors.push({
      ...this.state.error('COND_TRAILING', `expected 'and', 'or' or the end${this.state.found()}`, this.lexer.position, this.lexer.position + length),
      hint,
    });
  }
}

function endOf(nodes: readonly Expr[]): number {
  return (nodes[nodes.length - 1] as Expr).end;
}
