// SPDX-License-Identifier: Apache-2.0
/**
 * falco.yaml, defined once: the TypeScript type, the JSON schema of `--config-schema`, and the defaults. Keys, meaning and
 * defaults are the ecosystem's; a default of ours stands with the reason.
 */
import { type Static, type TProperties, Type } from '@sinclair/typebox';

const closed = { additionalProperties: false } as const;
/** A section: absent is the same as empty, so its keys' defaults apply. */
const section = <P extends TProperties>(properties: P) => Type.Object(properties, { ...closed, default: {} });
const bool = (value: boolean) => Type.Boolean({ default: value });
const text = (value: string) => Type.String({ default: value });
const count = (value: number, minimum = 0) => Type.Integer({ default: value, minimum });
const oneOf = <const T extends readonly string[]>(names: T, value: T[number], description?: string) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...names], default: value, ...(description && { description }) });

export const ENGINE_KINDS = ['modern_ebpf', 'kmod', 'replay', 'nodriver'] as const;
export const DROP_ACTIONS = ['ignore', 'log', 'alert', 'exit'] as const;

const Selector = Type.Object({ rule: Type.Optional(Type.String()), tag: Type.Optional(Type.String()) }, closed);

const RuleSelection = Type.Object({ enable: Type.Optional(Selector), disable: Type.Optional(Selector) }, closed);

const AppendOutput = Type.Object(
  {
    match: Type.Optional(
      Type.Object(
        {
          rule: Type.Optional(Type.String()),
          source: Type.Optional(Type.String()),
          tags: Type.Optional(Type.Array(Type.String())),
        },
        closed,
      ),
    ),
    extra_output: Type.Optional(Type.String()),
    extra_fields: Type.Optional(Type.Array(Type.Union([Type.String(), Type.Record(Type.String(), Type.String())]))),
    suggested_output: Type.Optional(Type.Boolean()),
  },
  closed,
);

const Plugin = Type.Object(
  {
    name: Type.String(),
    library_path: Type.Optional(Type.String()),
    init_config: Type.Optional(Type.Union([Type.String(), Type.Record(Type.String(), Type.Unknown())])),
    open_params: Type.Optional(Type.String()),
  },
  closed,
);

const ConfigFile = Type.Union([
  Type.String(),
  Type.Object({
    path: Type.String(),
    strategy: Type.Optional(oneOf(['append', 'override', 'add-only'], 'append')),
  }),
]);

const probe = {
  buf_size_preset: Type.Integer({
    default: 4, minimum: 1, maximum: 10,
    description: 'Size of each buffer: 1 is 1 MB, 4 is 8 MB, doubling up to 10 (512 MB).',
  }),
  drop_failed_exit: bool(false),
};

export const ConfigSchema = Type.Object(
  {
    config_files: Type.Array(ConfigFile, { default: [] }),
    watch_config_files: bool(true),
    rules_files: Type.Array(Type.String(), { default: [] }),
    rules_file: Type.Array(Type.String(), { default: [], deprecated: true }),
    rules: Type.Array(RuleSelection, { default: [] }),
    engine: section({
      kind: oneOf(ENGINE_KINDS, 'modern_ebpf'),
      kmod: section(probe),
      modern_ebpf: section({ cpus_for_each_buffer: count(2), ...probe, disable_iterators: bool(false) }),
      replay: section({ capture_file: text('') }),
    }),
    capture: section({
      enabled: bool(false),
      path_prefix: text('/tmp/falco'),
      mode: oneOf(['rules', 'all_rules'], 'rules'),
      default_duration: count(5000),
      max_file_size_mb: Type.Integer({ default: 0, minimum: 0, maximum: 1_048_576 }),
    }),
    load_plugins: Type.Optional(Type.Array(Type.String())),
    plugins: Type.Array(Plugin, { default: [] }),
    plugins_hostinfo: bool(true),
    time_format_iso_8601: bool(false),
    buffer_format_base64: bool(false),
    priority: text('debug'),
    json_output: bool(false),
    json_include_output_property: bool(true),
    json_include_message_property: bool(false),
    json_include_output_fields_property: bool(true),
    json_include_tags_property: bool(true),
    buffered_outputs: bool(false),
    rule_matching: oneOf(['first', 'all'], 'first'),
    outputs_queue: section({
      capacity: Type.Integer({
        default: 0, minimum: 0,
        description: 'Messages that may wait for each output; 0: 16384 (a queue without bound would only move the loss).',
      }),
    }),
    append_output: Type.Array(AppendOutput, { default: [] }),
    static_fields: Type.Record(Type.String(), Type.String(), { default: {} }),
    stdout_output: section({ enabled: bool(false) }),
    syslog_output: section({ enabled: bool(false) }),
    file_output: section({ enabled: bool(false), keep_alive: bool(false), filename: text('') }),
    http_output: section({
      enabled: bool(false),
      url: text(''),
      user_agent: text('falcosecurity/falco'),
      insecure: bool(false),
      ca_cert: text(''),
      ca_bundle: text(''),
      ca_path: text('/etc/ssl/certs'),
      mtls: bool(false),
      client_cert: text('/etc/ssl/certs/client.crt'),
      client_key: text('/etc/ssl/certs/client.key'),
      echo: bool(false),
      compress_uploads: bool(false),
      keep_alive: bool(false),
      max_consecutive_timeouts: count(5),
    }),
    program_output: section({ enabled: bool(false), keep_alive: bool(false), program: text('') }),
    webserver: section({
      enabled: bool(false),
      threadiness: count(0),
      listen_port: Type.Integer({ default: 8765, minimum: 0, maximum: 65535 }),
      listen_address: Type.String({ default: '127.0.0.1', description: 'Loopback unless said otherwise (the peer: 0.0.0.0).' }),
      k8s_healthz_endpoint: text('/healthz'),
      prometheus_metrics_enabled: bool(false),
      ssl_enabled: bool(false),
      ssl_certificate: text('/etc/falco/falco.pem'),
    }),
    log_stderr: bool(false),
    log_syslog: bool(true),
    log_level: oneOf(['emergency', 'alert', 'critical', 'error', 'warning', 'notice', 'info', 'debug'], 'info'),
    libs_logger: section({ enabled: bool(true), severity: text('info') }),
    output_timeout: count(2000),
    syscall_event_timeouts: section({ max_consecutives: count(1000, 1) }),
    syscall_event_drops: section({
      threshold: Type.Number({ default: 0.1, minimum: 0, maximum: 1 }),
      actions: Type.Array(oneOf(DROP_ACTIONS, 'ignore'), { default: [] }),
      rate: Type.Number({ default: 0.03333, minimum: 0 }),
      max_burst: Type.Number({ default: 1, minimum: 0 }),
      simulate_drops: bool(false),
    }),
    metrics: section({
      enabled: bool(false),
      interval: text('1h'),
      output_rule: bool(false),
      output_file: text(''),
      rules_counters_enabled: bool(true),
      resource_utilization_enabled: bool(true),
      state_counters_enabled: bool(true),
      kernel_event_counters_enabled: bool(true),
      kernel_event_counters_per_cpu_enabled: bool(true),
      libbpf_stats_enabled: bool(true),
      plugins_metrics_enabled: bool(true),
      kernel_iter_event_counters_enabled: bool(true),
      jemalloc_stats_enabled: bool(true),
      convert_memory_to_mb: bool(true),
      include_empty_values: bool(false),
    }),
    base_syscalls: section({
      custom_set: Type.Array(Type.String(), { default: [] }),
      repair: bool(false),
      all: bool(false),
    }),
    falco_libs: section({
      thread_table_size: count(262_144, 1),
      thread_table_auto_purging_interval_s: count(300, 1),
      thread_table_auto_purging_thread_timeout_s: count(300, 1),
      snaplen: Type.Integer({ default: 80, minimum: 0, maximum: 65_535 }),
    }),
  },
  { ...closed, $schema: 'http://json-schema.org/draft-07/schema#', title: 'FalcoConfig' },
);

export type Config = Readonly<Static<typeof ConfigSchema>>;
