// SPDX-License-Identifier: Apache-2.0
/** All transformers. To add one: a file here, a line below, and its name in `lang/ast.ts` so that it parses. */
import type { TransformerName } from '../ast.js';
import { b64 } from './b64.js';
import { basename } from './basename.js';
import { tolower, toupper } from './case.js';
import { concat } from './concat.js';
import { getopt } from './getopt.js';
import { join } from './join.js';
import { len } from './len.js';
import type { Transformer } from './transformer.js';

export const TRANSFORMERS: Readonly<Record<TransformerName, Transformer>> = {
  tolower, toupper, b64, basename, len, join, concat, getopt,
};
