// SPDX-License-Identifier: Apache-2.0
/** `tolower` and `toupper`: ASCII letters only. */
import { asciiLower, asciiUpper } from '../text.js';
import { each } from './transformer.js';

export const tolower = each('tolower', ['CHARBUF', 'FSPATH', 'FSRELPATH'], (value) => asciiLower(value as string));
export const toupper = each('toupper', ['CHARBUF', 'FSPATH', 'FSRELPATH'], (value) => asciiUpper(value as string));
