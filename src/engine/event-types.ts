// SPDX-License-Identifier: Apache-2.0
/**
 * What a condition comes to for events of one type: checks of `evt.type` are decided in advance, so that rules need not
 * be looked at for events that they cannot match. Exact by construction: whatever is not certain stays a check. One wire
 * type can go by several names (all syscalls without an event of their own share one), and then it does.
 */
import type { Expr } from '../lang/ast.js';
import type { SourceCatalogue } from '../lang/catalogue.js';
import { Planner, type CheckNode, type PlanNode } from './plan.js';

export class TypeFolder<E> {
  private readonly names: readonly (readonly string[])[];
  /** What each check compares with, asked for once per event type. */
  private readonly wanted = new Map<CheckNode<E>, ReadonlySet<unknown>>();

  constructor(private readonly planner: Planner<E>, catalogue: SourceCatalogue<E>) {
    const names: string[][] = Array.from({ length: catalogue.eventTypeCount }, () => []);
    for (const [name, types] of catalogue.eventTypes) for (const type of types) names[type]?.push(name);
    this.names = names;
  }

  /** `memo` has to be a fresh one for each type. */
  fold(node: PlanNode<E>, type: number, memo: Map<PlanNode<E>, PlanNode<E>>, name?: string): PlanNode<E> {
    const known = memo.get(node);
    if (known !== undefined) return known;
    const folded = this.build(node, type, memo, name);
    memo.set(node, folded);
    return folded;
  }

  private build(node: PlanNode<E>, type: number, memo: Map<PlanNode<E>, PlanNode<E>>, name?: string): PlanNode<E> {
    switch (node.kind) {
      case 'constant':
        return node;
      case 'check': {
        const decided = this.decide(node, type, name);
        return decided === null ? node : this.planner.constant(decided);
      }
      case 'not':
        return this.planner.not(this.fold(node.child, type, memo, name));
      case 'and':
      case 'or': {
        const children = node.children.map((child) => this.fold(child, type, memo, name));
        const same = children.every((child, i) => child === node.children[i]);
        return same ? node : this.planner.group(node.kind, children);
      }
      default:
        return node satisfies never;
    }
  }

  /** The checks below these nodes that an event type may decide. */
  typeChecks(roots: readonly PlanNode<E>[]): CheckNode<E>[] {
    const seen = new Set<PlanNode<E>>();
    const found: CheckNode<E>[] = [];
    const walk = (node: PlanNode<E>): void => {
      if (seen.has(node)) return;
      seen.add(node);
      if (node.kind === 'check' && node.left.field?.name === 'evt.type') found.push(node);
      else if (node.kind === 'not') walk(node.child);
      else if (node.kind === 'and' || node.kind === 'or') for (const child of node.children) walk(child);
    };
    for (const root of roots) walk(root);
    return found;
  }

  private wantedBy(check: CheckNode<E>): ReadonlySet<unknown> {
    let wanted = this.wanted.get(check);
    if (wanted === undefined) {
      wanted = new Set<unknown>(check.constants);
      this.wanted.set(check, wanted);
    }
    return wanted;
  }

  namesOf(type: number): readonly string[] {
    return this.names[type] as readonly string[];
  }

  /** Null: it depends on more than the type. With `name`, for events of the type that go by that name. */
  decide(check: CheckNode<E>, type: number, name?: string): boolean | null {
    if (check.left.field?.name !== 'evt.type' || check.right !== null || check.modifier !== null) return null;
    const names = name === undefined ? this.namesOf(type) : [name];
    // A type without a name: nothing is known of what `evt.type` says.
    if (names.length === 0) return null;
    if (check.operator === null) return true;
    const wanted = this.wantedBy(check);
    // Of several names the list may lack one; that none of them is wanted is certain, that all are is not.
    const inside = !names.some((name) => wanted.has(name)) ? false : names.length === 1 ? true : null;
    switch (check.operator.name) {
      case '=':
      case 'in':
      case 'intersects':
        return inside;
      case '!=':
        return inside === null ? null : !inside;
      default:
        return null;
    }
  }
}

/** What each event type makes of a set of conditions; types that make the same of them are one entry. */
export interface FoldedTypes<E> {
  readonly types: readonly number[];
  /** In the order of the conditions. */
  readonly roots: readonly PlanNode<E>[];
}

export function foldAll<E>(planner: Planner<E>, roots: readonly PlanNode<E>[], catalogue: SourceCatalogue<E>): FoldedTypes<E>[] {
  const folder = new TypeFolder(planner, catalogue);
  const checks = folder.typeChecks(roots);
  const groups = new Map<string, { types: number[]; roots: PlanNode<E>[] }>();
  for (let type = 0; type < catalogue.eventTypeCount; type++) {
    const key = checks.map((check) => folder.decide(check, type)).join();
    const group = groups.get(key);
    if (group !== undefined) {
      group.types.push(type);
      continue;
    }
    const memo = new Map<PlanNode<E>, PlanNode<E>>();
    groups.set(key, { types: [type], roots: roots.map((root) => folder.fold(root, type, memo)) });
  }
  return [...groups.values()];
}

/**
 * Of the event types that go by several names: those names under which one of the conditions can hold. Types with one name
 * are not in it.
 */
export function namesThatMatch<E>(planner: Planner<E>, roots: readonly PlanNode<E>[], catalogue: SourceCatalogue<E>): Map<number, Set<string>> {
  const folder = new TypeFolder(planner, catalogue);
  const checks = folder.typeChecks(roots);
  const decided = new Map<string, boolean>();
  const found = new Map<number, Set<string>>();
  for (let type = 0; type < catalogue.eventTypeCount; type++) {
    const names = folder.namesOf(type);
    if (names.length < 2) continue;
    const matching = new Set<string>();
    for (const name of names) {
      const key = checks.map((check) => folder.decide(check, type, name)).join();
      let matches = decided.get(key);
      if (matches === undefined) {
        const memo = new Map<PlanNode<E>, PlanNode<E>>();
        matches = roots.some((root) => folder.fold(root, type, memo, name) !== planner.false);
        decided.set(key, matches);
      }
      if (matches) matching.add(name);
    }
    found.set(type, matching);
  }
  return found;
}

/** The event types for which a condition can hold at all. It has to be resolved and checked. */
export function eventTypesOf<E>(condition: Expr, catalogue: SourceCatalogue<E>): ReadonlySet<number> {
  const planner = new Planner(catalogue);
  const types = new Set<number>();
  for (const group of foldAll(planner, [planner.plan(condition)], catalogue)) {
    if (group.roots[0] === planner.false) continue;
    for (const type of group.types) types.add(type);
  }
  return new Set([...types].sort((a, b) => a - b));
}
