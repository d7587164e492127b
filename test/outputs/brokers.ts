// SPDX-License-Identifier: Apache-2.0
/** Receivers that a fleet has: NATS from Debian, an OTLP decoder; Kafka has a file of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { aptInstall } from '../e2e/apt.js';

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
    /** Of nats-server: who may connect, and how. */
    private readonly options: readonly string[] = [],
  ) {}

  async start(): Promise<void> {
    const child = spawn('/usr/sbin/nats-server', ['-a', '127.0.0.1', '-p', String(this.port), '-js', '-sd', join(this.dir, 'jetstream'), ...this.options], { stdio: ['ignore', 'ignore', 'pipe'] });
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
