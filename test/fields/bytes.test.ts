// SPDX-License-Identifier: Apache-2.0
/** Names that are no UTF-8 in events, and rules that look for them: everything but what is shown is exact to the byte. */
import { describe, expect, it } from 'vitest';
import { formatJson, formatText } from '../../src/alert/format.js';
import { captureAlert } from '../../src/alert/capture.js';
import { compileTemplate } from '../../src/alert/template.js';
import { createDetection } from '../../src/app/detection.js';
import type { ParamValue } from '../../src/events/event-builder.js';
import type { EventView } from '../../src/events/event-view.js';
import { loadRuleset } from '../../src/ruleset/load.js';
import { decodeBytes } from '../../src/util/byte-text.js';
import { buildEvent, viewOf } from '../helpers/event-builder.js';
import { Scene } from '../helpers/scene.js';

/** Text of which each character is one byte. */
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const zero = (text: string): Buffer => latin1(`${text}\0`);

const OPEN = { fd: 7, name: zero('/tmp/d\xff/q\xe9\xff'), flags: 3, mode: 0, dev: 1, ino: 5 };
const opened = (values: Readonly<Record<string, ParamValue>> = OPEN) => ({ key: 'SYSCALL_OPEN_X', values });

function load(yaml: Buffer) {
  const scene = new Scene();
  const text = decodeBytes(yaml);
  return { scene, ...loadRuleset([{ name: 'r.yaml', text }], { catalogues: [scene.catalogue], selection: [], minPriority: 'Debug', appendOutput: [], bufferFormatBase64: false }) };
}

/** Whether a rules file of these bytes has a rule that matches the event; throws when it does not load. */
function matchesYaml(yaml: Buffer, { key, values }: ReturnType<typeof opened>): boolean {
  const { scene, value, files } = load(yaml);
  if (value === null) throw new Error(files[0].diagnostics.map(({ message }) => message).join('\n'));
  let matched = false;
  const detection = createDetection(value, [scene.catalogue], 'first', () => {
    matched = true;
  });
  const view = viewOf(buildEvent(key, values));
  view.num = 1;
  scene.state.apply(view);
  detection.engine.process(detection.engine.sourceIndex('syscall'), view);
  return matched;
}

const yamlOf = (condition: string): Buffer => latin1(`- rule: r\n  desc: d\n  condition: >\n    ${condition}\n  output: o\n  priority: INFO\n`);
/** The condition is given byte by byte, too: `\\xff` is an escape in it, `\xff` the byte itself. */
const matches = (condition: string, event = opened()): boolean => matchesYaml(yamlOf(condition), event);

describe('names that are no UTF-8', () => {
  it.each([
    ['fd.name = "/tmp/d\\xff/q\\xe9\\xff"', true], ['fd.name = "/tmp/d\\xfe/q\\xe9\\xff"', false], ['fd.name = "/tmp/d\\xff/q\\xe9"', false],
    ['fd.name != "/tmp/d\\xff/q\\xe9\\xff"', false], ['fd.name = "/tmp/d\\xef\\xbf\\xbd/q\\xef\\xbf\\xbd"', false],
    ['fd.name in ("/x", "/tmp/d\\xff/q\\xe9\\xff")', true], ['fd.name in (/a, /b, /c, /d, "/tmp/d\\xff/q\\xe9\\xfe")', false],
    ['fd.name contains "\\xff"', true], ['fd.name contains "\\xfe"', false], ['fd.name icontains "Q\\xe9"', true], ['fd.name icontains "Q\\xc9"', false],
    ['fd.name startswith "/tmp/d\\xff/"', true], ['fd.name startswith "/tmp/d\\xfe"', false], ['fd.name endswith "\\xe9\\xff"', true], ['fd.name endswith "\\xff\\xe9"', false],
    ['fd.name startswith anyof ("/a", "/b", "/c", "/d", "/tmp/d\\xff")', true], ['(fd.name startswith "/a" or fd.name startswith "/tmp/d\\xff" or fd.name startswith "/b" or fd.name startswith "/c")', true],
    ['fd.name glob "/tmp/d?/q??"', true], ['fd.name glob "/tmp/d?/q???"', false], ['fd.name glob "/tmp/d[\\xf0-\\xff]/*"', true], ['fd.name glob "/tmp/d[!\\xff]/*"', false],
    ['fd.name iglob "/TMP/D\\xff/*"', true], ['fd.name pmatch ("/tmp/d\\xff")', true], ['fd.name pmatch ("/tmp/d\\xfe")', false], ['fd.name pmatch ("/tmp/d?")', true],
    ['fd.name regex "/tmp/d./q.."', true], ['fd.name regex "/tmp/d/.*"', false], ['len(fd.name) = 11', true], ['len(fd.filename) = 3', true],
    ['fd.directory = "/tmp/d\\xff"', true], ['fd.filename = "q\\xe9\\xff"', true], ['basename(fd.name) = "q\\xe9\\xff"', true],
    ['tolower(fd.name) = "/tmp/d\\xff/q\\xe9\\xff"', true], ['toupper(fd.name) = "/TMP/D\\xff/Q\\xe9\\xff"', true],
    ['fs.path.name contains "\\xff"', true], ['evt.arg.name endswith "\\xff"', true], ['evt.arg[1] contains "\\xe9"', true], ['evt.rawarg.name = "/tmp/d\\xff/q\\xe9\\xff"', true],
    ['evt.args contains "name=/tmp/d\\xff/q\\xe9\\xff "', true], ['concat(fd.filename, "\\xff") = "q\\xe9\\xff\\xff"', true], ['join("\\xff", (fd.filename, proc.name)) startswith "q\\xe9\\xff\\xffcat"', true],
  ])('%s: %s', (condition, wanted) => expect(matches(condition)).toBe(wanted));

  it.each([
    // é is \xc3\xa9: parts of characters are found as bytes are.
    ['fd.name contains "\\xc3"', true], ['fd.name contains "\\xa9t"', true], ['fd.name contains "\\xaa"', false], ['fd.name startswith "/caf\\xc3"', true], ['fd.name endswith "\\x82\\xac"', true],
    ['fd.name glob "/caf??t*"', true], ['fd.name = "/caf\\xc3\\xa9t\\xe2\\x82\\xac"', true], ['len(fd.name) = 10', true], ['fd.name regex "/caf.t."', true],
    ['concat("\\xc3", "\\xa9") = "é"', true],
  ])('within characters: %s: %s', (condition, wanted) =>
    expect(matchesYaml(Buffer.from(yamlOf('CONDITION').toString().replace('CONDITION', condition)), opened({ ...OPEN, name: Buffer.from('/cafét€\0') }))).toBe(wanted));

  it('are those of processes, working directories, sockets and data too', () => {
    const exec = {
      key: 'SYSCALL_EXECVE_19_X',
      values: { res: 0, exe: zero('/bin/b\xff'), args: zero('-a\0\xfe'), tid: 1000, pid: 1000, ptid: 100, comm: zero('bad\xff'), env: zero('X=\xfd'), cwd: '', trusted_exepath: zero('/bin/b\xff') },
    };
    for (const condition of ['proc.name = "bad\\xff"', 'proc.exe endswith "\\xff"', 'proc.exepath = "/bin/b\\xff"', 'proc.args contains "\\xfe"', 'proc.cmdline = "bad\\xff -a \\xfe"', 'proc.env[X] = "\\xfd"', 'proc.name glob "bad?"']) {
      expect(matches(condition, exec), condition).toBe(true);
      expect(matches(condition.replace(/\\xf/, '\\xe'), exec), condition).toBe(condition.includes('glob'));
    }
    expect(matches('proc.cwd = "/tmp/c\\xff/"', { key: 'SYSCALL_CHDIR_X', values: { res: 0, path: zero('/tmp/c\xff') } })).toBe(true);
    expect(matches('fs.path.source contains "\\xff" and fs.path.target endswith "\\xfe"', { key: 'SYSCALL_RENAME_X', values: { res: 0, oldpath: zero('/tmp/s\xff'), newpath: zero('/tmp/t\xfe') } })).toBe(true);
    expect(matches('evt.abspath glob "/tmp/a?"', { key: 'SYSCALL_OPEN_BY_HANDLE_AT_X', values: { fd: 4, mountfd: 5, flags: 3, path: zero('/tmp/a\xff') } })).toBe(true);
    const unix = Buffer.concat([Buffer.from([1]), Buffer.alloc(16), zero('/tmp/s\xff.sock')]);
    expect(matches('fd.name endswith "/tmp/s\\xff.sock"', { key: 'SOCKET_CONNECT_X', values: { res: 0, tuple: unix, fd: 9 } })).toBe(true);
    expect(matches('evt.buffer contains "\\xff\\x00" and evt.buffer bcontains ff00', { key: 'SYSCALL_WRITE_X', values: { res: 3, data: latin1('a\xff\0'), fd: 3, size: 3 } })).toBe(true);
    expect(matches('b64(proc.env[X]) = "\\xff\\xfe"', { ...exec, values: { ...exec.values, env: zero('X=//4=') } })).toBe(true);
  });
});

describe('rules files', () => {
  it('may hold such bytes as they are', () => {
    expect(matches('fd.name = "/tmp/d\xff/q\xe9\xff"')).toBe(true);
    expect(matches('fd.name = "/tmp/d\xfe/q\xe9\xff"')).toBe(false);
    expect(matches('fd.name in (/tmp/d\xff/q\xe9\xff, /x)')).toBe(true);
    const list = latin1('- list: names\n  items: ["\xe9\xff", q\xe9\xff]\n- rule: r\n  desc: d\n  condition: evt.type = open and fd.filename in (names)\n  output: o\n  priority: INFO\n');
    expect(matchesYaml(list, opened())).toBe(true);
  });

  it('in YAML\'s double quotes, \\xff is the character U+00FF, and a second backslash makes it a byte', () => {
    const quoted = (condition: string) => latin1(`- rule: r\n  desc: d\n  condition: "evt.type = open and ${condition}"\n  output: o\n  priority: INFO\n`);
    expect(matchesYaml(quoted("fd.name contains '\\xff'"), opened())).toBe(false);
    expect(matchesYaml(quoted("fd.name contains '\\xff'"), opened({ ...OPEN, name: Buffer.from('/ÿ\0') }))).toBe(true);
    expect(matchesYaml(quoted("fd.name contains '\\\\xff'"), opened())).toBe(true);
  });

  it('cannot make half a character by an escape', () => {
    expect(() => matchesYaml(latin1('- rule: r\n  desc: d\n  condition: "fd.name contains \'\\udcff\'"\n  output: o\n  priority: INFO\n'), opened())).toThrow('half of a surrogate pair is no character');
  });

  it('with a regular expression of such bytes are refused', () => {
    expect(() => matches('evt.type = open and fd.name regex "/tmp/\\xff.*"')).toThrow('regular expression does not compile: it is no valid UTF-8');
  });
});

describe('what is shown of them', () => {
  const alertOf = (output: string, values = OPEN) => {
    const scene = new Scene();
    const template = compileTemplate<EventView>(output, scene.catalogue).template;
    if (template === null) throw new Error(output);
    const view = viewOf(buildEvent('SYSCALL_OPEN_X', values));
    scene.state.apply(view);
    return captureAlert({ name: 'r', priority: 'Notice', source: 'syscall', tags: [], template, extraFields: [] }, view, 'h');
  };

  it('is U+FFFD for each broken sequence, in text and in JSON', () => {
    const alert = alertOf('file=%fd.name base=%basename(fd.name)', { ...OPEN, name: zero('/tmp/\xe1\x80x\xff\xfe') });
    expect(formatText(alert)).toMatch(/Notice file=\/tmp\/\ufffdx\ufffd\ufffd base=\ufffdx\ufffd\ufffd$/);
    const json = JSON.parse(formatJson(alert)) as { readonly output: string; readonly output_fields: Readonly<Record<string, string>> };
    expect(json.output).toMatch(/Notice file=\/tmp\/\ufffdx\ufffd\ufffd base=\ufffdx\ufffd\ufffd$/);
    expect(json.output_fields['fd.name']).toBe('/tmp/\ufffdx\ufffd\ufffd');
  });

  it('a width counts bytes', () => {
    expect(formatText(alertOf('[%6fd.name][%8fd.name]', { ...OPEN, name: Buffer.from('/é\xe9\0', 'utf8') }))).toMatch(/\[\/éé \]\[\/éé {3}\]$/);
    expect(formatText(alertOf('[%7fd.name]'))).toMatch(/\[\/tmp\/d\ufffd\]$/);
  });
});
