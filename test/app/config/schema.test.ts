// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../../src/app/config/load.js';
import { ConfigSchema } from '../../../src/app/config/schema.js';
import { unservedKeys } from '../../../src/app/unserved.js';

const reference = join(import.meta.dirname, '../../../../shared/reference');
const bundled = join(import.meta.dirname, '../../../src/app/config/falco.yaml');

/** Every path of keys that a JSON schema allows. */
function paths(schema: Record<string, unknown>, definitions: Record<string, Record<string, unknown>> = {}, at = ''): string[] {
  const ref = schema.$ref as string | undefined;
  if (ref !== undefined) return paths(definitions[ref.replace('#/definitions/', '')], definitions, at);
  const properties = schema.properties as Record<string, Record<string, unknown>> | undefined;
  const alternatives = ((schema.anyOf ?? schema.oneOf ?? []) as Record<string, unknown>[]).flatMap((one) => paths(one, definitions, at));
  const items = schema.items as Record<string, unknown> | undefined;
  return [
    ...alternatives,
    ...(items === undefined ? [] : paths(items, definitions, `${at}[]`)),
    ...Object.entries(properties ?? {}).flatMap(([key, inner]) => [`${at}.${key}`, ...paths(inner, definitions, `${at}.${key}`)]),
  ];
}

describe('the configuration schema', () => {
  it('is a JSON schema that accepts the bundled configuration', () => {
    const validate = new Ajv({ coerceTypes: true, strict: false }).compile(JSON.parse(JSON.stringify(ConfigSchema)) as object);
    expect(validate(parse(readFileSync(bundled, 'utf8'))), JSON.stringify(validate.errors)).toBe(true);
    expect(validate({ json_outptu: true })).toBe(false);
  });

  it('the bundled configuration loads without a word', () => {
    const { value, diagnostics } = loadConfig({ path: bundled, options: [] });
    expect(diagnostics).toEqual([]);
    expect(value?.rulesPaths.map((file) => file.replace(/.*\//, ''))).toEqual(['falco_rules.yaml', 'k8s_audit_rules.yaml']);
  });

  it.skipIf(!existsSync(reference))('has every key of real Falco', () => {
    const theirs = JSON.parse(readFileSync(join(reference, 'config-schema.json'), 'utf8')) as { definitions: Record<string, Record<string, unknown>> };
    const wanted = new Set(paths(theirs.definitions.FalcoConfig, theirs.definitions));
    // `rule_files` is in its schema and nowhere else: the key that it reads is `rules_files`.
    wanted.delete('.rule_files');
    const ours = new Set(paths(ConfigSchema as unknown as Record<string, unknown>));
    expect([...wanted].filter((path) => !ours.has(path))).toEqual([]);
  });

  it.skipIf(!existsSync(reference))('takes every value of the falco.yaml that Falco ships, with no diagnostic', () => {
    const path = join(reference, 'falco.yaml');
    const { value, diagnostics } = loadConfig({ path, options: [] });
    expect(diagnostics).toEqual([]);
    expect(value?.config).toMatchObject(withoutEmpty(parse(readFileSync(path, 'utf8'))) as object);
  });
});

/**
 * What Falco takes for keys that are absent, from its configuration.cpp; the lists are empty. A default of ours stands below
 * with its reason.
 */
const FALCO_DEFAULTS = {
  watch_config_files: true, json_output: false, json_include_output_property: true, json_include_tags_property: true, json_include_message_property: false,
  json_include_output_fields_property: true, time_format_iso_8601: false, buffer_format_base64: false, priority: 'debug', rule_matching: 'first',
  buffered_outputs: false, output_timeout: 2000, log_level: 'info', log_stderr: false, log_syslog: true, plugins_hostinfo: true,
  libs_logger: { enabled: true, severity: 'info' },
  engine: {
    kmod: { buf_size_preset: 4, drop_failed_exit: false },
    modern_ebpf: { cpus_for_each_buffer: 2, buf_size_preset: 4, drop_failed_exit: false, disable_iterators: false },
    replay: { capture_file: '' },
  },
  capture: { enabled: false, path_prefix: '/tmp/falco', mode: 'rules', default_duration: 5000, max_file_size_mb: 0 },
  stdout_output: { enabled: false }, syslog_output: { enabled: false },
  file_output: { enabled: false, filename: '', keep_alive: false }, program_output: { enabled: false, program: '', keep_alive: false },
  http_output: {
    enabled: false, url: '', user_agent: 'falcosecurity/falco', insecure: false, echo: false, ca_cert: '', ca_bundle: '', ca_path: '/etc/ssl/certs', mtls: false,
    client_cert: '/etc/ssl/certs/client.crt', client_key: '/etc/ssl/certs/client.key', compress_uploads: false, keep_alive: false, max_consecutive_timeouts: 5,
  },
  webserver: {
    enabled: false, threadiness: 0, listen_port: 8765, k8s_healthz_endpoint: '/healthz', ssl_enabled: false, ssl_certificate: '/etc/falco/falco.pem',
    prometheus_metrics_enabled: false,
  },
  syscall_event_drops: { threshold: 0.1, rate: 0.03333, max_burst: 1, simulate_drops: false }, syscall_event_timeouts: { max_consecutives: 1000 },
  falco_libs: { thread_table_size: 262144, thread_table_auto_purging_interval_s: 300, thread_table_auto_purging_thread_timeout_s: 300 },
  base_syscalls: { repair: false, all: false },
  metrics: {
    enabled: false, output_rule: false, output_file: '', rules_counters_enabled: true, resource_utilization_enabled: true, state_counters_enabled: true,
    kernel_event_counters_enabled: true, kernel_event_counters_per_cpu_enabled: true, libbpf_stats_enabled: true, plugins_metrics_enabled: true,
    kernel_iter_event_counters_enabled: true, jemalloc_stats_enabled: true, convert_memory_to_mb: true, include_empty_values: false,
  },
};

const OUR_DEFAULTS = {
  // There is no kernel module: Falco's `kmod` is served by the probe anyway.
  engine: { kind: 'modern_ebpf' },
  // Listeners stay on loopback unless told otherwise (Falco: 0.0.0.0).
  webserver: { listen_address: '127.0.0.1' },
  // Falco's 5000 has no unit, which it then refuses: metrics cannot be enabled there without an interval.
  metrics: { interval: '1h' },
  // Falco's 0 stands for the probe's own 80.
  falco_libs: { snaplen: 80 },
};

/** A value that has no effect here, and a word of the line that says so; everything else in Falco's schema is used. */
const UNSERVED: readonly (readonly [yaml: string, line: RegExp])[] = [
  ['plugins_hostinfo: false', /'plugins_hostinfo' has no effect here/],
  ['libs_logger: {severity: debug}', /'libs_logger.severity' has no effect here/],
  ['webserver: {threadiness: 4}', /'webserver.threadiness' has no effect here/],
  ['engine: {modern_ebpf: {disable_iterators: true}}', /'engine.modern_ebpf.disable_iterators' has no effect here/],
  ['metrics: {enabled: true, interval: 1h, output_rule: true, jemalloc_stats_enabled: true}', /'metrics.jemalloc_stats_enabled' has no effect here/],
  ['metrics: {enabled: true, interval: 1h, output_rule: true, kernel_iter_event_counters_enabled: true}', /'metrics.kernel_iter_event_counters_enabled' has no effect here/],
];

describe('keys', () => {
  const load = (text: string) => {
    const path = join(mkdtempSync(join(tmpdir(), 'falco-ts-schema-')), 'falco.yaml');
    writeFileSync(path, text);
    const { value, diagnostics } = loadConfig({ path, options: [] });
    rmSync(dirname(path), { recursive: true });
    if (value === null) throw new Error(JSON.stringify(diagnostics));
    return value;
  };

  it('absent ones mean what they mean to Falco, but for a few', () => {
    const { config } = load('{}');
    expect(config).toMatchObject(FALCO_DEFAULTS);
    expect(config).toMatchObject(OUR_DEFAULTS);
  });

  it.skipIf(!existsSync(reference))('the list of defaults has every key of Falco that is one value', () => {
    const theirs = JSON.parse(readFileSync(join(reference, 'config-schema.json'), 'utf8')) as { definitions: Record<string, Record<string, unknown>> };
    const defaults = new Set([FALCO_DEFAULTS, OUR_DEFAULTS].flatMap((one) => keysOf(one)));
    const open = new Set(['.rule_files', '.static_fields', '.load_plugins', '.plugins', '.rules', '.rules_files', '.append_output', '.config_files', '.base_syscalls.custom_set', '.syscall_event_drops.actions', '.outputs_queue.capacity']);
    const all = paths(theirs.definitions.FalcoConfig, theirs.definitions);
    const leaves = all.filter((path) => !path.includes('[]') && !open.has(path) && !all.some((other) => other.startsWith(`${path}.`) || other.startsWith(`${path}[]`)));
    expect(leaves.length).toBeGreaterThan(80);
    expect(leaves.filter((path) => !defaults.has(path))).toEqual([]);
  });

  it.each(UNSERVED)('%s: one line says that it has no effect', (yaml, line) => {
    const lines = unservedKeys(load(yaml));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(line);
  });

  it.skipIf(!existsSync(reference))('with everything in the falco.yaml that Falco ships as it is, nothing is said to have no effect', () => {
    expect(unservedKeys(load(readFileSync(join(reference, 'falco.yaml'), 'utf8')))).toEqual([]);
  });
});

function keysOf(value: object, at = ''): string[] {
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) => (typeof inner === 'object' && inner !== null ? keysOf(inner, `${at}.${key}`) : [`${at}.${key}`]));
}

const withoutEmpty = (value: unknown): unknown => JSON.parse(JSON.stringify(value, (_, inner: unknown) => (inner === null ? undefined : inner)));
