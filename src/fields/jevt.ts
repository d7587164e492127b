// SPDX-License-Identifier: Apache-2.0
/** `json.*`, and `jevt.*`, its older names: any part of an event by JSON pointer. */
import type { AuditEvent } from '../events/audit-event.js';
import { indent } from '../events/json-text.js';
import type { FieldArgument, FieldClass, FieldDef, FieldReader } from '../lang/catalogue.js';
import { timeText } from '../util/time.js';
import { plain } from './catalogue.js';
import { asText, compilePointer, pointerKeys } from './json-read.js';

const wholeObject: FieldReader<AuditEvent> = (event) => indent(event.text);
/** Without bigints: rules ask for it to see whether there is an event at all. */
const rawTime: FieldReader<AuditEvent> = (event) =>
  event.seconds === 0 ? String(event.nanos) : `${event.seconds}${String(event.nanos).padStart(9, '0')}`;

function bindPointer(argument: FieldArgument | null): FieldReader<AuditEvent> {
  const pointer = argument?.text ?? '';
  const path = pointerKeys(pointer);
  const key = path.join('/');
  if (path.length === 0) return (event) => event.textAt([], '');
  const find = compilePointer(pointer);
  return (event) => {
    const value = find(event);
    return value === undefined ? null : asText(event, value, path, key);
  };
}

function valueField(name: string, desc: string): FieldDef<AuditEvent> {
  return { name, type: 'CHARBUF', argument: { required: true, index: false, key: true }, desc, bind: bindPointer };
}

export const JSON_CLASS: FieldClass<AuditEvent> = {
  name: 'json (plugin)',
  shortDesc: 'Events that are JSON',
  desc: 'Any part of a JSON event, by JSON pointer (RFC 6901).',
  fields: [
    valueField('json.value', 'The part that a JSON pointer names: json.value[/user/username]. A ~1 in it stands for a slash.'),
    plain<AuditEvent>({ name: 'json.obj', type: 'CHARBUF', desc: 'The whole event, indented.', read: wholeObject }),
    plain<AuditEvent>({ name: 'json.rawtime', type: 'CHARBUF', desc: 'Nanoseconds since the epoch.', read: rawTime }),
    valueField('jevt.value', 'The older name of json.value.'),
    plain<AuditEvent>({ name: 'jevt.obj', type: 'CHARBUF', desc: 'The older name of json.obj.', read: wholeObject }),
    plain<AuditEvent>({ name: 'jevt.rawtime', type: 'CHARBUF', desc: 'The older name of json.rawtime.', read: rawTime }),
    plain<AuditEvent>({
      name: 'jevt.time',
      type: 'CHARBUF',
      desc: 'Local time of day of the event, with nanoseconds, as evt.time.',
      // Rules from before the plugins have it; Falco's present list does not.
      deprecated: true,
      unlisted: true,
      read: (event) => timeText(event.timestamp(), true),
    }),
  ],
};

/** The same names for events that carry no JSON, such as system calls: known, so that shared macros load, and never there. */
export function absentJsonClass<E>(): FieldClass<E> {
  const absent: FieldReader<E> = () => null;
  const fields = JSON_CLASS.fields.map(({ name, type, desc, argument, unlisted = false, deprecated = false }): FieldDef<E> => {
    return { name, type, desc, ...(argument !== undefined && { argument }), unlisted, deprecated, bind: () => absent };
  });
  return { name: JSON_CLASS.name, ...(JSON_CLASS.shortDesc !== undefined && { shortDesc: JSON_CLASS.shortDesc }), desc: JSON_CLASS.desc, fields };
}
