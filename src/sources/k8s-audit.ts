// SPDX-License-Identifier: Apache-2.0
/**
 * Kubernetes audit events: from a webhook of our own, a file, a followed file or standard input. A thread takes them in
 * (`k8s-audit/thread.ts`) and hands them over in slabs; this side delivers them, one by one.
 */
import { Worker } from 'node:worker_threads';
import { AuditEvent } from '../events/audit-event.js';
import { RECORD } from '../events/audit-scan.js';
import { threadFile } from '../util/thread-file.js';
import { checkConfig, type K8sAuditConfig } from './k8s-audit/config.js';
import { COUNTERS, REFUSALS } from './k8s-audit/intake.js';
import type { FromIntake, IntakeData, Slab, ToIntake } from './k8s-audit/messages.js';
import { DEFAULT_OPEN_PARAMS, type Place, parseOpenParams, placeText } from './k8s-audit/open-params.js';
import { type Source, type SourceStats, StartError } from './source.js';

export type { K8sAuditConfig } from './k8s-audit/config.js';

export interface K8sAuditOptions {
  /** As the plugin's `open_params`; {@link DEFAULT_OPEN_PARAMS} when absent or empty. */
  readonly openParams?: string;
  readonly config?: K8sAuditConfig;
  /** Told what was refused and why, in one line. */
  readonly warn?: (message: string) => void;
}

/** Longer than bodies that are arriving are waited for. */
const STOP_TIMEOUT_MS = 15_000;

export class K8sAuditSource implements Source<AuditEvent> {
  readonly name = 'k8s_audit';
  readonly #place: Place;
  readonly #config: K8sAuditConfig;
  readonly #warn: (message: string) => void;
  readonly #counters = new Float64Array(new SharedArrayBuffer(COUNTERS.length * Float64Array.BYTES_PER_ELEMENT));
  readonly #event = new AuditEvent();
  #thread: Worker | null = null;
  #port = 0;
  #delivered = 0;
  /** Events at which the rules, or what follows them, failed. */
  #failed = 0;
  #deliver: (event: AuditEvent) => void = () => {};
  #end: (error?: Error) => void = () => {};
  #stopped: () => void = () => {};

  /** Throws a `StartError` when the options make no sense. */
  constructor(options: K8sAuditOptions = {}) {
    this.#warn = options.warn ?? (() => {});
    this.#config = checkConfig(options.config ?? {}, this.#warn);
    this.#place = parseOpenParams(options.openParams || DEFAULT_OPEN_PARAMS);
  }

  get #isStdin(): boolean {
    return this.#place.kind === 'file' && this.#place.path === '-';
  }

  get description(): string {
    return placeText(this.#place);
  }

  /** Can it start while the other one runs? Two listeners at one port cannot; what two read of one file would come twice. */
  canStartBeside(running: K8sAuditSource): boolean {
    const place = this.#place;
    const other = running.#place;
    if (place.kind === 'webhook' && other.kind === 'webhook') return place.port !== other.port || place.port === 0;
    return place.kind !== other.kind;
  }

  /** The port that the webhook listens at, once it has started. */
  get port(): number {
    return this.#port;
  }

  async start(deliver: (event: AuditEvent) => void, end: (error?: Error) => void): Promise<void> {
    this.#deliver = deliver;
    const data: IntakeData = { place: this.#place, config: this.#config, counters: this.#counters.buffer as SharedArrayBuffer };
    const thread = new Worker(threadFile(import.meta.url, './k8s-audit/thread.js'), { workerData: data, stdin: this.#isStdin });
    this.#thread = thread;
    if (this.#isStdin) process.stdin.pipe(thread.stdin as NodeJS.WritableStream);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#end = (error) => reject(error ?? new Error('the input ended at once'));
        thread.on('message', (message: FromIntake) => this.#receive(message, resolve, reject));
        thread.on('error', (error) => this.#end(new Error(`the thread that takes audit events in has failed: ${error.message}`, { cause: error })));
        thread.on('exit', () => this.#end(new Error('the thread that takes audit events in has ended')));
      });
    } catch (error) {
      this.#thread = null;
      await thread.terminate();
      throw error;
    }
    this.#end = end;
  }

  async stop(): Promise<void> {
    const thread = this.#thread;
    if (thread === null) return;
    this.#end = () => {};
    if (this.#isStdin) process.stdin.unpipe();
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#stopped = resolve;
      thread.on('exit', () => resolve());
      timer = setTimeout(() => {
        this.#warn(`k8saudit: ${this.description} could not be closed in time; unanswered requests will be sent again`);
        resolve();
      }, STOP_TIMEOUT_MS);
      thread.postMessage({ kind: 'stop' } satisfies ToIntake);
    });
    clearTimeout(timer);
    this.#thread = null;
    await thread.terminate();
  }

  /** Events of the webhook that would be taken again if they were sent again, because newer ones took their place. */
  get forgotten(): number {
    return this.#counters[COUNTERS.indexOf('forgotten')];
  }

  stats(): SourceStats {
    const losses: Record<string, number> = { evaluation_failed: this.#failed };
    let lost = this.#failed;
    for (const [n, name] of REFUSALS.entries()) {
      losses[name] = this.#counters[n];
      lost += this.#counters[n];
    }
    return { produced: this.#delivered + lost, delivered: this.#delivered, losses };
  }

  #receive(message: FromIntake, ready: () => void, failed: (error: Error) => void): void {
    switch (message.kind) {
      case 'events':
        this.#evaluate(message.slab, message.count);
        break;
      case 'ready':
        this.#port = message.port;
        ready();
        break;
      case 'failed':
        failed(new StartError(message.code, message.message, message.hint));
        break;
      case 'warning':
        this.#warn(message.message);
        break;
      case 'ended':
        this.#thread?.unref();
        this.#end(message.error === undefined ? undefined : new Error(message.error));
        break;
      case 'stopped':
        this.#stopped();
        break;
      default:
        message satisfies never;
    }
  }

  /** Delivers a slab's events and gives it back, which answers for them. */
  #evaluate(slab: Slab, count: number): void {
    const event = this.#event;
    const bytes = Buffer.from(slab.bytes);
    const records = new Int32Array(slab.records);
    let n = 0;
    while (n < count) {
      try {
        for (; n < count; n++) {
          event.view(bytes, records, n * RECORD.length);
          event.num = this.#delivered + 1;
          this.#deliver(event);
          this.#delivered++;
        }
      } catch (error) {
        // One event that was made for it must not end the watch, nor hide those that come after it.
        n++;
        this.#failed++;
        this.#warn(`k8saudit: an event could not be evaluated: ${(error as Error).stack}`);
      }
    }
    this.#thread?.postMessage({ kind: 'evaluated', slab } satisfies ToIntake, [slab.bytes, slab.records]);
  }
}
