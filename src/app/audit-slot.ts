// SPDX-License-Identifier: Apache-2.0
/** The source of audit events, which a reload may open at another place or with other options. */
import type { AuditEvent } from '../events/audit-event.js';
import { AUDIT_SOURCE } from '../fields/audit-catalogue.js';
import { K8sAuditSource } from '../sources/k8s-audit.js';
import type { SourceStats } from '../sources/source.js';
import type { Log } from '../util/log.js';
import type { LoadedConfig } from './config/load.js';
import { initConfig } from './plugin-config.js';
import type { OpenSource } from './sources.js';

/** All that an instance depends on. */
const keyOf = ({ plugins }: LoadedConfig): string => JSON.stringify(plugins.find((one) => one.name === 'k8saudit') ?? null);

export class AuditSlot implements OpenSource {
  readonly name = AUDIT_SOURCE;
  readonly engine = 'source_plugin';
  readonly opening: readonly string[];
  private source: K8sAuditSource;
  private end: (error?: Error) => void = () => undefined;
  /** Delivers what it has taken, while its successor runs. */
  private closing: K8sAuditSource | null = null;
  /** What those counted that have been closed. */
  private before: SourceStats = { produced: 0, delivered: 0, losses: {} };

  /** @throws StartError when the plugin's options make no sense */
  constructor(
    private loaded: LoadedConfig,
    private readonly deliver: (event: AuditEvent) => void,
    private readonly log: Log,
  ) {
    this.source = this.create(loaded);
    this.opening = [`Opening '${AUDIT_SOURCE}' source with ${this.source.description}`];
  }

  start(end: (error?: Error) => void): Promise<void> {
    this.end = end;
    return this.source.start(this.deliver, end);
  }

  stop(): Promise<void> {
    return this.source.stop();
  }

  stats(): SourceStats {
    const { before, closing, source } = this;
    return sum(closing === null ? [before, source.stats()] : [before, closing.stats(), source.stats()]);
  }

  adapt(): void {}

  /**
   * Opens it as another configuration says. A listener at another port is open before the old one closes; anything else that
   * both would need at once (the port, the place in a followed file, standard input) is given up first.
   * @throws StartError with everything as it was
   */
  async reopen(loaded: LoadedConfig): Promise<void> {
    if (keyOf(loaded) === keyOf(this.loaded)) return;
    const old = this.source;
    const next = this.create(loaded);
    this.log.info(`Opening '${AUDIT_SOURCE}' source with ${next.description} instead of ${old.description}`);
    const beside = next.canStartBeside(old);
    if (beside) await next.start(this.deliver, this.end);
    this.source = next;
    this.closing = old;
    await old.stop();
    this.closing = null;
    this.before = sum([this.before, old.stats()]);
    if (!beside) await this.startOrGoBack(next);
    this.loaded = loaded;
  }

  private async startOrGoBack(next: K8sAuditSource): Promise<void> {
    try {
      await next.start(this.deliver, this.end);
    } catch (error) {
      this.source = this.create(this.loaded);
      // Going on without it would be going on blind.
      await this.source.start(this.deliver, this.end).catch(this.end);
      throw error;
    }
  }

  private create(loaded: LoadedConfig): K8sAuditSource {
    const plugin = loaded.plugins.find((one) => one.name === 'k8saudit');
    return new K8sAuditSource({
      ...(plugin?.open_params !== undefined && { openParams: plugin.open_params }),
      config: initConfig('k8saudit', loaded),
      warn: (message) => this.log.warning(message),
    });
  }
}

function sum(all: readonly SourceStats[]): SourceStats {
  const losses: Record<string, number> = {};
  let [produced, delivered] = [0, 0];
  for (const one of all) {
    produced += one.produced;
    delivered += one.delivered;
    for (const [kind, count] of Object.entries(one.losses)) losses[kind] = (losses[kind] ?? 0) + count;
  }
  return { produced, delivered, losses };
}
