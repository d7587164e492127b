// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

/** What comes out of `zipped`, which arrives in pieces of so many bytes, all of them in one buffer. */
async function read(zipped: Buffer, size: number): Promise<Buffer> {
  const { decompressed } = await import('../../src/sources/scap-compression.js');
  async function* pieces(): AsyncGenerator<Buffer> {
    const buffer = Buffer.alloc(size);
    for (let at = 0; at < zipped.length; at += size) yield buffer.subarray(0, zipped.copy(buffer, 0, at, at + size));
  }
  const out: Buffer[] = [];
  for await (const piece of decompressed('gzip', pieces())) out.push(Buffer.from(piece));
  return Buffer.concat(out);
}

const SIZES = [0, 1, 1000, 128 * 1024, 128 * 1024 + 1, 3_000_000];
const data = SIZES.map((size) => Buffer.concat([Buffer.alloc(size >> 1, 'the same again '), randomBytes(size - (size >> 1))]));

describe.each([
  ['with the addon', true],
  ['where the addon is not', false],
])('a gzipped capture is read %s', (_name, native) => {
  beforeAll(async () => {
    vi.resetModules();
    const binding = '../../src/sources/native-binding.js';
    if (native) (await import(binding)).loadNative();
    else {
      vi.doMock(binding, () => ({
        loadNative: () => {
          throw new Error('not there');
        },
      }));
    }
  });
  afterAll(() => void vi.doUnmock('../../src/sources/native-binding.js'));

  it('whatever its size, and however its bytes arrive', async () => {
    for (const whole of data) for (const size of [1021, 65_536, 4_000_000]) expect((await read(gzipSync(whole), size)).equals(whole)).toBe(true);
  });

  it('to the end of its last member, an empty one among them', async () => {
    const zipped = Buffer.concat(data.map((part) => gzipSync(part)));
    for (const size of [977, 100_000]) expect((await read(zipped, size)).equals(Buffer.concat(data))).toBe(true);
  });

  it('without what follows its last member', async () => {
    expect((await read(Buffer.concat([gzipSync('a capture'), Buffer.alloc(100)]), 64)).toString()).toBe('a capture');
  });

  it('and ends in an error where it is cut off or damaged', async () => {
    const zipped = gzipSync(data[3]);
    await expect(read(zipped.subarray(0, zipped.length - 1), 4096)).rejects.toMatchObject({ code: expect.stringMatching(/^Z_/), message: 'unexpected end of file' });
    const damaged = Buffer.from(zipped);
    damaged[zipped.length - 6] ^= 1;
    await expect(read(damaged, 4096)).rejects.toMatchObject({ code: 'Z_DATA_ERROR', message: 'incorrect data check' });
    await expect(read(Buffer.from('no gzip at all'), 4096)).rejects.toMatchObject({ code: 'Z_DATA_ERROR', message: 'incorrect header check' });
  });
});
