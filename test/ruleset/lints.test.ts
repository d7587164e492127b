// SPDX-License-Identifier: Apache-2.0
/** What the lints find in rules that load, and what they leave alone. */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatDiagnostic } from '../../src/lang/diagnostic.js';
import { lint } from '../../src/ruleset/lints/index.js';
import { catalogues, loaded } from './helpers.js';

const rule = (name: string, condition: string, more = ''): string => `- {rule: ${name}, desc: d, condition: '${condition}', output: x, priority: INFO${more}}\n`;
const found = (text: string, matching: 'first' | 'all' = 'first'): string[] => lint(loaded(text), catalogues, matching).map((one) => `${one.code}: ${one.message}`);

describe('a condition that no event can fulfil', () => {
  const never: readonly (readonly [string, string])[] = [
    ['evt.type = open and evt.type = close', '`evt.type = open` and `evt.type = close` exclude each other'],
    ['evt.type = open and proc.name in (a, b) and not proc.name in (a, b, c)', '`proc.name in (a, b)` and `not proc.name in (a, b, c)` exclude each other'],
    ['evt.type = open and proc.name = a and proc.name != a', '`proc.name = a` and `proc.name != a` exclude each other'],
    ['evt.type = open and proc.name = sh and proc.name startswith b', '`proc.name = sh` and `proc.name startswith b` exclude each other'],
    ['evt.type = open and fd.name startswith /etc and fd.name startswith /usr', '`fd.name startswith /etc` and `fd.name startswith /usr` exclude each other'],
    ['evt.type = open and fd.name startswith /usr/bin and not fd.name startswith /usr', '`fd.name startswith /usr/bin` and `not fd.name startswith /usr` exclude each other'],
    ['evt.type = open and fd.name endswith .so and not fd.name contains so', '`fd.name endswith .so` and `not fd.name contains so` exclude each other'],
    ['evt.type = open and fd.num < 3 and fd.num >= 3', '`fd.num < 3` and `fd.num >= 3` exclude each other'],
    ['evt.type = open and evt.rawres >= 0 and evt.rawres in (-1, -2)', '`evt.rawres >= 0` and `evt.rawres in (-1, -2)` exclude each other'],
    ['evt.type = open and proc.name = a and not proc.name exists', '`proc.name = a` and `not proc.name exists` exclude each other'],
    ['evt.type = open and proc.name in ()', '`proc.name in ()` holds for no event'],
    ['evt.type = open and (proc.name = a or proc.name = b) and not proc.name in (a, b)', 'exclude each other'],
  ];
  it.each(never)('%s', (condition, message) => {
    const [first, ...more] = found(rule('r', condition));
    expect(first).toMatch(/^LINT_NEVER_MATCHES: the rule can never match: /);
    expect(first).toContain(message);
    expect(more).toEqual([]);
  });

  const fine: readonly string[] = [
    'evt.type = open and proc.name = a and not proc.name = b',
    'evt.type = open and proc.aname = a and proc.aname = b',
    'evt.type = connect and fd.ip = "1.1.1.1" and fd.ip = "2.2.2.2"',
    'evt.type = open and not proc.name = a and not proc.name != a',
    'evt.type = open and fd.name startswith /usr and fd.name startswith /usr/bin and not fd.name startswith /usr/bin/x',
    'evt.type = open and fd.num >= 3 and fd.num <= 3',
    'evt.type = open and not fd.num < 3 and not fd.num >= 3',
    'evt.type = open and (proc.name = a or fd.num = 3) and not proc.name in (b, c)',
  ];
  it.each(fine)('not: %s', (condition) => expect(found(rule('r', condition))).toEqual([]));

  it('is found through macros, and named as it is written', () => {
    expect(found(`- {macro: opening, condition: 'evt.type in (open, openat)'}\n${rule('r', 'opening and evt.type = close')}`)).toEqual([
      'LINT_NEVER_MATCHES: the rule can never match: `opening` and `evt.type = close` exclude each other',
    ]);
  });

  it('is pointed at in its file', () => {
    const [one] = lint(loaded(rule('r', 'evt.type = open and evt.type = close')), catalogues, 'first');
    expect(formatDiagnostic(one).split('\n').slice(0, 4).join('\n')).toBe(
      'rules.yaml:1:54: warning LINT_NEVER_MATCHES: the rule can never match: `evt.type = open` and `evt.type = close` exclude each other\n' +
        "  in rule 'r'\n" +
        "  1 | - {rule: r, desc: d, condition: 'evt.type = open and evt.type = close', output: x, priority: INFO}\n" +
        `    | ${' '.repeat(53)}${'^'.repeat(16)}`,
    );
  });
});

it('an alternative that can never hold is told by itself', () => {
  expect(found(rule('r', 'evt.type = open and fd.num < 3 and (fd.num > 4 or proc.name = x)'))).toEqual([
    'LINT_DEAD_ALTERNATIVE: `fd.num > 4` can never hold together with the rest of the condition',
  ]);
});

describe('a shadowed rule', () => {
  const wide = rule('wide', 'evt.type in (open, openat) and fd.name startswith /etc');
  const narrow = rule('narrow', 'evt.type = openat and fd.name startswith /etc/ssh and proc.name = cat');

  it('comes behind one that always matches when it does', () => {
    expect(found(wide + narrow)).toEqual(["LINT_SHADOWED: the rule never fires: whenever it matches, the rule 'wide' (rules.yaml:1:3) has matched before it"]);
  });
  it('is none before it', () => expect(found(narrow + wide)).toEqual([]));
  it('is none when every rule that matches alerts', () => expect(found(wide + narrow, 'all')).toEqual([]));
  it('is none when the other one is not enabled', () => expect(found(wide.replace('INFO', 'INFO, enabled: false') + narrow)).toEqual([]));
  it('is none when the other one asks for more', () => expect(found(wide.replace('/etc', '/etc and proc.name != cat') + narrow)).toEqual([]));
});

it('macros that only unused macros use are told', () => {
  const macros = "- {macro: inner, condition: 'proc.name = a'}\n- {macro: outer, condition: inner}\n- {macro: used, condition: 'proc.name = b'}\n";
  expect(found(macros + rule('r', 'evt.type = open and used'))).toEqual(["LINT_UNREACHED_MACRO: no rule uses the macro 'inner': only macros that are themselves unused do"]);
});

describe('a rule that sees every event', () => {
  it('is told even when it asks not to be warned about', () => {
    expect(found(rule('r', 'proc.name = a', ', warn_evttypes: false'))).toEqual(['LINT_SEES_EVERY_EVENT: the rule is tried on every event, and because of it the kernel reports every system call']);
  });
  it('is none with an event type, or when it is of audit events', () => {
    expect(found(rule('r', 'evt.type = open and proc.name = a') + rule('s', 'ka.verb = get', ', source: k8s_audit'))).toEqual([]);
  });
});

const reference = resolve(import.meta.dirname, '../../../shared/reference/rules');
describe.skipIf(!existsSync(reference))("the field's own rules", () => {
  const texts = ['falco_rules.yaml', 'falco-incubating_rules.yaml', 'falco-sandbox_rules.yaml'].map((name) => readFileSync(resolve(reference, name), 'utf8'));
  it('have two that wait for a list to be filled, and one behind another', () => {
    expect(lint(loaded(texts), catalogues, 'first').map((one) => `${one.code} ${one.context?.[0]}`)).toEqual([
      "LINT_NEVER_MATCHES rule 'Network Connection outside Local Subnet'",
      "LINT_NEVER_MATCHES rule 'Launch Disallowed Container'",
      "LINT_SHADOWED rule 'Network Tool Executed During NPM Package Install'",
    ]);
  });
});

it('our own rules have nothing that the lints complain about', () => {
  const texts = ['falco_rules.yaml', 'k8s_audit_rules.yaml'].map((name) => readFileSync(resolve(import.meta.dirname, '../../rules', name), 'utf8'));
  expect(lint(loaded(texts), catalogues, 'first')).toEqual([]);
});
