// SPDX-License-Identifier: Apache-2.0
/** The whole program over audit events, which need neither root nor a probe: what a user sees while it runs and at the end. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort, Program, run, withoutTimes } from '../cli/program.js';

const corpus = join(import.meta.dirname, '../../../shared/corpus/syscalls');
const reference = join(import.meta.dirname, '../../../shared/reference');

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'falco-ts-monitor-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

let serial = 0;
function write(name: string, text: string): string {
  const path = join(dir, `${serial++}-${name}`);
  writeFileSync(path, text);
  return path;
}

const rule = (name: string, verb: string, priority = 'WARNING') =>
  `- rule: ${name}\n  desc: a verb\n  condition: ka.verb = ${verb}\n  output: "${name} %ka.auditid"\n  priority: ${priority}\n  source: k8s_audit\n  tags: [verb]\n`;

const event = (id: string, verb: string) => ({
  kind: 'Event', apiVersion: 'audit.k8s.io/v1', level: 'Metadata', auditID: id, stage: 'ResponseComplete', verb,
  requestURI: '/api/v1/namespaces/default/pods', user: { username: 'somebody' }, stageTimestamp: '2026-11-23T12:00:00.000000Z',
  requestReceivedTimestamp: '2026-11-23T12:00:00.000000Z', objectRef: { resource: 'pods', namespace: 'default' },
});

interface Setup {
  readonly program: Program;
  readonly url: string;
  readonly web: string;
  readonly rules: string;
}

async function start(rules: string, options: readonly string[] = [], more = ''): Promise<Setup> {
  const [auditPort, webPort] = [await freePort(), await freePort()];
  const rulesFile = write('rules.yaml', rules);
  const config = write(
    'falco.yaml',
    `rules_files: [${rulesFile}]\nlog_stderr: true\nlog_syslog: false\nstdout_output: {enabled: true}\nwatch_config_files: false\n` +
      `plugins:\n  - {name: k8saudit, library_path: libk8saudit.so, init_config: "", open_params: "http://127.0.0.1:${auditPort}/k8s-audit"}\n` +
      `webserver: {enabled: true, listen_port: ${webPort}, prometheus_metrics_enabled: true}\nmetrics: {enabled: true, interval: 1h}\n${more}`,
  );
  const program = new Program(['-c', config, '--disable-source', 'syscall', ...options]);
  await program.until((p) => p.stderr.includes("Opening 'k8s_audit' source"));
  const setup = { program, url: `http://127.0.0.1:${auditPort}/k8s-audit`, web: `http://127.0.0.1:${webPort}`, rules: rulesFile };
  for (let i = 0; ; i++) {
    const ready = await fetch(`${setup.web}/readyz`).then((r) => r.status, () => 0);
    if (ready === 200) return setup;
    if (i > 500) throw new Error(program.stderr);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const post = (url: string, body: unknown) =>
  fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: typeof body === 'string' ? body : JSON.stringify(body) });

describe('a run', () => {
  it('says what it opens, alerts, and ends on Ctrl-C with counts per rule, source and output', async () => {
    const { program, url } = await start(rule('Created', 'create') + rule('Deleted', 'delete', 'ERROR'));
    await post(url, event('one', 'create'));
    await post(url, { kind: 'EventList', apiVersion: 'audit.k8s.io/v1', items: [event('two', 'create'), event('three', 'delete'), event('four', 'get')] });
    await program.until((p) => p.stdout.split('\n').length > 3);
    program.signal('SIGINT');
    const { code, stdout, stderr } = await program.ended;
    expect(code).toBe(0);
    expect(stdout.split('\n').map((line) => line.replace(/^\S+ /, ''))).toEqual(['Warning Created one', 'Warning Created two', 'Error Deleted three', '']);
    const log = withoutTimes(stderr);
    expect(log).toMatch(/^Falco version: [\s\S]*Falco initialized with configuration files:\n {3}\S+falco\.yaml \| schema validation: ok\n[\s\S]*Loading rules from:\n {3}\S+rules\.yaml \| schema validation: ok\n/);
    expect(log).toContain('Loaded event sources: syscall, k8s_audit\nEnabled event sources: k8s_audit\n');
    expect(log).toContain('SIGINT received, exiting...\n');
    expect(log).toContain(
      'Events detected: 3\nRule counts by severity:\n   ERROR: 1\n   WARNING: 2\nTriggered rules by rule name:\n   Created: 2\n   Deleted: 1\n' +
        'Events by source:\n   k8s_audit: 4 events, 4 delivered, lost: none\nAlerts by output:\n   stdout: 3 alerts, 3 delivered, 0 failed, 0 dropped\n',
    );
  });

  it('counts bodies that are no events, goes on, and shows them', async () => {
    const { program, url } = await start(rule('Created', 'create'));
    const answers = [await post(url, '{"kind": '), await post(url, 'no json'), await post(url, { kind: 'Pod' })];
    for (const answer of answers) expect(answer.status).toBeGreaterThanOrEqual(400);
    expect((await post(url, event('after', 'create'))).status).toBe(200);
    await program.until((p) => p.stdout.includes('after') && /Lost in event source k8s_audit/.test(p.stderr));
    const { stderr } = await program.stop();
    expect(stderr).toMatch(/k8s_audit: 4 events, 1 delivered, lost: (?!none)/);
  });

  it('ends by itself when its file of events is read', async () => {
    const log = write('audit.log', `${JSON.stringify(event('one', 'create'))}\n${JSON.stringify(event('two', 'create'))}\n`);
    const config = write('falco.yaml', `stdout_output: {enabled: true}\nlog_stderr: true\nlog_syslog: false\njson_output: true\nplugins:\n  - {name: k8saudit, library_path: x, open_params: ${log}}\n`);
    const { code, stdout, stderr } = await run(['-c', config, '-r', write('rules.yaml', rule('Created', 'create')), '--enable-source', 'k8s_audit']);
    expect(stderr).toContain('Events detected: 2');
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map((line) => [line.rule, line.source, line.priority, line.tags, (line.output_fields as Record<string, unknown>)['ka.auditid']])).toEqual([
      ['Created', 'k8s_audit', 'Warning', ['verb'], 'one'], ['Created', 'k8s_audit', 'Warning', ['verb'], 'two'],
    ]);
  });

  it('-M ends it after so many seconds; the pid file is there meanwhile', async () => {
    const pidfile = join(dir, 'pid');
    const { program } = await start(rule('Created', 'create'), ['-M', '3', '-P', pidfile]);
    expect(readFileSync(pidfile, 'utf8')).toBe(String(program.pid));
    expect((await program.ended).code).toBe(0);
    expect(existsSync(pidfile)).toBe(false);
  });
});

describe('what cannot start is fatal and says why', () => {
  const busy = async (use: (port: number) => Promise<void>) => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      await use((server.address() as { port: number }).port);
    } finally {
      server.close();
    }
  };
  const attempt = (more: string, auditPort = 0) => {
    const config = write('falco.yaml', `stdout_output: {enabled: true}\nlog_stderr: true\nlog_syslog: false\nplugins: [{name: k8saudit, library_path: x, open_params: "http://127.0.0.1:${auditPort}/k8s-audit"}]\n${more}`);
    return run(['-c', config, '-r', write('rules.yaml', rule('Created', 'create')), '--enable-source', 'k8s_audit']);
  };

  it('a web server port that is taken', () =>
    busy(async (port) => {
      const { code, stderr } = await attempt(`webserver: {enabled: true, listen_port: ${port}}\n`);
      expect(code).toBe(1);
      expect(stderr).toMatch(new RegExp(`Error: the web server cannot listen on 127\\.0\\.0\\.1:${port}: .*EADDRINUSE.*\\[WEBSERVER\\]`));
    }));

  it('an audit port that is taken', () =>
    busy(async (port) => {
      const { code, stderr } = await attempt('', port);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^Error: .*EADDRINUSE/m);
    }));

  it('an output file in a directory that is not there', async () => {
    const { code, stderr } = await attempt('file_output: {enabled: true, filename: /nonexistent/events.txt}\n');
    expect(code).toBe(1);
    expect(stderr).toMatch(/Error: the file output cannot open \/nonexistent\/events\.txt.*\[OUTPUT_FILE\]\n {2}help:/);
  });

  it('a capture file that is none', async () => {
    const { code, stderr } = await attempt(`engine: {kind: replay, replay: {capture_file: ${write('x.scap', 'no capture')}}}\n`);
    expect(code).toBe(1);
    expect(stderr).toMatch(/Error: .*x\.scap is not a capture file \[REPLAY_FORMAT\]/);
  });
});

describe('reload', () => {
  const replace = (path: string, text: string) => {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  };

  it('SIGHUP takes new rules in, refuses broken ones, and counts on', async () => {
    const { program, url, rules } = await start(rule('Created', 'create'));
    await post(url, event('one', 'create'));
    replace(rules, rule('Created', 'create') + rule('Deleted', 'delete'));
    program.signal('SIGHUP');
    await program.until((p) => p.stderr.includes('Reloaded: 2 rules'));
    await post(url, event('two', 'delete'));
    replace(rules, rule('Created', 'create').replace('ka.verb', 'ka.vreb'));
    program.signal('SIGHUP');
    await program.until((p) => p.stderr.includes('Reload refused'));
    expect(program.stderr).toMatch(/rules\.yaml:3:\d+: error .*ka\.vreb/);
    await post(url, event('three', 'delete'));
    await program.until((p) => p.stdout.includes('three'));
    const { stderr } = await program.stop();
    expect(stderr).toContain('   Created: 1\n   Deleted: 2\n');
  });

  it('what a reload refuses leaves by the outputs too, and everything is as it was', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    const extra = write('extra.yaml', '');
    const { program, url, web } = await start(rule('Created', 'create'), [], `config_files: [${extra}]\n`);
    writeFileSync(extra, `webserver: {enabled: true, listen_port: ${port}}\nmetrics: {enabled: false}\n`);
    program.signal('SIGHUP');
    await program.until((p) => p.stdout.includes('Critical Falco internal: hot restart failure: the web server cannot listen'));
    expect((await fetch(`${web}/metrics`)).status).toBe(200);
    await post(url, event('one', 'create'));
    await program.until((p) => p.stdout.includes('Created one'));
    taken.close();
    await program.stop();
  });

  it('moves the web server, and turns metrics on and off', async () => {
    const port = await freePort();
    const file = join(dir, 'later.jsonl');
    const extra = write('extra.yaml', '');
    const { program, web } = await start(rule('Created', 'create'), [], `config_files: [${extra}]\n`);
    writeFileSync(extra, `webserver: {enabled: true, listen_port: ${port}, k8s_healthz_endpoint: /alive}\nmetrics: {enabled: true, interval: 100ms, output_file: ${file}}\n`);
    program.signal('SIGHUP');
    await program.until((p) => p.stderr.includes('Reloaded: '));
    expect((await fetch(`http://127.0.0.1:${port}/alive`)).status).toBe(200);
    expect((await fetch(`http://127.0.0.1:${port}/metrics`)).status).toBe(404);
    await expect(fetch(`${web}/healthz`)).rejects.toThrow();
    await program.until(() => readFileSync(file, 'utf8').includes('"sample":2'));
    writeFileSync(extra, 'webserver: {enabled: false}\nmetrics: {enabled: false}\n');
    program.signal('SIGHUP');
    await program.until((p) => p.stderr.split('Reloaded: ').length > 2);
    await expect(fetch(`http://127.0.0.1:${port}/alive`)).rejects.toThrow();
    expect((await program.stop()).code).toBe(0);
  });

  it('a watched file, and a link that is swapped as a ConfigMap does it, are reloaded by themselves', async () => {
    const mount = join(dir, 'configmap');
    mkdirSync(join(mount, '..1'), { recursive: true });
    mkdirSync(join(mount, '..2'));
    writeFileSync(join(mount, '..1/rules.yaml'), rule('First', 'create'));
    writeFileSync(join(mount, '..2/rules.yaml'), rule('Second', 'create') + rule('Third', 'delete'));
    symlinkSync('..1', join(mount, '..data'));
    symlinkSync('..data/rules.yaml', join(mount, 'rules.yaml'));
    const { program, url } = await start('', ['-r', join(mount, 'rules.yaml'), '-o', 'watch_config_files=true']);
    await post(url, event('one', 'create'));
    symlinkSync('..2', join(mount, '..data_tmp'));
    renameSync(join(mount, '..data_tmp'), join(mount, '..data'));
    await program.until((p) => p.stderr.includes('Reloaded: 2 rules'));
    await post(url, event('two', 'create'));
    await program.until((p) => p.stdout.includes('Second two'));
    expect((await program.stop()).stdout).toContain('First one');
  });

  it('loses no alert while it reloads all the time under load', async () => {
    const { program, url, rules } = await start(rule('Created', 'create'));
    let reloads = 0;
    let done = false;
    const reloading = (async () => {
      while (!done) {
        replace(rules, rule('Created', 'create') + rule(`Other ${reloads}`, 'delete'));
        program.signal('SIGHUP');
        const wanted = ++reloads;
        await program.until((p) => p.stderr.split('Reloaded: ').length > wanted);
      }
    })();
    const rounds = 60;
    for (let round = 0; round < rounds; round++) {
      const items = Array.from({ length: 50 }, (_, i) => event(`r${round}-${i}`, 'create'));
      expect((await post(url, { kind: 'EventList', apiVersion: 'audit.k8s.io/v1', items })).status).toBe(200);
    }
    done = true;
    await reloading;
    const { stdout } = await program.stop();
    expect(reloads).toBeGreaterThan(3);
    const seen = stdout.match(/Created r\d+-\d+/g) ?? [];
    expect(seen.length).toBe(rounds * 50);
    expect(new Set(seen).size).toBe(rounds * 50);
  });

  it('switches outputs over: what is new opens first, what cannot open is refused', async () => {
    const [first, second] = [join(dir, 'first.txt'), join(dir, 'second.txt')];
    const extra = write('extra.yaml', `file_output: {enabled: true, filename: ${first}}\n`);
    const { program, url } = await start(rule('Created', 'create'), [], `config_files: [${extra}]\n`);
    await post(url, event('one', 'create'));
    writeFileSync(extra, 'file_output: {enabled: true, filename: /nonexistent/x}\n');
    program.signal('SIGHUP');
    await program.until((p) => p.stderr.includes('Reload refused'));
    await post(url, event('two', 'create'));
    writeFileSync(extra, `file_output: {enabled: true, filename: ${second}}\n`);
    program.signal('SIGHUP');
    await program.until((p) => p.stderr.includes('Reloaded: '));
    await post(url, event('three', 'create'));
    const { stderr } = await program.stop();
    expect(readFileSync(first, 'utf8').match(/Created \w+/g)).toEqual(['Created one', 'Created two']);
    expect(readFileSync(second, 'utf8').match(/Created \w+/g)).toEqual(['Created three']);
    expect(stderr).toContain('   file: 4 alerts, 4 delivered, 0 failed, 0 dropped');
  });

  it('SIGUSR1 reopens a rotated file', async () => {
    const file = join(dir, 'events.txt');
    const { program, url } = await start(rule('Created', 'create'), [], `file_output: {enabled: true, keep_alive: true, filename: ${file}}\n`);
    await post(url, event('one', 'create'));
    await program.until(() => readFileSync(file, 'utf8').includes('one'));
    renameSync(file, `${file}.1`);
    program.signal('SIGUSR1');
    await program.until(() => existsSync(file));
    await post(url, event('two', 'create'));
    await program.stop();
    expect(readFileSync(file, 'utf8')).toMatch(/Created two\n$/);
  });
});

/** Of those that need no kernel; Falco's names. */
const UPSTREAM_METRICS = [
  'falco_version_info', 'falco_sha256_rules_files_info', 'falco_sha256_config_files_info', 'falco_outputs_queue_num_drops_total', 'falco_reload_timestamp_nanoseconds',
  'falco_rules_matches_total', 'scap_engine_name_info', 'falco_kernel_release_info', 'falco_start_timestamp_nanoseconds', 'falco_duration_seconds_total',
  'evt_hostname_info', 'falco_host_boot_timestamp_nanoseconds', 'falco_host_num_cpus_total', 'falco_cpu_usage_ratio', 'falco_memory_rss_bytes', 'falco_memory_vsz_bytes',
  'falco_memory_pss_bytes', 'falco_host_cpu_usage_ratio', 'falco_host_memory_used_bytes', 'falco_host_procs_running_total', 'falco_host_open_fds_total',
  'scap_n_threads_total', 'scap_n_fds_total', 'scap_n_added_threads_total', 'scap_n_removed_threads_total', 'scap_n_drops_full_threadtable_total',
];

describe('the web server', () => {
  it('answers health, versions, readiness and metrics', async () => {
    const { program, url, web } = await start(rule('Created', 'create'));
    await post(url, event('one', 'create'));
    expect(await (await fetch(`${web}/healthz`)).text()).toBe('{"status": "ok"}');
    expect(await (await fetch(`${web}/versions`)).json()).toMatchObject({
      falco_version: expect.any(String) as string, libs_version: expect.any(String) as string, plugin_api_version: expect.any(String) as string,
      driver_api_version: expect.any(String) as string, driver_schema_version: expect.any(String) as string, default_driver_version: expect.any(String) as string,
      engine_version: '63', engine_version_semver: '0.63.0', plugin_versions: { k8saudit: expect.any(String) as string },
    });
    expect(await (await fetch(`${web}/readyz`)).json()).toEqual({ ready: true, sources: { k8s_audit: { ready: true, state: 'running', events: 1, lost: 0 } } });
    // The answer to the post comes before the alert has left: outputs do not hold up a source.
    await program.until((p) => p.stdout.includes('\n'));
    const metrics = await (await fetch(`${web}/metrics`)).text();
    expect(metrics).toMatch(/^falcosecurity_falco_version_info\{version="/m);
    expect(metrics).toMatch(/^falcosecurity_falco_rules_matches_total\{priority="4",rule_name="Created",source="k8s_audit",tag_verb="true"\} 1$/m);
    expect(metrics).toMatch(/^falcosecurity_falco_sha256_rules_files_info\{file_name="\d+-rules\.yaml",sha256="[0-9a-f]{64}"\} 1$/m);
    expect(metrics).toMatch(/^falcosecurity_falco_outputs_queue_num_drops_total 0$/m);
    expect(metrics).toMatch(/^falcosecurity_scap_engine_name_info\{engine_name="source_plugin",evt_source="k8s_audit"\} 1$/m);
    expect(metrics).toMatch(/^falco_ts_source_events_total\{source="k8s_audit",outcome="produced"\} 1$/m);
    const ledger = [...metrics.matchAll(/^falco_ts_ledger_events_total\{source="k8s_audit",fate="(\w+)",kind="(\w*)"\} (\d+)$/gm)].map(([, fate, kind, events]) => [fate, kind, Number(events)] as const);
    expect(ledger).toContainEqual(['evaluated', '', 1]);
    expect(ledger.reduce((sum, [, , events]) => sum + events, 0)).toBe(1);
    for (const name of UPSTREAM_METRICS) expect(metrics, name).toMatch(new RegExp(`^falcosecurity_${name}(\\{[^}]*\\})? -?[0-9.e+]+$`, 'm'));
    expect(metrics).toMatch(/^falco_ts_output_messages_total\{output="stdout",outcome="delivered"\} 1$/m);
    await program.stop();
  });

  it('speaks TLS with one file that holds key and certificate', async () => {
    const pem = join(dir, 'web.pem');
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', `${pem}.key`, '-out', `${pem}.crt`, '-subj', '/CN=web', '-days', '2'], { stdio: 'pipe' });
    writeFileSync(pem, readFileSync(`${pem}.key`, 'utf8') + readFileSync(`${pem}.crt`, 'utf8'));
    const port = await freePort();
    const config = write('falco.yaml', `stdout_output: {enabled: true}\nlog_stderr: true\nlog_syslog: false\nengine: {kind: nodriver}\nwebserver: {enabled: true, listen_port: ${port}, ssl_enabled: true, ssl_certificate: ${pem}}\n`);
    const program = new Program(['-c', config, '-r', write('rules.yaml', '- rule: R\n  desc: d\n  condition: evt.type = open\n  output: o\n  priority: INFO\n')]);
    await program.until((p) => p.stderr.includes('no driver'));
    const answer = await new Promise<string>((resolve, reject) => {
      get({ host: '127.0.0.1', port, path: '/healthz', ca: readFileSync(`${pem}.crt`), checkServerIdentity: () => undefined }, (response) => {
        response.setEncoding('utf8').on('data', resolve);
      }).on('error', reject);
    });
    expect(answer).toBe('{"status": "ok"}');
    expect((await program.stop()).code).toBe(0);
  });

  it('metrics snapshots leave as messages and as lines of a file', async () => {
    const file = join(dir, 'metrics.jsonl');
    const { program } = await start(rule('Created', 'create'), [
      '-o', 'metrics.interval=200ms', '-o', 'metrics.output_rule=true', '-o', `metrics.output_file=${file}`, '-o', 'json_output=true',
    ]);
    await program.until((p) => p.stdout.includes('\n'));
    await program.stop();
    const message = JSON.parse(program.stdout.split('\n')[0]) as Record<string, unknown>;
    expect(message).toMatchObject({ rule: 'Falco internal: metrics snapshot', source: 'internal', priority: 'Informational', output: 'Falco metrics snapshot' });
    expect(message.output_fields).toMatchObject({ 'evt.source': 'k8s_audit', 'falco.num_evts': 0, 'falco.rules.matches_total': 0 });
    expect(JSON.parse(readFileSync(file, 'utf8').split('\n')[0])).toMatchObject({ sample: 1, output_fields: { 'scap.engine_name': 'source_plugin' } });
  });
});

describe.skipIf(!existsSync(corpus))('a capture of real Falco, replayed', () => {
  it.each(['host-files'])('%s: the alerts are those of real Falco, byte for byte, and nothing listens', async (name) => {
    const rules = ['falco_rules.yaml', 'falco-incubating_rules.yaml', 'falco-sandbox_rules.yaml'].flatMap((file) => ['-r', join(reference, 'rules', file)]);
    const options = [
      'engine.kind=replay', `engine.replay.capture_file=${join(corpus, name, 'capture.scap')}`, 'rules[].enable.rule=*', 'json_output=true', 'time_format_iso_8601=true',
    ];
    const { code, stdout, stderr } = await run([...rules, ...options.flatMap((option) => ['-o', option])], { FALCO_HOSTNAME: 'node1', TZ: 'UTC' });
    expect(code, stderr).toBe(0);
    const expected = gunzipSync(readFileSync(join(corpus, name, 'alerts.first.jsonl.gz'))).toString();
    expect(stdout.split('\n')).toEqual(expected.split('\n'));
    expect(stderr).not.toContain('webserver');
  });
});

describe.skipIf(process.getuid?.() !== 0 || !existsSync(corpus))('without the right to load the probe', () => {
  const asNobody = (args: readonly string[]) => {
    const main = join(import.meta.dirname, '../../dist/cli/main.js');
    try {
      const stdout = execFileSync('setpriv', ['--reuid', '65534', '--clear-groups', '--inh-caps', '-all', '--bounding-set', '-all', process.execPath, main, ...args], {
        encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'],
      });
      return { code: 0, stdout, stderr: '' };
    } catch (error) {
      const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string };
      return { code: status, stdout, stderr };
    }
  };
  const config = () => write('falco.yaml', 'stdout_output: {enabled: true}\nlog_stderr: true\nlog_syslog: false\n');
  const rules = () => write('rules.yaml', '- rule: Opened\n  desc: d\n  condition: evt.type in (open, openat)\n  output: "opened %fd.name"\n  priority: INFO\n');

  it('says which capabilities are missing and ends with 1', () => {
    execFileSync('chmod', ['-R', 'a+rX', dir]);
    const { code, stderr } = asNobody(['-c', config(), '-r', rules()]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Error: [\s\S]*\[PROBE_EPERM\]\n {2}help: run as root, or with the capabilities that are missing: CAP_BPF/m);
  });

  it('--fallback-capture: says that it is a replay, and shows what the recording holds', () => {
    const capture = join(dir, 'capture.scap');
    writeFileSync(capture, readFileSync(join(corpus, 'older/curl_google.scap')));
    const files = [config(), rules()];
    execFileSync('chmod', ['-R', 'a+rX', dir]);
    const { code, stdout } = asNobody(['-c', files[0], '-r', files[1], '--fallback-capture', capture]);
    expect(code).toBe(0);
    expect(stdout).toContain('Informational opened ');
  });
});
