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
  const names = catalogue.classes.flatMap((fieldClass) => fieldClass.fields.map((field) => field.name));
  const near = closest(node.name, names);
  const code = 'COND_UNKNOWN_FIELD';
  const hint = near === null ? undefined : `did you mean '${near}'?`;
  report({ code, message: `there is no field '${node.name}' for source '${catalogue.source}'`, hint, at: { start: node.start, end: node.start + node.name.length } });
  return null;
}
