// SPDX-License-Identifier: Apache-2.0
/** What the probe counts by CPU and what the kernel measures of its programs, at /metrics and in the metrics file. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePort, Program } from '../cli/program.js';
import { canWatch } from './live-monitor.js';

const MEASURE = '/proc/sys/kernel/bpf_stats_enabled';

let dir: string;
let measured: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'falco-ts-probe-metrics-'));
  measured = readFileSync(MEASURE, 'latin1');
});
afterEach(() => {
  writeFileSync(MEASURE, measured);
  rmSync(dir, { recursive: true, force: true });
});

/** Series of a metric by its labels. */
function series(text: string, name: string): Map<string, number> {
  return new Map([...text.matchAll(new RegExp(`^${name}(\\{[^}]*\\})? (\\S+)$`, 'gm'))].map(([, labels, value]) => [labels ?? '', Number(value)]));
}
const total = (values: Iterable<number>) => [...values].reduce((sum, value) => sum + value, 0);

describe.skipIf(!canWatch)('metrics of the probe', () => {
  it('events and losses by CPU, the cost of each BPF program once the kernel measures it, containers', async () => {
    writeFileSync(MEASURE, '0');
    const port = await freePort();
    const [rules, config, file] = ['rules.yaml', 'falco.yaml', 'metrics.jsonl'].map((name) => join(dir, name));
    writeFileSync(rules, `- rule: Opened mine\n  desc: d\n  condition: evt.type in (open, openat, openat2) and fd.name startswith ${dir}/nothing\n  output: o\n  priority: INFO\n`);
    writeFileSync(config, [
      `rules_files: [${rules}]`, 'stdout_output: {enabled: true}', 'log_stderr: true', 'log_syslog: false', 'watch_config_files: false',
      `webserver: {enabled: true, listen_port: ${port}, prometheus_metrics_enabled: true}`,
      `metrics: {enabled: true, interval: 200ms, output_file: ${file}, libbpf_stats_enabled: true, jemalloc_stats_enabled: true, kernel_iter_event_counters_enabled: true}`, '',
    ].join('\n'));
    const program = new Program(['-c', config]);
    const metrics = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const snapshot = () => (JSON.parse(readFileSync(file, 'utf8').split('\n').at(-2) ?? '') as { output_fields: Record<string, number> }).output_fields;
    try {
      await program.until((p) => p.stderr.includes('One ring buffer every'), 60_000);
      let text = '';
      const until = async (condition: () => boolean) => {
        for (const end = Date.now() + 60_000; text === '' || !condition(); ) {
          if (Date.now() > end) throw new Error(text);
          await new Promise((resolve) => setTimeout(resolve, 50));
          // On a machine at rest nothing would happen.
          execFileSync('true');
          text = await metrics();
        }
      };
      await until(() => total(series(text, 'falcosecurity_scap_n_evts_cpu_total').values()) > 0);
      expect(series(text, 'falcosecurity_scap_sys_exit_run_cnt_total').size).toBe(0);
      const told = ["'metrics.libbpf_stats_enabled' shows nothing until the kernel measures BPF programs: sysctl kernel.bpf_stats_enabled=1", "'metrics.jemalloc_stats_enabled' has no effect here: memory is managed by V8 and the C library, not by jemalloc", "'metrics.kernel_iter_event_counters_enabled' has no effect here: the start state is read from /proc"];
      for (const line of told) expect(program.stderr).toContain(`The configuration key ${line}`);

      writeFileSync(MEASURE, '1');
      await until(() => (series(text, 'falcosecurity_scap_sys_exit_run_cnt_total').get('') ?? 0) > 0 && (series(text, 'falcosecurity_scap_sched_proc_exit_run_cnt_total').get('') ?? 0) > 0);
      const one = (name: string) => series(text, `falcosecurity_scap_${name}`).get('') ?? Number.NaN;
      expect(one('sys_exit_avg_time_nanoseconds')).toBe(Math.floor(one('sys_exit_run_time_nanoseconds_total') / one('sys_exit_run_cnt_total')));
      expect(one('sys_exit_avg_time_nanoseconds')).toBeGreaterThan(0);
      expect(one('sched_p_exec_run_cnt_total')).toBeGreaterThanOrEqual(0);

      const events = series(text, 'falcosecurity_scap_n_evts_cpu_total');
      const losses = series(text, 'falcosecurity_scap_n_drops_cpu_total');
      expect([...events.keys()]).toEqual([...losses.keys()]);
      expect([...events.keys()]).toContain('{cpu="0"}');
      // What lies in the rings has been counted by its CPU and not yet by the source.
      expect(total(events.values())).toBeGreaterThanOrEqual(one('n_evts_total') - one('n_drops_total'));
      expect(one('n_evts_total')).toBeGreaterThan(0);
      expect(series(text, 'falcosecurity_plugins_container_n_containers_total').get('')).toBeGreaterThanOrEqual(0);

      for (const end = Date.now() + 60_000; !('scap.sys_exit.run_cnt' in snapshot()) && Date.now() < end; ) await new Promise((resolve) => setTimeout(resolve, 50));
      const fields = snapshot();
      expect(fields['scap.sys_exit.avg_time_ns']).toBe(Math.floor(fields['scap.sys_exit.run_time_ns'] / fields['scap.sys_exit.run_cnt']));
      const cpus = Object.entries(fields).filter(([name]) => name.startsWith('scap.n_evts_cpu_')).map(([, count]) => count);
      expect(total(cpus)).toBeGreaterThan(0);
      expect(fields['falco.n_added_threads']).toBeGreaterThan(0);
    } finally {
      expect((await program.stop()).code).toBe(0);
    }
  }, 180_000);
});
