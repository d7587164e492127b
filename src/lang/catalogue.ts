// SPDX-License-Identifier: Apache-2.0
/** What the language is handed to know fields by: it imports no field, event or source itself. */
import type { FieldType, Value } from './value.js';

/** A field argument: `[2]` is an index and a key ("2"), `[name]` and `["a b"]` are keys. */
export interface FieldArgument {
  /** The text between the brackets, unquoted. */
  readonly text: string;
  /** The value if the text is a decimal integer. */
  readonly index: number | null;
}

/** Reads one field (with its argument already bound) from an event. Must not keep the event or throw. */
export type FieldReader<E> = (event: E) => Value;

/** One field, defined in one place: `src/fields/<class>.ts`. */
export interface FieldDef<E = never> {
  readonly name: string;
  readonly type: FieldType;
  /** The reader returns an array of scalars of `type`. */
  readonly list?: boolean;
  /** What may stand in brackets: absent means nothing may. */
  readonly argument?: { readonly required: boolean; readonly index: boolean; readonly key: boolean };
  readonly desc: string;
  /** Usable in outputs but not in conditions. */
  readonly printOnly?: boolean;
  /** Usable in conditions but not in outputs. */
  readonly filterOnly?: boolean;
  /** Usable, but not in the list of fields. */
  readonly unlisted?: boolean;
  readonly deprecated?: boolean;
  /** No transformer (`tolower(...)`) takes it. */
  readonly noTransformer?: boolean;
  /** It can be compared with constants only, not with another field. */
  readonly constantsOnly?: boolean;
  /** `field = N` is the only comparison allowed and means `value <= N` (`evt.around`). */
  readonly equalsMeansAtMost?: boolean;
  /** How numbers are printed; DEC unless said. */
  readonly format?: 'DEC' | 'HEX' | 'OCT' | 'PADDED10';
  /**
   * Called once per use when rules are compiled. Returns the reader, or a string that says why the argument is refused
   * (it becomes a diagnostic at the field's place).
   */
  readonly bind: (argument: FieldArgument | null) => FieldReader<E> | string;
  /** What JSON output carries in place of the value: the times that print as text are nanoseconds since the epoch there. */
  readonly json?: FieldReader<E>;
  /**
   * Set when a condition reads something else than an output prints: all ancestors of `proc.aname` instead of their names in
   * one text, both ends of `fd.ip`, the bytes of `evt.buffer`. On the left of a comparison, `bind` here takes the place of
   * the one above; null: with this argument the field is plain after all. When the reader returns a list although the field
   * is none, a comparison holds when it holds for one of the elements, except that `!=` must hold for all of them where
   * `notEqual` is `all`. Null from the reader: every comparison fails.
   */
  readonly inCondition?: {
    readonly notEqual: 'one' | 'all';
    readonly bind: (argument: FieldArgument | null) => FieldReader<E> | null;
  };
}

/** A class of fields, as `--list` prints them. */
export interface FieldClass<E = never> {
  readonly name: string;
  readonly shortDesc?: string;
  readonly desc: string;
  readonly fields: readonly FieldDef<E>[];
}

/** All that one source's rules can name. */
export interface SourceCatalogue<E = never> {
  /** `syscall` or `k8s_audit`. */
  readonly source: string;
  readonly classes: readonly FieldClass<E>[];
  /**
   * Finds a field by its whole name. `evt.arg.flags` (argument after a dot) is resolved here too: the answer's
   * `argument` is then what stood after the dot. Null: no such field.
   */
  readonly find: (name: string) => { readonly field: FieldDef<E>; readonly argument: FieldArgument | null } | null;
  /**
   * Event type names (`openat`, `procexit`, `pluginevent`) to the numeric `EngineEvent.type` codes that carry that name.
   * A rule that pins `evt.type` is indexed by these; a name that is not a key here is an unknown event type.
   */
  readonly eventTypes: ReadonlyMap<string, readonly number[]>;
  /** Size of the index: every `EngineEvent.type` is below it. */
  readonly eventTypeCount: number;
}
