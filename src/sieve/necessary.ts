// SPDX-License-Identifier: Apache-2.0
/**
 * What has to be so that a condition can hold, given some facts of an event: for each node of its graph, where it may hold
 * and where it may fail. Both say too much rather than too little: whatever is not known may be either.
 */
import { testOf } from '../engine/check-code.js';
import type { CheckNode, PlanNode } from '../engine/plan.js';
import type { Constant } from '../lang/constants.js';
import { both, contains, either, endsWith, equals, beginsWith, isNamed, liesBelow, liesIn, matches, nameEndsWith, NONE, type Paths } from './path-tests.js';

/** What is known of a field. */
export type Fact =
  /** Its value is one of these; null: it may have none. */
  | { readonly kind: 'values'; readonly values: readonly (string | boolean | null)[] }
  /** An integer between these, both included. */
  | { readonly kind: 'between'; readonly least: bigint; readonly most: bigint }
  /** The path of the event, or a part of it; or there is no value. */
  | { readonly kind: 'path' | 'directory' | 'name' };

/** By field name; others are not known. Only fields without an argument are asked for. */
export type Facts = ReadonlyMap<string, Fact>;

interface Outcome {
  readonly holds: Paths;
  readonly fails: Paths;
}

const UNKNOWN: Outcome = { holds: 'any', fails: 'any' };

/** Where the condition may hold. */
export function mayHold<E>(root: PlanNode<E>, facts: Facts): Paths {
  return new Evaluation<E>(facts).outcome(root).holds;
}

class Evaluation<E> {
  private readonly known = new Map<PlanNode<E>, Outcome>();
  constructor(private readonly facts: Facts) {}

  outcome(node: PlanNode<E>): Outcome {
    let outcome = this.known.get(node);
    if (outcome === undefined) {
      outcome = this.find(node);
      this.known.set(node, outcome);
    }
    return outcome;
  }

  private find(node: PlanNode<E>): Outcome {
    switch (node.kind) {
      case 'constant':
        return node.value ? { holds: 'any', fails: NONE } : { holds: NONE, fails: 'any' };
      case 'not': {
        const { holds, fails } = this.outcome(node.child);
        return { holds: fails, fails: holds };
      }
      case 'and': {
        const parts = node.children.map((child) => this.outcome(child));
        return { holds: parts.map((part) => part.holds).reduce(both), fails: parts.map((part) => part.fails).reduce(either) };
      }
      case 'or': {
        const parts = node.children.map((child) => this.outcome(child));
        return { holds: parts.map((part) => part.holds).reduce(either), fails: parts.map((part) => part.fails).reduce(both) };
      }
      case 'check':
        return this.check(node);
      default:
        return node satisfies never;
    }
  }

  private check(node: CheckNode<E>): Outcome {
    const { left, operator, right } = node;
    if (left.field === null || left.key !== left.field.name || left.list || left.candidates !== null || right !== null) return UNKNOWN;
    const fact = this.facts.get(left.key);
    if (fact === undefined || operator === null) return UNKNOWN;
    switch (fact.kind) {
      case 'values':
        return ofValues(node, fact.values);
      case 'between':
        return ofNumber(node, fact.least, fact.most);
      default:
        return { holds: ofPath(node, fact.kind), fails: 'any' };
    }
  }
}

function ofValues<E>(node: CheckNode<E>, values: readonly (string | boolean | null)[]): Outcome {
  if (node.operator === null) return UNKNOWN;
  const test = testOf(node, node.operator);
  const results = values.map((value) => value !== null && test(value));
  return { holds: results.includes(true) ? 'any' : NONE, fails: results.includes(false) ? 'any' : NONE };
}

function ofNumber<E>(node: CheckNode<E>, least: bigint, most: bigint): Outcome {
  const { operator, modifier, constants } = node;
  if (modifier !== null || constants.some((constant) => typeof constant !== 'number' && typeof constant !== 'bigint')) return UNKNOWN;
  const numbers = constants.map((constant) => BigInt(constant as number | bigint));
  const [n = 0n] = numbers;
  const outcome = (holds: boolean, fails: boolean): Outcome => ({ holds: holds ? 'any' : NONE, fails: fails ? 'any' : NONE });
  switch (operator?.name) {
    case '=':
    case 'in':
    case 'intersects':
      return outcome(numbers.some((number) => number >= least && number <= most), true);
    case '<':
      return outcome(least < n, most >= n);
    case '<=':
      return outcome(least <= n, most > n);
    case '>':
      return outcome(most > n, least <= n);
    case '>=':
      return outcome(most >= n, least < n);
    default:
      return UNKNOWN;
  }
}

type Way = (text: string) => Paths;
const ANY: Way = () => 'any';

const WAYS: Readonly<Record<'path' | 'directory' | 'name', Readonly<Record<string, Way>>>> = {
  path: { '=': equals, in: equals, intersects: equals, startswith: beginsWith, endswith: endsWith, contains, glob: matches, pmatch: liesBelow },
  directory: { '=': liesIn, in: liesIn, intersects: liesIn, startswith: beginsWith, endswith: contains, contains, pmatch: liesBelow },
  name: {
    '=': isNamed, in: isNamed, intersects: isNamed, endswith: nameEndsWith,
    startswith: (text) => (text.startsWith('.') || text.includes('/') ? NONE : 'any'),
  },
};

/** With any modifier, at least one constant has to do. */
function ofPath<E>(node: CheckNode<E>, part: 'path' | 'directory' | 'name'): Paths {
  const way = WAYS[part][node.operator?.name ?? ''] ?? ANY;
  let paths: Paths = NONE;
  for (const constant of node.constants as readonly Constant[]) paths = either(paths, typeof constant === 'string' ? way(constant) : 'any');
  return paths;
}
