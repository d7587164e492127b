// SPDX-License-Identifier: Apache-2.0
/** The slips that people make who write their first rules: one error each, at the line that is wrong, with what to do. */
import { describe, expect, it } from 'vitest';
import { lineAndColumn } from '../../src/lang/diagnostic.js';
import { load, loaded, problems } from './helpers.js';

const rule = (lines: { readonly [key: string]: string } = {}) =>
  `- rule: r\n${Object.entries({ desc: '  desc: d', condition: '  condition: evt.type=open', output: '  output: x', priority: '  priority: INFO', ...lines }).map(([, line]) => `${line}\n`).join('')}`;

describe('a slip of the hand is one error, at its line, and says what to do', () => {
  it.each([
    ['a key deeper than its neighbours', rule({ condition: '   condition: evt.type=open' }), 2, /indent the line below this one/],
    ['a key less deep than its neighbours', rule({ condition: ' condition: evt.type=open' }), 3, /indent this line as deep as its neighbours/],
    ['tabs', rule({ desc: '\tdesc: d' }), 2, /indent with spaces/],
    ['no blank after the colon', rule().replace('rule: r', 'rule:r'), 1, /blank behind the key's colon/],
    ['a folded text that is not indented', rule({ condition: '  condition: >\n  evt.type=open' }), 4, /indent the lines below 'condition: >'/],
    ['an item that is indented', `- list: a\n  items: []\n\n  - list: b\n    items: []\n`, 4, /indent this - as deep/],
    ['no dash', 'rule: r\ndesc: d\n', 1, /put '- ' before 'rule'/],
    ["Helm's values", 'customRules:\n  rules.yaml: |-\n    - list: a\n      items: []\n', 1, /Helm values: .* below 'customRules'/],
    ['a ConfigMap', 'apiVersion: v1\nkind: ConfigMap\ndata: {}\n', 1, /Kubernetes manifest: .* below 'data'/],
    ['&& for and', rule({ condition: '  condition: evt.type=open && fd.num=3' }), 3, /write 'and'/],
    ['|| for or', rule({ condition: '  condition: evt.type=open || fd.num=3' }), 3, /write 'or'/],
    ['a list in brackets after in', rule({ condition: '  condition: evt.type in [open, openat]' }), 3, /lists stand in parentheses/],
    ['a list in brackets after another operator', rule({ condition: '  condition: evt.type=open and fd.name startswith [/etc, /usr]' }), 3, /lists stand in parentheses/],
    ['an operator that is spelt otherwise', rule({ condition: '  condition: evt.type=open and fd.name ends_with .exe' }), 3, /did you mean 'endswith'/],
    ['a quote that is not closed', rule({ condition: '  condition: evt.type=open and proc.name = "sh' }), 3, /end it with another "/],
    ['a label after a dot', rule({ condition: '  condition: evt.type=open and k8s.pod.label.app = x' }), 3, /did you mean 'k8s.pod.label\[app\]'/],
    ['a macro of a file that is not loaded', rule({ condition: '  condition: spawned_process' }), 3, /load the file that does, before this one/],
  ])('%s', (_, text, line, hint) => {
    const errors = load(text).diagnostics.filter((one) => one.severity === 'error');
    expect(errors.map((one) => lineAndColumn(text, one.span.start).line), problems(load(text)).join('\n')).toEqual([line]);
    expect(errors[0].hint).toMatch(hint);
  });

  it('a condition that ends in and, an output with a name that is no field', () => {
    expect(problems(load(rule({ condition: '  condition: evt.type=open and' })))).toEqual(["LOAD_ERR_COMPILE_CONDITION: nothing follows 'and'"]);
    expect(problems(load(rule({ output: '  output: x %not_a_field' })))).toEqual(["LOAD_ERR_COMPILE_OUTPUT: there is no field 'not_a_field'"]);
  });
});

describe('lists in brackets', () => {
  it('may go on in lines that are not indented, as in files that Falco takes', () => {
    const text = '- list: a\n  items: [one, two,\nthree,\n  four]\n- list: b\n  items: [\n  x,\ny ]\n';
    expect(loaded(text).lists.map((list) => list.items.map((item) => item.text))).toEqual([['one', 'two', 'three', 'four'], ['x', 'y']]);
  });

  it('keep the places of what follows', () => {
    const text = `- list: a\n  items: [one,\ntwo]\n${rule({ condition: '  condition: evt.type=open and proc.nmae = x' })}`;
    const { diagnostics } = load(text);
    expect(diagnostics.filter((one) => one.severity === 'error').map((one) => lineAndColumn(text, one.span.start))).toEqual([{ line: 6, column: 32 }]);
  });

  it('that are never closed stay an error', () => {
    expect(load('- list: a\n  items: [one,\ntwo\n- list: b\n  items: []\n').value).toBeNull();
  });
});
