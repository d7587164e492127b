// SPDX-License-Identifier: Apache-2.0

/** Seconds and nanoseconds since the epoch; two numbers, because a bigint an event would cost more than the parse. */
export interface Instant {
  readonly seconds: number;
  readonly nanos: number;
}

const SHAPE = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:Z|([+-])(\d\d):(\d\d))$/;
const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * Parses an RFC 3339 time; null when it is none. Digits beyond nanoseconds are cut. No leap seconds, like the ecosystem's
 * parsers.
 */
export function parseRfc3339(text: string): Instant | null {
  // The apiserver's own form, within the minute of the time before.
  if (text.length === 27 && text.charCodeAt(26) === 0x5a && text.charCodeAt(19) === 0x2e && text.startsWith(lastMinute)) {
    const second = digits(text, 17, 19);
    const micros = digits(text, 20, 26);
    if (second >= 0 && second < 60 && micros >= 0) return { seconds: lastMinuteStart + second, nanos: micros * 1000 };
  }
  const time = parseAny(text);
  if (time !== null && text.endsWith('Z')) {
    lastMinute = text.slice(0, 17);
    lastMinuteStart = time.seconds - digits(text, 17, 19);
  }
  return time;
}

/** `2026-11-23T08:04:`, and its seconds since the epoch. */
let lastMinute = 'none';
let lastMinuteStart = 0;

/** The number that these characters write, or -1 when one of them is no digit. */
function digits(text: string, from: number, to: number): number {
  let n = 0;
  for (let i = from; i < to; i++) {
    const d = text.charCodeAt(i) - 0x30;
    if (d < 0 || d > 9) return -1;
    n = n * 10 + d;
  }
  return n;
}

function parseAny(text: string): Instant | null {
  const m = SHAPE.exec(text);
  if (m === null) return null;
  const year = Number(m[1]);
  const month = Number(m[2]);
  const day = Number(m[3]);
  const hour = Number(m[4]);
  const minute = Number(m[5]);
  const second = Number(m[6]);
  if (month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59) return null;
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  if (day < 1 || day > DAYS[month - 1] + (leap ? 1 : 0)) return null;
  // Date.UTC takes the years 0 to 99 for 1900 to 1999; 400 years are a whole number of weeks and of leap cycles.
  let seconds = Date.UTC(year + 400, month - 1, day, hour, minute, second) / 1000 - 12_622_780_800;
  if (m[8] !== undefined) {
    const offsetHours = Number(m[9]);
    const offsetMinutes = Number(m[10]);
    if (offsetHours > 24 || offsetMinutes > 59) return null;
    seconds -= (m[8] === '-' ? -1 : 1) * (offsetHours * 3600 + offsetMinutes * 60);
  }
  return { seconds, nanos: m[7] === undefined ? 0 : Number(m[7].slice(0, 9).padEnd(9, '0')) };
}
