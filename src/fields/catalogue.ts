// SPDX-License-Identifier: Apache-2.0
/** Builds the catalogue that the rule language is handed, from classes of fields. Used by every source. */
import type { FieldArgument, FieldClass, FieldDef, FieldReader, SourceCatalogue } from '../lang/catalogue.js';
import type { FieldType } from '../lang/value.js';

/** A field whose argument stands after a dot, not in brackets: `evt.arg.flags`, `thread.cgroup.memory`. */
export interface DottedField<E> {
  readonly name: string;
  /** May the argument be missing? `bind` then gets an empty one. */
  readonly optional?: boolean;
  /** The definition to use for this argument, when the type follows from it (`evt.rawarg.size` is a number). */
  readonly refine?: (field: FieldDef<E>, argument: FieldArgument) => FieldDef<E>;
}

export interface CatalogueParts<E> {
  readonly source: string;
  readonly classes: readonly FieldClass<E>[];
  readonly dotted?: readonly DottedField<E>[];
  readonly eventTypes: ReadonlyMap<string, readonly number[]>;
  readonly eventTypeCount: number;
}

export function makeCatalogue<E>(parts: CatalogueParts<E>): SourceCatalogue<E> {
  const fields = new Map<string, FieldDef<E>>();
  for (const fieldClass of parts.classes) {
    for (const field of fieldClass.fields) {
      if (fields.has(field.name)) throw new Error(`field ${field.name} is defined twice`);
      fields.set(field.name, field);
    }
  }
  const dotted = new Map<string, DottedField<E>>();
  for (const entry of parts.dotted ?? []) {
    if (!fields.has(entry.name)) throw new Error(`no field ${entry.name}`);
    dotted.set(entry.name, entry);
  }

  const find: SourceCatalogue<E>['find'] = (name) => {
    const whole = fields.get(name);
    if (whole !== undefined) {
      const argument = dotted.get(name)?.optional === true ? argumentOf('') : null;
      return { field: whole, argument };
    }
    // The longest name that is a field with a dotted argument.
    for (let dot = name.lastIndexOf('.'); dot > 0; dot = name.lastIndexOf('.', dot - 1)) {
      const entry = dotted.get(name.slice(0, dot));
      if (entry === undefined) continue;
      const field = fields.get(entry.name) as FieldDef<E>;
      const argument = argumentOf(name.slice(dot + 1));
      return { field: entry.refine?.(field, argument) ?? field, argument };
    }
    return null;
  };

  return {
    source: parts.source,
    classes: parts.classes,
    find,
    eventTypes: parts.eventTypes,
    eventTypeCount: parts.eventTypeCount,
  };
}

/** An argument as it stands after a dot or between brackets. */
export function argumentOf(text: string): FieldArgument {
  return { text, index: /^\d{1,15}$/.test(text) ? Number(text) : null };
}

type Extra<E> = Partial<Omit<FieldDef<E>, 'name' | 'type' | 'desc' | 'bind'>>;

/** A field that takes no argument. */
export function field<E>(
  name: string, type: FieldType, desc: string, read: FieldReader<E>, extra: Extra<E> = {},
): FieldDef<E> {
  return { name, type, desc, ...extra, bind: () => read };
}

/** A field with an argument; `bind` gets null when there is none. */
export function fieldWith<E>(
  name: string, type: FieldType, desc: string, argument: NonNullable<FieldDef<E>['argument']>, bind: FieldDef<E>['bind'],
  extra: Omit<Extra<E>, 'argument'> = {},
): FieldDef<E> {
  return { name, type, desc, argument, ...extra, bind };
}

/** A field that takes no argument, as an object. */
export function plain<E>(
  def: Omit<FieldDef<E>, 'bind' | 'argument'> & { readonly read: FieldReader<E> },
): FieldDef<E> {
  const { read, ...rest } = def;
  return { ...rest, bind: () => read };
}
