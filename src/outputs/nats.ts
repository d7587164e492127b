// SPDX-License-Identifier: Apache-2.0
/**
 * Alerts to a NATS subject. Core NATS: a batch has arrived when the server has answered the flush behind it; who listens
 * then is not ours to know. JetStream: each alert is acknowledged by the stream that stores it.
 */
import type { NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node';
import { StartError } from '../sources/source.js';
import { Interval } from '../util/interval.js';
import type { Log } from '../util/log.js';
import { Backoff } from './backoff.js';
import { optionalPackage } from './optional-package.js';
import { type Output, type OutputMessage, PartlyRefused } from './output.js';
import { connectionTrouble, type Section, settingFile, type TlsPaths, tlsFiles } from './tls-files.js';

const PACKAGE = '@nats-io/transport-node';
const SECTION: Section = { section: 'nats_output', code: 'OUTPUT_NATS' };

export interface NatsOutputOptions extends TlsPaths {
  /** `nats://host:4222`, `tls://host:4222` or `host:4222` */
  readonly servers: readonly string[];
  readonly subject: string;
  /** Wait for a JetStream stream to store each alert. */
  readonly jetstream: boolean;
  /** A `.creds` file; empty: none. */
  readonly credentialsFile: string;
  readonly user: string;
  readonly password: string;
  readonly token: string;
  readonly timeoutMs: number;
}

export class NatsOutput implements Output {
  readonly name = 'nats';
  private module: typeof import('@nats-io/transport-node') | null = null;
  private connection: NatsConnection | null = null;
  private readonly stopping = new AbortController();
  private readonly retryLog = new Interval(10_000);
  /** Ends the wait of the publication that is under way, of which there is one at a time. */
  private giveUp: (error: Error) => void = () => undefined;

  constructor(
    private readonly options: NatsOutputOptions,
    private readonly log: Log,
  ) {}

  async start(): Promise<void> {
    const { servers, subject } = this.options;
    if (servers.length === 0) throw new StartError('OUTPUT_NATS', 'nats_output.servers is empty', 'name at least one, as nats://host:4222');
    if (subject === '' || /[\s*>]|^\.|\.\.|\.$/.test(subject)) throw new StartError('OUTPUT_NATS', `nats_output.subject: '${subject}' is not a subject to publish to`);
    this.module = await optionalPackage('nats_output', PACKAGE, () => import('@nats-io/transport-node'));
    // Wrong paths are found now, a server that is away is not an error.
    this.connectionOptions(this.module);
  }

  deliver(message: OutputMessage): Promise<void> {
    return this.deliverAll([message]);
  }

  async deliverAll(messages: readonly OutputMessage[]): Promise<void> {
    const backoff = new Backoff();
    for (;;) {
      try {
        await this.publish(messages);
        return;
      } catch (error) {
        if (error instanceof PartlyRefused || this.stopping.signal.aborted) throw error;
        await this.disconnect();
        if (this.retryLog.pass() !== null) this.log.warning(`Output nats: ${connectionTrouble((error as Error).message, SECTION.section)}, trying again`);
        await backoff.pause(this.stopping.signal);
        if (this.stopping.signal.aborted) throw error;
      }
    }
  }

  async reopen(): Promise<void> {
    await this.disconnect();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.disconnect();
  }

  private async publish(messages: readonly OutputMessage[]): Promise<void> {
    const connection = await this.connected();
    const limit = connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
    const lines = messages.map(({ line }) => Buffer.from(line));
    const fitting = lines.filter((line) => line.length <= limit);
    if (this.options.jetstream) await Promise.all(fitting.map((line) => this.store(connection, line)));
    else {
      for (const line of fitting) connection.publish(this.options.subject, line);
      await this.answered(connection.flush());
    }
    const refused = lines.length - fitting.length;
    if (refused > 0) throw new PartlyRefused(`${refused} alerts are larger than the server's max_payload of ${limit} bytes`, refused);
  }

  /** JetStream answers a publication that carries a reply subject: `{"stream":…,"seq":…}`, or what is wrong. */
  private async store(connection: NatsConnection, line: Buffer): Promise<void> {
    const answer = await connection.request(this.options.subject, line, { timeout: Math.max(this.options.timeoutMs, 5000) }).catch((error: Error) => {
      if (this.module !== null && error instanceof this.module.RequestError && error.isNoResponders()) {
        throw new Error(`no JetStream stream takes the subject '${this.options.subject}'`);
      }
      throw error;
    });
    const { error } = answer.json<{ error?: { description?: string } }>();
    if (error !== undefined) throw new Error(`JetStream: ${error.description ?? 'not stored'}`);
  }

  private async connected(): Promise<NatsConnection> {
    if (this.stopping.signal.aborted || this.module === null) throw new Error('the output is stopped');
    if (this.connection !== null && !this.connection.isClosed()) return this.connection;
    const connection = await this.module.connect(this.connectionOptions(this.module));
    if (this.stopping.signal.aborted) {
      await connection.close();
      throw new Error('the output is stopped');
    }
    this.connection = connection;
    void connection.closed().then((error) => {
      if (this.connection === connection) this.giveUp(error instanceof Error ? error : new Error('the connection was closed'));
    });
    return connection;
  }

  private async disconnect(): Promise<void> {
    const { connection } = this;
    this.connection = null;
    this.giveUp(new Error('the connection was closed'));
    await connection?.close().catch(() => undefined);
  }

  /** Waits for the server, but not longer than its connection lasts. (A race with `closed()` would leave something behind with each batch.) */
  private async answered(flushed: Promise<void>): Promise<void> {
    const lost = new Promise<never>((_, reject) => { this.giveUp = reject; });
    const timer = setTimeout(() => this.giveUp(new Error('the server does not answer')), Math.max(this.options.timeoutMs, 5000));
    try {
      await Promise.race([flushed, lost]);
    } finally {
      clearTimeout(timer);
    }
  }

  private get wantsTls(): boolean {
    const { servers, caCert, clientCert } = this.options;
    return caCert !== '' || clientCert !== '' || servers.some((one) => one.startsWith('tls://'));
  }

  private connectionOptions({ credsAuthenticator }: typeof import('@nats-io/transport-node')): NodeConnectionOptions {
    const { servers, credentialsFile, user, password, token, timeoutMs } = this.options;
    return {
      servers: servers.map((one) => one.replace(/^(nats|tls):\/\//, '')),
      name: 'falco-ts',
      // A batch that was under way must be sent again: so the tries are ours.
      reconnect: false,
      timeout: timeoutMs,
      noEcho: true,
      ...(credentialsFile !== '' && { authenticator: credsAuthenticator(Buffer.from(settingFile(SECTION, 'credentials_file', credentialsFile))) }),
      ...(user !== '' && { user, pass: password }),
      ...(token !== '' && { token }),
      // With these the client says nothing, not even who it is, to a server that does not offer TLS.
      ...(this.wantsTls && { tls: tlsFiles(SECTION, this.options) }),
    };
  }
}
