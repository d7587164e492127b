// SPDX-License-Identifier: Apache-2.0
import type { FieldRef } from '../ast.js';
import type { FieldArgument, FieldDef } from '../catalogue.js';
import type { Report } from './context.js';

/**
 * What stands in brackets, if it may stand there; null and a report if not. `dotted` is an argument that is part of the
 * name (`evt.arg.flags`).
 */
export function fieldArgument<E>(
  node: FieldRef, field: FieldDef<E>, dotted: FieldArgument | null, report: Report,
): { readonly argument: FieldArgument | null } | null {
  const rule = field.argument;
  const at = { start: node.start + node.name.length, end: node.end };
  if (node.argument === null) {
    if (dotted !== null || rule?.required !== true) return { argument: dotted };
    const kinds = [rule.index ? 'a number' : null, rule.key ? 'a key' : null].filter((kind) => kind !== null).join(' or ');
    report({ code: 'COND_ARGUMENT_REQUIRED', message: `field '${node.name}' needs ${kinds} in brackets`, hint: `write ${node.name}[${rule.key ? 'key' : '0'}]`, at: node });
    return null;
  }
  if (rule === undefined || (dotted !== null && dotted.text !== '')) {
    report({ code: 'COND_ARGUMENT_NOT_ALLOWED', message: `field '${node.name}' takes no argument`, at });
    return null;
  }
  const index = /^\d{1,15}$/.test(node.argument) ? Number(node.argument) : null;
  if (!rule.key && index === null) {
    report({ code: 'COND_ARGUMENT_INVALID', message: `field '${node.name}' takes a number in brackets, not '${node.argument}'`, at });
    return null;
  }
  return { argument: { text: node.argument, index } };
}
