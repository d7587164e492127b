// SPDX-License-Identifier: Apache-2.0
import { prepareConfig } from '../app/prepare.js';
import { cataloguesOf, createMachine, loadedSources } from '../app/machine.js';
import { StartError } from '../sources/source.js';
import type { ConfigurableLog } from '../util/log.js';
import { listFields } from './list-fields.js';
import type { CliOptions } from './options.js';
import { print } from './print.js';
import { requestOf } from './request.js';

/** `--list[=source]`. */
export function list(options: CliOptions, log: ConfigurableLog): number {
  const loaded = prepareConfig(requestOf(options), log);
  const sources = loadedSources(loaded.plugins);
  const wanted = options.list ?? '';
  if (wanted !== '' && !sources.includes(wanted)) {
    throw new StartError('SOURCES', 'Value for --list must be a valid source type', `the loaded sources are ${sources.join(', ')}`);
  }
  const catalogues = cataloguesOf(wanted === '' ? sources : [wanted], createMachine(loaded.config).context, loaded);
  return print(listFields(catalogues, { format: options.format, namesOnly: options.namesOnly, verbose: options.verbose }));
}
