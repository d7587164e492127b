// SPDX-License-Identifier: Apache-2.0
/** Which rules files the field's engine takes and which it refuses, case by case, and what they compile to. */
import { describe, expect, it } from 'vitest';
import { conditionOf, load, loaded, problems, ruleOf } from './helpers.js';

const RULE = `
- rule: r
  desc: legit
  condition: evt.type=open
  output: user=%user.name command=%proc.cmdline file=%fd.name
  priority: INFO
`;
const more = (text: string) => `${RULE}${text}`;
/** The rule with its condition replaced. */
const withCondition = (condition: string) => RULE.replace('evt.type=open', condition);

interface Accepted {
  readonly name: string;
  readonly text: string;
  /** What the rule `r` compiles to. */
  readonly condition?: string;
  readonly warns?: readonly string[];
  /** How many rules are enabled. */
  readonly enabled?: number;
}

const accepted: readonly Accepted[] = [
  {
    name: 'a list that is appended to after the rule that uses it',
    text: `- list: shells\n  items: [ash, bash]\n${withCondition('evt.type=open and proc.name in (shells)')}\n- list: shells\n  items: [pwsh]\n  override:\n    items: append\n`,
    condition: '(evt.type = open and proc.name in (ash, bash, pwsh))',
  },
  {
    name: 'a macro that is appended to after the rule that uses it',
    text: `- macro: m\n  condition: >\n    ((proc.aname=sshd and proc.name != sshd) or\n    proc.name=systemd-logind or proc.name=login)\n${withCondition('evt.type=open and m')}\n- macro: m\n  condition: or proc.name = ssh\n  override:\n    condition: append\n`,
    condition: '(evt.type = open and (((proc.aname = sshd and proc.name != sshd) or proc.name = systemd-logind or proc.name = login) or proc.name = ssh))',
  },
  { name: 'a rule appended to with override', text: more('- rule: r\n  desc: x\n  condition: and proc.name = cat\n  output: proc=%proc.name\n  override:\n    desc: append\n    condition: append\n    output: append\n'), condition: '(evt.type = open and proc.name = cat)' },
  { name: 'a rule appended to with append', text: more('- rule: r\n  condition: and proc.name = cat\n  append: true\n'), condition: '(evt.type = open and proc.name = cat)', warns: ['LOAD_DEPRECATED_ITEM'] },
  { name: 'a rule whose condition is replaced', text: more('- rule: r\n  condition: evt.type = close\n  override:\n    condition: replace\n'), condition: 'evt.type = close' },
  { name: 'append and replace in one item', text: more('- rule: r\n  desc: new\n  condition: and proc.name = cat\n  priority: WARNING\n  override:\n    desc: replace\n    condition: append\n    priority: replace\n'), condition: '(evt.type = open and proc.name = cat)' },
  { name: 'a macro replaced before it is defined', text: `- macro: m\n  condition: or evt.type = openat2\n  override:\n    condition: replace\n- macro: m\n  condition: evt.type in (open,openat)\n${withCondition('m')}`, condition: 'evt.type in (open, openat)' },
  { name: 'a list replaced before it is defined', text: `- list: l\n  items: [a, b]\n  override:\n    items: replace\n- list: l\n  items: [blkid]\n${withCondition('evt.type = execve and proc.name in (l)')}`, condition: '(evt.type = execve and proc.name in (blkid))' },
  { name: 'a misspelt override, which makes a redefinition of it', text: `- list: l\n  items: [a]\n  override_written_wrong:\n    items: append\n- list: l\n  items: [blkid]\n${withCondition('evt.type = execve and proc.name in (l)')}`, condition: '(evt.type = execve and proc.name in (blkid))', warns: ['LOAD_UNKNOWN_KEY'] },
  { name: 'a rule that is not enabled', text: more('  enabled: false\n'), enabled: 0 },
  { name: 'a rule enabled by a later item', text: more('  enabled: false\n- rule: r\n  enabled: true\n'), enabled: 1, warns: ['LOAD_DEPRECATED_ITEM'] },
  { name: 'enabled replaced together with other keys', text: more('  enabled: false\n- rule: r\n  desc: x\n  condition: and proc.name = cat\n  enabled: true\n  override:\n    desc: replace\n    condition: append\n    enabled: replace\n'), enabled: 1, warns: [] },
  { name: 'enabled beside append, which is ignored', text: more('  enabled: false\n- rule: r\n  condition: and proc.name = cat\n  append: true\n  enabled: true\n'), enabled: 0 },
  { name: 'a rule defined anew as a whole', text: more(`  enabled: false\n${withCondition('proc.name = cat')}`), enabled: 1, condition: 'proc.name = cat', warns: ['LOAD_NO_EVTTYPE'] },
  { name: 'an engine version of three numbers', text: `- required_engine_version: 0.26.0\n${RULE}`, warns: [] },
  { name: 'an engine version of one number', text: `- required_engine_version: 26\n${RULE}`, warns: [] },
  { name: 'our own engine version', text: `- required_engine_version: 0.63.0\n${RULE}`, warns: [] },
  { name: 'plugins that are built in', text: `- required_plugin_versions:\n  - name: k8saudit\n    version: 0.1.0\n  - name: json\n    version: 0.3.0\n${RULE}`, warns: [] },
  { name: 'a plugin among whose alternatives one is built in', text: `- required_plugin_versions:\n  - name: k8saudit-eks\n    version: 0.1.0\n    alternatives:\n      - name: k8saudit\n        version: 0.4.0\n${RULE}`, warns: [] },
  { name: 'a broad condition', text: withCondition('proc.name = cat'), warns: ['LOAD_NO_EVTTYPE'] },
  { name: 'a broad condition with warn_evttypes: false', text: `${withCondition('proc.name = cat')}  warn_evttypes: false\n`, warns: [] },
  { name: 'a condition that can never hold', text: withCondition('evt.num = 0'), warns: [], enabled: 1 },
  { name: 'event types that exclude each other', text: withCondition('evt.type = open and evt.type = close'), warns: [] },
  { name: 'the never_true idiom', text: `- macro: never_true\n  condition: (evt.num=0)\n- macro: user_known\n  condition: (never_true)\n${withCondition('evt.type = open and not user_known')}`, warns: [] },
  { name: 'an exception with a value that has a blank', text: `${withCondition('proc.cmdline contains curl or proc.cmdline contains wget')}  exceptions:\n    - name: e\n      fields: [proc.cmdline]\n      comps: [contains]\n      values:\n        - [curl 127.0.0.1]\n`, condition: '((proc.cmdline contains curl or proc.cmdline contains wget) and not proc.cmdline contains "curl 127.0.0.1")' },
  { name: 'an invalid macro name', text: `- macro: test-macro\n  condition: evt.type = close\n${RULE}`, warns: ['LOAD_INVALID_MACRO_NAME', 'LOAD_UNUSED_MACRO'] },
  { name: 'an invalid list name', text: `- list: test list\n  items: [open, openat]\n${withCondition('evt.type in (test list)')}`, condition: 'evt.type in (open, openat)', warns: ['LOAD_INVALID_LIST_NAME'] },
  { name: 'an exception appended to without values', text: more('  exceptions:\n    - name: e\n      fields: [proc.cmdline]\n      comps: [contains]\n      values:\n        - [curl 127.0.0.1]\n- rule: r\n  exceptions:\n    - name: e\n      value: curl 1.1.1.1\n  append: true\n'), warns: ['LOAD_APPEND_NO_VALUES', 'LOAD_DEPRECATED_ITEM'] },
  { name: 'two exceptions of one name', text: more('  exceptions:\n    - name: e\n      fields: [proc.cmdline]\n      comps: [contains]\n      values:\n        - [a]\n    - name: e\n      fields: [proc.cmdline]\n      comps: [endswith]\n      values:\n        - [b]\n'), warns: ['LOAD_EXCEPTION_NAME_NOT_UNIQUE'] },
  { name: 'a value spelt like a field', text: more('  exceptions:\n    - name: e\n      fields: [proc.name]\n      comps: [=]\n      values:\n        - [proc.pname]\n'), condition: '(evt.type = open and not proc.name = proc.pname)', warns: ['LOAD_COMPILE_CONDITION'] },
  { name: 'a value spelt like a field with a blank', text: more('  exceptions:\n    - name: e\n      fields: [proc.name]\n      comps: [=]\n      values:\n        - ["proc.pname "]\n'), condition: '(evt.type = open and not proc.name = "proc.pname ")', warns: ['LOAD_COMPILE_CONDITION'] },
  { name: 'a transformer as a value', text: more('  exceptions:\n    - name: e\n      fields: [proc.name]\n      comps: [=]\n      values:\n        - [toupper(proc.pname)]\n'), condition: '(evt.type = open and not proc.name = toupper(proc.pname))' },
  { name: 'a transformer with a blank, which is a value', text: more('  exceptions:\n    - name: e\n      fields: [proc.name]\n      comps: [=]\n      values:\n        - [toupper( proc.pname)]\n'), condition: '(evt.type = open and not proc.name = "toupper( proc.pname)")', warns: ['LOAD_COMPILE_CONDITION'] },
  { name: 'a transformer as a field', text: more('  exceptions:\n    - name: e\n      fields: ["tolower( proc.name)"]\n      comps: [=]\n      values:\n        - [test]\n'), condition: '(evt.type = open and not tolower(proc.name) = test)', warns: [] },
  { name: 'an empty source beside append', text: more('- rule: r\n  condition: and proc.name=apache\n  source:\n  append: true\n') },
  { name: 'an unknown key in a rule', text: more('  typo_field: x\n'), warns: ['LOAD_UNKNOWN_KEY'] },
  { name: 'a key of rules in a list', text: `- list: l\n  items: [cat]\n  priority: INFO\n${withCondition('evt.type = close and proc.name in (l)')}`, warns: ['LOAD_UNKNOWN_KEY'] },
  { name: 'an unknown item', text: `- foo: bar\n${RULE}`, warns: ['LOAD_UNKNOWN_ITEM'] },
  { name: 'an unknown source, whose rule is left out', text: more('- rule: other\n  desc: x\n  condition: okta.app = a\n  output: x\n  priority: INFO\n  source: okta\n'), enabled: 1, warns: ['LOAD_UNKNOWN_SOURCE'] },
  { name: 'a deprecated field in the output', text: RULE.replace('%fd.name', '%evt.dir'), warns: ['LOAD_DEPRECATED_ITEM'] },
  { name: 'a deprecated field in the condition, by way of a macro', text: `- macro: m\n  condition: evt.type in (execve, execveat) and evt.dir = <\n${withCondition('m and proc.name = bash')}`, warns: ['LOAD_DEPRECATED_ITEM'] },
  { name: 'an audit field compared with <NA>', text: `${withCondition('ka.verb = "<NA>"').replace('user=%user.name command=%proc.cmdline file=%fd.name', 'x')}  source: k8s_audit\n`, warns: ['LOAD_UNSAFE_NA_CHECK'] },
  { name: 'capture with its duration', text: more('  capture: true\n  capture_duration: 10000\n') },
  { name: 'an unknown field under skip-if-unknown-filter', text: `${withCondition('evt.type = open and proc.nope = a')}  skip-if-unknown-filter: true\n`, enabled: 0, warns: ['LOAD_UNKNOWN_FILTER'] },
  { name: 'an unknown field in the output under skip-if-unknown-filter', text: `${RULE.replace('%fd.name', '%zz.nope')}  skip-if-unknown-filter: true\n`, enabled: 0, warns: ['LOAD_UNKNOWN_FILTER'] },
  { name: 'a second mistake under skip-if-unknown-filter, behind the unknown field', text: `${withCondition('evt.type = open and proc.nope = a and proc.pid = abc')}  skip-if-unknown-filter: true\n`, enabled: 0, warns: ['LOAD_UNKNOWN_FILTER'] },
  { name: 'a condition that does not parse under skip-if-unknown-filter, when the output has an unknown field', text: `${withCondition('evt.type = open and proc.nope newop a').replace('%fd.name', '%proc.nope')}  skip-if-unknown-filter: true\n`, enabled: 0, warns: ['LOAD_UNKNOWN_FILTER'] },
  { name: 'an output under skip-if-unknown-filter that transforms what cannot be transformed', text: `${RULE.replace('%fd.name', '%toupper(proc.pid) %')}  skip-if-unknown-filter: true\n`, enabled: 0, warns: ['LOAD_UNKNOWN_FILTER'] },
  { name: 'a list of one item where one value is needed', text: `- list: l\n  items: [cat]\n${withCondition('evt.type = open and proc.name = l')}`, condition: '(evt.type = open and proc.name = cat)', warns: [] },
  { name: 'an empty list among values', text: `- list: l\n  items: []\n${withCondition('evt.type = open and proc.name in (l, cat)')}`, condition: '(evt.type = open and proc.name in (cat))', warns: [] },
  { name: 'lists in a list', text: `- list: a\n  items: [x]\n- list: b\n  items: [a, y]\n${withCondition('evt.type = open and proc.name in (b)')}`, condition: '(evt.type = open and proc.name in (x, y))', warns: [] },
  { name: 'a list that names one that is defined later', text: `- list: b\n  items: [a, y]\n- list: a\n  items: [x]\n${withCondition('evt.type = open and proc.name in (b)')}`, condition: '(evt.type = open and proc.name in (x, y))', warns: [] },
  { name: 'a quoted item of a list', text: `- list: l\n  items: ['"(systemd)"', a b]\n${withCondition('evt.type = open and proc.name in (l)')}`, condition: '(evt.type = open and proc.name in ((systemd), "a b"))', warns: [] },
  { name: 'several YAML documents and anchors', text: `---\n- list: l\n  items: &items [x, y]\n---\n- list: k\n  items: &k [z]\n- list: m\n  items: *k\n${withCondition('evt.type = open and proc.name in (l, k, m)')}`, condition: '(evt.type = open and proc.name in (x, y, z, z))', warns: [] },
];

const exception = (comps: string, values: string, fields = '[proc.name]') =>
  more(`  exceptions:\n    - name: e\n      fields: ${fields}\n      comps: ${comps}\n      values:\n        - ${values}\n`);

const acceptedExceptions: readonly (readonly [string, string, string])[] = [
  ['[startswith oneof]', '[[sshd, sudo, systemd]]', 'proc.name startswith oneof (sshd, sudo, systemd)'],
  ['[contains allof]', '[[curl, bash]]', 'proc.name contains allof (curl, bash)'],
  ['[endswith anyof]', '[[.sh, .py, .pl]]', 'proc.name endswith anyof (.sh, .py, .pl)'],
  ['[= oneof]', '[[nmap, masscan, nikto]]', 'proc.name = oneof (nmap, masscan, nikto)'],
  ['["  startswith oneof  "]', '[[sshd, sudo]]', 'proc.name startswith oneof (sshd, sudo)'],
  ['[startswith oneof]', '[sshd]', 'proc.name startswith oneof (sshd)'],
  ['[in]', '[[a, b c]]', 'proc.name in (a, "b c")'],
  ['[in]', '[a]', 'proc.name in (a)'],
];

const rejectedExceptions: readonly (readonly [string, string, string, RegExp])[] = [
  ['[frobulate oneof]', '[[bash]]', '[proc.name]', /'frobulate oneof' is no comparison operator/],
  ['frobulate oneof', '[bash]', 'proc.name', /'frobulate oneof' cannot compare one field with a list/],
  ['[in oneof]', '[[bash]]', '[proc.name]', /'in oneof' is no comparison operator/],
  ['[">= oneof"]', '[[1000]]', '[proc.pid]', /'>= oneof' is no comparison operator/],
  ['[oneof]', '[[bash]]', '[proc.name]', /'oneof' is no comparison operator/],
  ['[=, =]', '[[a]]', '[proc.name]', /'fields' has 1 items but 'comps' has 2 items/],
  ['[=]', '[a]', '[proc.nope]', /'proc.nope' is no field/],
  ['[=]', '[a, b]', '[proc.name]', /an item of 'values' has 2 values for 1 fields/],
  ['[=]', 'a', '[proc.name]', /an item of 'values' has a single value for 1 fields/],
  ['=', 'a', 'proc.name', /'=' cannot compare one field with a list/],
  ['[in]', 'a', 'proc.name', /'fields' is one field but 'comps' is a list/],
  ['in', '[a]', 'proc.name', /a list stands among the values of the single field 'proc.name'/],
];

interface Rejected {
  readonly name: string;
  readonly text: string;
  readonly says: RegExp;
}

const rejected: readonly Rejected[] = [
  { name: 'an unknown field under skip-if-unknown-filter, behind another mistake', text: `${withCondition('evt.type = open and proc.pid = abc and proc.nope = a')}  skip-if-unknown-filter: true\n`, says: /LOAD_ERR_COMPILE_CONDITION: 'abc' is no decimal number/ },
  { name: 'an output that ends with a % under skip-if-unknown-filter', text: `${RULE.replace('%fd.name', '%')}  skip-if-unknown-filter: true\n`, says: /LOAD_ERR_COMPILE_OUTPUT: a % stands at the end of the output/ },
  { name: 'a priority that is appended', text: more('- rule: r\n  desc: x\n  priority: WARNING\n  override:\n    desc: replace\n    priority: append\n'), says: /LOAD_ERR_YAML_VALIDATE: the key 'priority' cannot be appended to/ },
  { name: 'append and override in one item', text: more('- rule: r\n  desc: x\n  condition: and proc.name = cat\n  append: true\n  override:\n    desc: replace\n    condition: append\n'), says: /LOAD_ERR_YAML_VALIDATE: 'append: true' and 'override' cannot stand together/ },
  { name: 'a macro appended to before it is defined', text: `- macro: m\n  condition: or evt.type = openat2\n  override:\n    condition: append\n- macro: m\n  condition: evt.type = open\n${withCondition('m')}`, says: /LOAD_ERR_VALIDATE: there is no macro 'm' yet to append to/ },
  { name: 'a list appended to before it is defined', text: `- list: l\n  items: [a]\n  append: true\n- list: l\n  items: [b]\n${withCondition('evt.type = open and proc.name in (l)')}`, says: /LOAD_ERR_VALIDATE: there is no list 'l' yet to append to/ },
  { name: 'a rule appended to before it is defined', text: `- rule: r\n  condition: and proc.name = cat\n  append: true\n${RULE}`, says: /LOAD_ERR_VALIDATE: there is no rule 'r' yet to append to/ },
  { name: 'a rule replaced before it is defined', text: `- rule: r\n  condition: and proc.name = cat\n  override:\n    condition: replace\n${RULE}`, says: /LOAD_ERR_VALIDATE: there is no rule 'r' yet to replace keys of/ },
  { name: 'a rule enabled before it is defined', text: '- rule: r\n  enabled: true\n', says: /LOAD_ERR_VALIDATE: there is no rule 'r' yet to enable/ },
  { name: 'an override without its key', text: more('- rule: r\n  desc: x\n  override:\n    desc: replace\n    condition: append\n'), says: /LOAD_ERR_YAML_VALIDATE: 'override' says to append 'condition', but the item has no 'condition'/ },
  { name: 'a key without its override', text: more('- rule: r\n  desc: x\n  priority: WARNING\n  override:\n    desc: replace\n'), says: /LOAD_ERR_YAML_VALIDATE: the key 'priority' has no entry below 'override'/ },
  { name: 'replaced exceptions without fields', text: more('- rule: r\n  exceptions:\n    - name: e\n      values: [id]\n  override:\n    exceptions: replace\n'), says: /LOAD_ERR_YAML_VALIDATE: the exception has no 'fields'/ },
  { name: 'appended fields of an exception that has some', text: more('  exceptions:\n    - name: e\n      fields: [proc.name]\n      values: [[a]]\n- rule: r\n  exceptions:\n    - name: e\n      fields: [proc.name]\n      values: [[b]]\n  override:\n    exceptions: append\n'), says: /only values can be appended/ },
  { name: 'an engine version that is no version', text: '- required_engine_version: seven\n', says: /LOAD_ERR_YAML_VALIDATE: 'seven' is no engine version/ },
  { name: 'an engine version that is newer', text: '- required_engine_version: 0.64.0\n', says: /LOAD_ERR_VALIDATE: the rules need engine version 0\.64\.0, and this one is 0\.63\.0/ },
  { name: 'a plugin that is not built in', text: '- required_plugin_versions:\n  - name: okta\n    version: 0.1.0\n', says: /LOAD_ERR_VALIDATE: the rules need the plugin okta 0\.1\.0, which is not built in/ },
  { name: 'a plugin version that is newer', text: '- required_plugin_versions:\n  - name: json\n    version: 0.99.0\n', says: /LOAD_ERR_VALIDATE: the rules need json 0\.99\.0/ },
  { name: 'an alternative of the same name', text: '- required_plugin_versions:\n  - name: json\n    version: 0.1.0\n    alternatives:\n      - name: json\n        version: 0.2.0\n', says: /stands twice among the alternatives/ },
  { name: 'a rule redefined for another source', text: more('- rule: r\n  desc: x\n  condition: ka.verb = get\n  output: x\n  priority: INFO\n  source: k8s_audit\n'), says: /cannot be redefined for 'k8s_audit'/ },
  { name: 'a rule appended to for another source', text: more('- rule: r\n  condition: and 1 = 2\n  source: k8s_audit\n  append: true\n'), says: /cannot be redefined for 'k8s_audit'/ },
  { name: 'a duration that is no number', text: more('  capture_duration: "not_a_number"\n'), says: /LOAD_ERR_YAML_VALIDATE: the value of 'capture_duration' is 'not_a_number', which is no number/ },
  { name: 'a rule without desc', text: '- rule: r\n  condition: evt.type = open\n  output: x\n  priority: INFO\n', says: /LOAD_ERR_YAML_VALIDATE: the key 'desc' is missing/ },
  { name: 'an empty value', text: RULE.replace('desc: legit', 'desc:'), says: /LOAD_ERR_YAML_VALIDATE: the key 'desc' has no value/ },
  { name: 'a priority that is none', text: RULE.replace('INFO', 'HIGH'), says: /LOAD_ERR_YAML_VALIDATE: 'HIGH' is no priority/ },
  { name: 'tags that are no sequence', text: more('  tags: a\n'), says: /LOAD_ERR_YAML_VALIDATE: the value of 'tags' is not a sequence/ },
  { name: 'a list item that is a mapping', text: '- list: l\n  items: [a: b]\n', says: /LOAD_ERR_YAML_VALIDATE: an item of 'items' is a map/ },
  { name: 'a file that is one mapping', text: 'rule: r\n', says: /LOAD_ERR_YAML_VALIDATE: a rules file must be a sequence of items/ },
  { name: 'an item that is a text', text: '- hello\n', says: /LOAD_ERR_YAML_VALIDATE: an item is a scalar, not a mapping/ },
  { name: 'YAML that is none', text: '- rule: [a\n', says: /LOAD_ERR_YAML_PARSE/ },
  { name: 'an undefined macro', text: withCondition('evt.type = open and nope'), says: /LOAD_ERR_VALIDATE: there is no macro 'nope'/ },
  { name: 'macros that refer to each other', text: `- macro: a\n  condition: evt.type = open\n- macro: b\n  condition: a\n- macro: a\n  condition: b or evt.type = close\n${withCondition('a')}`, says: /LOAD_ERR_VALIDATE: macro '.' refers to itself/ },
  { name: 'a macro that uses one defined later', text: `- macro: a\n  condition: b\n- macro: b\n  condition: evt.type = open\n${withCondition('a')}`, says: /LOAD_ERR_VALIDATE: the macro 'b' is defined after the macro that uses it/ },
  { name: 'a condition that does not parse', text: withCondition('evt.type = open and'), says: /LOAD_ERR_COMPILE_CONDITION/ },
  { name: 'an unknown field', text: withCondition('evt.type = open and proc.nope = a'), says: /LOAD_ERR_COMPILE_CONDITION: .*proc\.nope/ },
  { name: 'an unknown event type', text: withCondition('evt.type = opeen'), says: /LOAD_ERR_COMPILE_CONDITION: .*opeen/ },
  { name: 'an operator that does not fit the type', text: withCondition('evt.type = open and proc.pid contains 5'), says: /LOAD_ERR_COMPILE_CONDITION/ },
  { name: 'an unknown field in the output', text: RULE.replace('%fd.name', '%zz.nope'), says: /LOAD_ERR_COMPILE_OUTPUT: .*zz\.nope/ },
  { name: 'a percent sign at the end of the output', text: RULE.replace('%fd.name', '100%'), says: /LOAD_ERR_COMPILE_OUTPUT: a % stands at the end/ },
  { name: 'a list of two items where one value is needed', text: `- list: l\n  items: [cat, dog]\n${withCondition('evt.type = open and proc.name = l')}`, says: /'l' is a list of 2 items/ },
  { name: 'a list used as a macro', text: `- list: l\n  items: [cat, dog]\n${withCondition('evt.type = open and l')}`, says: /there is no macro 'l'/ },
];

describe('what loads', () => {
  it.each(accepted.map((c) => [c.name, c] as const))('%s', (_name, { text, condition, warns, enabled }) => {
    const result = load(text);
    const ruleset = loaded(text);
    expect(result.diagnostics.every((d) => d.severity === 'warning')).toBe(true);
    if (condition !== undefined) expect(conditionOf(ruleset)).toBe(condition);
    if (warns !== undefined) expect([...new Set(result.diagnostics.map((d) => d.code))].sort()).toEqual(warns);
    if (enabled !== undefined) expect(ruleset.rules.filter((rule) => rule.enabled).length).toBe(enabled);
  });

  it.each(acceptedExceptions)('an exception with comps %s and values %s', (comps, values, condition) => {
    expect(conditionOf(loaded(exception(comps, values)))).toBe(`(evt.type = open and not ${condition})`);
  });

  it('an exception on several fields, with comparisons of both kinds', () => {
    expect(conditionOf(loaded(exception('["  contains  ", startswith anyof]', '[agent, [/etc/, /var/]]', '[proc.name, fd.name]')))).toBe(
      '(evt.type = open and not (proc.name contains agent and fd.name startswith anyof (/etc/, /var/)))',
    );
  });

  it('exceptions on one field, whose values are put together, and comps that are not written', () => {
    const text = more('  exceptions:\n    - name: a\n      fields: proc.name\n      values:\n        - cat\n        - x y\n    - name: b\n      fields: [proc.name, fd.name]\n      values:\n        - [a, b]\n        - [c, d]\n    - name: c\n      fields: [proc.name]\n');
    expect(conditionOf(loaded(text))).toBe(
      '(evt.type = open and not proc.name in (cat, "x y") and not ((proc.name = a and fd.name = b) or (proc.name = c and fd.name = d)))',
    );
  });

  it('texts are put together with a blank by append', () => {
    const rule = ruleOf(loaded(more('- rule: r\n  desc: more\n  output: proc=%proc.name\n  tags: [b, a]\n  override:\n    desc: append\n    output: append\n    tags: append\n')));
    expect([rule.desc, rule.output, rule.tags]).toEqual(['legit more', 'user=%user.name command=%proc.cmdline file=%fd.name proc=%proc.name', ['a', 'b']]);
  });

  it('an item that another file overrides', () => {
    const files = [RULE, '- rule: r\n  condition: and proc.name = cat\n  override:\n    condition: append\n'];
    expect(conditionOf(loaded(files))).toBe('(evt.type = open and proc.name = cat)');
  });

  it('rules keep the place of their first definition', () => {
    const other = RULE.replace('rule: r', 'rule: s');
    expect(loaded([`${RULE}${other}`, RULE]).rules.map((rule) => rule.name)).toEqual(['r', 's']);
  });
});

describe('what is refused', () => {
  it.each(rejected.map((c) => [c.name, c] as const))('%s', (_name, { text, says }) => {
    const result = load(text);
    expect(result.value === null).toBe(true);
    expect(problems(result).join('\n')).toMatch(says);
  });

  it.each(rejectedExceptions)('an exception with comps %s, values %s and fields %s', (comps, values, fields, says) => {
    const result = load(exception(comps, values, fields));
    expect(result.value === null).toBe(true);
    expect(problems(result).join('\n')).toMatch(says);
  });
});
