// SPDX-License-Identifier: Apache-2.0
/** Keys of the configuration that are understood but have no effect here: one line each when somebody sets them. */
import type { LoadedConfig } from './config/load.js';
import type { Config } from './config/schema.js';
import { measuresPrograms } from './falco-metrics.js';

type Check = readonly [key: string, used: (config: Config) => boolean, why: string];

const CHECKS: readonly Check[] = [
  ['plugins_hostinfo', (c) => !c.plugins_hostinfo, 'no plugin runs that it could be kept from'],
  ['libs_logger.severity', (c) => c.libs_logger.enabled && c.libs_logger.severity !== 'info', 'what a library would say is part of the one log: see log_level'],
  ['webserver.threadiness', (c) => c.webserver.threadiness > 1, 'the server needs one thread'],
  ['engine.modern_ebpf.disable_iterators', (c) => c.engine.modern_ebpf.disable_iterators, 'the start state is read from /proc'],
];

/** True by default, so that only who writes them asks for them. */
const METRICS: readonly (readonly [key: keyof Config['metrics'], here: (config: Config) => boolean, why: string])[] = [
  ['kernel_iter_event_counters_enabled', () => true, 'has no effect here: the start state is read from /proc, not by BPF iterators'],
  ['jemalloc_stats_enabled', () => true, 'has no effect here: memory is managed by V8 and the C library, not by jemalloc'],
  ['libbpf_stats_enabled', (c) => isLive(c) && !measuresPrograms(), 'shows nothing until the kernel measures BPF programs: sysctl kernel.bpf_stats_enabled=1'],
];

export function unservedKeys({ config, isSet }: Pick<LoadedConfig, 'config' | 'isSet'>): string[] {
  const lines = CHECKS.filter(([, used]) => used(config)).map(([key, , why]) => `The configuration key '${key}' has no effect here: ${why}`);
  for (const [key, here, why] of METRICS) {
    if (config.metrics.enabled && config.metrics[key] === true && isSet(`/metrics/${key}`) && here(config)) lines.push(`The configuration key 'metrics.${key}' ${why}`);
  }
  return lines;
}

const isLive = ({ engine }: Config): boolean => engine.kind === 'modern_ebpf' || engine.kind === 'kmod';

/** Plugins that are built in; any other is named and passed over. */
export const BUILT_IN = ['k8saudit', 'json', 'container'] as const;

/** What a reload cannot do of the difference between two configurations, each as the subject of a sentence. */
export function needRestart(before: LoadedConfig, after: LoadedConfig): string[] {
  const found: string[] = [];
  for (const key of ['engine', 'falco_libs'] as const) {
    if (JSON.stringify(before.config[key]) !== JSON.stringify(after.config[key])) found.push(`'${key}'`);
  }
  const names = [...new Set([...before.plugins, ...after.plugins].map(({ name }) => name))];
  for (const name of names) {
    const [was, is] = [before, after].map(({ plugins }) => plugins.find((one) => one.name === name));
    // Its listener is opened anew; whether there is one at all is settled at the start.
    const applied = name === 'json' || (name === 'k8saudit' && was !== undefined && is !== undefined);
    if (!applied && JSON.stringify(was) !== JSON.stringify(is)) found.push(`the plugin '${name}'`);
  }
  return found;
}
