// SPDX-License-Identifier: Apache-2.0
/** JSON over HTTP over a unix socket, as Docker and Podman speak it. Every answer is bounded in time and size. */
import { existsSync } from 'node:fs';
import type { Pool } from 'undici';

const TIMEOUT_MS = 2_000;
const MAX_BYTES = 4 << 20;
const CONNECTIONS = 4;
/** A connection that is there already saves the moment between a container's making and its start. */
const KEEP_ALIVE_MS = 600_000;
/** Nobody listens there: the runtime does not run, which is no failure. */
const ABSENT: ReadonlySet<string> = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTDIR']);

interface Pools {
  readonly answers: Pool;
  /** The stream of events never ends: it has a connection of its own. */
  readonly streams: Pool;
}

export class HttpApi {
  /** Made when there is a socket for the first time: the client takes a tenth of the start, and most machines have no use for it. */
  private pools: Promise<Pools> | null = null;
  private readonly closing = new AbortController();

  constructor(private readonly socket: string) {}

  /** Null: not found, or nobody listens. @throws when there is no proper answer in time */
  async get(path: string): Promise<unknown> {
    if (!existsSync(this.socket)) return null;
    const { answers } = await this.connected();
    const signal = AbortSignal.any([this.closing.signal, AbortSignal.timeout(TIMEOUT_MS)]);
    try {
      const { statusCode, body } = await answers.request({ path, method: 'GET', signal });
      const chunks: Buffer[] = [];
      let bytes = 0;
      for await (const chunk of body) {
        bytes += (chunk as Buffer).length;
        if (bytes > MAX_BYTES) throw new Error(`the answer to ${path} is larger than ${MAX_BYTES} bytes`);
        chunks.push(chunk as Buffer);
      }
      if (statusCode === 404) return null;
      if (statusCode !== 200) throw new Error(`${path} was answered with status ${statusCode}`);
      return JSON.parse(Buffer.concat(chunks).toString('utf8'));
    } catch (error) {
      if (isAbsent(error)) return null;
      throw error;
    }
  }

  /** Gives each line of an answer that goes on, as JSON, until it ends. What is no JSON is passed over. */
  async stream(path: string, take: (value: unknown) => void): Promise<void> {
    if (!existsSync(this.socket)) return;
    const { streams } = await this.connected();
    try {
      const { statusCode, body } = await streams.request({ path, method: 'GET', signal: this.closing.signal });
      if (statusCode !== 200) throw new Error(`${path} was answered with status ${statusCode}`);
      body.setEncoding('utf8');
      let rest = '';
      for await (const chunk of body) {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        if (rest.length > MAX_BYTES) throw new Error(`a line of ${path} is longer than ${MAX_BYTES} bytes`);
        for (const line of lines) {
          const value = parsed(line);
          if (value !== undefined) take(value);
        }
      }
    } catch (error) {
      if (!this.closing.signal.aborted && !isAbsent(error)) throw error;
    }
  }

  async close(): Promise<void> {
    this.closing.abort();
    if (this.pools === null) return;
    const { answers, streams } = await this.pools;
    await Promise.all([answers.destroy(), streams.destroy()]);
  }

  private connected(): Promise<Pools> {
    this.pools ??= openPools(this.socket);
    return this.pools;
  }
}

async function openPools(socket: string): Promise<Pools> {
  const { Pool } = await import('undici');
  const options = { socketPath: socket, headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS, connectTimeout: TIMEOUT_MS, keepAliveTimeout: KEEP_ALIVE_MS, keepAliveMaxTimeout: KEEP_ALIVE_MS };
  return {
    answers: new Pool('http://localhost', { ...options, connections: CONNECTIONS }),
    streams: new Pool('http://localhost', { ...options, connections: 1, headersTimeout: 0, bodyTimeout: 0 }),
  };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function isAbsent(error: unknown): boolean {
  return ABSENT.has((error as NodeJS.ErrnoException | null)?.code ?? '');
}
