// SPDX-License-Identifier: Apache-2.0
/**
 * The smallest policy, of those that this knows to write, under which rules still see what they need. An apiserver takes the
 * first entry that fits, so entries stand in falling order of their level, and only the last may leave users out.
 */
import { groupsOf, resourcesWith } from './api-resources.js';
import { ANY, type Box, either, has, higher, hull, inside, intersection, isAny, LEVELS, type Level, type Need, STAGES, values } from './needs.js';
import type { GroupResources, Policy, PolicyRule } from './policy.js';

/** A box that a policy can express, and what it is for. */
interface Entry {
  readonly box: Box;
  readonly level: Level;
  readonly reasons: readonly string[];
}

export interface DeriveOptions {
  /** API groups beside Kubernetes' own whose resources the rules mean too. */
  readonly groups?: readonly string[];
  /** Leave out who manages which field of an object: long, and of no use to most rules. */
  readonly omitManagedFields: boolean;
}

export function derivePolicy(needs: readonly Need[], options: DeriveOptions): Policy {
  const wanted = needs.flatMap(({ rule, level, boxes }) =>
    boxes.flatMap(byIdentity).map((box) => ({ box: expressible(box), level, reasons: [rule] })),
  );
  const least = lastOf(wanted);
  const held = least === null ? [] : wanted.filter((entry) => holdsAll(least, entry) || isNobody(entry.box));
  const last = least === null ? null : held.map((entry) => (isNobody(entry.box) ? amongAll(entry, least) : entry)).reduce(joined, least);
  const rest = wanted.filter((entry) => !held.includes(entry)).map(withAllUsers);
  const entries = [...absorbed(rest), ...(last === null ? [] : [last])].sort(
    (a, b) =>
      Number(isNobody(a.box)) - Number(isNobody(b.box)) || rank(b.level) - rank(a.level) || Number(a === last) - Number(b === last) || stageCount(b.box) - stageCount(a.box) ||
      scopeKey(a.box).localeCompare(scopeKey(b.box)) || a.reasons[0].localeCompare(b.reasons[0]),
  );
  const staged = entries.map((entry, n): Entry => {
    // What an earlier entry takes is no concern of this one.
    const needed = entries.slice(n).filter(({ box }) => intersection(anyStage(box), anyStage(entry.box)) !== null);
    return { ...entry, box: { ...entry.box, stage: needed.reduce((found, { box }) => either(found, box.stage), values()) } };
  });
  const rules: PolicyRule[] = [];
  for (const entry of withoutRepeated(staged)) {
    const { user, group } = entry.box;
    const leftOut = ['Left out by all of the rules below'];
    if (user.but && user.values.size > 0) rules.push({ level: 'None', users: sorted(user.values), reasons: leftOut });
    if (group.but && group.values.size > 0) rules.push({ level: 'None', userGroups: sorted(group.values), reasons: leftOut });
    if (isNobody(entry.box)) rules.push({ level: 'None', userGroups: EVERYBODY, reasons: ['What is below is of requests whose sender is not known'] });
    rules.push(written(entry, STAGES.filter((stage) => !has(entry.box.stage, stage)), options));
  }
  return { omitManagedFields: options.omitManagedFields, rules: [...merged(rules), { level: 'None', reasons: ['No rule looks at the rest'] }] };
}

/** Entries with many stages come first, so that those behind them need not keep these. */
const stageCount = (box: Box): number => STAGES.filter((stage) => has(box.stage, stage)).length;
const scopeKey = ({ verb, user, group, namespace }: Box): string => JSON.stringify([verb, user, group, namespace].map((one) => (one.but ? null : sorted(one.values))));
const rank = (level: Level): number => LEVELS.indexOf(level);
const sorted = (set: ReadonlySet<string>): string[] => [...set].sort();
const isWide = (box: Box): boolean =>
  isAny(box.verb) && isAny(box.resource) && isAny(box.subresource) && isAny(box.namespace) && box.user.but && box.group.but;

/** Every sender that an apiserver knows is in one of these; a request that it could not authenticate has no sender. */
const EVERYBODY = ['system:authenticated', 'system:unauthenticated'];

/** Requests of nobody only: no entry can ask for them, they are what is left when everybody has been dealt with. */
const isNobody = ({ user }: Box): boolean => !user.but && user.values.size === 1 && user.values.has('');

/** The box, and apart from it what it wants of requests of nobody. */
function byIdentity(box: Box): readonly Box[] {
  const { user } = box;
  if (user.but || !user.values.has('') || user.values.size === 1) return [box];
  return [{ ...box, user: values('') }, { ...box, user: values(...[...user.values].filter((name) => name !== '')) }];
}

/** The box, made as much larger as a policy's way of saying it needs. */
function expressible(box: Box): Box {
  const named = (choice: Box['verb']): Box['verb'] => (choice.but ? ANY : choice);
  let resource = named(box.resource);
  let subresource = named(box.subresource);
  if (resource.but && !subresource.but) {
    const having = [...subresource.values].map(resourcesWith);
    // Other resources have none of these; where it cannot be said which have one, it may be any.
    if (having.every((one) => one !== null)) resource = values(...having.flat());
  }
  // The API group of an unknown resource is unknown, and what is no object has no resource.
  if (resource.but || [...resource.values].some((one) => groupsOf(one).length === 0)) {
    resource = ANY;
    subresource = ANY;
  }
  const namespace = named(box.namespace);
  // An entry with namespaces is for objects only.
  return { ...box, verb: named(box.verb), resource, subresource, namespace: has(namespace, '') ? ANY : namespace };
}

/** All that asks for nearly everything, at the lowest level at which anything does: the last entry. */
function lastOf(wanted: readonly Entry[]): Entry | null {
  const lowest = wanted.reduce<Level | null>((low, { level }) => (low === null || rank(level) < rank(low) ? level : low), null);
  const wide = wanted.filter(({ box, level }) => isWide(box) && level === lowest);
  return wide.length === 0 ? null : wide.reduce(joined);
}

const joined = (a: Entry, b: Entry): Entry => ({
  box: hull(a.box, b.box),
  level: higher(a.level, b.level),
  reasons: [...new Set([...a.reasons, ...b.reasons])],
});

/** What is asked of requests of nobody, as part of what is asked of nearly all: whom that leaves out, nobody is not. */
const amongAll = (entry: Entry, all: Entry): Entry => ({ ...entry, box: { ...entry.box, user: all.box.user, group: all.box.group } });

const anyStage = (box: Box): Box => ({ ...box, stage: ANY });

/** Without entries whose requests a later one takes in the same way. */
function withoutRepeated(entries: readonly Entry[]): readonly Entry[] {
  const kept = [...entries];
  for (let n = kept.length - 2; n >= 0; n--) {
    const { box, level, reasons } = kept[n];
    const alike = (other: Entry): boolean => other.level === level && STAGES.every((stage) => has(other.box.stage, stage) === has(box.stage, stage));
    // Whoever takes some of them in between must do it in the same way.
    const next = kept.findIndex((other, m) => m > n && intersection(anyStage(other.box), anyStage(box)) !== null && (!alike(other) || inside(anyStage(box), anyStage(other.box))));
    if (next === -1 || !alike(kept[next])) continue;
    kept[next] = { ...kept[next], reasons: [...new Set([...reasons, ...kept[next].reasons])] };
    kept.splice(n, 1);
  }
  return kept;
}

function withAllUsers(entry: Entry): Entry {
  const { user, group } = entry.box;
  return { ...entry, box: { ...entry.box, user: user.but ? ANY : user, group: group.but ? ANY : group } };
}

/** Without those that another one holds, whose reasons go to that one. */
function absorbed(entries: readonly Entry[]): readonly Entry[] {
  const kept: Entry[] = [];
  const byLevel = [...entries].sort((a, b) => rank(b.level) - rank(a.level));
  for (const entry of byLevel) {
    const holds = kept.findIndex((one) => holdsAll(one, entry));
    if (holds !== -1) {
      kept[holds] = { ...kept[holds], reasons: [...new Set([...kept[holds].reasons, ...entry.reasons])] };
      continue;
    }
    let now = entry;
    for (let n = kept.length - 1; n >= 0; n--) {
      if (!holdsAll(now, kept[n])) continue;
      now = { ...now, reasons: [...new Set([...kept[n].reasons, ...now.reasons])] };
      kept.splice(n, 1);
    }
    kept.push(now);
  }
  return kept;
}

const holdsAll = (one: Entry, other: Entry): boolean => rank(one.level) >= rank(other.level) && inside(other.box, one.box);

function written({ box, level, reasons }: Entry, omitStages: readonly string[], options: DeriveOptions): PolicyRule {
  const list = (choice: Box['verb']): readonly string[] => (choice.but ? [] : sorted(choice.values));
  return {
    level, omitStages, users: isNobody(box) ? [] : list(box.user), userGroups: list(box.group), verbs: list(box.verb), namespaces: list(box.namespace),
    resources: resourcesOf(box, options.groups ?? []), reasons,
  };
}

function resourcesOf({ resource, subresource }: Box, more: readonly string[]): readonly GroupResources[] {
  if (resource.but) return [];
  const below = (one: string): string[] =>
    subresource.but ? [one, `${one}/*`] : sorted(subresource.values).map((sub) => (sub === '' ? one : `${one}/${sub}`));
  const byGroup = new Map<string, string[]>();
  const add = (group: string, items: readonly string[]): void => void byGroup.set(group, [...(byGroup.get(group) ?? []), ...items]);
  for (const one of sorted(resource.values)) {
    for (const group of [...groupsOf(one), ...more]) add(group, below(one));
  }
  return [...byGroup].sort(([a], [b]) => a.localeCompare(b)).map(([group, resources]) => ({ group, resources }));
}

/** Neighbours that differ in their resources only become one. */
function merged(rules: readonly PolicyRule[]): readonly PolicyRule[] {
  const found: PolicyRule[] = [];
  for (const rule of rules) {
    const same = found.at(-1);
    if (same === undefined || !same.resources?.length || !rule.resources?.length || keyOf(same) !== keyOf(rule)) {
      found.push(rule);
      continue;
    }
    const byGroup = new Map<string, Set<string>>();
    for (const { group = '', resources = [] } of [...same.resources, ...rule.resources]) {
      byGroup.set(group, new Set([...(byGroup.get(group) ?? []), ...resources]));
    }
    const resources = [...byGroup].map(([group, names]) => ({ group, resources: sorted(names) }));
    found[found.length - 1] = { ...same, resources, reasons: [...new Set([...(same.reasons ?? []), ...(rule.reasons ?? [])])] };
  }
  return found;
}

const keyOf = ({ level, omitStages, users, userGroups, verbs, namespaces }: PolicyRule): string =>
  JSON.stringify([level, omitStages, users, userGroups, verbs, namespaces]);
