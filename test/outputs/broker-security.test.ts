// SPDX-License-Identifier: Apache-2.0
/** Kafka and NATS as they run outside of a test: over TLS, for those only who say who they are. */
import { join } from 'node:path';
import { connect as connectNats } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KafkaOutput, type KafkaOutputOptions } from '../../src/outputs/kafka.js';
import { NatsOutput, type NatsOutputOptions } from '../../src/outputs/nats.js';
import type { Output } from '../../src/outputs/output.js';
import { freePort } from '../cli/program.js';
import { canRunBrokers, installBrokers, NatsServer } from './brokers.js';
import { authority, type Certificate, certificate } from './certificates.js';
import { alerts, message, testBench, testFolder } from './channels.js';
import { type Door, KafkaCluster } from './kafka-cluster.js';

const dir = testFolder();
const { logged, log, atEnd, until, ...bench } = testBench();
const channelOf = (output: Output) => bench.channelOf(output, { capacity: 0, timeoutMs: 0 });

const PASSWORD = 'pass-word-of-the-test';
const TOKEN = 'token-of-the-test';

describe.skipIf(!canRunBrokers)('a broker behind TLS', () => {
  let ca: Certificate;
  let other: Certificate;
  let server: Certificate;
  let client: Certificate;
  beforeAll(() => {
    installBrokers();
    [ca, other] = [authority(dir), authority(dir, 'other')];
    [server, client] = [certificate(dir, ca, 'server'), certificate(dir, ca, 'client')];
  }, 120_000);

  /** Alerts wait, the log says why, and does not say what must stay secret. */
  async function waits(output: Output, why: RegExp): Promise<void> {
    const channel = await channelOf(output);
    channel.push(message(0));
    await until(() => logged.some((line) => why.test(line)));
    expect(channel.stats()).toMatchObject({ delivered: 0, failed: 0, waiting: 1 });
    expect(logged.join('\n')).not.toMatch(new RegExp(`${PASSWORD}|${TOKEN}|wrong-secret|PRIVATE`));
    await channel.stop(0);
  }

  describe('Kafka', () => {
    const cluster = new KafkaCluster();
    const doors = {} as Record<'plain' | 'tls' | 'named' | 'mutual' | 'sasl', Door>;
    beforeAll(async () => {
      await cluster.start();
      const tls = server.read();
      doors.plain = await cluster.open();
      doors.tls = await cluster.open({ tls });
      doors.named = await cluster.open({ tls, host: 'localhost' });
      doors.mutual = await cluster.open({ tls: { ...tls, ca: ca.read().cert, requestCert: true, rejectUnauthorized: true } });
      doors.sasl = await cluster.open({ tls, users: { falco: PASSWORD }, host: 'localhost' });
    }, 120_000);
    afterAll(() => cluster.stop());

    const output = (door: Door, topic: string, more: Partial<KafkaOutputOptions> = {}) => new KafkaOutput({
      brokers: [door.address], topic, compression: 'lz4', tls: true, insecure: false, caCert: ca.crt, clientCert: '', clientKey: '', saslMechanism: '', username: '', password: '',
      hostname: 'node-1', timeoutMs: 5000, ...more,
    }, log);
    const arrive = async (to: Output, topic: string, count: number) => {
      const channel = await channelOf(to);
      for (let i = 0; i < count; i++) channel.push(message(i));
      await until(() => channel.stats().delivered === count);
      expect(await cluster.values(topic, doors.plain)).toEqual(alerts(0, count).map((line) => `node-1 ${line}`));
    };

    it('gets every alert in order over TLS', async () => {
      await arrive(output(doors.tls, 'over-tls'), 'over-tls', 500);
      expect(new Set(doors.tls.clients.map((one) => one.servername))).toEqual(new Set([false]));
    });

    it('is told its name, where it has one: several may stand behind one address', async () => {
      await arrive(output(doors.named, 'named'), 'named', 10);
      expect(new Set(doors.named.clients.map((one) => one.servername))).toEqual(new Set(['localhost']));
    });

    it('that wants a certificate of its clients gets ours', async () => {
      await arrive(output(doors.mutual, 'mutual', { clientCert: client.crt, clientKey: client.key }), 'mutual', 10);
      expect(new Set(doors.mutual.clients.map((one) => one.certificate))).toEqual(new Set(['client']));
      // In TLS 1.3 the broker says so when the handshake is over, and the client tells no more of it than this.
      await waits(output(doors.mutual, 'mutual'), /^Output kafka: .*(Connection closed|does not accept our certificate).*, trying again$/);
    });

    it('of an authority that is not the named one, or of no known one, gets nothing; the log says so', async () => {
      const taken = doors.tls.clients.length;
      await waits(output(doors.tls, 'refused', { caCert: other.crt }), /^Output kafka: .*is not by an authority that is trusted \(kafka_output\.ca_cert\).*, trying again$/);
      logged.length = 0;
      await waits(output(doors.tls, 'refused', { caCert: '' }), /^Output kafka: .*is not by an authority that is trusted \(kafka_output\.ca_cert\).*, trying again$/);
      expect(doors.tls.clients.length).toBe(taken);
      await arrive(output(doors.tls, 'insecure', { caCert: '', insecure: true }), 'insecure', 1);
    });

    it('without TLS is not spoken to by an output that wants TLS', async () => {
      await waits(output(doors.plain, 'refused'), /^Output kafka: .*TLS.*, trying again$/i);
    });

    it('lets in who has name and password, as another client sees it too, and nobody else', async () => {
      const sasl = { saslMechanism: 'PLAIN', username: 'falco', password: PASSWORD } as const;
      await arrive(output(doors.sasl, 'sasl', sasl), 'sasl', 20);
      const options = ['security.protocol=SASL_SSL', `ssl.ca.location=${ca.crt}`, 'sasl.mechanisms=PLAIN', 'sasl.username=falco'].flatMap((one) => ['-X', one]);
      expect(await cluster.values('sasl', doors.sasl, ...options, '-X', `sasl.password=${PASSWORD}`)).toHaveLength(20);
      await waits(output(doors.sasl, 'sasl', { ...sasl, password: 'wrong-secret' }), /^Output kafka: .*(authenticat|Invalid username or password).*, trying again$/i);
      logged.length = 0;
      await waits(output(doors.sasl, 'sasl', { ...sasl, saslMechanism: 'SCRAM-SHA-256' }), /^Output kafka: .*(mechanism|authenticat).*, trying again$/i);
    });
  });

  describe('NATS', () => {
    const output = (address: string, more: Partial<NatsOutputOptions> = {}) => new NatsOutput({
      servers: [address], subject: 'falco.alerts', jetstream: false, credentialsFile: '', user: '', password: '', token: '', caCert: ca.crt, clientCert: '', clientKey: '', timeoutMs: 5000, ...more,
    }, log);
    async function serve(name: string, ...options: readonly string[]): Promise<NatsServer> {
      const started = new NatsServer(join(dir, name), await freePort(), options);
      await started.start();
      atEnd(() => started.stop());
      return started;
    }
    const tls = () => ['--tls', '--tlscert', server.crt, '--tlskey', server.key];
    /** Another client gets what the output sends. */
    async function arrive(to: Output, reader: Parameters<typeof connectNats>[0], count = 100): Promise<void> {
      const connection = await connectNats({ tls: { ca: ca.read().cert }, ...reader });
      const got: string[] = [];
      connection.subscribe('falco.>', { callback: (_, one) => { got.push(one.string()); } });
      await connection.flush();
      try {
        const channel = await channelOf(to);
        for (let i = 0; i < count; i++) channel.push(message(i));
        await until(() => channel.stats().delivered === count && got.length === count);
        expect(got).toEqual(alerts(0, count));
      } finally {
        await connection.close();
      }
    }

    it('gets every alert over TLS, by its address and by its name', { timeout: 60_000 }, async () => {
      const { port } = await serve('tls', ...tls());
      await arrive(output(`tls://127.0.0.1:${port}`), { servers: `127.0.0.1:${port}` });
      await arrive(output(`nats://localhost:${port}`), { servers: `localhost:${port}` });
      await waits(output(`tls://127.0.0.1:${port}`, { caCert: other.crt }), /^Output nats: .*is not by an authority that is trusted \(nats_output\.ca_cert\), trying again$/);
      logged.length = 0;
      await waits(output(`tls://127.0.0.1:${port}`, { caCert: '' }), /^Output nats: .*is not by an authority that is trusted \(nats_output\.ca_cert\), trying again$/);
    });

    it('that wants a certificate of its clients gets ours', { timeout: 60_000 }, async () => {
      const { port } = await serve('mutual', ...tls(), '--tlsverify', '--tlscacert', ca.crt);
      await arrive(output(`tls://127.0.0.1:${port}`, { clientCert: client.crt, clientKey: client.key }), { servers: `127.0.0.1:${port}`, tls: { ca: ca.read().cert, ...client.read() } });
      await waits(output(`tls://127.0.0.1:${port}`), /^Output nats: the receiver does not accept our certificate \(.*; nats_output\.client_cert\), trying again$/);
    });

    it('without TLS is not told the password by an output that wants TLS', { timeout: 60_000 }, async () => {
      const { port } = await serve('plain', '--user', 'falco', '--pass', PASSWORD);
      await waits(output(`tls://127.0.0.1:${port}`, { user: 'falco', password: PASSWORD }), /^Output nats: .*tls.*, trying again$/i);
    });

    it('lets in who has name and password, or the token, and nobody else', { timeout: 60_000 }, async () => {
      const named = await serve('named', ...tls(), '--user', 'falco', '--pass', PASSWORD);
      const at = `tls://127.0.0.1:${named.port}`;
      await arrive(output(at, { user: 'falco', password: PASSWORD }), { servers: `127.0.0.1:${named.port}`, user: 'falco', pass: PASSWORD });
      await waits(output(at, { user: 'falco', password: 'wrong-secret' }), /^Output nats: .*Authorization Violation.*, trying again$/i);
      logged.length = 0;
      const token = await serve('token', ...tls(), '--auth', TOKEN);
      await arrive(output(`tls://127.0.0.1:${token.port}`, { token: TOKEN }), { servers: `127.0.0.1:${token.port}`, token: TOKEN });
      await waits(output(`tls://127.0.0.1:${token.port}`, { token: 'wrong-secret' }), /^Output nats: .*Authorization Violation.*, trying again$/i);
    });
  });
});
