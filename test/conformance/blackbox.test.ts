// SPDX-License-Identifier: Apache-2.0
/**
 * The ecosystem's black-box cases for commands, configuration and outputs, as a table of ours: the name of each case there,
 * what is run, and what must be seen. Rules, captures and configurations are our own; what cases say about rules files is in
 * test/ruleset, about fields and audit events in the tests of the corpus.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Batch } from '../cli/batch.js';
import { type Ended, freePort } from '../cli/program.js';
import { formatInternal, reloadRefused } from '../../src/app/internal-message.js';
import { sidekickProblems } from './falcosidekick.js';

const RECORDING = join(import.meta.dirname, '../../rules/demo/recording.scap.gz');
const CORPUS = join(import.meta.dirname, '../../../shared/corpus/syscalls');

let dir: string;
const batch = new Batch();
const path = (name: string) => join(dir, name);

const OPENED = 'evt.type in (open, openat, openat2) and fd.name = /usr/local/lib/payload';
const rule = (name: string, more = '', { priority = 'WARNING', condition = OPENED } = {}) =>
  `- rule: ${name}\n  desc: ${name}, described\n  condition: ${condition}\n  output: "An open was seen (command=%proc.name)"\n  priority: ${priority}\n${more}`;
const tagged = Object.entries({ 1: 'a', 2: 'b', 3: 'c', 4: 'a, b', 5: 'a, c', 6: 'b, c', 7: 'a, b, c', 8: 'b, a', 9: 'c, a', 10: 'b, c, a', 11: 'd', 12: '' });

const FILES: Readonly<Record<string, string>> = {
  'falco.yaml': 'stdout_output: {enabled: true}\nlog_stderr: true\nlog_syslog: false\nplugins:\n  - {name: json, library_path: libjson.so}\n  - {name: container, library_path: libcontainer.so}\n  - {name: k8saudit, library_path: libk8saudit.so}\nload_plugins: []\n',
  'empty.yaml': '',
  'single.yaml': rule('open_seen', '  tags: [filesystem, process]\n'),
  'shadowing.yaml': rule('open_1') + rule('open_2'),
  'priorities.yaml': rule('as_warning') + rule('as_error', '', { priority: 'ERROR' }) + rule('as_info', '', { priority: 'INFO' }),
  'tagged.yaml': tagged.map(([n, tags]) => rule(`open_${n}`, `  tags: [${tags}]\n`)).join(''),
  'switched-off.yaml': rule('open_seen', '  enabled: false\n'),
  'no-rules.yaml': '',
  'invalid-output.yaml': rule('open_seen').replace('%proc.name', '%not_a_real_field'),
  'skip-unknown.yaml': rule('skipped', '  skip-if-unknown-filter: true\n', { condition: 'evt.type = open and proc.nobody = cat' }),
  'unknown-error.yaml': rule('unknown', '', { condition: 'evt.type = open and proc.nobody = cat' }),
  'json.yaml': `- required_engine_version: 0.11.0\n- required_plugin_versions: [{name: json, version: 0.1.0}]\n- list: copiers\n  items: [cp]\n- list: tools\n  items: [copiers]\n- macro: is_tool\n  condition: proc.name in (tools)\n${rule('open_by_tool', '', { condition: 'evt.type=open and is_tool and json.value[/test] = "test"' })}`,
};

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'falco-ts-blackbox-'));
  for (const [name, text] of Object.entries(FILES)) writeFileSync(path(name), text);
});
afterAll(() => {
  batch.stop();
  rmSync(dir, { recursive: true, force: true });
});

interface Case {
  /** Words; `@name` is one of the files above, `;` stands for a blank within a word. */
  readonly args: string;
  readonly code?: 0 | 1;
  readonly stdout?: readonly RegExp[];
  readonly stderr?: readonly RegExp[];
  readonly notStdout?: RegExp;
  readonly notStderr?: RegExp;
  /** How often each rule fired; of no other may there be an alert. */
  readonly fired?: Readonly<Record<string, number>>;
}

const REPLAY = `-o engine.kind=replay -o engine.replay.capture_file=${RECORDING}`;
const JSON_OUTPUT = '-o json_output=true';
const SEMVER = '\\d+\\.\\d+\\.\\d+(-\\S+)?';
const drops = (options: string) => `-r @single.yaml ${REPLAY} -o syscall_event_drops={${options},rate:;.03333,max_burst:;10}`;
const tagsOn = (...tags: string[]) => `-r @tagged.yaml ${REPLAY} ${JSON_OUTPUT} -o rule_matching=all -o rules[].disable.rule=* ${tags.map((tag) => `-o rules[].enable.tag=${tag}`).join(' ')}`;
const tagsOff = (...tags: string[]) => `-r @tagged.yaml ${REPLAY} ${JSON_OUTPUT} -o rule_matching=all ${tags.map((tag) => `-o rules[].disable.tag=${tag}`).join(' ')}`;
/** Each matching rule sees two opens. */
const twice = (...numbers: number[]) => Object.fromEntries(numbers.map((n) => [`open_${n}`, 2]));
const [A, B, C] = [[1, 4, 5, 7, 8, 9, 10], [2, 4, 6, 7, 8, 10], [3, 5, 6, 7, 9, 10]];
const ALL = tagged.map(([n]) => Number(n));
const without = (...some: number[][]) => ALL.filter((n) => !some.flat().includes(n));

const CASES: Readonly<Record<string, Case>> = {
  'Cmd_Version/text-output': {
    args: '--version',
    stdout: [new RegExp(`Falco version:\\s+${SEMVER}\\s+Libs version:\\s+${SEMVER}\\s+Plugin API:\\s+${SEMVER}\\s+Engine:\\s+${SEMVER}\\s+Driver:\\s+API version:\\s+${SEMVER}\\s+Schema version:\\s+${SEMVER}\\s+Default driver:\\s+${SEMVER}`)],
  },
  'Cmd_Version/json-output': {
    args: `--version ${JSON_OUTPUT}`,
    stdout: ['default_driver_version', 'driver_api_version', 'driver_schema_version', 'engine_version', 'falco_version', 'libs_version', 'plugin_api_version'].map((key) => new RegExp(`"${key}":"`)),
  },
  Cmd_ListPlugins: {
    args: '--list-plugins -o load_plugins[0]=container',
    stdout: [/1 Plugins Loaded:\s+Name: container\s+Description: .*\s+Contact: .*\s+Version: .*\s+Capabilities:\s+- Field Extraction\s+- Event Parsing\s+- Async Events/],
  },
  Cmd_PluginInfo: {
    args: '--plugin-info=container -o load_plugins[0]=container',
    stdout: [/Name: container\s+Description: .*\s+Contact: .*\s+Version: .*\s+Capabilities:\s+- Field Extraction\s+- Event Parsing\s+- Async Events\s+Init config schema type: JSON/],
  },
  Print_IgnoredEvents: { args: '-i', stdout: [/Ignored syscall\(s\)/, /^- read$/m, /^- write$/m, /^- sendfile$/m] },
  'Print_Rules/invalid-rules': { args: '-L -r @invalid-output.yaml', code: 1 },
  'Print_Rules/text-valid-rules': { args: '-L -r @single.yaml -r @shadowing.yaml', stdout: [/open_seen/, /open_1/, /open_2 .*open_2, described/] },
  'Print_Rules/json-valid-rules': {
    args: `-L ${JSON_OUTPUT} -o load_plugins[0]=json -r @json.yaml`,
    stdout: [/"required_engine_version":"0\.11\.0"/, /"name":"json","version":"0\.1\.0"/, /"condition_compiled":"\(evt\.type = open and proc\.name in \(cp\) and json\.value\[\/test\] = test\)"/],
  },
  'Rule_Info/valid-rule-name': { args: '-l open_seen -r @switched-off.yaml', stdout: [/Rule\s+Description\s+-+\s+-+\s+open_seen\s+open_seen, described/] },
  'Rule_Info/invalid-rule-name': { args: '-l invalid -r @switched-off.yaml', code: 1 },
  'Cmd_Help/-h flag': { args: '-h', stdout: [/Usage:/] },
  'Cmd_Help/--help flag': {
    args: '--help',
    stdout: [
      '-h, --help', '-c <', '--config-schema', '--rule-schema', '--disable-source', '--dry-run', '--enable-source', '-i ', '-L ', '-l <', '--list', '--list-events', '--list-plugins',
      '-M <', '--markdown', '-N ', '-o, --option', '--plugin-info', '-p, --print', '-P, --pidfile', '-r <', '--support', '-U, --unbuffered', '-V, --validate', '-v ', '--version', '--page-size',
    ].map((option) => new RegExp(`^ +${option}`, 'm')),
  },

  Config_RuleMatchingFirst: { args: `-r @shadowing.yaml ${REPLAY} ${JSON_OUTPUT} -o rule_matching=first`, fired: { open_1: 2 } },
  Config_RuleMatchingAll: { args: `-r @shadowing.yaml ${REPLAY} ${JSON_OUTPUT} -o rule_matching=all`, fired: { open_1: 2, open_2: 2 } },
  Config_RuleMatchingWrongValue: { args: `-r @shadowing.yaml ${REPLAY} -o rule_matching=test`, code: 1, stderr: [/'rule_matching' must be one of first, all/] },
  Config_Metrics_Enabled: { args: `-r @shadowing.yaml ${REPLAY} ${JSON_OUTPUT} -o metrics.enabled=true -o metrics.interval=15m -o metrics.output_rule=true`, fired: { open_1: 2 } },
  'Miscs_StartupFail/empty-config': { args: '-c @empty.yaml', code: 1, stderr: [/You must specify at least one rules file/] },

  Legacy_StdoutOutputStrict: {
    args: `-r @single.yaml ${REPLAY} -o time_format_iso_8601=true`,
    stdout: [/^2026-11-23T14:51:21\.252542544\+0000: Warning An open was seen \(command=cp\)\n2026-11-23T14:51:21\.270402017\+0000: Warning An open was seen \(command=cp\)\n$/],
  },
  Legacy_StdoutOutputJsonStrict: {
    args: `-r @single.yaml ${REPLAY} ${JSON_OUTPUT} -o time_format_iso_8601=true -o json_include_output_property=true -o json_include_tags_property=true`,
    stdout: [
      /^\{"hostname":"host","output":"2026-11-23T14:51:21\.252542544\+0000: Warning An open was seen \(command=cp\)","output_fields":\{"evt\.time\.iso8601":1795445481252542544,"proc\.name":"cp"\},"priority":"Warning","rule":"open_seen","source":"syscall","tags":\["filesystem","process"\],"time":"2026-11-23T14:51:21\.252542544Z"\}\n/,
    ],
  },
  'Legacy_StdoutOutputJsonStrict, without properties': {
    args: `-r @single.yaml ${REPLAY} ${JSON_OUTPUT} -o json_include_output_property=false -o json_include_tags_property=false -o json_include_output_fields_property=false -o json_include_message_property=true`,
    stdout: [/^\{"hostname":"host","message":"An open was seen \(command=cp\)","priority":"Warning","rule":"open_seen","source":"syscall","time":"2026-11-23T14:51:21\.252542544Z"\}\n/],
  },
  Legacy_ProgramOutputStrict: {
    args: `-r @single.yaml ${REPLAY} -o time_format_iso_8601=true -o program_output.enabled=true -o program_output.program=cat -o stdout_output.enabled=false`,
    stdout: [/^2026-11-23T14:51:21\.252542544\+0000: Warning An open was seen \(command=cp\)$/m, /^2026-11-23T14:51:21\.270402017\+0000: Warning An open was seen \(command=cp\)$/m],
  },
  Legacy_MultipleRulesSuppressInfo: { args: `-r @priorities.yaml ${REPLAY} ${JSON_OUTPUT} -o rule_matching=all -o priority=WARNING`, fired: { as_warning: 2, as_error: 2 } },
  Legacy_DisabledRules: { args: `-r @no-rules.yaml -r @single.yaml ${REPLAY} ${JSON_OUTPUT} -o rules[].disable.rule=open_seen`, fired: {} },
  Legacy_DisabledRulesUsingSubstring: { args: `-r @no-rules.yaml -r @single.yaml ${REPLAY} ${JSON_OUTPUT} -o rules[].disable.rule=*en_se*`, fired: {} },
  'Legacy_DisabledRulesUsingSubstring, no wildcard': { args: `-r @single.yaml ${REPLAY} ${JSON_OUTPUT} -o rules[].disable.rule=open`, fired: { open_seen: 2 } },
  Legacy_DisabledRuleUsingFalseEnabledFlagOnly: { args: `-r @switched-off.yaml ${REPLAY} ${JSON_OUTPUT}`, fired: {} },
  'Legacy_RunTagsA': { args: tagsOn('a'), fired: twice(...A) },
  'Legacy_RunTagsB': { args: tagsOn('b'), fired: twice(...B) },
  'Legacy_RunTagsC': { args: tagsOn('c'), fired: twice(...C) },
  'Legacy_RunTagsAb': { args: tagsOn('a', 'b'), fired: twice(...A, ...B) },
  'Legacy_RunTagsBc': { args: tagsOn('b', 'c'), fired: twice(...B, ...C) },
  'Legacy_RunTagsAbc': { args: tagsOn('a', 'b', 'c'), fired: twice(...A, ...B, ...C) },
  'Legacy_RunTagsD': { args: tagsOn('d'), fired: twice(11) },
  'Legacy_DisabledTagsA': { args: tagsOff('a'), fired: twice(...without(A)) },
  'Legacy_DisabledTagsB': { args: tagsOff('b'), fired: twice(...without(B)) },
  'Legacy_DisabledTagsC': { args: tagsOff('c'), fired: twice(...without(C)) },
  'Legacy_DisabledTagsAb': { args: tagsOff('a', 'b'), fired: twice(...without(A, B)) },
  'Legacy_DisabledTagsAbc': { args: tagsOff('a', 'b', 'c'), fired: twice(...without(A, B, C)) },
  Legacy_DetectSkipUnknownNoevt: { args: `-r @skip-unknown.yaml ${REPLAY} ${JSON_OUTPUT}`, fired: {} },
  Legacy_SkipUnknownError: { args: `-r @unknown-error.yaml ${REPLAY}`, code: 1, stderr: [/proc\.nobody/] },
  Legacy_ValidateSkipUnknownNoevt: { args: `-V @skip-unknown.yaml ${JSON_OUTPUT}`, stdout: [/"code":"LOAD_UNKNOWN_FILTER"/, /"successful":true/] },
  Legacy_InvalidRuleOutput: { args: '-V @invalid-output.yaml', code: 1, stdout: [/Invalid[\s\S]*LOAD_ERR_COMPILE_OUTPUT[\s\S]*not_a_real_field/] },

  Legacy_MonitorSyscallDropsNone: { args: drops('actions:;[log],simulate_drops:;false'), notStderr: /Falco internal: syscall event drop/, notStdout: /Falco internal/ },
  Legacy_MonitorSyscallDropsIgnoreAndLog: { args: drops('actions:;[ignore,log],simulate_drops:;true'), code: 1, stderr: [/make no sense with 'ignore'/] },
  Legacy_MonitorSyscallDropsThresholdNeg: { args: drops('threshold:;-1,actions:;[ignore]'), code: 1, stderr: [/'syscall_event_drops\.threshold' must be at least 0/] },
  Legacy_MonitorSyscallDropsThresholdOor: { args: drops('threshold:;1.1,actions:;[ignore]'), code: 1, stderr: [/'syscall_event_drops\.threshold' must be at most 1/] },
};

const run = (args: string, env: NodeJS.ProcessEnv = {}): Promise<Ended> => {
  const words = args.split(' ').map((word) => (word.startsWith('@') ? path(word.slice(1)) : word.replaceAll(';', ' ')));
  return batch.run(words.includes('-c') ? words : ['-c', path('falco.yaml'), ...words], { FALCO_HOSTNAME: 'host', ...env });
};

function firedBy(stdout: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const line of stdout.split('\n').filter((one) => one !== '')) {
    const name = (JSON.parse(line) as { rule: string }).rule;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

describe('the black-box cases', () => {
  it.each(Object.entries(CASES))('%s', async (_, { args, code = 0, stdout = [], stderr = [], notStdout, notStderr, fired }) => {
    const ended = await run(args);
    expect(ended.code, `${ended.stdout}\n---\n${ended.stderr}`).toBe(code);
    for (const pattern of stdout) expect(ended.stdout).toMatch(pattern);
    for (const pattern of stderr) expect(ended.stderr).toMatch(pattern);
    if (notStdout !== undefined) expect(ended.stdout).not.toMatch(notStdout);
    if (notStderr !== undefined) expect(ended.stderr).not.toMatch(notStderr);
    if (fired !== undefined) expect(firedBy(ended.stdout)).toEqual(fired);
  });

  it('Legacy_FileOutputStrict', async () => {
    expect((await run(`-r @single.yaml ${REPLAY} -o time_format_iso_8601=true -o file_output.enabled=true -o file_output.filename=${path('out.txt')}`)).code).toBe(0);
    expect(readFileSync(path('out.txt'), 'utf8')).toBe(
      '2026-11-23T14:51:21.252542544+0000: Warning An open was seen (command=cp)\n2026-11-23T14:51:21.270402017+0000: Warning An open was seen (command=cp)\n',
    );
  });

  it('Miscs_HotReload', async () => {
    writeFileSync(path('hot.yaml'), 'watch_config_files: true\nstdout_output: {enabled: true}\nlog_stderr: true\nlog_syslog: false\n');
    const running = run(`-c @hot.yaml -r @single.yaml -M 4 -o engine.kind=nodriver`);
    const changing = setInterval(() => appendFileSync(path('hot.yaml'), '  \n\n'), 700);
    const { code, stderr } = await running;
    clearInterval(changing);
    expect(code).toBe(0);
    expect(stderr).toMatch(/SIGHUP received, restarting\.\.\./);
  });

  it('Miscs_PrometheusMetricsNoDriver', async () => {
    const port = await freePort();
    const running = run(`-r @single.yaml -M 3 -o engine.kind=nodriver -o metrics.enabled=true -o metrics.output_rule=true -o metrics.interval=2s -o webserver.enabled=true -o webserver.prometheus_metrics_enabled=true -o webserver.listen_port=${port}`);
    let [status, ended] = [0, false];
    void running.then(() => {
      ended = true;
    });
    while (status !== 200 && !ended) {
      status = await fetch(`http://127.0.0.1:${port}/metrics`).then((answer) => answer.status, () => 0);
      if (status !== 200) await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(status).toBe(200);
    expect(await running).toMatchObject({ code: 0, stdout: expect.stringContaining('Falco metrics snapshot') as string });
  });
});

describe.skipIf(!existsCorpus())('the black-box cases about dropped system calls, which need a capture of some seconds', () => {
  const CAPTURE = `-o engine.kind=replay -o engine.replay.capture_file=${join(CORPUS, 'host-files/capture.scap')}`;
  const simulated = (action: string) => `-r @single.yaml ${CAPTURE} -o syscall_event_drops={actions:;[${action}],rate:;.03333,max_burst:;10,simulate_drops:;true}`;
  const counts = (stderr: string) => [/event drop detected: (\d+) occurrences/, /num times actions taken: (\d+)/].map((pattern) => Number(pattern.exec(stderr)?.[1] ?? -1));

  it('Legacy_MonitorSyscallDropsIgnore', async () => {
    const { code, stdout, stderr } = await run(simulated('ignore'));
    expect([code, stdout.includes('Falco internal'), stderr.includes('Falco internal')]).toEqual([0, false, false]);
    expect(counts(stderr)[0]).toBeGreaterThan(1);
  });

  it('Legacy_MonitorSyscallDropsLog', async () => {
    // Falco logs drops at this level.
    const { code, stdout, stderr } = await run(`${simulated('log')} -o log_level=debug`);
    const [occurrences, actions] = counts(stderr);
    expect(code).toBe(0);
    expect(occurrences).toBeGreaterThan(1);
    expect(actions).toBe(Math.min(occurrences, 10));
    expect(stderr.match(/Falco internal: syscall event drop/g)).toHaveLength(actions);
    expect(stdout).not.toContain('Falco internal');
  });

  it('Legacy_MonitorSyscallDropsAlert', async () => {
    const { code, stdout, stderr } = await run(simulated('alert'));
    expect(code).toBe(0);
    expect(stdout.match(/Debug Falco internal: syscall event drop/g)).toHaveLength(counts(stderr)[1]);
    expect(stderr).not.toContain('Falco internal');
  });

  it('Legacy_MonitorSyscallDropsExit', async () => {
    const { code, stdout, stderr } = await run(simulated('exit'));
    expect([code, counts(stderr)]).toEqual([1, [1, 1]]);
    expect(stderr).toMatch(/Falco internal: syscall event drop[\s\S]*Exiting\./);
    expect(stdout).not.toContain('Falco internal');
  });
});

function existsCorpus(): boolean {
  try {
    readFileSync(join(CORPUS, 'README.md'));
    return true;
  } catch {
    return false;
  }
}

describe('falcosidekick', () => {
  it('takes what leaves here: alerts, those that were held back, messages of the monitor itself, compressed or not', async () => {
    const received: string[] = [];
    const refused: string[] = [];
    // As falcosidekick: what it is sent is JSON or refused, whatever Content-Encoding says.
    const server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const body = Buffer.concat(parts).toString();
        const problems = sidekickProblems(body);
        (problems.length === 0 ? received : refused).push(body);
        response.writeHead(problems.length === 0 ? 200 : 400).end(problems.join());
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const http = `-o http_output.enabled=true -o http_output.url=http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      await run(`-r @single.yaml ${REPLAY} ${JSON_OUTPUT} ${http} -o deduplication.window=1h -o append_output[]={suggested_output:;true}`);
      expect(refused).toEqual([]);
      expect(received).toHaveLength(2);
      await run(`-r @single.yaml ${JSON_OUTPUT} ${http} -M 2 -o engine.kind=nodriver -o metrics.enabled=true -o metrics.output_rule=true -o metrics.interval=1s`);
      expect(refused).toEqual([]);
      expect(received.length).toBeGreaterThan(2);
      const { stderr } = await run(`-r @single.yaml ${REPLAY} ${JSON_OUTPUT} ${http} -o http_output.compress_uploads=true`);
      expect(refused).toHaveLength(1);
      expect(stderr).toMatch(/Output http: the receiver does not accept gzip/);
      expect(stderr).toMatch(/ {3}http: (\d+) alerts, \1 delivered, 0 failed, 0 dropped/);
    } finally {
      server.close();
    }
  });

  it('takes the message of a reload that was refused', () => {
    const { line } = formatInternal(reloadRefused('the rules have errors', 'node1', 1_795_000_000_000), { json: true, hostname: 'node1' });
    expect(sidekickProblems(line)).toEqual([]);
    expect(JSON.parse(line)).toMatchObject({ rule: 'Falco internal: hot restart failure', output: 'Falco internal: hot restart failure: the rules have errors' });
  });

  const good = { output: 'o', priority: 'Debug', rule: 'r', time: '2026-11-23T12:00:00.5Z', output_fields: { 'evt.time': 1 } };
  it('the checker: takes the least that is enough', () => expect(sidekickProblems(JSON.stringify(good))).toEqual([]));
  it.each<[string, object]>([
    ['an unknown priority', { priority: 'loud' }], ['no rule', { rule: '' }], ['a time that is none', { time: 'today' }], ['a day that is none', { time: '2026-02-30T12:00:00Z' }],
    ['a time without colon in its zone', { time: '2026-11-23T12:00:00+0000' }], ['no fields', { output_fields: {} }], ['fields that are a list', { output_fields: [1] }],
    ['a pod that is no text', { output_fields: { 'k8s.pod.name': 1 } }], ['tags that are a text', { tags: 'x' }], ['a tag that is no text', { tags: [1] }],
    ['a source that is no text', { source: 1 }], ['two rules', { Rule: 'q' }],
  ])('the checker: would not take %s', (_, change) => expect(sidekickProblems(JSON.stringify({ ...good, ...change }))).not.toEqual([]));
});
