// SPDX-License-Identifier: Apache-2.0
/**
 * Live tests. `describeLive` runs its tests where the probe can be loaded; where it cannot, they are skipped and the
 * reason stands in their title. With CI=true they fail instead.
 */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, it } from 'vitest';
import type { EventView } from '../../src/events/event-view.js';
import { SYSCALLS } from '../../src/events/syscalls.js';
import { EVENTS } from '../../src/events/table.js';
import { type Interest, interestOf } from '../../src/sources/interest.js';
import { SyscallSource, type SyscallSourceOptions } from '../../src/sources/syscall.js';

export type ParamValue = string | number | bigint | string[] | null;

/** An event copied out of its slab. */
export interface LiveEvent {
  readonly key: string;
  readonly tid: number;
  readonly ts: bigint;
  readonly cpu: number;
  readonly num: number;
  /** Texts and lists of texts decoded, addresses and data as hex, the rest as numbers; null: empty. */
  readonly params: Readonly<Record<string, ParamValue>>;
}

let reason: string | null | undefined;

/** Why the probe cannot be loaded here, null when it can. */
export async function whyNotLive(): Promise<string | null> {
  if (reason !== undefined) return reason;
  const source = new SyscallSource({ interest: { syscalls: [], tracepoints: [] }, bufferBytes: 1 << 16 });
  try {
    await source.start(() => {});
    await source.stop();
    reason = null;
  } catch (error) {
    reason = (error as Error).message.split('\n')[0];
  }
  return reason;
}

const why = await whyNotLive();

export function describeLive(name: string, body: () => void): void {
  if (why === null) {
    describe(name, body);
  } else if (process.env.CI === 'true') {
    describe(name, () => {
      it('loads the probe', () => {
        throw new Error(why);
      });
    });
  } else {
    describe.skip(`${name} (no live capture here: ${why})`, body);
  }
}

/** All that the probe has an event of its own for, and what the state needs. */
export function interestIn(names: readonly string[]): Interest {
  const types = new Set(SYSCALLS.filter((row) => names.includes(row.name) && row.exit !== 1).map((row) => row.exit));
  return interestOf(types, { base: { all: true }, genericNames: new Set(names) });
}

function decode(view: EventView): LiveEvent {
  const row = EVENTS[view.type];
  const params: Record<string, ParamValue> = {};
  row.params.forEach((param, i) => {
    switch (param.type) {
      case 'CHARBUF': case 'FSPATH': case 'FSRELPATH':
        params[param.name] = view.str(i);
        break;
      case 'BYTEBUF':
        params[param.name] = ['args', 'env', 'cgroups'].includes(param.name) ? view.strs(i) : Buffer.from(view.raw(i)).toString('hex');
        break;
      case 'SOCKADDR': case 'SOCKTUPLE': case 'DYNAMIC': case 'FDLIST':
        params[param.name] = Buffer.from(view.raw(i)).toString('hex');
        break;
      case 'UINT64': case 'ABSTIME': case 'RELTIME':
        params[param.name] = view.has(i) ? view.u64(i) : null;
        break;
      default: {
        const size = view.size(i);
        params[param.name] = size === 8 ? view.i64(i) : size === 4 ? view.u32(i) : size === 2 ? view.u16(i) : size === 1 ? view.u8(i) : null;
      }
    }
  });
  return { key: row.key, tid: view.tid, ts: view.timestamp(), cpu: view.cpu, num: view.num, params };
}

/** A running source whose events are kept. */
export class LiveProbe {
  readonly events: LiveEvent[] = [];
  readonly source: SyscallSource;

  constructor(options: SyscallSourceOptions, private readonly keep: (view: EventView) => boolean = () => true) {
    this.source = new SyscallSource(options);
  }

  async start(): Promise<this> {
    await this.source.start((view) => {
      if (this.keep(view)) this.events.push(decode(view));
    });
    return this;
  }

  /** The first kept event that fits, waiting for it. */
  async find(fits: (event: LiveEvent) => boolean, ms = 20_000): Promise<LiveEvent> {
    const end = Date.now() + ms;
    for (let from = 0; ; ) {
      for (; from < this.events.length; from++) if (fits(this.events[from])) return this.events[from];
      if (Date.now() > end) throw new Error(`no such event within ${ms} ms; there are ${this.events.map((e) => `${e.key}@${e.tid}`).join(' ').slice(0, 2000)}`);
      await new Promise((done) => setTimeout(done, 5));
    }
  }
}

/** The program behind `python3`, as the kernel names it. */
export function pythonPath(): string {
  return execFileSync('python3', ['-c', 'import os, sys; print(os.path.realpath(sys.executable))'], { encoding: 'utf8' }).trim();
}

const compiled = new Map<string, string>();

/** A C program beside this file, compiled once a run. */
export function compile(name: 'trigger' | 'burst' | 'compat' | 'race' | 'race-paths', ...flags: string[]): string {
  let path = compiled.get(name);
  if (path === undefined) {
    path = join(mkdtempSync(join(tmpdir(), 'falco-ts-native-')), name);
    execFileSync('cc', ['-O1', '-Wall', '-pthread', ...flags, '-o', path, fileURLToPath(new URL(`${name}.c`, import.meta.url))]);
    compiled.set(name, path);
  }
  return path;
}

export const triggerPath = (): string => compile('trigger');

/** A structure of the caller: bytes as hex, pointers to bytes, pointers to structures. */
export type Structure = readonly (string | { readonly bytes: string } | { readonly struct: Structure })[];
export type CallArgument = number | bigint | string | { readonly hex: string } | { readonly out: number } | { readonly result: number }
  | { readonly int: number; readonly at: number } | { readonly struct: Structure };
export type Call = readonly [name: string, ...CallArgument[]];

export interface Triggered {
  readonly pid: number;
  readonly tid: number;
  readonly results: readonly number[];
  readonly outputs: readonly Buffer[];
}

function structure(parts: Structure): string {
  return parts.map((part) => (typeof part === 'string' ? part : 'bytes' in part ? `&${part.bytes}` : `[${structure(part.struct)}]`)).join(';');
}

/** Texts are passed as pointers to texts, numbers as they are; see `trigger.c` for the rest. `fork` forks and waits. */
export async function trigger(calls: readonly Call[], options: { cwd?: string; argv0?: string } = {}): Promise<Triggered> {
  const column = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
  const args: string[] = [];
  calls.forEach(([name, ...rest], i) => {
    if (i > 0) args.push('--');
    const row = SYSCALLS.find((s) => s.name === name);
    const number = name === 'fork_and_wait' ? -1 : row?.[column];
    if (number === undefined) throw new Error(`no system call ${name}`);
    args.push(String(number));
    for (const a of rest) {
      if (typeof a === 'number' || typeof a === 'bigint') args.push(`i:${a}`);
      else if (typeof a === 'string') args.push(`s:${a}`);
      else if ('hex' in a) args.push(`b:${a.hex}`);
      else if ('out' in a) args.push(`o:${a.out}`);
      else if ('result' in a) args.push(`r:${a.result}`);
      else if ('struct' in a) args.push(`v:${structure(a.struct)}`);
      else args.push(`q:${a.int}:${a.at}`);
    }
  });
  const { stdout } = await promisify(execFile)(triggerPath(), args, options);
  const said = JSON.parse(stdout) as { pid: number; tid: number; results: number[]; outputs: string[] };
  return { ...said, outputs: said.outputs.map((hex) => Buffer.from(hex, 'hex')) };
}
