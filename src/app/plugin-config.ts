// SPDX-License-Identifier: Apache-2.0
import { StartError } from '../sources/source.js';
import type { LoadedConfig } from './config/load.js';

/** A plugin's `init_config`: a map or the text of a JSON object; empty texts are what many a falco.yaml has. @throws StartError */
export function initConfig(name: string, { plugins }: Pick<LoadedConfig, 'plugins'>): object {
  const config = plugins.find((one) => one.name === name)?.init_config ?? {};
  if (typeof config !== 'string') return config;
  if (config.trim() === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(config);
  } catch (error) {
    throw new StartError('PLUGIN_CONFIG', `the init_config of plugin ${name} is not valid JSON: ${(error as Error).message}`, undefined, { cause: error });
  }
  if (typeof value === 'object' && value !== null) return value;
  throw new StartError('PLUGIN_CONFIG', `the init_config of plugin ${name} is not a JSON object`);
}
