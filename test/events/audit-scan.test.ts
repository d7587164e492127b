// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AuditEvent } from '../../src/events/audit-event.js';
import { AuditScan, INCOMPLETE, INVALID, RECORD, SLOTS, slotOf } from '../../src/events/audit-scan.js';

const scan = new AuditScan();
const endOf = (text: string | Buffer): number => {
  const bytes = Buffer.from(text);
  return scan.scan(bytes, 0, bytes.length, new Int32Array(RECORD.length));
};

function isObject(text: string): boolean {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

describe('an event is scanned', () => {
  it.each([
    '{}', '{ }', '{"a":1}', '{"a":-0.5e+10,"b":[1,2,{}],"c":{"d":null}}', '{"a":"\\u00e9\\n\\/\\"","b":[[],[[]]]}', '{\n\t"a" : true , "b" : false }', '{"":""}', '{"a":0}', '{"a":-0}', '{"a":1E5}',
  ])('%s is an object to its end', (text) => {
    expect(endOf(text)).toBe(Buffer.byteLength(text));
    expect(isObject(text)).toBe(true);
  });

  it.each([
    '[]', '"a"', '{a:1}', "{'a':1}", '{"a"}', '{"a":}', '{"a":1,}', '{,}', '{"a":[1,]}', '{"a":[,1]}', '{"a":1 "b":2}', '{"a":01}', '{"a":1.}', '{"a":.5}', '{"a":+1}', '{"a":1e}', '{"a":-}',
    '{"a":NaN}', '{"a":tru}', '{"a":nul1}', '{"a":"\\x"}', '{"a":"\\u12g4"}', '{"a":"\n"}', '{"a":[}', '{"a":{]}', '{"a":1]', '{"a":Infinity}', '{"a":1}}'.slice(1),
  ])('%s is none', (text) => {
    expect(endOf(text)).toBe(INVALID);
    expect(isObject(text)).toBe(false);
  });

  it('every beginning of an object is incomplete, and whatever follows one is not looked at', () => {
    const text = '{"kind":"Ev\\u0065nt","a":[true,null,-1.5e3,{"b":"\\\\"}],"verb":"get" }';
    for (let n = 0; n < text.length; n++) expect(endOf(text.slice(0, n)), text.slice(0, n)).toBe(INCOMPLETE);
    expect(endOf(`${text}garbage`)).toBe(text.length);
  });

  it('an object is one exactly when JSON.parse takes it', () => {
    const token = fc.constantFrom('{', '}', '[', ']', ',', ':', '"a"', '"b"', '1', '-1.5', 'true', 'null', ' ', '"\\n"', '0', '01', '1.', '"\\u00e9"', 'x');
    fc.assert(
      fc.property(fc.array(token, { maxLength: 14 }), (tokens) => {
        const text = `{${tokens.join('')}}`;
        const end = endOf(text);
        expect(end === Buffer.byteLength(text), text).toBe(isObject(text));
      }),
      { numRuns: 20_000 },
    );
    fc.assert(
      fc.property(fc.json(), (json) => {
        const text = `{"x":${json}}`;
        expect(endOf(text)).toBe(Buffer.byteLength(text));
      }),
    );
  });

  it('nests as deep as it is long', () => {
    const deep = `{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
    expect(endOf(deep)).toBe(deep.length);
    expect(endOf(deep.replace(']]', ']}'))).toBe(INVALID);
  });
});

describe('members of an event', () => {
  const name = fc.oneof(fc.constantFrom(...SLOTS.flat()), fc.string());
  const value = fc.oneof(fc.jsonValue() as fc.Arbitrary<unknown>, fc.dictionary(name, fc.jsonValue() as fc.Arbitrary<unknown>));
  const object = fc.dictionary(name, value);
  /** What a slot leads to in an object that JSON.parse made; nothing is found in arrays and texts. */
  const reached = (root: Record<string, unknown>, path: readonly string[]): unknown => {
    let here: unknown = root;
    for (const key of path) {
      if (typeof here !== 'object' || here === null || Array.isArray(here) || !Object.hasOwn(here, key)) return undefined;
      here = (here as Record<string, unknown>)[key];
    }
    return here;
  };

  it('are what JSON.parse says, by slot and by name', () => {
    fc.assert(
      fc.property(object, fc.boolean(), (value, spaced) => {
        const text = JSON.stringify(value, null, spaced ? 2 : 0);
        const bytes = Buffer.from(text);
        const event = new AuditEvent();
        expect(event.read(bytes, 0, bytes.length)).toBe(bytes.length);
        expect(event.size).toBe(Buffer.byteLength(JSON.stringify(value)));
        const parsed = JSON.parse(text) as Record<string, unknown>;
        for (const slot of SLOTS) expect(event.slot(slotOf(...slot))).toEqual(reached(parsed, slot));
        for (const key of Object.keys(parsed)) expect(event.member(key)).toEqual(parsed[key]);
      }),
    );
  });

  it('are found when their name is written with escapes, and the last of two counts', () => {
    const event = new AuditEvent();
    for (const text of ['{"verb":"get","v\\u0065rb":"list"}', '{"verb":"get","verb":"list"}']) {
      event.read(Buffer.from(text), 0, text.length);
      expect(event.slot(slotOf('verb'))).toBe('list');
    }
  });

  it('within a member that comes twice are those of the last', () => {
    const event = new AuditEvent();
    const text = '{"user":{"username":"a","groups":[1]},"user":{"us\\u0065rname":"b","username":{"c":[{"username":"d"}]}},"objectRef":{"name":"n"},"objectRef":[{"name":"m"}]}';
    expect(event.read(Buffer.from(text), 0, text.length)).toBe(text.length);
    const at = (...keys: string[]) => event.slot(slotOf(...keys));
    expect([at('user', 'username'), at('user', 'groups'), at('objectRef', 'name')]).toEqual([{ c: [{ username: 'd' }] }, undefined, undefined]);
  });

  it('are those of the present event, when one object is used for many', () => {
    const event = new AuditEvent();
    const bytes = Buffer.from('{"verb":"get","user":{"username":"a"}}{"verb":"list"}');
    const next = event.read(bytes, 0, bytes.length);
    expect([event.slot(slotOf('verb')), event.object.user, event.textAt(['user'], 'user')]).toEqual(['get', { username: 'a' }, '{"username":"a"}']);
    expect(event.read(bytes, next, bytes.length)).toBe(bytes.length);
    expect([event.slot(slotOf('verb')), event.object.user, event.slot(slotOf('user')), event.text]).toEqual(['list', undefined, undefined, '{"verb":"list"}']);
  });
});
