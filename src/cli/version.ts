// SPDX-License-Identifier: Apache-2.0
import { prepareConfig } from '../app/prepare.js';
import { versions } from '../app/versions.js';
import type { ConfigurableLog } from '../util/log.js';
import type { CliOptions } from './options.js';
import { print } from './print.js';
import { requestOf } from './request.js';

/** `--version`: as JSON when `json_output` is true. */
export function version(options: CliOptions, log: ConfigurableLog): number {
  const { config, plugins } = prepareConfig(requestOf(options), log);
  const all = versions(plugins);
  if (config.json_output) return print(`${JSON.stringify(all)}\n`);
  return print(
    `Falco version: ${all.falco_version}\nLibs version:  ${all.libs_version}\nPlugin API:    ${all.plugin_api_version}\nEngine:        ${all.engine_version_semver}\n` +
      `Driver:\n  API version:    ${all.driver_api_version}\n  Schema version: ${all.driver_schema_version}\n  Default driver: ${all.default_driver_version}\n` +
      `Program:       falco-ts (${process.arch}, Node ${process.versions.node}, event table ${all.event_table})\n`,
  );
}
