// SPDX-License-Identifier: Apache-2.0
/** Looks at the run once a second, and says what is wrong with it: by the log, and by the outputs as the configuration asks. */
import { StartError } from '../sources/source.js';
import type { Log } from '../util/log.js';
import { timeText } from '../util/time.js';
import type { Config } from './config/schema.js';
import type { InternalMessage } from './internal-message.js';
import type { Part } from './lifecycle.js';
import { DropMonitor, type Drops, type Lossy, LossWatch } from './losses.js';
import type { Machine } from './machine.js';
import type { OpenSources } from './open-sources.js';
import { QuietWatch } from './quiet.js';
import type { Recorder } from './recorder.js';

export type WatchdogOptions = Pick<Config, 'syscall_event_drops' | 'syscall_event_timeouts'>;

export interface WatchdogTools {
  readonly log: Log;
  readonly machine: Machine;
  readonly sources: OpenSources;
  readonly recorder: Recorder;
  /** By the outputs. */
  readonly push: (message: InternalMessage) => void;
  readonly fail: (error: Error) => void;
  /** Who else wants to look once a second. @param now milliseconds */
  readonly sample: (now: number) => void;
}

export class Watchdogs implements Part {
  readonly name = 'loss watch';
  readonly drops: DropMonitor;
  private readonly losses: LossWatch;
  private readonly quiet: QuietWatch;
  private timer: NodeJS.Timeout | null = null;
  /** After a drop that ends the run there is nothing more to say about drops. */
  private ending = false;

  constructor(
    private options: WatchdogOptions,
    private readonly tools: WatchdogTools,
  ) {
    const { log, sources } = tools;
    this.losses = new LossWatch(log, () => this.lossy());
    this.drops = new DropMonitor(options.syscall_event_drops, () => (this.ending ? null : (sources.syscalls()?.stats() ?? null)), log, (drops) => this.dropped(drops));
    this.quiet = new QuietWatch(() => sources.liveSyscalls()?.stats().produced ?? null, (lastEvent) => this.silent(lastEvent));
  }

  configure(options: WatchdogOptions): void {
    this.options = options;
    this.drops.configure(options.syscall_event_drops);
  }

  async start(): Promise<void> {
    this.losses.start();
    this.timer = setInterval(() => {
      const now = Date.now();
      // A replay says itself when a second of its time is over.
      if (this.tools.sources.liveSyscalls() !== undefined) this.drops.check(now);
      this.quiet.check(now, this.options.syscall_event_timeouts.max_consecutives);
      this.tools.sample(now);
    }, 1000);
    this.timer.unref();
  }

  async stop(): Promise<void> {
    this.losses.stop();
    if (this.timer !== null) clearInterval(this.timer);
  }

  private lossy(): Lossy[] {
    const { machine, sources, recorder } = this.tools;
    return [
      ...sources.all.map((source) => ({ name: `event source ${source.name}`, losses: () => source.stats().losses })),
      ...sources.all.map((source) => ({ name: `event source ${source.name}`, word: 'Falling behind, which loses nothing by itself, in', losses: () => source.stats().strain ?? {} })),
      { name: 'state tables', losses: () => stateLosses(machine) },
      { name: 'container look-ups', losses: () => lookUpLosses(sources) },
      { name: 'captures', losses: () => recorder.losses() },
    ];
  }

  private dropped({ now, actions, events, dropped, parts }: Drops): void {
    const { log, push, fail } = this.tools;
    const rule = 'Falco internal: syscall event drop';
    const message = `${rule}. ${dropped} system calls dropped in last second.`;
    for (const action of actions) {
      if (action === 'log') log.debug(message);
      if (action === 'alert') {
        const counts = { n_evts: events, n_drops: dropped, n_drops_buffer_total: 0, ...parts, n_drops_page_faults: 0, n_drops_bug: 0, ebpf_enabled: 1 };
        const fields = Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, String(count)]));
        push({ time: BigInt(Math.round(now)) * 1_000_000n, rule, priority: 'Debug', message, fields });
      }
      if (action === 'exit') {
        log.critical(`${message} Exiting.`);
        this.ending = true;
        fail(new StartError('DROPS', 'system calls were dropped and syscall_event_drops says exit'));
      }
    }
  }

  private silent(lastEvent: number | null): void {
    const { log, push } = this.tools;
    const rule = 'Falco internal: timeouts notification';
    const message = `${rule}. ${this.options.syscall_event_timeouts.max_consecutives} consecutive timeouts without event.`;
    log.warning(message);
    const last = lastEvent === null ? 'none' : timeText(BigInt(lastEvent) * 1_000_000n, true);
    push({ time: BigInt(Date.now()) * 1_000_000n, rule, priority: 'Debug', message, fields: { last_event_time: last } });
  }
}

/** Containers that stay without metadata though a runtime may know them. */
function lookUpLosses(sources: OpenSources): Record<string, number> {
  const asked = sources.all.flatMap((source) => source.containers?.() ?? []);
  return { failed: asked.reduce((sum, { failed }) => sum + failed, 0), refused: asked.reduce((sum, { refused }) => sum + refused, 0) };
}

/** What found no room in the tables. */
export function stateLosses(machine: Machine): Record<string, number> {
  const { refused, evicted, fdsRefused, doubtsRefused } = machine.state.stats();
  return { threadsRefused: refused, threadsEvicted: evicted, fdsRefused, doubtsRefused };
}
