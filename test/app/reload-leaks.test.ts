// SPDX-License-Identifier: Apache-2.0
/** Reloads keep nothing of what they replace: memory, descriptors, watches, threads. */
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort, Program } from '../cli/program.js';

const RULES = join(import.meta.dirname, '../../rules');
/** A process that kept the rules of each reload would not come to the end. */
const RELOADS = 20;
const HEAP_MB = 48;

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'falco-ts-reload-leaks-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function held(pid: number): { descriptors: number; watches: number; threads: number } {
  const fds = readdirSync(`/proc/${pid}/fd`);
  const watches = fds.map((fd) => (readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1').match(/^inotify /gm) ?? []).length);
  return { descriptors: fds.length, watches: watches.reduce((a, b) => a + b, 0), threads: readdirSync(`/proc/${pid}/task`).length };
}

it(`${RELOADS} reloads of all our rules and of changed outputs need no more memory, descriptors, watches or threads than the first ones`, async () => {
  const [port, audit] = [await freePort(), await freePort()];
  const [rules, config] = [join(dir, 'rules.yaml'), join(dir, 'falco.yaml')];
  copyFileSync(join(RULES, 'falco_rules.yaml'), rules);
  const text = readFileSync(rules, 'utf8');
  const configured = (n: number) => [
    `rules_files: [${rules}, ${join(RULES, 'k8s_audit_rules.yaml')}]`, 'engine: {kind: nodriver}', 'log_stderr: true', 'log_syslog: false', 'watch_config_files: true',
    `webserver: {enabled: true, listen_port: ${port}, prometheus_metrics_enabled: true}`, 'metrics: {enabled: true, interval: 1h}',
    `file_output: {enabled: true, keep_alive: true, filename: ${join(dir, `out-${n % 2}.txt`)}}`, 'http_output: {enabled: true, url: "http://127.0.0.1:1/"}',
    `plugins: [{name: k8saudit, open_params: "http://127.0.0.1:${audit}/k8s-audit", init_config: {maxEventSize: ${100_000 + Math.floor(n / 10)}}}]`, '',
  ].join('\n');
  const replace = (path: string, by: string) => {
    writeFileSync(`${path}.new`, by);
    renameSync(`${path}.new`, path);
  };
  writeFileSync(config, configured(0));
  const program = new Program(['-c', config], { NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}` });
  try {
    await program.until((p) => p.stderr.includes('Opening \'k8s_audit\' source'), 60_000);
    let first = held(program.pid);
    for (let n = 1; n <= RELOADS; n++) {
      if (n % 4 === 0) replace(config, configured(n));
      else replace(rules, `${text}\n# ${n}\n`);
      await program.until((p) => p.stderr.split('Reloaded: ').length > n, 60_000);
      if (n === 4) first = held(program.pid);
    }
    let last = held(program.pid);
    // A listener's or a file's last descriptor may be closed a moment after the reload.
    for (const end = Date.now() + 10_000; last.descriptors > first.descriptors && Date.now() < end; last = held(program.pid)) await new Promise((resolve) => setTimeout(resolve, 100));
    expect(last.descriptors).toBeLessThanOrEqual(first.descriptors);
    expect(last.watches).toBeLessThanOrEqual(first.watches);
    expect(last.threads).toBeLessThanOrEqual(first.threads);
  } finally {
    expect((await program.stop()).code).toBe(0);
  }
}, 180_000);
