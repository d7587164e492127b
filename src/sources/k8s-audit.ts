// SPDX-License-Identifier: Apache-2.0
/** Kubernetes audit events: from a webhook of our own, a file, a followed file or standard input. */
import type { AuditEvent } from '../events/audit-event.js';
import { checkConfig, K8S_AUDIT_DEFAULTS, type K8sAuditConfig } from './k8s-audit/config.js';
import { AuditFileInput } from './k8s-audit/file-input.js';
import { FollowedAuditFile } from './k8s-audit/follow.js';
import { AuditIntake } from './k8s-audit/intake.js';
import { DEFAULT_OPEN_PARAMS, type Place, parseOpenParams, placeText } from './k8s-audit/open-params.js';
import { Credentials } from './k8s-audit/tls.js';
import { AuditWebhook } from './k8s-audit/webhook.js';
import type { Source, SourceStats } from './source.js';

export type { K8sAuditConfig } from './k8s-audit/config.js';

export interface K8sAuditOptions {
  /** As the plugin's `open_params`; {@link DEFAULT_OPEN_PARAMS} when absent or empty. */
  readonly openParams?: string;
  readonly config?: K8sAuditConfig;
  /** Told what was refused and why, in one line. */
  readonly warn?: (message: string) => void;
}

export class K8sAuditSource implements Source<AuditEvent> {
  readonly name = 'k8s_audit';
  readonly #place: Place;
  readonly #intake: AuditIntake;
  readonly #credentials: Credentials;
  readonly #input: AuditWebhook | AuditFileInput | FollowedAuditFile;

  /** Throws a `StartError` when the options make no sense. */
  constructor(options: K8sAuditOptions = {}) {
    const warn = options.warn ?? (() => {});
    const config = checkConfig(options.config ?? {}, warn);
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

  /** Events of the webhook that would be taken again if they were sent again, because newer ones took their place. */
  get forgotten(): number {
    return this.#intake.forgotten;
  }

  stats(): SourceStats {
    return this.#intake.stats();
  }
}
