// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SYSCALLS } from '../../src/events/syscalls.js';
import { EVENTS, type EventRow, OLD, UNUSED } from '../../src/events/table.js';

const reference = new URL('../../../shared/reference/events.json', import.meta.url);

/** Only 32-bit programs make these calls, or they are reported as another of the same name. */
const ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ['SYSCALL_STAT64_X', 'a 32-bit call, reported as stat'],
  ['SYSCALL_LSTAT64_X', 'a 32-bit call, reported as lstat'],
  ['SYSCALL_FSTAT64_X', 'a 32-bit call, reported as fstat'],
  ['SYSCALL_LLSEEK_X', 'a 32-bit call, reported as lseek'],
  ['SYSCALL_MMAP2_X', 'a 32-bit call, reported as mmap'],
  ['SYSCALL_NEWSELECT_X', 'a 32-bit call, reported as select'],
  ['SYSCALL_UMOUNT_1_X', 'a 32-bit call, reported as umount2'],
  ['SOCKET_SEND_X', 'a 32-bit call'],
  ['SOCKET_RECV_X', 'a 32-bit call'],
  ['SOCKET_ACCEPT4_5_X', 'accept4 is SOCKET_ACCEPT4_6_X'],
  ['SYSCALL_OPEN_E', 'part of the exit event, see bpf/entry.h'],
  ['SYSCALL_OPENAT_2_E', 'part of the exit event, see bpf/entry.h'],
  ['SYSCALL_OPENAT2_E', 'part of the exit event, see bpf/entry.h'],
  ['SYSCALL_CREAT_E', 'part of the exit event, see bpf/entry.h'],
  ['SOCKET_CONNECT_E', 'part of the exit event, see bpf/entry.h'],
]);

/** Keys of events that the tests beside this one name. */
function tested(): ReadonlySet<string> {
  const here = new URL('./', import.meta.url);
  const keys = new Set<string>();
  for (const file of readdirSync(here).filter((name) => name.endsWith('.test.ts') && name !== 'coverage.test.ts')) {
    for (const [, key] of readFileSync(new URL(file, here), 'utf8').matchAll(/'([A-Z0-9_]+_[EX])'/g)) keys.add(key);
  }
  return keys;
}

describe('every event that a kernel can produce', () => {
  it('has a test that produces it', () => {
    const produced = new Set(SYSCALLS.filter((row) => row.x86_64 >= 0 || row.aarch64 >= 0).map((row) => row.exit));
    const live = EVENTS.filter((e) => produced.has(e.type) || (e.kind === 'tracepoint' && (e.flags & (OLD | UNUSED)) === 0));
    const keys = tested();
    expect(live.length).toBeGreaterThan(150);
    expect(live.filter((e) => !keys.has(e.key) && !ELSEWHERE.has(e.key)).map((e) => e.key)).toEqual([]);
  });

  it.skipIf(!existsSync(reference))("of Falco's list is produced here too, or stands in a list with the reason", () => {
    interface Listed { readonly available: boolean; readonly dir: string; readonly name: string; readonly params: readonly { readonly name: string; readonly type: string }[] }
    const name = (dir: string, own: string, params: readonly { readonly name: string }[]): string => `${dir} ${own}(${params.map((p) => p.name).join(', ')})`;
    const byName = new Map<string, EventRow>();
    for (const e of EVENTS) if (e.kind !== 'none') byName.set(name(e.key.endsWith('_E') ? '>' : '<', e.name, e.params), e);
    const lists = JSON.parse(readFileSync(reference, 'utf8')) as Record<string, unknown>;
    const keys = tested();
    const missing: string[] = [];
    let seen = 0;
    for (const list of ['Syscall events', 'Tracepoint events']) {
      for (const event of lists[list] as readonly (Listed | string)[]) {
        if (typeof event === 'string' || !event.available || event.params[0]?.type === 'SYSCALLID') continue;
        seen++;
        const key = byName.get(name(event.dir, event.name, event.params))?.key ?? '';
        if (!keys.has(key) && !ELSEWHERE.has(key)) missing.push(`${event.dir} ${event.name} ${key}`);
      }
    }
    expect(seen).toBeGreaterThan(150);
    expect(missing).toEqual([]);
  });
});
