// SPDX-License-Identifier: Apache-2.0
import { StartError } from '../sources/source.js';

export interface SourceSelection {
  readonly enable: readonly string[];
  readonly disable: readonly string[];
}

/** @throws StartError when the selection names what is not there, or leaves nothing */
export function selectSources(loaded: readonly string[], { enable, disable }: SourceSelection): readonly string[] {
  if (enable.length > 0 && disable.length > 0) {
    throw new StartError('SOURCES', 'You can not mix --enable-source and --disable-source');
  }
  for (const [names, what] of [[enable, 'enabling'], [disable, 'disabling']] as const) {
    const unknown = names.find((name) => !loaded.includes(name));
    if (unknown !== undefined) {
      throw new StartError('SOURCES', `Attempted ${what} an unknown event source: ${unknown}`, `the loaded sources are ${loaded.join(', ')}`);
    }
  }
  const enabled = loaded.filter((name) => (enable.length > 0 ? enable.includes(name) : !disable.includes(name)));
  if (enabled.length === 0) throw new StartError('SOURCES', 'Must enable at least one event source');
  return enabled;
}
