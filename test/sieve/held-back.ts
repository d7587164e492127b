// SPDX-License-Identifier: Apache-2.0
/** What `native/bpf/sieve.h` asks of a path, with texts where the kernel has hashes of them. */
import { NOT_PLAIN, type Paths, TAIL_BYTES } from '../../src/sieve/path-tests.js';
import { PathTest } from '../../src/sources/native-contract.js';
import { byteString } from '../../src/util/byte-text.js';

/** Is there a test that holds? `path` is plain. */
export function mayMatter(paths: Paths, path: string): boolean {
  if (paths === 'any') return true;
  const bytes = byteString(path);
  const slash = bytes.lastIndexOf('/');
  for (const { test, text } of paths.values()) {
    const wanted = byteString(text);
    if (test === PathTest.Whole && bytes === wanted) return true;
    if (test === PathTest.Prefix && bytes.startsWith(wanted)) return true;
    if (test === PathTest.Name && bytes.slice(slash + 1) === wanted) return true;
    if (test === PathTest.Directory && bytes.slice(0, slash) === wanted) return true;
    if (test === PathTest.Tail && bytes.slice(-TAIL_BYTES) === wanted.slice(-TAIL_BYTES)) return true;
  }
  return false;
}

export const isPlainPath = (path: string): boolean => path.startsWith('/') && !NOT_PLAIN.test(path) && !path.endsWith('/');
