// SPDX-License-Identifier: Apache-2.0
/** Kubernetes audit events: from a webhook of our own, a file, a followed file or standard input. */
import type { AuditEvent } from '../events/audit-event.js';
import { AuditFileInput } from './k8s-audit/file-input.js';
import { FollowedAuditFile } from './k8s-audit/follow.js';
import { AuditIntake } from './k8s-audit/intake.js';
import { DEFAULT_OPEN_PARAMS, type Place, parseOpenParams, placeText } from './k8s-audit/open-params.js';
import { Credentials } from './k8s-audit/tls.js';
import { AuditWebhook } from './k8s-audit/webhook.js';
import type { Source, SourceStats } from './source.js';

/** The plugin's `init_config`, with its names and defaults; the last four are ours. */
export interface K8sAuditConfig {
  /** PEM with certificate and key, for https. */
  readonly sslCertificate?: string;
  /** Bytes of one event. */
  readonly maxEventSize?: number;
  /** Bytes of one posted body. */
  readonly webhookMaxBatchSize?: number;
  /** PEM with the authorities whose client certificates are asked for. */
  readonly sslClientCA?: string;
  /** A file with the token that posts must carry. */
  readonly bearerTokenFile?: string;
  /** Bodies received at once. */
  readonly webhookMaxConcurrentBodies?: number;
  /** Where a followed file's position is kept over restarts; without it, reading starts at the file's end. */
  readonly positionFile?: string;
}

export interface K8sAuditOptions {
  /** As the plugin's `open_params`; {@link DEFAULT_OPEN_PARAMS} when absent or empty. */
  readonly openParams?: string;
  readonly config?: K8sAuditConfig;
  /** Told what was refused and why, in one line. */
  readonly warn?: (message: string) => void;
}

export const K8S_AUDIT_DEFAULTS = {
  sslCertificate: '/etc/falco/falco.pem',
  maxEventSize: 262_144,
  webhookMaxBatchSize: 12 * 1024 * 1024,
  webhookMaxConcurrentBodies: 64,
} as const;

export class K8sAuditSource implements Source<AuditEvent> {
  readonly name = 'k8s_audit';
  readonly #place: Place;
  readonly #intake: AuditIntake;
  readonly #credentials: Credentials;
  readonly #input: AuditWebhook | AuditFileInput | FollowedAuditFile;

  /** Throws a `StartError` when the options make no sense. */
  constructor(options: K8sAuditOptions = {}) {
    const config = options.config ?? {};
    const warn = options.warn ?? (() => {});
    const place = parseOpenParams(options.openParams || DEFAULT_OPEN_PARAMS);
    const maxEventSize = config.maxEventSize ?? K8S_AUDIT_DEFAULTS.maxEventSize;
    this.#place = place;
    this.#intake = new AuditIntake({ maxEventSize });
    const files = {
      certificate: config.sslCertificate ?? K8S_AUDIT_DEFAULTS.sslCertificate,
      clientAuthority: config.sslClientCA ?? null,
      bearerToken: config.bearerTokenFile ?? null,
    };
    this.#credentials = new Credentials(files, place.kind === 'webhook' && place.tls, warn);
    if (place.kind === 'webhook') {
      this.#input = new AuditWebhook(this.#intake, {
        place,
        maxEventSize,
        maxBodySize: config.webhookMaxBatchSize ?? K8S_AUDIT_DEFAULTS.webhookMaxBatchSize,
        maxConcurrentBodies: config.webhookMaxConcurrentBodies ?? K8S_AUDIT_DEFAULTS.webhookMaxConcurrentBodies,
        credentials: this.#credentials,
        warn,
      });
    } else if (place.follow) {
      this.#input = new FollowedAuditFile(this.#intake, { path: place.path, positionFile: config.positionFile ?? null, warn });
    } else this.#input = new AuditFileInput(this.#intake, { place, warn });
  }

  get description(): string {
    return placeText(this.#place);
  }

  /** The port that the webhook listens at, once it has started. */
  get port(): number {
    return this.#input instanceof AuditWebhook ? this.#input.port : 0;
  }

  async start(deliver: (event: AuditEvent) => void, end: (error?: Error) => void): Promise<void> {
    this.#intake.start(deliver);
    if (this.#input instanceof AuditWebhook) await this.#credentials.start();
    await this.#input.start(end);
  }

  async stop(): Promise<void> {
    await this.#input.stop();
    await this.#credentials.stop();
  }

  stats(): SourceStats {
    return this.#intake.stats();
  }
}
