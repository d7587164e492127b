// SPDX-License-Identifier: Apache-2.0
import type { FieldRef } from '../ast.js';
import type { FieldArgument, FieldDef, SourceCatalogue } from '../catalogue.js';
import { closest } from '../suggest.js';
import type { Report } from './context.js';

/** The field of that name, or null and a report. */
export function findField<E>(
  node: FieldRef, catalogue: SourceCatalogue<E>, report: Report,
): { readonly field: FieldDef<E>; readonly argument: FieldArgument | null } | null {
  const found = catalogue.find(node.name);
  if (found !== null) return found;
  const hint = suggestion(node.name, catalogue.classes.flatMap((fieldClass) => fieldClass.fields));
  report({
    code: 'COND_UNKNOWN_FIELD', message: `there is no field '${node.name}' for source '${catalogue.source}'`, hint,
    at: { start: node.start, end: node.start + node.name.length },
  });
  return null;
}

function suggestion<E>(name: string, fields: readonly FieldDef<E>[]): string | undefined {
  // `k8s.pod.label.role` was written once where it is `k8s.pod.label[role]` now.
  const keyed = fields.find((field) => field.argument?.key === true && name.startsWith(`${field.name}.`));
  const near = keyed === undefined ? closest(name, fields.map((field) => field.name)) : `${keyed.name}[${name.slice(keyed.name.length + 1)}]`;
  return near === null ? undefined : `did you mean '${near}'?`;
}
