// SPDX-License-Identifier: Apache-2.0
import type { Priority } from '../alert/alert.js';
import type { Template } from '../alert/template.js';
import type { Expr } from '../lang/ast.js';
import type { SourceCatalogue } from '../lang/catalogue.js';
import type { Span } from '../lang/diagnostic.js';
import type { ExtraField } from './append-output.js';
import type { Rate } from '../util/duration.js';
import type { Collection, Limit, RuleInfo } from './items.js';
import type { CompiledList } from './lists.js';
import type { MappedText } from './mapped-text.js';

// biome-ignore lint/suspicious/noExplicitAny: each source has its own event class, which only its catalogue looks into
export type AnyCatalogue = SourceCatalogue<any>;
// biome-ignore lint/suspicious/noExplicitAny: as above
export type AnyTemplate = Template<any>;

export interface CompiledExtraField extends ExtraField {
  readonly template: AnyTemplate;
}

/** A rule that compiled without an error. */
export interface Rule {
  /** Its place in `Ruleset.rules`. */
  readonly index: number;
  readonly name: string;
  readonly desc: string;
  readonly source: string;
  readonly priority: Priority;
  /** Sorted, each once. */
  readonly tags: readonly string[];
  /** After the configuration's selection and minimum priority. */
  readonly enabled: boolean;
  /** Resolved: macros have bodies, no list name is left, exceptions are part of it. */
  readonly condition: Expr;
  /** What the offsets of `condition` are into: exceptions and lists are in it, and each character knows where it was written. */
  readonly text: MappedText;
  /** As written, appended parts included, exceptions not. */
  readonly conditionText: string;
  /** The template's text, with what the configuration appends. */
  readonly output: string;
  readonly template: AnyTemplate;
  readonly extraFields: readonly CompiledExtraField[];
  /** Fields that its exceptions name, sorted. */
  readonly exceptionFields: readonly string[];
  readonly warnEvttypes: boolean;
  readonly skipIfUnknownFilter: boolean;
  readonly capture: boolean;
  /** Milliseconds; 0: the configuration's default. */
  readonly captureDuration: number;
  /** Ours: how many alerts of it may leave; null: the configuration's. */
  readonly throttle: Limit<Rate> | null;
  /** Ours: milliseconds in which like alerts are one; null: the configuration's. */
  readonly deduplicate: Limit<number> | null;
  /** Where it is defined. */
  readonly span: Span;
  /** What the files said. */
  readonly info: RuleInfo;
}

export interface CompiledMacro {
  readonly name: string;
  readonly condition: Expr;
  /** What the offsets of `condition` are into. */
  readonly text: MappedText;
  readonly used: boolean;
}

export interface Ruleset {
  /**
   * In the order in which they are tried: those enabled by their files in order of definition, then those enabled by the
   * configuration's selection, then those that are not enabled.
   */
  readonly rules: readonly Rule[];
  readonly macros: readonly CompiledMacro[];
  readonly lists: readonly (CompiledList & { readonly used: boolean })[];
  readonly collection: Collection;
}
