// SPDX-License-Identifier: Apache-2.0
/** The ring of the last events: after any events at all, it holds the newest of them, whole and in order, in its own memory. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EVENTS } from '../../src/events/table.js';
import { EventHistory } from '../../src/sources/event-history.js';
import { ScapDecoder, type ScapReceiver } from '../../src/sources/scap-reader.js';
import { ScapEncoder } from '../../src/sources/scap-writer.js';
import { buildEvent, viewOf } from '../helpers/event-builder.js';

const nothing = () => undefined;

/** `time:path` of every event in these blocks, read as a capture file is. */
function decode(history: EventHistory, since = 0n): string[] {
  const seen: string[] = [];
  const receiver: ScapReceiver = {
    section: nothing, machine: nothing, cgroups: nothing, thread: nothing, fd: nothing, interfaces: nothing, user: nothing, group: nothing, ready: nothing,
    event: (view) => seen.push(`${view.timestamp()}:${view.cpu}:${view.str(EVENTS[view.type].key === 'CONTAINER_JSON_2_E' ? 0 : 1)}`),
  };
  const header = new ScapEncoder();
  header.section();
  const decoder = new ScapDecoder(receiver);
  decoder.push(Buffer.from(header.out.take()));
  let events = 0;
  for (const piece of history.since(since)) {
    decoder.push(Buffer.from(piece.blocks));
    events += piece.events;
  }
  expect(events).toBe(seen.length);
  return seen;
}

function chdir(ts: bigint, length: number) {
  const view = viewOf(buildEvent('SYSCALL_CHDIR_X', { res: 0, path: 'x'.repeat(length) }, { ts }));
  view.cpu = Number(ts % 7n);
  return view;
}

const expected = (ts: bigint, length: number) => `${ts}:${ts % 7n}:${'x'.repeat(length)}`;

describe('the history of events', () => {
  it('holds the newest events that fit, whatever their lengths, and no byte more than it was given', () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 2000 }), fc.array(fc.integer({ min: 0, max: 1500 }), { maxLength: 120 }), (capacity, lengths) => {
        const history = new EventHistory(capacity);
        const pushed: string[] = [];
        let tooLong = 0;
        lengths.forEach((length, i) => {
          const ts = BigInt(i + 1);
          const view = chdir(ts, length);
          history.push(view);
          if (((14 + view.length + 3) & ~3) + 4 > capacity) tooLong++;
          else pushed.push(expected(ts, length));
          const held = decode(history);
          // A suffix of what was pushed, and never empty once something fits.
          expect(held).toEqual(pushed.slice(pushed.length - held.length));
          if (pushed.length > 0) expect(held.length).toBeGreaterThan(0);
          expect(history.since(0n).reduce((sum, piece) => sum + piece.blocks.length, 0)).toBeLessThanOrEqual(capacity);
        });
        expect(history.tooLong).toBe(tooLong);
      }),
      { numRuns: 150 },
    );
  });

  it('uses its memory: of many equal events it holds as many as fit, but for the gap at the end of the ring', () => {
    const history = new EventHistory(10_000);
    for (let i = 1; i <= 5000; i++) history.push(chdir(BigInt(i), 20));
    const held = decode(history);
    const size = ((14 + chdir(1n, 20).length + 3) & ~3) + 4;
    expect(held.length).toBeGreaterThanOrEqual(Math.floor(10_000 / size) - 1);
    expect(held.at(-1)).toBe(expected(5000n, 20));
  });

  it('gives only what happened since a time, at both sides of the ring\'s end', () => {
    const history = new EventHistory(4000);
    for (let i = 1; i <= 200; i++) history.push(chdir(BigInt(i * 1000), i % 50));
    const all = decode(history);
    const times = all.map((text) => BigInt(text.split(':')[0]));
    for (const time of times) {
      expect(decode(history, time)).toEqual(all.slice(times.indexOf(time)));
      expect(decode(history, time + 1n)).toEqual(all.slice(times.indexOf(time) + 1));
    }
  });

  it('holds events with long parameters as such', () => {
    const history = new EventHistory(200_000);
    history.push(viewOf(buildEvent('CONTAINER_JSON_2_E', { json: 'j'.repeat(100_000) }, { ts: 5n })));
    expect(decode(history)).toEqual([`5:0:${'j'.repeat(100_000)}`]);
  });
});
