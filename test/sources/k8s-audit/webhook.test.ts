// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect as http2Connect } from 'node:http2';
import { Agent as HttpsAgent } from 'node:https';
import { connect as netConnect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { connect as tlsConnect } from 'node:tls';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type K8sAuditOptions, K8sAuditSource } from '../../../src/sources/k8s-audit.js';
import { detector } from './detect.js';
import { auditEvent, eventList, listen, post, type Running } from './post.js';

const corpus = resolve(import.meta.dirname, '../../../../shared/corpus/k8s-audit');
const upstream = resolve(import.meta.dirname, '../../../../shared/reference/rules/k8s_audit_rules.yaml');

let running: Running | null = null;
async function start(options: K8sAuditOptions = {}): Promise<Running> {
  running = await listen(options);
  return running;
}
afterEach(async () => {
  await running?.source.stop();
  running = null;
});

const ids = (to: Running): unknown[] => to.events.map((event) => event.object.auditID);

function expectBalance(to: Running): void {
  const { produced, delivered, losses } = to.source.stats();
  expect(delivered).toBe(to.events.length);
  expect(produced).toBe(delivered + Object.values(losses).reduce((sum, n) => sum + n, 0));
}

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

  it('invalid UTF-8, which it marks, and numbers and escapes as they were written', async () => {
    const to = await start();
    const text = JSON.stringify(auditEvent('a', { userAgent: 'a??b', n: 1 })).replace('"n":1', '"n":12345678901234567890');
    const bytes = Buffer.from(text);
    bytes.set([0xff, 0xfe], bytes.indexOf('??'));
    expect((await post(to.port, bytes)).status).toBe(200);
    expect(to.events[0].object.userAgent).toBe('a\uFFFD\uFFFDb');
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

  it('a thousand connections that send nothing do not keep others out', async () => {
    const to = await start();
    const idle = await Promise.all(
      Array.from({ length: 1000 }, () => new Promise<ReturnType<typeof netConnect>>((done) => {
        const socket = netConnect(to.port, '127.0.0.1', () => done(socket));
        socket.on('error', () => {});
      })),
    );
    expect((await post(to.port, eventList(auditEvent('a')))).status).toBe(200);
    for (const socket of idle) socket.destroy();
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
    more();
    await stopped;
    expect(await answered).toMatch(/^HTTP\/1.1 200/);
    expect(ids(to)).toEqual(['a', 'b']);
    await expect(post(to.port, text)).rejects.toThrow(/ECONNREFUSED/);
  });
});

describe('hostile JSON', () => {
  it.each([
    ['deep arrays', `"x":${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['deep objects', `"x":${'{"a":'.repeat(40_000)}1${'}'.repeat(40_000)}`],
    ['a huge array', `"x":[${'1,'.repeat(120_000)}1]`],
    ['prototype keys', '"__proto__":{"auditID":"p","kind":"q"},"constructor":{"prototype":{"polluted":1}}'],
  ])('%s are taken, and every field can be read', async (_name, member) => {
    const to = await start();
    const body = JSON.stringify(auditEvent('a')).replace(/}$/, `,${member}}`);
    expect((await post(to.port, eventList(auditEvent('before')))).status).toBe(200);
    expect((await post(to.port, body)).status).toBe(200);
    expect(to.events[1].textAt([], '').length).toBe(body.length);
    expect(({} as { polluted?: number }).polluted).toBe(undefined);
  });

  it('nesting without an end is refused as too large, not as a crash', async () => {
    const to = await start();
    const answer = await post(to.port, `{"kind":"EventList","items":[${JSON.stringify(auditEvent('a'))},{"x":${'['.repeat(5_000_000)}`);
    expect([answer.status, answer.body.reason]).toEqual([400, 'body_truncated']);
    expect(ids(to)).toEqual(['a']);
  });
});

describe('wrong types at every pointer', () => {
  it('and JSON patches, which end the peer, raise no error in any rule', async () => {
    const failures: string[] = [];
    const files = [resolve(import.meta.dirname, '../../../rules/k8s_audit_rules.yaml'), upstream].filter(existsSync);
    const detectors = files.map((path) => detector([path], 'all', () => {}));
    const source = new K8sAuditSource({ openParams: 'http://127.0.0.1:0/k8s-audit', warn: (message) => failures.push(message) });
    await source.start((event) => {
      for (const detect of detectors) detect(event);
    }, () => {});
    const odd = [null, true, 5, 1e300, 'x', '', [], {}, [null], [[]], [{}], [[[1]], 'x', 5, null, { name: {} }], { a: { b: [] } }, [{ op: 'add', path: '/spec', value: {} }]];
    const whole = auditEvent('id', {
      verb: 'create', objectRef: { resource: 'pods', namespace: 'kube-system', name: 'n', subresource: 'exec', apiGroup: 'g' }, annotations: { 'authorization.k8s.io/decision': 'allow' },
      responseStatus: { code: 201, reason: 'r' }, impersonatedUser: { username: 'u' }, responseObject: { metadata: { name: 'n' } },
      requestObject: {
        subjects: [{ kind: 'User', name: 'n' }], roleRef: { name: 'cluster-admin' }, rules: [{ verbs: ['*'], resources: ['pods'] }], data: { k: 'v' }, metadata: { name: 'n' },
        spec: {
          type: 'NodePort', hostPID: true, ports: [{ port: 1 }], volumes: [{ name: 'v', hostPath: { path: '/proc' } }], securityContext: { runAsUser: 0 },
          containers: [{ name: 'c', image: 'i', args: ['a'], ports: [{ hostPort: 1 }], securityContext: { privileged: true, capabilities: { add: ['SYS_ADMIN'] } } }],
        },
      },
    }) as Record<string, unknown>;
    const events: object[] = [];
    /** Every place within `value`, replaced by each odd value in turn. */
    const vary = (value: unknown, put: (odd: unknown) => object): void => {
      for (const one of odd) events.push(put(one));
      if (typeof value !== 'object' || value === null) return;
      for (const key of Object.keys(value)) {
        vary((value as Record<string, unknown>)[key], (one) => put(Array.isArray(value) ? value.map((v, n) => (String(n) === key ? one : v)) : { ...value, [key]: one }));
      }
    };
    for (const verb of ['create', 'patch']) {
      for (const resource of ['pods', 'rolebindings', 'services']) {
        const event: Record<string, unknown> = { ...whole, verb, objectRef: { ...(whole.objectRef as object), resource } };
        for (const key of Object.keys(event)) vary(event[key], (one) => ({ ...event, [key]: one }));
      }
    }
    for (let at = 0; at < events.length; at += 1000) {
      expect((await post(source.port, eventList(...events.slice(at, at + 1000)))).status).toBe(200);
    }
    const { delivered, losses } = source.stats();
    await source.stop();
    expect(events.length).toBeGreaterThan(3000);
    expect(losses.evaluation_failed, failures.join('\n')).toBe(0);
    // Those without a time are refused, those that came out the same were sent before.
    expect(delivered + losses.event_no_time + losses.event_duplicate).toBe(events.length);
    expect(delivered).toBeGreaterThan(events.length / 2);
  });
});

describe('over TLS', () => {
  let dir = '';
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
  };
  /** A key and a certificate signed by the test's own authority, in one PEM as the plugin wants it. */
  function certify(name: string, serial: string): void {
    openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    writeFileSync(join(dir, 'ext'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
    openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-set_serial', serial, '-days', '2', '-extfile', 'ext', '-out', `${name}.crt`);
    writeFileSync(join(dir, `${name}.pem`), Buffer.concat([readFileSync(join(dir, `${name}.key`)), readFileSync(join(dir, `${name}.crt`))]));
  }
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'falco-ts-audit-'));
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=test authority');
    certify('server', '1');
    certify('client', '2');
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const file = (name: string): string => join(dir, name);
  const openParams = 'https://127.0.0.1:0/k8s-audit';
  const ca = (): Buffer => readFileSync(file('ca.pem'));

  it('HTTP/1.1 with keep-alive', async () => {
    const to = await start({ openParams, config: { sslCertificate: file('server.pem') } });
    const agent = new HttpsAgent({ keepAlive: true, maxSockets: 1, ca: ca(), ALPNProtocols: ['http/1.1'] });
    let sockets = 0;
    agent.on('free', () => sockets++);
    for (const id of ['a', 'b', 'c']) {
      expect((await post(to.port, eventList(auditEvent(id)), { tls: true, agent })).status).toBe(200);
    }
    expect(ids(to)).toEqual(['a', 'b', 'c']);
    agent.destroy();
  });

  it('HTTP/2, several bodies at once over one connection', async () => {
    const to = await start({ openParams, config: { sslCertificate: file('server.pem') } });
    const session = http2Connect(`https://127.0.0.1:${to.port}`, { ca: ca() });
    const statuses = await Promise.all(
      ['a', 'b', 'c'].map(
        (id) =>
          new Promise<number>((done, fail) => {
            const stream = session.request({ ':method': 'POST', ':path': '/k8s-audit?timeout=30s', 'content-type': 'application/json' });
            let status = 0;
            stream.on('response', (headers) => {
              status = headers[':status'] ?? 0;
            });
            stream.on('error', fail);
            stream.resume();
            stream.on('end', () => done(status));
            stream.end(eventList(auditEvent(id, { x: 'y'.repeat(100_000) })));
          }),
      ),
    );
    expect(statuses).toEqual([200, 200, 200]);
    expect(ids(to).toSorted()).toEqual(['a', 'b', 'c']);
    session.close();
  });

  it('stops although an apiserver keeps its HTTP/2 connection open', async () => {
    const to = await start({ openParams, config: { sslCertificate: file('server.pem') } });
    const session = http2Connect(`https://127.0.0.1:${to.port}`, { ca: ca() });
    session.on('error', () => {});
    await new Promise<void>((done) => {
      const stream = session.request({ ':method': 'POST', ':path': '/k8s-audit', 'content-type': 'application/json' });
      stream.resume();
      stream.on('end', done);
      stream.end(eventList(auditEvent('a')));
    });
    const began = Date.now();
    await to.source.stop();
    expect(Date.now() - began).toBeLessThan(2000);
    await expect.poll(() => session.closed || session.destroyed).toBe(true);
  });

  it('a body that is too large over HTTP/2 is refused, and the connection lives on', async () => {
    const to = await start({ openParams, config: { sslCertificate: file('server.pem'), webhookMaxBatchSize: 50_000 } });
    const session = http2Connect(`https://127.0.0.1:${to.port}`, { ca: ca() });
    const send = (body: string): Promise<number> =>
      new Promise((done, fail) => {
        const stream = session.request({ ':method': 'POST', ':path': '/k8s-audit', 'content-type': 'application/json' });
        stream.on('response', (headers) => done(headers[':status'] ?? 0));
        stream.on('error', fail);
        stream.resume();
        stream.end(body);
      });
    expect(await send(eventList(auditEvent('a', { x: 'y'.repeat(1_000_000) })))).toBe(413);
    expect(await send(eventList(auditEvent('b')))).toBe(200);
    session.close();
  });

  it('HTTP/2 clients that stop in the middle of a body lose that one only; those without a certificate or a token are no better off', async () => {
    writeFileSync(file('token'), 'secret');
    const config = { sslCertificate: file('server.pem'), sslClientCA: file('ca.pem'), bearerTokenFile: file('token') };
    const to = await start({ openParams, config });
    const identity = { cert: readFileSync(file('client.crt')), key: readFileSync(file('client.key')) };
    const session = http2Connect(`https://127.0.0.1:${to.port}`, { ca: ca(), ...identity });
    const open = (authorization: string) =>
      session.request({ ':method': 'POST', ':path': '/k8s-audit', 'content-type': 'application/json', authorization });
    const statusOf = (stream: ReturnType<typeof open>): Promise<number> =>
      new Promise((done, fail) => {
        stream.on('response', (headers) => done(headers[':status'] ?? 0));
        stream.on('error', fail);
        stream.resume();
      });
    const text = eventList(auditEvent('a'), auditEvent('b'));
    const cut = open('Bearer secret');
    cut.on('error', () => {});
    cut.write(text.slice(0, -30));
    await expect.poll(() => ids(to)).toEqual(['a']);
    cut.close();
    await expect.poll(() => to.source.stats().losses.body_truncated).toBe(1);
    const wrong = open('Bearer guessed');
    wrong.end(text);
    expect(await statusOf(wrong)).toBe(401);
    const again = open('Bearer secret');
    again.end(text);
    expect(await statusOf(again)).toBe(200);
    expect([ids(to), to.source.stats().losses.event_duplicate]).toEqual([['a', 'b'], 1]);
    session.close();
    const stranger = http2Connect(`https://127.0.0.1:${to.port}`, { ca: ca() });
    stranger.on('error', () => {});
    await expect.poll(() => stranger.destroyed).toBe(true);
    expect(to.source.stats().losses).toMatchObject({ tls_failed: 1, bad_request: 0 });
    expectBalance(to);
  });

  it('TLS 1.1 is not spoken', async () => {
    const to = await start({ openParams, config: { sslCertificate: file('server.pem') } });
    const connected = new Promise((done, fail) => {
      const socket: TLSSocket = tlsConnect({ port: to.port, host: '127.0.0.1', ca: ca(), maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' }, () => done('connected'));
      socket.on('error', fail);
    });
    await expect(connected).rejects.toThrow();
  });

  it('a client certificate is asked for when an authority is configured', async () => {
    const config = { sslCertificate: file('server.pem'), sslClientCA: file('ca.pem') };
    const to = await start({ openParams, config });
    await expect(post(to.port, eventList(auditEvent('a')), { tls: true, ca: ca() })).rejects.toThrow();
    await expect.poll(() => to.source.stats().losses.tls_failed).toBe(1);
    const identity = { cert: readFileSync(file('client.crt')), key: readFileSync(file('client.key')) };
    expect((await post(to.port, eventList(auditEvent('b')), { tls: true, ca: ca(), ...identity })).status).toBe(200);
    expect(ids(to)).toEqual(['b']);
  });

  it('a new certificate is used without a restart, and a broken one is not', async () => {
    const pem = file('served.pem');
    writeFileSync(pem, readFileSync(file('server.pem')));
    const to = await start({ openParams, config: { sslCertificate: pem } });
    const serial = (): Promise<string> =>
      new Promise((done, fail) => {
        const socket = tlsConnect({ port: to.port, host: '127.0.0.1', ca: ca() }, () => {
          done(socket.getPeerCertificate().serialNumber);
          socket.destroy();
        });
        socket.on('error', fail);
      });
    expect(Number(await serial())).toBe(1);
    certify('renewed', '77');
    writeFileSync(pem, readFileSync(file('renewed.pem')));
    await expect.poll(async () => Number.parseInt(await serial(), 16), { timeout: 5000 }).toBe(0x4d);
    writeFileSync(pem, 'no certificate');
    await expect.poll(() => to.warnings.join(), { timeout: 5000 }).toContain('the former ones stay');
    expect(Number.parseInt(await serial(), 16)).toBe(0x4d);
  });

  it('a certificate that is missing or wrong is fatal, with what to do', async () => {
    await expect(listen({ openParams, config: { sslCertificate: file('none.pem') } })).rejects.toThrow(/sslCertificate cannot be read: ENOENT/);
    await expect(listen({ openParams, config: { sslCertificate: file('ca.key') } })).rejects.toThrow(/sslCertificate\) cannot be used/);
  });

  it('a bearer token is asked for when one is configured, and read again when it changes', async () => {
    writeFileSync(file('token'), 'secret-1\n');
    const to = await start({ config: { bearerTokenFile: file('token') } });
    const body = eventList(auditEvent('a'));
    const withToken = (token: string) => post(to.port, body, { headers: { authorization: `Bearer ${token}` } });
    expect((await post(to.port, body)).status).toBe(401);
    expect((await withToken('secret-2')).status).toBe(401);
    expect((await withToken('secret-1')).status).toBe(200);
    writeFileSync(file('token'), 'secret-2');
    await expect.poll(async () => (await withToken('secret-2')).status, { timeout: 5000 }).toBe(200);
    expect((await withToken('secret-1')).status).toBe(401);
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

describe.skipIf(!existsSync(corpus))('the corpus over HTTP', () => {
  it('each body of a real apiserver is taken whole, with its own text', async () => {
    const to = await start();
    const bodies = gunzipSync(readFileSync(`${corpus}/main/webhook-bodies.jsonl.gz`)).toString().split('\n').filter(Boolean);
    for (const body of bodies) {
      const answer = await post(to.port, `${body}\n`);
      expect([answer.status, answer.body.refused]).toEqual([200, {}]);
    }
    expect(to.events.length).toBe(2154);
    const items = bodies.flatMap((body) => (JSON.parse(body) as { items: object[] }).items);
    expect(to.events.map((event) => event.object)).toEqual(items);
    // Each event's text is what stands in the body: nothing was written anew.
    const sent = bodies.join('\n');
    let at = 0;
    for (const event of to.events) {
      const found = sent.indexOf(event.text, at);
      expect(found).toBeGreaterThanOrEqual(at);
      at = found + event.text.length;
    }
    expectBalance(to);
  });

  it('the odd inputs give the events that the peer took', async () => {
    interface Edge {
      readonly case: string;
      readonly input: string;
      readonly output_fields: readonly unknown[];
    }
    const edges = gunzipSync(readFileSync(`${corpus}/edge.jsonl.gz`)).toString().split('\n').filter(Boolean).map((line) => JSON.parse(line) as Edge);
    const different: string[] = [];
    const to = await start();
    for (const [n, edge] of edges.entries()) {
      const before = to.events.length;
      const { body } = await post(to.port, Buffer.from(edge.input, 'latin1'));
      const events = to.events.length - before + Number(body.duplicates ?? 0);
      if (events !== edge.output_fields.length) different.push(`${n} ${edge.case}: ${events}`);
    }
    // NaN is no JSON; behind a byte order mark we find the event; the JSON patch is what crashed the peer.
    expect(different).toEqual(['7 bom: 1', '22 nan: 0', '45 jsonpatch: 1']);
  });
});
