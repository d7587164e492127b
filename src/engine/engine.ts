// SPDX-License-Identifier: Apache-2.0
import type { EngineEvent } from '../events/event.js';
import type { Expr } from '../lang/ast.js';
import type { SourceCatalogue } from '../lang/catalogue.js';

/** What the engine needs of a rule. The condition is resolved and has been checked without an error. */
export interface CompilableRule {
  readonly name: string;
  readonly source: string;
  readonly condition: Expr;
  readonly enabled: boolean;
}

export interface EngineOptions {
  /** `first`: at most one rule matches an event, the earliest in order. */
  readonly matching: 'first' | 'all';
  /** `rule` is the index in the array the engine was created with. */
  readonly onMatch: (rule: number, event: EngineEvent) => void;
}

export interface Engine {
  /** Evaluates one event of a source; calls `onMatch` for the rules that match, in rule order. HOT PATH */
  process(sourceIndex: number, event: EngineEvent): void;
  /** -1: no catalogue of that name was given. */
  sourceIndex(name: string): number;
  /** The event types that the enabled rules of a source can match at all. */
  eventTypesOf(source: string): ReadonlySet<number> | 'all';
  /** Names of the fields (without arguments) that the enabled rules of a source use. */
  fieldsOf(source: string): ReadonlySet<string>;
}

// biome-ignore lint/suspicious/noExplicitAny: each source has its own event class; the engine only passes it through
export type AnyCatalogue = SourceCatalogue<any>;

export function createEngine(
  _rules: readonly CompilableRule[],
  _catalogues: readonly AnyCatalogue[],
  _options: EngineOptions,
): Engine {
  throw new Error('not yet');
}
