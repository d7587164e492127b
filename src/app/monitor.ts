// SPDX-License-Identifier: Apache-2.0
/** One run of the monitor: what starts in which order, what a reload changes, and what is said at the end. */
import { hostNamesIn } from '../fields/host-names.js';
import type { SourceText } from '../lang/diagnostic.js';
import type { OutputMessage } from '../outputs/output.js';
import { DnsResolver } from '../sources/dns-resolver.js';
import { loadNative } from '../sources/native-binding.js';
import type { ConfigurableLog } from '../util/log.js';
import { readTextFile } from '../util/text-file.js';
import { closingLines } from './closing-lines.js';
import type { LoadedConfig } from './config/load.js';
import type { Config } from './config/schema.js';
import { createDetection, type Detection, hashes } from './detection.js';
import { explain } from './errors.js';
import { formatInternal, type InternalMessage, reloadRefused } from './internal-message.js';
import { Lifecycle, type Part } from './lifecycle.js';
import { type MetricsInput, renderMetrics } from './metrics.js';
import { MetricsWriter } from './metrics-snapshot.js';
import { OpenSources } from './open-sources.js';
import { Outputs, requireOutput } from './outputs.js';
import { Pidfile } from './pidfile.js';
import { Pipeline, type PipelineOptions } from './pipeline.js';
import { configureLog, type MonitorRequest, prepare, prepareConfig, type Prepared } from './prepare.js';
import { Readiness } from './readiness.js';
import { Recorder } from './recorder.js';
import { RuleStats } from './rule-stats.js';
import { needRestart, unservedKeys } from './unserved.js';
import { versions } from './versions.js';
import { FileWatch } from './watch.js';
import { Watchdogs } from './watchdogs.js';
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
  private readonly sources: OpenSources;
  private failure: Error | null = null;
  private reloading: Promise<void> | null = null;
  private readonly watch: FileWatch;
  private readonly watchdogs: Watchdogs;
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
    this.sources = new OpenSources({
      loaded, machine, pipeline: this.pipeline, log: log.log, fallbackCapture: request.fallbackCapture,
      replayed: (now) => this.watchdogs.drops.check(now),
      ended: (error) => (error === null ? this.finish() : this.fail(error)),
    });
    this.watchdogs = new Watchdogs(loaded.config, {
      log: log.log, machine, sources: this.sources, recorder: this.recorder,
      push: (message) => this.outputs.push(this.internal(message)),
      fail: (error) => this.fail(error),
      sample: (now) => this.readiness.sample(now),
    });
    this.webserver = new Webserver(loaded.config.webserver, {
      versions: () => versions(this.loaded.plugins),
      metrics: () => (this.loaded.config.metrics.enabled && this.loaded.config.webserver.prometheus_metrics_enabled ? renderMetrics(this.metricsInput()) : null),
      readiness: () => this.readiness.view(Date.now()),
    }, log.log);
    this.metricsWriter = new MetricsWriter(loaded.config.metrics, log.log, () => this.metricsInput(), (message) => this.outputs.push(this.internal(message)));
    this.readiness = new Readiness(() => this.sources.watched(prepared.enabled), () => this.loaded.config.syscall_event_drops.threshold);
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
        this.watchdogs,
        this.metricsWriter,
        ...(this.loaded.config.engine.kind === 'replay' ? [] : [this.dns]),
        ...enabled.map((name) => this.sources.part(name, () => this.detection)),
        this.watchPart(),
      ]);
      this.started();
      // Before this line nothing that happens on the machine is sure to be seen.
      if (this.loaded.config.engine.kind !== 'replay') log.info(`Watching: ${enabledRules(this.detection)} rules`);
      await this.finished;
    } finally {
      this.stopping = true;
      this.started();
      await this.reloading;
      await this.lifecycle.stop();
    }
    process.stderr.write(closingLines({ stats: this.stats, sources: this.sources, outputs: this.outputs, recorder: this.recorder, machine: this.prepared.machine, watchdogs: this.watchdogs }));
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
    const old = this.loaded;
    const before = old.config;
    const unserved = unservedKeys(old);
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
      await this.sources.reopen(loaded);
      await this.outputs.reconfigure(loaded.config);
      this.watchdogs.configure(loaded.config);
      this.pipeline.swap(detection, pipelineOptions(loaded.config));
      this.prepared.machine.settings.base64 = loaded.config.buffer_format_base64;
      this.recorder.configure(loaded.config.capture);
      this.recorder.follow(detection.rules);
      for (const source of this.sources.all) source.adapt(detection, loaded.config);
      this.detection = detection;
      this.dns.follow(namesOf(detection));
      this.loaded = loaded;
      this.rulesFiles = next.rulesFiles;
      this.loadedAt = Date.now();
      this.follow();
      for (const what of needRestart(old, loaded)) log.warning(`${what} changed, which takes effect at the next start`);
      for (const line of unservedKeys(loaded)) if (!unserved.includes(line)) log.warning(line);
      log.info(`Reloaded: ${enabledRules(detection)} rules`);
    } catch (error) {
      configureLog(this.log, before);
      const why = explain(error);
      log.error(`Reload refused, keeping the old configuration and rules: ${why}`);
      this.outputs.push(this.internal(reloadRefused(why, this.prepared.machine.hostname, Date.now())));
      await this.restore();
    }
  }

  /** After a reload that was refused half-way. */
  private async restore(): Promise<void> {
    const { config } = this.loaded;
    try {
      if (config.engine.kind !== 'replay') await this.webserver.reconfigure(config.webserver);
      await this.metricsWriter.configure(config.metrics);
      await this.sources.reopen(this.loaded);
    } catch (error) {
      this.log.log.critical(`Cannot restore the previous state: ${(error as Error).message}`);
    }
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
      sources: this.sources.measured(),
      outputs: this.outputs.stats(),
      captures: this.recorder.used ? this.recorder.stats() : null,
      containers: { known: machine.context.containers.size, withoutImage: machine.context.containers.withoutImage },
      state: { threads, fds, counters: { ...counters } },
    };
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
}

function isOther(path: string, text: string): boolean {
  try {
    return readTextFile(path) !== text;
  } catch {
    return true;
  }
}

/** A capture file has all that happens; otherwise the kernel may hold back what no rule can match. */
function canSieve({ engine, capture }: Config): boolean {
  return engine.kind !== 'replay' && engine.modern_ebpf.sieve && !capture.enabled;
}

function enabledRules({ rules }: Detection): number {
  return rules.filter((rule) => rule.enabled).length;
}

function pipelineOptions(config: Config): PipelineOptions {
  return { json: config.json_output, redactSecrets: config.redact_secrets, noise: config, format: config };
}

/** Host names that enabled rules compare addresses with. */
function namesOf(detection: Detection): ReadonlySet<string> {
  return hostNamesIn(detection.rules.filter((rule) => rule.enabled).map((rule) => rule.condition));
}
