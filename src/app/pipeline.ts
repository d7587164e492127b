// SPDX-License-Identifier: Apache-2.0
/**
 * HOT PATH. The whole wiring: source → state → engine → alert → outputs. Everything before the alert happens within the
 * source's call, one event at a time; an alert is a copy, and outputs take it from their queues when they can.
 */
import type { Alert } from '../alert/alert.js';
import { captureAlert } from '../alert/capture.js';
import { formatJson, formatText, type FormatOptions } from '../alert/format.js';
import { AuditEvent } from '../events/audit-event.js';
import type { EngineEvent } from '../events/event.js';
import type { EventView } from '../events/event-view.js';
import { withoutSecretData } from '../events/secret-data.js';
import { AUDIT_SOURCE } from '../fields/audit-catalogue.js';
import { SYSCALL_SOURCE } from '../fields/catalogues.js';
import type { OutputMessage } from '../outputs/output.js';
import type { Rule } from '../ruleset/ruleset.js';
import type { Detection } from './detection.js';
import type { PipelineCounts } from './ledger.js';
import type { Machine } from './machine.js';
import { Noise, type NoiseOptions } from './noise.js';
import type { Recorder } from './recorder.js';
import type { RuleCount, RuleStats } from './rule-stats.js';

export interface PipelineOptions {
  readonly json: boolean;
  /** Alerts show no data of Kubernetes Secrets. */
  readonly redactSecrets: boolean;
  readonly noise: NoiseOptions;
  readonly format: FormatOptions;
}

export class Pipeline {
  private detection: Detection | null = null;
  private syscallIndex = -1;
  private auditIndex = -1;
  private counters = new Map<Rule, RuleCount>();
  private recorder: Recorder | null = null;
  /** What holds back alerts: its own part, since windows end by the clock. */
  readonly noise = new Noise((alert) => this.send(alert));
  private started = false;
  private readonly syscalls = { evaluated: 0, setAside: 0 };
  private readonly audits = { evaluated: 0, setAside: 0 };

  constructor(
    private readonly machine: Machine,
    private readonly stats: RuleStats,
    private readonly emit: (message: OutputMessage) => void,
    private options: PipelineOptions,
  ) {}

  /** Takes over other rules (and how alerts are written) from the next event on. */
  swap(detection: Detection, options: PipelineOptions): void {
    this.detection = detection;
    this.options = options;
    this.syscallIndex = detection.engine.sourceIndex(SYSCALL_SOURCE);
    this.auditIndex = detection.engine.sourceIndex(AUDIT_SOURCE);
    this.counters = new Map(detection.rules.map((rule) => [rule, this.stats.counter(rule)]));
    this.noise.configure(options.noise, this.counters);
  }

  /** What has been done with the events of a source. */
  counts(source: string): PipelineCounts {
    return source === AUDIT_SOURCE ? this.audits : this.syscalls;
  }

  /** Who writes capture files; null: nobody. */
  record(recorder: Recorder | null): void {
    this.recorder = recorder;
  }

  /** Where the syscall source delivers. */
  readonly syscall = (event: EventView): void => {
    const { state } = this.machine;
    const evaluate = state.apply(event);
    if (!this.started) this.begin(event);
    if (evaluate && this.detection !== null) this.detection.engine.process(this.syscallIndex, event);
    // Not before: an event at which the rules fail is counted as lost.
    if (evaluate) this.syscalls.evaluated++;
    else this.syscalls.setAside++;
    if (evaluate && this.recorder !== null) this.recorder.event(event);
    state.after(event);
  };

  /** Where the audit source delivers. */
  readonly audit = (event: EngineEvent): void => {
    if (!this.started) this.begin(event);
    if (this.detection !== null) this.detection.engine.process(this.auditIndex, event);
    this.audits.evaluated++;
  };

  /** What the engine calls when a rule matches. */
  readonly alert = (rule: Rule, event: EngineEvent): void => {
    const counter = this.counters.get(rule);
    if (counter !== undefined) this.stats.count(counter);
    const limits = this.noise.of(rule);
    if (limits === null || this.noise.admits(limits, event.timestamp())) {
      const shown = this.options.redactSecrets && event instanceof AuditEvent ? withoutSecretData(event) : event;
      const alert = captureAlert(rule, shown, this.machine.hostname);
      if (limits === null) this.send(alert);
      else this.noise.offer(limits, alert);
    }
    if (this.recorder !== null) this.recorder.alerted(rule, event);
  };

  private send(alert: Alert): void {
    const { json, format } = this.options;
    this.emit({ line: json ? formatJson(alert, format) : formatText(alert, format), priority: alert.priority, rule: alert.rule, time: alert.time });
  }

  private begin(event: EngineEvent): void {
    this.started = true;
    this.machine.clock.firstEvent = event.timestamp();
  }
}
