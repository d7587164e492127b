// SPDX-License-Identifier: Apache-2.0
/** What starts in an order, and stops in the opposite one, whatever happened in between. */
import type { Log } from '../util/log.js';

export interface Part {
  readonly name: string;
  /** Rejects (with a `StartError`) when it cannot run: everything before it is then stopped again. */
  start(): Promise<void>;
  /** Must cope with a start that failed half-way. */
  stop(): Promise<void>;
}

export class Lifecycle {
  private readonly started: Part[] = [];
  private stopping: Promise<void> | null = null;

  constructor(private readonly log: Log) {}

  /** Starts one part after another; at the first that cannot, stops all of them and throws what it said. */
  async start(parts: readonly Part[]): Promise<void> {
    for (const part of parts) {
      if (this.stopping !== null) return;
      this.started.push(part);
      try {
        await part.start();
      } catch (error) {
        await this.stop();
        throw error;
      }
    }
  }

  /** Stops every started part, the last first. An error of one is logged and keeps none from stopping. Idempotent. */
  stop(): Promise<void> {
    this.stopping ??= this.stopAll();
    return this.stopping;
  }

  private async stopAll(): Promise<void> {
    for (const part of this.started.splice(0).reverse()) {
      try {
        await part.stop();
      } catch (error) {
        this.log.error(`Cannot stop ${part.name}: ${(error as Error).message}`);
      }
    }
  }
}
