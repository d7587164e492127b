// SPDX-License-Identifier: Apache-2.0
/** The wording of messages: where, what, what to do. `golden/mistakes.txt` is meant to be read by people. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sortedJson } from '../../src/alert/json.js';
import { formatDiagnostic } from '../../src/lang/diagnostic.js';
import { loadRuleset } from '../../src/ruleset/load.js';
import { resultAsJson, resultAsText } from '../../src/ruleset/result.js';
import { catalogues, load, rendered } from './helpers.js';

const golden = join(import.meta.dirname, 'golden');

describe('a file full of mistakes', () => {
  const text = readFileSync(join(golden, 'mistakes.yaml'), 'utf8');
  const result = loadRuleset([{ name: 'mistakes.yaml', text }], { catalogues });

  it('is told all of them at once, each with its place and with what to do', async () => {
    await expect(`${resultAsText(result.files[0])}\n`).toMatchFileSnapshot(join(golden, 'mistakes.txt'));
  });

  it('has a hint for nearly every mistake', () => {
    const without = result.diagnostics.filter((d) => d.hint === undefined).map((d) => d.message);
    expect(without.length).toBeLessThan(result.diagnostics.length / 3);
  });
});

describe('warnings', () => {
  it('are told for a file that loads, with an unused macro and list at their places', () => {
    const result = load('- macro: m\n  condition: evt.type = open\n- list: l\n  items: [a]\n');
    expect(result.value).not.toBeNull();
    expect(rendered(result)).toBe(
      "rules.yaml:1:3: warning LOAD_UNUSED_MACRO: the macro 'm' is not used by any rule or macro\n  in macro 'm'\n" +
        '  1 | - macro: m\n    |   ^^^^^^^^\n  help: remove it, or use it in a condition\n' +
        "rules.yaml:3:3: warning LOAD_UNUSED_LIST: the list 'l' is not used by any rule, macro or list\n  in list 'l'\n" +
        '  3 | - list: l\n    |   ^^^^^^^\n  help: remove it, or use it in a condition',
    );
  });

  it('tell of a list that reaches another through two others, which only looks as if it worked', () => {
    const result = load('- list: a\n  items: [x]\n- list: b\n  items: [a]\n- list: c\n  items: [b]\n');
    expect(result.diagnostics.map((d) => d.code)).toContain('LOAD_LITERAL_LIST_NAME');
  });

  it('tell of a key that is written twice', () => {
    const result = load('- list: a\n  items: [x]\n  items: [y]\n');
    expect(rendered(result)).toContain("rules.yaml:3:3: warning LOAD_DUPLICATE_KEY: the key 'items' is written twice, and only the first one counts");
  });
});

describe('the result of -V', () => {
  const broken = '- rule: r\n  desc: d\n  condition: >\n    evt.type=open and\n    proc.nope = a\n  output: x\n  priority: INFO\n';

  it('is one line for a file without mistakes', () => {
    expect(resultAsText(load('- list: a\n  items: []\n  append: false\n').files[0], false)).toBe('rules.yaml: Ok, with warnings');
    expect(resultAsText(load('').files[0])).toBe('rules.yaml: Ok');
  });

  it('gives the verdict for each file', () => {
    const result = load(['- list: a\n  items: [b]\n', broken]);
    expect(result.files.map((file) => resultAsText(file).split('\n')[0])).toEqual(['rules1.yaml: Ok', 'rules2.yaml: Invalid']);
  });

  it('has the keys of Falco in JSON, with the way to the place counted from 0', () => {
    const json = JSON.parse(sortedJson(resultAsJson(load(broken).files[0])));
    expect(json).toEqual({
      name: 'rules.yaml',
      successful: false,
      schema_valid: true,
      schema_warnings: [],
      warnings: [],
      errors: [{
        code: 'LOAD_ERR_COMPILE_CONDITION',
        codedesc: 'Error compiling condition',
        message: expect.stringContaining("there is no field 'proc.nope'"),
        context: {
          locations: [
            { item_type: 'rules content', item_name: '', position: { name: 'rules.yaml', line: 0, column: 0, offset: 0 } },
            { item_type: 'rule', item_name: 'r', position: { name: 'rules.yaml', line: 0, column: 2, offset: 2 } },
            { item_type: 'rule condition', item_name: '', position: { name: 'rules.yaml', line: 2, column: 13, offset: 33 } },
            { item_type: 'condition expression', item_name: '', position: { name: '"evt.type=open and..."', line: 4, column: 4, offset: 61 } },
          ],
          snippet: '    proc.nope = a\n    ^\n',
        },
      }],
    });
  });

  it('says what the JSON schema has against a file, which is no error', () => {
    const { files, value } = load('- list: a\n  items: [b]\n  colour: red\n  append: "no"\n');
    expect(value).not.toBeNull();
    expect(files[0].schemaWarnings).toEqual([
      "failed for <root>[0]: must NOT have additional properties ('colour')",
      'failed for <root>[0][append]: must be boolean',
    ]);
  });
});

describe('a hostile file', () => {
  const rule = (condition: string) => `- rule: r\n  desc: d\n  condition: ${condition}\n  output: x\n  priority: INFO\n`;
  const messagesOf = (text: string) => load(text).diagnostics.filter((d) => d.severity === 'error').map((d) => d.message);

  it('with lists that hold each other many times is refused', () => {
    const lists = Array.from({ length: 60 }, (_, i) => `- list: l${i}\n  items: [l${i + 1}, l${i + 1}]\n`).join('');
    expect(messagesOf(`${lists}${rule('evt.type = open and proc.name in (l0)')}`)).toEqual(['the condition is longer than 2000000 characters with its lists in place']);
  });

  it('with macros that hold each other many times is refused', () => {
    const macros = Array.from({ length: 40 }, (_, i) => `- macro: m${i + 1}\n  condition: m${i} or m${i}\n`).join('');
    expect(messagesOf(`- macro: m0\n  condition: evt.type = open\n${macros}${rule('m40')}`)[0]).toMatch(/^with its macros and lists in place this is more than/);
  });

  it('with endless nesting is refused, in the YAML and in a condition', () => {
    expect(messagesOf(`- list: a\n  items: ${'['.repeat(20_000)}`).length).toBeGreaterThan(0);
    expect(messagesOf(rule(`${'('.repeat(5000)}evt.type = open${')'.repeat(5000)}`))[0]).toMatch(/nested more than/);
  });

  it('that is only long is loaded', () => {
    const items = Array.from({ length: 20_000 }, (_, i) => `x${i}`);
    const exceptions = `  exceptions:\n    - name: e\n      fields: [proc.name]\n      values:\n${items.map((item) => `        - [${item}]\n`).join('')}`;
    expect(messagesOf(`- list: l\n  items: [${items.join(', ')}]\n${rule('evt.type = open and proc.name in (l)')}${exceptions}`)).toEqual([]);
  });
});

describe('any text at all', () => {
  const words = [
    '- rule: r', '- macro: m', '- list: l', '- required_engine_version: ', '- required_plugin_versions: ', '  condition: ', '  output: ', '  desc: d', '  priority: INFO',
    '  items: [l, m]', '  items: ', '  append: true', '  override: {condition: append}', '  override: ', '  exceptions: [{name: e, fields: [proc.name], values: [[a]]}]',
    '  exceptions: [{name: e, fields: proc.name, values: [l, "x y"]}]', '  exceptions: ', '  tags: [a]', '  enabled: false', '  source: k8s_audit', '  source: ',
    'evt.type=open', ' and m', ' or not l', ' in (l, "l")', 'm', 'l', '(', ')', '"', "'", '>', '|', '%proc.name', '%', '%%', '&a ', '*a', '\n', '\n---\n', '1', ': ', '[', ']', '{', '\t',
  ];
  it('ends in diagnostics with places inside the file, and never in an exception', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...words), { maxLength: 40 }), fc.constantFrom('', '\n'), (parts, separator) => {
        const text = parts.join(separator);
        const { diagnostics, value, files } = loadRuleset([{ name: 'f', text }], { catalogues });
        for (const d of diagnostics) {
          expect(d.span.start).toBeGreaterThanOrEqual(0);
          expect(d.span.end).toBeLessThanOrEqual(text.length);
          formatDiagnostic(d);
        }
        sortedJson(resultAsJson(files[0]));
        expect(value === null).toBe(diagnostics.some((d) => d.severity === 'error'));
      }),
      { numRuns: 500 },
    );
  });
});
