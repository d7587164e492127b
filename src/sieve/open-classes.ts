// SPDX-License-Identifier: Apache-2.0
/** What is known of an open by its class alone (see `Sieve` in sources/native-contract.ts), as rules see it. */
import type { Fact, Facts } from './necessary.js';

export const OPEN_CLASSES = 16;
const ACCESS_MASK = 3;
const CREATES = 4;
export const FAILED = 8;
const WRITE_ONLY = 1;
const READ_WRITE = 2;
/** Descriptors from here on are never held back. */
const HELD_FDS = 64;

const values = (...list: readonly (string | boolean | null)[]): Fact => ({ kind: 'values', values: list });
const between = (least: number, most: number): Fact => ({ kind: 'between', least: BigInt(least), most: BigInt(most) });

const MOST_INT = (1n << 63n) - 1n;

/** Any call, by its result. */
export function resultFacts(failed: boolean): Facts {
  return new Map<string, Fact>([
    ['evt.num', { kind: 'between', least: 1n, most: MOST_INT }],
    ['evt.failed', values(failed)],
    ['evt.rawres', failed ? { kind: 'between', least: -MOST_INT - 1n, most: -1n } : { kind: 'between', least: 0n, most: MOST_INT }],
    ...(failed ? [] : [['evt.res', values('SUCCESS')] as const]),
  ]);
}

export function openFacts(openClass: number): Facts {
  const failed = (openClass & FAILED) !== 0;
  const access = openClass & ACCESS_MASK;
  const write = access === WRITE_ONLY || access === READ_WRITE;
  const created = (openClass & CREATES) !== 0 ? values(true, false) : values(false);
  const path: Fact = { kind: 'path' };
  return new Map<string, Fact>([
    ...resultFacts(failed),
    ...(failed ? [] : [['evt.rawres', between(0, HELD_FDS - 1)] as const]),
    ['evt.is_open_read', values(access !== WRITE_ONLY)],
    ['evt.is_open_write', values(write)],
    ['evt.is_open_create', created],
    ['evt.is_open_exec', created],
    // Null: the thread table is full, and nothing is known of the thread.
    ['fd.num', failed ? between(-4095, -1) : between(0, HELD_FDS - 1)],
    ['fd.typechar', failed ? values('f', 'o', null) : values('f', null)],
    ['fd.type', failed ? values(null) : values('file', null)],
    ['fd.name', path],
    ['fd.nameraw', path],
    ['fs.path.name', path],
    ['fs.path.nameraw', path],
    ['fd.directory', { kind: 'directory' }],
    ['fd.filename', { kind: 'name' }],
  ]);
}
