// SPDX-License-Identifier: Apache-2.0
/**
 * What rules need of an audit policy: for each rule the requests that it can possibly match, as boxes over what a policy
 * can tell requests by, and how much of them must be logged. Where a condition cannot be read, the answer is larger,
 * never smaller.
 */
import type { CompareCheck, ExistsCheck, Expr, FieldRef, Operand } from '../lang/ast.js';
import { parseOperand } from '../lang/parse.js';
import type { Rule } from '../ruleset/ruleset.js';

const DIMENSIONS = ['verb', 'resource', 'subresource', 'namespace', 'user', 'group', 'stage'] as const;
export type Dimension = (typeof DIMENSIONS)[number];

export const STAGES = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'] as const;
export const LEVELS = ['None', 'Metadata', 'Request', 'RequestResponse'] as const;
export type Level = (typeof LEVELS)[number];

/** Some values, or all but some. An empty text stands for "there is none". */
export interface Choice {
  readonly but: boolean;
  readonly values: ReadonlySet<string>;
}

/** `group`: of the groups that the user is in, one of these, or none of these. */
export type Box = Readonly<Record<Dimension, Choice>>;

export interface Need {
  readonly rule: string;
  readonly level: Level;
  readonly boxes: readonly Box[];
}

export const ANY: Choice = { but: true, values: new Set() };
const EVERYTHING: Box = { verb: ANY, resource: ANY, subresource: ANY, namespace: ANY, user: ANY, group: ANY, stage: ANY };

/** More than this and they become one that holds them all. */
const MAX_BOXES = 512;

const FIELDS: ReadonlyMap<string, Dimension> = new Map([
  ['ka.verb', 'verb'],
  ['ka.stage', 'stage'],
  ['ka.target.resource', 'resource'],
  ['ka.target.subresource', 'subresource'],
  ['ka.target.namespace', 'namespace'],
  ['ka.user.name', 'user'],
  ['ka.user.groups', 'group'],
  ['verb', 'verb'],
  ['stage', 'stage'],
  ['objectRef/resource', 'resource'],
  ['objectRef/subresource', 'subresource'],
  ['objectRef/namespace', 'namespace'],
  ['user/username', 'user'],
]);

/** Users whose names cannot be had otherwise by anybody: a rule that leaves out a prefix leaves these out. */
const CONTROL_PLANE = ['system:apiserver', 'system:kube-scheduler', 'system:kube-controller-manager', 'system:kube-proxy'];

export const values = (...list: readonly string[]): Choice => ({ but: false, values: new Set(list) });
export const isAny = (choice: Choice): boolean => choice.but && choice.values.size === 0;

export function has(choice: Choice, value: string): boolean {
  return choice.values.has(value) !== choice.but;
}

export function both(a: Choice, b: Choice): Choice {
  if (a.but && b.but) return { but: true, values: new Set([...a.values, ...b.values]) };
  const [some, other] = a.but ? [b, a] : [a, b];
  return { but: false, values: new Set([...some.values].filter((value) => has(other, value))) };
}

export function either(a: Choice, b: Choice): Choice {
  if (!a.but && !b.but) return { but: false, values: new Set([...a.values, ...b.values]) };
  const [except, other] = a.but ? [a, b] : [b, a];
  return { but: true, values: new Set([...except.values].filter((value) => !has(other, value))) };
}

export function within(a: Choice, b: Choice): boolean {
  if (!a.but) return [...a.values].every((value) => has(b, value));
  return b.but && [...b.values].every((value) => a.values.has(value));
}

const isEmpty = (choice: Choice): boolean => !choice.but && choice.values.size === 0;

/** The requests that are in both; null: there are none. */
export function intersection(a: Box, b: Box): Box | null {
  const box = mapBox((dimension) => (dimension === 'group' ? bothGroups(a.group, b.group) : both(a[dimension], b[dimension])));
  return DIMENSIONS.some((dimension) => isEmpty(box[dimension])) ? null : box;
}

/** A user has several groups: who is in one of these may be in one of those too. The answer may be larger. */
const bothGroups = (a: Choice, b: Choice): Choice => (a.but && b.but ? both(a, b) : a.but ? b : a);

export const hull = (a: Box, b: Box): Box =>
  mapBox((dimension) => (dimension === 'group' && a.group.but !== b.group.but ? ANY : either(a[dimension], b[dimension])));

function mapBox(choose: (dimension: Dimension) => Choice): Box {
  return Object.fromEntries(DIMENSIONS.map((dimension) => [dimension, choose(dimension)])) as Record<Dimension, Choice>;
}

/** What the enabled rules of the audit source need, in their order. */
export function needsOf(rules: readonly Rule[]): readonly Need[] {
  return rules
    .filter((rule) => rule.enabled && rule.source === 'k8s_audit')
    .map((rule) => ({ rule: rule.name, level: levelOf(rule), boxes: fused(boxesOf(rule.condition, false)) }));
}

/** Everything that `expr` (or, when `negated`, its contrary) can hold for. */
function boxesOf(expr: Expr, negated: boolean): readonly Box[] {
  switch (expr.kind) {
    case 'and':
    case 'or':
      return (expr.kind === 'and') !== negated
        ? expr.children.reduce<readonly Box[]>((found, child) => cross(found, boxesOf(child, negated)), [EVERYTHING])
        : limited(expr.children.flatMap((child) => boxesOf(child, negated)));
    case 'not':
      return boxesOf(expr.child, !negated);
    case 'macro':
      return expr.body === null ? [EVERYTHING] : boxesOf(expr.body, negated);
    case 'exists':
      return existing(expr, negated);
    case 'compare':
      return compared(expr, negated);
    default:
      return expr satisfies never;
  }
}

function cross(a: readonly Box[], b: readonly Box[]): readonly Box[] {
  if (b.length === 1 && b[0] === EVERYTHING) return a;
  return limited(a.flatMap((one) => b.map((other) => intersection(one, other)).filter((box) => box !== null)));
}

/** Each once, and not too many. */
function limited(boxes: readonly Box[]): readonly Box[] {
  if (boxes.length < 2) return boxes;
  const kept = boxes.filter((box, n) => !boxes.some((other, m) => (m < n || (m > n && !inside(other, box))) && inside(box, other)));
  return kept.length > MAX_BOXES ? [kept.reduce(hull)] : kept;
}

/** With those made one that differ in one respect only. */
function fused(boxes: readonly Box[]): readonly Box[] {
  const found: Box[] = [];
  for (const box of boxes) {
    let now = box;
    for (let n = found.length - 1; n >= 0; n--) {
      if (DIMENSIONS.filter((dimension) => !same(now[dimension], found[n][dimension])).length > 1) continue;
      now = hull(now, found[n]);
      found.splice(n, 1);
    }
    found.push(now);
  }
  return found;
}

const same = (a: Choice, b: Choice): boolean => within(a, b) && within(b, a);

/** Is every request of one in the other? */
export const inside = (a: Box, b: Box): boolean =>
  DIMENSIONS.every((dimension) => (dimension === 'group' && !a.group.but && b.group.but ? isAny(b.group) : within(a[dimension], b[dimension])));

const only = (dimension: Dimension, choice: Choice): readonly Box[] => (isAny(choice) ? [EVERYTHING] : [{ ...EVERYTHING, [dimension]: choice }]);

function existing({ left }: ExistsCheck, negated: boolean): readonly Box[] {
  const dimension = dimensionOf(left);
  if (dimension === 'group') return [EVERYTHING];
  if (dimension !== null) return only(dimension, { but: !negated, values: new Set(['']) });
  // Each event has a time.
  return negated && isTime(left) ? [] : [EVERYTHING];
}

function compared({ left, operator, modifier, right }: CompareCheck, negated: boolean): readonly Box[] {
  const texts = right.kind === 'literal' ? [right.text] : right.kind === 'literals' ? right.values.map((value) => value.text) : null;
  // The usual way to write "never": no event is of 1970.
  if (isTime(left) && operator === '=' && modifier === null && texts?.[0] === '0') return negated ? [EVERYTHING] : [];
  const dimension = dimensionOf(left);
  if (dimension === null || texts === null || modifier !== null) return [EVERYTHING];
  if (dimension === 'group') {
    // All of a user's groups in the list (`in`) means one of them is; the contrary of that says nothing.
    const known = operator === 'intersects' || (operator === 'in' && !negated);
    return known ? only('group', { but: negated, values: new Set(texts) }) : [EVERYTHING];
  }
  switch (operator) {
    case '=':
    case '==':
    case 'in':
    case 'intersects':
      return only(dimension, { but: negated, values: new Set(texts) });
    case '!=':
      // Of what is absent, neither `=` nor `!=` need hold.
      return only(dimension, { but: !negated, values: new Set(negated ? [...texts, ''] : texts) });
    case 'startswith':
      if (!negated || dimension !== 'user') return [EVERYTHING];
      return only('user', { but: true, values: new Set(CONTROL_PLANE.filter((user) => user.startsWith(texts[0]))) });
    default:
      return [EVERYTHING];
  }
}

function dimensionOf(operand: Operand): Dimension | null {
  if (operand.kind !== 'field') return null;
  return FIELDS.get(pointerOf(operand) ?? operand.name) ?? null;
}

const isTime = (operand: Operand): boolean => operand.kind === 'field' && /^(json|jevt)\.rawtime$/.test(operand.name);

/** What a field that takes any JSON pointer is asked for, without the first slash. */
function pointerOf({ name, argument }: FieldRef): string | null {
  return (name === 'json.value' || name === 'jevt.value') && argument !== null ? argument.replace(/^\//, '') : null;
}

/** As much as the condition and the output read of a request's bodies. */
function levelOf(rule: Rule): Level {
  const fields: FieldRef[] = [];
  collectFields(rule.condition, fields);
  for (const name of [...rule.template.names, ...rule.extraFields.flatMap((extra) => extra.template.names)]) {
    const { ast } = parseOperand(name);
    if (ast === null) return 'RequestResponse';
    collectOperand(ast, fields);
  }
  return fields.map(levelOfField).reduce<Level>(higher, 'Metadata');
}

export const higher = (a: Level, b: Level): Level => (LEVELS.indexOf(a) >= LEVELS.indexOf(b) ? a : b);

function levelOfField(field: FieldRef): Level {
  const pointer = pointerOf(field);
  if (pointer !== null) {
    const [member] = pointer.split('/');
    return member === 'requestObject' ? 'Request' : member === 'responseObject' || member === '' ? 'RequestResponse' : 'Metadata';
  }
  switch (field.name) {
    // Of the object's name, not of a body.
    case 'ka.req.configmap.name':
      return 'Metadata';
    case 'ka.resp.name':
    case 'ka.target.pod.name':
    case 'json.obj':
    case 'jevt.obj':
    case 'evt.plugininfo':
      return 'RequestResponse';
    default:
      return field.name.startsWith('ka.req.') ? 'Request' : 'Metadata';
  }
}

function collectFields(expr: Expr, into: FieldRef[]): void {
  switch (expr.kind) {
    case 'and':
    case 'or':
      for (const child of expr.children) collectFields(child, into);
      return;
    case 'not':
      collectFields(expr.child, into);
      return;
    case 'macro':
      if (expr.body !== null) collectFields(expr.body, into);
      return;
    case 'exists':
      collectOperand(expr.left, into);
      return;
    case 'compare':
      collectOperand(expr.left, into);
      if (expr.right.kind === 'field' || expr.right.kind === 'call') collectOperand(expr.right, into);
      return;
    default:
      expr satisfies never;
  }
}

function collectOperand(operand: Operand, into: FieldRef[]): void {
  if (operand.kind === 'field') {
    into.push(operand);
    return;
  }
  for (const argument of operand.arguments.flatMap((one) => (one.kind === 'list' ? one.items : [one]))) {
    if (argument.kind !== 'literal') collectOperand(argument, into);
  }
}
