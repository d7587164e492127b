// SPDX-License-Identifier: Apache-2.0
/** Keys of the configuration that are understood but have no effect yet: one line each when somebody sets them. */
import type { Config } from './config/schema.js';

type Check = readonly [key: string, used: (config: Config) => boolean, why: string];

const CHECKS: readonly Check[] = [
  ['syscall_event_timeouts', (c) => c.syscall_event_timeouts.max_consecutives !== 1000, 'a quiet machine is not reported'],
  ['plugins_hostinfo', (c) => !c.plugins_hostinfo, 'no plugin runs that it could be kept from'],
  ['webserver.threadiness', (c) => c.webserver.threadiness > 1, 'the server needs one thread'],
  ['engine.modern_ebpf.disable_iterators', (c) => c.engine.modern_ebpf.disable_iterators, 'the start state is read from /proc'],
];

export function unservedKeys(config: Config): string[] {
  return CHECKS.filter(([, used]) => used(config)).map(([key, , why]) => `The configuration key '${key}' has no effect here: ${why}`);
}

/** Plugins that are built in; any other is named and passed over. */
export const BUILT_IN = ['k8saudit', 'json', 'container'] as const;
