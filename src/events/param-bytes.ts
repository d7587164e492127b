// SPDX-License-Identifier: Apache-2.0
/** Little-endian integers of any width up to 64 bits. */

export function unsigned(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = Math.min(bytes.length, 8) - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
  return value;
}

export function signed(bytes: Uint8Array): bigint {
  return BigInt.asIntN(Math.min(bytes.length, 8) * 8, unsigned(bytes));
}
