// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { SeenEvents } from '../../../src/sources/k8s-audit/seen.js';

const viewOf = (text: string): DataView => {
  const bytes = new TextEncoder().encode(text);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
};

describe('events that were taken', () => {
  it('have fingerprints that differ when any one byte does', () => {
    const seen = new SeenEvents(1 << 10);
    const text = '{"auditID":"0f1f3ad8-ad43-4f04-9741-6f93f9ba4d74","stage":"ResponseComplete","verb":"get"}';
    const prints = new Set<number>();
    for (let n = 0; n < text.length; n++) {
      for (const c of 'abc0') prints.add(seen.fingerprint(viewOf(`${text.slice(0, n)}${c}${text.slice(n + 1)}`), 0, text.length));
    }
    const texts = new Set(Array.from({ length: text.length }, (_, n) => [...'abc0'].map((c) => `${text.slice(0, n)}${c}${text.slice(n + 1)}`)).flat());
    expect(prints.size).toBe(texts.size);
    for (const print of prints) expect(Number.isSafeInteger(print - 1) && print > 0).toBe(true);
  });

  it('have fingerprints that differ when any two bytes do', () => {
    const seen = new SeenEvents(1 << 10);
    const bytes = new Uint8Array(91).fill(97);
    const view = new DataView(bytes.buffer);
    const prints = new Set<number>();
    let count = 0;
    for (let i = 0; i < bytes.length; i++) {
      for (let j = i + 1; j < bytes.length; j++) {
        for (let c = 0; c < 10; c++, count++) {
          bytes[i] = 98 + c;
          bytes[j] = 98 + ((c * 7) % 10);
          prints.add(seen.fingerprint(view, 0, bytes.length));
        }
        bytes[j] = 97;
      }
      bytes[i] = 97;
    }
    expect(prints.size).toBe(count);
  });

  it('have the same fingerprint wherever they stand in the bytes, and another in another process', () => {
    const seen = new SeenEvents(1 << 10);
    expect(seen.fingerprint(viewOf('abcdefghijk'), 0, 11)).toBe(seen.fingerprint(viewOf('..abcdefghijk.'), 2, 13));
    expect(new SeenEvents(1 << 10).fingerprint(viewOf('abcdefghijk'), 0, 11)).not.toBe(seen.fingerprint(viewOf('abcdefghijk'), 0, 11));
  });

  it('are remembered, the latest at least, and those that gave way are counted', () => {
    const seen = new SeenEvents(1 << 12);
    const prints = Array.from({ length: 20_000 }, (_, n) => seen.fingerprint(viewOf(`event number ${n}`), 0, `event number ${n}`.length));
    for (const print of prints) {
      expect(seen.has(print)).toBe(false);
      seen.add(print);
      expect(seen.has(print)).toBe(true);
    }
    const known = prints.filter((print) => seen.has(print)).length;
    expect(known).toBeLessThanOrEqual(1 << 12);
    expect(known).toBeGreaterThan(4000);
    expect(seen.evictions).toBe(prints.length - known);
    expect(prints.slice(-500).filter((print) => seen.has(print)).length).toBeGreaterThan(480);
  });
});
