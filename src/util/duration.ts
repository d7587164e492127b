// SPDX-License-Identifier: Apache-2.0
const UNITS: Readonly<Record<string, number>> = {
  ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000, y: 31_536_000_000,
};

/** A Prometheus duration (`1h30m`, `500ms`) in milliseconds; null when it is none. Units go from large to small. */
export function parseDuration(text: string): number | null {
  const match = /^(?:\d+y)?(?:\d+w)?(?:\d+d)?(?:\d+h)?(?:\d+m(?!s))?(?:\d+s)?(?:\d+ms)?$/.exec(text.trim());
  if (match === null || text.trim() === '') return null;
  let total = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|[smhdwy])/g)) total += Number(count) * UNITS[unit];
  return total;
}

/** So many at once, and as many again in so many milliseconds: a token bucket. */
export interface Rate {
  readonly count: number;
  readonly perMs: number;
}

/** `10/1m`: ten at once, and ten more in each minute; null when it is none. */
export function parseRate(text: string): Rate | null {
  const match = /^\s*(\d+)\s*\/\s*(\S+)\s*$/.exec(text);
  const count = Number(match?.[1] ?? 0);
  const perMs = parseDuration(match?.[2] ?? '') ?? 0;
  return count > 0 && perMs > 0 && Number.isSafeInteger(count) ? { count, perMs } : null;
}
