// SPDX-License-Identifier: Apache-2.0
/**
 * The instrumented form of conditions: it tells of every sub-condition what came out, and counts it. It is made only for
 * those who ask (tests of rules, explanations); what an ordinary run compiles knows nothing of it. Each check runs the very
 * code that the compiled form would run for it, so that what is explained is what happens.
 */
import type { Expr, Operand } from '../lang/ast.js';
import type { FieldDef, FieldReader, SourceCatalogue } from '../lang/catalogue.js';
import { joinCode, js, Slots } from '../lang/code.js';
import { print } from '../lang/print.js';
import type { FieldType, Scalar, Value } from '../lang/value.js';
import type { Matcher } from './compile.js';
import { FunctionEmitter } from './emit.js';
import { bindOperand } from './operand.js';
import { Planner, type PlanNode } from './plan.js';

/** A node of a condition, with those below it; a macro has the root of its body below it. */
export interface SubCondition {
  /** Number in the order of the text, the root's is 0. */
  readonly id: number;
  readonly expr: Expr;
  /** The macros, outermost first, whose text the offsets are into: the last one's. Empty: the rule's own. */
  readonly macros: readonly string[];
  readonly children: readonly SubCondition[];
}

/** The value of a field or transformer in a check. It keeps nothing of the event. */
export interface TracedValue {
  readonly text: string;
  readonly value: Value;
  readonly type: FieldType;
  /** The field, when it is nothing but one. */
  readonly field: FieldDef | null;
}

/** What came out of a sub-condition for one event. */
export interface Trace {
  readonly of: SubCondition;
  readonly holds: boolean;
  /** Of a check: its fields and transformers with their values. */
  readonly values: readonly TracedValue[];
  readonly children: readonly Trace[];
}

interface Leaf<E> {
  readonly test: (event: E) => boolean;
  readonly operands: readonly BoundValue<E>[];
}

interface BoundValue<E> {
  readonly text: string;
  readonly read: FieldReader<E>;
  readonly type: FieldType;
  readonly field: FieldDef<E> | null;
}

export class InstrumentedCondition<E> {
  /** How often each sub-condition was asked and held, by its id; and was asked and did not. */
  readonly held: Uint32Array;
  readonly failed: Uint32Array;

  constructor(readonly root: SubCondition, private readonly leaves: ReadonlyMap<number, Leaf<E>>, size: number) {
    this.held = new Uint32Array(size);
    this.failed = new Uint32Array(size);
  }

  /** From left to right as it is written, no further than needed; what was asked on the way is counted. */
  evaluate(event: E): boolean {
    return this.visit(this.root, event);
  }

  /** Every sub-condition, needed or not. Nothing is counted. */
  trace(event: E): Trace {
    return this.look(this.root, event);
  }

  private visit(node: SubCondition, event: E): boolean {
    const holds = this.outcome(node, event);
    const counts = holds ? this.held : this.failed;
    counts[node.id]++;
    return holds;
  }

  private outcome(node: SubCondition, event: E): boolean {
    switch (node.expr.kind) {
      case 'and':
        for (const child of node.children) if (!this.visit(child, event)) return false;
        return true;
      case 'or':
        for (const child of node.children) if (this.visit(child, event)) return true;
        return false;
      case 'not':
        return !this.visit(node.children[0], event);
      case 'macro':
        return this.visit(node.children[0], event);
      case 'exists':
      case 'compare':
        return this.leaf(node).test(event);
      default:
        return node.expr satisfies never;
    }
  }

  private look(node: SubCondition, event: E): Trace {
    const children = node.children.map((child) => this.look(child, event));
    const trace = (holds: boolean, values: readonly TracedValue[] = []): Trace => ({ of: node, holds, values, children });
    switch (node.expr.kind) {
      case 'and':
        return trace(children.every((child) => child.holds));
      case 'or':
        return trace(children.some((child) => child.holds));
      case 'not':
        return trace(!children[0].holds);
      case 'macro':
        return trace(children[0].holds);
      case 'exists':
      case 'compare': {
        const { test, operands } = this.leaf(node);
        return trace(test(event), operands.map(({ text, read, type, field }) => ({ text, value: kept(read(event)), type, field: field as FieldDef | null })));
      }
      default:
        return node.expr satisfies never;
    }
  }

  private leaf(node: SubCondition): Leaf<E> {
    return this.leaves.get(node.id) as Leaf<E>;
  }
}

/** Conditions of one source, each with instruments of its own. They have to be resolved and checked; otherwise it throws. */
export function instrument<E>(conditions: readonly Expr[], catalogue: SourceCatalogue<E>): readonly InstrumentedCondition<E>[] {
  const planner = new Planner(catalogue);
  const tests = new LeafTests(planner);
  const prepared = conditions.map((condition) => {
    const leaves = new Map<number, { readonly plan: PlanNode<E>; readonly operands: readonly BoundValue<E>[] }>();
    let size = 0;
    const build = (expr: Expr, macros: readonly string[]): SubCondition => {
      const id = size++;
      switch (expr.kind) {
        case 'and':
        case 'or':
          return { id, expr, macros, children: expr.children.map((child) => build(child, macros)) };
        case 'not':
          return { id, expr, macros, children: [build(expr.child, macros)] };
        case 'macro':
          if (expr.body === null) throw new Error(`macro '${expr.name}' is not resolved`);
          return { id, expr, macros, children: [build(expr.body, [...macros, expr.name])] };
        case 'exists':
        case 'compare': {
          const plan = planner.plan(expr);
          tests.add(plan);
          leaves.set(id, { plan, operands: operandsOf(expr).map(([operand, place]) => bound(operand, place, catalogue)) });
          return { id, expr, macros, children: [] };
        }
        default:
          return expr satisfies never;
      }
    };
    const root = build(condition, []);
    return { root, leaves, size };
  });
  const compiled = tests.compile();
  return prepared.map(({ root, leaves, size }) => {
    const withTests = new Map([...leaves].map(([id, { plan, operands }]) => [id, { test: compiled.get(plan) as (event: E) => boolean, operands }]));
    return new InstrumentedCondition(root, withTests, size);
  });
}

/** The compiled form of single checks, each once for all conditions. */
class LeafTests<E> {
  private readonly plans = new Set<PlanNode<E>>();

  constructor(private readonly planner: Planner<E>) {}

  add(plan: PlanNode<E>): void {
    this.plans.add(plan);
  }

  compile(): ReadonlyMap<PlanNode<E>, (event: E) => boolean> {
    const slots = new Slots();
    const hits = slots.of(new Int32Array(1));
    const checks = [...this.plans].filter((plan) => plan.kind !== 'constant');
    const functions = checks.map((root) => new FunctionEmitter<E>(slots, hits).emit([{ index: 0, root }]));
    const matchers = slots.build<readonly Matcher<E>[]>(js`return [${joinCode(functions, js`,\n`)}];`);
    const tests = new Map<PlanNode<E>, (event: E) => boolean>([
      [this.planner.true, () => true],
      [this.planner.false, () => false],
    ]);
    checks.forEach((check, i) => {
      const matcher = matchers[i];
      tests.set(check, (event) => matcher(event, 0) === 1);
    });
    return tests;
  }
}

function operandsOf(expr: Expr): readonly (readonly [Operand, 'left' | 'right'])[] {
  if (expr.kind === 'exists') return [[expr.left, 'left']];
  if (expr.kind !== 'compare') return [];
  const { right } = expr;
  return right.kind === 'field' || right.kind === 'call' ? [[expr.left, 'left'], [right, 'right']] : [[expr.left, 'left']];
}

function bound<E>(operand: Operand, place: 'left' | 'right', catalogue: SourceCatalogue<E>): BoundValue<E> {
  const { read, type, field } = bindOperand(operand, catalogue, place);
  return { text: print(operand), read, type, field };
}

/** A copy that outlives the event. */
function kept(value: Value): Value {
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  if (Array.isArray(value)) return (value as readonly Scalar[]).map((item) => (item instanceof Uint8Array ? Uint8Array.from(item) : item));
  return value;
}
