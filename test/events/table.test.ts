// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SYSCALLS } from '../../src/events/syscalls.js';
import { EVENTS, OLD } from '../../src/events/table.js';

interface ReferenceEvent {
  readonly available: boolean;
  readonly dir: '>' | '<';
  readonly name: string;
  readonly params: readonly { readonly name: string; readonly type: string }[];
}

const reference = new URL('../../../shared/reference/events.json', import.meta.url);

describe('the table of events', () => {
  it('numbers its rows without a gap', () => {
    expect(EVENTS.map((e) => e.type)).toEqual(EVENTS.map((_, i) => i));
  });

  it('names every event type that a system call leads to', () => {
    for (const s of SYSCALLS) {
      expect(EVENTS[s.exit].kind, s.name).toBe('syscall');
      if (s.exit > 1) expect(EVENTS[s.exit].key.endsWith('_X'), s.name).toBe(true);
    }
  });

  it('gives no two system calls one number on an architecture', () => {
    for (const arch of ['x86_64', 'aarch64'] as const) {
      const numbers = SYSCALLS.map((s) => s[arch]).filter((n) => n >= 0);
      expect(new Set(numbers).size).toBe(numbers.length);
    }
  });

  it.skipIf(!existsSync(reference))("has Falco's events with their parameters, in order and by type", () => {
    const lists = JSON.parse(readFileSync(reference, 'utf8')) as Record<string, (ReferenceEvent | string)[]>;
    const key = (name: string, dir: string, params: readonly { name: string; type: string }[]) =>
      `${dir} ${name}(${params.map((p) => `${p.type} ${p.name}`).join(', ')})`;
    const ours = new Set(
      EVENTS.filter((e) => e.kind !== 'none').map((e) => key(e.name, e.key.endsWith('_E') ? '>' : '<', e.params)),
    );
    const generic = new Set(SYSCALLS.map((s) => s.name));
    const missing: string[] = [];
    let seen = 0;
    for (const event of Object.values(lists).flat()) {
      if (typeof event === 'string') continue;
      seen++;
      const isGeneric = event.params.length === 2 && event.params[0].type === 'SYSCALLID';
      if (isGeneric ? !generic.has(event.name) && event.name !== 'unknown' : !ours.has(key(event.name, event.dir, event.params)))
        missing.push(key(event.name, event.dir, event.params));
    }
    expect(seen).toBeGreaterThan(700);
    expect(missing).toEqual([]);
  });

  it('keeps old events only for reading captures', () => {
    const produced = new Set(SYSCALLS.map((s) => s.exit));
    for (const type of produced) expect(EVENTS[type].flags & OLD, EVENTS[type].key).toBe(0);
  });
});
