// SPDX-License-Identifier: Apache-2.0
/** Test files in, verdicts out. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatDiagnostic } from '../../src/lang/diagnostic.js';
import { placeOf } from '../../src/ruleset/written.js';
import type { TestReport } from '../../src/tester/run.js';
import { openTexts, runTests } from './bench.js';
import { Tester } from '../../src/tester/run.js';

const RULES = `
- list: readers
  items: [cat, less]
- macro: by_reader
  condition: proc.name in (readers)
- rule: Secret read
  desc: d
  condition: evt.type in (open, openat) and fd.name startswith /secret/ and not by_reader
  output: secret %fd.name by %proc.name
  priority: WARNING
- rule: Secret read as root
  desc: d
  condition: evt.type in (open, openat) and fd.name startswith /secret/ and user.name = root
  output: root %fd.name
  priority: ERROR
- rule: Pod made
  desc: d
  condition: ka.verb = create and ka.target.resource = pods
  output: pod %ka.target.name by %ka.user.name
  priority: INFO
  source: k8s_audit
- rule: Off
  desc: d
  condition: evt.type = kill
  output: x
  priority: INFO
  enabled: false
`;

const said = ({ results }: TestReport): string[] => results.flatMap(({ name, failures }) => failures.map(({ span, message }) => `${name} @ ${placeOf(span)}: ${message}`));
const mistakes = ({ diagnostics }: TestReport): string[] => diagnostics.map((d) => formatDiagnostic(d).split('\n')[0]);
const tests = (body: string): string => `tests:\n${body}`;
const passes = async (body: string, matching: 'first' | 'all' = 'first', files: Readonly<Record<string, string>> = {}): Promise<TestReport> => {
  const report = await runTests(RULES, tests(body), matching, files);
  expect(mistakes(report)).toEqual([]);
  expect(said(report)).toEqual([]);
  expect(report.results.length).toBeGreaterThan(0);
  return report;
};

describe('what a test expects', () => {
  it('a rule that fires, with its fields, output and priority', () =>
    passes(`
  - name: vi reads
    event: {type: openat, fd: /secret/a, proc: {name: vi, user: alice}}
    expect:
      - {rule: Secret read, priority: warning, output: "/secret/a by vi", fields: {fd.name: /secret/a, user.name: alice, "proc.aname[1]": systemd, container.id: host}}
`));

  it('a field that has no value, and one that matches a pattern', () =>
    passes(`
  - rule: Secret read
    fires:
      - {type: openat, fd: /secret/a, proc: {name: vi}, fields: {fd.sip: ~, fd.name: {matches: "^/sec"}}}
`));

  it('no alert at all', () => passes('\n  - {name: n, event: {type: openat, fd: /tmp/a}, expect: none}\n'));

  it('says where a field differs, and what it is', async () => {
    const report = await runTests(RULES, tests('  - rule: Secret read\n    fires:\n      - {type: openat, fd: /secret/a, proc: {name: vi}, fields: {fd.name: /secret/b}}\n'));
    expect(said(report)).toEqual(['Secret read: fires 1 @ tests.yaml:4:66: fd.name is /secret/a']);
  });

  it('says which check failed when the rule does not fire', async () => {
    const report = await runTests(RULES, tests('  - rule: Secret read\n    fires:\n      - {type: openat, fd: /secret/a, proc: {name: cat}}\n'));
    expect(report.results[0].failures).toMatchObject([{
      message: "the rule 'Secret read' did not fire",
      details: [
        'the event (openat):',
        'false  all of',
        'false    not',
        'true       by_reader  [rules.yaml:5:14]',
        'true         proc.name in (readers)  | proc.name = cat  <-- decides',
      ],
    }]);
  });

  it('an alert that the test does not expect is a failure', async () => {
    const report = await runTests(RULES, tests('  - {name: n, event: {type: openat, fd: /secret/a, proc: {name: cat}}, expect: [Secret read]}\n'));
    expect(said(report)).toEqual([
      "n @ tests.yaml:2:81: the rule 'Secret read' did not fire",
      "n @ tests.yaml:2:12: the rule 'Secret read as root' fired on the event, which the test does not expect",
    ]);
  });

  it('says so when an earlier rule takes the alert', async () => {
    const body = '  - rule: Secret read as root\n    fires: [{type: openat, fd: /secret/a, proc: {name: vi}}]\n';
    const report = await runTests(RULES, tests(body), 'first');
    expect(report.results[0].failures[0].details).toEqual(["its condition holds on the event, but 'Secret read' comes first (rule_matching: first)"]);
    await passes(body, 'all');
    await passes(`${body}    matching: all\n`);
  });

  it('a quiet rule must not match even behind another', async () => {
    const report = await runTests(RULES, tests('  - {rule: Secret read as root, silent: [{type: openat, fd: /secret/a, proc: {name: vi}}]}\n'));
    expect(said(report)).toEqual(["Secret read as root: silent 1 @ tests.yaml:2:12: the rule 'Secret read as root' matched on the event"]);
  });

  it('counts alerts over several events', async () => {
    const two = 'events: [{type: open, fd: /secret/a, proc: &vi {name: vi}}, {type: open, fd: /secret/b, proc: *vi}]';
    await passes(`  - {name: n, ${two}, expect: [{rule: Secret read, count: 2}]}\n`);
    const report = await runTests(RULES, tests(`  - {name: n, ${two}, expect: [{rule: Secret read, count: 1}]}\n`));
    expect(said(report)[0]).toContain("the rule 'Secret read' fired 2 times, not once");
  });
});

describe('events', () => {
  it('follow one another: what one opens, the next one uses', () =>
    passes(`
  - name: a descriptor is duplicated after it was opened
    rule: Secret read
    fires:
      - events:
          - {type: openat, fd: {num: 9, name: /secret/a}, proc: &p {name: vi}}
          - {type: dup2, args: {oldfd: 9}, res: 10, proc: *p}
        count: 1
`));

  it('of audit logs are written in place, with what an ordinary request would have', () =>
    passes('  - rule: Pod made\n    fires:\n      - {audit: {verb: create, objectRef: {resource: pods, name: web}}, fields: {ka.user.name: alice, ka.response.code: 200}}\n'));

  it('of audit logs come from files, lists and lines', () => {
    const event = (name: string): object => ({ kind: 'Event', auditID: name, stage: 'ResponseComplete', stageTimestamp: '2026-01-01T00:00:00Z', verb: 'create', objectRef: { resource: 'pods', name } });
    return passes('  - {name: n, event: {audit: a.json}, expect: [{rule: Pod made, count: 3}]}\n', 'first', {
      'a.json': `${JSON.stringify({ kind: 'EventList', items: [event('a'), event('b')] })}\n${JSON.stringify(event('c'))}\n`,
    });
  });

  const capture = resolve(import.meta.dirname, '../../rules/demo/recording.scap.gz');
  it.skipIf(!existsSync(capture))('come from a capture', () =>
    passes(`  - {name: n, event: {capture: ${capture}}, expect: none, others: allowed}\n`).then(({ results }) => expect(results[0].events).toBeGreaterThan(10)));

  it('have no memory of the test before them', () =>
    passes(`
  - {name: one, event: {type: openat, fd: /secret/a, proc: {pid: 50, name: vi, user: bob, container: web}}, expect: [Secret read]}
  - {name: two, event: {type: openat, fd: /secret/a, proc: {pid: 50, user: alice}}, expect: [{rule: Secret read, fields: {proc.name: program, user.name: alice, container.id: host}}]}
`));
});

describe('mistakes in test files', () => {
  const cases: readonly (readonly [what: string, body: string, message: string])[] = [
    ['an unknown rule', '  - {rule: Secret raed, silent: [{type: open}]}\n', "tests.yaml:2:12: error TEST_UNKNOWN_RULE: there is no rule 'Secret raed'"],
    ['a rule that is not enabled', '  - {rule: "Off", silent: [{type: open}]}\n', "tests.yaml:2:12: error TEST_UNKNOWN_RULE: the rule 'Off' is not enabled"],
    ['an unknown field', '  - {rule: Secret read, fires: [{type: open, fields: {fd.nmae: x}}]}\n', "tests.yaml:2:55: error TEST_UNKNOWN_FIELD: the source syscall has no field 'fd.nmae' that can be printed"],
    ['a field with something behind it', '  - {rule: Secret read, fires: [{type: open, fields: {fd.namex: x}}]}\n', "tests.yaml:2:55: error TEST_UNKNOWN_FIELD: the source syscall has no field 'fd.namex' that can be printed"],
    ['an unknown event', '  - {rule: Secret read, silent: [{type: opneat}]}\n', "tests.yaml:2:41: error TEST_UNKNOWN_EVENT: there is no event 'opneat'"],
    ['an unknown argument', '  - {rule: Secret read, silent: [{type: open, args: {flasg: 1}}]}\n', "tests.yaml:2:54: error TEST_UNKNOWN_EVENT: the event open has no argument 'flasg'"],
    ['an unknown flag', '  - {rule: Secret read, silent: [{type: open, args: {flags: O_WRNLY}}]}\n', "tests.yaml:2:61: error TEST_VALUE: the argument flags of open has no flag 'O_WRNLY'"],
    ['an unknown key of a process', '  - {rule: Secret read, silent: [{type: open, proc: {nmae: x}}]}\n', "tests.yaml:2:54: error TEST_UNKNOWN_KEY: proc has no key 'nmae'"],
    ['no expectation', '  - {name: n, event: {type: open}}\n', 'tests.yaml:2:5: error TEST_VALUE: the test expects nothing'],
    ['no event', '  - {name: n, expect: none}\n', 'tests.yaml:2:5: error TEST_VALUE: the test has no events'],
    ['a descriptor of an event without one', '  - {rule: Secret read, silent: [{type: rename, fd: /a}]}\n', 'tests.yaml:2:53: error TEST_UNKNOWN_EVENT: the event rename is about no descriptor'],
    ['a result that is none', '  - {rule: Secret read, silent: [{type: open, res: EOOPS}]}\n', "tests.yaml:2:52: error TEST_VALUE: 'EOOPS' is no result"],
    ['a file that is not there', '  - {rule: Pod made, silent: [{audit: b.json}]}\n', 'tests.yaml:2:39: error TEST_FILE: b.json is not there'],
    ['YAML that is none', '  - {rule: [\n', 'tests.yaml:3:1: error TEST_YAML: the YAML is not valid: '],
  ];
  it.each(cases)('%s', async (_, body, message) => {
    const report = await runTests(RULES, tests(body));
    expect(mistakes(report)[0]).toContain(message);
    expect(report.results).toEqual([]);
  });
});

describe('coverage', () => {
  it('is what has been seen to hold and to fail, of macros once for all rules', async () => {
    const { coverage } = await passes(`
  - rule: Secret read
    fires: [{type: open, fd: /secret/a, proc: {name: vi, user: alice}}]
    silent: [{type: openat, fd: /secret/a, proc: {name: cat, user: alice}}, {type: kill}]
`);
    const gaps = coverage.gaps.filter(({ owner }) => owner !== "rule 'Pod made'");
    expect(gaps.map(({ text, held, failed }) => ({ text, held: held > 0, failed: failed > 0 }))).toEqual([
      { text: 'fd.name startswith /secret/', held: true, failed: false },
      { text: 'fd.name startswith /secret/', held: true, failed: false },
      { text: 'user.name = root', held: false, failed: true },
    ]);
    expect(gaps.map(({ owner }) => owner)).toEqual(["rule 'Secret read'", "rule 'Secret read as root'", "rule 'Secret read as root'"]);
    expect(coverage.perRule).toContainEqual({ rule: 'Secret read', fired: 1, silent: 2 });
  });
});

it('rules are asked for as the test file names them, relative to it', async () => {
  const asked: (readonly string[])[] = [];
  const tester = new Tester({ rules: [], matching: 'first', open: (names) => { asked.push(names); return openTexts([{ name: 'r', text: RULES }]); }, read: () => Buffer.alloc(0) });
  await tester.run([{ name: 'a/b/t.yaml', text: 'rules: [../r.yaml, /abs.yaml]\ntests: [{name: n, event: {type: kill}, expect: none}]\n' }]);
  expect(asked).toEqual([['a/r.yaml', '/abs.yaml']]);
});
