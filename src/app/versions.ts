// SPDX-License-Identifier: Apache-2.0
/** What is versioned here, under Falco's names: `--version`, `--support` and `/versions`. */
import { SCHEMA_HASH } from '../events/ids.js';
import { BUILT_IN_PLUGINS, ENGINE_VERSION, formatVersion } from '../ruleset/versions.js';
import { VERSION } from '../util/package.js';
import type { Config } from './config/schema.js';

/** Of the event table that the ecosystem's names and numbers were taken from. */
export const EVENT_SCHEMA_VERSION = '4.3.0';
/** What the probe and the plugins that are built in do is what these versions of the ecosystem's interfaces say. */
const DRIVER_API_VERSION = '9.1.0';
const PLUGIN_API_VERSION = '3.12.0';

export interface Versions {
  readonly falco_version: string;
  readonly falco_ts_version: string;
  readonly libs_version: string;
  readonly plugin_api_version: string;
  readonly driver_api_version: string;
  readonly driver_schema_version: string;
  readonly default_driver_version: string;
  readonly engine_version: string;
  readonly engine_version_semver: string;
  readonly event_table: string;
  readonly plugin_versions: Readonly<Record<string, string>>;
}

/** Probe, state and program are one package and have one version. */
export function versions(plugins: Config['plugins']): Versions {
  const loaded = plugins.flatMap(({ name }) => {
    const version = BUILT_IN_PLUGINS.get(name);
    return version === undefined ? [] : [[name, formatVersion(version)] as const];
  });
  return {
    falco_version: VERSION,
    falco_ts_version: VERSION,
    libs_version: VERSION,
    plugin_api_version: PLUGIN_API_VERSION,
    driver_api_version: DRIVER_API_VERSION,
    driver_schema_version: EVENT_SCHEMA_VERSION,
    default_driver_version: VERSION,
    engine_version: String(ENGINE_VERSION.minor),
    engine_version_semver: formatVersion(ENGINE_VERSION),
    event_table: SCHEMA_HASH,
    plugin_versions: Object.fromEntries(loaded),
  };
}
