// SPDX-License-Identifier: Apache-2.0
/**
 * One function for all rules that an event type leaves over. It writes the numbers of the rules that match into `hits` and
 * returns how many they are.
 *
 * - A field is read when it is first needed and then kept in a variable for the rest of the event.
 * - Rules that require the same are put below one `if`.
 * - What is dear and used more than once is kept in a variable as well.
 * All of it lives in variables of the function: nothing is allocated, nothing outlives the call.
 */
import { type Code, identifier, joinCode, js, type Slots } from '../lang/code.js';
import type { TypedOperand } from '../lang/operand.js';
import type { Present } from '../lang/transformers/transformer.js';
import type { Value } from '../lang/value.js';
import { checkCode } from './check-code.js';
import type { CheckNode, PlanNode } from './plan.js';
import { listOf } from './runtime.js';
import { type OpenRule, SharedParts } from './shared-parts.js';

export interface PlannedRule<E> {
  readonly index: number;
  readonly root: PlanNode<E>;
}

/** Below this, finding out again costs no more than looking up what came out the last time. */
const WORTH_KEEPING = 7;

/** Text of a function body beyond which rules are spread over several functions: V8 does not optimise huge ones. */
export const MAX_BODY = 60_000;

export class FunctionEmitter<E> {
  private readonly variables = new Map<string, { readonly name: Code; readonly operand: TypedOperand<E> }>();
  private readonly uses = new Map<PlanNode<E>, number>();
  private readonly kept = new Map<PlanNode<E>, Code>();

  constructor(private readonly slots: Slots, private readonly hits: Code) {}

  /** `function(e){…}` that appends to `hits` from `n` on. */
  emit(rules: readonly PlannedRule<E>[]): Code {
    for (const rule of rules) this.count(rule.root);
    const body = this.block(rules.map((rule) => ({ index: rule.index, parts: conjuncts(rule.root) })), new Set());
    const declared = [
      ...[...this.variables.values()].map(({ name }) => name),
      ...[...this.kept.values()].map((name) => js`${name}=0`),
    ];
    const declarations = declared.length === 0 ? js`` : js`var ${joinCode(declared, js`,`)};`;
    return js`function(e,n){${declarations}${body}return n;}`;
  }

  private count(node: PlanNode<E>): void {
    const uses = (this.uses.get(node) ?? 0) + 1;
    this.uses.set(node, uses);
    if (uses > 1) return;
    if (node.kind === 'not') this.count(node.child);
    else if (node.kind === 'and' || node.kind === 'or') for (const child of node.children) this.count(child);
  }

  /** `read`: variables that have been read on the way here. */
  private block(rules: readonly OpenRule<E>[], read: ReadonlySet<string>): Code {
    const out: Code[] = [];
    const shared = new SharedParts(rules);
    for (let group = shared.take(); group !== null; group = shared.take()) {
      const { code, within } = this.chain('and', group.parts, read);
      out.push(js`if(${code}){${this.block(group.rules, within)}}`);
    }
    for (const rule of shared.rest) {
      const hit = js`${this.hits}[n++]=${rule.index};`;
      if (rule.parts.length === 0) out.push(hit);
      else out.push(js`if(${this.chain('and', rule.parts, read).code})${hit}`);
    }
    return joinCode(out, js``);
  }

  /** `after`: what has been read for certain once the expression is evaluated. */
  private expression(node: PlanNode<E>, read: ReadonlySet<string>): { readonly code: Code; readonly after: ReadonlySet<string> } {
    const uses = this.uses.get(node) ?? 0;
    if (uses < 2 || node.cost < WORTH_KEEPING || node.kind === 'not' || node.kind === 'constant') return this.bare(node, read);
    let name = this.kept.get(node);
    if (name === undefined) {
      name = identifier('k', this.kept.size);
      this.kept.set(node, name);
    }
    // 0: not known yet, 1: true, 2: false. What it reads is not certain to have been read here.
    const { code } = this.bare(node, read);
    return { code: js`(${name}===0?(${name}=${code}?1:2):${name})===1`, after: read };
  }

  private bare(node: PlanNode<E>, read: ReadonlySet<string>): { readonly code: Code; readonly after: ReadonlySet<string> } {
    switch (node.kind) {
      case 'constant':
        return { code: js`${node.value}`, after: read };
      case 'not': {
        const child = this.expression(node.child, read);
        return { code: js`!(${child.code})`, after: child.after };
      }
      case 'and':
      case 'or': {
        const { code, after } = this.chain(node.kind, node.children, read);
        return { code: js`(${code})`, after };
      }
      case 'check':
        return this.check(node, read);
      default:
        return node satisfies never;
    }
  }

  /**
   * Each part can count on what all before it have read. `after`: what is read whatever comes out, which is what the first
   * part reads; `within`: what is read if none of the parts ended the chain.
   */
  private chain(kind: 'and' | 'or', parts: readonly PlanNode<E>[], read: ReadonlySet<string>): {
    readonly code: Code; readonly after: ReadonlySet<string>; readonly within: ReadonlySet<string>;
  } {
    const codes: Code[] = [];
    let certain: ReadonlySet<string> | null = null;
    let sofar = read;
    for (const part of parts) {
      const { code, after } = this.expression(part, sofar);
      codes.push(code);
      certain ??= after;
      sofar = after;
    }
    return { code: joinCode(codes, kind === 'and' ? js`&&` : js`||`), after: certain ?? read, within: sofar };
  }

  private check(node: CheckNode<E>, read: ReadonlySet<string>): { readonly code: Code; readonly after: ReadonlySet<string> } {
    const reads: Code[] = [];
    const after = new Set(read);
    const left = this.operand(node.left, after, reads);
    const right = node.right === null ? null : this.operand(node.right, after, reads);
    const code = checkCode(node, left, right, this.slots);
    return { code: reads.length === 0 ? code : js`(${joinCode(reads, js`,`)},${code})`, after };
  }

  /** A name for the operand's value; what has to be done to have it is added to `reads`. */
  private operand(operand: TypedOperand<E>, read: Set<string>, reads: Code[]): Code {
    const { shape } = operand;
    if (shape.kind === 'constant') return js`${shape.text}`;
    let variable = this.variables.get(operand.key);
    if (variable === undefined) {
      variable = { name: identifier('v', this.variables.size), operand };
      this.variables.set(operand.key, variable);
    }
    const { name } = variable;
    if (read.has(operand.key)) return name;
    read.add(operand.key);
    reads.push(js`${name}===undefined&&(${name}=${this.reading(operand)})`);
    return name;
  }

  private reading(operand: TypedOperand<E>): Code {
    const { shape } = operand;
    // Readers are bound once for each use in a condition; one of them serves all that read the same.
    if (shape.kind === 'field') return js`${this.slots.keyed(`read ${operand.key}`, () => shape.read)}(e)`;
    if (shape.kind === 'constant') return js`${shape.text}`;
    const parts = shape.kind === 'list' ? shape.items : shape.args;
    const values: Code[] = [];
    for (const part of parts) {
      // Within a conditional read: nothing is known to have been read, nor will be.
      const reads: Code[] = [];
      const name = this.operand(part, new Set(), reads);
      values.push(reads.length === 0 ? name : js`(${joinCode(reads, js`,`)},${name})`);
    }
    const array = js`[${joinCode(values, js`,`)}]`;
    if (shape.kind === 'list') return js`${this.slots.of(listOf)}(${array})`;
    const { transformer, argument } = shape;
    const apply = this.slots.keyed(`apply ${operand.key}`, () => (args: readonly Value[]): Value => {
      for (let i = 0; i < args.length; i++) if (args[i] === null) return null;
      return transformer.apply(args as readonly Present[], argument);
    });
    return js`${apply}(${array})`;
  }
}

function conjuncts<E>(node: PlanNode<E>): readonly PlanNode<E>[] {
  return node.kind === 'and' ? node.children : [node];
}
