// SPDX-License-Identifier: Apache-2.0
/** Alerts on their way to what a fleet runs: real receivers, which go away and come back. */
import { cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { execFile } from 'node:child_process';
import { gunzipSync } from 'node:zlib';
import { connect as connectNats } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Config, ConfigSchema } from '../../src/app/config/schema.js';
import { Outputs } from '../../src/app/outputs.js';
import { KafkaOutput } from '../../src/outputs/kafka.js';
import { NatsOutput, type NatsOutputOptions } from '../../src/outputs/nats.js';
import { OtlpOutput } from '../../src/outputs/otlp.js';
import type { Output, } from '../../src/outputs/output.js';
import type { StartError } from '../../src/sources/source.js';
import { freePort, Program } from '../cli/program.js';
import { canRunBrokers, decodeLogs, installBrokers, NatsServer } from './brokers.js';
import { alerts, message, testBench, testFolder } from './channels.js';
import { type Door, KafkaCluster } from './kafka-cluster.js';

const PROJECT = join(import.meta.dirname, '../..');
const dir = testFolder();
const { logged, log, atEnd, until, ...bench } = testBench();
const channelOf = (output: Output) => bench.channelOf(output, { capacity: 0, timeoutMs: 0 });

/** What the hub has got, and how it answers. */
class HttpHub {
  readonly bodies: string[] = [];
  answer: (body: string) => { readonly status?: number; readonly body?: string } = () => ({});
  private server: Server | null = null;
  port = 0;

  async start(port = 0): Promise<this> {
    const server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const whole = Buffer.concat(parts);
        const body = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(whole) : whole).toString();
        const { status = 200, body: text = '' } = this.answer(body);
        if (status < 400) this.bodies.push(body);
        response.writeHead(status).end(text);
      });
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    this.server = server;
    this.port = (server.address() as AddressInfo).port;
    atEnd(() => this.stop());
    return this;
  }

  stop(): void {
    this.server?.closeAllConnections();
    this.server?.close();
    this.server = null;
  }
}

const RULE = `
- rule: Created
  desc: for the test
  condition: ka.verb = create
  output: "alert %ka.auditid"
  priority: WARNING
  source: k8s_audit
`;

/** The program with one remote output behind a spool, fed by audit events. */
async function program(hubPort: number, name: string) {
  const [auditPort, webPort] = [await freePort(), await freePort()];
  const own = join(dir, name);
  mkdirSync(own, { recursive: true });
  writeFileSync(join(own, 'rules.yaml'), RULE);
  writeFileSync(join(own, 'falco.yaml'), `
rules_files: [${join(own, 'rules.yaml')}]
log_stderr: true
log_syslog: false
json_output: true
http_output: { enabled: true, url: "http://127.0.0.1:${hubPort}/" }
spool: { enabled: true, directory: ${join(own, 'spool')} }
plugins: [{ name: k8saudit, open_params: "http://127.0.0.1:${auditPort}/k8s-audit" }]
webserver: { enabled: true, listen_port: ${webPort}, prometheus_metrics_enabled: true }
metrics: { enabled: true, interval: 1h }
`);
  const started = new Program(['-c', join(own, 'falco.yaml'), '--disable-source', 'syscall']);
  atEnd(() => started.signal('SIGKILL'));
  await started.until((one) => one.stderr.includes("Opening 'k8s_audit' source"));
  const post = async (from: number, to: number): Promise<void> => {
    const items = Array.from({ length: to - from }, (_, i) => ({
      kind: 'Event', apiVersion: 'audit.k8s.io/v1', level: 'Metadata', auditID: String(from + i), stage: 'ResponseComplete', verb: 'create',
      requestURI: '/', user: { username: 'u' }, stageTimestamp: '2026-11-23T12:00:00.000000Z', requestReceivedTimestamp: '2026-11-23T12:00:00.000000Z',
    }));
    for (const end = Date.now() + 15_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
      const answer = await fetch(`http://127.0.0.1:${auditPort}/k8s-audit`, {
        method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ kind: 'EventList', apiVersion: 'audit.k8s.io/v1', items }),
      }).catch(() => null);
      if (answer?.status === 200) return;
      if (Date.now() > end) throw new Error(started.stderr);
    }
  };
  const metric = async (line: RegExp): Promise<number> => {
    const text = await fetch(`http://127.0.0.1:${webPort}/metrics`).then((answer) => answer.text());
    return Number(line.exec(text)?.[1] ?? Number.NaN);
  };
  return { program: started, post, metric };
}

describe('a hub that is away', () => {
  it('gets every alert in order when it is back, although the program was killed and started again meanwhile', { timeout: 60_000 }, async () => {
    const hubPort = await freePort();
    const first = await program(hubPort, 'killed');
    await first.post(0, 300);
    for (const end = Date.now() + 15_000; (await first.metric(/^falco_ts_output_waiting\{output="http"\} (\d+)/m)) < 300; ) if (Date.now() > end) throw new Error('not spooled');
    expect(await first.metric(/^falco_ts_output_spool_bytes\{output="http"\} (\d+)/m)).toBeGreaterThan(300 * 100);
    first.program.signal('SIGKILL');
    await first.program.ended;

    const second = await program(hubPort, 'killed');
    expect(second.program.stderr).toContain('300 alerts from an earlier run are waiting in');
    await second.post(300, 310);
    const hub = new HttpHub();
    let refusals = 0;
    // A proxy in front that comes up before the hub does, and one that does not know us yet.
    hub.answer = () => (refusals++ < 2 ? { status: refusals === 1 ? 503 : 401 } : {});
    await hub.start(hubPort);
    await until(() => hub.bodies.length >= 310, 40_000);
    const ids = hub.bodies.map((body) => Number(/alert (\d+)/.exec(body)?.[1]));
    expect(ids).toEqual(Array.from({ length: 310 }, (_, i) => i));
    const { stderr } = await second.program.stop();
    expect(stderr).toContain('http: 310 alerts, 310 delivered, 0 failed, 0 dropped, 0 kept on disk for the next start');
  });

  it('at the end, what it has not got is kept and counted', { timeout: 40_000 }, async () => {
    const one = await program(await freePort(), 'kept');
    await one.post(0, 5);
    const { stderr } = await one.program.stop();
    expect(stderr).toContain('http: 5 alerts, 0 delivered, 0 failed, 0 dropped, 5 kept on disk for the next start');
  });
});

describe('OTLP', () => {
  const options = (port: number) => ({
    url: `http://127.0.0.1:${port}/v1/logs`, headers: { authorization: 'Bearer t' }, userAgent: 'falco-ts', insecure: false, caCert: '', caBundle: '', caPath: '', mtls: false,
    clientCert: '', clientKey: '', compressUploads: true, keepAlive: true, maxConsecutiveTimeouts: 1, timeoutMs: 2000, patient: false, hostname: 'node-1',
  });
  const line = JSON.stringify({
    hostname: 'node-1', priority: 'Warning', rule: 'R', source: 'syscall', tags: ['a', 'b'], time: '2026-01-01T00:00:00.000000001Z', output: '00:00: Warning text "1234567890123456789"',
    output_fields: { 'proc.name': 'cat', 'proc.pid': 12, 'evt.time': 'BIG', 'user.loginuid': -1, 'proc.is_exe_upper_layer': true, 'fd.lport': null, 'proc.aname': ['a', 'b'] },
  }).replace('"BIG"', '1700000000123456789');

  it("is a request that OpenTelemetry's own definition decodes, whole", async () => {
    const hub = await new HttpHub().start();
    const channel = await channelOf(new OtlpOutput(options(hub.port), log));
    channel.push(message(0, line));
    channel.push(message(1, 'as text'));
    await until(() => channel.stats().delivered === 2);
    const requests = hub.bodies.map((body) => ({ sent: JSON.parse(body), understood: decodeLogs(body) }));
    for (const { sent, understood } of requests) expect(understood).toEqual(sent);
    const records = requests.flatMap(({ sent }) => sent.resourceLogs[0].scopeLogs[0].logRecords);
    expect(records[0]).toMatchObject({
      timeUnixNano: '1700000000123456789', severityNumber: 13, severityText: 'Warning', body: { stringValue: '00:00: Warning text "1234567890123456789"' },
      attributes: [
        { key: 'falco.rule', value: { stringValue: 'R' } }, { key: 'falco.priority', value: { stringValue: 'Warning' } }, { key: 'falco.source', value: { stringValue: 'syscall' } },
        { key: 'falco.tags', value: { arrayValue: { values: [{ stringValue: 'a' }, { stringValue: 'b' }] } } },
        { key: 'proc.name', value: { stringValue: 'cat' } }, { key: 'proc.pid', value: { intValue: '12' } }, { key: 'evt.time', value: { intValue: '1700000000123456789' } },
        { key: 'user.loginuid', value: { intValue: '-1' } }, { key: 'proc.is_exe_upper_layer', value: { boolValue: true } },
        { key: 'proc.aname', value: { arrayValue: { values: [{ stringValue: 'a' }, { stringValue: 'b' }] } } },
      ],
    });
    expect(records[1]).toMatchObject({ body: { stringValue: 'as text' } });
    expect(JSON.stringify(requests[0].sent.resourceLogs[0].resource)).toContain('node-1');
  });

  it('counts what the receiver rejects of a batch', async () => {
    const hub = await new HttpHub().start();
    hub.answer = () => ({ body: JSON.stringify({ partialSuccess: { rejectedLogRecords: '2', errorMessage: 'too old' } }) });
    const channel = await channelOf(new OtlpOutput(options(hub.port), log));
    for (let i = 0; i < 5; i++) channel.push(message(i));
    await until(() => channel.stats().waiting === 0);
    expect(channel.stats()).toMatchObject({ pushed: 5, delivered: 3, failed: 2 });
    expect(logged.join('\n')).toContain('too old');
  });
});

describe.skipIf(!canRunBrokers)('NATS', () => {
  let server: NatsServer;
  beforeAll(async () => {
    installBrokers();
    server = new NatsServer(join(dir, 'nats'), await freePort());
    await server.start();
  }, 120_000);
  afterAll(() => server?.stop());

  const output = (more: Partial<NatsOutputOptions> = {}) => new NatsOutput({
    servers: [`nats://127.0.0.1:${server.port}`], subject: 'falco.alerts', jetstream: false, credentialsFile: '', user: '', password: '', token: '', caCert: '', clientCert: '',
    clientKey: '', timeoutMs: 1000, ...more,
  }, log);

  it('a subscriber gets every alert in order', async () => {
    const reader = await connectNats({ servers: `127.0.0.1:${server.port}` });
    atEnd(() => reader.close());
    const got: string[] = [];
    reader.subscribe('falco.>', { callback: (_, one) => { got.push(one.string()); } });
    await reader.flush();
    const channel = await channelOf(output());
    for (let i = 0; i < 2000; i++) channel.push(message(i));
    channel.push(message(2000, 'x'.repeat(2_000_000)));
    channel.push(message(2001));
    await until(() => got.length === 2001);
    expect(got).toEqual([...alerts(0, 2000), 'alert 2001']);
    await until(() => channel.stats().waiting === 0);
    expect(channel.stats()).toMatchObject({ delivered: 2001, failed: 1 });
    expect(logged.join('\n')).toContain('max_payload');
  });

  it('with JetStream a stream stores each one, those too that were raised while the server was away', async () => {
    const reader = await connectNats({ servers: `127.0.0.1:${server.port}` });
    const api = async (target: NatsServer, subject: string, body: object) => {
      const client = await connectNats({ servers: `127.0.0.1:${target.port}` });
      try {
        return (await client.request(`$JS.API.${subject}`, JSON.stringify(body))).json<{ error?: unknown; state?: { messages: number }; message?: { data: string } }>();
      } finally {
        await client.close();
      }
    };
    await reader.close();
    const channel = await channelOf(output({ jetstream: true, subject: 'stored.alerts' }));
    channel.push(message(0));
    await until(() => logged.some((line) => line.includes("no JetStream stream takes the subject 'stored.alerts'")));
    expect((await api(server, 'STREAM.CREATE.ALERTS', { name: 'ALERTS', subjects: ['stored.*'], storage: 'file' })).error).toBeUndefined();
    await until(() => channel.stats().delivered === 1);
    await server.stop();
    for (let i = 1; i < 500; i++) channel.push(message(i));
    await until(() => logged.some((line) => /Output nats: .*(REFUSED|closed|refused).*, trying again/.test(line)) || channel.stats().waiting > 0);
    await server.start();
    await until(() => channel.stats().delivered === 500);
    const { state } = await api(server, 'STREAM.INFO.ALERTS', {});
    expect(state?.messages).toBeGreaterThanOrEqual(500);
    const last = await api(server, 'STREAM.MSG.GET.ALERTS', { last_by_subj: 'stored.alerts' });
    expect(Buffer.from(last.message?.data ?? '', 'base64').toString()).toMatch(/^alert \d+$/);
  });

  it('a server that lets nobody in is waited for, and said', async () => {
    const channel = await channelOf(output({ servers: [`127.0.0.1:${await freePort()}`] }));
    channel.push(message(0));
    await until(() => logged.some((line) => line.startsWith('Output nats:') && line.endsWith('trying again')));
    expect(channel.stats()).toMatchObject({ failed: 0, waiting: 1 });
    await channel.stop(0);
    expect(channel.stats()).toMatchObject({ delivered: 0, dropped: 1, waiting: 0 });
  });
});

describe.skipIf(!canRunBrokers)('Kafka', () => {
  const cluster = new KafkaCluster();
  let door: Door;
  beforeAll(async () => {
    installBrokers();
    await cluster.start();
    door = await cluster.open();
  }, 180_000);
  afterAll(() => cluster.stop());

  const output = (port: number) => new KafkaOutput({
    brokers: [`127.0.0.1:${port}`], topic: 'falco', compression: 'gzip', tls: false, insecure: false, caCert: '', clientCert: '', clientKey: '', saslMechanism: '', username: '',
    password: '', hostname: 'node-1', timeoutMs: 2000,
  }, log);

  it('another client reads every alert of a host in order', async () => {
    const channel = await channelOf(output(door.port));
    for (let i = 0; i < 1500; i++) channel.push(message(i));
    await until(() => channel.stats().delivered === 1500);
    expect(await cluster.values('falco', door)).toEqual(alerts(0, 1500).map((line) => `node-1 ${line}`));
  });

  it('a cluster that is away is waited for, and said', async () => {
    const channel = await channelOf(output(await freePort()));
    channel.push(message(0));
    await until(() => logged.some((line) => /^Output kafka: .*, trying again$/.test(line)));
    expect(channel.stats()).toMatchObject({ failed: 0, waiting: 1 });
  });
});

describe('an output that cannot start', () => {
  const attempt = (config: string, main: string) => {
    const file = join(dir, `config-${Math.random()}.yaml`);
    writeFileSync(join(dir, 'rules.yaml'), RULE);
    writeFileSync(file, `rules_files: [${join(dir, 'rules.yaml')}]\nlog_stderr: true\nlog_syslog: false\nplugins: [{ name: k8saudit, open_params: "http://127.0.0.1:0/k8s-audit" }]\n${config}`);
    return new Promise<{ code: number | null; stderr: string }>((resolve) => {
      execFile(process.execPath, [main, '-c', file, '--disable-source', 'syscall'], (error, _, stderr) => resolve({ code: error === null ? 0 : Number(error.code), stderr }));
    });
  };

  it('says what is wrong with its settings', async () => {
    const schema = ConfigSchema.properties as Record<string, { properties: Record<string, { default?: unknown }> }>;
    const defaults = Object.fromEntries(Object.entries(schema).map(([name, shape]) => [
      name, shape.properties === undefined ? (shape as { default?: unknown }).default : Object.fromEntries(Object.entries(shape.properties).map(([key, one]) => [key, one.default])),
    ])) as unknown as Config;
    const refusal = async (settings: object): Promise<string> => {
      const merged = { ...defaults, ...Object.fromEntries(Object.entries(settings).map(([name, own]) => [name, { ...(defaults as unknown as Record<string, object>)[name], enabled: true, ...own }])) };
      const outputs = new Outputs(merged as Config, { log, loadSyslog: () => () => undefined, hostname: 'h' });
      const error = await outputs.start().then(() => null, (one: StartError) => one);
      return `${error?.code} ${error?.message}`;
    };
    expect(await refusal({ kafka_output: {} })).toBe('OUTPUT_KAFKA kafka_output.brokers is empty');
    expect(await refusal({ kafka_output: { brokers: ['localhost'] } })).toBe("OUTPUT_KAFKA kafka_output.brokers: 'localhost' is not host:port");
    expect(await refusal({ kafka_output: { brokers: ['a:1'], tls: true, ca_cert: '/nowhere' } })).toMatch(/^OUTPUT_KAFKA kafka_output.ca_cert: ENOENT/);
    expect(await refusal({ nats_output: {} })).toBe('OUTPUT_NATS nats_output.servers is empty');
    expect(await refusal({ nats_output: { servers: ['a'], subject: 'a.*' } })).toBe("OUTPUT_NATS nats_output.subject: 'a.*' is not a subject to publish to");
    expect(await refusal({ nats_output: { servers: ['a'], credentials_file: '/nowhere' } })).toMatch(/^OUTPUT_NATS nats_output.credentials_file: ENOENT/);
    expect(await refusal({ otlp_output: { url: 'ftp://x/' } })).toMatch(/^OUTPUT_OTLP otlp_output.url 'ftp:/);
    expect(await refusal({ http_output: { url: 'http://127.0.0.1:1/' }, spool: { directory: '/dev/null/x' } })).toMatch(/^OUTPUT_SPOOL spool.directory: /);
  });

  it('without its package says which one to install', async () => {
    const copy = join(dir, 'installed');
    cpSync(join(PROJECT, 'dist'), join(copy, 'dist'), { recursive: true });
    cpSync(join(PROJECT, 'package.json'), join(copy, 'package.json'));
    mkdirSync(join(copy, 'node_modules'));
    for (const name of readdirSync(join(PROJECT, 'node_modules'))) {
      if (!['@platformatic', '@nats-io'].includes(name)) symlinkSync(join(PROJECT, 'node_modules', name), join(copy, 'node_modules', name));
    }
    const main = join(copy, 'dist/cli/main.js');
    for (const [config, name] of [['kafka_output: { enabled: true, brokers: ["a:1"] }', '@platformatic/kafka'], ['nats_output: { enabled: true, servers: [a] }', '@nats-io/transport-node']]) {
      const { code, stderr } = await attempt(config, main);
      expect(stderr).toContain(`needs the package ${name}, which is not installed [OUTPUT_PACKAGE]`);
      expect(stderr).toContain(`npm install ${name}`);
      expect(code).toBe(1);
    }
  });
});
