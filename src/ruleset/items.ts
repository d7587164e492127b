// SPDX-License-Identifier: Apache-2.0
/** Lists, macros and rules as the files define them, after redefinition and before anything is compiled. */
import type { Rate } from '../util/duration.js';
import type { Priority } from '../alert/alert.js';
import type { Span } from '../lang/diagnostic.js';
import type { MappedText } from './mapped-text.js';
import type { Path } from './problems.js';
import type { Version } from './versions.js';

/**
 * Order of definition. `index` is where a name was first defined and decides the order; `visibility` is where it was last
 * touched: a macro or list sees those whose index is below it.
 */
interface Ordered {
  readonly index: number;
  readonly visibility: number;
}

export interface ListItem {
  readonly text: string;
  readonly mapped: MappedText;
}

export interface ListInfo extends Ordered {
  readonly name: string;
  readonly items: readonly ListItem[];
  readonly path: Path;
}

export interface MacroInfo extends Ordered {
  readonly name: string;
  readonly condition: MappedText;
  readonly path: Path;
  readonly conditionPath: Path;
}

/** `fields`, `comps` and each of `values`: one text, or a list of (lists of) texts. */
export type Entry =
  | { readonly kind: 'one'; readonly text: string; readonly mapped: MappedText; readonly span: Span }
  | { readonly kind: 'list'; readonly items: readonly Entry[]; readonly span: Span };

export interface ExceptionInfo {
  readonly name: string;
  readonly fields: Entry | null;
  readonly comps: Entry | null;
  readonly values: readonly Entry[];
  readonly path: Path;
}

/** A rule may be exempt from what the configuration says for all. */
export type Limit<T> = T | 'off';

export interface RuleInfo extends Ordered {
  readonly name: string;
  readonly condition: MappedText;
  readonly output: MappedText;
  readonly desc: string;
  readonly priority: Priority;
  readonly source: string;
  /** No catalogue has this source: the rule is kept for what other files say about it, and left out of the ruleset. */
  readonly unknownSource: boolean;
  readonly tags: readonly string[];
  readonly enabled: boolean;
  readonly exceptions: readonly ExceptionInfo[];
  readonly warnEvttypes: boolean;
  readonly skipIfUnknownFilter: boolean;
  readonly capture: boolean;
  /** Milliseconds; 0: the configuration's default. */
  readonly captureDuration: number;
  /** Ours: how many alerts of it may leave; null: the configuration's. */
  readonly throttle: Limit<Rate> | null;
  /** Ours: milliseconds in which like alerts are one; null: the configuration's. */
  readonly deduplicate: Limit<number> | null;
  readonly path: Path;
  readonly conditionPath: Path;
  readonly outputPath: Path;
}

export interface PluginRequirement {
  readonly name: string;
  readonly version: string;
}

export interface Collection {
  /** In order of first definition; redefinition keeps the place. */
  readonly lists: ReadonlyMap<string, ListInfo>;
  readonly macros: ReadonlyMap<string, MacroInfo>;
  readonly rules: ReadonlyMap<string, RuleInfo>;
  /** The highest that was asked for. */
  readonly requiredEngineVersion: Version;
  /** Each with its alternatives behind it. */
  readonly requiredPluginVersions: readonly (readonly PluginRequirement[])[];
  /** Names that were defined wrongly: references to them are no second error. */
  readonly broken: { readonly lists: ReadonlySet<string>; readonly macros: ReadonlySet<string> };
}
