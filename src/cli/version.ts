// SPDX-License-Identifier: Apache-2.0
import { arch } from 'node:os';
import { prepareConfig } from '../app/prepare.js';
import { SCHEMA_HASH } from '../events/ids.js';
import { BUILT_IN_PLUGINS, ENGINE_VERSION, formatVersion } from '../ruleset/versions.js';
import type { ConfigurableLog } from '../util/log.js';
import { VERSION } from '../util/package.js';
import { EVENT_SCHEMA_VERSION } from './list-events.js';
import type { CliOptions } from './options.js';
import { print } from './print.js';
import { requestOf } from './request.js';

/** What is versioned here, with the peer's names where it has them. */
export function versions(): Readonly<Record<string, unknown>> {
  return {
    falco_version: VERSION,
    engine_version: String(ENGINE_VERSION.minor),
    engine_version_semver: formatVersion(ENGINE_VERSION),
    driver_schema_version: EVENT_SCHEMA_VERSION,
    event_table: SCHEMA_HASH,
    plugin_versions: Object.fromEntries([...BUILT_IN_PLUGINS].map(([name, v]) => [name, formatVersion(v)])),
  };
}

/** `--version`: as JSON when `json_output` is true. */
export function version(options: CliOptions, log: ConfigurableLog): number {
  const { config } = prepareConfig(requestOf(options), log);
  if (config.json_output) return print(`${JSON.stringify(versions())}\n`);
  return print(
    `Falco version: ${VERSION} (falco-ts, ${arch()})\n` +
      `Engine:        ${formatVersion(ENGINE_VERSION)}\n` +
      `Driver:\n  Schema version: ${EVENT_SCHEMA_VERSION}\n  Event table:    ${SCHEMA_HASH}\n  Default driver: modern_ebpf\n` +
      `Node:          ${process.versions.node}\n`,
  );
}
