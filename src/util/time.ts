// SPDX-License-Identifier: Apache-2.0
/** Times as text. All take nanoseconds since the epoch. */
const SECOND = 1_000_000_000n;

const two = (n: number): string => (n < 10 ? `0${n}` : `${n}`);
const four = (n: number): string => `${n}`.padStart(4, '0');
const nanos = (ns: bigint): string => `.${String(ns % SECOND).padStart(9, '0')}`;
const dateOf = (ns: bigint): Date => new Date(Number(ns / SECOND) * 1000);

const localDay = (d: Date): string => `${four(d.getFullYear())}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
const localTime = (d: Date): string => `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;

/** `14:03:21.000000123`, local. */
export function timeText(ns: bigint, withNanos: boolean): string {
  const text = localTime(dateOf(ns));
  return withNanos ? text + nanos(ns) : text;
}

/** `2026-11-23 14:03:21.000000123`, local. */
export function dateTimeText(ns: bigint, withNanos: boolean): string {
  const date = dateOf(ns);
  const text = `${localDay(date)} ${localTime(date)}`;
  return withNanos ? text + nanos(ns) : text;
}

/** `2026-11-23T14:03:21.000000123+0000`, UTC. */
export function isoTimeText(ns: bigint): string {
  return `${dateOf(ns).toISOString().slice(0, 19)}${nanos(ns)}+0000`;
}
