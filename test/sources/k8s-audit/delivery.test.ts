// SPDX-License-Identifier: Apache-2.0
/** Delivery as a kube-apiserver does it: batches, several at once, the same body again after an error or a silence. */
import { connect as netConnect } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterEach, describe, expect, it } from 'vitest';
import type { AuditEvent } from '../../../src/events/audit-event.js';
import { AuditIntake, COUNTERS } from '../../../src/sources/k8s-audit/intake.js';
import type { Outlet } from '../../../src/sources/k8s-audit/outlet.js';
import { Credentials } from '../../../src/sources/k8s-audit/tls.js';
import { AuditWebhook, type WebhookOptions } from '../../../src/sources/k8s-audit/webhook.js';
import { type K8sAuditConfig, K8sAuditSource } from '../../../src/sources/k8s-audit.js';
import { auditEvent, eventList, post } from './post.js';

let source: K8sAuditSource | null = null;
const taken: unknown[] = [];
const deliver = (event: AuditEvent): void => {
  taken.push(event.member('auditID'));
};

async function start(config: K8sAuditConfig = {}, port = 0): Promise<number> {
  source = new K8sAuditSource({ openParams: `http://127.0.0.1:${port}/k8s-audit`, config });
  await source.start(deliver, () => {});
  return source.port;
}

afterEach(async () => {
  await source?.stop();
  source = null;
  taken.length = 0;
});

const wait = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/**
 * An apiserver's webhook back end: five attempts with the same body, then lost. Its pauses are in hundredths of what they
 * are there, or in as many more as a test needs on a busy machine.
 */
async function send(port: number, body: string, log: string[], slower = 1): Promise<boolean> {
  for (const pause of [0, 120, 150, 240, 360]) {
    await wait(pause * slower);
    try {
      const { status, headers } = await post(port, body);
      log.push(String(status));
      if (status >= 200 && status <= 206) return true;
      if ((status === 429 || status === 503) && headers['retry-after'] !== undefined) await wait(Number(headers['retry-after']) * 20);
    } catch {
      log.push('no answer');
    }
  }
  return false;
}

function batches(count: number, size: number): { readonly bodies: readonly string[]; readonly ids: readonly string[] } {
  const ids = Array.from({ length: count * size }, (_, n) => `event-${n}`);
  const bodies = Array.from({ length: count }, (_, b) =>
    eventList(...ids.slice(b * size, (b + 1) * size).map((id) => auditEvent(id, { requestObject: { data: 'x'.repeat(600) } }))),
  );
  return { bodies, ids };
}

function expectOnce(ids: readonly string[]): void {
  expect(taken.length).toBe(ids.length);
  expect(new Set(taken)).toEqual(new Set(ids));
}

describe('an apiserver’s client loses and doubles nothing', () => {
  it('with ten bodies of 400 events in flight', async () => {
    const port = await start();
    const { bodies, ids } = batches(30, 400);
    const log: string[] = [];
    for (let n = 0; n < bodies.length; n += 10) {
      expect(await Promise.all(bodies.slice(n, n + 10).map((body) => send(port, body, log)))).not.toContain(false);
    }
    expectOnce(ids);
    expect(new Set(log)).toEqual(new Set(['200']));
  });

  it('when more bodies come at once than are received', async () => {
    const port = await start({ webhookMaxConcurrentBodies: 1 });
    const { bodies, ids } = batches(4, 400);
    const log: string[] = [];
    expect(await Promise.all(bodies.map((body) => send(port, body, log, 4)))).not.toContain(false);
    expectOnce(ids);
    expect(log).toContain('429');
  });

  it('over a restart in the middle of it', async () => {
    const port = await start();
    const { bodies, ids } = batches(12, 400);
    const log: string[] = [];
    const sent = Promise.all(
      bodies.map(async (body, n) => {
        await wait(n * 30);
        return send(port, body, log, 6);
      }),
    );
    await wait(150);
    await source?.stop();
    await wait(100);
    await start({}, port);
    expect(await sent).not.toContain(false);
    expectOnce(ids);
    expect(log.some((answer) => answer !== '200')).toBe(true);
  });

  it('when the answer to a body is lost', async () => {
    const port = await start();
    const { bodies, ids } = batches(1, 400);
    await new Promise<void>((done) => {
      const socket = netConnect(port, '127.0.0.1', () => {
        const head = `POST /k8s-audit HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(bodies[0])}\r\n\r\n`;
        // Nobody is there any more when the answer comes.
        socket.end(head + bodies[0]);
        socket.on('data', () => socket.destroy());
      });
      socket.on('close', () => done());
    });
    const log: string[] = [];
    expect(await send(port, bodies[0], log)).toBe(true);
    expectOnce(ids);
    expect(source?.stats().losses.event_duplicate).toBe(400);
  });
});

describe('large bodies', () => {
  it('100 MB in one body hold up nothing else, and memory stays bounded', async () => {
    const port = await start({ webhookMaxBatchSize: 200_000_000 });
    const events = Array.from({ length: 500 }, (_, n) => auditEvent(`large-${n}`, { requestObject: { data: 'x'.repeat(200_000) } }));
    const body = Buffer.from(eventList(...events));
    events.length = 0;
    expect(body.length).toBeGreaterThan(100_000_000);
    const before = process.memoryUsage().rss;
    let most = 0;
    const delay = monitorEventLoopDelay({ resolution: 5 });
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss);
    }, 5);
    delay.enable();
    const answer = await post(port, body);
    delay.disable();
    clearInterval(watch);
    expect([answer.status, taken.length]).toEqual([200, 500]);
    // The sender is in this process too, and shares the processor with it.
    expect(delay.percentile(99) / 1e6).toBeLessThan(250);
    expect(most - before).toBeLessThan(200_000_000);
  });

  it('an event of 40 MB among others costs itself only', async () => {
    const port = await start({ webhookMaxBatchSize: 200_000_000 });
    const answer = await post(port, eventList(auditEvent('a'), auditEvent('huge', { x: 'y'.repeat(40_000_000) }), auditEvent('b')));
    expect([answer.status, answer.body.refused, taken]).toEqual([200, { event_too_large: 1 }, ['a', 'b']]);
  });
});

/** A webhook in this thread with limits that a test can wait for, whose events go where the test says. */
async function listening(limits: Partial<WebhookOptions>, isFull = (): boolean => false, room: Promise<void> = new Promise(() => {})): Promise<{ readonly webhook: AuditWebhook; count(name: string): number }> {
  const counters = new Float64Array(COUNTERS.length);
  const here: Outlet = {
    put: (event) => {
      deliver(event);
      return false;
    },
    get full() {
      return isFull();
    },
    room: () => (isFull() ? room : Promise.resolve()),
    settled: () => Promise.resolve(),
  };
  const webhook = new AuditWebhook(new AuditIntake({ maxEventSize: 10_000, counters }, here), {
    place: { kind: 'webhook', tls: false, host: '127.0.0.1', port: 0, path: '/k8s-audit' },
    maxBodySize: 100_000,
    maxEventSize: 10_000,
    maxConcurrentBodies: 1,
    credentials: new Credentials({ certificate: null, clientAuthority: null, bearerToken: null }, false, () => {}),
    warn: () => {},
    ...limits,
  });
  await webhook.start();
  return { webhook, count: (name) => counters[(COUNTERS as readonly string[]).indexOf(name)] };
}

/** What a client is told that sends a body piece by piece, or its beginning only, on a connection of its own. */
function trickle(port: number, pieces: readonly string[], pauseMs: number): Promise<string> {
  return new Promise((done) => {
    let all = '';
    const socket = netConnect(port, '127.0.0.1', async () => {
      socket.write('POST /k8s-audit HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n');
      for (const piece of pieces) {
        if (socket.writable) socket.write(piece);
        await wait(pauseMs);
      }
    });
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      all += chunk.toString();
      if (all.endsWith('}')) socket.destroy();
    });
    socket.on('close', () => done(all));
  });
}

describe('slow clients', () => {
  it('that stop in the middle of a body are sent away and leave their place to others', async () => {
    const { webhook, count } = await listening({ idleTimeoutMs: 200 });
    const answered = trickle(webhook.port, ['{"kind":'], 0);
    await expect.poll(async () => (await post(webhook.port, eventList(auditEvent('a')))).status).toBe(429);
    expect(await answered).toMatch(/^HTTP\/1.1 408[\s\S]*nothing more of the body has come/);
    await expect.poll(async () => (await post(webhook.port, eventList(auditEvent('a')))).status).toBe(200);
    expect(count('body_truncated')).toBe(1);
    await webhook.stop();
  });

  it('that had to wait for the rules and then stop are sent away too', async () => {
    let full = true;
    let hasRoom = (): void => {};
    const room = new Promise<void>((resolve) => {
      hasRoom = resolve;
    });
    const { webhook, count } = await listening({ idleTimeoutMs: 300 }, () => full, room);
    const answered = trickle(webhook.port, [eventList(auditEvent('a'), auditEvent('b')).slice(0, -30)], 0);
    await expect.poll(() => taken).toEqual(['a']);
    // As long as it waits for the rules, nobody may blame it.
    await wait(600);
    expect(count('body_truncated')).toBe(0);
    full = false;
    hasRoom();
    expect(await answered).toMatch(/^HTTP\/1.1 408[\s\S]*nothing more of the body has come/);
    expect(count('body_truncated')).toBe(1);
    await webhook.stop();
  });

  it('that send a byte now and then lose their place as well', async () => {
    const { webhook, count } = await listening({ idleTimeoutMs: 60_000, totalTimeoutMs: 300 });
    expect(await trickle(webhook.port, Array.from({ length: 60 }, () => ' '), 20)).toMatch(/^HTTP\/1.1 408[\s\S]*has not come within/);
    expect(count('body_truncated')).toBe(1);
    await webhook.stop();
  });
});

describe('more than can be dealt with', () => {
  it('is asked to come back when the rules do not keep up; what had come is not taken twice', async () => {
    let full = true;
    const { webhook, count } = await listening({ overloadTimeoutMs: 200 }, () => full);
    const body = eventList(auditEvent('a'), auditEvent('b'));
    // Its end is still to come when the first half is in.
    const answered = trickle(webhook.port, [body.slice(0, body.length - 20)], 0);
    const text = await answered;
    expect(text).toMatch(/^HTTP\/1.1 503[\s\S]*retry-after: 5/i);
    full = false;
    expect(await post(webhook.port, body)).toMatchObject({ status: 200, body: { taken: 1, duplicates: 1 } });
    expect(taken).toEqual(['a', 'b']);
    expect(count('overloaded')).toBe(1);
    await webhook.stop();
  });

  it('connections that send nothing keep nobody out: the oldest give way to new ones, and are counted', async () => {
    const { webhook, count } = await listening({ maxConnections: 3 });
    const sockets = Array.from({ length: 6 }, () => netConnect(webhook.port, '127.0.0.1').on('error', () => {}));
    await expect.poll(() => count('overloaded')).toBe(3);
    await expect.poll(() => sockets.filter((socket) => socket.destroyed).length).toBe(3);
    expect((await post(webhook.port, eventList(auditEvent('a')))).status).toBe(200);
    expect(count('overloaded')).toBe(4);
    for (const socket of sockets) socket.destroy();
    await webhook.stop();
  });

  it('connections that are served are kept, whoever comes later', async () => {
    const { webhook, count } = await listening({ maxConnections: 2 });
    const body = eventList(auditEvent('a'));
    const head = `POST /k8s-audit HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
    let answers = '';
    const served = netConnect(webhook.port, '127.0.0.1').on('error', () => {});
    served.on('data', (chunk) => {
      answers += chunk.toString();
    });
    served.write(head + body);
    await expect.poll(() => answers).toMatch(/^HTTP\/1.1 200/);
    const others = Array.from({ length: 4 }, () => netConnect(webhook.port, '127.0.0.1').on('error', () => {}));
    await expect.poll(() => count('overloaded')).toBe(3);
    served.write(head + eventList(auditEvent('b')));
    await expect.poll(() => taken).toEqual(['a', 'b']);
    for (const socket of [served, ...others]) socket.destroy();
    await webhook.stop();
  });

  it('events at which the rules fail are counted, and those after them are evaluated', async () => {
    const warnings: string[] = [];
    source = new K8sAuditSource({ openParams: 'http://127.0.0.1:0/k8s-audit', warn: (message) => warnings.push(message) });
    await source.start((event) => {
      if (event.member('auditID') === 'b') throw new Error('made to fail');
      deliver(event);
    }, () => {});
    expect((await post(source.port, eventList(auditEvent('a'), auditEvent('b'), auditEvent('c')))).status).toBe(200);
    expect(taken).toEqual(['a', 'c']);
    expect(source.stats()).toMatchObject({ produced: 3, delivered: 2, losses: { evaluation_failed: 1 } });
    expect(warnings.join()).toContain('made to fail');
  });
});

describe('init_config', () => {
  it('that makes no sense is refused, naming every key', () => {
    const config = { maxEventSize: '5', sslCertificate: 7, useAsync: true } as unknown as K8sAuditConfig;
    expect(() => new K8sAuditSource({ config })).toThrow(
      'k8saudit: init_config: maxEventSize must be an integer above 0, not "5"; sslCertificate must be a string, not 7',
    );
  });

  it('with unknown keys is used, with a warning', () => {
    const warnings: string[] = [];
    new K8sAuditSource({ config: { maxevents: 5 } as K8sAuditConfig, warn: (message) => warnings.push(message) });
    expect(warnings).toEqual(['k8saudit: init_config: there is no option maxevents; it is ignored']);
  });
});
