// SPDX-License-Identifier: Apache-2.0
/** Fields are found by name, with what stands behind a dot. */
import { describe, expect, it } from 'vitest';
import { argumentOf, field, makeCatalogue } from '../../src/fields/catalogue.js';

const parts = {
  source: 'test',
  classes: [{ name: 'a', desc: 'a', fields: [field('a.b', 'UINT64', 'd', () => 1), field('a.b.c', 'UINT64', 'd', () => 2), field('a.x', 'UINT64', 'd', () => 3)] }],
  eventTypes: new Map<string, readonly number[]>(),
  eventTypeCount: 1,
};

describe('a catalogue finds', () => {
  const catalogue = makeCatalogue({ ...parts, dotted: [{ name: 'a.b' }, { name: 'a.x', optional: true }] });
  const found = (name: string) => {
    const answer = catalogue.find(name);
    return answer === null ? null : [answer.field.name, answer.argument?.text ?? null];
  };
  it('a field by its whole name', () => expect(found('a.b')).toEqual(['a.b', null]));
  it('the longer name before an argument behind a dot', () => expect(found('a.b.c')).toEqual(['a.b.c', null]));
  it('an argument behind a dot, dots in it included', () => {
    expect(found('a.b.d')).toEqual(['a.b', 'd']);
    expect(found('a.b.d.e')).toEqual(['a.b', 'd.e']);
  });
  it('an empty argument where it may be missing', () => expect(found('a.x')).toEqual(['a.x', '']));
  it('nothing else', () => {
    for (const name of ['a', 'b', 'a.', '', 'a.b c', 'A.B', 'a.y.z']) expect(found(name)).toBe(null);
  });
});

describe('a catalogue is not built', () => {
  it('with the same field twice', () => {
    const twice = [...parts.classes, { name: 'b', desc: 'b', fields: [field('a.x', 'UINT64', 'd', () => 0)] }];
    expect(() => makeCatalogue({ ...parts, classes: twice })).toThrow('field a.x is defined twice');
  });
  it('with an argument of no field', () => {
    expect(() => makeCatalogue({ ...parts, dotted: [{ name: 'nobody' }] })).toThrow('no field nobody');
  });
});

it('an argument is a number when it is digits only', () => {
  expect([argumentOf('12').index, argumentOf('-1').index, argumentOf('1x').index, argumentOf('').index]).toEqual([12, null, null, null]);
});
