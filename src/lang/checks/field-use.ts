// SPDX-License-Identifier: Apache-2.0
import type { FieldRef } from '../ast.js';
import type { FieldDef } from '../catalogue.js';
import type { Report } from './context.js';

/** Whether the field may stand in a condition, or in an output. */
export function checkFieldUse<E>(node: FieldRef, field: FieldDef<E>, printed: boolean, report: Report): boolean {
  if (field.deprecated === true) {
    report({ severity: 'warning', code: 'COND_WARN_DEPRECATED', message: `field '${field.name}' is deprecated`, at: node });
  }
  if (printed && field.filterOnly === true) {
    report({ code: 'COND_FIELD_FILTER_ONLY', message: `field '${field.name}' can be filtered by but not printed`, at: node });
    return false;
  }
  if (!printed && field.printOnly === true) {
    report({ code: 'COND_FIELD_PRINT_ONLY', message: `field '${field.name}' can be printed but not filtered by`, at: node });
    return false;
  }
  return true;
}
