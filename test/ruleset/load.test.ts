// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { describeAsText } from '../../src/ruleset/describe.js';
import { parsePriority } from '../../src/ruleset/rule-items.js';
import { matchesWildcard } from '../../src/ruleset/selection.js';
import { conditionOf, load, loaded, ruleOf } from './helpers.js';

const rule = (name: string, extra = '') =>
  `- rule: ${name}\n  desc: d\n  condition: evt.type = open\n  output: out\n  priority: NOTICE\n${extra}`;

describe('the two rules that started this project', () => {
  it('load exactly as written', () => {
    const text = `
- rule: Write Below Binary Dir
  desc: An attempt to write to any file below a set of binary directories
  condition: evt.type=open and fd.directory in (/bin, /usr/bin)
  output: >
    File below a known binary directory opened for writing (user=%user.name
    command=%proc.cmdline file=%fd.name)
  priority: WARNING
- macro: contains_private_credentials
  condition: >
    (ka.req.configmap.obj contains "aws_access_key_id" or
     ka.req.configmap.obj contains "aws_s3_access_key_id" or
     ka.req.configmap.obj contains "password")
- macro: configmap
  condition: ka.target.resource=configmaps
- macro: modify
  condition: (ka.verb in (create,update,patch))
- rule: Create/Modify Configmap With Private Credentials
  desc: Detect creating/modifying a configmap containing a private credential (aws key, password, etc.)
  condition: configmap and modify and contains_private_credentials
  output: K8s configmap with private credential (user=%ka.user.name verb=%ka.verb name=%ka.req.configmap.name configmap=%ka.req.configmap.name config=%ka.req.configmap.obj)
  priority: WARNING
  source: k8s_audit
  tags: [k8s]
`;
    expect(load(text).diagnostics).toEqual([]);
    const ruleset = loaded(text);
    expect(ruleset.rules.map((r) => [r.name, r.source, r.priority, r.enabled, r.tags])).toEqual([
      ['Write Below Binary Dir', 'syscall', 'Warning', true, []],
      ['Create/Modify Configmap With Private Credentials', 'k8s_audit', 'Warning', true, ['k8s']],
    ]);
    expect(conditionOf(ruleset, 'Write Below Binary Dir')).toBe('(evt.type = open and fd.directory in (/bin, /usr/bin))');
    expect(ruleset.rules[0].output).toBe('File below a known binary directory opened for writing (user=%user.name command=%proc.cmdline file=%fd.name)');
    expect(conditionOf(ruleset, 'Create/Modify Configmap With Private Credentials')).toBe(
      '(ka.target.resource = configmaps and ka.verb in (create, update, patch) and (ka.req.configmap.obj contains aws_access_key_id or ' +
        'ka.req.configmap.obj contains aws_s3_access_key_id or ka.req.configmap.obj contains password))',
    );
  });
});

describe('selection by the configuration', () => {
  const text = `${rule('Read A', '  tags: [x, files]\n')}${rule('Read B')}${rule('Write A', '  tags: [files]\n  enabled: false\n')}`;
  const enabled = (selection: object[], minPriority?: 'Notice' | 'Warning') =>
    loaded(text, { selection, ...(minPriority && { minPriority }) }).rules.filter((r) => r.enabled).map((r) => r.name);

  it('is what the files say when there is none', () => {
    expect(enabled([])).toEqual(['Read A', 'Read B']);
  });

  it('applies entries in order, by wildcards and tags', () => {
    expect(enabled([{ disable: { rule: '*' } }, { enable: { rule: '* A' } }])).toEqual(['Read A', 'Write A']);
    expect(enabled([{ enable: { tag: 'files' } }, { disable: { rule: 'Read*' } }])).toEqual(['Write A']);
    expect(enabled([{ disable: { rule: 'Read' } }])).toEqual(['Read A', 'Read B']);
  });

  it('tries rules that it enables after those that their files enable', () => {
    const first = `${rule('Late', '  enabled: false\n')}${text}`;
    const order = (selection: object[]) => loaded(first, { selection }).rules.map((r) => `${r.index} ${r.name} ${r.enabled}`);
    expect(order([{ enable: { rule: 'Late' } }])).toEqual(['0 Read A true', '1 Read B true', '2 Late true', '3 Write A false']);
    expect(order([{ disable: { rule: 'Read A' } }, { enable: { rule: '*A' } }])).toEqual(['0 Read B true', '1 Read A true', '2 Write A true', '3 Late false']);
  });

  it('enables nothing below the minimum priority', () => {
    expect(enabled([{ enable: { rule: '*' } }], 'Notice')).toEqual(['Read A', 'Read B', 'Write A']);
    expect(enabled([{ enable: { rule: '*' } }], 'Warning')).toEqual([]);
  });

  it.each([
    ['*', '', true], ['a*', 'abc', true], ['*c', 'abc', true], ['a*c', 'abc', true], ['a*b*c', 'aXbYc', true], ['a*a', 'a', false],
    ['**', 'x', true], ['abc', 'abcd', false], ['', 'a', false], ['*ab', 'abab', true], ['*a*b*', 'ba', false],
  ])('%s matches %s: %s', (pattern, name, matches) => {
    expect(matchesWildcard(pattern, name)).toBe(matches);
  });
});

describe('append_output', () => {
  const text = `${rule('one', '  tags: [t1]\n')}${rule('two', '  tags: [t1, t2]\n')}${rule('audit').replace('evt.type = open', 'ka.verb = get')}  source: k8s_audit\n`;
  const outputs = (appendOutput: object[]) => loaded(text, { appendOutput }).rules.map((r) => r.output);

  it('appends text by source, tags and name', () => {
    expect(outputs([{ extra_output: 'n=%evt.num' }])).toEqual(['out n=%evt.num', 'out n=%evt.num', 'out n=%evt.num']);
    expect(outputs([{ match: { tags: ['t1', 't2'] }, extra_output: 'a' }, { match: { rule: 'one' }, extra_output: 'b' }, { match: { source: 'k8s_audit' }, extra_output: 'c' }])).toEqual(['out b', 'out a', 'out c']);
  });

  it('appends the suggested fields that a source has', () => {
    expect(outputs([{ suggested_output: true }])).toEqual([
      ...Array(2).fill('out container_id=%container.id container_name=%container.name container_image_repository=%container.image.repository container_image_tag=%container.image.tag k8s_pod_name=%k8s.pod.name k8s_ns_name=%k8s.ns.name'),
      'out',
    ]);
  });

  it('adds fields of their own, as values and as text', () => {
    const { rules } = loaded(text, { appendOutput: [{ match: { rule: 'one' }, extra_fields: ['proc.name', { who: 'user %user.name' }] }] });
    expect(rules[0].extraFields.map(({ key, raw, format }) => [key, raw, format])).toEqual([['proc.name', true, '%proc.name'], ['who', false, 'user %user.name']]);
    expect(rules[1].extraFields).toEqual([]);
  });

  it('is an error at its own text when a field is not known', () => {
    const { diagnostics } = load(rule('one'), { appendOutput: [{ extra_output: 'x=%zz.nope' }] });
    expect(diagnostics.map((d) => [d.code, d.span.source.name])).toEqual([['LOAD_ERR_COMPILE_OUTPUT', 'append_output']]);
  });
});

describe('a rule', () => {
  it('loses %container.info from its output, with a warning', () => {
    const text = rule('r').replace('output: out', 'output: out 1 (%container.info)');
    expect(loaded(text).rules[0].output).toBe('out 1 ()');
    expect(load(text).diagnostics.map((d) => d.code)).toEqual(['LOAD_DEPRECATED_ITEM']);
  });

  it.each([['info', 'Informational'], ['INFORMATIONAL', 'Informational'], ['Warning', 'Warning'], ['debug', 'Debug'], ['high', null]])('of priority %s is %s', (text, priority) => {
    expect(parsePriority(text)).toBe(priority);
  });

  it('keeps what later parts need to know of it', () => {
    const { warnEvttypes, skipIfUnknownFilter, capture, captureDuration, span } = ruleOf(loaded(rule('r', '  warn_evttypes: no\n  skip-if-unknown-filter: true\n  capture: yes\n  capture_duration: 0x10\n')));
    expect([warnEvttypes, skipIfUnknownFilter, capture, captureDuration, span.source.name]).toEqual([false, true, true, 16, 'rules.yaml']);
  });
});

describe('-L and -l', () => {
  const text = `${rule('B').replace('desc: d', `desc: ${'word '.repeat(14)}end`)}${rule('A', '  enabled: false\n')}`;

  it('print names and wrapped descriptions in order of definition', () => {
    const pad = ' '.repeat(51);
    expect(describeAsText(loaded(text, { selection: [{ disable: { rule: 'B' } }, { enable: { rule: 'A' } }] }))).toBe(
      `${'Rule'.padEnd(50)} Description\n${'----'.padEnd(50)} -----------\n` +
        `${'B'.padEnd(50)} ${'word '.repeat(11)}\n${pad}word word word end \n\n${'A'.padEnd(50)} d \n\n`,
    );
  });

  it('say nothing of a rule that is not loaded', () => {
    expect(describeAsText(loaded(text), 'C')).toBeNull();
  });
});
