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
