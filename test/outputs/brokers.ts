// SPDX-License-Identifier: Apache-2.0
/** Receivers that a fleet has: NATS from Debian, a Kafka protocol server, an OTLP decoder. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, createServer, type Server } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { aptInstall } from '../e2e/apt.js';

const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'falco-ts-tests');

const has = (program: string): boolean => ['/usr/bin', '/usr/sbin'].some((folder) => existsSync(join(folder, program)));

/** CI installs what is missing; elsewhere only what is there is used. */
export const canRunBrokers = process.env.CI !== undefined || (process.getuid?.() === 0 && has('nats-server') && has('kcat'));

export function installBrokers(): void {
  if (!has('nats-server')) aptInstall('nats-server');
  if (!has('kcat')) aptInstall('kcat');
}

/** Started, stopped and started again at the same port, with what it has stored. */
export class NatsServer {
  private child: ChildProcess | null = null;

  constructor(
    private readonly dir: string,
    readonly port: number,
  ) {}

  async start(): Promise<void> {
    const child = spawn('/usr/sbin/nats-server', ['-a', '127.0.0.1', '-p', String(this.port), '-js', '-sd', join(this.dir, 'jetstream')], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.child = child;
    let text = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    for (const end = Date.now() + 10_000; !text.includes('Server is ready'); ) {
      if (child.exitCode !== null || Date.now() > end) throw new Error(`nats-server does not start:\n${text}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async stop(): Promise<void> {
    const { child } = this;
    this.child = null;
    if (child === null || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill();
    await ended;
  }
}

/** A program with a whole Kafka cluster of librdkafka inside (its own, for tests), from the package that carries the newest one. */
const CLUSTER = `
import { KafkaClient } from 'kafka-crab-js';
const client = new KafkaClient({ brokers: 'none:1', clientId: 'cluster', securityProtocol: 'Plaintext', configuration: { 'test.mock.num.brokers': '1' } });
await client.createProducer({}).send({ topic: 'ready', messages: [{ payload: Buffer.from('x') }] });
console.log('ready');
setInterval(() => {}, 1000);
`;

/**
 * A Kafka cluster. Apache's needs Java and is in no registry that tests may use; librdkafka's speaks the same protocol and
 * checks record batches. It knows ApiVersions up to 2 only and says so, where Apache's has answered 3 since 2019: a relay
 * in front answers that one request.
 */
export class KafkaCluster {
  private child: ChildProcess | null = null;
  private relay: Server | null = null;
  /** For kcat. */
  private brokerPort = 0;
  /** For clients. */
  port = 0;

  async start(): Promise<void> {
    const dir = join(CACHE, 'kafka-crab-js-5');
    if (!existsSync(join(dir, 'done'))) {
      rmSync(dir, { recursive: true, force: true });
      mkdirSync(dir, { recursive: true });
      writeFileSync(join(dir, 'package.json'), '{"private":true,"type":"module"}');
      // It asks for a newer Node than its addon needs, hence by name and with force.
      execFileSync('npm', ['install', '--force', '--no-audit', '--no-fund', '--ignore-scripts', 'kafka-crab-js@5', `kafka-crab-js-linux-${process.arch}-gnu@5`], { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] });
      writeFileSync(join(dir, 'cluster.mjs'), CLUSTER);
      writeFileSync(join(dir, 'done'), '');
    }
    const child = spawn(process.execPath, [join(dir, 'cluster.mjs')], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.child = child;
    await new Promise<void>((resolve, reject) => {
      child.stdout.on('data', () => resolve());
      child.on('exit', () => reject(new Error('the Kafka cluster ended')));
    });
    this.brokerPort = listeningPort(child.pid ?? 0);
    await this.openRelay(0);
  }

  private async openRelay(port: number): Promise<void> {
    const relay = createServer((client) => {
      const broker = connect(this.brokerPort, '127.0.0.1');
      for (const side of [client, broker]) side.on('error', () => { client.destroy(); broker.destroy(); });
      broker.pipe(client);
      let waiting = Buffer.alloc(0);
      client.on('data', (chunk: Buffer) => {
        waiting = Buffer.concat([waiting, chunk]);
        while (waiting.length >= 4 && waiting.length >= 4 + waiting.readInt32BE(0)) {
          const frame = waiting.subarray(0, 4 + waiting.readInt32BE(0));
          waiting = waiting.subarray(frame.length);
          const [key, version] = [frame.readInt16BE(4), frame.readInt16BE(6)];
          if (key === 18 && version >= 3) client.write(apiVersions(frame.readInt32BE(8)));
          else broker.write(frame);
        }
      });
    });
    await new Promise<void>((resolve) => relay.listen(port, '127.0.0.1', resolve));
    this.relay = relay;
    this.port = (relay.address() as { port: number }).port;
  }

  /** All values of a topic, read by another client than ours, partition by partition. */
  values(topic: string): string[] {
    const args = ['-b', `127.0.0.1:${this.brokerPort}`, '-C', '-t', topic, '-e', '-q', '-f', '%k %s\\n', '-o', 'beginning'];
    return execFileSync('kcat', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 20_000 }).split('\n').slice(0, -1);
  }

  stop(): void {
    this.relay?.close();
    this.child?.removeAllListeners('exit').kill();
  }
}

/** What librdkafka's cluster says of itself, in version 3 of the answer: (key, lowest, highest). */
function apiVersions(correlation: number): Buffer {
  const rows = [[0, 0, 10], [1, 0, 16], [2, 0, 7], [3, 0, 12], [10, 0, 3], [18, 0, 3], [22, 0, 4]];
  const body = Buffer.alloc(4 + 2 + 1 + rows.length * 7 + 4 + 1);
  let at = body.writeInt32BE(correlation, 0);
  at = body.writeInt16BE(0, at);
  at = body.writeUInt8(rows.length + 1, at);
  for (const [key, lowest, highest] of rows) {
    at = body.writeInt16BE(key, at);
    at = body.writeInt16BE(lowest, at);
    at = body.writeInt16BE(highest, at);
    at = body.writeUInt8(0, at);
  }
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length);
  return Buffer.concat([length, body]);
}

function listeningPort(pid: number): number {
  const sockets = new Set(readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
    } catch {
      return undefined;
    }
  }));
  for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1)) {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
    if (state === '0A' && sockets.has(inode)) return Number.parseInt(local.split(':')[1], 16);
  }
  throw new Error('the Kafka cluster does not listen');
}

interface ProtobufType {
  fromObject(value: unknown): unknown;
  verify(value: unknown): string | null;
  toObject(message: unknown, options: object): unknown;
}

/** OpenTelemetry's own decoder: what it understood of a request, which is everything or it has unknown parts. */
export function decodeLogs(json: string): unknown {
  const root = createRequire(import.meta.url)('@opentelemetry/otlp-transformer/build/src/generated/root.js') as {
    opentelemetry: { proto: { collector: { logs: { v1: { ExportLogsServiceRequest: ProtobufType } } } } };
  };
  const type = root.opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest;
  const message = type.fromObject(JSON.parse(json));
  const problem = type.verify(message);
  if (problem !== null) throw new Error(problem);
  return type.toObject(message, { longs: String, enums: Number });
}
