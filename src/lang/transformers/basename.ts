// SPDX-License-Identifier: Apache-2.0
/** `basename`: what follows the last slash, which is nothing for `/etc/`. */
import { each } from './transformer.js';

export const basename = each('basename', ['CHARBUF', 'FSPATH', 'FSRELPATH'], (value) => {
  const path = value as string;
  return path.slice(path.lastIndexOf('/') + 1);
});
