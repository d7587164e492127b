// SPDX-License-Identifier: Apache-2.0
import type { FieldClass, FieldDef, SourceCatalogue } from '../lang/catalogue.js';

/** Adds `static.<key>` for each of the configuration's `static_fields`: the same text for every event. */
export function withStaticFields<E>(catalogue: SourceCatalogue<E>, values: Readonly<Record<string, string>>): SourceCatalogue<E> {
  const fields = Object.entries(values).map(
    ([key, value]): FieldDef<E> => ({
      name: `static.${key}`,
      type: 'CHARBUF',
      desc: `The value of '${key}' under static_fields in the configuration.`,
      bind: () => () => value,
    }),
  );
  if (fields.length === 0) return catalogue;
  const fieldClass: FieldClass<E> = { name: 'static', desc: 'Fields with values from the configuration.', fields };
  const byName = new Map(fields.map((field) => [field.name, { field, argument: null }]));
  return { ...catalogue, classes: [...catalogue.classes, fieldClass], find: (name) => byName.get(name) ?? catalogue.find(name) };
}
