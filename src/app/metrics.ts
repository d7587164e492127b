// SPDX-License-Identifier: Apache-2.0
/** Prometheus metrics: Falco's names where it has them, `falco_ts_` for ours. Made afresh for each scrape. */
import { cpus, release } from 'node:os';
import { PRIORITIES } from '../alert/alert.js';
import type { ChannelStats } from '../outputs/channel.js';
import type { CaptureDetails } from '../sources/native-contract.js';
import type { SourceStats } from '../sources/source.js';
import { VERSION } from '../util/package.js';
import type { Config } from './config/schema.js';
import { type LedgerLine, totalOf } from './ledger.js';
import { programCosts, STATE_COUNTERS } from './falco-metrics.js';
import type { RecorderStats } from './recorder.js';
import { bootTime, type ResourceUnit, resources } from './resources.js';
import type { RuleStats } from './rule-stats.js';

export interface MeasuredSource {
  readonly name: string;
  readonly engine: string;
  readonly stats: SourceStats;
  readonly ledger: readonly LedgerLine[];
  /** Of a probe. */
  readonly details?: CaptureDetails;
}

export interface MetricsInput {
  readonly options: Config['metrics'];
  readonly hostname: string;
  /** HOST_ROOT. */
  readonly hostRoot: string;
  /** Milliseconds since the epoch: start of the program and last (re)load. */
  readonly startedAt: number;
  readonly loadedAt: number;
  readonly rules: RuleStats;
  /** Base name to SHA-256. */
  readonly rulesFiles: ReadonlyMap<string, string>;
  readonly configFiles: ReadonlyMap<string, string>;
  readonly sources: readonly MeasuredSource[];
  readonly outputs: readonly { readonly name: string; readonly stats: ChannelStats }[];
  /** Null: no captures are configured. */
  readonly captures: RecorderStats | null;
  /** Containers that are known now, and how many came without an image so far. */
  readonly containers: { readonly known: number; readonly withoutImage: number };
  /** The state's own numbers: current sizes, and growing counters (evictions). */
  readonly state: { readonly threads: number; readonly fds: number; readonly counters: Readonly<Record<string, number>> };
}

type Labels = Readonly<Record<string, string>>;

type Series = readonly (readonly [Labels, number])[];
/** Adds one metric with all its series. */
type Add = (name: string, help: string, series: Series) => void;

interface Writer {
  readonly counter: Add;
  readonly gauge: Add;
}

export async function renderMetrics(input: MetricsInput): Promise<{ contentType: string; text: string }> {
  const { Counter, Gauge, Registry } = await import('prom-client');
  const registry = new Registry();
  const counter = (name: string, help: string, series: Series) => {
    const metric = new Counter({ name, help, labelNames: labelNames(series), registers: [registry] });
    for (const [labels, value] of series) metric.inc(labels, value);
  };
  const gauge = (name: string, help: string, series: Series) => {
    const metric = new Gauge({ name, help, labelNames: labelNames(series), registers: [registry] });
    for (const [labels, value] of series) metric.set(labels, value);
  };
  for (const part of PARTS) part({ counter, gauge }, input);
  return { contentType: 'text/plain; version=0.0.4', text: await registry.metrics() };
}

/** In the order of the page. */
const PARTS: readonly ((writer: Writer, input: MetricsInput) => void)[] = [programPart, rulesPart, statePart, kernelPart, sourcesPart, outputsPart];

function programPart({ counter, gauge }: Writer, input: MetricsInput): void {
  gauge('falcosecurity_falco_version_info', 'Version of the monitor', [[{ version: VERSION }, 1]]);
  gauge('falcosecurity_falco_sha256_rules_files_info', 'Loaded rules files', files(input.rulesFiles));
  gauge('falcosecurity_falco_sha256_config_files_info', 'Loaded configuration files', files(input.configFiles));
  gauge('falcosecurity_falco_kernel_release_info', 'Kernel release', [[{ kernel_release: release() }, 1]]);
  gauge('falcosecurity_evt_hostname_info', 'Host name', [[{ hostname: input.hostname }, 1]]);
  gauge('falcosecurity_falco_start_timestamp_nanoseconds', 'Start of the monitor', [[{}, input.startedAt * 1e6]]);
  gauge('falcosecurity_falco_reload_timestamp_nanoseconds', 'Last load of the configuration', [[{}, input.loadedAt * 1e6]]);
  counter('falcosecurity_falco_duration_seconds_total', 'Seconds since the start', [[{}, Math.floor((Date.now() - input.startedAt) / 1000)]]);
  gauge('falcosecurity_falco_host_boot_timestamp_nanoseconds', 'Start of the host', [[{}, bootTime(input.hostRoot) * 1e9]]);
  gauge('falcosecurity_falco_host_num_cpus_total', 'CPUs of the host', [[{}, cpus().length]]);
  counter('falcosecurity_falco_outputs_queue_num_drops_total', 'Alerts that an output queue refused', [
    [{}, input.outputs.reduce((sum, one) => sum + one.stats.dropped, 0)],
  ]);
  gauge('falcosecurity_scap_engine_name_info', 'Where the events of each source come from',
    input.sources.map((one) => [{ engine_name: one.engine, evt_source: one.name }, 1]));
}

function rulesPart({ counter }: Writer, input: MetricsInput): void {
  if (input.options.rules_counters_enabled) {
    counter('falcosecurity_falco_rules_matches_total', 'Matches of each rule',
      input.rules.matched().map((rule) => [
        {
          priority: String(PRIORITIES.indexOf(rule.priority)), rule_name: rule.name, source: rule.source,
          ...Object.fromEntries(rule.tags.map((tag) => [`tag_${tag}`.replace(/[^a-zA-Z0-9_]/g, '_'), 'true'])),
        },
        rule.matches,
      ]));
  }
  counter('falco_ts_rules_held_back_total', 'Matches of each rule that did not leave as alerts of their own, by the reason',
    input.rules.matched().flatMap(({ name, throttled, duplicates }) =>
      [['throttled', throttled] as const, ['duplicate', duplicates] as const].filter(([, count]) => count > 0).map(([reason, count]) => [{ rule_name: name, reason }, count] as const)));
}

function statePart({ counter, gauge }: Writer, input: MetricsInput): void {
  const { options } = input;
  if (options.resource_utilization_enabled) {
    for (const { name, unit, help, value } of resources(input.startedAt, input.hostRoot)) {
      gauge(`falcosecurity_falco_${name}_${PROMETHEUS_UNIT[unit]}`, help, [[{}, value * PROMETHEUS_SCALE[unit]]]);
    }
  }
  if (options.state_counters_enabled) {
    gauge('falcosecurity_scap_n_threads_total', 'Threads in the table', [[{}, input.state.threads]]);
    gauge('falcosecurity_scap_n_fds_total', 'Descriptors in the tables', [[{}, input.state.fds]]);
    for (const [name, help, kind] of STATE_COUNTERS) {
      if (kind in input.state.counters) counter(`falcosecurity_scap_${name}_total`, help, [[{}, input.state.counters[kind]]]);
    }
    counter('falco_ts_state_total', 'Events in the life of the state tables, evictions among them',
      Object.entries(input.state.counters).map(([kind, count]) => [{ kind }, count]));
  }
}

function kernelPart({ counter, gauge }: Writer, { options, sources, containers }: MetricsInput): void {
  const syscall = sources.find((one) => one.name === 'syscall');
  if (options.kernel_event_counters_enabled && syscall !== undefined) {
    counter('falcosecurity_scap_n_evts_total', 'System call events, seen or lost', [[{}, syscall.stats.produced]]);
    counter('falcosecurity_scap_n_drops_total', 'System call events lost', [[{}, totalOf(syscall.ledger, 'lost')]]);
    // No series for all of them: sums over the categories would count each event twice.
    const { n_drops_buffer_total: _, n_drops_scratch_map: tooLarge = 0, ...parts } = syscall.stats.drops ?? {};
    counter('falcosecurity_scap_n_drops_buffer_total', 'System call events lost because a ring buffer was full, by category; some are in none',
      [
        ...Object.entries(parts).map(([kind, count]) => [{ drop: kind.replace(/^n_drops_buffer_|_exit$/g, ''), dir: 'exit' }, count] as const),
        ...NO_ENTER_DROPS.map((drop) => [{ drop, dir: 'enter' }, 0] as const),
      ]);
    counter('falcosecurity_scap_n_drops_scratch_map_total', 'System call events lost because they were too large', [[{}, tooLarge]]);
  }
  const details = syscall?.details;
  if (options.kernel_event_counters_enabled && options.kernel_event_counters_per_cpu_enabled && details !== undefined) {
    counter('falcosecurity_scap_n_evts_cpu_total', 'System call events on each CPU, seen or lost', details.cpus.map(({ produced }, cpu) => [{ cpu: String(cpu) }, produced]));
    counter('falcosecurity_scap_n_drops_cpu_total', 'System call events lost on each CPU before they reached the monitor', details.cpus.map(({ lost }, cpu) => [{ cpu: String(cpu) }, lost]));
  }
  if (options.libbpf_stats_enabled && details !== undefined) {
    for (const { name, runs, nanoseconds, average } of programCosts(details)) {
      counter(`falcosecurity_scap_${name}_run_cnt_total`, 'Runs of the BPF program', [[{}, runs]]);
      counter(`falcosecurity_scap_${name}_run_time_nanoseconds_total`, 'Time in the BPF program', [[{}, nanoseconds]]);
      gauge(`falcosecurity_scap_${name}_avg_time_nanoseconds`, 'Time of a run of the BPF program', [[{}, average]]);
    }
  }
  if (options.plugins_metrics_enabled && syscall !== undefined) {
    gauge('falcosecurity_plugins_container_n_containers_total', 'Known containers', [[{}, containers.known]]);
    gauge('falcosecurity_plugins_container_n_missing_container_images_total', 'Containers whose image was not known', [[{}, containers.withoutImage]]);
  }
}

function sourcesPart({ counter }: Writer, { sources }: MetricsInput): void {
  counter('falco_ts_ledger_events_total', 'What became of the events of each source: evaluated + filtered + lost = falco_ts_source_events_total{outcome="produced"}',
    sources.flatMap(({ name, ledger }) => ledger.map(({ fate, kind, events }) => [{ source: name, fate, kind }, events] as const)));
  counter('falco_ts_source_events_total', 'Events of each source by what became of them',
    sources.flatMap(({ name, stats }) => [
      [{ source: name, outcome: 'produced' }, stats.produced] as const,
      [{ source: name, outcome: 'delivered' }, stats.delivered] as const,
      ...(stats.filtered === undefined ? [] : [[{ source: name, outcome: 'filtered' }, stats.filtered] as const]),
      ...Object.entries(stats.losses).map(([kind, count]) => [{ source: name, outcome: kind }, count] as const),
    ]));
  counter('falco_ts_source_strain_total', 'Times that a source fell behind: waits for a free slab, events out of order',
    sources.flatMap(({ name, stats }) => Object.entries(stats.strain ?? {}).map(([kind, count]) => [{ source: name, kind }, count] as const)));
}

function outputsPart({ counter, gauge }: Writer, input: MetricsInput): void {
  counter('falco_ts_output_messages_total', 'Messages of each output by what became of them',
    input.outputs.flatMap(({ name, stats }) =>
      (['pushed', 'delivered', 'failed', 'dropped'] as const).map((outcome) => [{ output: name, outcome }, stats[outcome]] as const)));
  gauge('falco_ts_output_waiting', 'Messages waiting in each output', input.outputs.map(({ name, stats }) => [{ output: name }, stats.waiting]));
  const spools = input.outputs.flatMap(({ name, stats }) => (stats.spoolBytes === undefined ? [] : [[{ output: name }, stats.spoolBytes] as const]));
  if (spools.length > 0) gauge('falco_ts_output_spool_bytes', "Disk space of each output's spool", spools);
  if (input.captures !== null) {
    const { written, failed, events, dropped, bytes } = input.captures;
    counter('falco_ts_captures_total', 'Capture files by what became of them', [[{ outcome: 'written' }, written], [{ outcome: 'failed' }, failed]]);
    counter('falco_ts_capture_events_total', 'Events for capture files by what became of them', [[{ outcome: 'written' }, events], [{ outcome: 'dropped' }, dropped]]);
    counter('falco_ts_capture_bytes_total', 'Bytes in capture files', [[{}, bytes]]);
  }
}

/** What happens when a call begins is no event of its own, so none of these is lost: Falco's dashboards ask for them. */
const NO_ENTER_DROPS = ['clone_fork', 'execve', 'connect', 'open', 'dir_file', 'other_interest'];

/** Base units, as Prometheus wants them. */
const PROMETHEUS_UNIT: Readonly<Record<ResourceUnit, string>> = { perc: 'ratio', kb: 'bytes', bytes: 'bytes', count: 'total' };
const PROMETHEUS_SCALE: Readonly<Record<ResourceUnit, number>> = { perc: 0.01, kb: 1024, bytes: 1, count: 1 };

const files = (hashes: ReadonlyMap<string, string>): [Labels, number][] =>
  [...hashes].map(([file_name, sha256]) => [{ file_name, sha256 }, 1]);

const labelNames = (series: readonly (readonly [Labels, number])[]): string[] => [
  ...new Set(series.flatMap(([labels]) => Object.keys(labels))),
];
