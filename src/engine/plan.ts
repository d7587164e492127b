// SPDX-License-Identifier: Apache-2.0
/**
 * Conditions as a graph in which what means the same is the same node, across all rules of a source: that is how a check
 * that rules share comes to be evaluated once.
 */
import type { CompareCheck, Expr, Literal, Operand } from '../lang/ast.js';
import type { SourceCatalogue } from '../lang/catalogue.js';
import { constantsOf } from '../lang/checks/constants.js';
import type { Problem } from '../lang/checks/context.js';
import { type Constant, parseConstant, parseHexBytes } from '../lang/constants.js';
import { kindOf } from '../lang/kinds.js';
import { type TypedOperand, typeOperand } from '../lang/operand.js';
import { operatorOf } from '../lang/operators/index.js';
import type { Operator } from '../lang/operators/operator.js';
import { asciiLower } from '../lang/text.js';
import { TRANSFORMERS } from '../lang/transformers/index.js';

export type PlanNode<E> = ConstantNode | GroupNode<E> | NotNode<E> | CheckNode<E>;

interface NodeBase {
  readonly id: number;
  /** Relative cost of finding it out alone. */
  readonly cost: number;
  /** A guess at how often it holds. It decides the order of evaluation, and nothing else. */
  readonly odds: number;
}

export interface ConstantNode extends NodeBase {
  readonly kind: 'constant';
  readonly value: boolean;
}

export interface GroupNode<E> extends NodeBase {
  readonly kind: 'and' | 'or';
  readonly children: readonly PlanNode<E>[];
}

export interface NotNode<E> extends NodeBase {
  readonly kind: 'not';
  readonly child: PlanNode<E>;
}

export interface CheckNode<E> extends NodeBase {
  readonly kind: 'check';
  readonly left: TypedOperand<E>;
  /** Null: `exists`. */
  readonly operator: Operator | null;
  readonly modifier: CompareCheck['modifier'];
  readonly constants: readonly Constant[];
  readonly right: TypedOperand<E> | null;
  /** Of `startswith` against many at once: the engine's own merging, which no condition can ask for. */
  readonly anyPrefix: boolean;
}

/** From so many prefixes on, walking along the text is cheaper than comparing with each. */
const MANY_PREFIXES = 4;
const READ_COST = 4;

export class Planner<E> {
  private readonly interned = new Map<string, PlanNode<E>>();
  private readonly nodes: PlanNode<E>[] = [];
  /** Conditions that macros stand for are one tree however often they are referred to. */
  private readonly planned = new Map<Expr, PlanNode<E>>();
  readonly true: PlanNode<E> = this.constant(true);
  readonly false: PlanNode<E> = this.constant(false);

  constructor(private readonly catalogue: SourceCatalogue<E>) {}

  /** Throws on a condition that has not been checked. */
  plan(expr: Expr): PlanNode<E> {
    const known = this.planned.get(expr);
    if (known !== undefined) return known;
    const node = this.build(expr);
    this.planned.set(expr, node);
    return node;
  }

  private build(expr: Expr): PlanNode<E> {
    switch (expr.kind) {
      case 'and':
      case 'or':
        return this.group(expr.kind, expr.children.map((child) => this.plan(child)));
      case 'not':
        return this.not(this.plan(expr.child));
      case 'macro':
        if (expr.body === null) throw new Error(`macro '${expr.name}' is not resolved`);
        return this.plan(expr.body);
      case 'exists':
        return this.check({ left: this.operand(expr.left, 'left'), operator: null, modifier: null, constants: [], right: null });
      case 'compare':
        return this.compare(expr);
      default:
        return expr satisfies never;
    }
  }

  constant(value: boolean): PlanNode<E> {
    return this.intern(`${value}`, (id) => ({ kind: 'constant', id, cost: 0, odds: value ? 1 : 0, value }));
  }

  not(child: PlanNode<E>): PlanNode<E> {
    if (child.kind === 'constant') return child.value ? this.false : this.true;
    if (child.kind === 'not') return child.child;
    return this.intern(`not ${child.id}`, (id) => ({ kind: 'not', id, cost: child.cost, odds: 1 - child.odds, child }));
  }

  group(kind: 'and' | 'or', children: readonly PlanNode<E>[]): PlanNode<E> {
    const neutral = kind === 'and' ? this.true : this.false;
    const absorbing = kind === 'and' ? this.false : this.true;
    const parts = new Set<PlanNode<E>>();
    for (const child of children) {
      if (child === absorbing) return absorbing;
      if (child === neutral) continue;
      for (const part of child.kind === kind ? child.children : [child]) parts.add(part);
    }
    for (const part of parts) if (part.kind === 'not' && parts.has(part.child)) return absorbing;
    const flat = this.merge(kind, [...parts]);
    if (flat.length === 0) return neutral;
    if (flat.length === 1) return flat[0] as PlanNode<E>;
    // Readers and operators have no effects, so that the order is ours to choose: what decides soonest for its cost first.
    const deciding = (part: PlanNode<E>): number => part.cost / Math.max(0.01, kind === 'and' ? 1 - part.odds : part.odds);
    flat.sort((a, b) => deciding(a) - deciding(b));
    let cost = 0;
    let undecided = 1;
    for (const part of flat) {
      cost += undecided * part.cost;
      undecided *= kind === 'and' ? part.odds : 1 - part.odds;
    }
    const odds = kind === 'and' ? undecided : 1 - undecided;
    const key = `${kind} ${flat.map((part) => part.id).sort((a, b) => a - b).join(' ')}`;
    return this.intern(key, (id) => ({ kind, id, cost, odds, children: flat }));
  }

  /**
   * Alternatives for one operand become one check: `f = a or f in (b, c)` is `f in (a, b, c)`, and many `startswith` one
   * walk. Among conditions that all have to hold, the same goes for what is negated.
   */
  private merge(kind: 'and' | 'or', parts: readonly PlanNode<E>[]): PlanNode<E>[] {
    const byOperand = new Map<string, CheckNode<E>[]>();
    for (const part of parts) {
      const check = kind === 'or' ? part : part.kind === 'not' ? part.child : null;
      const way = check === null ? null : mergeable(check);
      if (check === null || way === null) continue;
      const key = `${way} ${(check as CheckNode<E>).left.key}`;
      const group = byOperand.get(key);
      if (group === undefined) byOperand.set(key, [check as CheckNode<E>]);
      else group.push(check as CheckNode<E>);
    }
    const gone = new Set<PlanNode<E>>();
    const merged: PlanNode<E>[] = [];
    for (const [key, checks] of byOperand) {
      const prefixes = key.startsWith('startswith');
      if (checks.length < (prefixes ? MANY_PREFIXES : 2)) continue;
      const { left } = checks[0] as CheckNode<E>;
      const constants = [...new Set(checks.flatMap((check) => check.constants))];
      const operator = operatorOf(prefixes ? 'startswith' : 'in');
      const check = this.check({ left, operator, modifier: null, constants, right: null }, prefixes);
      merged.push(kind === 'or' ? check : this.not(check));
      for (const old of checks) gone.add(kind === 'or' ? old : this.not(old));
    }
    return gone.size === 0 ? [...parts] : [...parts.filter((part) => !gone.has(part)), ...merged];
  }

  private compare(node: CompareCheck): PlanNode<E> {
    const left = this.operand(node.left, 'left');
    let operator = operatorOf(node.operator);
    if (left.field?.equalsMeansAtMost === true) operator = operatorOf('<=');
    const { right } = node;
    if (right.kind === 'field' || right.kind === 'call') {
      return this.check({ left, operator, modifier: node.modifier, constants: [], right: this.operand(right, 'right') });
    }
    const constants = constantsOf(right).map((literal) => constantOf(literal, node, left));
    // No value is among none, and none can be satisfied.
    if (constants.length === 0 && !(left.list && operator.name === 'in')) return this.false;
    if (operator.name === 'icontains' && !left.list && left.candidates === null) {
      // Many rules ask this of one command line: folded once an event, it is searched as any other text.
      const folded = constants.map((constant) => asciiLower(constant as string));
      return this.check({ left: lowered(left), operator: operatorOf('contains'), modifier: node.modifier, constants: folded, right: null });
    }
    return this.check({ left, operator, modifier: node.modifier, constants, right: null });
  }

  private check(parts: Omit<CheckNode<E>, 'id' | 'cost' | 'odds' | 'kind' | 'anyPrefix'>, anyPrefix = false): PlanNode<E> {
    const { left, operator, modifier, right } = parts;
    // Quoted part by part: a constant may hold whatever would separate them.
    const key = JSON.stringify([left.key, operator?.name ?? 'exists', modifier, right?.key ?? null, anyPrefix, ...parts.constants.map(constantKey)]);
    const many = operator === null || operator.many || anyPrefix ? 1 : Math.max(1, parts.constants.length);
    const spread = left.list || left.candidates !== null ? 4 : 1;
    const cost = READ_COST * operandDepth(left) + (operator?.cost ?? 1) * many * spread + (right === null ? 0 : READ_COST * operandDepth(right));
    return this.intern(key, (id) => ({ kind: 'check', id, cost, odds: oddsOf(operator, parts.constants), anyPrefix, ...parts }));
  }

  private operand(node: Operand, place: 'left' | 'right'): TypedOperand<E> {
    const typed = typeOperand(node, place, this.catalogue, refuse);
    if (typed === null) throw new Error('the condition has not been checked');
    return typed;
  }

  private intern(key: string, make: (id: number) => PlanNode<E>): PlanNode<E> {
    let node = this.interned.get(key);
    if (node === undefined) {
      node = make(this.nodes.length);
      this.nodes.push(node);
      this.interned.set(key, node);
    }
    return node;
  }
}

function lowered<E>(operand: TypedOperand<E>): TypedOperand<E> {
  const shape = { kind: 'call', transformer: TRANSFORMERS.tolower, args: [operand], argument: null } as const;
  return { ...operand, key: `tolower(${operand.key})`, shape, field: null };
}

/** Most values are none of those that a rule asks for, and most are there. */
function oddsOf(operator: Operator | null, constants: readonly Constant[]): number {
  switch (operator?.name) {
    case undefined:
      return 0.8;
    case '!=':
      return 0.9;
    case '<':
    case '<=':
    case '>':
    case '>=':
      return 0.5;
    case '=':
      return typeof constants[0] === 'boolean' ? 0.3 : 0.05;
    case 'glob':
    case 'iglob':
    case 'regex':
      return 0.1;
    default:
      return Math.min(0.3, 0.05 + 0.01 * constants.length);
  }
}

function refuse(problem: Problem): void {
  if (problem.severity !== 'warning') throw new Error(`the condition has not been checked: ${problem.message}`);
}

function mergeable<E>(node: PlanNode<E>): 'in' | 'startswith' | null {
  if (node.kind !== 'check' || node.left.list || node.left.candidates !== null || node.right !== null || node.modifier !== null) return null;
  const kind = kindOf(node.left.type);
  if (kind === 'net' || kind === 'bytes') return null;
  switch (node.operator?.name) {
    case '=':
    case 'in':
    case 'intersects':
      return 'in';
    case 'startswith':
      // A prefix that ends within a character has to be looked for in bytes.
      return (node.constants[0] as string).isWellFormed() ? 'startswith' : null;
    default:
      return null;
  }
}

function constantOf<E>(literal: Literal, node: CompareCheck, left: TypedOperand<E>): Constant {
  if (node.operator === 'bcontains' || node.operator === 'bstartswith') {
    const bytes = parseHexBytes(literal.text);
    if (bytes !== null) return bytes;
  } else {
    const parsed = parseConstant(literal, left.type);
    if ('value' in parsed) return parsed.value;
  }
  throw new Error(`the condition has not been checked: '${literal.text}'`);
}

function constantKey(constant: Constant): string {
  if (constant instanceof Uint8Array) return `x${Buffer.from(constant).toString('hex')}`;
  if (typeof constant === 'object') return `n${constant.text}`;
  return `${typeof constant}${constant}`;
}

function operandDepth<E>(operand: TypedOperand<E>): number {
  const { shape } = operand;
  switch (shape.kind) {
    case 'field':
      return 1;
    case 'constant':
      return 0;
    case 'list':
      return shape.items.reduce((sum, item) => sum + operandDepth(item), 0);
    case 'call':
      return 4 + shape.args.reduce((sum, arg) => sum + operandDepth(arg), 0);
    default:
      return shape satisfies never;
  }
}
