// SPDX-License-Identifier: Apache-2.0
/** What /metrics and metrics snapshots say of a source that loses events. */
import { expect, it } from 'vitest';
import { ledgerOf } from '../../src/app/ledger.js';
import { type MetricsInput, renderMetrics } from '../../src/app/metrics.js';
import { MetricsSnapshots } from '../../src/app/metrics-snapshot.js';
import { RuleStats } from '../../src/app/rule-stats.js';

const ALL = {
  enabled: true, interval: '1h', output_rule: true, output_file: '', rules_counters_enabled: true, resource_utilization_enabled: true, state_counters_enabled: true,
  kernel_event_counters_enabled: true, kernel_event_counters_per_cpu_enabled: true, libbpf_stats_enabled: true, plugins_metrics_enabled: true,
  kernel_iter_event_counters_enabled: true, jemalloc_stats_enabled: true, convert_memory_to_mb: true, include_empty_values: false,
};
const stats = {
  produced: 100, delivered: 90, losses: { ringFullFile: 7, ringFullProcess: 3, decodeErrors: 0 },
  drops: { n_drops_buffer_total: 10, n_drops_buffer_open_exit: 7, n_drops_buffer_execve_exit: 3, n_drops_buffer_connect_exit: 0, n_drops_buffer_clone_fork_exit: 0, n_drops_buffer_dir_file_exit: 0, n_drops_buffer_other_interest_exit: 0 }, strain: { slabFull: 4, outOfOrder: 0 },
};
const INPUT: MetricsInput = {
  options: ALL, hostname: 'node1', startedAt: 0, loadedAt: 0, rules: new RuleStats(), rulesFiles: new Map(), configFiles: new Map(),
  hostRoot: '', sources: [{ name: 'syscall', engine: 'modern_bpf', stats, ledger: ledgerOf(stats, { evaluated: 90, setAside: 0 }), details: { cpus: [{ produced: 60, lost: 10 }, { produced: 40, lost: 0 }], programs: [] } }], outputs: [], captures: null, containers: { known: 3, withoutImage: 1 }, state: { threads: 5, fds: 7, counters: { evicted: 2, added: 9, refused: 0, doubted: 6, repaired: 1 } },
};

it('/metrics: all losses, by category, by Falco\'s names, signs of falling behind, and what the state set right', async () => {
  const { text } = await renderMetrics(INPUT);
  const lines = text.split('\n');
  for (const line of [
    'falcosecurity_scap_n_drops_total 10', 'falcosecurity_scap_n_drops_buffer_total{drop="open",dir="exit"} 7',
    'falcosecurity_scap_n_drops_buffer_total{drop="connect",dir="exit"} 0', 'falco_ts_source_events_total{source="syscall",outcome="ringFullProcess"} 3',
    'falco_ts_source_events_total{source="syscall",outcome="decodeErrors"} 0', 'falco_ts_source_strain_total{source="syscall",kind="slabFull"} 4',
    'falco_ts_source_strain_total{source="syscall",kind="outOfOrder"} 0', 'falco_ts_state_total{kind="evicted"} 2', 'falco_ts_state_total{kind="repaired"} 1',
    'falcosecurity_scap_n_evts_cpu_total{cpu="0"} 60', 'falcosecurity_scap_n_evts_cpu_total{cpu="1"} 40', 'falcosecurity_scap_n_drops_cpu_total{cpu="0"} 10',
    'falcosecurity_plugins_container_n_containers_total 3', 'falcosecurity_plugins_container_n_missing_container_images_total 1',
  ]) expect(lines).toContain(line);
  // A sum over the series is to be the number of events.
  expect(text).not.toMatch(/^falcosecurity_scap_n_drops_buffer_total \d/m);
});

it('snapshots: the same, what is zero left out unless asked for', () => {
  const [{ fields }] = new MetricsSnapshots().take(INPUT, 1000);
  expect(fields).toMatchObject({
    'scap.n_drops': 10, 'scap.n_drops_buffer_total': 10, 'scap.n_drops_buffer_open_exit': 7, 'scap.n_drops.ringFullFile': 7, 'scap.strain.slabFull': 4,
    'falco.state.repaired': 1, 'falco.n_added_threads': 9, 'scap.n_evts_cpu_0': 60, 'scap.n_evts_cpu_1': 40, 'scap.n_drops_cpu_0': 10,
    'plugins.container.n_containers': 3, 'plugins.container.n_missing_container_images': 1,
  });
  expect(fields).not.toHaveProperty(['scap.n_drops_buffer_connect_exit']);
  expect(fields).not.toHaveProperty(['scap.n_drops_cpu_1']);
  const [{ fields: whole }] = new MetricsSnapshots().take({ ...INPUT, options: { ...ALL, include_empty_values: true } }, 1000);
  expect(whole['scap.n_drops_buffer_connect_exit']).toBe(0);
});

it('what metrics options switch off is in neither', async () => {
  const input = { ...INPUT, options: { ...ALL, kernel_event_counters_per_cpu_enabled: false, plugins_metrics_enabled: false } };
  expect((await renderMetrics(input)).text).not.toMatch(/_cpu_total|plugins_container/);
  expect(Object.keys(new MetricsSnapshots().take(input, 1000)[0].fields).filter((name) => /_cpu_\d|^plugins/.test(name))).toEqual([]);
});

it("/metrics: the dashboards of Falco's charts find each series that they ask for", async () => {
  const { text } = await renderMetrics({ ...INPUT, outputs: [] });
  const drops = ['enter', 'exit'].flatMap((dir) => ['clone_fork', 'connect', 'dir_file', 'execve', 'open', 'other_interest'].map((drop) => `scap_n_drops_buffer_total{drop="${drop}",dir="${dir}"}`));
  for (const series of [
    'falco_cpu_usage_ratio', 'falco_memory_rss_bytes', 'falco_memory_vsz_bytes', 'scap_engine_name_info{engine_name="modern_bpf",evt_source="syscall"}', 'falco_outputs_queue_num_drops_total',
    'scap_n_drops_cpu_total{cpu="0"}', 'scap_n_drops_full_threadtable_total', 'scap_n_drops_scratch_map_total', 'scap_n_drops_total', 'scap_n_evts_total', ...drops,
  ]) expect(text.split('\n').some((line) => line.startsWith(`falcosecurity_${series} `)), series).toBe(true);
});
