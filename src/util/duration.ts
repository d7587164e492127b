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
