// SPDX-License-Identifier: Apache-2.0
/** Which command the options ask for: the first that fits, in Falco's order. Each loads only what it needs. */
import type { ConfigurableLog } from '../util/log.js';
import type { CliOptions } from './options.js';

export type Command = (options: CliOptions, log: ConfigurableLog) => Promise<number> | number;

const COMMANDS: readonly (readonly [wanted: (options: CliOptions) => boolean, load: () => Promise<Command>])[] = [
  [(o) => o.configSchema, async () => (await import('./schemas.js')).configSchema],
  [(o) => o.ruleSchema, async () => (await import('./schemas.js')).ruleSchema],
  [(o) => o.ignoredEvents, async () => (await import('./list-events.js')).printIgnored],
  [(o) => o.listEvents, async () => (await import('./list-events.js')).printEvents],
  [(o) => o.version, async () => (await import('./version.js')).version],
  [(o) => o.pageSize, async () => (await import('./page-size.js')).pageSize],
  [(o) => o.pluginInfo !== null, async () => (await import('./plugins.js')).pluginInfo],
  [(o) => o.listPlugins, async () => (await import('./plugins.js')).listPlugins],
  [(o) => o.list !== null, async () => (await import('./list.js')).list],
  [(o) => o.validate.length > 0, async () => (await import('./validate.js')).validate],
  [(o) => o.describeAll || o.describe !== null, async () => (await import('./validate.js')).describe],
  [(o) => o.support, async () => (await import('./support.js')).support],
];

export async function commandFor(options: CliOptions): Promise<Command> {
  const found = COMMANDS.find(([wanted]) => wanted(options));
  return found === undefined ? (await import('./run.js')).run : found[1]();
}
