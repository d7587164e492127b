// SPDX-License-Identifier: Apache-2.0
/** The http output against real receivers: slow, dead and back again, over TLS, and counted to the last message. */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { HttpOutput, type HttpOutputOptions } from '../../src/outputs/http.js';
import { freePort } from '../cli/program.js';
import { authority, certificate } from './certificates.js';
import { alerts, message, testBench, testFolder } from './channels.js';

const dir = testFolder();
const { logged, log, channelOf, until, atEnd } = testBench({ severity: true });

interface Received {
  readonly body: string;
  readonly headers: IncomingMessage['headers'];
  readonly client: string | undefined;
}
type Answer = (request: Received, response: ServerResponse, serial: number) => void;

function handler(received: Received[], answer: Answer) {
  return (request: IncomingMessage, response: ServerResponse) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const whole = Buffer.concat(parts);
      const body = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(whole) : whole).toString();
      const peer = 'getPeerCertificate' in request.socket ? (request.socket as TLSSocket).getPeerCertificate() : undefined;
      const one = { body, headers: request.headers, client: peer?.subject?.CN as string | undefined };
      received.push(one);
      answer(one, response, received.length);
    });
  };
}
const ok: Answer = (_, response) => response.end('thanks');

async function listen(server: Server, port = 0): Promise<number> {
  atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

function http(url: string, more: Partial<HttpOutputOptions> = {}): HttpOutput {
  return new HttpOutput(
    {
      url, userAgent: 'falcosecurity/falco', insecure: false, caCert: '', caBundle: '', caPath: '/etc/ssl/certs', mtls: false,
      clientCert: '', clientKey: '', echo: false, compressUploads: false, keepAlive: true, maxConsecutiveTimeouts: 2, json: true,
      timeoutMs: 300, headers: {}, patient: false, ...more,
    },
    log,
  );
}

describe('http', () => {
  it('posts each alert with the type, the agent and, when asked, gzip', async () => {
    const received: Received[] = [];
    const port = await listen(createServer(handler(received, ok)));
    const plain = await channelOf(http(`"http://127.0.0.1:${port}/hook?a=b"`, { json: false, userAgent: 'me' }));
    const zipped = await channelOf(http(`http://127.0.0.1:${port}/`, { compressUploads: true }));
    plain.push(message(1));
    await plain.stop(3000);
    zipped.push(message(2));
    await zipped.stop(3000);
    expect(received.map((r) => [r.body, r.headers['content-type'], r.headers['user-agent'], r.headers['content-encoding']])).toEqual([
      ['alert 1', 'text/plain', 'me', undefined],
      ['alert 2', 'application/json', 'falcosecurity/falco', 'gzip'],
    ]);
  });

  it('gzip: a message that the receiver finds fault with either way is refused once, and the next is compressed again', async () => {
    const received: Received[] = [];
    const port = await listen(createServer(handler(received, ({ body }, response) => {
      response.statusCode = body === 'alert 0' ? 400 : 200;
      response.end();
    })));
    const channel = await channelOf(http(`http://127.0.0.1:${port}/`, { compressUploads: true }));
    channel.push(message(0));
    channel.push(message(1));
    await until(() => channel.stats().delivered === 1);
    expect(received.map((r) => [r.body, r.headers['content-encoding']])).toEqual([['alert 0', 'gzip'], ['alert 0', undefined], ['alert 1', 'gzip']]);
    expect(channel.stats()).toMatchObject({ delivered: 1, failed: 1 });
  });

  it('sends the name and password of the URL as credentials', async () => {
    const received: Received[] = [];
    const port = await listen(createServer(handler(received, ok)));
    const channel = await channelOf(http(`http://me:p%40ss@127.0.0.1:${port}/`));
    channel.push(message(0));
    await until(() => channel.stats().delivered === 1);
    expect(received[0].headers.authorization).toBe(`Basic ${Buffer.from('me:p@ss').toString('base64')}`);
  });

  it('a receiver that is down at first, then answers 503, then is there: nothing is lost, nothing twice', async () => {
    const received: Received[] = [];
    const port = await freePort();
    const channel = await channelOf(http(`http://127.0.0.1:${port}/`));
    for (let i = 0; i < 20; i++) channel.push(message(i));
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(channel.stats()).toMatchObject({ delivered: 0, failed: 0, waiting: 20 });
    await listen(
      createServer(handler(received, (_, response, serial) => {
        response.statusCode = serial <= 2 ? 503 : 200;
        response.end();
      })),
      port,
    );
    await until(() => channel.stats().delivered === 20);
    expect(received.slice(2).map((r) => r.body)).toEqual(alerts(0, 20));
    expect(logged.filter((line) => line.includes('trying again'))).toHaveLength(1);
  });

  it('a receiver that never answers costs a message its tries and is counted', async () => {
    const received: Received[] = [];
    const port = await listen(createServer(handler(received, () => undefined)));
    const channel = await channelOf(http(`http://127.0.0.1:${port}/`, { timeoutMs: 100, maxConsecutiveTimeouts: 1 }));
    channel.push(message(0));
    await until(() => channel.stats().failed === 1, 20_000);
    expect(received.map((r) => r.body)).toEqual(['alert 0', 'alert 0']);
  });

  it('a redirection, which nobody follows, is no delivery', async () => {
    const received: Received[] = [];
    const port = await listen(createServer(handler(received, (_, response) => response.writeHead(301, { location: 'https://me:pw@elsewhere/' }).end())));
    const channel = await channelOf(http(`http://127.0.0.1:${port}/`));
    channel.push(message(0));
    await until(() => channel.stats().failed === 1);
    expect(received).toHaveLength(1);
    expect(logged.join('\n')).toMatch(/the receiver answered 301, with a redirection to https:\/\/\*\*\*@elsewhere\/, which is not followed/);
  });

  it('a 4xx is not tried again', async () => {
    const received: Received[] = [];
    const port = await listen(createServer(handler(received, (_, response) => {
      response.statusCode = 400;
      response.end();
    })));
    const channel = await channelOf(http(`http://127.0.0.1:${port}/`));
    channel.push(message(0));
    await until(() => channel.stats().failed === 1);
    expect(received).toHaveLength(1);
    expect(logged).toEqual(['3 Output http: cannot deliver: the receiver answered 400']);
  });

  it('ends with what waits counted as dropped when the receiver stays away', async () => {
    const channel = await channelOf(http('http://127.0.0.1:1/'));
    for (let i = 0; i < 5; i++) channel.push(message(i));
    await channel.stop(200);
    const { delivered, failed, dropped, waiting } = channel.stats();
    expect({ delivered, waiting, lost: failed + dropped }).toEqual({ delivered: 0, waiting: 0, lost: 5 });
  });

  it('refuses to start with a URL that is none, or without the certificate it names', async () => {
    await expect(http('ftp://me:secret@x').start()).rejects.toThrow(/ftp:\/\/\*\*\*@x/);
    await expect(http('https://x', { caCert: '/nonexistent/ca.pem' }).start()).rejects.toThrow(/http_output\.ca_cert.*nonexistent/);
  });

  describe('over TLS', () => {
    const pem = (name: string) => join(dir, name);
    beforeAll(() => {
      const ca = authority(dir);
      for (const name of ['server', 'client']) certificate(dir, ca, name);
    });
    const secure = (received: Received[], requestCert: boolean) =>
      listen(
        createTlsServer(
          {
            key: readFileSync(pem('server.key')), cert: readFileSync(pem('server.crt')), ca: readFileSync(pem('ca.crt')),
            requestCert, rejectUnauthorized: requestCert,
          },
          handler(received, ok),
        ) as unknown as Server,
      );

    it('trusts the authority it is given, and shows its own certificate with mtls', async () => {
      const received: Received[] = [];
      const port = await secure(received, true);
      const channel = await channelOf(
        http(`https://127.0.0.1:${port}/`, { caCert: pem('ca.crt'), mtls: true, clientCert: pem('client.crt'), clientKey: pem('client.key') }),
      );
      channel.push(message(0));
      await until(() => channel.stats().delivered === 1);
      expect(received.map((r) => [r.body, r.client])).toEqual([['alert 0', 'client']]);
    });

    it('finds the authority in a directory', async () => {
      const received: Received[] = [];
      const port = await secure(received, false);
      const channel = await channelOf(http(`https://127.0.0.1:${port}/`, { caPath: dir }));
      channel.push(message(0));
      await until(() => channel.stats().delivered === 1);
    });

    it('sends nothing to a server it cannot trust, unless told to', async () => {
      const received: Received[] = [];
      const port = await secure(received, false);
      const wary = await channelOf(http(`https://127.0.0.1:${port}/`));
      wary.push(message(0));
      await until(() => logged.some((line) => /trying again/.test(line)));
      expect(received).toEqual([]);
      const careless = await channelOf(http(`https://127.0.0.1:${port}/`, { insecure: true }));
      careless.push(message(1));
      await until(() => careless.stats().delivered === 1);
      expect(received.map((r) => r.body)).toEqual(['alert 1']);
    });
  });
});
