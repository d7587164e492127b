// SPDX-License-Identifier: Apache-2.0
/**
 * Can these conditions hold together, for any event at all? The answer `false` is certain; `true` means that no reason
 * was found why not. It looks for one way to satisfy them, from check to check, and goes back where two checks of one
 * field exclude each other.
 */
import { testOf } from '../../engine/check-code.js';
import type { CheckNode, PlanNode } from '../../engine/plan.js';
import type { Constant } from '../../lang/constants.js';
import { kindOf } from '../../lang/kinds.js';
import type { Scalar } from '../../lang/value.js';

/** A condition that has to hold, or with `negated` one that must not. */
export interface Goal<E> {
  readonly node: PlanNode<E>;
  readonly negated: boolean;
}

interface Literal<E> {
  readonly check: CheckNode<E>;
  readonly negated: boolean;
}

/** Steps after which the search gives up and finds no reason. */
const MAX_STEPS = 20_000;

export function canHold<E>(goals: readonly Goal<E>[]): boolean {
  return new Search<E>().satisfy(goals, new Map());
}

/** What has been assumed so far, by operand. */
type Assumed<E> = ReadonlyMap<string, readonly Literal<E>[]>;

class Search<E> {
  private steps = 0;

  satisfy(goals: readonly Goal<E>[], assumed: Assumed<E>): boolean {
    if (++this.steps > MAX_STEPS) return true;
    const alternatives: Goal<E>[] = [];
    const stack = [...goals].reverse();
    const known = new Map(assumed);
    for (let goal = stack.pop(); goal !== undefined; goal = stack.pop()) {
      const { node, negated } = goal;
      switch (node.kind) {
        case 'constant':
          if (node.value === negated) return false;
          break;
        case 'not':
          stack.push({ node: node.child, negated: !negated });
          break;
        case 'check':
          if (!assume(known, { check: node, negated })) return false;
          break;
        case 'and':
        case 'or':
          // Not (a or b) is (not a) and (not b).
          if ((node.kind === 'and') !== negated) for (const child of node.children) stack.push({ node: child, negated });
          else alternatives.push(goal);
          break;
        default:
          return node satisfies never;
      }
    }
    const [first, ...rest] = alternatives.sort((a, b) => width(a) - width(b));
    if (first === undefined) return true;
    return (first.node as { readonly children: readonly PlanNode<E>[] }).children.some((child) =>
      this.satisfy([{ node: child, negated: first.negated }, ...rest], known),
    );
  }
}

const width = <E>({ node }: Goal<E>): number => (node.kind === 'and' || node.kind === 'or' ? node.children.length : 1);

/** False: it contradicts what is assumed of the same operand. */
function assume<E>(known: Map<string, readonly Literal<E>[]>, literal: Literal<E>): boolean {
  const { key } = literal.check.left;
  const others = known.get(key) ?? [];
  if (others.some((other) => other.check === literal.check && other.negated !== literal.negated)) return false;
  const all = [...others, literal];
  known.set(key, all);
  return agree(all);
}

/** Can an operand have a value (or none) that all of these are content with? */
function agree<E>(literals: readonly Literal<E>[]): boolean {
  // A check that holds needs a value.
  const present = literals.filter((l) => !l.negated);
  if (present.length > 0 && literals.some((l) => l.negated && l.check.operator === null)) return false;
  const single = literals.filter(({ check }) => check.operator !== null && check.right === null && !check.left.list && check.left.candidates === null);
  const finite = single.filter((l) => !l.negated && isEnumerated(l.check));
  if (finite.length > 0) {
    const first = finite[0];
    const tests = single.filter((l) => l !== first).map((l) => ({ test: testOf(l.check, l.check.operator as NonNullable<typeof l.check.operator>), wanted: !l.negated }));
    return first.check.constants.some((value) => tests.every(({ test, wanted }) => test(value as Scalar) === wanted));
  }
  return rangesAgree(single, present.length > 0) && affixesAgree(single);
}

/** One of these values, and no other. */
function isEnumerated<E>(check: CheckNode<E>): boolean {
  const kind = kindOf(check.left.type);
  if (check.modifier !== null || kind === 'net' || kind === 'bytes') return false;
  return check.operator?.name === '=' || check.operator?.name === 'in' || check.operator?.name === 'intersects';
}

function rangesAgree<E>(literals: readonly Literal<E>[], hasValue: boolean): boolean {
  let low = -Infinity;
  let high = Infinity;
  let openLow = false;
  let openHigh = false;
  for (const { check, negated } of literals) {
    const limit = check.constants[0];
    if (check.modifier !== null || typeof limit !== 'number') continue;
    // What is not less is equal or more, if it is anything.
    if (negated && !hasValue) continue;
    const name = negated ? OPPOSITE[check.operator?.name ?? ''] : check.operator?.name;
    if (name === '<' || name === '<=') {
      if (limit < high || (limit === high && name === '<')) [high, openHigh] = [limit, name === '<'];
    } else if (name === '>' || name === '>=') {
      if (limit > low || (limit === low && name === '>')) [low, openLow] = [limit, name === '>'];
    }
  }
  return low < high || (low === high && !openLow && !openHigh);
}

const OPPOSITE: Readonly<Record<string, string>> = { '<': '>=', '<=': '>', '>': '<=', '>=': '<' };

type Affix = 'startswith' | 'endswith' | 'contains';

function affixesAgree<E>(literals: readonly Literal<E>[]): boolean {
  const affixes = literals.filter(({ check }) => kindOf(check.left.type) === 'text' && check.modifier === null && isAffix(check.operator?.name));
  const positive = affixes.filter((l) => !l.negated);
  for (const a of positive) {
    for (const b of affixes) {
      if (b === a) continue;
      const fits = (x: Constant): boolean => b.check.constants.some((y) => implies(nameOf(a), String(x), nameOf(b), String(y)));
      // Whatever begins with /usr/bin begins with /usr.
      if (b.negated && a.check.constants.every(fits)) return false;
      if (!b.negated && nameOf(a) === nameOf(b) && nameOf(a) !== 'contains') {
        const compatible = (x: string, y: string): boolean => (nameOf(a) === 'startswith' ? x.startsWith(y) || y.startsWith(x) : x.endsWith(y) || y.endsWith(x));
        if (!a.check.constants.some((x) => b.check.constants.some((y) => compatible(String(x), String(y))))) return false;
      }
    }
  }
  return true;
}

const isAffix = (name: string | undefined): name is Affix => name === 'startswith' || name === 'endswith' || name === 'contains';
const nameOf = <E>(literal: Literal<E>): Affix => literal.check.operator?.name as Affix;

/** Does every text that passes the one check pass the other? */
function implies(a: Affix, x: string, b: Affix, y: string): boolean {
  if (b === 'contains') return x.includes(y);
  return a === b && (a === 'startswith' ? x.startsWith(y) : x.endsWith(y));
}
