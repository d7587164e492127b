// SPDX-License-Identifier: Apache-2.0
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables as falco.yaml writes them
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expandEnvironment } from '../../../src/app/config/tree.js';
import { type ConfigRequest, type LoadedConfig, loadConfig } from '../../../src/app/config/load.js';
import type { Diagnostic } from '../../../src/lang/diagnostic.js';
import { formatDiagnostic, lineAndColumn } from '../../../src/lang/diagnostic.js';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'falco-ts-config-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

let serial = 0;
function file(text: string, name = `falco-${serial++}.yaml`): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
}

const noEnv = () => undefined;
function load(text: string, options: readonly string[] = [], env: NonNullable<ConfigRequest['env']> = noEnv) {
  return loadConfig({ path: file(text), options, env });
}
function good(text: string, options: readonly string[] = [], env: NonNullable<ConfigRequest['env']> = noEnv): LoadedConfig {
  const { value, diagnostics } = load(text, options, env);
  expect(diagnostics.map((d) => d.message)).toEqual([]);
  if (value === null) throw new Error('no value');
  return value;
}
const place = (d: Diagnostic) => {
  if (d.span === undefined) return '-';
  const { line, column } = lineAndColumn(d.span.source.text, d.span.start);
  return `${line}:${column}`;
};
const brief = (list: readonly Diagnostic[]) => list.map((d) => `${place(d)} ${d.severity} ${d.code}: ${d.message}`);

describe('odd files', () => {
  it('a byte order mark and the line ends of Windows are read as if they were not there', () => {
    expect(good('\ufeffpriority: notice\r\njson_output: true\r\n').config).toMatchObject({ priority: 'notice', json_output: true });
  });
  it('an alias of what it stands in is an error with its place', () => {
    expect(brief(load('static_fields: &a\n  b: *a\n').diagnostics)).toEqual(['2:6 error CONFIG_YAML: the alias stands inside what it refers to']);
  });
  it('aliases that multiply are an error, not a hang', () => {
    const lines = 'bcdefghij'.split('').map((name, i) => `${name}: &${name} [${Array.from({ length: 9 }, () => `*${'abcdefghi'[i]}`).join(', ')}]`);
    expect(brief(load(`a: &a [x, x, x, x, x, x, x, x, x]\n${lines.join('\n')}\n`).diagnostics)).toEqual(['1:1 error CONFIG_YAML: with its aliases in place this is more than 100000 values']);
  });
  it('keys named as what every object has are unknown keys like others', () => {
    const { value, diagnostics } = load('constructor: 1\n__proto__: {json_output: true}\n');
    expect(brief(diagnostics)).toEqual(["1:1 warning CONFIG_UNKNOWN_KEY: unknown key 'constructor'; it is ignored", "2:1 warning CONFIG_UNKNOWN_KEY: unknown key '__proto__'; it is ignored"]);
    expect(value?.config.json_output).toBe(false);
  });
  it('of a line of any length only the part around a mistake is shown', () => {
    const [mistake] = load(`# ${'x'.repeat(50_000)}\npriority: [${'y, '.repeat(20_000)}z\n`).diagnostics;
    expect(formatDiagnostic(mistake).length).toBeLessThan(1500);
  });
});

describe('values of falco.yaml', () => {
  it('an empty file gives the defaults', () => {
    const { config, minPriority, plugins } = good('');
    expect(config.engine.kind).toBe('modern_ebpf');
    expect(config.engine.modern_ebpf).toEqual({
      cpus_for_each_buffer: 2, buf_size_preset: 4, drop_failed_exit: false, disable_iterators: false, sieve: true,
    });
    expect(config.json_include_output_property).toBe(true);
    expect(config.outputs_queue.capacity).toBe(0);
    expect(config.webserver.listen_address).toBe('127.0.0.1');
    expect(config.stdout_output.enabled).toBe(false);
    expect(config.load_plugins).toBeUndefined();
    expect(minPriority).toBe('Debug');
    expect(plugins).toEqual([]);
  });

  it.each([
    ['json_output: yes', true],
    ['json_output: On', true],
    ['json_output: "true"', true],
    ['json_output: n', false],
    ['json_output:', false],
  ])('%s is %s', (text, expected) => {
    expect(good(text).config.json_output).toBe(expected);
  });

  it('a single text stands for a list of one, and a number for a text', () => {
    const { config } = good('rules_files: /nowhere.yaml\nmetrics: {interval: 15}\n');
    expect(config.rules_files).toEqual(['/nowhere.yaml']);
    expect(config.metrics.interval).toBe('15');
  });

  it('a section without content has its defaults', () => {
    expect(good('webserver:\nmetrics: {}\n').config.webserver.listen_port).toBe(8765);
  });

  it('an init_config is a text or a map', () => {
    const { plugins } = good(
      'plugins:\n  - {name: a, library_path: liba.so, init_config: {n: 3, s: "3", on: true}}\n  - {name: b, library_path: b, init_config: \'{"x": 1}\'}\n  - {name: c, library_path: c, init_config: null}\n',
    );
    expect(plugins.map((p) => p.init_config)).toEqual([{ n: 3, s: '3', on: true }, '{"x": 1}', undefined]);
  });

  it('load_plugins chooses and orders; without it all are used', () => {
    const entries = 'plugins:\n  - {name: a, library_path: a}\n  - {name: b, library_path: b}\n';
    expect(good(entries).plugins.map((p) => p.name)).toEqual(['a', 'b']);
    expect(good(`${entries}load_plugins: [b]\n`).plugins.map((p) => p.name)).toEqual(['b']);
    expect(good(`${entries}load_plugins: []\n`).plugins).toEqual([]);
    expect(good('load_plugins: [container, json]').plugins, 'what is built in needs no entry').toEqual([{ name: 'container' }, { name: 'json' }]);
    expect(brief(load(`${entries}load_plugins: [c]\n`).diagnostics)).toEqual([
      "4:16 error CONFIG_PLUGIN: cannot load plugin 'c': it has no entry under 'plugins'",
    ]);
  });

  it('variables are expanded where they stand, an escaped one stays, a missing one is empty', () => {
    const env = (name: string) => ({ PORT: '9000', ON: 'true', DIR: '/x' })[name];
    const { config } = good(
      `webserver:\n  listen_port: \${PORT}\n  enabled: "\${ON}"\nfile_output: {filename: "\${DIR}/a\${NONE}$\${DIR}.txt"}\n`,
      [],
      env,
    );
    expect(config.webserver.listen_port).toBe(9000);
    expect(config.webserver.enabled).toBe(true);
    expect(config.file_output.filename).toBe(`/x/a\${DIR}.txt`);
  });

  it.each([
    ['$ENV', '$ENV'], ['$$ENV', '$$ENV'], ['${ENV}', 'value'], [' ${ENV} ', ' value '], ['$${ENV}', '${ENV}'], ['$${ENV}$${ENV}', '${ENV}${ENV}'],
    ['$${${ENV}}', '${value}'], ['$${ENV}${ENV}', '${ENV}value'], ['/${ENV}/${ENV}${ENV}/x', '/value/valuevalue/x'], ['${NESTED}/x', 'value/x'],
    ['${NONE}', ''], ['5 $ and ${ENV}', '5 $ and value'], ['${ENV', '${ENV'], ['${LOOP}', expect.stringMatching(/^\$\{LOOP\}$/)],
  ])('%s expands to %s', (text, expected) => {
    const env = (name: string) => ({ ENV: 'value', NESTED: '${ENV}', LOOP: '${LOOP}' })[name];
    expect(expandEnvironment(text, env)).toEqual(expected);
  });
});

describe('-o key=value', () => {
  it.each([
    [['json_output=true'], (c: LoadedConfig['config']) => c.json_output, true],
    [['webserver.listen_port=1'], (c: LoadedConfig['config']) => c.webserver.listen_port, 1],
    [['rules_files[0]=/a', 'rules_files[]=/c'], (c: LoadedConfig['config']) => c.rules_files, ['/a', '/2', '/c']],
    [['plugins[0].open_params=x'], (c: LoadedConfig['config']) => c.plugins[0].open_params, 'x'],
    [['static_fields.a\\.b=v=w'], (c: LoadedConfig['config']) => c.static_fields, { 'a.b': 'v=w' }],
    [['append_output[]={extra_output: "x=%evt.num"}'], (c: LoadedConfig['config']) => c.append_output, [{ extra_output: 'x=%evt.num' }]],
    [['load_plugins=[p]'], (c: LoadedConfig['config']) => c.load_plugins, ['p']],
    [['plugins.open_params=x'], (c: LoadedConfig['config']) => c.plugins[0].open_params, 'x'],
    [['base_syscalls.custom_set[]=close'], (c: LoadedConfig['config']) => c.base_syscalls.custom_set, ['close']],
  ])('%j', (options, pick, expected) => {
    const { config } = good('rules_files: [/1, /2]\nplugins: [{name: p, library_path: p}]\n', options);
    expect(pick(config)).toEqual(expected);
  });

  it.each([
    ['json_output', "the option 'json_output' is not of the form key=value or key.subkey=value"],
    ['a..b=1', "a key is missing at position 3 in 'a..b'"],
    ['rules_files[x]=1', "expected a number in brackets, found 'x' in 'rules_files[x]'"],
    ['rules_files[7]=1', "there is no element [7], the list has 2 in 'rules_files[7]'"],
    ['rules_files.a=1', "'a' is looked for in a list of 2; say in which element, as in 'list[0].a' in 'rules_files.a'"],
    ['webserver[0]=1', "an index is given for something that is no list in 'webserver[0]'"],
    ['a\\b=1', "a backslash at position 2 escapes only dots, brackets and backslashes in 'a\\b'"],
  ])('%s is refused', (option, message) => {
    const { value, diagnostics } = load('rules_files: [/1, /2]\nwebserver: {enabled: true}\n', [option]);
    expect(value).toBeNull();
    expect(diagnostics.map((d) => d.message)).toEqual([message]);
  });

  it('variables are left to the shell', () => {
    expect(good('', ['file_output.filename=/${X}', 'append_output[]={"extra_output": "a=${X}"}'], () => 'expanded').config).toMatchObject({
      file_output: { filename: '/${X}' }, append_output: [{ extra_output: 'a=${X}' }],
    });
  });

  it('an unknown key is a warning that shows the option', () => {
    const { value, diagnostics } = load('', ['json_outptu=true']);
    expect(value).not.toBeNull();
    expect(formatDiagnostic(diagnostics[0])).toBe(
      "<-o>:1:1: warning CONFIG_UNKNOWN_KEY: unknown key 'json_outptu'; it is ignored\n" +
        "  1 | json_outptu=true\n    | ^^^^^^^^^^^\n  help: did you mean 'json_output'?",
    );
  });
});

describe('what is wrong in a file is said with its place', () => {
  it.each([
    ['json_output: maybe\n', ["1:14 warning CONFIG_WRONG_VALUE: 'json_output' must be a boolean; the default is used"]],
    ['webserver:\n  listen_prot: 1\n', ["2:3 warning CONFIG_UNKNOWN_KEY: unknown key 'listen_prot' in 'webserver'; it is ignored"]],
    ['webserver:\n  listen_port: 70000\n', ["2:16 error CONFIG_WRONG_VALUE: 'webserver.listen_port' must be at most 65535"]],
    ['plugins:\n  - library_path: x\n', ["2:5 error CONFIG_MISSING_KEY: 'name' is missing in 'plugins.0'"]],
    ['rules_files: {a: b}\n', ["1:14 warning CONFIG_WRONG_VALUE: 'rules_files' must be a list; the default is used"]],
    ['engine: {kind: gvisor}\n', ["1:16 error CONFIG_WRONG_VALUE: 'engine.kind' must be one of modern_ebpf, kmod, replay, nodriver"]],
    ['rule_matching: some\n', ["1:16 error CONFIG_WRONG_VALUE: 'rule_matching' must be one of first, all"]],
    ['engine: {kind: replay}\n', ["1:9 error CONFIG_ENGINE: engine.kind is 'replay' without an engine.replay.capture_file"]],
    ['priority: loud\n', ["1:11 error CONFIG_PRIORITY: unknown priority 'loud'"]],
    ['file_output: {enabled: true}\n', ['1:14 error CONFIG_OUTPUT: the file output is enabled without a filename']],
    ['webserver: {enabled: true, listen_address: here}\n', ["1:44 error CONFIG_WEBSERVER: webserver.listen_address 'here' is not a valid IP address"]],
    ['syscall_event_drops: {actions: [ignore, log]}\n', ["1:32 error CONFIG_DROPS: the drop actions 'log' and 'alert' make no sense with 'ignore'"]],
    ['metrics: {enabled: true, output_rule: true, interval: 5000}\n', ["1:55 error CONFIG_METRICS: metrics.interval '5000' is not a duration with a unit of at least 100ms"]],
    ['falco_libs: 512\n', ["1:13 error CONFIG_WRONG_VALUE: 'falco_libs' must be a mapping"]],
    ['syscall_event_drops: {threshold: -1}\n', ["1:34 error CONFIG_WRONG_VALUE: 'syscall_event_drops.threshold' must be at least 0"]],
    ['syscall_event_drops: {threshold: 1.1}\n', ["1:34 error CONFIG_WRONG_VALUE: 'syscall_event_drops.threshold' must be at most 1"]],
    ['- a\n', ['1:1 error CONFIG_NOT_A_MAP: a configuration file must be a mapping of keys to values']],
    ['a: [1\n', ['2:1 error CONFIG_YAML: the YAML is not valid: flow sequence in block collection must be sufficiently indented and end with a ]']],
    ['json_output: true\n rules_files: [a]\n', ['1:14 error CONFIG_YAML: the YAML is not valid: nested mappings are not allowed in compact mappings']],
  ])('%j', (text, expected) => {
    const { value, diagnostics } = load(text);
    expect(brief(diagnostics)).toEqual(expected);
    expect(value === null).toBe(diagnostics.some((d) => d.severity === 'error'));
  });

  it('a wrong entry of a list is left out and the others stay', () => {
    const { value } = load('rules_files: [/a, {b: c}, /d]\n');
    expect(value?.config.rules_files).toEqual(['/a', '/d']);
  });

  it('a key that Falco once had says what took its place', () => {
    const { value, diagnostics } = load('grpc: {enabled: true}\nengine: {kind: nodriver, ebpf: {probe: x}}\n');
    expect(value).not.toBeNull();
    expect(diagnostics.map((d) => d.hint)).toEqual([expect.stringContaining('http_output'), expect.stringContaining('engine.modern_ebpf')]);
  });

  it('a missing file names itself', () => {
    const { value, diagnostics } = loadConfig({ path: '/nonexistent/falco.yaml', options: [], env: noEnv });
    expect(value).toBeNull();
    expect(diagnostics[0].message).toContain('/nonexistent/falco.yaml cannot be read');
  });

  it('an option can replace what would be an error in the file', () => {
    expect(load('engine: {kind: ebpf}\n', ['engine.kind=modern_ebpf']).value?.config.engine.kind).toBe('modern_ebpf');
  });
});

describe('config_files', () => {
  it('appends lists, replaces sections whole and adds keys, in the order of names; later options win', () => {
    const sub = join(dir, 'config.d');
    mkdirSync(sub);
    writeFileSync(join(sub, '20.yaml'), 'json_output: true\nwebserver: {listen_port: 2}\n');
    writeFileSync(join(sub, '10.yaml'), 'rules_files: [/b]\nwebserver: {listen_port: 1}\npriority: error\n');
    const { config, files, directories } = good(
      `config_files: [${sub}, ${dir}/absent]\nrules_files: [/a]\nwebserver: {enabled: true, listen_port: 9}\n`,
      ['priority=critical'],
    );
    expect(config.rules_files).toEqual(['/a', '/b']);
    expect(config.webserver).toMatchObject({ enabled: false, listen_port: 2 });
    expect(config.json_output).toBe(true);
    expect(config.priority).toBe('critical');
    expect(files.map((f) => f.path.replace(dir, ''))).toEqual([expect.any(String), '/config.d/10.yaml', '/config.d/20.yaml']);
    expect(directories).toEqual([sub]);
  });

  it('override and add-only do what they say', () => {
    const extra = file('rules_files: [/b]\njson_output: true\npriority: error\n');
    const main = (strategy: string) =>
      good(`config_files: [{path: ${extra}, strategy: ${strategy}}]\nrules_files: [/a]\njson_output: false\n`).config;
    expect(main('override')).toMatchObject({ rules_files: ['/b'], json_output: true, priority: 'error' });
    expect(main('add-only')).toMatchObject({ rules_files: ['/a'], json_output: false, priority: 'error' });
  });

  it('may not be nested, and not name the main file', () => {
    const nested = file('config_files: [/x]\n');
    expect(brief(load(`config_files: [${nested}]\n`).diagnostics)).toEqual([
      "1:1 error CONFIG_NESTED_INCLUDE: 'config_files' is not allowed in an included configuration file",
    ]);
    const self = join(dir, 'self.yaml');
    writeFileSync(self, `config_files: [${self}]\n`);
    expect(loadConfig({ path: self, options: [], env: noEnv }).diagnostics[0].code).toBe('CONFIG_NESTED_INCLUDE');
  });
});
