// SPDX-License-Identifier: Apache-2.0
import { hostname, machine, release, type as systemName, version as systemVersion } from 'node:os';
import { prepare, prepareConfig } from '../app/prepare.js';
import { versions } from '../app/versions.js';
import type { ConfigurableLog } from '../util/log.js';
import { VERSION } from '../util/package.js';
import type { CliOptions } from './options.js';
import { print } from './print.js';
import { requestOf } from './request.js';

/** `--support`: all that somebody needs who is asked for help, as JSON. */
export function support(options: CliOptions, log: ConfigurableLog): number {
  const request = requestOf(options);
  const loaded = prepareConfig(request, log);
  const { rulesFiles } = prepare(request, loaded, log.log);
  const all = {
    version: VERSION,
    engine_info: versions(loaded.plugins),
    system_info: { sysname: systemName(), nodename: hostname(), release: release(), version: systemVersion(), machine: machine() },
    cmdline: process.argv.join(' '),
    config: loaded.config,
    rules_files: rulesFiles.map(({ name, text }) => ({ name, variants: [{ content: text }] })),
  };
  return print(`${JSON.stringify(all)}\n`);
}
