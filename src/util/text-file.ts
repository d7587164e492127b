// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { decodeBytes } from './byte-text.js';

/** The text of a file that somebody has written, without the byte order mark that some editors put in front. @throws what the file system says */
export function readTextFile(path: string): string {
  return decodeBytes(readFileSync(path)).replace(/^\ufeff/, '');
}
