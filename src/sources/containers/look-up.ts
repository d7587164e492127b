// SPDX-License-Identifier: Apache-2.0
/**
 * Asks the runtimes about containers and puts what they say into the table between two events; no event ever waits for
 * it. Three occasions: the start, for those that run; a runtime's own word that it has made or started one, which comes
 * before its first process; and a process in a container of which nothing is known, which is late.
 */
import { existsSync } from 'node:fs';
import type { ContainerInfo, ContainerTable } from '../../state/containers.js';
import { withBundle } from './bundle.js';
import type { ContainerEngine } from './engine.js';

const SHORT_ID = 12;
const AT_ONCE = 8;
const MAX_PENDING = 4096;
/** How long the start waits for the metadata of what already runs. */
const START_MS = 2_000;
/** A runtime may come to know a container a moment after its first process is seen. */
const RETRY_MS = [30, 100, 300, 1_000];
/** What a user's runtime, which may say anything, can tell of containers without a process, and in a second. */
const MAX_CLAIMS = 256;
const MAX_TOLD = 50;
/** After no proper answer. */
const SECOND_TRY_MS = 200;
/** Containers that no runtime knows are not asked about again for so long. */
const MISS_MS = 60_000;
/** The first threads in a container are those of the program that makes it. */
const MAX_TRIES = 5;
const MAX_MISSES = 10_000;
const RECONNECT_MS = 5_000;
const SWEEP_MS = 30_000;
/** A container without processes is kept so long: events of its last ones may be under way. */
const GONE_MS = 60_000;
/** And one that was made and not yet started. */
const UNSTARTED_MS = 3_600_000;

export interface LookUpStats {
  /** Containers that a runtime has described. */
  readonly found: number;
  /** Those of them whose process had been seen before, or before more than name, image and labels was known. */
  readonly late: number;
  /** Containers that no runtime knows. */
  readonly unknown: number;
  /** Questions without a proper answer in time. */
  readonly failed: number;
  /** Containers that were not asked about because too many questions were open. */
  readonly refused: number;
}

export interface LookUpOptions {
  readonly engines: readonly ContainerEngine[];
  readonly table: ContainerTable;
  /** Short ids of the containers that have processes. */
  readonly inUse: () => ReadonlySet<string>;
  /** Whether the container was made by this user; null: no process is known in it. */
  readonly isOfUser: (id: string, user: number) => boolean | null;
  /** Folder of the bundle that a container is made from, by a thread in it; null: not known. */
  readonly bundleOf: (tid: number, fullId: string) => string | null;
  /** Listen to what runtimes tell of their own accord. */
  readonly follow: boolean;
  readonly info: (message: string) => void;
  readonly warn: (message: string) => void;
}

interface Question {
  /** Full or short id. */
  readonly id: string;
  /** A process in it has been seen. */
  seen: boolean;
  attempt: number;
  /** Something has changed since it was asked. */
  again: boolean;
}

export class ContainerLookUp {
  private readonly open = new Map<string, Question>();
  private readonly waiting: Question[] = [];
  private readonly misses = new Map<string, number>();
  /** Containers without processes: since when. */
  private readonly idle = new Map<string, number>();
  /** Those that ever had a process, and which of its threads was seen last; 0: none was. */
  private readonly used = new Map<string, number>();
  /** Those of which only name, image and labels are known so far, and how often their bundles were looked for in vain. */
  private readonly partial = new Map<string, number>();
  /** Those that only a user's runtime has told of, with the user: believed until a process in them says otherwise. */
  private readonly claimed = new Map<string, number>();
  /** How much users' runtimes have told in the present second. */
  private readonly heard = { second: 0, count: 0 };
  private readonly warned = new Set<ContainerEngine>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private sweeper: NodeJS.Timeout | null = null;
  private whenIdle: (() => void) | null = null;
  private underWay = 0;
  private stopped = false;
  private readonly counts = { found: 0, late: 0, unknown: 0, failed: 0, refused: 0 };

  constructor(private readonly options: LookUpOptions) {}

  /** Resolves when the containers that run are known, or after a short while in any case. */
  async start(): Promise<void> {
    const { engines, table, info, follow } = this.options;
    if (engines.length === 0) return;
    const shown = (list: readonly ContainerEngine[]) => list.map(({ name, socket }) => `${name} (${socket})`).join(', ');
    const absent = engines.filter((engine) => !existsSync(engine.socket));
    const present = engines.filter((engine) => !absent.includes(engine));
    if (present.length > 0) info(`Container runtimes: ${shown(present)}`);
    if (absent.length > 0) info(`Container runtimes that are not there (yet): ${shown(absent)}`);
    table.onSeen = (id, tid) => this.seen(id, tid);
    this.sweeper = setInterval(() => this.sweep(performance.now()), SWEEP_MS);
    this.sweeper.unref();
    const listed = Promise.all(engines.map((engine) => this.list(engine)));
    if (follow) for (const engine of engines) void this.follow(engine);
    const known = listed.then(() => new Promise<void>((resolve) => {
      if (this.open.size === 0) resolve();
      else this.whenIdle = resolve;
    }));
    await Promise.race([known, this.pause(START_MS)]);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.options.table.onSeen = null;
    if (this.sweeper !== null) clearInterval(this.sweeper);
    for (const timer of this.timers) clearTimeout(timer);
    this.whenIdle?.();
    await Promise.all(this.options.engines.map((engine) => engine.close()));
  }

  stats(): LookUpStats {
    return this.counts;
  }

  /** Lets go of containers that have no process any more. */
  sweep(now: number): void {
    const { table } = this.options;
    const inUse = new Set(this.options.inUse());
    // A pod's network and labels are in its sandbox's entry, and a sandbox need not have a process.
    for (const id of [...inUse]) inUse.add(table.get(id)?.podSandboxId.slice(0, SHORT_ID) ?? '');
    for (const id of table.ids()) {
      if (inUse.has(id)) {
        if (!this.used.has(id)) this.used.set(id, 0);
        this.idle.delete(id);
        continue;
      }
      const since = this.idle.get(id) ?? now;
      this.idle.set(id, since);
      if (now - since >= (this.used.has(id) ? GONE_MS : UNSTARTED_MS)) table.delete(id);
    }
    for (const id of this.idle.keys()) if (table.get(id) === null) this.idle.delete(id);
    for (const id of this.partial.keys()) if (table.get(id) === null) this.partial.delete(id);
    for (const [id, user] of this.claimed) {
      if (table.get(id) === null) this.claimed.delete(id);
      else this.settleClaim(id, user);
    }
    for (const id of this.used.keys()) if (table.get(id) === null && !this.open.has(id)) this.used.delete(id);
    for (const [id, until] of this.misses) if (until <= now) this.misses.delete(id);
  }

  private seen(id: string, tid: number): void {
    this.used.set(id, tid);
    const user = this.claimed.get(id);
    if (user !== undefined) this.settleClaim(id, user);
    if (this.options.table.get(id) === null) this.want(id, true, false);
    else if (this.partial.has(id)) this.complete(id, tid);
  }

  /** A process in it has been seen at last. What another user's runtime said is forgotten. */
  private settleClaim(id: string, user: number): void {
    const { table, isOfUser } = this.options;
    const own = isOfUser(id, user);
    if (own === null) return;
    this.claimed.delete(id);
    if (own) return;
    this.partial.delete(id);
    table.delete(id);
  }

  /** May it be believed about this container? */
  private isTrusted({ user }: ContainerEngine, info: ContainerInfo): boolean {
    if (user === undefined) return true;
    const own = this.options.isOfUser(info.id, user);
    if (own !== null) return own;
    // Nothing but a runtime's word, and one that cannot be bent goes first.
    return this.claimed.get(info.id) === user || (this.options.table.get(info.id) === null && this.claimed.size < MAX_CLAIMS);
  }

  /** Is there time for what it tells? What is passed over is asked about once a process is seen. */
  private isHeard({ user }: ContainerEngine): boolean {
    if (user === undefined) return true;
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.heard.second) {
      this.heard.second = second;
      this.heard.count = 0;
    }
    return ++this.heard.count <= MAX_TOLD;
  }

  /** The runtime has only told of it so far, and its first process begins. */
  private complete(id: string, tid: number): void {
    const { table, bundleOf } = this.options;
    const tries = this.partial.get(id) ?? 0;
    if (tries === MAX_TRIES) return;
    const info = table.get(id);
    const folder = info === null ? null : bundleOf(tid, info.fullId);
    const whole = info === null || folder === null ? null : withBundle(info, folder);
    if (whole !== null) {
      table.set(whole);
      this.partial.delete(id);
      return;
    }
    this.partial.set(id, tries + 1);
  }

  private want(id: string, seen: boolean, again: boolean): void {
    const short = id.slice(0, SHORT_ID);
    const asked = this.open.get(short);
    if (asked !== undefined) {
      asked.seen ||= seen;
      asked.again ||= again;
      return;
    }
    if (short === '' || (this.misses.get(short) ?? 0) > performance.now()) return;
    if (!again && this.options.table.get(short) !== null) return;
    if (this.open.size >= MAX_PENDING) {
      this.counts.refused++;
      return;
    }
    const question: Question = { id, seen, attempt: 0, again: false };
    this.open.set(short, question);
    this.waiting.push(question);
    this.work();
  }

  private work(): void {
    while (!this.stopped && this.underWay < AT_ONCE) {
      const question = this.waiting.shift();
      if (question === undefined) return;
      this.underWay++;
      void this.ask(question.id).then((info) => {
        this.underWay--;
        this.answered(question, info);
        this.work();
      });
    }
  }

  /** The first runtime that knows it, and those of users only after all of the machine's. Never rejects. */
  private async ask(id: string): Promise<ContainerInfo | null> {
    const { engines } = this.options;
    const found = (await this.first(engines.filter(({ user }) => user === undefined), id)) ?? (await this.first(engines.filter(({ user }) => user !== undefined), id));
    if (found === null) return null;
    this.claim(found.engine, found.info);
    return found.info;
  }

  private first(engines: readonly ContainerEngine[], id: string): Promise<{ readonly engine: ContainerEngine; readonly info: ContainerInfo } | null> {
    return new Promise((resolve) => {
      const asked = engines.map(async (engine) => {
        const info = await this.inspect(engine, id);
        // Some runtimes take a name for an id.
        if (info?.fullId.startsWith(id) && this.isTrusted(engine, info)) resolve({ engine, info });
      });
      void Promise.all(asked).then(() => resolve(null));
    });
  }

  /** A container that is being removed makes Podman stumble; asked again, it says that there is none. */
  private async inspect(engine: ContainerEngine, id: string): Promise<ContainerInfo | null> {
    try {
      return await engine.inspect(id);
    } catch {
      await this.pause(SECOND_TRY_MS);
    }
    try {
      return await engine.inspect(id);
    } catch (error) {
      this.failed(engine, error);
      return null;
    }
  }

  private answered(question: Question, info: ContainerInfo | null): void {
    if (this.stopped) return;
    const short = question.id.slice(0, SHORT_ID);
    if (info === null && question.attempt < RETRY_MS.length && this.options.table.get(short) === null) {
      this.later(RETRY_MS[question.attempt++], () => {
        this.waiting.push(question);
        this.work();
      });
      return;
    }
    if (info !== null) this.put(info, true);
    this.open.delete(short);
    if (info !== null) {
      if (question.again) this.want(question.id, question.seen, true);
    } else if (this.options.table.get(short) === null) {
      this.counts.unknown++;
      if (this.misses.size < MAX_MISSES) this.misses.set(short, performance.now() + MISS_MS);
    }
    if (this.open.size === 0) this.whenIdle?.();
  }

  private async list(engine: ContainerEngine): Promise<void> {
    try {
      const ids = await engine.running();
      for (const id of engine.user === undefined ? ids : ids.slice(0, MAX_CLAIMS)) this.want(id, false, false);
    } catch (error) {
      this.failed(engine, error);
    }
  }

  /** For as long as this runs; a runtime that ends or is not there yet is tried again. */
  private async follow(engine: ContainerEngine): Promise<void> {
    for (let first = true; !this.stopped; first = false) {
      // What was started while nobody listened.
      if (!first) void this.list(engine);
      try {
        await engine.follow((info, specified) => this.isHeard(engine) && this.isTrusted(engine, info) && this.told(engine, info, specified));
      } catch (error) {
        this.failed(engine, error);
      }
      if (!this.stopped) await this.pause(RECONNECT_MS);
    }
  }

  /** Notes whose word is about to be taken. What only a user's runtime has said gives way to the machine's. */
  private claim({ user }: ContainerEngine, { id }: ContainerInfo): void {
    if (user !== undefined) {
      if (this.options.isOfUser(id, user) === null) this.claimed.set(id, user);
    } else if (this.claimed.delete(id)) this.options.table.delete(id);
  }

  private told(engine: ContainerEngine, info: ContainerInfo, specified: boolean): void {
    this.claim(engine, info);
    // The runtime has it for certain: that nobody knew it before counts no more.
    this.misses.delete(info.id);
    // Docker does not answer while it starts a container, and that may begin before we ask: what it has told has to do until then.
    this.put(info, false);
    if (!specified && this.options.table.get(info.id) === info) {
      this.partial.set(info.id, 0);
      // Its first process, which looks for the specification, may have been quicker than the runtime's word.
      const tid = this.used.get(info.id) ?? 0;
      if (tid !== 0) this.complete(info.id, tid);
    }
    this.want(info.fullId, false, true);
  }

  /** `whole`: all that there is to know, which takes the place of what was known. */
  private put(info: ContainerInfo, whole: boolean): void {
    const { table } = this.options;
    const old = table.get(info.id);
    // A name that containerd's users chose may come again, for another container.
    const known = old !== null && !(info.created > old.created);
    if (known && !whole) return;
    if (!known) {
      this.counts.found++;
      if (this.open.get(info.id)?.seen) this.counts.late++;
    }
    if (whole) {
      // Its process was seen while there was no specification to be read.
      if ((this.partial.get(info.id) ?? 0) > 0 && !this.open.get(info.id)?.seen) this.counts.late++;
      this.partial.delete(info.id);
    }
    table.set(info);
  }

  private failed(engine: ContainerEngine, error: unknown): void {
    if (this.stopped) return;
    this.counts.failed++;
    if (this.warned.has(engine)) return;
    this.warned.add(engine);
    this.options.warn(`${engine.name} (${engine.socket}) cannot be queried for containers: ${(error as Error).message}`);
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.later(ms, resolve));
  }

  private later(ms: number, then: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      then();
    }, ms);
    timer.unref();
    this.timers.add(timer);
  }
}
