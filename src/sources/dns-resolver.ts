// SPDX-License-Identifier: Apache-2.0
/**
 * Resolves the host names that rules name, in the background and again and again: often after a change, seldom while
 * nothing changes. Events never wait for it; until a name has resolved, no address has it.
 */
import { lookup as systemLookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { DnsNames } from '../state/dns-names.js';

const FIRST_WAIT_MS = 10_000;
const LONGEST_WAIT_MS = 320_000;
const AT_ONCE = 2;
/** Many more than any ruleset names; the rest is left alone and counted. */
const MAX_NAMES = 10_000;

/** All addresses of a name, canonical text; empty or rejected: it does not resolve. */
export type Lookup = (name: string) => Promise<readonly string[]>;

const byTheSystem: Lookup = async (name) => (await systemLookup(name, { all: true })).map((answer) => answer.address);

interface Entry {
  addresses: string;
  wait: number;
  dueAt: number;
}

export class DnsResolver {
  readonly name = 'host names of rules';
  private readonly entries = new Map<string, Entry>();
  private timer: NodeJS.Timeout | null = null;
  private underWay = 0;
  private stopped = true;
  /** Names beyond what is resolved. */
  ignored = 0;

  constructor(
    private readonly names: DnsNames,
    private readonly lookup: Lookup = byTheSystem,
    private readonly now: () => number = Date.now,
  ) {}

  async start(): Promise<void> {
    this.stopped = false;
    this.work();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  /** From now on exactly these names are resolved. */
  follow(names: ReadonlySet<string>): void {
    for (const name of this.entries.keys()) {
      if (names.has(name)) continue;
      this.entries.delete(name);
      this.names.set(name, []);
    }
    this.ignored = 0;
    for (const name of names) {
      if (this.entries.has(name)) continue;
      if (this.entries.size >= MAX_NAMES) this.ignored++;
      // An address stands for itself.
      else if (isIP(name) !== 0) this.names.set(name, [name]);
      else this.entries.set(name, { addresses: '', wait: FIRST_WAIT_MS, dueAt: 0 });
    }
    if (!this.stopped) this.work();
  }

  /** Starts what is due, and comes back when the next one is. */
  private work(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    if (this.stopped) return;
    const now = this.now();
    let next = Number.POSITIVE_INFINITY;
    for (const [name, entry] of this.entries) {
      if (entry.dueAt > now) next = Math.min(next, entry.dueAt);
      else if (this.underWay < AT_ONCE) void this.resolve(name, entry);
      // The one that ends next calls again.
      else return;
    }
    if (next === Number.POSITIVE_INFINITY) return;
    this.timer = setTimeout(() => this.work(), Math.max(1, next - now));
    this.timer.unref();
  }

  private async resolve(name: string, entry: Entry): Promise<void> {
    this.underWay++;
    entry.dueAt = Number.POSITIVE_INFINITY;
    let found: readonly string[] = [];
    try {
      found = await this.lookup(name);
    } catch {
      // A name that does not resolve has no addresses; it is tried again as any other.
    }
    this.underWay--;
    if (this.stopped) return;
    if (this.entries.get(name) === entry) {
      const addresses = [...found].sort().join(' ');
      const changed = addresses !== entry.addresses;
      entry.wait = changed ? FIRST_WAIT_MS : Math.min(entry.wait * 2, LONGEST_WAIT_MS);
      entry.dueAt = this.now() + entry.wait;
      if (changed) this.names.set(name, found);
      entry.addresses = addresses;
    }
    this.work();
  }
}
