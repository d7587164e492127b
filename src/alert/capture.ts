// SPDX-License-Identifier: Apache-2.0
/** (rule, event) → alert: a copy of all that outputs need, made while the event is still there. */
import type { EngineEvent } from '../events/event.js';
import type { Scalar } from '../lang/value.js';
import type { Alert, Priority } from './alert.js';
import type { Template } from './template.js';

/** What an alert takes from its rule. */
export interface AlertingRule<E> {
  readonly name: string;
  readonly priority: Priority;
  readonly source: string;
  readonly tags: readonly string[];
  readonly template: Template<E>;
  readonly extraFields: readonly { readonly key: string; readonly raw: boolean; readonly template: Template<E> }[];
}

export function captureAlert<E extends EngineEvent>(rule: AlertingRule<E>, event: E, hostname: string): Alert {
  const { message, fields } = rule.template.render(event);
  for (const extra of rule.extraFields) fields.set(extra.key, extra.raw ? rawValue(extra.template, event) : extra.template.text(event));
  return { time: event.timestamp(), rule: rule.name, priority: rule.priority, source: rule.source, hostname, message, tags: rule.tags, fields };
}

/** A template of one field has one value; a transformer has none of its own, as in the ecosystem's JSON. */
function rawValue<E>(template: Template<E>, event: E): Scalar | readonly Scalar[] | null {
  const rendered = template.render(event);
  return rendered.fields.get(template.names[template.names.length - 1]) ?? null;
}
