// SPDX-License-Identifier: Apache-2.0
import type { AuditEvent } from '../events/audit-event.js';
import { PLUGIN_EVENT } from '../events/event.js';
import type { SourceCatalogue } from '../lang/catalogue.js';
import { makeCatalogue } from './catalogue.js';
import type { RunClock } from './context.js';
import { commonEventClass } from './evt.js';
import { JSON_CLASS } from './jevt.js';
import { KA_CLASS } from './ka.js';

export const AUDIT_SOURCE = 'k8s_audit';

/** What audit fields need to know beside the event. */
export interface AuditFieldContext {
  /** `evt.hostname`. */
  readonly hostname: string;
  readonly clock: RunClock;
}

/** All that rules of source `k8s_audit` can name. */
export function auditCatalogue(context: AuditFieldContext): SourceCatalogue<AuditEvent> {
  const common = commonEventClass<AuditEvent>({
    source: AUDIT_SOURCE,
    hostname: context.hostname,
    clock: context.clock,
    // The names that rules and the ecosystem's tools know this source by.
    plugin: { name: 'k8saudit', info: (event) => event.textAt([], '') },
  });
  return makeCatalogue<AuditEvent>({
    source: AUDIT_SOURCE,
    classes: [common, JSON_CLASS, KA_CLASS],
    eventTypes: new Map([['pluginevent', [PLUGIN_EVENT]]]),
    eventTypeCount: PLUGIN_EVENT + 1,
  });
}
