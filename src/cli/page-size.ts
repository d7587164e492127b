// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { print } from './print.js';

/** `--page-size`: for choosing ring buffer sizes. */
export function pageSize(): number {
  return print(`Your system page size is: ${execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' }).trim()} bytes\n`);
}
