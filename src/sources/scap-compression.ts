// SPDX-License-Identifier: Apache-2.0
/** How a capture file is compressed, told by its first bytes, and what undoes it. */
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import { loadNative } from './native-binding.js';
import type { NativeBinding } from './native-contract.js';

/** What we undo; `null`: the capture as it is. */
export type Compression = 'gzip' | 'zstd' | null;

/** Bytes that are undone at once: they stay in the processor's cache while they are read. */
const OUTPUT = 128 * 1024;
/** Others get a turn (alerts are written) after so many bytes of output. */
const TURN = 512 * 1024;

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

/**
 * What `pieces` hold. Each piece that comes out is good until the next is asked for.
 * @throws what is damaged: an Error whose `code` begins with `Z_`
 */
export function decompressed(compression: 'gzip' | 'zstd', pieces: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  if (compression === 'zstd') return unzstd(pieces);
  const native = nativeGunzip();
  return native === null ? Readable.from(copies(pieces)).pipe(createGunzip()) : gunzip(pieces, native);
}

const damaged = (message: string, cause?: unknown): Error => Object.assign(new Error(message, { cause }), { code: 'Z_DATA_ERROR' });

/** Null where the addon is not: replays do not need it. */
function nativeGunzip(): NativeBinding['Gunzip'] | null {
  try {
    return loadNative().Gunzip;
  } catch {
    return null;
  }
}

async function* gunzip(pieces: AsyncIterable<Buffer>, Gunzip: NativeBinding['Gunzip']): AsyncGenerator<Buffer> {
  const output = Buffer.allocUnsafeSlow(OUTPUT);
  const unzip = new Gunzip(output);
  let since = 0;
  for await (const piece of pieces) {
    unzip.push(piece);
    for (let bytes = unzip.next(); bytes !== 0; bytes = unzip.next()) {
      yield output.subarray(0, bytes);
      since += bytes;
      if (since < TURN) continue;
      since = 0;
      await setImmediate();
    }
  }
  if (unzip.unfinished) throw damaged('unexpected end of file');
}

/** node:zlib has Zstandard from Node 22.15 on only. */
async function* unzstd(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const { Decompress } = await import('fzstd');
  const out: Buffer[] = [];
  const frames = new Decompress((data) => {
    if (data.length > 0) out.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  });
  const push = (data: Uint8Array, last: boolean): void => {
    try {
      frames.push(data, last);
    } catch (cause) {
      throw damaged((cause as Error).message, cause);
    }
  };
  for await (const piece of copies(pieces)) {
    push(piece, false);
    yield* out.splice(0);
  }
  push(new Uint8Array(0), true);
  yield* out.splice(0);
}

/** Of pieces that share a buffer, for those who keep what they are given. */
async function* copies(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const piece of pieces) yield Buffer.from(piece);
}
