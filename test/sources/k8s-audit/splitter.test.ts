// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AuditEvent } from '../../../src/events/audit-event.js';
import { AuditSplitter } from '../../../src/sources/k8s-audit/splitter.js';

interface Outcome {
  readonly out: readonly string[];
  readonly whole: boolean;
}

/** What comes out of a text that arrives in chunks of so many bytes. */
function split(text: string | Buffer, options: { max?: number; lines?: boolean; chunks?: readonly number[]; fast?: boolean; keep?: boolean } = {}): Outcome {
  const out: string[] = [];
  const event = new AuditEvent();
  const splitter = new AuditSplitter(
    {
      tryEvent: (all, start, limit) => {
        if (options.fast !== true) return 0;
        const end = event.read(all, start, limit);
        if (end < 0 || event.size > (options.max ?? 1000)) return 0;
        out.push(all.toString('utf8', start, end));
        return end;
      },
      event: (bytes, start, end, own) => {
        out.push(bytes.toString('utf8', start, end));
        if (options.keep !== true || !own) return false;
        // Whoever owns them may send them away: they are gone for everybody else then.
        structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] });
        return true;
      },
      tooLarge: (size) => out.push(`too large: ${size}`),
      malformed: () => out.push('malformed'),
      notAnEvent: () => out.push('not an event'),
      list: () => out.push('list'),
    },
    { maxEventSize: options.max ?? 1000, lines: options.lines ?? false },
  );
  const bytes = Buffer.from(text);
  const chunks = options.chunks ?? [bytes.length];
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const size = Math.max(1, chunks[n % chunks.length]);
    splitter.push(Buffer.from(bytes.subarray(at, at + size)));
    at += size;
  }
  return { out, whole: splitter.end() };
}

const A = '{"kind":"Event","a":"}\\"]{"}';
const B = '{"kind":"Event","b":[{"items":[1]}]}';

describe('a stream of audit events is cut', () => {
  it('at an Event on its own, with white space around', () => {
    expect(split(` \n${A}\t `)).toEqual({ out: [A], whole: true });
  });

  it('at the items of an EventList, whatever else is in it', () => {
    const list = `{"kind":"EventList","metadata":{"items":[{"x":1}]},"items":[${A}, {"no":"kind"} ],"more":["x",{"y":[1,2]}]}`;
    expect(split(list)).toEqual({ out: [A, '{"no":"kind"}', 'list'], whole: true });
  });

  it('at the items of a list that names its kind last', () => {
    expect(split(`{"apiVersion":"v1","items":[${A}],"kind":"EventList"}`)).toEqual({ out: [A, 'list'], whole: true });
  });

  it('at the elements of an array, nested or not, and at values one after another', () => {
    const text = `[${A},[${B}],{"kind":"EventList","items":[${A}]}]${B}\n${A}`;
    expect(split(text)).toEqual({ out: [A, B, A, 'list', B, A], whole: true });
  });

  it('and an Event may have a member called items', () => {
    const event = '{"kind":"Event","items":[{"x":1}]}';
    expect(split(event)).toEqual({ out: [event], whole: true });
  });

  it.each([
    ['{"kind":0}', ['not an event']],
    ['{"kind":"EventList"}', ['not an event']],
    ['{"kind":"PodList","items":[{"a":1}]}', ['not an event']],
    ['{"items":[{"a":1}]}', ['{"a":1}', 'not an event']],
    ['{"a":{"kind":"Event"}}', ['not an event']],
    ['{}', ['not an event']],
    ['{"kind":"EventList","items":[]}', ['list']],
    [`{"kind":"EventList","items":[null,${A},"x",5,[1,{"a":[]}],${B}]}`, ['malformed', A, 'malformed', 'malformed', 'malformed', B, 'list']],
    [`[1,"x",null,${A}]`, ['malformed', 'malformed', 'malformed', A]],
    ['hello', ['malformed']],
    [']', ['malformed']],
    [`\uFEFF${A}`, ['malformed', A]],
    ['', []],
  ])('%s gives %j', (text, out) => {
    expect(split(text)).toEqual({ out, whole: true });
  });

  it.each(['{"kind":"Event","a":', '[', `[${A},`, '{"kind":"EventList","items":[{"a":1}', '{"a":"x'])(
    'and knows that %s is unfinished',
    (text) => expect(split(text).whole).toBe(false),
  );

  it('leaving out what is too large, by its size without white space, and keeping the rest', () => {
    const large = `{"kind":"Event","x":"${'y'.repeat(2000)}"}`;
    const text = `{"kind":"EventList","items":[${A},${large},${B}]}${large}${A}`;
    const out = [A, `too large: ${large.length}`, B, 'list', `too large: ${large.length}`, A];
    expect(split(text).out).toEqual(out);
    expect(split(text, { chunks: [7] }).out).toEqual(out);
    const spaced = `{"kind":"Event",${' '.repeat(2000)}"x":1}`;
    expect(split(spaced, { chunks: [64] }).out).toEqual([spaced]);
  });

  it('and a list is still seen behind a member that is too large', () => {
    const text = `{"kind":"EventList","metadata":{"x":"${'y'.repeat(2000)}"},"items":[${A}]}`;
    for (const chunks of [[text.length], [1], [5], [100]]) expect(split(text, { chunks }).out).toEqual([A, 'list']);
  });
});

describe('of JSON lines', () => {
  it('a line that was cut off costs that line only', () => {
    const cuts = ['{"kind":"Event","a":"unfinished', '{"kind":"Event","a":', '{"kind":"Event","a":[1,', '{"kind":"EventList","items":[{"x":1},{"y"'];
    for (const cut of cuts) {
      const { out, whole } = split(`${A}\n${cut}\n${B}\n${A}\n`, { lines: true });
      expect(out.filter((one) => one !== '{"x":1}')).toEqual([A, 'malformed', B, A]);
      expect(whole).toBe(true);
    }
  });

  it('indented JSON over many lines is read too', () => {
    const event = JSON.stringify({ kind: 'Event', a: [{ b: 1 }] }, null, 2);
    const list = JSON.stringify({ kind: 'EventList', items: [{ a: { b: 1 } }, { c: 2 }] }, null, 2);
    const { out } = split(`${event}\n${list}\n${A}`, { lines: true });
    expect(out.map((text) => (text.startsWith('{') ? JSON.parse(text) : text))).toEqual([
      { kind: 'Event', a: [{ b: 1 }] },
      { a: { b: 1 } },
      { c: 2 },
      'list',
      JSON.parse(A),
    ]);
  });
});

describe('however the bytes arrive', () => {
  const json = fc.json({ maxDepth: 4 });
  const event = fc.tuple(json, fc.string()).map(([a, b]) => `{"kind":"Event","a":${a},${JSON.stringify(b)}:1}`);
  const list = fc.array(fc.oneof(event, json), { maxLength: 5 }).map((items) => `{"kind":"EventList","items":[${items.join(', ')}]}`);
  const stream = fc.array(fc.oneof(event, list, json), { maxLength: 5 }).map((values) => values.join('\n'));

  it('the same comes out', () => {
    fc.assert(
      fc.property(stream, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), fc.integer({ min: 20, max: 300 }), (text, chunks, max) => {
        expect(split(text, { chunks, max })).toEqual(split(text, { max }));
        expect(split(text, { chunks, max, fast: true })).toEqual(split(text, { max }));
        expect(split(text, { chunks, max, keep: true })).toEqual(split(text, { max }));
      }),
      { numRuns: 500 },
    );
  });

  it('each event comes out as it went in', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 6 }), fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), fc.boolean(), (events, chunks, fast) => {
        const all = { chunks, max: 1e6, fast };
        expect(split(`{"kind":"EventList","items":[${events.join(',')}]}`, all)).toEqual({ out: [...events, 'list'], whole: true });
        expect(split(`[${events.join()}]`, all)).toEqual({ out: events, whole: true });
        expect(split(events.join('\n'), { ...all, lines: true })).toEqual({ out: events, whole: true });
      }),
      { numRuns: 300 },
    );
  });

  it('and no bytes make it throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, lines) => {
        split(Buffer.from(bytes), { chunks: [3, 1], lines, max: 20 });
      }),
    );
    const marks = fc.array(fc.constantFrom('{', '}', '[', ']', '"', '\\', ',', ':', '\n', 'kind', 'items', 'Event', '1'), { maxLength: 60 });
    fc.assert(
      fc.property(marks, fc.boolean(), (parts, lines) => {
        const text = parts.join('');
        expect(split(text, { chunks: [1], lines, max: 20 })).toEqual(split(text, { lines, max: 20 }));
      }),
      { numRuns: 2000 },
    );
  });
});
