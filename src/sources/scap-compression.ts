// SPDX-License-Identifier: Apache-2.0
/** How a capture file is compressed, told by its first bytes, and the stream that undoes it. */
import { Transform } from 'node:stream';
import { createGunzip } from 'node:zlib';

/** What we undo; `null`: the capture as it is. */
export type Compression = 'gzip' | 'zstd' | null;

const SECTION_HEADER = '0a0d0d0a';
const MAGICS: readonly (readonly [hex: string, name: string])[] = [
  ['1f8b', 'gzip'], ['28b52ffd', 'zstd'], ['04224d18', 'lz4'], ['fd377a58', 'xz'], ['425a68', 'bzip2'], ['504b0304', 'zip'],
];

/** `unknown`: neither a capture nor compressed; a name that is no {@link Compression}: compressed in a way that we do not undo. */
export function compressionOf(head: Buffer): Compression | 'lz4' | 'xz' | 'bzip2' | 'zip' | 'unknown' {
  const hex = head.toString('hex');
  if (hex.startsWith(SECTION_HEADER)) return null;
  const found = MAGICS.find(([magic]) => hex.startsWith(magic));
  return (found?.[1] ?? 'unknown') as ReturnType<typeof compressionOf>;
}

/** @returns a stream of the decompressed bytes; what is damaged ends it with an error whose `code` begins with `Z_` */
export async function decompressor(compression: 'gzip' | 'zstd', chunkSize: number): Promise<Transform> {
  return compression === 'gzip' ? createGunzip({ chunkSize }) : createUnzstd();
}

/** node:zlib has Zstandard from Node 22.15 on only. */
async function createUnzstd(): Promise<Transform> {
  const { Decompress } = await import('fzstd');
  const frames = new Decompress();
  const guarded = (push: () => void, done: (error?: Error | null) => void): void => {
    try {
      push();
      done();
    } catch (cause) {
      done(Object.assign(new Error((cause as Error).message, { cause }), { code: 'Z_DATA_ERROR' }));
    }
  };
  const stream = new Transform({
    transform: (chunk: Buffer, _encoding, done) => guarded(() => frames.push(chunk), done),
    flush: (done) => guarded(() => frames.push(new Uint8Array(0), true), done),
  });
  frames.ondata = (data) => {
    if (data.length > 0) stream.push(data);
  };
  return stream;
}
