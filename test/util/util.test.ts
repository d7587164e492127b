// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { parseDuration } from '../../src/util/duration.js';
import { Interval } from '../../src/util/interval.js';
import { createLog, formatTime } from '../../src/util/log.js';

describe('durations as Prometheus writes them', () => {
  it.each([
    ['1h', 3_600_000], ['15m', 900_000], ['100ms', 100], ['1h30m', 5_400_000], ['1d12h', 129_600_000], ['1m5ms', 60_005], ['0s', 0],
    ['5000', null], ['', null], ['1', null], ['m1', null], ['30m1h', null], ['1.5h', null], ['1h ', 3_600_000], ['-1h', null],
  ])('%j is %j ms', (text, expected) => expect(parseDuration(text)).toBe(expected));
});

describe('the log', () => {
  const at = new Date('2026-03-05T07:08:09.123Z');

  it('has times as ctime prints them, or ISO 8601 in UTC', () => {
    expect(formatTime(at, true)).toBe('2026-03-05T07:08:09+0000');
    expect(formatTime(at, false)).toMatch(/^[A-Z][a-z]{2} Mar \d\d \d\d:08:09 2026$/);
  });

  it('passes what its level lets through, with syslog\'s severities', () => {
    const lines: string[] = [];
    const syslog = (severity: number, text: string) => lines.push(`${severity} ${text}`);
    const { log, configure } = createLog({ level: 'info', stderr: false, iso8601: true, syslog });
    log.debug('no');
    log.info('a line\n');
    log.emergency('worst');
    configure({ level: 'error', stderr: false, iso8601: true, syslog });
    log.warning('no');
    log.error('b');
    expect(lines).toEqual(['6 a line', '0 worst', '3 b']);
  });
});

describe('what the log quotes', () => {
  it('can neither forge a line nor reach the terminal', () => {
    const lines: string[] = [];
    const { log } = createLog({ level: 'info', stderr: false, iso8601: true, syslog: (_, text) => lines.push(text) });
    log.warning('container a\u001b[2Jb\u009b1m\u202ecod.exe\r: not answered\nFri Nov 27: all is well\n  help: ask\ttwice');
    expect(lines).toEqual(['container a\\u001b[2Jb\\u009b1m\\u202ecod.exe\\u000d: not answered\n  Fri Nov 27: all is well\n  help: ask\ttwice']);
  });
});

describe('an interval', () => {
  it('lets one through and tells how many it held back', () => {
    const interval = new Interval(100);
    expect([0, 50, 99, 100, 150, 300].map((now) => interval.pass(now))).toEqual([0, null, null, 2, null, 1]);
  });
});
