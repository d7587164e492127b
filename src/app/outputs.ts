// SPDX-License-Identifier: Apache-2.0
/** The configured outputs, each behind its queue: from configuration to channels, and from one configuration to the next. */
import { join } from 'node:path';
import { Channel, type ChannelOptions, type ChannelStats } from '../outputs/channel.js';
import { FileOutput } from '../outputs/file.js';
import { HttpOutput } from '../outputs/http.js';
import { KafkaOutput } from '../outputs/kafka.js';
import { NatsOutput } from '../outputs/nats.js';
import { OtlpOutput } from '../outputs/otlp.js';
import type { Output, OutputMessage } from '../outputs/output.js';
import { ProgramOutput } from '../outputs/program.js';
import { SpoolSet } from '../outputs/spool-set.js';
import { SpooledOutput } from '../outputs/spooled-output.js';
import { StdoutOutput } from '../outputs/stdout.js';
import { type SyslogCall, SyslogOutput } from '../outputs/syslog.js';
import { RemoteSyslogOutput } from '../outputs/syslog-remote.js';
import { StartError } from '../sources/source.js';
import type { Log } from '../util/log.js';
import { VERSION } from '../util/package.js';
import type { Config } from './config/schema.js';
import type { Part } from './lifecycle.js';

/** How long alerts gather with `buffered_outputs`. */
const GATHER_MS = 1000;

export interface OutputTools {
  readonly log: Log;
  readonly loadSyslog: () => SyslogCall;
  readonly hostname: string;
}

/** One enabled output: `key` says all that its instance depends on, so that a reload knows whether to replace it. */
interface OutputSpec {
  readonly key: string;
  readonly create: () => Output;
}

/** The list of outputs. A new one is a line here and in {@link OUTPUTS}, a section in the schema and a file in `outputs/`. */
function specsOf(config: Config, { log, loadSyslog, hostname }: OutputTools, spools: SpoolSet): OutputSpec[] {
  const spec = (name: string, options: unknown, create: () => Output): OutputSpec => ({ key: `${name} ${JSON.stringify(options)}`, create });
  const { file_output: file, syslog_output: syslog, program_output: program, http_output: http, otlp_output: otlp, kafka_output: kafka, nats_output: nats, spool } = config;
  // Outputs to another machine, which may be away for longer than memory holds out.
  const remote = (name: string, options: unknown, create: () => Output): OutputSpec => {
    if (!spool.enabled) return spec(name, options, create);
    const lease = () => spools.lease(join(spool.directory, name), spool.max_size_mb * 1024 * 1024);
    return spec(name, [options, spool], () => new SpooledOutput(create(), lease, config.output_timeout, log));
  };
  const fileOptions = { filename: file.filename, keepAlive: file.keep_alive };
  const syslogOptions = { address: syslog.address, facility: syslog.facility, caCert: syslog.ca_cert, hostname, timeoutMs: config.output_timeout };
  const programOptions = { program: program.program, keepAlive: program.keep_alive };
  const httpOptions = {
    url: http.url, userAgent: http.user_agent, insecure: http.insecure, caCert: http.ca_cert, caBundle: http.ca_bundle, caPath: http.ca_path,
    mtls: http.mtls, clientCert: http.client_cert, clientKey: http.client_key, echo: http.echo, compressUploads: http.compress_uploads,
    keepAlive: http.keep_alive, maxConsecutiveTimeouts: http.max_consecutive_timeouts, json: config.json_output, timeoutMs: config.output_timeout,
    headers: {}, patient: spool.enabled,
  };
  const otlpOptions = {
    url: otlp.url, headers: otlp.headers, userAgent: `falco-ts/${VERSION}`, insecure: otlp.insecure, caCert: otlp.ca_cert, caBundle: '', caPath: '/etc/ssl/certs',
    mtls: otlp.mtls, clientCert: otlp.client_cert, clientKey: otlp.client_key, compressUploads: otlp.compress_uploads, keepAlive: true,
    maxConsecutiveTimeouts: http.max_consecutive_timeouts, timeoutMs: config.output_timeout, patient: spool.enabled, hostname,
  };
  const kafkaOptions = {
    brokers: kafka.brokers, topic: kafka.topic, compression: kafka.compression, tls: kafka.tls, insecure: kafka.insecure, caCert: kafka.ca_cert,
    clientCert: kafka.client_cert, clientKey: kafka.client_key, saslMechanism: kafka.sasl_mechanism, username: kafka.username, password: kafka.password,
    hostname, timeoutMs: config.output_timeout,
  };
  const natsOptions = {
    servers: nats.servers, subject: nats.subject, jetstream: nats.jetstream, credentialsFile: nats.credentials_file, user: nats.user, password: nats.password,
    token: nats.token, caCert: nats.ca_cert, clientCert: nats.client_cert, clientKey: nats.client_key, timeoutMs: config.output_timeout,
  };
  return [
    ...(file.enabled ? [spec('file', fileOptions, () => new FileOutput(fileOptions))] : []),
    ...(config.stdout_output.enabled ? [spec('stdout', null, () => new StdoutOutput())] : []),
    ...(syslog.enabled && syslog.address === '' ? [spec('syslog', null, () => new SyslogOutput(loadSyslog))] : []),
    ...(syslog.enabled && syslog.address !== '' ? [remote('syslog', syslogOptions, () => new RemoteSyslogOutput(syslogOptions, log))] : []),
    ...(program.enabled ? [spec('program', programOptions, () => new ProgramOutput(programOptions))] : []),
    ...(http.enabled ? [remote('http', httpOptions, () => new HttpOutput(httpOptions, log))] : []),
    ...(otlp.enabled ? [remote('otlp', otlpOptions, () => new OtlpOutput(otlpOptions, log))] : []),
    ...(kafka.enabled ? [remote('kafka', kafkaOptions, () => new KafkaOutput(kafkaOptions, log))] : []),
    ...(nats.enabled ? [remote('nats', natsOptions, () => new NatsOutput(natsOptions, log))] : []),
  ];
}

const OUTPUTS = ['stdout_output', 'file_output', 'syslog_output', 'program_output', 'http_output', 'otlp_output', 'kafka_output', 'nats_output'] as const;

/** @throws StartError when alerts would go nowhere */
export function requireOutput(config: Config): void {
  if (OUTPUTS.some((name) => config[name].enabled)) return;
  throw new StartError('NO_OUTPUT', 'No output configured, please make sure at least one output is configured and enabled', `enable one of ${OUTPUTS.join(', ')}`);
}

interface Live {
  readonly key: string;
  readonly channel: Channel;
}

export class Outputs implements Part {
  readonly name = 'outputs';
  private live: readonly Live[] = [];
  private readonly spools = new SpoolSet();
  /** What channels that a reload removed have counted. */
  private readonly retired: { readonly name: string; readonly stats: ChannelStats }[] = [];

  constructor(
    private config: Config,
    private readonly tools: OutputTools,
  ) {}

  async start(): Promise<void> {
    this.live = await this.open(this.config);
  }

  push(message: OutputMessage): void {
    for (const { channel } of this.live) channel.push(message);
  }

  reopen(): void {
    for (const { channel } of this.live) channel.reopen();
  }

  /**
   * Opens what is new or changed; only when all of that is open does it take over. Queues and connections of what did not
   * change stay; what is gone delivers the rest of its queue first.
   * @throws StartError with everything as it was
   */
  async reconfigure(config: Config): Promise<void> {
    const next = await this.open(config);
    const gone = this.live.filter((one) => !next.includes(one));
    this.live = next;
    this.config = config;
    const options = this.channelOptions(config);
    for (const { channel } of next) channel.configure(options);
    await Promise.all(
      gone.map(async ({ channel }) => {
        await channel.stop(config.output_timeout);
        // What waits on the disk is the successor's, or the next start's.
        const stats = channel.stats();
        this.retired.push({ name: channel.name, stats: { ...stats, pushed: stats.pushed - stats.waiting, waiting: 0 } });
      }),
    );
  }

  /** Gives every queue `output_timeout` to get empty. */
  async stop(): Promise<void> {
    await Promise.all(this.live.map(({ channel }) => channel.stop(this.config.output_timeout)));
  }

  stats(): readonly { readonly name: string; readonly stats: ChannelStats }[] {
    const byName = new Map<string, ChannelStats>();
    for (const { name, stats } of [...this.retired, ...this.live.map(({ channel }) => ({ name: channel.name, stats: channel.stats() }))]) {
      const sum = byName.get(name);
      byName.set(name, sum === undefined ? stats : {
        pushed: sum.pushed + stats.pushed, delivered: sum.delivered + stats.delivered, failed: sum.failed + stats.failed,
        dropped: sum.dropped + stats.dropped, waiting: sum.waiting + stats.waiting,
        ...(stats.spoolBytes !== undefined && { spoolBytes: stats.spoolBytes }),
      });
    }
    return [...byName].map(([name, stats]) => ({ name, stats }));
  }

  private async open(config: Config): Promise<Live[]> {
    const opened: Live[] = [];
    const all: Live[] = [];
    for (const { key, create } of specsOf(config, this.tools, this.spools)) {
      const present = this.live.find((one) => one.key === key);
      if (present !== undefined) {
        all.push(present);
        continue;
      }
      const output = create();
      try {
        await output.start();
      } catch (error) {
        await output.stop();
        for (const { channel } of opened) await channel.stop(0);
        throw error;
      }
      const one = { key, channel: new Channel(output, this.channelOptions(config)) };
      opened.push(one);
      all.push(one);
    }
    return all;
  }

  private channelOptions(config: Config): ChannelOptions {
    return {
      capacity: config.outputs_queue.capacity,
      timeoutMs: config.output_timeout,
      gatherMs: config.buffered_outputs ? GATHER_MS : 0,
      log: this.tools.log,
    };
  }
}
