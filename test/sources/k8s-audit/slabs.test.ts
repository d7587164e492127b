// SPDX-License-Identifier: Apache-2.0
/** Events on their way from the thread that takes them in to the one that evaluates them. */
import { describe, expect, it } from 'vitest';
import { AuditEvent } from '../../../src/events/audit-event.js';
import { RECORD, slotOf } from '../../../src/events/audit-scan.js';
import type { Slab } from '../../../src/sources/k8s-audit/messages.js';
import { SlabOutlet } from '../../../src/sources/k8s-audit/slabs.js';
import { auditEvent } from './post.js';

interface Sent {
  readonly slab: Slab;
  readonly count: number;
}

function outletInto(sent: Sent[]): { readonly outlet: SlabOutlet; put(text: string): void } {
  const outlet = new SlabOutlet((slab, count) => sent.push({ slab, count }));
  const event = new AuditEvent();
  return {
    outlet,
    put: (text) => {
      const bytes = Buffer.from(`  ${text}`);
      const end = event.read(bytes, 2, bytes.length);
      expect(event.readTime()).toBe(true);
      expect(outlet.put(event, bytes, 2, end, false)).toBe(false);
    },
  };
}

/** What the other side reads from a slab. */
function read({ slab, count }: Sent): { text: string; id: unknown; user: unknown; time: bigint }[] {
  const event = new AuditEvent();
  return Array.from({ length: count }, (_, n) => {
    event.view(Buffer.from(slab.bytes), new Int32Array(slab.records), n * RECORD.length);
    return { text: event.text, id: event.slot(slotOf('auditID')), user: event.slot(slotOf('user', 'username')), time: event.timestamp() };
  });
}

const turn = (): Promise<void> => new Promise((done) => setImmediate(done));
const pending = async (promise: Promise<void>): Promise<boolean> => {
  let done = false;
  void promise.then(() => {
    done = true;
  });
  await turn();
  return !done;
};

describe('events of one turn of the event loop', () => {
  it('go together, and are on the other side what they were on this one', async () => {
    const sent: Sent[] = [];
    const { put } = outletInto(sent);
    const texts = ['2026-11-23T08:04:40.686563Z', '9999-12-31T23:59:59.999999999Z', '1970-01-01T00:00:00Z'].map((time, n) =>
      JSON.stringify(auditEvent(`id-${n}`, { stageTimestamp: time, userAgent: 'ünï\u{1F600}'.slice(0, n * 3), user: { username: `user-${n}` } })),
    );
    for (const text of texts) put(text);
    expect(sent).toEqual([]);
    await turn();
    expect(sent.length).toBe(1);
    expect(read(sent[0])).toEqual([
      { text: texts[0], id: 'id-0', user: 'user-0', time: 1795421080686563000n },
      { text: texts[1], id: 'id-1', user: 'user-1', time: 253402300799999999999n },
      { text: texts[2], id: 'id-2', user: 'user-2', time: 0n },
    ]);
  });

  it('are more than one slab when one cannot hold them; a large one has a slab of its own size', async () => {
    const sent: Sent[] = [];
    const { put } = outletInto(sent);
    const sizes = [100_000, 100_000, 100_000, 5_000_000, 10];
    const texts = sizes.map((size, n) => JSON.stringify(auditEvent(`id-${n}`, { requestObject: 'x'.repeat(size) })));
    for (const text of texts) put(text);
    await turn();
    expect(sent.map(({ count }) => count)).toEqual([2, 1, 1, 1]);
    expect(sent.flatMap(read).map(({ text }) => text)).toEqual(texts);
  });

  it('are sent as they are, between those before and after them, when they are large and nobody else has their bytes', async () => {
    const sent: Sent[] = [];
    const { outlet, put } = outletInto(sent);
    const texts = [10, 300_000, 20].map((size, n) => JSON.stringify(auditEvent(`id-${n}`, { requestObject: 'x'.repeat(size) })));
    put(texts[0]);
    const bytes = Buffer.allocUnsafeSlow(400_000);
    const end = 5 + bytes.write(texts[1], 5);
    const event = new AuditEvent();
    expect(event.read(bytes, 5, end)).toBe(end);
    expect(event.readTime()).toBe(true);
    expect(outlet.put(event, bytes, 5, end, true)).toBe(true);
    put(texts[2]);
    await turn();
    expect(sent.flatMap(read).map(({ text }) => text)).toEqual(texts);
    expect(sent[1].slab.bytes).toBe(bytes.buffer);
    for (const { slab } of sent) outlet.evaluated(slab);
    expect(await pending(outlet.settled())).toBe(false);
  });
});

describe('who brings events', () => {
  const small = JSON.stringify(auditEvent('a'));

  it('is told when all that it brought has been evaluated, and not before', async () => {
    const sent: Sent[] = [];
    const { outlet, put } = outletInto(sent);
    expect(await pending(outlet.settled())).toBe(false);
    put(small);
    const first = outlet.settled();
    await turn();
    put(small);
    const second = outlet.settled();
    await turn();
    expect(await pending(first)).toBe(true);
    outlet.evaluated(sent[0].slab);
    expect([await pending(first), await pending(second)]).toEqual([false, true]);
    outlet.evaluated(sent[1].slab);
    expect(await pending(second)).toBe(false);
  });

  it('is asked to wait when too much is on its way, and until there is room', async () => {
    const sent: Sent[] = [];
    const { outlet, put } = outletInto(sent);
    for (let n = 0; !outlet.full; n++) {
      expect(n).toBeLessThan(1000);
      put(small);
      await turn();
    }
    const room = outlet.room();
    expect(await pending(room)).toBe(true);
    expect(sent.reduce((sum, { slab }) => sum + slab.bytes.byteLength, 0)).toBeLessThan(5_000_000);
    for (const { slab } of sent) outlet.evaluated(slab);
    expect([await pending(room), outlet.full]).toEqual([false, false]);
    expect(await pending(outlet.room())).toBe(false);
  });

  it('has memory that was used before used again', async () => {
    const sent: Sent[] = [];
    const { outlet, put } = outletInto(sent);
    put(small);
    await turn();
    outlet.evaluated(sent[0].slab);
    put(small);
    await turn();
    expect(sent[1].slab.bytes).toBe(sent[0].slab.bytes);
  });
});
