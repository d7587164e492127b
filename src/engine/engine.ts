// SPDX-License-Identifier: Apache-2.0
// HOT PATH
/**
 * All rules of all sources. An engine does not change: a reload makes a new one and puts it in the old one's place between
 * two events.
 */
import type { EngineEvent } from '../events/event.js';
import type { Expr } from '../lang/ast.js';
import type { SourceCatalogue } from '../lang/catalogue.js';
import { type Compiled, compile, type Matcher } from './compile.js';
import type { PlanNode } from './plan.js';

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
  /** Is shown what the enabled rules of a source come to for some event types, while they are compiled. */
  readonly observe?: (source: string, types: readonly number[], roots: readonly PlanNode<never>[]) => void;
}

export interface Engine {
  /** Evaluates one event of a source; calls `onMatch` for the rules that match, in rule order. HOT PATH */
  process(sourceIndex: number, event: EngineEvent): void;
  /** -1: no catalogue of that name was given. */
  sourceIndex(name: string): number;
  /** The event types that the enabled rules of a source can match at all. */
  eventTypesOf(source: string): ReadonlySet<number> | 'all';
  /** Of an event type that goes by several names (a generic system call): those names that they can match. */
  namesOf(source: string, type: number): ReadonlySet<string>;
  /** Names of the fields (without arguments) that the enabled rules of a source use. */
  fieldsOf(source: string): ReadonlySet<string>;
}

// biome-ignore lint/suspicious/noExplicitAny: each source has its own event class; the engine only passes it through
export type AnyCatalogue = SourceCatalogue<any>;

/** Throws when a condition is not resolved and checked: that is a mistake of the caller's, not of the rules' author. */
export function createEngine(
  rules: readonly CompilableRule[], catalogues: readonly AnyCatalogue[], options: EngineOptions,
): Engine {
  const sources = catalogues.map((catalogue) => {
    const own = rules.map((rule, index) => ({ ...rule, index })).filter((rule) => rule.enabled && rule.source === catalogue.source);
    return new CompiledSource(catalogue, compile(own, catalogue, (types, roots) => options.observe?.(catalogue.source, types, roots)));
  });
  return new CompiledEngine(sources, options.matching === 'first', options.onMatch);
}

class CompiledSource {
  readonly byType: readonly (Matcher<EngineEvent> | null)[];
  readonly hits: Int32Array;
  constructor(readonly catalogue: AnyCatalogue, readonly compiled: Compiled<EngineEvent>) {
    this.byType = compiled.byType;
    this.hits = compiled.hits;
  }
}

class CompiledEngine implements Engine {
  constructor(
    private readonly sources: readonly CompiledSource[],
    private readonly onlyFirst: boolean,
    private readonly onMatch: (rule: number, event: EngineEvent) => void,
  ) {}

  process(sourceIndex: number, event: EngineEvent): void {
    const source = this.sources[sourceIndex] as CompiledSource;
    const matcher = source.byType[event.type];
    if (matcher === null || matcher === undefined) return;
    const count = matcher(event, 0);
    if (count !== 0) this.report(source.hits, count, event);
  }

  /** Matchers find matches in the order that costs least; rules are reported in theirs. */
  private report(hits: Int32Array, count: number, event: EngineEvent): void {
    for (let i = 1; i < count; i++) {
      const hit = hits[i] as number;
      let j = i - 1;
      for (; j >= 0 && (hits[j] as number) > hit; j--) hits[j + 1] = hits[j] as number;
      hits[j + 1] = hit;
    }
    const end = this.onlyFirst ? 1 : count;
    for (let i = 0; i < end; i++) this.onMatch(hits[i] as number, event);
  }

  sourceIndex(name: string): number {
    return this.sources.findIndex((source) => source.catalogue.source === name);
  }

  eventTypesOf(name: string): ReadonlySet<number> | 'all' {
    const source = this.sources[this.sourceIndex(name)];
    if (source === undefined) return new Set();
    const { types } = source.compiled;
    return types.size === source.catalogue.eventTypeCount ? 'all' : types;
  }

  namesOf(name: string, type: number): ReadonlySet<string> {
    return this.sources[this.sourceIndex(name)]?.compiled.names.get(type) ?? new Set();
  }

  fieldsOf(name: string): ReadonlySet<string> {
    return this.sources[this.sourceIndex(name)]?.compiled.fields ?? new Set();
  }
}
