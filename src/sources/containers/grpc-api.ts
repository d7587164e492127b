// SPDX-License-Identifier: Apache-2.0
/** gRPC over a unix socket, as containerd and CRI-O speak it, with messages as JSON. Every answer is bounded in time and size. */
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import type { DescMethod, DescMethodStreaming, DescMethodUnary, DescService, JsonObject } from '@bufbuild/protobuf';
import type { Transport } from '@connectrpc/connect';
import { type Json, object } from './json.js';
import type { ProtoPackage } from './protobuf.js';

const TIMEOUT_MS = 2_000;
/** What the kubelet takes: a list may hold every container of a node. */
const MAX_BYTES = 16 << 20;
/** Nobody listens there: the runtime does not run, which is no failure. */
const ABSENT: ReadonlySet<string> = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTDIR']);
const NOT_FOUND = 5;
const UNIMPLEMENTED = 12;

interface Client {
  readonly transport: Transport;
  readonly service: (name: string) => DescService;
  readonly fromJson: (method: DescMethod, request: Json) => ReturnType<typeof import('@bufbuild/protobuf').fromJson>;
  readonly toJson: typeof import('@bufbuild/protobuf').toJson;
  readonly abort: () => void;
}

export class GrpcApi {
  /** Made when there is a socket for the first time: the libraries take a tenth of the start, and most machines have no use for them. */
  private client: Promise<Client> | null = null;
  private readonly closing = new AbortController();

  /** `packages`: the definitions of what is called. */
  constructor(
    private readonly socket: string,
    private readonly packages: readonly ProtoPackage[],
    private readonly options: { readonly timeoutMs: number } = { timeoutMs: TIMEOUT_MS },
  ) {}

  /** `service` with its package. Null: not found, or nobody listens. @throws when there is no proper answer in time */
  async call(service: string, method: string, request: Json, headers?: Readonly<Record<string, string>>): Promise<Json | null> {
    if (!existsSync(this.socket)) return null;
    const client = await this.connected();
    const desc = methodOf(client, service, method, 'unary') as DescMethodUnary;
    try {
      const answer = await client.transport.unary(desc, this.closing.signal, this.options.timeoutMs, headers, client.fromJson(desc, request));
      return object(client.toJson(desc.output, answer.message));
    } catch (error) {
      if (isAbsent(error) || codeOf(error) === NOT_FOUND) return null;
      throw error;
    }
  }

  /** Gives each answer until there are no more. */
  async stream(service: string, method: string, request: Json, take: (answer: Json) => void): Promise<void> {
    if (!existsSync(this.socket)) return;
    const client = await this.connected();
    const desc = methodOf(client, service, method, 'server_streaming') as DescMethodStreaming;
    const { signal } = this.closing;
    try {
      const answers = await client.transport.stream(desc, signal, undefined, undefined, one(client.fromJson(desc, request)));
      for await (const answer of answers.message) take(object(client.toJson(desc.output, answer)));
    } catch (error) {
      if (!signal.aborted && !isAbsent(error)) throw error;
    }
  }

  async close(): Promise<void> {
    this.closing.abort();
    if (this.client !== null) (await this.client).abort();
  }

  private connected(): Promise<Client> {
    this.client ??= openClient(this.socket, this.packages);
    return this.client;
  }
}

/** Does the runtime not know the call at all? */
export function isUnimplemented(error: unknown): boolean {
  return codeOf(error) === UNIMPLEMENTED;
}

async function openClient(socket: string, packages: readonly ProtoPackage[]): Promise<Client> {
  const [{ fromJson, toJson }, { createGrpcTransport, Http2SessionManager }, { defineServices }] = await Promise.all([
    import('@bufbuild/protobuf'), import('@connectrpc/connect-node'), import('./protobuf.js'),
  ]);
  const sessionManager = new Http2SessionManager('http://localhost', undefined, { createConnection: () => connect(socket) });
  return {
    transport: createGrpcTransport({ baseUrl: 'http://localhost', sessionManager, readMaxBytes: MAX_BYTES }),
    service: defineServices(packages),
    fromJson: (method, request) => fromJson(method.input, request as JsonObject),
    toJson,
    abort: () => sessionManager.abort(),
  };
}

function methodOf(client: Client, service: string, name: string, kind: DescMethod['methodKind']): DescMethod {
  const method = client.service(service).methods.find((each) => each.name === name && each.methodKind === kind);
  if (method === undefined) throw new Error(`no ${kind} method '${name}' of ${service} is defined`);
  return method;
}

async function* one<T>(value: T): AsyncGenerator<T> {
  yield value;
}

function codeOf(error: unknown): number {
  return (error as { code?: number } | null)?.code ?? 0;
}

function isAbsent(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (ABSENT.has((cause as NodeJS.ErrnoException).code ?? '')) return true;
  }
  return false;
}
