// SPDX-License-Identifier: Apache-2.0
/** Alerts into a Kafka topic, acknowledged by all in-sync replicas. The key is the host: one machine's alerts stay in order. */
import { isIP } from 'node:net';
import type { Producer } from '@platformatic/kafka';
import { StartError } from '../sources/source.js';
import { Interval } from '../util/interval.js';
import type { Log } from '../util/log.js';
import { Backoff } from './backoff.js';
import { optionalPackage } from './optional-package.js';
import { type Output, type OutputMessage, PartlyRefused } from './output.js';
import { connectionTrouble, type Section, type TlsPaths, tlsFiles } from './tls-files.js';

const PACKAGE = '@platformatic/kafka';
const SECTION: Section = { section: 'kafka_output', code: 'OUTPUT_KAFKA' };

export interface KafkaOutputOptions extends TlsPaths {
  /** `host:port` */
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly compression: 'none' | 'gzip' | 'snappy' | 'lz4';
  /** TLS on; empty paths: Node's own authorities, no client certificate. */
  readonly tls: boolean;
  readonly insecure: boolean;
  /** Empty: none. */
  readonly saslMechanism: '' | 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
  readonly username: string;
  readonly password: string;
  readonly hostname: string;
  readonly timeoutMs: number;
}

/** Answers of a broker about the message itself. Everything else may be different later. */
const ABOUT_THE_MESSAGE = /^(MESSAGE_TOO_LARGE|RECORD_LIST_TOO_LARGE|INVALID_RECORD|CORRUPT_MESSAGE|INVALID_TIMESTAMP)$/;

export class KafkaOutput implements Output {
  readonly name = 'kafka';
  private module: typeof import('@platformatic/kafka') | null = null;
  private producer: Producer<string, string, string, string> | null = null;
  private readonly stopping = new AbortController();
  private readonly retryLog = new Interval(10_000);

  constructor(
    private readonly options: KafkaOutputOptions,
    private readonly log: Log,
  ) {}

  async start(): Promise<void> {
    const { brokers, topic } = this.options;
    if (brokers.length === 0) throw new StartError('OUTPUT_KAFKA', 'kafka_output.brokers is empty', 'name at least one host:port');
    const odd = brokers.find((one) => !/^[^\s:/]+:\d+$|^\[[^\]]+\]:\d+$/.test(one));
    if (odd !== undefined) throw new StartError('OUTPUT_KAFKA', `kafka_output.brokers: '${odd}' is not host:port`);
    if (topic === '') throw new StartError('OUTPUT_KAFKA', 'kafka_output.topic is empty');
    this.module = await optionalPackage('kafka_output', PACKAGE, () => import('@platformatic/kafka'));
    this.producer = this.open(this.module);
  }

  deliver(message: OutputMessage): Promise<void> {
    return this.deliverAll([message]);
  }

  async deliverAll(messages: readonly OutputMessage[]): Promise<void> {
    const backoff = new Backoff();
    for (;;) {
      try {
        await this.send(messages);
        return;
      } catch (error) {
        const why = reasons(error);
        if (why.some(({ id }) => ABOUT_THE_MESSAGE.test(id))) return this.oneByOne(messages, why[0].text);
        const text = why.map((one) => connectionTrouble(one.text, SECTION.section)).join('; ');
        if (this.stopping.signal.aborted) throw new Error(text);
        if (this.retryLog.pass() !== null) this.log.warning(`Output kafka: ${text}, trying again`);
        await backoff.pause(this.stopping.signal);
      }
    }
  }

  async reopen(): Promise<void> {
    const old = this.producer;
    if (this.module !== null) this.producer = this.open(this.module);
    await closeQuietly(old);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await closeQuietly(this.producer);
    this.producer = null;
  }

  private open({ Producer, ProduceAcks, stringSerializers }: typeof import('@platformatic/kafka')): Producer<string, string, string, string> {
    const { options } = this;
    return new Producer<string, string, string, string>({
      clientId: 'falco-ts',
      bootstrapBrokers: [...options.brokers],
      serializers: stringSerializers,
      acks: ProduceAcks.ALL,
      compression: options.compression,
      autocreateTopics: true,
      // Tries are ours: with growing pauses, and for as long as it takes.
      retries: 0,
      connectTimeout: options.timeoutMs,
      requestTimeout: Math.max(options.timeoutMs, 5000),
      // Brokers behind one address are told apart by it; addresses are no names (RFC 6066).
      tlsServerName: options.brokers.every((one) => isIP(one.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')) === 0),
      ...(options.tls && { tls: { rejectUnauthorized: !options.insecure, ...tlsFiles(SECTION, options) } }),
      ...(options.saslMechanism !== '' && { sasl: { mechanism: options.saslMechanism, username: options.username, password: options.password } }),
    });
  }

  private async send(messages: readonly OutputMessage[]): Promise<void> {
    const { topic, hostname } = this.options;
    if (this.producer === null) throw new Error('the output is stopped');
    await this.producer.send({
      messages: messages.map(({ line, time, rule, priority }) => ({ topic, key: hostname, value: line, timestamp: time / 1_000_000n, headers: new Map([['rule', rule], ['priority', priority]]) })),
    });
  }

  /** After a refusal of the batch: which of them is it? */
  private async oneByOne(messages: readonly OutputMessage[], why: string): Promise<void> {
    if (messages.length === 1) throw new Error(why);
    let refused = 0;
    for (const message of messages) {
      await this.deliverAll([message]).catch((error: Error) => {
        if (this.stopping.signal.aborted) throw error;
        refused++;
      });
    }
    if (refused > 0) throw new PartlyRefused(`${refused} of ${messages.length} messages refused: ${why}`, refused);
  }
}

/** Whatever it still wants to say: nobody waits for it any more. */
async function closeQuietly(producer: Producer<string, string, string, string> | null): Promise<void> {
  try {
    await producer?.close(true);
  } catch {
    // It was not open.
  }
}

interface Reason {
  /** The protocol's name of the error, or empty. */
  readonly id: string;
  readonly text: string;
}

/** The innermost errors say what happened; those around them only where. */
function reasons(error: unknown): readonly Reason[] {
  const { errors, cause, message, apiId } = error as Error & { errors?: readonly unknown[]; apiId?: string };
  const inner = [...(errors ?? []), ...(cause === undefined ? [] : [cause])];
  if (inner.length === 0) return [{ id: apiId ?? '', text: message }];
  return inner.flatMap(reasons).filter((one, i, all) => all.findIndex(({ text }) => text === one.text) === i);
}
