// SPDX-License-Identifier: Apache-2.0
import { hostname, machine, release, type as systemName, version as systemVersion } from 'node:os';
import type { LoadedConfig } from '../app/config/load.js';
import { prepare, prepareConfig } from '../app/prepare.js';
import { versions } from '../app/versions.js';
import type { ConfigurableLog } from '../util/log.js';
import { VERSION } from '../util/package.js';
import { secretValues, withoutCredentials } from '../util/redact.js';
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
  return print(`${hidden(JSON.stringify(all), loaded)}\n`);
}

/** Shorter values are no secrets, and taking them out would make the rest unreadable. */
const SHORTEST_SECRET = 6;

/**
 * What is asked for help gets into other hands: variables stand there by name, secrets and what is behind the host of
 * http_output's URL (many a webhook's key) not at all.
 */
function hidden(text: string, { config, expanded }: LoadedConfig): string {
  const url = /^\W*(\w+:\/\/[^/]+\/)./.exec(config.http_output.url);
  const replacements: (readonly [secret: string, instead: string])[] = [
    ...(url === null ? [] : [[config.http_output.url, `${url[1]}***`] as const]),
    ...secretValues(config).map((secret) => [secret, '***'] as const),
    ...[...expanded].map(([value, name]) => [value, `\${${name}}`] as const),
  ];
  let shown = text;
  for (const [secret, instead] of replacements) {
    if (secret.length >= SHORTEST_SECRET) shown = shown.replaceAll(JSON.stringify(secret).slice(1, -1), instead);
  }
  return withoutCredentials(shown);
}
