// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { captureAlert } from '../../src/alert/capture.js';
import { compileTemplate } from '../../src/alert/template.js';
import type { EngineEvent } from '../../src/events/event.js';
import { makeCatalogue } from '../../src/fields/catalogue.js';
import type { FieldDef } from '../../src/lang/catalogue.js';
import type { FieldType, Value } from '../../src/lang/value.js';

interface TestEvent extends EngineEvent {
  readonly values: Readonly<Record<string, Value>>;
}

function event(values: Readonly<Record<string, Value>>): TestEvent {
  return { type: 1, num: 1, timestamp: () => 1_795_426_191_028_390_515n, values };
}

function fieldOf(name: string, type: FieldType, extra: Partial<FieldDef<TestEvent>> = {}): FieldDef<TestEvent> {
  return {
    name, type, desc: name, ...extra,
    bind: (argument) => (e) => e.values[argument === null ? name : `${name}[${argument.text}]`] ?? null,
  };
}

const catalogue = makeCatalogue<TestEvent>({
  source: 'syscall',
  classes: [{
    name: 'test',
    desc: 'test',
    fields: [
      fieldOf('proc.name', 'CHARBUF'),
      fieldOf('proc.pid', 'INT64'),
      fieldOf('proc.aname', 'CHARBUF', { argument: { required: false, index: true, key: false } }),
      fieldOf('thread.cap', 'UINT64', { format: 'HEX' }),
      fieldOf('fd.mode', 'INT32', { format: 'OCT' }),
      fieldOf('evt.time.ns', 'UINT64', { format: 'PADDED10' }),
      fieldOf('evt.time', 'CHARBUF', { json: (e) => e.timestamp() }),
      fieldOf('evt.buffer', 'BYTEBUF'),
      fieldOf('fd.names', 'CHARBUF', { list: true }),
      fieldOf('fd.ports', 'PORT', { list: true }),
      fieldOf('evt.is_io', 'BOOL'),
      fieldOf('thread.cpu', 'DOUBLE'),
      fieldOf('fd.ip', 'IPADDR'),
      fieldOf('jevt.value', 'CHARBUF', { argument: { required: true, index: false, key: true } }),
    ],
  }],
  eventTypes: new Map([['open', [1]]]),
  eventTypeCount: 2,
});

function render(text: string, values: Readonly<Record<string, Value>> = {}, base64 = false) {
  const { template, errors } = compileTemplate(text, catalogue, { base64 });
  if (template === null) throw new Error(errors.map((error) => error.message).join('\n'));
  const { message, fields } = template.render(event(values));
  return { message, fields: Object.fromEntries(fields), names: template.names };
}

const message = (text: string, values: Readonly<Record<string, Value>> = {}) => render(text, values).message;

describe('an output template', () => {
  it('puts values in place of fields, and <NA> where there is none', () => {
    expect(message('start %proc.name (%proc.pid) end', { 'proc.name': 'cat', 'proc.pid': 5 })).toBe('start cat (5) end');
    expect(message('start %proc.name end')).toBe('start <NA> end');
    expect(message('no fields at all')).toBe('no fields at all');
  });

  it('leaves out a star at its beginning and keeps others', () => {
    expect(message('*%proc.name*', { 'proc.name': 'a' })).toBe('a*');
  });

  it('takes %% for a percent sign', () => {
    expect(message('100%% of %%proc.name %%%proc.name', { 'proc.name': 'a' })).toBe('100% of %proc.name %a');
  });

  it('ends a name where the longest known field does', () => {
    expect(message('%proc.nameand%proc.pid.', { 'proc.name': 'a', 'proc.pid': 1 })).toBe('aand1.');
    expect(message('%fd.names.x', { 'fd.names': ['a'] })).toBe('(a).x');
  });

  it('takes arguments, quoted ones too', () => {
    const values = { 'proc.aname[2]': 'sh', 'jevt.value[/a/b]': 'x', 'jevt.value[a b]': 'y' };
    expect(render('%proc.aname[2]|%jevt.value[/a/b]|%jevt.value["a b"]', values)).toEqual({
      message: 'sh|x|y',
      fields: { 'proc.aname[2]': 'sh', 'jevt.value[/a/b]': 'x', 'jevt.value["a b"]': 'y' },
      names: ['proc.aname[2]', 'jevt.value[/a/b]', 'jevt.value["a b"]'],
    });
    expect(message('%proc.aname[2', { 'proc.aname': 'a' })).toBe('a[2');
  });

  it('applies transformers, whose fields alone go into output_fields', () => {
    expect(render('%toupper(proc.name) %tolower(toupper( proc.name ))', { 'proc.name': 'Cat' })).toEqual({
      message: 'CAT cat',
      fields: { 'proc.name': 'Cat' },
      names: ['proc.name', 'toupper(proc.name)', 'proc.name', 'tolower(toupper(proc.name))'],
    });
  });

  it('shows that a transformer has found nothing', () => {
    expect(message('%getopt(fd.names, "ab")|%getopt(fd.names, "ab")[a]', { 'fd.names': ['x'] })).toBe('()|<NA>');
  });

  it('pads and cuts to a width', () => {
    expect(message('<%10proc.name|%2proc.name>', { 'proc.name': 'init' })).toBe('<init      |in>');
    expect(render('%2proc.name', { 'proc.name': 'init' }).fields).toEqual({ 'proc.name': 'init' });
  });

  it.each([
    ['%proc.pid', { 'proc.pid': 9007199254740993n }, '9007199254740993', 9007199254740993n],
    ['%proc.pid', { 'proc.pid': -1 }, '-1', -1],
    ['%thread.cap', { 'thread.cap': 255 }, 'FF', 'FF'],
    ['%fd.mode', { 'fd.mode': -1 }, '37777777777', '37777777777'],
    ['%evt.time.ns', { 'evt.time.ns': 42 }, '000000042', '000000042'],
    ['%evt.time', { 'evt.time': '09:29:51.028390515' }, '09:29:51.028390515', 1_795_426_191_028_390_515n],
    ['%evt.is_io', { 'evt.is_io': false }, 'false', false],
    ['%thread.cpu', { 'thread.cpu': 12.345 }, '12.3', 12.345],
    ['%fd.ip', { 'fd.ip': '::1' }, '::1', '::1'],
    ['%fd.names', { 'fd.names': ['a', 'b'] }, '(a,b)', ['a', 'b']],
    ['%fd.names', { 'fd.names': [] }, '<NA>', null],
    ['%fd.ports', { 'fd.ports': [80, 443] }, '(80,443)', [80, 443]],
    ['%proc.name', {}, '<NA>', null],
    ['%evt.buffer', { 'evt.buffer': Buffer.from('a\n\0é') }, 'a....', 'a....'],
  ] as const)('renders %s of %o as %s', (text, values, shown, json) => {
    const result = render(text, values);
    expect(result.message).toBe(shown);
    expect(Object.values(result.fields)).toEqual([json]);
  });

  it('prints bytes as base64 with buffer_format_base64', () => {
    expect(render('%evt.buffer', { 'evt.buffer': Buffer.from('a\n\0') }, true).message).toBe('YQoA');
  });

  it('cuts lists and byte strings that are too long', () => {
    expect(message('%evt.buffer', { 'evt.buffer': Buffer.alloc(1022, 97) })).toBe('a'.repeat(1022));
    expect(message('%evt.buffer', { 'evt.buffer': Buffer.alloc(5000, 97) })).toBe('a'.repeat(1021));
    expect(Buffer.byteLength(message('%fd.names', { 'fd.names': Array.from({ length: 500 }, () => 'abcd') }))).toBe(1023);
    expect(message('%proc.name', { 'proc.name': 'a'.repeat(5000) })).toBe('a'.repeat(5000));
  });

  it('keeps nothing of the event', () => {
    const bytes = Buffer.from('abc');
    const rendered = compileTemplate('%evt.buffer', catalogue).template?.render(event({ 'evt.buffer': bytes }));
    bytes.fill(0);
    expect(rendered?.fields.get('evt.buffer')).toBe('abc');
  });

  it.each([
    'start %some.field end', 'start %a end', 'start % end', 'start %proc.name %', '%toupper(proc.name', '%toupper(val(proc.name))',
    '%val(proc.name)', '%nope(proc.name)', '%toupper (proc.name)', '%toupper(proc.pid)', '%5', '%jevt.value',
  ])('refuses %s', (text) => {
    expect(compileTemplate(text, catalogue).errors.length).toBeGreaterThan(0);
  });

  it('refuses a width that no memory has', () => {
    expect(compileTemplate('a %99999999999proc.name', catalogue).errors).toEqual([
      { message: '99999999999 characters are no width for a field', hint: 'the most is 65535', start: 2, end: 14, unknownField: false },
    ]);
    expect(message('%65535proc.name', { 'proc.name': 'a' })).toHaveLength(65_535);
  });

  it('is done with a word of any length that is no field', () => {
    expect(compileTemplate(`%${'a.b'.repeat(100_000)}`, catalogue).errors).toHaveLength(1);
    expect(compileTemplate('%zz.z '.repeat(2_000), catalogue).errors).toHaveLength(2_000);
  });

  it('reports every mistake, each at its place', () => {
    const text = 'a %proc.nmae b %% c %fd.zzz d %';
    const { template, errors } = compileTemplate(text, catalogue);
    expect(template).toBeNull();
    expect(errors).toEqual([
      { message: "there is no field 'proc.nmae' for source 'syscall'", hint: "did you mean 'proc.name'?", start: 2, end: 12, unknownField: true },
      { message: "there is no field 'fd.zzz' for source 'syscall'", start: 20, end: 27, unknownField: true },
      { message: 'a % stands at the end of the output', hint: 'write %% for a percent sign', start: 30, end: 31, unknownField: false },
    ]);
  });
});

describe('an alert', () => {
  it('carries the message, the fields, and extra fields as text or as their own value', () => {
    const compile = (text: string) => {
      const { template } = compileTemplate(text, catalogue);
      if (template === null) throw new Error(text);
      return template;
    };
    const rule = {
      name: 'r', priority: 'Notice', source: 'syscall', tags: ['t'], template: compile('name=%proc.name'),
      extraFields: [
        { key: 'text', raw: false, template: compile('pid is %proc.pid') },
        { key: 'proc.pid', raw: true, template: compile('%proc.pid') },
      ],
    } as const;
    const alert = captureAlert(rule, event({ 'proc.name': 'cat', 'proc.pid': 7 }), 'node1');
    expect({ ...alert, fields: Object.fromEntries(alert.fields) }).toEqual({
      time: 1_795_426_191_028_390_515n, rule: 'r', priority: 'Notice', source: 'syscall', hostname: 'node1', message: 'name=cat', tags: ['t'],
      fields: { 'proc.name': 'cat', text: 'pid is 7', 'proc.pid': 7 },
    });
  });
});
