// SPDX-License-Identifier: Apache-2.0
/** One run of the monitor: what starts in which order, what a reload changes, and what is said at the end. */
import { rmSync, writeFileSync } from 'node:fs';
import { sortedJson } from '../alert/json.js';
import type { AnyCatalogue } from '../engine/engine.js';
import { formatDiagnostic, type SourceText } from '../lang/diagnostic.js';
import type { Ruleset } from '../ruleset/ruleset.js';
import { ENGINE_VERSION, formatVersion } from '../ruleset/versions.js';
import { FileOutput } from '../outputs/file.js';
import { loadNative } from '../sources/native-binding.js';
import { StartError } from '../sources/source.js';
import type { ConfigurableLog, Log } from '../util/log.js';
import { parseDuration } from '../util/duration.js';
import { VERSION } from '../util/package.js';
import { type ConfigRequest, type LoadedConfig, loadConfig } from './config/load.js';
import type { Config } from './config/schema.js';
import { createDetection, type Detection, hashes, loadRules } from './detection.js';
import { formatInternal } from './internal-message.js';
import { Lifecycle, type Part } from './lifecycle.js';
import { describeSource, DropMonitor, type Lossy, LossWatch } from './losses.js';
import { cataloguesOf, createMachine, loadedSources, type Machine } from './machine.js';
import { type MetricsInput, renderMetrics } from './metrics.js';
import { MetricsSnapshots } from './metrics-snapshot.js';
import { Outputs } from './outputs.js';
import { Pipeline, type PipelineOptions } from './pipeline.js';
import { RuleStats } from './rule-stats.js';
import { listRulesFiles, readRulesFiles } from './rules.js';
import { type OpenSource, openSource, replaySource, selectSources, type SourceSelection } from './sources.js';
import { BUILT_IN, unservedKeys } from './unserved.js';
import { FileWatch } from './watch.js';
import { Webserver } from './webserver.js';

export interface MonitorRequest {
  readonly config: ConfigRequest;
  /** `-r`; empty: what the configuration says. */
  readonly rules: readonly string[];
  readonly sources: SourceSelection;
  /** `-p`: appended to every output. */
  readonly appended: string | null;
  readonly unbuffered: boolean;
  readonly pidfile: string | null;
  /** A capture to replay when system calls cannot be captured. */
  readonly fallbackCapture: string | null;
}

/** Configuration and rules, loaded and checked: all that a dry run needs. */
export interface Prepared {
  readonly loaded: LoadedConfig;
  readonly rulesFiles: readonly SourceText[];
  readonly ruleset: Ruleset;
  readonly sources: readonly string[];
  readonly enabled: readonly string[];
  readonly machine: Machine;
  readonly catalogues: readonly AnyCatalogue[];
}

/** Errors were printed by whoever found them. */
export class LoadFailed extends Error {}

/** Loads the configuration and sets the log up by it. @throws LoadFailed */
export function prepareConfig(request: Pick<MonitorRequest, 'config' | 'unbuffered'>, log: ConfigurableLog): LoadedConfig {
  const { value, diagnostics } = loadConfig(request.config);
  if (value !== null) configureLog(log, value.config);
  for (const d of diagnostics) {
    if (d.severity === 'error') log.log.error(formatDiagnostic(d));
    else log.log.warning(formatDiagnostic(d));
  }
  if (value === null) throw new LoadFailed('the configuration has errors');
  return request.unbuffered ? { ...value, config: { ...value.config, buffered_outputs: false } } : value;
}

function configureLog(log: ConfigurableLog, config: Config): void {
  let syslog: ((severity: number, message: string) => void) | null = null;
  if (config.log_syslog) {
    // The log is not an output: without the addon it goes to standard error only.
    try {
      const native = loadNative();
      syslog = (severity, message) => native.syslog(severity, 'falco-ts', message);
    } catch {
      syslog = null;
    }
  }
  log.configure({ level: config.log_level, stderr: config.log_stderr, syslog, iso8601: config.time_format_iso_8601 });
}

/** Loads rules for a configuration. `machine`: that of a run that goes on. @throws LoadFailed, StartError */
export function prepare(request: MonitorRequest, loaded: LoadedConfig, log: Log, machine: Machine = createMachine(loaded.config)): Prepared {
  const sources = loadedSources(loaded.plugins);
  const enabled = loaded.config.engine.kind === 'replay' ? ['syscall'] : selectSources(sources, request.sources);
  const paths = request.rules.length > 0 ? request.rules : loaded.rulesPaths;
  const files = listRulesFiles(paths);
  if (files.length === 0) {
    throw new StartError('RULES_FILE', 'You must specify at least one rules file/directory via -r or a rules_files entry in falco.yaml');
  }
  const rulesFiles = readRulesFiles(files);
  const catalogues = cataloguesOf(sources, machine.context);
  const rules = loadRules(rulesFiles, loaded, catalogues, request.appended);
  log.info('Loading rules from:');
  for (const file of rules.files) {
    const line = `   ${file.source.name} | schema validation: ${file.schemaWarnings.length === 0 ? 'ok' : 'failed'}`;
    if (file.schemaWarnings.length === 0) log.info(line);
    else log.warning([line, ...file.schemaWarnings.map((warning) => `      ${warning}`)].join('\n'));
    for (const d of file.diagnostics) {
      if (d.severity === 'error') log.error(formatDiagnostic(d));
      else log.warning(formatDiagnostic(d));
    }
  }
  if (rules.ruleset === null) throw new LoadFailed('the rules have errors');
  return { loaded, rulesFiles, ruleset: rules.ruleset, sources, enabled, machine, catalogues };
}

export function logStart(loaded: LoadedConfig, log: Log): void {
  log.info(`Falco version: ${VERSION} (${process.arch}), falco-ts, rules engine ${formatVersion(ENGINE_VERSION)}`);
  log.info('Falco initialized with configuration files:');
  for (const file of loaded.files) {
    const line = `   ${file.path} | schema validation: ${file.valid ? 'ok' : 'failed'}`;
    if (file.valid) log.info(line);
    else log.warning(line);
  }
  for (const line of unservedKeys(loaded.config)) log.warning(line);
  for (const plugin of loaded.plugins) {
    if ((BUILT_IN as readonly string[]).includes(plugin.name)) log.info(`Loaded plugin '${plugin.name}', which is built in`);
    else log.warning(`Plugin '${plugin.name}' is not available: falco-ts loads no plugin libraries`);
  }
  if (process.env.FALCO_HOSTNAME) log.info(`Hostname value has been overridden via environment variable to: ${process.env.FALCO_HOSTNAME}`);
}

/** Errors with these codes mean that this machine or this user cannot load the probe, whatever the configuration. */
const isProbeError = (error: unknown): error is StartError => error instanceof StartError && /^(PROBE|NATIVE)_/.test(error.code);

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
  private failure: Error | null = null;
  private reloading: Promise<void> | null = null;
  private readonly watch: FileWatch;
  private readonly drops: DropMonitor;
  private finish: () => void = () => undefined;
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
    this.outputs = new Outputs(loaded.config, { log: log.log, loadSyslog: () => loadNative().syslog });
    this.pipeline = new Pipeline(machine, this.stats, (message) => this.outputs.push(message), pipelineOptions(loaded.config));
    this.detection = createDetection(ruleset, catalogues, loaded.config.rule_matching, this.pipeline.alert);
    this.pipeline.swap(this.detection, pipelineOptions(loaded.config));
    this.watch = new FileWatch(() => void this.reload('A watched file has changed'));
    this.drops = this.dropMonitor();
  }

  /** Asks for the end; `run` then stops everything in order. */
  stop(): void {
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
        this.pidfilePart(),
        this.outputs,
        ...(this.loaded.config.webserver.enabled && this.loaded.config.engine.kind !== 'replay' ? [this.webserverPart()] : []),
        this.lossPart(),
        this.snapshotPart(),
        ...enabled.map((name) => this.sourcePart(name)),
        this.watchPart(),
      ]);
      await this.finished;
    } finally {
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
    this.reloading = (this.reloading ?? Promise.resolve()).then(() => this.reloadOnce(reason));
    return this.reloading;
  }

  private async reloadOnce(reason: string): Promise<void> {
    const { log } = this.log;
    log.info(`${reason}, reloading...`);
    try {
      const before = this.loaded.config;
      const loaded = prepareConfig(this.request, this.log);
      const next = prepare(this.request, loaded, log, this.prepared.machine);
      const detection = createDetection(next.ruleset, next.catalogues, loaded.config.rule_matching, this.pipeline.alert);
      await this.outputs.reconfigure(loaded.config);
      this.pipeline.swap(detection, pipelineOptions(loaded.config));
      for (const source of this.open) source.adapt(detection);
      this.detection = detection;
      this.loaded = loaded;
      this.rulesFiles = next.rulesFiles;
      this.loadedAt = Date.now();
      await this.watch.follow(this.watchedPaths());
      for (const key of ['engine', 'plugins', 'load_plugins', 'webserver', 'falco_libs'] as const) {
        if (JSON.stringify(before[key]) !== JSON.stringify(loaded.config[key])) log.warning(`'${key}' has changed: that takes a restart`);
      }
      log.info(`Reloaded: ${detection.rules.filter((rule) => rule.enabled).length} rules`);
    } catch (error) {
      configureLog(this.log, this.loaded.config);
      log.error(`Reload refused, the old configuration and rules go on: ${(error as Error).message}`);
    }
  }

  private pidfilePart(): Part {
    const { pidfile } = this.request;
    return {
      name: 'pid file',
      start: async () => {
        if (pidfile === null) return;
        try {
          writeFileSync(pidfile, String(process.pid));
        } catch (error) {
          throw new StartError('PIDFILE', `the pid file cannot be written: ${(error as Error).message}`, undefined, { cause: error });
        }
      },
      stop: async () => {
        if (pidfile !== null) rmSync(pidfile, { force: true });
      },
    };
  }

  private sourcePart(name: string): Part {
    const { log } = this.log;
    const tools = { loaded: this.loaded, machine: this.prepared.machine, pipeline: this.pipeline, log };
    let source: OpenSource | null = null;
    const begin = async (one: OpenSource) => {
      source = one;
      for (const line of one.opening) log.info(line);
      this.open.push(one);
      this.running.add(one);
      await one.start((error) => this.sourceEnded(one, error));
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
      this.failure ??= error;
      this.log.log.error(`An error occurred in event source '${source.name}', ending: ${error.message}`);
    }
    if (error !== undefined || this.running.size === 0) this.finish();
  }

  private lossPart(): Part {
    const watch = new LossWatch(this.log.log, () => this.lossy());
    let timer: NodeJS.Timeout | null = null;
    return {
      name: 'loss watch',
      start: async () => {
        watch.start();
        timer = setInterval(() => this.drops.check(Date.now()), 1000);
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
      { name: 'state tables', losses: () => stateLosses(this.prepared.machine) },
    ];
  }

  private dropMonitor(): DropMonitor {
    const { log } = this.log;
    const live = () => this.open.find((source) => source.engine === 'modern_bpf')?.stats() ?? null;
    return new DropMonitor(this.loaded.config.syscall_event_drops, live, (actions, { events, dropped, losses }) => {
      const rule = 'Falco internal: syscall event drop';
      const message = `${rule}. ${dropped} system calls dropped in last second.`;
      for (const action of actions) {
        if (action === 'log') log.warning(message);
        if (action === 'alert') {
          const fields = { n_evts: String(events), n_drops: String(dropped), ...Object.fromEntries(Object.entries(losses).map(([kind, n]) => [`n_drops_${kind}`, String(n)])) };
          const options = { json: this.loaded.config.json_output, hostname: this.prepared.machine.hostname };
          this.outputs.push(formatInternal({ time: BigInt(Date.now()) * 1_000_000n, rule, priority: 'Debug', message, fields }, options));
        }
        if (action === 'exit') {
          log.critical(message);
          this.failure ??= new StartError('DROPS', 'system calls were dropped and syscall_event_drops says exit');
          this.finish();
        }
      }
    });
  }

  private webserverPart(): Part {
    const { webserver, metrics } = this.loaded.config;
    const tls = webserver.ssl_enabled ? ' (SSL)' : '';
    const part = new Webserver(webserver, {
      versions: () => ({
        falco_version: VERSION, falco_ts_version: VERSION,
        engine_version: String(ENGINE_VERSION.minor), engine_version_semver: formatVersion(ENGINE_VERSION),
      }),
      metrics: metrics.enabled && webserver.prometheus_metrics_enabled ? () => renderMetrics(this.metricsInput()) : null,
      readiness: () => this.readiness(),
    });
    return {
      name: part.name,
      start: async () => {
        this.log.log.info(`Starting health webserver, listening on ${webserver.listen_address}:${webserver.listen_port}${tls}`);
        await part.start();
      },
      stop: () => part.stop(),
    };
  }

  private metricsInput(): MetricsInput {
    const { machine } = this.prepared;
    const { threads, ...counters } = machine.state.stats();
    return {
      options: this.loaded.config.metrics,
      hostname: machine.hostname,
      startedAt: this.startedAt,
      loadedAt: this.loadedAt,
      rules: this.stats,
      rulesFiles: hashes(this.rulesFiles),
      configFiles: hashes(this.loaded.files.map(({ path, text }) => ({ name: path, text }))),
      sources: this.open.map((source) => ({ name: source.name, engine: source.engine, stats: source.stats() })),
      outputs: this.outputs.stats(),
      state: { threads, counters: { ...counters } },
    };
  }

  /** Snapshots by the outputs and into a file, every `metrics.interval`. */
  private snapshotPart(): Part {
    const { metrics } = this.loaded.config;
    const snapshots = new MetricsSnapshots();
    const file = metrics.output_file === '' ? null : new FileOutput({ filename: metrics.output_file, keepAlive: true });
    let timer: NodeJS.Timeout | null = null;
    let sample = 0;
    const take = () => {
      sample++;
      const now = Date.now();
      for (const { fields } of snapshots.take(this.metricsInput(), now)) {
        const internal = { time: BigInt(now) * 1_000_000n, rule: 'Falco internal: metrics snapshot', priority: 'Informational', message: 'Falco metrics snapshot', fields } as const;
        if (metrics.output_rule) this.outputs.push(formatInternal(internal, { json: this.loaded.config.json_output, hostname: this.prepared.machine.hostname }));
        file?.deliver({ line: sortedJson({ output_fields: fields, sample }), priority: internal.priority, rule: internal.rule }).catch((error: Error) => {
          this.log.log.error(`Cannot write ${metrics.output_file}: ${error.message}`);
        });
      }
    };
    return {
      name: 'metrics snapshots',
      start: async () => {
        if (!metrics.enabled || !(metrics.output_rule || file !== null)) return;
        const interval = parseDuration(metrics.interval) ?? 0;
        this.log.log.info(`Setting metrics interval to ${metrics.interval}, equivalent to ${interval} (ms)`);
        await file?.start();
        timer = setInterval(take, interval);
        timer.unref();
      },
      stop: async () => {
        if (timer !== null) clearInterval(timer);
        await file?.stop();
      },
    };
  }

  private readiness(): { ready: boolean; sources: Record<string, string> } {
    const sources: Record<string, string> = {};
    for (const name of this.prepared.enabled) {
      const source = this.open.find((one) => one.name === name);
      sources[name] = source === undefined ? 'not open yet' : this.running.has(source) ? 'running' : 'ended';
    }
    return { ready: Object.values(sources).every((state) => state === 'running'), sources };
  }

  private watchPart(): Part {
    return {
      name: 'file watch',
      start: async () => {
        if (this.loaded.config.watch_config_files && this.loaded.config.engine.kind !== 'replay') await this.watch.follow(this.watchedPaths());
      },
      stop: () => this.watch.stop(),
    };
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
      lines.push(`   ${name}: ${stats.pushed} alerts, ${stats.delivered} delivered, ${stats.failed} failed, ${stats.dropped} dropped`);
    }
    const evictions = Object.entries(stateLosses(this.prepared.machine)).filter(([, count]) => count > 0);
    if (evictions.length > 0) lines.push(`State tables: ${evictions.map(([kind, count]) => `${kind} ${count}`).join(', ')}`);
    if (this.open.some((source) => source.engine === 'modern_bpf')) lines.push(this.drops.format().trimEnd());
    process.stderr.write(`${lines.join('\n')}\n`);
  }
}

function pipelineOptions(config: Config): PipelineOptions {
  return { json: config.json_output, format: config };
}

/** What found no room in the tables. */
function stateLosses(machine: Machine): Record<string, number> {
  const { refused, evicted, fdsRefused } = machine.state.stats();
  return { threadsRefused: refused, threadsEvicted: evicted, fdsRefused };
}

/** An error as a user reads it: what is wrong, its code, and what to do. */
export function explain(error: unknown): string {
  if (!(error instanceof StartError)) return (error as Error).message;
  return `${error.message} [${error.code}]${error.hint === undefined ? '' : `\n  help: ${error.hint}`}`;
}

