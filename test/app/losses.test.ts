// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { formatInternal } from '../../src/app/internal-message.js';
import { describeSource, type DropOptions, DropMonitor, LossWatch } from '../../src/app/losses.js';
import type { SourceStats } from '../../src/sources/source.js';
import { createLog } from '../../src/util/log.js';

function watchLog() {
  const lines: string[] = [];
  const { log } = createLog({ level: 'debug', stderr: false, iso8601: true, syslog: (severity, text) => lines.push(`${severity} ${text}`) });
  return { lines, log };
}

describe('growing losses', () => {
  it('are logged by kind with what is new, each at most every five seconds', () => {
    const { lines, log } = watchLog();
    const losses: Record<string, number> = { ringFull: 0, decodeErrors: 0 };
    const watch = new LossWatch(log, () => [{ name: 'event source syscall', losses: () => losses }]);
    watch.check(0);
    losses.ringFull = 3;
    watch.check(1000);
    losses.ringFull = 10;
    losses.decodeErrors = 1;
    watch.check(2000);
    watch.check(7000);
    watch.check(13_000);
    expect(lines).toEqual(['4 Lost in event source syscall: ringFull 3 (3 in all)', '4 Lost in event source syscall: ringFull 7, decodeErrors 1 (11 in all)']);
  });
});

describe('syscall_event_drops', () => {
  const run = (options: Partial<DropOptions>, seconds: readonly (readonly [produced: number, lost: number])[]) => {
    let stats: SourceStats = { produced: 0, delivered: 0, losses: { ringFull: 0 }, drops: { n_drops_buffer_total: 0 } };
    const acted: string[] = [];
    const { lines, log } = watchLog();
    const monitor = new DropMonitor(
      { threshold: 0.1, actions: ['log'], rate: 0.5, max_burst: 1, simulate_drops: false, ...options },
      () => stats,
      log,
      ({ actions, events, dropped, parts }) => acted.push(`${actions.join('+')} ${dropped}/${events} total ${parts.n_drops_buffer_total}`),
    );
    monitor.check(0);
    seconds.forEach(([produced, lost], i) => {
      const losses = { ringFull: stats.losses.ringFull + lost };
      stats = { produced: stats.produced + produced, delivered: 0, losses, drops: { n_drops_buffer_total: losses.ringFull } };
      monitor.check((i + 1) * 1000);
    });
    return { acted, lines, text: monitor.format() };
  };

  it('act above the threshold and not at it', () => {
    expect(run({}, [[100, 10]]).acted).toEqual([]);
    expect(run({}, [[100, 11]]).acted).toEqual(['log 11/100 total 11']);
  });

  it('act no more often than the token bucket allows, and count both', () => {
    const { acted, lines, text } = run({ actions: ['log', 'alert'] }, [[10, 5], [10, 5], [10, 5], [10, 0]]);
    expect(acted).toEqual(['log+alert 5/10 total 5', 'log+alert 5/10 total 5']);
    expect(lines).toEqual(['7 Syscall event drop but token bucket depleted, skipping actions']);
    expect(text).toBe('Syscall event drop monitoring:\n   - event drop detected: 3 occurrences\n   - num times actions taken: 2\n');
  });

  it('simulate_drops acts without a loss', () => {
    const { acted, lines } = run({ simulate_drops: true }, [[10, 0]]);
    expect([acted, lines]).toEqual([['log 1/10 total 0'], ['6 Simulating syscall event drop']]);
  });
});

describe('messages of the monitor itself', () => {
  const internal = { time: 1_795_424_548_840_675_045n, rule: 'Falco internal: x', priority: 'Debug', message: 'Falco internal: x. Something.', fields: { n_evts: '7', a: 1 } } as const;

  it('are JSON with sorted keys, source internal and no tags', () => {
    expect(formatInternal(internal, { json: true, hostname: 'node1' }).line).toBe(
      '{"hostname":"node1","output":"Falco internal: x. Something.","output_fields":{"a":1,"n_evts":"7"},"priority":"Debug","rule":"Falco internal: x","source":"internal","time":"2026-11-23T09:02:28.840675045Z"}',
    );
  });

  it('are text with their fields in parentheses', () => {
    expect(formatInternal(internal, { json: false, hostname: 'node1' }).line).toMatch(/^\d\d:\d\d:28\.840675045: Debug Falco internal: x\. Something\. \(a=1 n_evts="7"\)$/);
  });
});

describe('a source that falls behind', () => {
  it('says in its closing line how often every slab was full, beside what it lost', () => {
    const stats = { produced: 12, delivered: 10, losses: { ringFullFile: 2 }, strain: { slabFull: 3, outOfOrder: 0 } };
    expect(describeSource('syscall', stats)).toBe('   syscall: 12 events, 10 delivered, lost: ringFullFile 2; fell behind: slabFull 3');
    expect(describeSource('syscall', { ...stats, losses: {}, strain: { slabFull: 0, outOfOrder: 0 } })).toBe('   syscall: 12 events, 10 delivered, lost: none');
  });
});
