// SPDX-License-Identifier: Apache-2.0
// HOT PATH
/** Byte buffers, without making a Buffer of each. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && startsWithBytes(a, b);
}

export function startsWithBytes(a: Uint8Array, b: Uint8Array): boolean {
  return b.length <= a.length && matchesAt(a, b, 0);
}

export function endsWithBytes(a: Uint8Array, b: Uint8Array): boolean {
  return b.length <= a.length && matchesAt(a, b, a.length - b.length);
}

export function containsBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (b.length === 0) return true;
  const first = b[0] as number;
  const last = a.length - b.length;
  for (let i = a.indexOf(first); i !== -1 && i <= last; i = a.indexOf(first, i + 1)) if (matchesAt(a, b, i)) return true;
  return false;
}

function matchesAt(a: Uint8Array, b: Uint8Array, at: number): boolean {
  for (let i = 0; i < b.length; i++) if (a[at + i] !== b[i]) return false;
  return true;
}
