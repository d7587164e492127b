// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { EVENT_HEADER_BYTES, EventDecodeError, EventView } from '../../src/events/event-view.js';
import { buildEvent, viewOf } from '../helpers/event-builder.js';

describe('one event is read where it lies', () => {
  it('reads header, numbers, texts and lists', () => {
    const view = viewOf(
      buildEvent('SYSCALL_OPENAT_2_X', { fd: 3, dirfd: -100, name: '/etc/shadow', flags: 4097, mode: 0o644, dev: 0x801, ino: 2n ** 40n }, { tid: 77, ts: 5n }),
    );
    expect([view.tid, view.timestamp(), view.paramCount]).toEqual([77, 5n, 7]);
    expect([view.int(0), view.int(1), view.str(2), view.u32(3), view.u32(4), view.u64(6)]).toEqual([3, -100, '/etc/shadow', 4097, 0o644, 2 ** 40]);
  });

  it('gives a number while it is exact and a bigint beyond', () => {
    const at = (value: bigint) => viewOf(buildEvent('SYSCALL_MUNMAP_X', { addr: value }));
    expect(at(2n ** 53n - 1n).u64(4)).toBe(2 ** 53 - 1);
    expect(at(2n ** 53n).u64(4)).toBe(2n ** 53n);
    expect(at(2n ** 64n - 1n).u64(4)).toBe(2n ** 64n - 1n);
    const result = (value: bigint) => viewOf(buildEvent('SYSCALL_MMAP_X', { res: value })).i64(0);
    expect(result(-13n)).toBe(-13);
    expect(result(-(2n ** 60n))).toBe(-(2n ** 60n));
  });

  it('tells an absent parameter from an empty text', () => {
    const absent = viewOf(buildEvent('SYSCALL_OPEN_X', { fd: 3 }, { count: 1 }));
    expect([absent.has(1), absent.str(1), absent.u32(2)]).toEqual([false, null, 0]);
    const empty = viewOf(buildEvent('SYSCALL_OPEN_X', { fd: 3, name: '' }));
    expect([empty.has(1), empty.str(1)]).toEqual([true, '']);
  });

  it('decodes UTF-8, and keeps bytes that are none', () => {
    const name = (bytes: Uint8Array) => viewOf(buildEvent('SYSCALL_CHDIR_X', { res: 0, path: bytes })).str(1);
    expect(name(Buffer.from('/ä/日本\0'))).toBe('/ä/日本');
    expect(name(Buffer.from([0x2f, 0xff, 0]))).toBe('/\udcff');
    expect(name(Buffer.from([0x2f, 0xfe, 0]))).not.toBe(name(Buffer.from([0x2f, 0xff, 0])));
  });

  it('splits arguments at their zeros, a last one without it included', () => {
    const args = (bytes: Uint8Array) => viewOf(buildEvent('SYSCALL_EXECVE_19_X', { res: 0, args: bytes })).strs(2);
    expect(args(Buffer.from('-c\0\0ls -l\0'))).toEqual(['-c', '', 'ls -l']);
    expect(args(Buffer.from('-c\0ls'))).toEqual(['-c', 'ls']);
    expect(args(new Uint8Array(0))).toEqual([]);
  });

  it('does not show texts of the event before', () => {
    const view = new EventView();
    viewOf(buildEvent('SYSCALL_CHDIR_X', { res: 0, path: '/a' }), view);
    expect(view.str(1)).toBe('/a');
    viewOf(buildEvent('SYSCALL_CHDIR_X', { res: 0 }), view);
    expect(view.str(1)).toBeNull();
  });

  it('refuses an event whose lengths do not fit, and says where', () => {
    const event = buildEvent('SYSCALL_CHDIR_X', { res: 0, path: '/tmp' });
    const broken = (change: (bytes: Buffer) => void) => {
      const copy = Buffer.from(event);
      change(copy);
      try {
        viewOf(copy);
      } catch (error) {
        return error instanceof EventDecodeError ? error.offset : error;
      }
      return null;
    };
    expect(broken((b) => b.writeUInt32LE(event.length + 1, 16))).toBe(16);
    expect(broken((b) => b.writeUInt32LE(70_000, 22))).toBe(22);
    expect(broken((b) => b.writeUInt16LE(60_000, EVENT_HEADER_BYTES))).toBe(EVENT_HEADER_BYTES);
    expect(() => viewOf(event.subarray(0, 20))).toThrow(EventDecodeError);
  });
});
