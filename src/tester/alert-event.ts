// SPDX-License-Identifier: Apache-2.0
/**
 * An alert in the place of the event it tells of: a condition's checks are run on the values that it carries, and what it
 * does not carry stays unknown. True, false and unknown are combined as Kleene did, so that what comes out known is so
 * whatever the unknown values were.
 */
import { toText } from '../alert/render.js';
import { instrument, type SubCondition, type Trace } from '../engine/instrument.js';
import { REDACTED } from '../events/secret-data.js';
import type { CallArgument, Expr, FieldRef, Operand } from '../lang/ast.js';
import type { FieldArgument, FieldDef, SourceCatalogue } from '../lang/catalogue.js';
import { kindOf } from '../lang/kinds.js';
import { print } from '../lang/print.js';
import type { FieldType, Scalar, Value } from '../lang/value.js';
import type { AnyCatalogue } from '../ruleset/ruleset.js';
import type { Told, ToldAlert } from './alerts.js';

/** A field's value in an alert, or why it is not known. */
export type Knowledge = { readonly known: true; readonly value: Value } | { readonly known: false; readonly why: string };

const ABSENT: Knowledge = { known: false, why: 'is not in the alert' };
const AMBIGUOUS: Knowledge = { known: false, why: 'is printed as something else than conditions compare' };
const LOSSY: Knowledge = { known: false, why: 'lost characters when it was printed' };

/** What the alert says about a field that a condition names as `ref`. */
export function knowledgeOf(alert: ToldAlert, ref: FieldRef, catalogue: AnyCatalogue): Knowledge {
  const found = catalogue.find(ref.name);
  if (found === null) return ABSENT;
  const { field } = found;
  const argument = ref.argument === null ? found.argument : { text: ref.argument, index: /^\d{1,15}$/.test(ref.argument) ? Number(ref.argument) : null };
  return told(alert.fields.get(keyOf(ref)), field as FieldDef, argument);
}

const keyOf = (ref: FieldRef): string => print(ref, { loose: true });

function told(value: Told | undefined, field: FieldDef, argument: FieldArgument | null): Knowledge {
  if (value === undefined) return ABSENT;
  // A condition may read more than an output prints (all ancestors of proc.aname), and JSON may have another form (times).
  if (field.json !== undefined || (field.inCondition !== undefined && field.inCondition.bind(argument) !== null)) return AMBIGUOUS;
  if (value === null) return { known: true, value: null };
  if (field.list !== true) return scalar(value, field);
  if (!Array.isArray(value)) return AMBIGUOUS;
  const items = (value as readonly Told[]).map((item) => scalar(item, field));
  const unknown = items.find((item) => !item.known);
  return unknown ?? { known: true, value: items.map((item) => (item as { readonly value: Value }).value as Scalar) };
}

function scalar(value: Told, field: FieldDef): Knowledge {
  switch (kindOf(field.type)) {
    case 'text':
    case 'ip':
    case 'net':
      if (typeof value !== 'string') return AMBIGUOUS;
      if (value.includes(REDACTED)) return { known: false, why: 'is redacted' };
      return value.includes('\ufffd') ? LOSSY : { known: true, value };
    case 'integer':
      if (typeof value !== 'number' || (field.format ?? 'DEC') !== 'DEC') return AMBIGUOUS;
      return Number.isSafeInteger(value) ? { known: true, value } : LOSSY;
    case 'bool':
      return typeof value === 'boolean' ? { known: true, value } : AMBIGUOUS;
    default:
      return AMBIGUOUS;
  }
}

/** The source's fields, read from alerts. */
function catalogueOf(catalogue: AnyCatalogue): SourceCatalogue<ToldAlert> {
  const fields = new Map<string, ReturnType<SourceCatalogue<ToldAlert>['find']>>();
  const find = (name: string): ReturnType<SourceCatalogue<ToldAlert>['find']> => {
    const found = catalogue.find(name);
    if (found === null) return null;
    const { inCondition: _1, json: _2, ...plain } = found.field;
    const bind = (argument: FieldArgument | null) => {
      const key = argument === null || argument === found.argument ? name : keyOf({ kind: 'field', name, argument: argument.text, start: 0, end: 0 });
      return (alert: ToldAlert): Value => {
        const knowledge = told(alert.fields.get(key), found.field as FieldDef, argument);
        return knowledge.known ? knowledge.value : null;
      };
    };
    return { field: { ...plain, bind }, argument: found.argument };
  };
  return {
    ...catalogue,
    classes: [],
    find: (name) => {
      if (!fields.has(name)) fields.set(name, find(name));
      return fields.get(name) ?? null;
    },
  };
}

/** A sub-condition and what came out of it. */
export interface Judged {
  readonly of: SubCondition;
  /** Null: it depends on what the alert does not say. */
  holds: boolean | null;
  /** Not from the alert's values: it has to be so, or the rule would not have fired. */
  inferred: boolean;
  readonly values: readonly { readonly text: string; readonly shown: string | null; readonly why: string | null }[];
  readonly children: readonly Judged[];
}

/** Judges one condition by alerts. */
export function judge(condition: Expr, catalogue: AnyCatalogue): (alert: ToldAlert) => Judged {
  const [instruments] = instrument(([condition]), catalogueOf(catalogue));
  return (alert) => judged(instruments.trace(alert), alert, catalogue);
}

function judged(trace: Trace, alert: ToldAlert, catalogue: AnyCatalogue): Judged {
  const children = trace.children.map((child) => judged(child, alert, catalogue));
  const node = (holds: boolean | null, values: Judged['values'] = []): Judged => ({ of: trace.of, holds, inferred: false, values, children });
  const { expr } = trace.of;
  switch (expr.kind) {
    case 'and':
    case 'or': {
      const decides = expr.kind === 'or';
      if (children.some((child) => child.holds === decides)) return node(decides);
      return node(children.some((child) => child.holds === null) ? null : !decides);
    }
    case 'not':
      return node(children[0].holds === null ? null : !children[0].holds);
    case 'macro':
      return node(children[0].holds);
    case 'exists':
    case 'compare': {
      const refs = fieldsOf(expr);
      const known = refs.map((ref) => knowledgeOf(alert, ref, catalogue));
      const values = refs.map((ref, i) => shown(keyOf(ref), known[i], catalogue.find(ref.name)?.field.type ?? 'CHARBUF'));
      return node(known.every((one) => one.known) ? trace.holds : null, values);
    }
    default:
      return expr satisfies never;
  }
}

const shown = (text: string, knowledge: Knowledge, type: FieldType): Judged['values'][number] =>
  knowledge.known ? { text, shown: knowledge.value === null ? null : toText(knowledge.value, { type, format: 'DEC', base64: false }), why: null } : { text, shown: null, why: knowledge.why };

/** The fields that a check reads. */
function fieldsOf(expr: Expr): readonly FieldRef[] {
  const refs: FieldRef[] = [];
  const visit = (node: CallArgument | Operand): void => {
    if (node.kind === 'field') refs.push(node);
    else if (node.kind === 'call') node.arguments.forEach(visit);
    else if (node.kind === 'list') node.items.forEach(visit);
  };
  if (expr.kind === 'exists' || expr.kind === 'compare') visit(expr.left);
  if (expr.kind === 'compare' && (expr.right.kind === 'field' || expr.right.kind === 'call')) visit(expr.right);
  return refs;
}

/** The rule has fired: what follows from that for its parts. */
export function infer(node: Judged, holds = true): void {
  if (node.holds === null) {
    node.holds = holds;
    node.inferred = true;
  } else if (node.holds !== holds) return;
  const { kind } = node.of.expr;
  if (kind === 'not') infer(node.children[0], !holds);
  else if (kind === 'macro') infer(node.children[0], holds);
  else if (kind === 'and' || kind === 'or') {
    // All parts have to be as the whole is, or one of them: known where the others are otherwise.
    const all = (kind === 'and') === holds;
    const left = all ? node.children : node.children.filter((child) => child.holds !== !holds);
    if (all || left.length === 1) for (const child of left) infer(child, holds);
  }
}
