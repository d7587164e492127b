// SPDX-License-Identifier: Apache-2.0
/** The sources of a run: started and stopped one by one, and how each is doing. */
import { SYSCALL_SOURCE } from '../fields/catalogues.js';
import type { LoadedConfig } from './config/load.js';
import type { Detection } from './detection.js';
import { explain, isProbeError } from './errors.js';
import { ledgerOf } from './ledger.js';
import type { Part } from './lifecycle.js';
import type { MeasuredSource } from './metrics.js';
import type { WatchedSource } from './readiness.js';
import { type OpenSource, openSource, replaySource, type SourceTools } from './sources.js';

export interface OpenSourcesTools extends SourceTools {
  /** What to replay where system calls cannot be captured; null: that is fatal. */
  readonly fallbackCapture: string | null;
  /** One has failed, or (null) all have come to their ends. */
  readonly ended: (error: Error | null) => void;
}

export class OpenSources {
  private open: OpenSource[] = [];
  private readonly running = new Set<OpenSource>();
  /** Those whose start has succeeded. */
  private readonly attached = new Set<OpenSource>();

  constructor(private readonly tools: OpenSourcesTools) {}

  get all(): readonly OpenSource[] {
    return this.open;
  }

  /** System calls, live or replayed. */
  syscalls(): OpenSource | undefined {
    return this.open.find((source) => source.name === SYSCALL_SOURCE);
  }

  /** System calls of this machine, once they are captured. */
  liveSyscalls(): OpenSource | undefined {
    return this.open.find((source) => source.engine === 'modern_bpf' && this.attached.has(source));
  }

  part(name: string, detection: () => Detection): Part {
    const { tools } = this;
    let source: OpenSource | null = null;
    const begin = async (one: OpenSource) => {
      source = one;
      for (const line of one.opening) tools.log.info(line);
      this.open.push(one);
      this.running.add(one);
      await one.start((error) => this.sourceEnded(one, error));
      this.attached.add(one);
    };
    return {
      name: `source ${name}`,
      start: async () => {
        const first = openSource(name, detection(), tools);
        try {
          await begin(first);
        } catch (error) {
          const { fallbackCapture: capture } = tools;
          this.open = this.open.filter((one) => one !== first);
          this.running.delete(first);
          if (capture === null || !isProbeError(error)) throw error;
          tools.log.error(`System calls cannot be captured here: ${explain(error)}`);
          tools.log.warning(`What follows is a REPLAY of a recording (${capture}), not what happens on this machine`);
          await begin(replaySource(capture, tools));
        }
      },
      stop: async () => source?.stop(),
    };
  }

  /** Those that can be opened anew are, where another configuration wants it. @throws StartError with everything as it was */
  async reopen(loaded: LoadedConfig): Promise<void> {
    for (const source of this.attached) await source.reopen?.(loaded);
  }

  /** The sources of these names, which should be running, as they are. */
  watched(names: readonly string[]): WatchedSource[] {
    return names.map((name) => {
      const source = this.open.find((one) => one.name === name);
      return {
        name,
        neverQuiet: source?.engine === 'modern_bpf',
        stats: source !== undefined && this.attached.has(source) ? source.stats() : null,
        running: source !== undefined && this.running.has(source),
      };
    });
  }

  measured(): MeasuredSource[] {
    return this.open.map((source) => {
      const { name, engine } = source;
      const stats = source.stats();
      const details = source.details?.() ?? null;
      return { name, engine, stats, ledger: ledgerOf(stats, this.tools.pipeline.counts(name)), ...(details !== null && { details }) };
    });
  }

  private sourceEnded(source: OpenSource, error: Error | undefined): void {
    this.running.delete(source);
    if (error !== undefined) {
      this.tools.log.error(`An error occurred in event source '${source.name}', ending: ${error.message}`);
      this.tools.ended(error);
    } else if (this.running.size === 0) this.tools.ended(null);
  }
}
