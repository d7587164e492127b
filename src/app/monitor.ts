// SPDX-License-Identifier: Apache-2.0
/** One run of the monitor: what starts in which order, what a reload changes, and what is said at the end. */
import { readFileSync } from 'node:fs';
import { SYSCALL_SOURCE } from '../fields/catalogues.js';
import { hostNamesIn } from '../fields/host-names.js';
import type { SourceText } from '../lang/diagnostic.js';
import type { OutputMessage } from '../outputs/output.js';
import { DnsResolver } from '../sources/dns-resolver.js';
import { loadNative } from '../sources/native-binding.js';
import { StartError } from '../sources/source.js';
import type { ConfigurableLog } from '../util/log.js';
import { timeText } from '../util/time.js';
import type { LoadedConfig } from './config/load.js';
import type { Config } from './config/schema.js';
import { createDetection, type Detection, hashes } from './detection.js';
import { explain, isProbeError } from './errors.js';
import { formatInternal, type InternalMessage } from './internal-message.js';
import { ledgerOf } from './ledger.js';
import { Lifecycle, type Part } from './lifecycle.js';
import { describeSource, DropMonitor, type Lossy, LossWatch } from './losses.js';
import type { Machine } from './machine.js';
import { type MeasuredSource, type MetricsInput, renderMetrics } from './metrics.js';
import { MetricsWriter } from './metrics-snapshot.js';
import { Outputs, requireOutput } from './outputs.js';
import { Pidfile } from './pidfile.js';
import { Pipeline, type PipelineOptions } from './pipeline.js';
import { configureLog, type MonitorRequest, prepare, prepareConfig, type Prepared } from './prepare.js';
import { QuietWatch } from './quiet.js';
import { Readiness, type WatchedSource } from './readiness.js';
import { Recorder } from './recorder.js';
import { RuleStats } from './rule-stats.js';
import { type OpenSource, openSource, replaySource } from './sources.js';
import { versions } from './versions.js';
import { FileWatch } from './watch.js';
import { Webserver } from './webserver.js';

const CHANGED = 'A watched file has changed: as if SIGHUP received';

export class Monitor {
  private readonly stats = new RuleStats();
  private readonly pipeline: Pipeline;
  private readonly outputs: Outputs;
  private readonly lifecycle: Lifecycle;
  private readonly startedAt = Date.now();
  private loadedAt = this.startedAt;
  private loaded: LoadedConfig;
  private rulesFiles: readonly SourceText[];
  private detection: Detection;
  private open: OpenSource[] = [];
  private running = new Set<OpenSource>();
  /** Those whose start has succeeded. */
  private readonly attached = new Set<OpenSource>();
  private failure: Error | null = null;
  private reloading: Promise<void> | null = null;
  private readonly watch: FileWatch;
  private readonly drops: DropMonitor;
  private readonly quiet: QuietWatch;
  private readonly webserver: Webserver;
  private readonly metricsWriter: MetricsWriter;
  private readonly readiness: Readiness;
  private readonly dns: DnsResolver;
  private readonly recorder: Recorder;
  private finish: () => void = () => undefined;
  private started: () => void = () => undefined;
  private stopping = false;
  /** Everything runs (or has failed to). */
  readonly whenStarted = new Promise<void>((resolve) => {
    this.started = resolve;
  });
  /** Resolves when there is a reason to stop. */
  private readonly finished = new Promise<void>((resolve) => {
    this.finish = resolve;
  });

  constructor(
    private readonly request: MonitorRequest,
    private readonly prepared: Prepared,
    private readonly log: ConfigurableLog,
  ) {
    const { loaded, machine, ruleset, catalogues } = prepared;
    this.loaded = loaded;
    this.rulesFiles = prepared.rulesFiles;
    this.lifecycle = new Lifecycle(log.log);
    this.outputs = new Outputs(loaded.config, { log: log.log, loadSyslog: () => loadNative().syslog, hostname: machine.hostname });
    this.pipeline = new Pipeline(machine, this.stats, (message) => this.outputs.push(message), pipelineOptions(loaded.config));
    this.detection = createDetection(ruleset, catalogues, loaded.config.rule_matching, this.pipeline.alert, canSieve(loaded.config));
    this.pipeline.swap(this.detection, pipelineOptions(loaded.config));
    this.dns = new DnsResolver(machine.context.dnsNames);
    this.dns.follow(namesOf(this.detection));
    this.recorder = new Recorder(loaded.config.capture, {
      machine, log: log.log, notify: (message) => this.outputs.push(this.internal(message)), record: (recorder) => this.pipeline.record(recorder),
    });
    this.recorder.follow(this.detection.rules);
    this.watch = new FileWatch(() => void this.reload(CHANGED));
    this.drops = this.dropMonitor();
    this.quiet = this.quietWatch();
    this.webserver = new Webserver(loaded.config.webserver, {
      versions: () => versions(this.loaded.plugins),
      metrics: () => (this.loaded.config.metrics.enabled && this.loaded.config.webserver.prometheus_metrics_enabled ? renderMetrics(this.metricsInput()) : null),
      readiness: () => this.readiness.view(Date.now()),
    }, log.log);
    this.metricsWriter = new MetricsWriter(loaded.config.metrics, log.log, () => this.metricsInput(), (message) => this.outputs.push(this.internal(message)));
    this.readiness = new Readiness(() => this.watchedSources(), () => this.loaded.config.syscall_event_drops.threshold);
  }

  /** Asks for the end; `run` then stops everything in order. */
  stop(): void {
    this.finish();
  }

  /** Something is broken that cannot go on: ends the run like {@link stop}, and `run` then throws this error. */
  fail(error: Error): void {
    this.failure ??= error;
    this.finish();
  }

  reopenOutputs(): void {
    this.outputs.reopen();
  }

  /** Starts everything, runs until {@link stop} or until all sources have ended, and stops everything. @throws StartError */
  async run(): Promise<void> {
    const { sources, enabled } = this.prepared;
    const { log } = this.log;
    if (this.loaded.config.engine.kind !== 'replay') {
      log.info(`Loaded event sources: ${sources.join(', ')}`);
      log.info(`Enabled event sources: ${enabled.join(', ')}`);
    }
    try {
      await this.lifecycle.start([
        new Pidfile(this.request.pidfile),
        this.outputs,
        this.pipeline.noise,
        this.recorder,
        ...(this.loaded.config.engine.kind === 'replay' ? [] : [this.webserver]),
        this.lossPart(),
        this.metricsWriter,
        ...(this.loaded.config.engine.kind === 'replay' ? [] : [this.dns]),
        ...enabled.map((name) => this.sourcePart(name)),
        this.watchPart(),
      ]);
      this.started();
      await this.finished;
    } finally {
      this.stopping = true;
      this.started();
      await this.reloading;
      await this.lifecycle.stop();
    }
    this.logEnd();
    if (this.failure !== null) throw this.failure;
  }

  /**
   * Loads configuration and rules aside and swaps them in; whatever cannot be loaded leaves the running ones as they are.
   * Probe, state, connections and queues stay. One at a time.
   */
  reload(reason: string): Promise<void> {
    if (this.stopping) return Promise.resolve();
    this.reloading = (this.reloading ?? this.whenStarted).then(() => (this.stopping ? undefined : this.reloadOnce(reason)));
    return this.reloading;
  }

  private async reloadOnce(reason: string): Promise<void> {
    const { log } = this.log;
    const before = this.loaded.config;
    log.info(`${reason}, restarting...`);
    try {
      const loaded = prepareConfig(this.request, this.log);
      const next = prepare(this.request, loaded, log, this.prepared.machine);
      requireOutput(loaded.config);
      const detection = createDetection(next.ruleset, next.catalogues, loaded.config.rule_matching, this.pipeline.alert, canSieve(loaded.config));
      this.recorder.check(loaded.config.capture);
      // What can fail comes first, each leaving itself as it was; what has changed before it goes back.
      if (before.engine.kind !== 'replay') await this.webserver.reconfigure(loaded.config.webserver);
      await this.metricsWriter.configure(loaded.config.metrics);
      await this.outputs.reconfigure(loaded.config);
      this.drops.configure(loaded.config.syscall_event_drops);
      this.pipeline.swap(detection, pipelineOptions(loaded.config));
      this.recorder.configure(loaded.config.capture);
      this.recorder.follow(detection.rules);
      for (const source of this.open) source.adapt(detection, loaded.config);
      this.detection = detection;
      this.dns.follow(namesOf(detection));
      this.loaded = loaded;
      this.rulesFiles = next.rulesFiles;
      this.loadedAt = Date.now();
      this.follow();
      for (const key of ['engine', 'plugins', 'load_plugins', 'falco_libs'] as const) {
        if (JSON.stringify(before[key]) !== JSON.stringify(loaded.config[key])) log.warning(`'${key}' has changed: that takes a restart`);
      }
      log.info(`Reloaded: ${detection.rules.filter((rule) => rule.enabled).length} rules`);
    } catch (error) {
      configureLog(this.log, before);
      const why = explain(error);
      log.error(`Reload refused, the old configuration and rules go on: ${why}`);
      const rule = 'Falco internal: hot restart failure';
      this.outputs.push(this.internal({ time: BigInt(Date.now()) * 1_000_000n, rule, priority: 'Critical', message: `${rule}: ${why}`, fields: {} }));
      await this.restore(before);
    }
  }

  /** After a reload that was refused half-way. */
  private async restore(config: Config): Promise<void> {
    try {
      if (config.engine.kind !== 'replay') await this.webserver.reconfigure(config.webserver);
      await this.metricsWriter.configure(config.metrics);
    } catch (error) {
      this.log.log.critical(`Cannot go back to how it was: ${(error as Error).message}`);
    }
  }

  private sourcePart(name: string): Part {
    const { log } = this.log;
    const tools = {
      loaded: this.loaded, machine: this.prepared.machine, pipeline: this.pipeline, log,
      replayed: (now: number) => this.drops.check(now),
    };
    let source: OpenSource | null = null;
    const begin = async (one: OpenSource) => {
      source = one;
      for (const line of one.opening) log.info(line);
      this.open.push(one);
      this.running.add(one);
      await one.start((error) => this.sourceEnded(one, error));
      this.attached.add(one);
    };
    return {
      name: `source ${name}`,
      start: async () => {
        const first = openSource(name, this.detection, tools);
        try {
          await begin(first);
        } catch (error) {
          const capture = this.request.fallbackCapture;
          this.open = this.open.filter((one) => one !== first);
          this.running.delete(first);
          if (capture === null || !isProbeError(error)) throw error;
          log.error(`System calls cannot be captured here: ${explain(error)}`);
          log.warning(`What follows is a REPLAY of a recording (${capture}), not what happens on this machine`);
          await begin(replaySource(capture, tools));
        }
      },
      stop: async () => source?.stop(),
    };
  }

  private sourceEnded(source: OpenSource, error: Error | undefined): void {
    this.running.delete(source);
    if (error !== undefined) {
      this.log.log.error(`An error occurred in event source '${source.name}', ending: ${error.message}`);
      this.fail(error);
    } else if (this.running.size === 0) this.finish();
  }

  private lossPart(): Part {
    const watch = new LossWatch(this.log.log, () => this.lossy());
    let timer: NodeJS.Timeout | null = null;
    return {
      name: 'loss watch',
      start: async () => {
        watch.start();
        timer = setInterval(() => {
          if (this.liveSyscalls() !== undefined) this.drops.check(Date.now());
          this.quiet.check(Date.now(), this.loaded.config.syscall_event_timeouts.max_consecutives);
          this.readiness.sample(Date.now());
        }, 1000);
        timer.unref();
      },
      stop: async () => {
        watch.stop();
        if (timer !== null) clearInterval(timer);
      },
    };
  }

  private lossy(): Lossy[] {
    return [
      ...this.open.map((source) => ({ name: `event source ${source.name}`, losses: () => source.stats().losses })),
      ...this.open.map((source) => ({ name: `event source ${source.name}`, word: 'Falling behind in', losses: () => source.stats().strain ?? {} })),
      { name: 'state tables', losses: () => stateLosses(this.prepared.machine) },
      { name: 'container look-ups', losses: () => lookUpLosses(this.open) },
      { name: 'captures', losses: () => this.recorder.losses() },
    ];
  }

  private dropMonitor(): DropMonitor {
    const { log } = this.log;
    // After a drop that ends the run there is nothing more to say about drops.
    const stats = () => (this.failure === null ? (this.open.find((source) => source.name === SYSCALL_SOURCE)?.stats() ?? null) : null);
    return new DropMonitor(this.loaded.config.syscall_event_drops, stats, log, ({ now, actions, events, dropped, parts }) => {
      const rule = 'Falco internal: syscall event drop';
      const message = `${rule}. ${dropped} system calls dropped in last second.`;
      for (const action of actions) {
        if (action === 'log') log.debug(message);
        if (action === 'alert') {
          const counts = { n_evts: events, n_drops: dropped, n_drops_buffer_total: 0, ...parts, n_drops_page_faults: 0, n_drops_bug: 0, ebpf_enabled: 1 };
          const fields = Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, String(count)]));
          this.outputs.push(this.internal({ time: BigInt(Math.round(now)) * 1_000_000n, rule, priority: 'Debug', message, fields }));
        }
        if (action === 'exit') {
          log.critical(`${message} Exiting.`);
          this.fail(new StartError('DROPS', 'system calls were dropped and syscall_event_drops says exit'));
        }
      }
    });
  }

  /** System calls of this machine, once they are captured. */
  private liveSyscalls(): OpenSource | undefined {
    return this.open.find((source) => source.engine === 'modern_bpf' && this.attached.has(source));
  }

  private quietWatch(): QuietWatch {
    const produced = () => this.liveSyscalls()?.stats().produced ?? null;
    return new QuietWatch(produced, (lastEvent) => {
      const rule = 'Falco internal: timeouts notification';
      const message = `${rule}. ${this.loaded.config.syscall_event_timeouts.max_consecutives} consecutive timeouts without event.`;
      this.log.log.warning(message);
      const last = lastEvent === null ? 'none' : timeText(BigInt(lastEvent) * 1_000_000n, true);
      this.outputs.push(this.internal({ time: BigInt(Date.now()) * 1_000_000n, rule, priority: 'Debug', message, fields: { last_event_time: last } }));
    });
  }

  private internal(message: InternalMessage): OutputMessage {
    return formatInternal(message, { json: this.loaded.config.json_output, hostname: this.prepared.machine.hostname });
  }

  private metricsInput(): MetricsInput {
    const { machine } = this.prepared;
    const { threads, ...counters } = machine.state.stats();
    let fds = 0;
    for (const thread of machine.state.threads.values()) if (thread.leader === null || thread.leader === thread) fds += thread.fds.size;
    return {
      options: this.loaded.config.metrics,
      hostname: machine.hostname,
      hostRoot: machine.state.hostRoot,
      startedAt: this.startedAt,
      loadedAt: this.loadedAt,
      rules: this.stats,
      rulesFiles: hashes(this.rulesFiles),
      configFiles: hashes(this.loaded.files.map(({ path, text }) => ({ name: path, text }))),
      sources: this.open.map((source) => this.measured(source)),
      outputs: this.outputs.stats(),
      captures: this.recorder.used ? this.recorder.stats() : null,
      state: { threads, fds, counters: { ...counters } },
    };
  }

  private measured(source: OpenSource): MeasuredSource {
    const { name, engine } = source;
    const stats = source.stats();
    return { name, engine, stats, ledger: ledgerOf(stats, this.pipeline.counts(name)) };
  }

  /** The sources that should be running, as they are. */
  private watchedSources(): WatchedSource[] {
    return this.prepared.enabled.map((name) => {
      const source = this.open.find((one) => one.name === name);
      return {
        name,
        neverQuiet: source?.engine === 'modern_bpf',
        stats: source !== undefined && this.attached.has(source) ? source.stats() : null,
        running: source !== undefined && this.running.has(source),
      };
    });
  }

  private watchPart(): Part {
    return {
      name: 'file watch',
      start: async () => {
        if (this.loaded.config.watch_config_files && this.loaded.config.engine.kind !== 'replay') this.follow();
      },
      stop: async () => this.watch.stop(),
    };
  }

  /** What has changed between being read and being watched is seen too. */
  private follow(): void {
    this.watch.follow(this.watchedPaths());
    if (!this.loaded.config.watch_config_files) return;
    const read = [...this.loaded.files.map(({ path, text }) => ({ name: path, text })), ...this.rulesFiles];
    if (read.some(({ name, text }) => isOther(name, text))) void this.reload(CHANGED);
  }

  private watchedPaths(): string[] {
    const rules = this.request.rules.length > 0 ? this.request.rules : this.loaded.rulesPaths;
    return this.loaded.config.watch_config_files ? [...this.loaded.files.map((file) => file.path), ...this.loaded.directories, ...rules] : [];
  }

  /** The closing lines: what was found, what came in, what got lost. */
  private logEnd(): void {
    const lines = [this.stats.format().trimEnd(), 'Events by source:'];
    for (const source of this.open) lines.push(describeSource(source.name, source.stats()));
    lines.push('Alerts by output:');
    for (const { name, stats } of this.outputs.stats()) {
      const kept = stats.spoolBytes === undefined ? '' : `, ${stats.waiting} kept on disk for the next start`;
      lines.push(`   ${name}: ${stats.pushed} alerts, ${stats.delivered} delivered, ${stats.failed} failed, ${stats.dropped} dropped${kept}`);
    }
    if (this.recorder.used) lines.push(this.recorder.format());
    const evictions = Object.entries(stateLosses(this.prepared.machine)).filter(([, count]) => count > 0);
    if (evictions.length > 0) lines.push(`State tables: ${evictions.map(([kind, count]) => `${kind} ${count}`).join(', ')}`);
    const { doubted, repaired, vanished } = this.prepared.machine.state.stats();
    if (doubted > 0) lines.push(`State after losses: ${doubted} processes looked at, ${repaired} set right, ${vanished} threads found to have ended`);
    for (const source of this.open) {
      const asked = source.containers?.();
      if (asked !== undefined) lines.push(`Containers: ${asked.found} described by their runtimes, ${asked.late} of them late, ${asked.unknown} unknown to all, ${asked.failed} questions failed, ${asked.refused} not asked`);
    }
    if (this.open.some((source) => source.engine === 'modern_bpf' || source.engine === 'savefile')) lines.push(this.drops.format().trimEnd());
    process.stderr.write(`${lines.join('\n')}\n`);
  }
}

function isOther(path: string, text: string): boolean {
  try {
    return readFileSync(path, 'utf8') !== text;
  } catch {
    return true;
  }
}

/** A capture file has all that happens; otherwise the kernel may hold back what no rule can match. */
function canSieve({ engine, capture }: Config): boolean {
  return engine.kind !== 'replay' && engine.modern_ebpf.sieve && !capture.enabled;
}

function pipelineOptions(config: Config): PipelineOptions {
  return { json: config.json_output, redactSecrets: config.redact_secrets, noise: config, format: config };
}

/** Containers that stay without metadata though a runtime may know them. */
function lookUpLosses(sources: readonly OpenSource[]): Record<string, number> {
  const asked = sources.flatMap((source) => source.containers?.() ?? []);
  return { failed: asked.reduce((sum, { failed }) => sum + failed, 0), refused: asked.reduce((sum, { refused }) => sum + refused, 0) };
}

/** What found no room in the tables. */
function stateLosses(machine: Machine): Record<string, number> {
  const { refused, evicted, fdsRefused, doubtsRefused } = machine.state.stats();
  return { threadsRefused: refused, threadsEvicted: evicted, fdsRefused, doubtsRefused };
}

/** Host names that enabled rules compare addresses with. */
function namesOf(detection: Detection): ReadonlySet<string> {
  return hostNamesIn(detection.rules.filter((rule) => rule.enabled).map((rule) => rule.condition));
}
