// SPDX-License-Identifier: Apache-2.0
/** Metrics as `Falco internal: metrics snapshot` messages and as lines of a file, with Falco's field names, one per source. */
import { cpus, networkInterfaces, release } from 'node:os';
import { sortedJson } from '../alert/json.js';
import { FileOutput } from '../outputs/file.js';
import { parseDuration } from '../util/duration.js';
import type { Log } from '../util/log.js';
import { VERSION } from '../util/package.js';
import type { Config } from './config/schema.js';
import type { InternalMessage } from './internal-message.js';
import type { Part } from './lifecycle.js';
import { totalOf } from './ledger.js';
import type { MeasuredSource, MetricsInput } from './metrics.js';
import { programCosts, STATE_COUNTERS } from './falco-metrics.js';
import { bootTime, type Resource, resources } from './resources.js';

export type SnapshotFields = Readonly<Record<string, string | number>>;

interface Last {
  readonly at: number;
  readonly events: number;
  readonly produced: number;
  readonly drops: number;
}

const METRIC_NAME = /[^a-zA-Z0-9_:]+/g;
const sanitized = (name: string): string => name.replace(METRIC_NAME, '_').replace(/_+/g, '_').replace(/_$/, '');
const oneDecimal = (value: number): number => Math.round(value * 10) / 10;

/** Makes the fields; remembers what rates are reckoned from. */
export class MetricsSnapshots {
  private readonly last = new Map<string, Last>();

  /** @param now milliseconds since the epoch */
  take(input: MetricsInput, now: number): readonly { readonly source: string; readonly fields: SnapshotFields }[] {
    return input.sources.map((source) => {
      const { name, engine, stats, ledger } = source;
      const drops = totalOf(ledger, 'lost');
      const before = this.last.get(name) ?? { at: input.startedAt, events: 0, produced: 0, drops: 0 };
      this.last.set(name, { at: now, events: stats.delivered, produced: stats.produced, drops });
      const seconds = Math.max(0.001, (now - before.at) / 1000);
      const { options } = input;
      const fields: Record<string, string | number> = {
        'evt.time': now * 1e6,
        'evt.hostname': input.hostname,
        'evt.source': name,
        'falco.version': VERSION,
        'falco.start_ts': input.startedAt * 1e6,
        'falco.reload_ts': input.loadedAt * 1e6,
        'falco.duration_sec': Math.floor((now - input.startedAt) / 1000),
        'falco.kernel_release': release(),
        'falco.host_boot_ts': bootTime(input.hostRoot) * 1e9,
        'falco.host_num_cpus': cpus().length,
        'falco.outputs_queue_num_drops': input.outputs.reduce((sum, one) => sum + one.stats.dropped, 0),
        'scap.engine_name': engine,
        'falco.num_evts': stats.delivered,
        'falco.num_evts_prev': before.events,
        'falco.evts_rate_sec': oneDecimal((stats.delivered - before.events) / seconds),
      };
      for (const [file, hash] of input.rulesFiles) fields[`falco.sha256_rules_file.${sanitized(file)}`] = hash;
      for (const [file, hash] of input.configFiles) fields[`falco.sha256_config_file.${sanitized(file)}`] = hash;
      for (const [key, addresses] of hostAddresses()) fields[key] = addresses.join(',');
      if (options.rules_counters_enabled) {
        fields['falco.rules.matches_total'] = input.rules.total;
        const rules = options.include_empty_values ? input.rules.all() : input.rules.matched();
        for (const rule of rules) fields[`falco.rules.${sanitized(rule.name)}`] = rule.matches;
      }
      if (options.resource_utilization_enabled) {
        for (const resource of resources(input.startedAt, input.hostRoot)) {
          const [key, value] = inUnit(resource, options.convert_memory_to_mb);
          if (value > 0 || options.include_empty_values) fields[`falco.${key}`] = value;
        }
      }
      if (name === 'syscall' && options.state_counters_enabled) {
        fields['falco.n_threads'] = input.state.threads;
        fields['falco.n_fds'] = input.state.fds;
        for (const [kind, count] of Object.entries(input.state.counters)) {
          const peers = STATE_COUNTERS.find(([, , ours]) => ours === kind);
          if (count > 0 || options.include_empty_values) fields[peers === undefined ? `falco.state.${kind}` : `falco.${peers[0]}`] = count;
        }
      }
      if (name === 'syscall' && options.kernel_event_counters_enabled) {
        const produced = stats.produced - before.produced;
        fields['scap.n_evts'] = stats.produced;
        fields['scap.n_evts_prev'] = before.produced;
        fields['scap.evts_rate_sec'] = oneDecimal(produced / seconds);
        fields['scap.n_drops'] = drops;
        fields['scap.n_drops_prev'] = before.drops;
        fields['scap.evts_drop_rate_sec'] = oneDecimal((drops - before.drops) / seconds);
        fields['scap.n_drops_perc'] = produced > 0 ? (100 * (drops - before.drops)) / produced : 0;
        const each = (counters: Readonly<Record<string, number>>, prefix: string): void => {
          for (const [kind, count] of Object.entries(counters)) if (count > 0 || options.include_empty_values) fields[prefix + kind] = count;
        };
        each(stats.losses, 'scap.n_drops.');
        each(stats.drops ?? {}, 'scap.');
        each(stats.strain ?? {}, 'scap.strain.');
      }
      if (name === 'syscall') {
        for (const [key, count] of inDetail(source, input)) if (count > 0 || options.include_empty_values) fields[key] = count;
      }
      return { source: name, fields };
    });
  }
}

/** By CPU, by BPF program, and of containers. */
function inDetail({ details }: MeasuredSource, { options, containers }: MetricsInput): readonly (readonly [key: string, count: number])[] {
  const found: (readonly [string, number])[] = [];
  if (details !== undefined && options.kernel_event_counters_enabled && options.kernel_event_counters_per_cpu_enabled) {
    for (const [cpu, { produced, lost }] of details.cpus.entries()) found.push([`scap.n_evts_cpu_${cpu}`, produced], [`scap.n_drops_cpu_${cpu}`, lost]);
  }
  if (details !== undefined && options.libbpf_stats_enabled) {
    for (const { name, runs, nanoseconds, average } of programCosts(details)) {
      found.push([`scap.${name}.run_cnt`, runs], [`scap.${name}.run_time_ns`, nanoseconds], [`scap.${name}.avg_time_ns`, average]);
    }
  }
  if (options.plugins_metrics_enabled) {
    found.push(['plugins.container.n_containers', containers.known], ['plugins.container.n_missing_container_images', containers.withoutImage]);
  }
  return found;
}

/** Name with unit, and value: memory in megabytes when that is wanted. */
function inUnit({ name, unit, value }: Resource, megabytes: boolean): readonly [string, number] {
  switch (unit) {
    case 'count':
      return [name, value];
    case 'perc':
      return [`${name}_perc`, oneDecimal(value)];
    case 'kb':
      return megabytes ? [`${name}_mb`, oneDecimal(value / 1024)] : [`${name}_kb`, value];
    case 'bytes':
      return megabytes ? [`${name}_mb`, oneDecimal(value / 1024 / 1024)] : [`${name}_bytes`, value];
    default:
      return unit satisfies never;
  }
}

/** By interface and protocol. */
function hostAddresses(): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    for (const { address, family, internal } of addresses ?? []) {
      if (internal) continue;
      const key = `falco.host_netinfo.interfaces.${name}.protocols.${family.toLowerCase()}.addresses`;
      found.set(key, [...(found.get(key) ?? []), address]);
    }
  }
  return found;
}

/** Takes a snapshot every `metrics.interval`: by the outputs, as a rule's alert would, and into a file. */
export class MetricsWriter implements Part {
  readonly name = 'metrics snapshots';
  private readonly snapshots = new MetricsSnapshots();
  private file: FileOutput | null = null;
  private timer: NodeJS.Timeout | null = null;
  private sample = 0;
  private options: Config['metrics'] | null = null;

  constructor(
    private readonly initial: Config['metrics'],
    private readonly log: Log,
    private readonly input: () => MetricsInput,
    private readonly push: (message: InternalMessage) => void,
  ) {}

  start(): Promise<void> {
    return this.configure(this.initial);
  }

  /** Takes over other settings. @throws StartError with everything as it was */
  async configure(options: Config['metrics']): Promise<void> {
    if (JSON.stringify(options) === JSON.stringify(this.options)) return;
    const { enabled, interval, output_rule, output_file } = options;
    const file = enabled && output_file !== '' ? new FileOutput({ filename: output_file, keepAlive: true }, 'metrics.output_file') : null;
    await file?.start();
    await this.stop();
    this.options = options;
    this.file = file;
    if (!enabled || (!output_rule && file === null)) return;
    const milliseconds = parseDuration(interval) ?? 0;
    this.log.info(`Setting metrics interval to ${interval}, equivalent to ${milliseconds} (ms)`);
    this.timer = setInterval(() => this.take(Date.now(), options), milliseconds);
    this.timer.unref();
  }

  async stop(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    await this.file?.stop();
    this.file = null;
  }

  private take(now: number, options: Config['metrics']): void {
    const rule = 'Falco internal: metrics snapshot';
    this.sample++;
    for (const { fields } of this.snapshots.take(this.input(), now)) {
      if (options.output_rule) {
        this.push({ time: BigInt(now) * 1_000_000n, rule, priority: 'Informational', message: 'Falco metrics snapshot', fields });
      }
      const line = sortedJson({ output_fields: fields, sample: this.sample });
      this.file?.deliver({ line, priority: 'Informational', rule, time: BigInt(now) * 1_000_000n }).catch((error: Error) => {
        this.log.error(`Cannot write ${options.output_file}: ${error.message}`);
      });
    }
  }
}
