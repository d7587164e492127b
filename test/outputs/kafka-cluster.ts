// SPDX-License-Identifier: Apache-2.0
/**
 * A Kafka cluster. Apache's needs Java and is in no registry that tests may use; librdkafka's speaks the same protocol and
 * checks record batches. What it lacks stands in a relay in front: ApiVersions above 2, which Apache's has answered since 2019,
 * TLS (Node's), and SASL.
 */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer, type TlsOptions, type TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { ApiKey, apiVersions, authenticated, handshake, readRequest } from './kafka-protocol.js';

const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'falco-ts-tests');

/** A program with a whole Kafka cluster of librdkafka inside (its own, for tests), from the package that carries the newest one. */
const CLUSTER = `
import { KafkaClient } from 'kafka-crab-js';
const client = new KafkaClient({ brokers: 'none:1', clientId: 'cluster', securityProtocol: 'Plaintext', configuration: { 'test.mock.num.brokers': '1' } });
await client.createProducer({}).send({ topic: 'ready', messages: [{ payload: Buffer.from('x') }] });
console.log('ready');
setInterval(() => {}, 1000);
`;

/** Where clients come in. */
export interface Door {
  /** For `-b` and `brokers`: the cluster tells clients this address, and no other. */
  readonly address: string;
  readonly port: number;
  /** What clients said of themselves: the server name that TLS carries (`false`: none), and the name in their certificate. */
  readonly clients: { readonly servername: string | false; readonly certificate: string | undefined }[];
}

export interface DoorOptions {
  readonly tls?: TlsOptions;
  /** Who may come in, by SASL/PLAIN. */
  readonly users?: Readonly<Record<string, string>>;
  /** Of the same length: what brokers are called is rewritten in place. */
  readonly host?: '127.0.0.1' | 'localhost';
}

export class KafkaCluster {
  private child: ChildProcess | null = null;
  private readonly doors: Server[] = [];
  private brokerPort = 0;

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
  }

  async open({ tls, users, host = '127.0.0.1' }: DoorOptions = {}): Promise<Door> {
    const clients: Door['clients'][number][] = [];
    let port = 0;
    const take = (client: Socket): void => {
      if (tls !== undefined) {
        const { servername, getPeerCertificate } = client as TLSSocket & { readonly servername: string | false };
        clients.push({ servername, certificate: getPeerCertificate.call(client)?.subject?.CN as string | undefined });
      }
      this.relay(client, { users, broker: Buffer.from(host), port });
    };
    const server = tls === undefined ? createServer(take) : createTlsServer(tls, take);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.doors.push(server);
    port = (server.address() as { port: number }).port;
    return { address: `${host}:${port}`, port, clients };
  }

  private relay(client: Socket, door: { readonly users: DoorOptions['users']; readonly broker: Buffer; readonly port: number }): void {
    const broker = connect(this.brokerPort, '127.0.0.1');
    for (const side of [client, broker]) {
      side.on('error', () => undefined);
      side.on('close', () => { client.destroy(); broker.destroy(); });
    }
    const metadata = new Set<number>();
    let known = door.users === undefined;
    onFrames(client, (frame) => {
      const request = readRequest(frame);
      const { key, version, correlation } = request;
      if (key === ApiKey.ApiVersions && version >= 3) client.write(apiVersions(correlation, door.users !== undefined));
      else if (key === ApiKey.SaslHandshake) client.write(handshake(request, frame));
      else if (key === ApiKey.SaslAuthenticate) {
        const [answer, ok] = authenticated(request, frame, door.users ?? {});
        known = ok;
        client.write(answer);
      } else if (!known) client.destroy();
      else {
        if (key === ApiKey.Metadata) metadata.add(correlation);
        broker.write(frame);
      }
    });
    onFrames(broker, (frame) => {
      if (metadata.delete(frame.readInt32BE(4))) this.rename(frame, door.broker, door.port);
      client.write(frame);
    });
  }

  /** The brokers' address in an answer about metadata becomes that of the door. */
  private rename(frame: Buffer, host: Buffer, port: number): void {
    const own = Buffer.alloc(13);
    own.writeInt32BE(this.brokerPort, own.write('127.0.0.1'));
    for (let at = frame.indexOf(own); at !== -1; at = frame.indexOf(own, at + 1)) frame.writeInt32BE(port, at + host.copy(frame, at));
  }

  /** All values of a topic, read by another client than ours, partition by partition; `more`: options of kcat. */
  async values(topic: string, door: Door, ...more: readonly string[]): Promise<string[]> {
    const args = ['-b', door.address, '-C', '-t', topic, '-e', '-q', '-f', '%k %s\\n', '-o', 'beginning', ...more];
    // Not in the way of the door, which is of this process.
    const { stdout } = await promisify(execFile)('kcat', args, { encoding: 'utf8', timeout: 20_000, maxBuffer: 1 << 26 });
    return stdout.split('\n').slice(0, -1);
  }

  stop(): void {
    for (const door of this.doors) door.close();
    this.child?.removeAllListeners('exit').kill();
  }
}

/** What is longer is no message: Kafka's own limit (socket.request.max.bytes). */
const LONGEST = 100 << 20;

/** Calls back with each whole message, its length in front. Who speaks something else is sent away. */
function onFrames(socket: Socket, take: (frame: Buffer) => void): void {
  let waiting = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    waiting = Buffer.concat([waiting, chunk]);
    if (waiting.length >= 4 && waiting.readUInt32BE(0) > LONGEST) socket.destroy();
    while (!socket.destroyed && waiting.length >= 4 && waiting.length >= 4 + waiting.readInt32BE(0)) {
      const frame = waiting.subarray(0, 4 + waiting.readInt32BE(0));
      waiting = waiting.subarray(frame.length);
      take(frame);
    }
  });
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
