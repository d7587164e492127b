// SPDX-License-Identifier: Apache-2.0
/** Of rules that an event type leaves over: what several of them require, the most useful first. */
import type { PlanNode } from './plan.js';

/** A rule and what is left to require of it, in the order in which it would be asked. */
export interface OpenRule<E> {
  readonly index: number;
  readonly parts: readonly PlanNode<E>[];
}

/** Rules that go below one `if`, without what that asks. */
export interface SharingRules<E> {
  readonly parts: readonly PlanNode<E>[];
  readonly rules: readonly OpenRule<E>[];
}

/** Who requires a part, and the sum of what those rules would start with by themselves. */
interface Share<E> {
  readonly rules: Set<OpenRule<E>>;
  alone: number;
}

/**
 * Rules are taken out group by group. What is known of each part is kept up to date meanwhile: to count anew for each group
 * takes the cube of the number of rules, which was half a minute for 2,000 of them.
 */
export class SharedParts<E> {
  private readonly left: Set<OpenRule<E>>;
  private readonly shares = new Map<PlanNode<E>, Share<E>>();

  constructor(rules: readonly OpenRule<E>[]) {
    this.left = new Set(rules);
    for (const rule of rules) {
      for (const part of rule.parts) {
        const share = this.shares.get(part);
        if (share === undefined) this.shares.set(part, { rules: new Set([rule]), alone: firstCost(rule) });
        else {
          share.rules.add(rule);
          share.alone += firstCost(rule);
        }
      }
    }
    for (const [part, share] of this.shares) if (share.rules.size < 2) this.shares.delete(part);
  }

  /** The rules that were not taken, in their order. */
  get rest(): Iterable<OpenRule<E>> {
    return this.left;
  }

  /** What is worth asking once for several rules, and those; null: nothing more is. */
  take(): SharingRules<E> | null {
    let best: PlanNode<E> | null = null;
    let bestGain = 0;
    for (const [part, share] of this.shares) {
      const gain = gainOf(part, share);
      if (gain > bestGain) {
        best = part;
        bestGain = gain;
      }
    }
    if (best === null) return null;
    const rules = [...(this.shares.get(best) as Share<E>).rules];
    const parts = this.sharedBy(rules, best);
    for (const rule of rules) this.remove(rule);
    const asked = new Set(parts);
    return { parts, rules: rules.map(({ index, parts: all }) => ({ index, parts: all.filter((part) => !asked.has(part)) })) };
  }

  /** What these rules and no others require is asked together, `best` first: with an `if` for each, nesting could be any depth. */
  private sharedBy(rules: readonly OpenRule<E>[], best: PlanNode<E>): readonly PlanNode<E>[] {
    const parts = [best];
    for (const part of (rules[0] as OpenRule<E>).parts) {
      const share = this.shares.get(part);
      if (part === best || share === undefined || share.rules.size !== rules.length || gainOf(part, share) <= 0) continue;
      if (rules.every((rule) => share.rules.has(rule))) parts.push(part);
    }
    return parts;
  }

  private remove(rule: OpenRule<E>): void {
    this.left.delete(rule);
    for (const part of rule.parts) {
      const share = this.shares.get(part);
      if (share === undefined) continue;
      share.rules.delete(rule);
      share.alone -= firstCost(rule);
      if (share.rules.size < 2) this.shares.delete(part);
    }
  }
}

/** It often fails, and then none of its rules has to ask anything. */
function gainOf<E>(part: PlanNode<E>, share: Share<E>): number {
  return (1 - part.odds) * share.alone - part.cost;
}

function firstCost<E>(rule: OpenRule<E>): number {
  return (rule.parts[0] as PlanNode<E>).cost;
}
