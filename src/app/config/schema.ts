// SPDX-License-Identifier: Apache-2.0
/**
 * falco.yaml, defined once: the TypeScript type, the JSON schema of `--config-schema`, and the defaults. Keys, meaning and
 * defaults are the ecosystem's; a default of ours stands with the reason.
 */
import { FACILITIES } from '../../outputs/syslog-facility.js';
import { anything, bool, boolean, decimal, either, entry, integer, list, mapOf, oneOf, optional, section, sequence, type Shape, type Static, string, text } from './shape.js';

const ENGINE_KINDS = ['modern_ebpf', 'kmod', 'replay', 'nodriver'] as const;
const DROP_ACTIONS = ['ignore', 'log', 'alert', 'exit'] as const;

const Selector = entry({ rule: optional(string), tag: optional(string) });

const RuleSelection = entry({ enable: optional(Selector), disable: optional(Selector) });

const AppendOutput = entry({
  match: optional(entry({ rule: optional(string), source: optional(string), tags: optional(sequence(string)) })),
  extra_output: optional(string),
  extra_fields: optional(sequence(either(string, mapOf(string)))),
  suggested_output: optional(boolean),
});

const Plugin = entry(
  { name: string, library_path: optional(string), init_config: optional(either(string, mapOf(anything))), open_params: optional(string) },
  ['name'],
);

const ConfigFile = either(string, entry({ path: string, strategy: optional(oneOf(['append', 'override', 'add-only'], 'append')) }, ['path']));

const probe = {
  buf_size_preset: integer(4, { minimum: 1, maximum: 10, description: 'Size of each buffer: 1 is 1 MB, 4 is 8 MB, doubling up to 10 (512 MB).' }),
  drop_failed_exit: bool(false),
};

/** What is another with each event, however alike the events are. */
const CHANGING_FIELDS = [
  'evt.num', 'evt.time', 'evt.time.s', 'evt.time.iso8601', 'evt.datetime', 'evt.datetime.s', 'evt.rawtime', 'evt.rawtime.s', 'evt.rawtime.ns',
  'evt.reltime', 'evt.reltime.s', 'evt.reltime.ns', 'evt.deltatime', 'evt.deltatime.s', 'evt.deltatime.ns', 'evt.latency', 'evt.latency.s', 'evt.latency.ns',
  'proc.pid', 'proc.ppid', 'proc.vpid', 'proc.pvpid', 'proc.pid.ts', 'proc.ppid.ts', 'proc.duration', 'proc.ppid.duration', 'thread.tid', 'thread.vtid',
  'ka.auditid', 'jevt.time', 'jevt.rawtime', 'json.rawtime',
] as const;

const properties = {
  config_files: list(ConfigFile),
  watch_config_files: bool(true),
  rules_files: list(string),
  rules_file: list(string, { deprecated: true }),
  rules: list(RuleSelection),
  engine: section({
    kind: oneOf(ENGINE_KINDS, 'modern_ebpf'),
    kmod: section(probe),
    modern_ebpf: section({
      cpus_for_each_buffer: integer(2),
      ...probe,
      disable_iterators: bool(false),
      sieve: bool(true, { description: 'Ours: hold back in the kernel what no loaded rule can match. false: for comparing.' }),
    }),
    replay: section({ capture_file: text('') }),
  }),
  capture: section({
    enabled: bool(false),
    path_prefix: text('/tmp/falco'),
    mode: oneOf(['rules', 'all_rules'], 'rules'),
    default_duration: integer(5000),
    max_file_size_mb: integer(0, { maximum: 1_048_576 }),
    history_ms: integer(0, { maximum: 3_600_000, description: 'Ours: a capture also holds the events of so many milliseconds before its alert, as far as history_bytes goes. 0: none.' }),
    history_bytes: integer(16_777_216, { minimum: 65_536, maximum: 1_073_741_824, description: 'Ours: memory for those events, taken at the start when history_ms is set.' }),
  }),
  load_plugins: optional(sequence(string)),
  plugins: list(Plugin),
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
  throttle: text('', { description: 'Ours: how many alerts of each rule may leave: 10/1m is ten at once, and ten more in each minute. Empty: all. A rule may have its own.' }),
  deduplication: section({
    window: text('', { description: 'Ours: like alerts within such a duration (5m) leave as one, and at its end as another with their number. Empty: none are held back. A rule may have its own (deduplicate).' }),
    ignore_fields: { ...list(string), default: CHANGING_FIELDS, description: 'Fields of the output that may differ among like alerts.' } as Shape<readonly string[]>,
    max_entries: integer(10_000, { minimum: 1, description: 'Alerts that are remembered; the oldest gives way.' }),
  }),
  redact_secrets: bool(true, { description: 'Ours: alerts show no data of Kubernetes Secrets and no service account tokens. Rules see them.' }),
  outputs_queue: section({
    capacity: integer(0, { description: 'Messages that may wait for each output; 0: 64 million characters of them (a queue without bound would only move the loss).' }),
  }),
  append_output: list(AppendOutput),
  static_fields: { ...mapOf(string), default: {} } as Shape<Readonly<Record<string, string>>>,
  stdout_output: section({ enabled: bool(false) }),
  syslog_output: section({
    enabled: bool(false),
    address: text('', { description: 'Ours: a daemon elsewhere, by RFC 5424: udp://host:514, tcp://host:601 or tls://host:6514. Empty: the local one.' }),
    facility: oneOf(FACILITIES, 'user'),
    ca_cert: text('', { description: 'Ours: the authorities that a tls address is checked with; empty: those of the system.' }),
  }),
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
    max_consecutive_timeouts: integer(5),
  }),
  otlp_output: section({
    enabled: bool(false, { description: 'Ours: OpenTelemetry log records over HTTP, as JSON.' }),
    url: text('http://127.0.0.1:4318/v1/logs'),
    headers: { ...mapOf(string), default: {} } as Shape<Readonly<Record<string, string>>>,
    insecure: bool(false),
    ca_cert: text(''),
    mtls: bool(false),
    client_cert: text(''),
    client_key: text(''),
    compress_uploads: bool(true),
  }),
  kafka_output: section({
    enabled: bool(false, { description: 'Ours: a Kafka topic; needs the package @platformatic/kafka.' }),
    brokers: list(string),
    topic: text('falco'),
    compression: oneOf(['none', 'gzip', 'snappy', 'lz4'], 'gzip'),
    tls: bool(false),
    insecure: bool(false),
    ca_cert: text(''),
    client_cert: text(''),
    client_key: text(''),
    sasl_mechanism: oneOf(['', 'PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'], ''),
    username: text(''),
    password: text(''),
  }),
  nats_output: section({
    enabled: bool(false, { description: 'Ours: a NATS subject; needs the package @nats-io/transport-node.' }),
    servers: list(string),
    subject: text('falco.alerts'),
    jetstream: bool(false, { description: 'Wait for a JetStream stream to store each alert.' }),
    credentials_file: text(''),
    user: text(''),
    password: text(''),
    token: text(''),
    ca_cert: text(''),
    client_cert: text(''),
    client_key: text(''),
  }),
  spool: section({
    enabled: bool(false, { description: 'Ours: alerts for http, otlp, kafka and nats go through a queue on disk, which outlives an outage of the receiver and a restart.' }),
    directory: text('/var/lib/falco-ts/spool'),
    max_size_mb: integer(256, { minimum: 1, maximum: 1_048_576, description: 'For each of these outputs. What does not fit is dropped and counted.' }),
  }),
  program_output: section({ enabled: bool(false), keep_alive: bool(false), program: text('') }),
  webserver: section({
    enabled: bool(false),
    threadiness: integer(0),
    listen_port: integer(8765, { maximum: 65_535 }),
    listen_address: text('127.0.0.1', { description: 'Loopback unless said otherwise (Falco: 0.0.0.0).' }),
    k8s_healthz_endpoint: text('/healthz'),
    prometheus_metrics_enabled: bool(false),
    ssl_enabled: bool(false),
    ssl_certificate: text('/etc/falco/falco.pem'),
  }),
  log_stderr: bool(false),
  log_syslog: bool(true),
  log_level: oneOf(['emergency', 'alert', 'critical', 'error', 'warning', 'notice', 'info', 'debug'], 'info'),
  libs_logger: section({ enabled: bool(true), severity: oneOf(['fatal', 'critical', 'error', 'warning', 'notice', 'info', 'debug', 'trace'], 'info') }),
  output_timeout: integer(2000),
  syscall_event_timeouts: section({ max_consecutives: integer(1000, { minimum: 1 }) }),
  syscall_event_drops: section({
    threshold: decimal(0.1, { maximum: 1 }),
    actions: list(oneOf(DROP_ACTIONS, 'ignore')),
    rate: decimal(0.03333),
    max_burst: decimal(1),
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
    custom_set: list(string),
    repair: bool(false),
    all: bool(false),
  }),
  falco_libs: section({
    thread_table_size: integer(262_144, { description: 'Threads; 0: the default.' }),
    thread_table_auto_purging_interval_s: integer(300, { minimum: 1 }),
    thread_table_auto_purging_thread_timeout_s: integer(300, { minimum: 1 }),
    snaplen: integer(80, { maximum: 65_535, description: 'Bytes of data parameters; 0: the default.' }),
  }),
};

export const ConfigSchema = { ...section(properties), $schema: 'http://json-schema.org/draft-07/schema#', title: 'FalcoConfig' };

export type Config = Static<typeof ConfigSchema>;
