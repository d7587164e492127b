// SPDX-License-Identifier: Apache-2.0
/** Tests that are one row each: system calls that `trigger` makes, and every parameter of the event that they lead to. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Ev } from '../../src/events/ids.js';
import { type Call, compile, interestIn, LiveProbe, type ParamValue, type Triggered, trigger, triggerPath } from './probe.js';

/** Every parameter by name. null fits an empty one; an object is one of vitest's asymmetric matchers. */
export type Expected = Record<string, ParamValue | object>;

export interface LiveCalls {
  /** Where `trigger` runs. */
  readonly dir: string;
  readonly probe: Pick<LiveProbe, 'find' | 'events'>;
  /** Does the calls, and compares the event of the last one (or of call `index`) with what it must say. */
  says(title: string, calls: readonly Call[], key: string, expected: (t: Triggered) => Expected, index?: number): void;
}

/**
 * One probe for all tests of a file. It keeps what `trigger` and `programs` do: other programs run on this machine too.
 *
 * @param calls names of the calls that are reported
 */
export function liveCalls(calls: readonly string[], programs: () => readonly string[] = () => []): LiveCalls {
  const dir = mkdtempSync(join(tmpdir(), 'falco-ts-live-'));
  const tids = new Set<number>();
  let live: LiveProbe;

  beforeAll(async () => {
    const ours = new Set([triggerPath(), ...programs()]);
    live = await new LiveProbe({ interest: interestIn(calls), bufferBytes: 1 << 23 }, (view) => {
      if (view.type === Ev.SYSCALL_EXECVE_19_X && ours.has(view.str(27) ?? '')) tids.add(view.tid);
      return tids.has(view.tid);
    }).start();
  });

  afterAll(async () => {
    await live.source.stop();
    expect(live.source.stats().losses).toEqual({
      ringFullProcess: 0, ringFullNetwork: 0, ringFullFile: 0, ringFullOther: 0, bpfDropped: 0, foreignCalls: 0, missed: 0,
      decodeErrors: 0, evaluation_failed: 0, unaccounted: 0,
    });
  });

  return {
    dir,
    probe: {
      find: (fits, ms) => live.find(fits, ms),
      get events() {
        return live.events;
      },
    },
    says: (title, made, key, expected, index = made.length - 1) => {
      it(title, async () => {
        const done = await trigger(made, { cwd: dir });
        const want = expected(done);
        const first = Object.keys(want)[0];
        // A program's start makes calls too: the wanted one is known by its last parameters.
        const event = await live.find((e) => e.tid === done.tid && e.key === key && sameButFirst(e.params, want, first));
        expect(event.params).toEqual(want);
        if (first !== undefined) expect(event.params[first]).toBe(done.results[index]);
      });
    },
  };
}

function sameButFirst(params: Readonly<Record<string, ParamValue>>, want: Expected, first: string): boolean {
  return Object.entries(want).every(([name, value]) => name === first || value === null || typeof value === 'object' || params[name] === value);
}

/** Does the kernel serve 32-bit calls of a 64-bit program? Some virtual machines do not. */
export function mayCallAs32Bit(): boolean {
  if (process.arch !== 'x64') return false;
  try {
    execFileSync(compile('compat', '-no-pie'), [], { stdio: 'ignore' });
    return true;
  } catch (error) {
    return (error as { signal: string | null }).signal !== 'SIGSEGV';
  }
}

export function hex(text: string): string {
  return Buffer.from(text).toString('hex');
}
export function be16(n: number): string {
  return n.toString(16).padStart(4, '0');
}
export function le16(n: number): string {
  return be16(((n & 0xff) << 8) | ((n >> 8) & 0xff));
}
export function u64s(...values: (number | bigint)[]): string {
  const out = Buffer.alloc(8 * values.length);
  for (const [i, v] of values.entries()) out.writeBigInt64LE(BigInt(v), 8 * i);
  return out.toString('hex');
}
export function u32s(...values: number[]): string {
  const out = Buffer.alloc(4 * values.length);
  for (const [i, v] of values.entries()) out.writeUInt32LE(v >>> 0, 4 * i);
  return out.toString('hex');
}
