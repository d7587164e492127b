// SPDX-License-Identifier: Apache-2.0
/** Keys of the configuration that are understood but have no effect yet: one line each when somebody sets them. */
import type { LoadedConfig } from './config/load.js';
import type { Config } from './config/schema.js';

type Check = readonly [key: string, used: (config: Config) => boolean, why: string];

const CHECKS: readonly Check[] = [
  ['plugins_hostinfo', (c) => !c.plugins_hostinfo, 'no plugin runs that it could be kept from'],
  ['libs_logger.severity', (c) => c.libs_logger.enabled && c.libs_logger.severity !== 'info', 'what a library would say is part of the one log: see log_level'],
  ['webserver.threadiness', (c) => c.webserver.threadiness > 1, 'the server needs one thread'],
  ['engine.modern_ebpf.disable_iterators', (c) => c.engine.modern_ebpf.disable_iterators, 'the start state is read from /proc'],
];

/** True by default, so that only who writes them asks for them. */
const METRICS = ['kernel_event_counters_per_cpu', 'libbpf_stats', 'plugins_metrics', 'kernel_iter_event_counters', 'jemalloc_stats'] as const;

export function unservedKeys({ config, isSet }: Pick<LoadedConfig, 'config' | 'isSet'>): string[] {
  const lines = CHECKS.filter(([, used]) => used(config)).map(([key, , why]) => `The configuration key '${key}' has no effect here: ${why}`);
  const metrics = METRICS.filter((name) => config.metrics.enabled && config.metrics[`${name}_enabled`] && isSet(`/metrics/${name}_enabled`));
  if (metrics.length > 0) lines.push(`The configuration keys ${metrics.map((name) => `'metrics.${name}_enabled'`).join(', ')} have no effect here: there are no such counters`);
  return lines;
}

/** Plugins that are built in; any other is named and passed over. */
export const BUILT_IN = ['k8saudit', 'json', 'container'] as const;
