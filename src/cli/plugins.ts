// SPDX-License-Identifier: Apache-2.0
/** `--list-plugins` and `--plugin-info`: what stands in for the ecosystem's plugins here. */
import { prepareConfig } from '../app/prepare.js';
import { BUILT_IN_PLUGINS, formatVersion } from '../ruleset/versions.js';
import { DEFAULT_OPEN_PARAMS } from '../sources/k8s-audit/open-params.js';
import { StartError } from '../sources/source.js';
import type { ConfigurableLog } from '../util/log.js';
import type { CliOptions } from './options.js';
import { print } from './print.js';
import { requestOf } from './request.js';

const ABOUT: Readonly<Record<string, { readonly text: string; readonly capabilities: readonly string[]; readonly open?: string }>> = {
  k8saudit: {
    text: 'Kubernetes audit events from a webhook or a file',
    capabilities: ["Event Sourcing (ID=1, source='k8s_audit')", 'Field Extraction'],
    open: DEFAULT_OPEN_PARAMS,
  },
  json: { text: 'Fields of events that are JSON', capabilities: ['Field Extraction'] },
  container: { text: 'Fields of containers and pods', capabilities: ['Field Extraction', 'Event Parsing', 'Async Events'] },
};

function info(name: string): string {
  const about = ABOUT[name];
  const version = BUILT_IN_PLUGINS.get(name);
  return (
    `Name: ${name}\nDescription: ${about.text} (built in)\nContact: the falco-ts project\nVersion: ${version === undefined ? '?' : formatVersion(version)}\nCapabilities: \n` +
    `${about.capabilities.map((one) => `  - ${one}\n`).join('')}${about.open === undefined ? '' : `Suggested open params: ${about.open}\n`}`
  );
}

export function listPlugins(options: CliOptions, log: ConfigurableLog): number {
  const known = prepareConfig(requestOf(options), log).plugins.filter((plugin) => plugin.name in ABOUT);
  return print(`${known.length} Plugins Loaded:\n\n${known.map((plugin) => `${info(plugin.name)}\n`).join('')}`);
}

export function pluginInfo(options: CliOptions, log: ConfigurableLog): number {
  const wanted = options.pluginInfo ?? '';
  const plugin = prepareConfig(requestOf(options), log).plugins.find((one) => one.name === wanted || one.library_path === wanted);
  if (plugin === undefined || !(plugin.name in ABOUT)) {
    throw new StartError('PLUGIN', `can't find plugin and print its info: ${wanted}`, 'name one of the configured plugins that is built in');
  }
  return print(`${info(plugin.name)}Init config schema type: JSON\n`);
}
