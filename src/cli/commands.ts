// SPDX-License-Identifier: Apache-2.0
/** Which command the options ask for: the first that fits, in the peer's order. */
import { execFileSync } from 'node:child_process';
import { ConfigSchema } from '../app/config/schema.js';
import { RULE_SCHEMA } from '../ruleset/schema.js';
import type { ConfigurableLog } from '../util/log.js';
import { ignoredSyscalls, listEvents } from './list-events.js';
import { list } from './list.js';
import type { CliOptions } from './options.js';
import { listPlugins, pluginInfo } from './plugins.js';
import { print } from './print.js';
import { run } from './run.js';
import { support } from './support.js';
import { describe, validate } from './validate.js';
import { version } from './version.js';

export type Command = (options: CliOptions, log: ConfigurableLog) => Promise<number> | number;

const COMMANDS: readonly (readonly [wanted: (options: CliOptions) => boolean, command: Command])[] = [
  [(o) => o.configSchema, () => print(`${JSON.stringify(ConfigSchema, null, 2)}\n`)],
  [(o) => o.ruleSchema, () => print(`${JSON.stringify(RULE_SCHEMA, null, 2)}\n`)],
  [(o) => o.ignoredEvents, () => print(`Ignored syscall(s):\n${ignoredSyscalls().map((name) => `- ${name}\n`).join('')}\n`)],
  [(o) => o.listEvents, (o) => print(listEvents(o.format))],
  [(o) => o.version, version],
  [(o) => o.pageSize, () => print(`Your system page size is: ${execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' }).trim()} bytes\n`)],
  [(o) => o.pluginInfo !== null, pluginInfo],
  [(o) => o.listPlugins, listPlugins],
  [(o) => o.list !== null, list],
  [(o) => o.validate.length > 0, validate],
  [(o) => o.describeAll || o.describe !== null, describe],
  [(o) => o.support, support],
];

export function command(options: CliOptions): Command {
  return COMMANDS.find(([wanted]) => wanted(options))?.[1] ?? run;
}
