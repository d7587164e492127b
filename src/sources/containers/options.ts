// SPDX-License-Identifier: Apache-2.0
/** The container plugin's `init_config`, with its names and defaults. */
import { StartError } from '../source.js';
import { HOOKS, type Hook } from './engine.js';

/** Runtimes that are asked over sockets. */
export const ENGINE_NAMES = ['docker', 'podman', 'cri', 'containerd'] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

export interface EngineConfig {
  readonly enabled: boolean;
  /** Paths without HOST_ROOT; empty: the default ones. */
  readonly sockets: readonly string[];
}

export interface ContainerConfig {
  readonly labelMaxLen: number;
  readonly hooks: readonly Hook[];
  readonly engines: Readonly<Record<EngineName, EngineConfig>>;
}

const LABEL_MAX_LEN = 100;
/** Known, and without effect here: why, where somebody sets them to other than their default. */
const UNSERVED: Readonly<Record<string, readonly [usual: unknown, why: string]>> = {
  with_size: [false, 'no field shows the size of a container'],
  log_level: [undefined, 'the level of the whole log counts'],
};
const CGROUP_ENGINES: ReadonlySet<string> = new Set(['lxc', 'libvirt_lxc', 'bpm']);

/** @throws StartError that names every key whose value makes no sense; unknown keys are only warned of, as the plugin ignores them */
export function readContainerConfig(config: object, warn: (message: string) => void): ContainerConfig {
  const wrong: string[] = [];
  const say = (key: string, why: string) => warn(`container: init_config: '${key}' has no effect here: ${why}`);
  const must = (key: string, wanted: string, value: unknown) => wrong.push(`${key} must be ${wanted}, not ${JSON.stringify(value)}`);
  const { label_max_len: labelMaxLen = LABEL_MAX_LEN, hooks = HOOKS, engines = {}, ...others } = config as Record<string, unknown>;
  if (!isSize(labelMaxLen)) must('label_max_len', 'an integer', labelMaxLen);
  if (!isTexts(hooks) || hooks.some((hook) => !(HOOKS as readonly string[]).includes(hook))) must('hooks', `a list of ${HOOKS.join(' and ')}`, hooks);
  for (const [key, value] of Object.entries(others)) {
    const unserved = Object.hasOwn(UNSERVED, key) ? UNSERVED[key] : undefined;
    if (unserved === undefined) say(key, 'there is no such option');
    else if (value !== unserved[0]) say(key, unserved[1]);
  }
  const chosen: Record<EngineName, EngineConfig> = { docker: ENABLED, podman: ENABLED, cri: ENABLED, containerd: ENABLED };
  if (!isMap(engines)) must('engines', 'a mapping', engines);
  else {
    for (const [name, value] of Object.entries(engines)) {
      const key = `engines.${name}`;
      const { enabled = true, sockets = [] } = isMap(value) ? value : {};
      if (!isMap(value)) must(key, 'a mapping', value);
      else if (typeof enabled !== 'boolean') must(`${key}.enabled`, 'true or false', enabled);
      else if (!isTexts(sockets)) must(`${key}.sockets`, 'a list of paths', sockets);
      else if (isEngine(name)) chosen[name] = { enabled, sockets };
      else if (CGROUP_ENGINES.has(name)) {
        if (!enabled) say(key, 'these containers are told by their cgroups alone');
      } else say(key, name === 'static' ? 'containers are told apart' : 'there is no such engine');
    }
  }
  if (wrong.length > 0) throw new StartError('CONTAINER_CONFIG', `container: init_config: ${wrong.join('; ')}`, 'Correct them in the configuration file.');
  return { labelMaxLen: labelMaxLen as number, hooks: hooks as readonly Hook[], engines: chosen };
}

const ENABLED: EngineConfig = { enabled: true, sockets: [] };

function isEngine(name: string): name is EngineName {
  return (ENGINE_NAMES as readonly string[]).includes(name);
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

function isSize(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0;
}
