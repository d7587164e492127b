// SPDX-License-Identifier: Apache-2.0
/** Event times as text. */

const SECOND = 1_000_000_000n;
const two = (n: number) => String(n).padStart(2, '0');

function nanoseconds(time: bigint): string {
  return String(time % SECOND).padStart(9, '0');
}

/** `HH:MM:SS.nnnnnnnnn` in the local time zone. */
export function localTime(time: bigint): string {
  const date = new Date(Number(time / 1_000_000n));
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${nanoseconds(time)}`;
}

/** `YYYY-MM-DDTHH:MM:SS` in UTC. */
function utc(time: bigint): string {
  return new Date(Number(time / 1_000_000n)).toISOString().slice(0, 19);
}

/** `2026-11-23T09:29:51.028390515+0000`: UTC, with its offset, as the prefix of outputs has it. */
export function isoTimeWithOffset(time: bigint): string {
  return `${utc(time)}.${nanoseconds(time)}+0000`;
}

/** `2026-11-23T09:29:51.028390515Z`: as `time` in JSON has it. */
export function isoTime(time: bigint): string {
  return `${utc(time)}.${nanoseconds(time)}Z`;
}
