// SPDX-License-Identifier: Apache-2.0
/** What is known of the machine besides its events, shared by the state and by all fields. One for the whole run. */
import { hostname as osHostname } from 'node:os';
import type { AnyCatalogue } from '../engine/engine.js';
import { AUDIT_SOURCE, auditCatalogue } from '../fields/audit-catalogue.js';
import { SYSCALL_SOURCE, syscallCatalogue } from '../fields/catalogues.js';
import type { FieldContext, RunClock } from '../fields/context.js';
import { withStaticFields } from '../fields/static.js';
import type { MachineInfo } from '../sources/scap-format.js';
import { ContainerTable } from '../state/containers.js';
import { DnsNames } from '../state/dns-names.js';
import { State } from '../state/state.js';
import { UserTable } from '../state/users.js';
import type { LoadedConfig } from './config/load.js';
import type { Config } from './config/schema.js';

/** Where system calls come from: this machine as it runs, or a capture and what it says of the machine that it was made on. */
export interface Origin {
  live: boolean;
  machine: MachineInfo | null;
}

/** What a reload may change. */
export interface MachineSettings {
  /** `buffer_format_base64`. */
  base64: boolean;
}

export interface Machine {
  /** `FALCO_HOSTNAME`, or the machine's name. */
  readonly hostname: string;
  readonly clock: RunClock;
  readonly origin: Origin;
  readonly state: State;
  readonly users: UserTable;
  readonly context: FieldContext;
  readonly settings: MachineSettings;
}

export function createMachine(config: Config): Machine {
  const hostname = process.env.FALCO_HOSTNAME || osHostname();
  const clock: RunClock = { firstEvent: 0n };
  const users = new UserTable();
  const containers = new ContainerTable();
  const live = config.engine.kind !== 'replay';
  const state = new State({
    ...(config.falco_libs.thread_table_size > 0 && { threadTableSize: config.falco_libs.thread_table_size }),
    users,
    containers,
    hostRoot: process.env.HOST_ROOT ?? '',
    wantUnknown: live,
  });
  const settings = { base64: config.buffer_format_base64 };
  const context: FieldContext = {
    hostname,
    clock,
    threads: state.threads,
    users,
    containers,
    interfaces: state.interfaces,
    dnsNames: new DnsNames(),
    get base64() {
      return settings.base64;
    },
  };
  return { hostname, clock, origin: { live, machine: null }, state, users, context, settings };
}

/** The sources that rules can be written for: system calls always, audit events when their plugin is loaded. */
export function loadedSources(plugins: Config['plugins']): readonly string[] {
  return [SYSCALL_SOURCE, ...(plugins.some((plugin) => plugin.name === 'k8saudit') ? [AUDIT_SOURCE] : [])];
}

export function cataloguesOf(sources: readonly string[], context: FieldContext, { config, plugins }: Pick<LoadedConfig, 'config' | 'plugins'>): readonly AnyCatalogue[] {
  const json = plugins.some(({ name }) => name === 'json');
  return sources.map((source) => {
    const catalogue: AnyCatalogue = source === SYSCALL_SOURCE ? syscallCatalogue(context, { json }) : auditCatalogue(context);
    return withStaticFields(catalogue, config.static_fields);
  });
}
