// SPDX-License-Identifier: Apache-2.0
import { request as httpRequest } from 'node:http';
import { connect as netConnect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { auditEvent, eventList, expectBalance, ids, listen, post, start } from './post.js';

describe('the webhook takes', () => {
  it('an Event, an EventList and an array, in order, with any query', async () => {
    const to = await start();
    const single = await post(to.port, JSON.stringify(auditEvent('a')));
    expect([single.status, single.body]).toEqual([200, { taken: 1, duplicates: 0, refused: {} }]);
    expect((await post(to.port, eventList(auditEvent('b'), auditEvent('c')))).status).toBe(200);
    expect((await post(to.port, JSON.stringify([auditEvent('d'), auditEvent('e')]), { path: '/k8s-audit' })).status).toBe(200);
    expect((await post(to.port, JSON.stringify(auditEvent('f')), { path: '/k8s-audit?a=/b?c' })).status).toBe(200);
    expect(ids(to)).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    expect(to.events.map((event) => event.num)).toEqual([1, 2, 3, 4, 5, 6]);
    expectBalance(to);
  });

  it('an empty EventList, which an apiserver must not send again', async () => {
    const to = await start();
    expect((await post(to.port, eventList())).status).toBe(200);
  });

  it('a gzipped body', async () => {
    const to = await start();
    const body = gzipSync(eventList(auditEvent('a'), auditEvent('b')));
    const answer = await post(to.port, body, { headers: { 'content-encoding': 'gzip' } });
    expect([answer.status, ids(to)]).toEqual([200, ['a', 'b']]);
  });

  it('a body in chunks without a length, cut anywhere', async () => {
    const to = await start();
    const text = eventList(auditEvent('a', { userAgent: 'ünï\u{1F600}' }), auditEvent('b'));
    const bytes = Buffer.from(text);
    const status = await new Promise<number>((done, fail) => {
      const options = { port: to.port, method: 'POST', path: '/k8s-audit', headers: { 'content-type': 'application/json' } };
      const request = httpRequest(options, (response) => {
        response.resume();
        response.on('end', () => done(response.statusCode ?? 0));
      });
      request.on('error', fail);
      let at = 0;
      const more = (): void => {
        if (at >= bytes.length) return void request.end();
        request.write(bytes.subarray(at, at + 11), () => setImmediate(more));
        at += 11;
      };
      more();
    });
    expect(status).toBe(200);
    expect(to.events.map((event) => event.object.userAgent)).toEqual(['ünï\u{1F600}', undefined]);
  });

  it('bytes that are no UTF-8, numbers and escapes as they were written', async () => {
    const to = await start();
    const text = JSON.stringify(auditEvent('a', { userAgent: 'a??b', n: 1 })).replace('"n":1', '"n":12345678901234567890');
    const bytes = Buffer.from(text);
    bytes.set([0xff, 0xfe], bytes.indexOf('??'));
    expect((await post(to.port, bytes)).status).toBe(200);
    expect(to.events[0].object.userAgent).toBe('a\uDCFF\uDCFEb');
    expect(to.events[0].textAt(['n'], 'n')).toBe('12345678901234567890');
  });
});

describe('the webhook keeps the rest of a batch when it refuses', () => {
  it('an event that is too large, and says how large', async () => {
    const to = await start({ config: { maxEventSize: 1000 } });
    const large = auditEvent('large', { x: 'y'.repeat(5000) });
    const answer = await post(to.port, eventList(auditEvent('a'), large, auditEvent('b')));
    expect([answer.status, answer.body]).toEqual([200, { taken: 2, duplicates: 0, refused: { event_too_large: 1 } }]);
    expect(ids(to)).toEqual(['a', 'b']);
    expect(to.warnings[0]).toContain(`an event of ${JSON.stringify(large).length} bytes is larger than 1000 bytes (maxEventSize)`);
    expectBalance(to);
  });

  it('events without a valid time, events that are no JSON, and elements that are no events', async () => {
    const to = await start();
    const body = `{"kind":"EventList","items":[${[
      JSON.stringify(auditEvent('a')),
      JSON.stringify(auditEvent('b', { stageTimestamp: 'yesterday' })),
      JSON.stringify(auditEvent('c', { stageTimestamp: 5 })),
      '{"auditID":"d","verb":nonsense}',
      'null',
      '[[1]]',
      JSON.stringify(auditEvent('e')),
    ].join()}]}`;
    const answer = await post(to.port, body);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ taken: 2, duplicates: 0, refused: { event_no_time: 2, event_malformed: 3 } });
    expect(ids(to)).toEqual(['a', 'e']);
    expectBalance(to);
  });

  it('what lies beyond the limit of a body: 413, and what was sent before it counts', async () => {
    const to = await start({ config: { webhookMaxBatchSize: 20_000 } });
    const many = Array.from({ length: 100 }, (_, n) => auditEvent(`e${n}`));
    const answer = await post(to.port, eventList(...many));
    expect(answer.status).toBe(413);
    expect(answer.body.error).toBe('the body is larger than 20000 bytes (webhookMaxBatchSize)');
    expect(answer.body.taken).toBe(to.events.length);
    expect(to.events.length).toBeGreaterThan(30);
    // The connection is fit for the next one.
    expect((await post(to.port, eventList(auditEvent('next')))).status).toBe(200);
    expect(ids(to).at(-1)).toBe('next');
    expectBalance(to);
  });

  it('a gzip bomb: no more than the limit is ever unpacked', async () => {
    const to = await start({ config: { webhookMaxBatchSize: 1_000_000 } });
    const bomb = gzipSync(Buffer.alloc(200_000_000, ' '));
    const before = process.memoryUsage().rss;
    const answer = await post(to.port, bomb, { headers: { 'content-encoding': 'gzip' } });
    expect(answer.status).toBe(413);
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
  });
});

describe('the webhook refuses with a reason', () => {
  it.each([
    ['text', 'hello', 400, 'event_malformed'],
    ['an unfinished body', '{"kind":"Event","auditID":"a",', 400, 'body_truncated'],
    ['an empty body', '', 400, 'body_empty'],
    ['JSON that is no event', '{"kind":"Pod"}', 400, 'not_an_event'],
    ['an EventList without items', '{"kind":"EventList"}', 400, 'not_an_event'],
    ['a number for a kind', '{"kind":0}', 400, 'not_an_event'],
    ['a nested EventList', eventList({ kind: 'EventList', items: [auditEvent('a')] }), 400, 'event_no_time'],
    ['an event without time', JSON.stringify({ kind: 'Event', auditID: 'a' }), 400, 'event_no_time'],
    ['a NaN', JSON.stringify(auditEvent('a', { n: 0 })).replace('"n":0', '"n":NaN'), 400, 'event_malformed'],
  ])('%s', async (_name, body, status, reason) => {
    const to = await start();
    const answer = await post(to.port, body);
    expect([answer.status, answer.body.reason]).toEqual([status, reason]);
    expect(typeof answer.body.error).toBe('string');
    expect(to.source.stats().losses[reason]).toBeGreaterThan(0);
    expect(to.events).toEqual([]);
    expectBalance(to);
  });

  it('an event that alone is too large: 413', async () => {
    const to = await start();
    const answer = await post(to.port, JSON.stringify(auditEvent('a', { x: 'y'.repeat(300_000) })));
    expect([answer.status, answer.body.reason]).toEqual([413, 'event_too_large']);
  });

  it('methods but POST, other paths, other types and encodings', async () => {
    const to = await start();
    const body = eventList(auditEvent('a'));
    const get = await post(to.port, '', { method: 'GET' });
    expect([get.status, get.headers.allow, get.body.reason]).toEqual([405, 'POST', 'bad_method']);
    expect((await post(to.port, body, { path: '/' })).status).toBe(404);
    expect((await post(to.port, body, { path: '/k8s-audit/' })).status).toBe(404);
    expect((await post(to.port, body, { headers: { 'content-type': 'text/plain' } })).status).toBe(415);
    expect((await post(to.port, body, { headers: { 'content-encoding': 'br' } })).status).toBe(415);
    const broken = await post(to.port, 'no gzip', { headers: { 'content-encoding': 'gzip' } });
    expect([broken.status, broken.body.reason]).toEqual([400, 'body_bad_encoding']);
    const cut = gzipSync(eventList(auditEvent('z'))).subarray(0, -12);
    expect((await post(to.port, cut, { headers: { 'content-encoding': 'gzip' } })).status).toBe(400);
    expect((await post(to.port, body, { headers: { 'content-type': 'application/json; charset=utf-8' } })).status).toBe(200);
    expectBalance(to);
  });

  it('and never by sending elsewhere, which an apiserver would follow with an empty GET and take for success', async () => {
    const to = await start();
    const paths = ['/', '', '//k8s-audit', '/k8s-audit/', '/k8s-audit//', '/K8S-AUDIT', '/x/../k8s-audit', '/k8s-audit/%2e', `http://127.0.0.1:${to.port}/k8s-audit`, '*'];
    const statuses = new Set<number>();
    for (const path of paths) {
      for (const method of ['POST', 'GET', 'HEAD', 'PUT', 'OPTIONS', 'DELETE']) statuses.add((await post(to.port, '', { path, method })).status);
    }
    expect([...statuses].toSorted()).toEqual([404]);
    expect(to.events).toEqual([]);
    expectBalance(to);
  });

  it('a request that is no HTTP, and goes on', async () => {
    const to = await start();
    const text = await new Promise<string>((done) => {
      const socket = netConnect(to.port, '127.0.0.1', () => socket.write('\x16\x03\x01nonsense\r\n\r\n'));
      let all = '';
      socket.on('data', (chunk) => {
        all += chunk.toString();
      });
      socket.on('close', () => done(all));
    });
    expect(text).toMatch(/^HTTP\/1.1 400/);
    expect((await post(to.port, eventList(auditEvent('a')))).status).toBe(200);
  });

  it('a body whose client goes away, of which it keeps what had come', async () => {
    const to = await start();
    const text = eventList(auditEvent('a'), auditEvent('b'));
    await new Promise<void>((done) => {
      const socket = netConnect(to.port, '127.0.0.1', () => {
        socket.write(`POST /k8s-audit HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99999\r\n\r\n${text.slice(0, -30)}`);
        void expect.poll(() => to.events.length).toBe(1).then(() => socket.destroy());
      });
      socket.on('close', () => done());
    });
    await expect.poll(() => to.source.stats().losses.body_truncated).toBe(1);
    expect(ids(to)).toEqual(['a']);
    // It comes back with the same body: the first event is known.
    const again = await post(to.port, text);
    expect(again.body).toEqual({ taken: 1, duplicates: 1, refused: {} });
    expect(ids(to)).toEqual(['a', 'b']);
    expectBalance(to);
  });
});

describe('a batch that is sent again', () => {
  it('is taken once, and answered as taken', async () => {
    const to = await start();
    const body = eventList(auditEvent('a'), auditEvent('b'), auditEvent('a', { stage: 'ResponseStarted' }));
    expect((await post(to.port, body)).body).toEqual({ taken: 3, duplicates: 0, refused: {} });
    expect(await post(to.port, body)).toMatchObject({ status: 200, body: { taken: 0, duplicates: 3 } });
    expect(ids(to)).toEqual(['a', 'b', 'a']);
    expect(to.source.stats().losses.event_duplicate).toBe(3);
    expectBalance(to);
  });

  it('does not hide another request that uses an audit ID again, which any client may choose', async () => {
    const to = await start();
    await post(to.port, eventList(auditEvent('a')));
    await post(to.port, eventList(auditEvent('a', { verb: 'delete' })));
    expect(to.events.map((event) => event.object.verb)).toEqual(['get', 'delete']);
  });

  it('without an audit ID is taken as often as it comes', async () => {
    const to = await start();
    const body = JSON.stringify({ kind: 'Event', stage: 'x', stageTimestamp: '2026-11-23T08:04:40Z' });
    await post(to.port, body);
    await post(to.port, body);
    expect(to.events.length).toBe(2);
  });
});

describe('under pressure', () => {
  it('more bodies at once than configured are asked to come back', async () => {
    const to = await start({ config: { webhookMaxConcurrentBodies: 2 } });
    const head = 'POST /k8s-audit HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{';
    const slow = [0, 1].map(() => {
      const socket = netConnect(to.port, '127.0.0.1', () => socket.write(head));
      socket.on('error', () => {});
      return socket;
    });
    await expect.poll(async () => (await post(to.port, eventList())).status).toBe(429);
    const answer = await post(to.port, eventList(auditEvent('a')));
    expect([answer.status, answer.headers['retry-after'], answer.body.reason]).toEqual([429, '2', 'overloaded']);
    for (const socket of slow) socket.destroy();
    await expect.poll(async () => (await post(to.port, eventList(auditEvent('a')))).status).toBe(200);
    expect(ids(to)).toEqual(['a']);
  });

  it('two thousand connections are held, and all that each sends at once is taken, of the later ones when they come back', async () => {
    const to = await start();
    const sockets = await Promise.all(
      Array.from({ length: 2000 }, () => new Promise<ReturnType<typeof netConnect>>((done, fail) => {
        const socket = netConnect(to.port, '127.0.0.1', () => done(socket));
        socket.on('error', fail);
      })),
    );
    // Those that send nothing keep nobody out.
    expect((await post(to.port, eventList(auditEvent('first')))).status).toBe(200);
    let busy = 0;
    await Promise.all(
      sockets.map((socket, n) => new Promise<void>((done) => {
        const body = eventList(auditEvent(`c${n}`));
        const send = (): void => void socket.write(`POST /k8s-audit HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
        socket.on('data', (chunk) => {
          const text = chunk.toString();
          if (text.startsWith('HTTP/1.1 200')) return done();
          expect(text).toMatch(/^HTTP\/1.1 429[\s\S]*retry-after: 2/i);
          busy++;
          setTimeout(send, 50 + (n % 50) * 10);
        });
        send();
      })),
    );
    for (const socket of sockets) socket.destroy();
    expect(new Set(ids(to)).size).toBe(2001);
    expect(to.events.length).toBe(2001);
    expect(to.source.stats().losses.overloaded).toBe(busy);
    expectBalance(to);
  });

  it('a body that arrives while the source stops is finished and answered; a later one is not taken', async () => {
    const to = await start({ config: { webhookMaxConcurrentBodies: 1 } });
    const text = eventList(auditEvent('a'), auditEvent('b'));
    let more = (): unknown => undefined;
    const answered = new Promise<string>((done) => {
      let all = '';
      const socket = netConnect(to.port, '127.0.0.1', () => {
        socket.write(`POST /k8s-audit HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text.slice(0, 400)}`);
        more = () => socket.write(text.slice(400));
      });
      socket.on('data', (chunk) => {
        all += chunk.toString();
      });
      socket.on('close', () => done(all));
    });
    // Its place is taken: it has begun to arrive.
    await expect.poll(async () => (await post(to.port, eventList())).status).toBe(429);
    const stopped = to.source.stop();
    await expect.poll(async () => (await post(to.port, eventList(auditEvent('late')))).status).toBe(503);
    expect((await post(to.port, eventList(auditEvent('late')))).headers['retry-after']).toBe('2');
    more();
    await stopped;
    expect(await answered).toMatch(/^HTTP\/1.1 200/);
    expect(ids(to)).toEqual(['a', 'b']);
    await expect(post(to.port, text)).rejects.toThrow(/ECONNREFUSED/);
  });
});
describe('a webhook that cannot start', () => {
  it('says that the port is taken', async () => {
    const to = await start();
    await expect(listen({ openParams: `http://127.0.0.1:${to.port}/k8s-audit` })).rejects.toMatchObject({
      code: 'K8S_AUDIT_LISTEN',
      message: expect.stringContaining('EADDRINUSE'),
      hint: expect.stringContaining('Another program'),
    });
  });

  it('listens on all interfaces when no host is given', async () => {
    const to = await start({ openParams: 'http://:0/k8s-audit' });
    expect((await post(to.port, eventList(auditEvent('a')), { host: '127.0.0.1' })).status).toBe(200);
  });
});
