// SPDX-License-Identifier: Apache-2.0
/** Where this program is installed, and which version it is. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The package's root, without a slash at the end: what holds `package.json` and `rules/`. */
export const PACKAGE_ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

const manifest = JSON.parse(readFileSync(`${PACKAGE_ROOT}/package.json`, 'utf8')) as { readonly version: string };

export const VERSION = manifest.version;
