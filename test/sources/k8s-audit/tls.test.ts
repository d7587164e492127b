// SPDX-License-Identifier: Apache-2.0
/** The webhook over TLS, with certificates made here: HTTP/1.1 and HTTP/2, who is let in, and what changes without a restart. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as http2Connect } from 'node:http2';
import { Agent as HttpsAgent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { connect as tlsConnect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditEvent, eventList, expectBalance, ids, listen, post, start } from './post.js';

describe('over TLS', () => {
  let dir = '';
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
  };
  /** A key and a certificate signed by the test's own authority, in one PEM as the plugin wants it. */
  function certify(name: string, serial: string, by = 'ca', use = ''): void {
    openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    writeFileSync(join(dir, 'ext'), `subjectAltName=IP:127.0.0.1,DNS:localhost\n${use}`);
    openssl('x509', '-req', '-in', `${name}.csr`, '-CA', `${by}.pem`, '-CAkey', `${by}.key`, '-set_serial', serial, '-days', '2', '-extfile', 'ext', '-out', `${name}.crt`);
    writeFileSync(join(dir, `${name}.pem`), Buffer.concat([readFileSync(join(dir, `${name}.key`)), readFileSync(join(dir, `${name}.crt`))]));
  }
  function authority(name: string): void {
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.pem`, '-days', '2', '-subj', `/CN=test authority ${name}`);
  }
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'falco-ts-audit-'));
    authority('ca');
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

  describe('with an authority for clients', () => {
    const config = () => ({ sslCertificate: file('server.pem'), sslClientCA: file('clients.pem') });
    const identity = (name: string) => ({ tls: true, ca: ca(), cert: readFileSync(file(`${name}.crt`)), key: readFileSync(file(`${name}.key`)), agent: false as const });
    const losses = (to: Awaited<ReturnType<typeof start>>): number => to.source.stats().losses.tls_failed;
    beforeAll(() => {
      writeFileSync(file('clients.pem'), ca());
      authority('other');
      certify('foreign', '3', 'other');
      certify('for-servers', '4', 'ca', 'extendedKeyUsage=serverAuth\n');
    });

    it.each([
      ['no certificate', () => ({ tls: true, ca: ca(), agent: false as const }), /with 127\.0\.0\.1: the client shows no certificate, and sslClientCA asks for one/],
      ['a certificate of another authority', () => identity('foreign'), /the client's certificate is refused: UNABLE_TO_VERIFY_LEAF_SIGNATURE/],
      ['a certificate for servers', () => identity('for-servers'), /the client's certificate is refused: INVALID_PURPOSE/],
    ])('who shows %s is refused, which is counted and said', async (_what, shows, said) => {
      const to = await start({ openParams, config: config() });
      await expect(post(to.port, eventList(auditEvent('a')), shows())).rejects.toThrow();
      await expect.poll(() => losses(to)).toBe(1);
      await expect.poll(() => to.warnings.join('\n')).toMatch(said);
      const session = http2Connect(`https://127.0.0.1:${to.port}`, shows());
      session.on('error', () => {});
      await expect.poll(() => session.destroyed).toBe(true);
      await expect.poll(() => losses(to)).toBe(2);
      expect(ids(to)).toEqual([]);
      expectBalance(to);
    });

    it('who shows one of its certificates is let in', async () => {
      const to = await start({ openParams, config: config() });
      expect((await post(to.port, eventList(auditEvent('b')), identity('client'))).status).toBe(200);
      expect([ids(to), losses(to)]).toEqual([['b'], 0]);
    });

    it('another authority is used without a restart, and a broken file is not', async () => {
      const to = await start({ openParams, config: config() });
      const statusOf = (name: string): Promise<number> => post(to.port, eventList(auditEvent(name)), identity(name)).then(({ status }) => status, () => 0);
      expect([await statusOf('client'), await statusOf('foreign')]).toEqual([200, 0]);
      writeFileSync(file('clients.pem'), readFileSync(file('other.pem')));
      await expect.poll(() => statusOf('foreign'), { timeout: 5000 }).toBe(200);
      expect(await statusOf('client')).toBe(0);
      writeFileSync(file('clients.pem'), 'no certificate');
      await expect.poll(() => to.warnings.join(), { timeout: 5000 }).toContain('(sslClientCA) holds no certificate');
      expect([await statusOf('client'), await statusOf('foreign')]).toEqual([0, 200]);
      // Both at once, for the time of a change.
      writeFileSync(file('clients.pem'), Buffer.concat([ca(), readFileSync(file('other.pem'))]));
      await expect.poll(() => statusOf('client'), { timeout: 5000 }).toBe(200);
      expect(await statusOf('foreign')).toBe(200);
      writeFileSync(file('clients.pem'), ca());
    });

    it('a file that is not there or holds none is fatal, and so is plain http, where nobody could show a certificate', async () => {
      await expect(listen({ openParams, config: { ...config(), sslClientCA: file('none.pem') } })).rejects.toThrow(/sslClientCA cannot be read: ENOENT/);
      writeFileSync(file('empty.pem'), '');
      await expect(listen({ openParams, config: { ...config(), sslClientCA: file('empty.pem') } })).rejects.toThrow(/empty\.pem \(sslClientCA\) holds no certificate/);
      await expect(listen({ config: { sslClientCA: file('clients.pem') } })).rejects.toThrow(/sslClientCA needs https/);
    });
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
    await expect.poll(() => to.warnings.join(), { timeout: 5000 }).toContain('the previous ones stay in force');
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
