// SPDX-License-Identifier: Apache-2.0
import { StartError } from '../sources/source.js';

/** Loads the client of an output that few need: nobody else carries it. @throws StartError when it is not installed */
export async function optionalPackage<T>(section: string, name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') {
      throw new StartError('OUTPUT_PACKAGE', `${section}: the package ${name} does not load: ${(error as Error).message}`, undefined, { cause: error });
    }
    throw new StartError('OUTPUT_PACKAGE', `${section} needs the package ${name}, which is not installed`, `npm install ${name}  (with -g where falco-ts is installed so)`, { cause: error });
  }
}
