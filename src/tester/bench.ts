// SPDX-License-Identifier: Apache-2.0
/**
 * Where rules are tried without a machine: events, written or recorded, go through the same state, fields and engine as
 * in a run, and beside the engine through the instrumented form of every rule.
 */
import type { Alert } from '../alert/alert.js';
import { captureAlert } from '../alert/capture.js';
import { compileTemplate, type Template } from '../alert/template.js';
import { createEngine, type Engine } from '../engine/engine.js';
import { instrument, type InstrumentedCondition, type Trace } from '../engine/instrument.js';
import { type AuditEvent, parseAuditEvent } from '../events/audit-event.js';
import { viewOf } from '../events/event-builder.js';
import type { EngineEvent } from '../events/event.js';
import type { EventView } from '../events/event-view.js';
import { EVENTS } from '../events/table.js';
import { AUDIT_SOURCE } from '../fields/audit-catalogue.js';
import { SYSCALL_SOURCE } from '../fields/catalogues.js';
import type { RunClock } from '../fields/context.js';
import type { AnyCatalogue, Rule, Ruleset } from '../ruleset/ruleset.js';
import { AuditSplitter } from '../sources/k8s-audit/splitter.js';
import { ReplaySource } from '../sources/replay.js';
import type { State } from '../state/state.js';
import type { Coverage } from './coverage.js';
import { distance } from './explanation.js';
import { decodeBytes } from '../util/byte-text.js';

/** A ruleset bound to a state: what it takes to try rules. */
export interface BenchParts {
  readonly ruleset: Ruleset;
  readonly catalogues: readonly AnyCatalogue[];
  readonly state: State;
  readonly clock: RunClock;
  readonly hostname: string;
}

/** A rule that matched an event. */
export interface Match {
  readonly rule: Rule;
  /** Of the event, from 1. */
  readonly event: number;
  /** No rule before it matched the event: with `rule_matching: first` this is the one that alerts. */
  readonly first: boolean;
  readonly alert: Alert;
  /** Texts of the fields that were asked for. */
  readonly fields: ReadonlyMap<string, string>;
}

/** The event at which a rule that did not match came nearest to it. */
export interface Nearest {
  readonly event: number;
  readonly label: string;
  readonly trace: Trace;
  readonly distance: number;
}

export interface Observed {
  readonly events: number;
  readonly matches: readonly Match[];
  readonly nearest: ReadonlyMap<Rule, Nearest>;
}

/** What to look at more closely. */
export interface Watch {
  /** Rules whose failure has to be explained. */
  readonly rules: ReadonlySet<Rule>;
  /** By rule, fields whose texts are wanted when it matches. */
  readonly fields: ReadonlyMap<Rule, readonly string[]>;
  /** Called with each event while it is there. */
  readonly onEvent?: (event: EngineEvent, source: string, num: number) => void;
}

/** A mistake of ours, whatever is tested. */
export class FormsDisagree extends Error {}

const MAX_AUDIT_EVENT = 16 << 20;

interface Seat {
  readonly rule: Rule;
  readonly instruments: InstrumentedCondition<EngineEvent>;
}

export class Bench {
  readonly seats: readonly Seat[];
  private readonly bySource = new Map<string, readonly Seat[]>();
  private readonly engine: Engine;
  private readonly templates = new Map<string, Template<EngineEvent> | null>();
  private hits: number[] = [];
  private alerts: Alert[] = [];
  private num = 0;
  private watch: Watch = { rules: new Set(), fields: new Map() };
  private matches: Match[] = [];
  private nearest = new Map<Rule, Nearest>();

  constructor(readonly parts: BenchParts) {
    const { ruleset, catalogues, hostname } = parts;
    const { rules } = ruleset;
    for (const catalogue of catalogues) {
      const own = rules.filter((rule) => rule.enabled && rule.source === catalogue.source);
      const instruments = instrument<EngineEvent>(own.map((rule) => rule.condition), catalogue);
      this.bySource.set(catalogue.source, own.map((rule, i) => ({ rule, instruments: instruments[i] })));
    }
    this.seats = [...this.bySource.values()].flat();
    this.engine = createEngine(rules, catalogues, {
      matching: 'all',
      onMatch: (index, event) => {
        this.hits.push(index);
        this.alerts.push(captureAlert(rules[index], event, hostname));
      },
    });
  }

  /** Begins anew: no process, no event, nothing seen. */
  begin(watch: Watch): void {
    this.parts.state.reset();
    this.parts.clock.firstEvent = 0n;
    this.watch = watch;
    this.num = 0;
    this.matches = [];
    this.nearest = new Map();
  }

  end(): Observed {
    return { events: this.num, matches: this.matches, nearest: this.nearest };
  }

  /** A system call's event as it is on the wire. */
  syscall(bytes: Uint8Array): void {
    const view = viewOf(bytes);
    view.num = this.num + 1;
    this.applied(view);
  }

  /** @throws ScapError, StartError */
  async capture(path: string): Promise<void> {
    const source = new ReplaySource({ path, state: this.parts.state });
    await new Promise<void>((resolve, reject) => {
      source.start((view) => this.applied(view), (error) => (error === undefined ? resolve() : reject(error))).catch(reject);
    });
  }

  /** Audit events as text: one, a list, several one after another. @returns what was wrong with it */
  audit(text: string | Buffer): readonly string[] {
    const problems: string[] = [];
    const one = (event: AuditEvent | 'malformed' | 'no_time'): void => {
      if (event === 'malformed') problems.push('there is something in it that is no JSON object');
      else if (event === 'no_time') problems.push('there is an event in it without a stageTimestamp');
      else {
        event.num = this.num + 1;
        this.deliver(event, AUDIT_SOURCE, `${String(event.member('verb'))} ${String(event.member('requestURI'))}`);
      }
    };
    const splitter = new AuditSplitter({
      tryEvent: () => 0,
      event: (bytes, start, end) => {
        one(parseAuditEvent(decodeBytes(bytes, start, end)));
        return false;
      },
      tooLarge: (size) => problems.push(`there is an event of ${size} bytes in it`),
      malformed: () => problems.push('there is something in it that is no event'),
      notAnEvent: () => problems.push(text.includes('"output_fields"')
        ? 'there is an alert in it, which tells of an event but is none: a capture, an audit log or an event in YAML is needed'
        : 'there is something in it that is neither an Event nor an EventList'),
      list: () => undefined,
    }, { maxEventSize: MAX_AUDIT_EVENT, lines: false });
    splitter.push(Buffer.from(text));
    if (!splitter.end()) problems.push('it ends within an event');
    return problems;
  }

  /** What the instruments have counted since the bench was made. */
  count(coverage: Coverage): void {
    for (const { rule, instruments } of this.seats) coverage.add(rule, this.parts.ruleset, instruments as InstrumentedCondition<never>);
  }

  private applied(view: EventView): void {
    const { state } = this.parts;
    if (state.apply(view)) this.deliver(view, SYSCALL_SOURCE, EVENTS[view.type]?.name ?? 'unknown');
    state.after(view);
  }

  private deliver(event: EngineEvent, source: string, label: string): void {
    const num = ++this.num;
    const { clock } = this.parts;
    if (clock.firstEvent === 0n) clock.firstEvent = event.timestamp();
    this.hits = [];
    this.alerts = [];
    this.engine.process(this.engine.sourceIndex(source), event);
    this.hits.forEach((index, i) => {
      const rule = this.parts.ruleset.rules[index];
      this.matches.push({ rule, event: num, first: i === 0, alert: this.alerts[i], fields: this.fieldsOf(rule, event) });
    });
    for (const { rule, instruments } of this.bySource.get(source) ?? []) {
      const holds = instruments.evaluate(event);
      // The two forms share nothing but the checks: a difference is a mistake of ours, and nobody could trust a test.
      if (holds !== this.hits.includes(rule.index)) throw new FormsDisagree(`the compiled and the instrumented form of the rule '${rule.name}' disagree`);
      if (!holds && this.watch.rules.has(rule)) this.approach(rule, event, num, label, instruments);
    }
    this.watch.onEvent?.(event, source, num);
  }

  private approach(rule: Rule, event: EngineEvent, num: number, label: string, instruments: InstrumentedCondition<EngineEvent>): void {
    const trace = instruments.trace(event);
    const far = distance(trace);
    const before = this.nearest.get(rule);
    if (before === undefined || far < before.distance) this.nearest.set(rule, { event: num, label, trace, distance: far });
  }

  private fieldsOf(rule: Rule, event: EngineEvent): ReadonlyMap<string, string> {
    const texts = new Map<string, string>();
    for (const name of this.watch.fields.get(rule) ?? []) {
      const template = this.template(name, rule.source);
      if (template !== null) texts.set(name, template.text(event));
    }
    return texts;
  }

  /** Null: the source has no such field. */
  template(name: string, source: string): Template<EngineEvent> | null {
    const key = `${source} ${name}`;
    let template = this.templates.get(key);
    if (template === undefined) {
      const catalogue = this.parts.catalogues.find((one) => one.source === source) as AnyCatalogue;
      const compiled = compileTemplate<EngineEvent>(`%${name}`, catalogue).template;
      // A name that is longer than the field found in it is another field.
      template = compiled?.names.at(-1) === name ? compiled : null;
      this.templates.set(key, template);
    }
    return template;
  }
}
